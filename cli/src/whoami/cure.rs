//! What to do about a token that is refused, in the words of docs/operating.md.

use temporal_auth::token::{SubjectFault, TokenRefusal};

/// What to do. `None` if the reason says it, or if nothing can be said.
pub(super) fn cure(why: &TokenRefusal) -> Option<&'static str> {
    use TokenRefusal as Why;
    Some(match why {
        Why::Opaque => "ask the provider for a JWT: often, by asking for an audience or a scope of your own",
        Why::Encrypted => {
            "switch encryption off at the provider: only the holder of the private key can read such a token"
        }
        Why::UnsupportedAlgorithm(_) => "choose another algorithm at the provider",
        Why::AlgorithmNotAllowed(_) => "list it in the issuer's `algorithms`",
        Why::MissingKid => "`keys: {kid: optional}`",
        Why::UnknownIssuer(_) | Why::WrongIssuer => {
            "`issuer` must be this very text, with or without the slash at the end"
        }
        Why::MissingIssuer => "`issuer: none`",
        Why::WrongHeader(_) => {
            "name the header in the issuer's `token.headers`, or let the proxy in front move the token"
        }
        Why::WrongAudience(_) => {
            "add it to `audiences` if it means Temporal; otherwise ask the provider for a token with your audience"
        }
        Why::MissingAudience => "ask for a token with an audience; if the provider has none, require its clients",
        Why::MicrosoftGraph => "ask for a scope of your own application: only Graph can verify this token",
        Why::RequiredClaim(..) => "the token is of another sort, such as an ID token",
        Why::Subject(_, SubjectFault::Unverified) | Why::UnverifiedClaim(_) => {
            "`email: trusted`, if the provider never says that addresses are verified"
        }
        Why::Subject(..) => "name the claim that has the caller in `subject`",
        Why::Expired => "the client must renew its token",
        Why::NotYetValid | Why::IssuedInFuture => "clocks differ by more than `token.leeway`",
        Why::UnknownKey(_) | Why::WrongSignature => "another issuer's token, or a key that was replaced",
        Why::SeveralTokens
        | Why::NotBearer
        | Why::TooLong
        | Why::InvalidCharacters
        | Why::NotBase64Url(_)
        | Why::InvalidJson(..)
        | Why::CriticalExtensions
        | Why::MissingMember(_)
        | Why::MemberNotText(_)
        | Why::WrongType(_)
        | Why::NotADate(_)
        | Why::MissingExpiry
        | Why::MissingIssuedAt
        | Why::LifetimeTooLong
        | Why::KeyForOtherAlgorithm(_)
        | Why::UnusableKey(_)
        | Why::TooManyKeys(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cures of the page, without links.
    fn cures_of_page() -> Vec<String> {
        let page = include_str!("../../../docs/operating.md");
        let section = page.split("### Why a token is refused").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).skip(1);
        rows.map(|row| without_links(row.trim_end_matches(" |").rsplit(" | ").next().unwrap())).collect()
    }

    fn without_links(text: &str) -> String {
        let mut pieces = text.split('[');
        let mut plain = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once("](").unwrap();
            plain.push_str(name);
            plain.push_str(rest.split_once(')').unwrap().1);
        }
        plain
    }

    #[test]
    fn cures_are_those_of_the_page() {
        let page = cures_of_page();
        assert!(page.len() > 15, "{page:#?}");
        let text = || "x".into();
        for why in [
            TokenRefusal::Opaque,
            TokenRefusal::Encrypted,
            TokenRefusal::UnsupportedAlgorithm(text()),
            TokenRefusal::AlgorithmNotAllowed(temporal_auth::crypto::Algorithm::Rs256),
            TokenRefusal::MissingKid,
            TokenRefusal::UnknownIssuer(text()),
            TokenRefusal::MissingIssuer,
            TokenRefusal::WrongHeader(text()),
            TokenRefusal::WrongAudience(text()),
            TokenRefusal::MissingAudience,
            TokenRefusal::MicrosoftGraph,
            TokenRefusal::RequiredClaim(text(), None),
            TokenRefusal::Subject(text(), SubjectFault::Unverified),
            TokenRefusal::Subject(text(), SubjectFault::Missing),
            TokenRefusal::Expired,
            TokenRefusal::NotYetValid,
            TokenRefusal::WrongSignature,
        ] {
            let cure = cure(&why).unwrap();
            assert!(page.iter().any(|known| known == cure), "{why}: {cure}\n{page:#?}");
        }
    }
}
