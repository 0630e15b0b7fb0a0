//! The registered claims (RFC 7519 §4.1) against an issuer's rules.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{ClaimName, ClaimRules, ClaimSet, Claims};
use crate::crypto::Algorithm;
use crate::time::Timestamp;
use crate::token::jose::{KidRule, ParsedToken};
use crate::token::{SubjectFault, TokenRefusal};

/// The last second of the year 9999. A token with a later expiry is a mistake, or never expires.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// What an issuer's tokens must look like.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// Must equal `iss`. `None` if the tokens must not have an `iss`.
    pub issuer: Option<String>,
    /// `aud` must have one of these; `None` accepts every audience.
    pub audiences: Option<Vec<String>>,
    pub algorithms: Vec<Algorithm>,
    pub kid: KidRule,
    /// Headers that may carry its tokens, in lower case.
    pub headers: Vec<String>,
    /// The allowed values of the header's `typ`, normalized by [`plain_typ`]. `None` allows JWT, at+jwt and a missing `typ`.
    pub typ: Option<Vec<String>>,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// How long a token may be valid from `iat` on.
    pub max_lifetime: Option<Duration>,
    /// Claims that a token must have.
    pub require: ClaimSet,
    /// The claims that may say who the caller is: the first that the token has counts. Empty if the tokens do not say it.
    pub subject: Vec<ClaimName>,
    pub claims: Rc<ClaimRules>,
}

/// The part of the claims that is kept after the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatedClaims {
    /// Who the caller is. Empty if the issuer's tokens do not say it.
    pub subject: String,
    /// When the token is no longer accepted, including the leeway.
    pub until: Timestamp,
}

impl TokenRules {
    /// Checks everything except the signature.
    ///
    /// # Errors
    /// The token is not acceptable, whoever signed it.
    pub fn check(
        &self,
        token: &ParsedToken<'_>,
        header: &str,
        now: Timestamp,
    ) -> Result<ValidatedClaims, TokenRefusal> {
        let claims = &token.claims;
        if !self.headers.iter().any(|name| name == header) {
            return Err(TokenRefusal::WrongHeader(header.into()));
        }
        if !self.algorithms.contains(&token.algorithm) {
            return Err(TokenRefusal::AlgorithmNotAllowed(token.algorithm));
        }
        if self.kid == KidRule::Required && token.kid.is_none() {
            return Err(TokenRefusal::MissingKid);
        }
        self.check_typ(token.typ.as_deref())?;
        if !self.is_issuer_of(claims) {
            return Err(TokenRefusal::WrongIssuer);
        }
        self.check_audience(claims.get("aud"))?;
        let until = self.check_times(claims, now)?;
        let claims = Claims::new(claims, &self.claims);
        if let Some((name, _)) = self.require.first_mismatch(claims) {
            let found = name.find_all(claims.members).first().copied();
            return Err(if found.is_some() && !name.counts_for_grants(claims) {
                TokenRefusal::UnverifiedClaim(name.to_string().into())
            } else {
                TokenRefusal::required_claim(&name.to_string(), found)
            });
        }
        Ok(ValidatedClaims { subject: self.subject_of(claims)?, until })
    }

    /// Whether these are claims of a token of this issuer.
    pub fn is_issuer_of(&self, claims: &Map<String, Value>) -> bool {
        match (&self.issuer, claims.get("iss")) {
            (Some(issuer), Some(Value::String(iss))) => issuer == iss,
            (None, None) => true,
            _ => false,
        }
    }

    /// Who the caller is: the first of the subject's claims that says something.
    fn subject_of(&self, claims: Claims<'_>) -> Result<String, TokenRefusal> {
        for name in &self.subject {
            let refused = |why| Err(TokenRefusal::Subject(name.to_string().into(), why));
            match name.find(claims.members) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.is_empty() => {}
                Some(Value::String(_)) if !name.counts_for_grants(claims) => return refused(SubjectFault::Unverified),
                Some(Value::String(text)) => return Ok(text.clone()),
                // A string (RFC 7519 §4.1.2), but some issuers number their users.
                Some(Value::Number(number)) if !number.is_f64() => return Ok(number.to_string()),
                Some(Value::Number(_)) => return refused(SubjectFault::Fraction),
                Some(Value::Bool(_)) => return refused(SubjectFault::Boolean),
                Some(Value::Array(values)) if values.is_empty() => {}
                Some(Value::Array(_)) => return refused(SubjectFault::List),
                Some(Value::Object(_)) => return refused(SubjectFault::Object),
            }
        }
        match self.subject.as_slice() {
            [] => Ok(String::new()),
            [name, ..] => Err(TokenRefusal::Subject(name.to_string().into(), SubjectFault::Missing)),
        }
    }

    /// RFC 8725 §3.11, RFC 9068 §4: media types are compared without case and without `application/`.
    fn check_typ(&self, typ: Option<&str>) -> Result<(), TokenRefusal> {
        let plain = typ.map(plain_typ);
        let allowed = match (&self.typ, plain.as_deref()) {
            (None, typ) => matches!(typ, None | Some("jwt" | "at+jwt")),
            (Some(allowed), Some(typ)) => allowed.iter().any(|allowed| allowed == typ),
            (Some(_), None) => false,
        };
        if allowed { Ok(()) } else { Err(TokenRefusal::wrong_type(typ)) }
    }

    fn check_audience(&self, aud: Option<&Value>) -> Result<(), TokenRefusal> {
        let Some(audiences) = &self.audiences else { return Ok(()) };
        let ours = |value: &Value| value.as_str().is_some_and(|aud| audiences.iter().any(|ours| ours == aud));
        let matches = match aud {
            Some(Value::Array(values)) => values.iter().all(Value::is_string) && values.iter().any(ours),
            Some(value) => ours(value),
            None => return Err(TokenRefusal::MissingAudience),
        };
        if matches { Ok(()) } else { Err(TokenRefusal::wrong_audience(aud)) }
    }

    /// Checks `exp`, `nbf`, `iat` and the lifetime, and returns when the token ends.
    fn check_times(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, TokenRefusal> {
        let expires = time(claims, "exp")?.ok_or(TokenRefusal::MissingExpiry)?;
        let until = expires.saturating_add(self.leeway);
        if now >= until {
            return Err(TokenRefusal::Expired);
        }
        let latest = now.saturating_add(self.leeway);
        if time(claims, "nbf")?.is_some_and(|begins| begins > latest) {
            return Err(TokenRefusal::NotYetValid);
        }
        let issued = time(claims, "iat")?;
        if issued.is_some_and(|issued| issued > latest) {
            return Err(TokenRefusal::IssuedInFuture);
        }
        if let Some(max) = self.max_lifetime {
            let issued = issued.ok_or(TokenRefusal::MissingIssuedAt)?;
            if expires.saturating_since(issued) > max {
                return Err(TokenRefusal::LifetimeTooLong);
            }
        }
        Ok(until)
    }
}

/// A media type without case and without `application/` (RFC 7515 §4.1.9).
#[must_use]
pub fn plain_typ(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    lower.strip_prefix("application/").map_or_else(|| lower.clone(), str::to_owned)
}

/// A NumericDate (RFC 7519 §2); fractions are valid.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_f64() {
        Some(seconds) if (0.0..=LAST_SECOND).contains(&seconds) => {
            Ok(Some(Timestamp::from_millis((seconds * 1000.0) as u64)))
        }
        _ => Err(TokenRefusal::NotADate(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: u64 = 1_800_000_000_000;

    fn rules() -> TokenRules {
        TokenRules {
            issuer: Some("https://idp/".into()),
            audiences: Some(vec!["temporal".into(), "other".into()]),
            algorithms: vec![Algorithm::Es256],
            kid: KidRule::Required,
            headers: vec!["authorization".into()],
            typ: None,
            leeway: Duration::from_secs(60),
            max_lifetime: None,
            require: ClaimSet::default(),
            subject: vec![ClaimName::new("sub")],
            claims: Rc::default(),
        }
    }

    fn check_with(rules: &TokenRules, typ: Option<&str>, change: Value) -> Result<ValidatedClaims, TokenRefusal> {
        let mut claims = json!({"iss": "https://idp/", "aud": "temporal", "sub": "alice", "exp": NOW / 1000 + 3600});
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let token = ParsedToken {
            algorithm: Algorithm::Es256,
            kid: Some("k".into()),
            typ: typ.map(str::to_owned),
            claims: claims.as_object().unwrap().clone(),
            signed: &[],
            signature: vec![],
        };
        rules.check(&token, "authorization", Timestamp::from_millis(NOW))
    }

    fn check(change: Value) -> Result<ValidatedClaims, TokenRefusal> {
        check_with(&rules(), Some("JWT"), change)
    }

    #[test]
    fn a_good_token_yields_its_subject_and_end() {
        let accepted = check(json!({})).unwrap();
        assert_eq!(
            accepted,
            ValidatedClaims { subject: "alice".into(), until: Timestamp::from_millis(NOW + 3_600_000 + 60_000) }
        );
    }

    #[test]
    fn times_are_checked_with_leeway() {
        let seconds = NOW / 1000;
        for good in [
            json!({"exp": seconds - 59}),
            json!({"exp": seconds as f64 + 0.5}),
            json!({"nbf": seconds + 60, "iat": seconds + 60}),
        ] {
            assert!(check(good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!({"exp": null}),
            json!({"exp": seconds - 60}),
            json!({"exp": 0}),
            json!({"exp": -1}),
            json!({"exp": "2030"}),
            json!({"exp": true}),
            json!({"exp": 1e300}),
            json!({"nbf": seconds + 61}),
            json!({"nbf": "x"}),
            json!({"iat": seconds + 61}),
            json!({"iat": {}}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limited_lifetime_requires_iat() {
        let limited = TokenRules { max_lifetime: Some(Duration::from_secs(7200)), ..rules() };
        let seconds = NOW / 1000;
        assert!(check_with(&limited, None, json!({"iat": seconds})).is_ok());
        assert!(check_with(&limited, None, json!({"iat": seconds - 3601})).is_err());
        assert!(check_with(&limited, None, json!({})).is_err());
    }

    #[test]
    fn issuer_audience_and_subject_are_checked() {
        for good in [json!({"aud": ["x", "other"]}), json!({"sub": "a b"})] {
            assert!(check(good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!({"iss": "https://idp"}),
            json!({"iss": null}),
            json!({"iss": ["https://idp/"]}),
            json!({"aud": "Temporal"}),
            json!({"aud": []}),
            json!({"aud": ["temporal", 1]}),
            json!({"aud": null}),
            json!({"aud": {"temporal": 1}}),
            json!({"sub": null}),
            json!({"sub": ""}),
            json!({"sub": ["a"]}),
            json!({"sub": 7.5}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
        let any = TokenRules { audiences: None, ..rules() };
        assert!(check_with(&any, None, json!({"aud": null})).is_ok());
    }

    #[test]
    fn the_first_claim_that_says_something_is_the_subject() {
        let rules = TokenRules { subject: ["sub", "client_id", "email"].map(ClaimName::new).to_vec(), ..rules() };
        let subject = |change: Value| check_with(&rules, None, change).map(|claims| claims.subject);
        assert_eq!(subject(json!({"client_id": "worker"})).unwrap(), "alice");
        for absent in [json!(null), json!(""), json!([])] {
            let change = json!({"sub": absent, "client_id": "worker"});
            assert_eq!(subject(change.clone()).unwrap(), "worker", "{change}");
        }
        assert_eq!(subject(json!({"sub": 1234})).unwrap(), "1234");
        let fault = |change: Value| match subject(change).unwrap_err() {
            TokenRefusal::Subject(claim, why) => (claim.to_string(), why),
            other => panic!("{other}"),
        };
        assert_eq!(fault(json!({"sub": null})), ("sub".to_owned(), SubjectFault::Missing));
        assert_eq!(fault(json!({"sub": ["a"], "client_id": "worker"})), ("sub".to_owned(), SubjectFault::List));
        assert_eq!(fault(json!({"sub": null, "client_id": {"a": 1}})), ("client_id".to_owned(), SubjectFault::Object));
        assert_eq!(fault(json!({"sub": 7.5})), ("sub".to_owned(), SubjectFault::Fraction));
        assert_eq!(fault(json!({"sub": true})), ("sub".to_owned(), SubjectFault::Boolean));
        assert_eq!(fault(json!({"sub": null, "email": "a@b"})), ("email".to_owned(), SubjectFault::Unverified));
        assert_eq!(subject(json!({"sub": null, "email": "a@b", "email_verified": "true"})).unwrap(), "a@b");
    }

    #[test]
    fn tokens_may_have_no_subject_and_no_issuer_if_the_rules_say_so() {
        let nobody = TokenRules { subject: Vec::new(), ..rules() };
        assert_eq!(check_with(&nobody, None, json!({"sub": null})).unwrap().subject, "");
        assert_eq!(check_with(&nobody, None, json!({"sub": ["a"]})).unwrap().subject, "");
        let unnamed = TokenRules { issuer: None, ..rules() };
        assert!(check_with(&unnamed, None, json!({"iss": null})).is_ok());
        for iss in [json!("https://idp/"), json!(""), json!(7), json!(["x"])] {
            assert!(check_with(&unnamed, None, json!({"iss": iss})).is_err(), "{iss}");
        }
    }

    #[test]
    fn typ_and_required_claims_keep_other_tokens_out() {
        for good in [None, Some("JWT"), Some("jwt"), Some("at+jwt"), Some("application/at+JWT")] {
            assert!(check_with(&rules(), good, json!({})).is_ok(), "{good:?}");
        }
        assert!(check_with(&rules(), Some("dpop+jwt"), json!({})).is_err());
        let strict = TokenRules { typ: Some(vec!["at+jwt".into()]), ..rules() };
        assert!(check_with(&strict, Some("AT+JWT"), json!({})).is_ok());
        assert!(check_with(&strict, Some("JWT"), json!({})).is_err());
        assert!(check_with(&strict, None, json!({})).is_err());
        let access = crate::pattern::Pattern::literal("access");
        let require = TokenRules { require: ClaimSet(vec![(ClaimName::new("token_use"), vec![access])]), ..rules() };
        assert!(check_with(&require, None, json!({"token_use": "access"})).is_ok());
        assert!(check_with(&require, None, json!({"token_use": "id"})).is_err());
        assert!(check_with(&require, None, json!({})).is_err());
    }

    #[test]
    fn a_required_address_that_is_not_verified_is_told_from_another() {
        let ours = vec![crate::pattern::Pattern::parse("*@a").unwrap()];
        let require = TokenRules { require: ClaimSet(vec![(ClaimName::new("email"), ours)]), ..rules() };
        let reason = |claims| check_with(&require, None, claims).map(drop).map_err(|why| why.to_string());
        assert_eq!(reason(json!({"email": "x@a", "email_verified": true})), Ok(()));
        let unverified = reason(json!({"email": "x@a"})).unwrap_err();
        assert!(unverified.starts_with("claim \"email\", which token.require names, is not verified"), "{unverified}");
        let other = reason(json!({"email": "x@b", "email_verified": true})).unwrap_err();
        assert_eq!(other, "claim \"email\", which token.require names, is different: \"x@b\"");
        assert_eq!(reason(json!({})).unwrap_err(), "claim \"email\", which token.require names, is missing");
    }

    #[test]
    fn algorithm_and_header_must_be_the_issuers() {
        let rules = TokenRules { algorithms: vec![Algorithm::Rs256], ..rules() };
        assert!(check_with(&rules, None, json!({})).is_err());
        let rules = TokenRules { headers: vec!["x-token".into()], ..self::rules() };
        assert!(check_with(&rules, None, json!({})).is_err());
    }
}
