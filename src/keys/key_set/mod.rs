//! Key sets (RFC 7517 §5), and the keys that may have made a token's signature.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::error::KeySetError;
use super::jwk::Key;
use super::left_out::LeftOutKey;
use super::{MAX_DOCUMENT, MAX_KEYS};
use crate::crypto::{Algorithm, UnusableKey};
use crate::excerpt::excerpt;
use crate::token::jose::KidRule;
use crate::wire::json::{self, Cursor, JsonError, Next, NotJson};

/// How many keys are tried for a token without `kid`.
pub const MAX_WITHOUT_KID: usize = 4;

/// The keys of an issuer that can verify tokens.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Rc<Key>>,
    left_out: Rc<[LeftOutKey]>,
    kid_rule: KidRule,
}

/// The result of looking for the keys of a token.
#[derive(Debug, Clone)]
pub enum KeyMatch {
    /// The keys that may have made the signature: at least one.
    Candidates(Vec<Rc<Key>>),
    /// The set has keys with this `kid`, but they are for other algorithms.
    WrongAlgorithm,
    /// The set has this `kid`, but the key cannot be used.
    Unusable(UnusableKey),
    /// The token has no `kid`, and this many keys are for its algorithm: more than [`MAX_WITHOUT_KID`].
    TooMany(usize),
    None,
}

impl KeySet {
    /// Leaves out keys that cannot verify tokens: no key costs the others.
    ///
    /// # Errors
    /// The document is not a key set, is too large, or has no key that can verify tokens.
    pub fn parse(document: &[u8], kid_rule: KidRule) -> Result<Self, KeySetError> {
        if document.len() > MAX_DOCUMENT {
            return Err(KeySetError::TooLarge(document.len()));
        }
        let list = keys(document)?;
        // Each key is parsed by itself, so that a member given twice costs only its key.
        let parsed = |raw: &str| json::parse(raw.as_bytes()).map_err(|why| UnusableKey::json(&why));
        Self::collect(kid_rule, list.into_iter().map(parsed).collect())
    }

    /// # Errors
    /// As [`KeySet::parse`].
    pub fn from_json(mut document: Map<String, Value>, kid_rule: KidRule) -> Result<Self, KeySetError> {
        let Some(Value::Array(list)) = document.remove("keys") else { return Err(KeySetError::MissingKeys) };
        Self::collect(kid_rule, list.into_iter().map(Ok).collect())
    }

    fn collect(kid_rule: KidRule, list: Vec<Result<Value, UnusableKey>>) -> Result<Self, KeySetError> {
        if list.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys(list.len()));
        }
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for (index, jwk) in list.into_iter().enumerate() {
            let jwk = jwk.and_then(|jwk| match jwk {
                Value::Object(members) => Ok(members),
                _ => Err(UnusableKey::NotAnObject),
            });
            let kid = jwk.as_ref().ok().and_then(Key::kid_of).map(excerpt);
            match jwk.and_then(|jwk| Key::parse(&jwk)) {
                Ok(key) if key.kid().is_none() && kid_rule == KidRule::Required => {
                    left_out.push(LeftOutKey { index, kid, why: UnusableKey::MissingKid });
                }
                Ok(key) => keys.push(Rc::new(key)),
                Err(why) => left_out.push(LeftOutKey { index, kid, why }),
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey(left_out));
        }
        Ok(Self { keys, left_out: left_out.into(), kid_rule })
    }

    /// The keys that may have made the signature of a token with this `kid` and algorithm. Several keys may share a `kid`
    /// (RFC 7517 §4.5).
    #[must_use]
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> KeyMatch {
        let named: Vec<_> = self.keys.iter().filter(|key| self.may_be_meant(key, kid)).collect();
        let mut candidates: Vec<_> = named.iter().filter(|key| key.fits(algorithm)).map(|key| Rc::clone(key)).collect();
        // Keys that only may be meant. Beside a key of this very `kid`, they are not worth a try if they are many.
        let is_named = |key: &Rc<Key>| kid.is_some() && key.kid() == kid;
        let guessed = candidates.iter().filter(|key| !is_named(key)).count();
        if guessed > MAX_WITHOUT_KID {
            candidates.retain(is_named);
            match kid {
                None => return KeyMatch::TooMany(guessed),
                Some(_) if candidates.is_empty() => return KeyMatch::None,
                Some(_) => {}
            }
        }
        if !candidates.is_empty() {
            return KeyMatch::Candidates(candidates);
        }
        let unusable = self.left_out.iter().find(|key| kid.is_some() && key.kid.as_deref() == kid);
        match unusable {
            _ if !named.is_empty() => KeyMatch::WrongAlgorithm,
            Some(key) => KeyMatch::Unusable(key.why.clone()),
            None => KeyMatch::None,
        }
    }

    /// Whether a token with this `kid` may mean the key. Where a `kid` is optional, one that is missing means any.
    fn may_be_meant(&self, key: &Key, kid: Option<&str>) -> bool {
        let is_any = self.kid_rule == KidRule::Optional && (kid.is_none() || key.kid().is_none());
        is_any || (kid.is_some() && key.kid() == kid)
    }

    #[must_use]
    pub fn kid_rule(&self) -> KidRule {
        self.kid_rule
    }

    /// Whether the set has exactly this JWK.
    #[must_use]
    pub fn contains(&self, jwk: &[u8]) -> bool {
        self.keys.iter().any(|key| *key.jwk == *jwk)
    }

    /// Whether both sets have the same keys, in any order.
    #[must_use]
    pub fn has_keys_of(&self, other: &Self) -> bool {
        let contains_all = |one: &Self, other: &Self| other.keys.iter().all(|key| one.contains(&key.jwk));
        contains_all(self, other) && contains_all(other, self)
    }

    /// How many keys can verify tokens.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The keys that cannot verify tokens.
    #[must_use]
    pub fn left_out(&self) -> &Rc<[LeftOutKey]> {
        &self.left_out
    }
}

/// The keys of a document, as they are written.
fn keys(document: &[u8]) -> Result<Vec<&str>, KeySetError> {
    let mut list = None;
    let mut cursor = json::walk_object(document).map_err(KeySetError::Json)?;
    let malformed = |NotJson| KeySetError::Json(JsonError::NotAnObject);
    while let Some(name) = cursor.next_key().map_err(malformed)? {
        let raw = cursor.raw();
        if name == "keys" && list.replace(raw).is_some() {
            return Err(KeySetError::KeysTwice);
        }
    }
    let mut cursor = Cursor::within(list.ok_or(KeySetError::MissingKeys)?);
    if !matches!(cursor.read(), Ok(Next::List)) {
        return Err(KeySetError::MissingKeys);
    }
    let mut keys = Vec::new();
    while cursor.next_element() {
        keys.push(cursor.raw());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
