//! `temporal-auth whoami`: whose token it is, and what the policy gives its bearer. The token itself is never shown.

mod cure;
mod text;
mod token;

use std::rc::Rc;

use serde_json::{Value, json};
use temporal_auth::authentication::cache::Origin;
use temporal_auth::authentication::{Authentication, UnverifiedToken};
use temporal_auth::config::{Config, Issuer, KeysFrom, PeerSource};
use temporal_auth::filter::FilterState;
use temporal_auth::policy::Principal;
use temporal_auth::time::Timestamp;
use temporal_auth::token::TokenRefusal;
use temporal_auth::token::jose::ParsedToken;

use crate::args::WhoAmI;
use crate::explain;
use crate::filter::Filter;
use crate::load::{self, Configuration};

/// How the signature of a token was treated.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signature {
    /// It was made by a key of this file.
    CheckedByFile(String),
    /// It was made by a key of the configuration.
    CheckedByConfig,
    /// The keys are at the issuer.
    Unchecked,
}

/// What is known about the bearer of a token.
struct Bearer<'a> {
    principal: Rc<Principal>,
    signature: Signature,
    issuer: &'a Issuer,
    /// When the token is no longer accepted, including the leeway.
    until: Timestamp,
    at: Timestamp,
}

/// Says who the bearer is. Returns the text to print, and whether the token is accepted.
pub(crate) fn whoami(question: &WhoAmI) -> Result<(String, bool), String> {
    let configuration = explain::one(&question.file)?;
    let token = token::read(question.token_file.as_deref())?;
    let at = question.time.at();
    let unverified = ParsedToken::parse(token.as_bytes()).ok();
    let issuers = &configuration.config.issuers;
    let issuer =
        unverified.as_ref().and_then(|token| issuers.iter().find(|issuer| issuer.rules.is_issuer_of(&token.claims)));
    let jwks = question.jwks.as_deref().map(keys).transpose()?;
    let signature = match (&question.jwks, issuer.map(|issuer| &issuer.keys)) {
        (Some(file), _) => Signature::CheckedByFile(file.display().to_string()),
        (None, Some(KeysFrom::Inline(_))) => Signature::CheckedByConfig,
        (None, _) => Signature::Unchecked,
    };
    let mut filter = match &signature {
        Signature::Unchecked => {
            let caller = explain::bearer(&token, None, question.peer.clone(), at, &configuration);
            let filter = Filter::new(&configuration.value, &caller)?;
            let (header, token) = filter.carrier(&caller).ok_or("there is no token")?;
            (filter.state, header, token)
        }
        Signature::CheckedByFile(_) | Signature::CheckedByConfig => {
            let config = with_keys(&configuration, issuer, jwks)?;
            let headers = issuer.map_or(config.token_headers.names(), |issuer| &issuer.rules.headers);
            let header = headers.iter().find(|name| *name == "authorization").or_else(|| headers.first()).cloned();
            (FilterState::new(config), header.unwrap_or_default(), token.clone())
        }
    };
    let (state, header, sent) = (&mut filter.0, &filter.1, &filter.2);
    let peer = question.peer.as_deref().filter(|_| state.config.peers != PeerSource::Unread);
    let sent = sent.strip_prefix("Bearer ").unwrap_or(sent);
    let asked = UnverifiedToken {
        token: sent.as_bytes(),
        origin: Origin { header, peer },
        connection: 0,
        arrived: at,
        awaited: None,
    };
    let refused = |why: &TokenRefusal| (text::refused(why, &signature), false);
    let principal = match state.authenticator.authenticate(asked, at) {
        Authentication::Principal(principal) => principal,
        Authentication::Refused(why) => return Ok(refused(&why)),
        Authentication::AwaitsKey(_) | Authentication::OverBudget => return Err("the filter waits".to_owned()),
    };
    let (Some(issuer), Some(parsed)) = (issuer, ParsedToken::parse(sent.as_bytes()).ok()) else {
        return Err("the token has no issuer".to_owned());
    };
    let until = match issuer_of(&state.config, issuer).rules.check(&parsed, header, at) {
        Ok(claims) => claims.until,
        Err(why) => return Ok(refused(&why)),
    };
    let bearer = Bearer { principal, signature, issuer, until, at };
    Ok((text::accepted(&bearer, &configuration.config), true))
}

/// The same issuer in another configuration.
fn issuer_of<'a>(config: &'a Config, issuer: &'a Issuer) -> &'a Issuer {
    config.issuers.iter().find(|known| known.name == issuer.name).unwrap_or(issuer)
}

/// The configuration, with these keys for the issuer of the token.
fn with_keys(configuration: &Configuration, issuer: Option<&Issuer>, jwks: Option<Value>) -> Result<Config, String> {
    let mut value = configuration.value.clone();
    if let (Some(issuer), Some(jwks)) = (issuer, jwks) {
        let keys = value
            .get_mut("issuers")
            .and_then(|issuers| issuers.get_mut(&*issuer.name))
            .and_then(|one| one.get_mut("keys"));
        if let Some(keys) = keys {
            let kid = keys.get("kid").cloned().unwrap_or_else(|| json!("required"));
            *keys = json!({"inline": jwks, "kid": kid});
        }
    }
    Config::parse(value.to_string().as_bytes())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The key set in a file.
fn keys(file: &std::path::Path) -> Result<Value, String> {
    let source = load::source(file)?;
    serde_json::from_str(&source.text).map_err(|why| format!("{} is not a key set: {why}", source.name))
}
