//! Published vectors of tokens, keys and signatures (data/README.md) through the layers that a caller's token goes
//! through: JOSE header, key set, signature.

mod hostile;
mod rfc;
mod signatures;
mod wycheproof;

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use temporal_auth::keys::{Key, KeyMatch, KeySet};
use temporal_auth::token::TokenRefusal;
use temporal_auth::token::jose::{Jws, KidRule};

/// Takes a token apart, finds its key and verifies it, as the filter does before it looks at claims, which these tokens
/// do not have.
///
/// # Errors
/// Why it is refused.
fn verify(keys: &Result<KeySet, String>, token: &str) -> Result<(), String> {
    let jws = Jws::parse(token.as_bytes()).map_err(|refusal| refusal.to_string())?;
    let is_signed_with = |key: &Rc<Key>| key.verify(jws.algorithm, jws.signed, &jws.signature);
    let kid = jws.kid.as_deref().ok_or_else(|| TokenRefusal::MissingKid.to_string())?;
    match keys.as_ref()?.find(Some(kid), jws.algorithm) {
        KeyMatch::Candidates(keys) if keys.iter().any(is_signed_with) => Ok(()),
        KeyMatch::Candidates(_) => Err("signature".to_owned()),
        KeyMatch::WrongAlgorithm => Err("the key with this kid is for another algorithm".to_owned()),
        KeyMatch::Unusable(why) => Err(why.to_string()),
        KeyMatch::TooMany(count) => Err(format!("{count} keys")),
        KeyMatch::None => Err("no key with this kid".to_owned()),
    }
}

fn key_set(keys: &[&Value]) -> Result<KeySet, String> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), KidRule::Required).map_err(|why| why.to_string())
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
