//! The keys of an issuer, as tokens ask for them.

use std::rc::Rc;
use std::time::Duration;

use super::fetch::{Fetched, Get, Next, Remote};
use super::jwk::{Found, Key, KeySet};
use super::shared::Shared;
use crate::crypto::Algorithm;
use crate::time::Timestamp;

/// What there is for a token.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// Its key.
    Key(Rc<Key>),
    /// The issuer has no such key: the token is bad.
    No(&'static str),
    /// It cannot be said yet.
    Wait,
}

/// The keys of one issuer.
#[derive(Debug)]
pub enum Source {
    /// From the configuration.
    Inline(KeySet),
    /// Fetched.
    Remote(Box<Fetched>),
}

impl Source {
    /// Keys to be fetched; the first fetch is due at once. `spread` is how much earlier than after its interval a refresh
    /// comes, in thousandths of a tenth of it: proxies that started together must not all come at once.
    #[must_use]
    pub fn remote(remote: Remote, spread: u32) -> Self {
        Self::Remote(Box::new(Fetched::new(remote, spread)))
    }

    /// How long a request waits for its key.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match self {
            Self::Inline(_) => Duration::ZERO,
            Self::Remote(fetched) => fetched.remote().wait,
        }
    }

    /// The key for a token of a request that arrived at `arrived`. An unknown `kid` asks for a fetch; only a set whose
    /// fetch began after the request arrived can say that there is no such key.
    pub fn find(&mut self, kid: &str, algorithm: Algorithm, arrived: Timestamp, now: Timestamp) -> Lookup {
        let found = |set: &KeySet, fresh: bool| match set.find(kid, algorithm) {
            Found::Key(key) => Lookup::Key(key),
            Found::Unfit if fresh => Lookup::No("the key of this kid is for another algorithm"),
            Found::Nothing if fresh => Lookup::No("the issuer has no key of this kid"),
            Found::Unfit | Found::Nothing => Lookup::Wait,
        };
        match self {
            Self::Inline(set) => found(set, true),
            Self::Remote(fetched) => {
                // A fetch that seems to begin later than now began before the clock was set back.
                let fresh = |began| began > arrived && began <= now;
                let lookup = fetched.usable(now).map_or(Lookup::Wait, |(set, began)| found(set, fresh(began)));
                if matches!(lookup, Lookup::Wait) {
                    fetched.want();
                }
                lookup
            }
        }
    }

    /// Whether a token that was verified with this key may still be believed.
    #[must_use]
    pub fn has(&self, jwk: &[u8], now: Timestamp) -> bool {
        match self {
            Self::Inline(set) => set.contains(jwk),
            Self::Remote(fetched) => fetched.usable(now).is_some_and(|(set, _)| set.contains(jwk)),
        }
    }

    /// Takes over what another configuration in this VM has fetched from the same place.
    pub fn inherit(&mut self, other: &Self) {
        if let (Self::Remote(fetched), Self::Remote(other)) = (self, other) {
            fetched.inherit(other);
        }
    }

    /// Takes over what another VM has fetched, and gives others what they lack. Says whether there are new keys.
    pub fn sync(&mut self, shared: &Shared<'_>, now: Timestamp) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Remote(fetched) => fetched.sync(shared, now),
        }
    }

    /// The request to make now, if any.
    pub fn poll(&mut self, shared: &Shared<'_>, now: Timestamp) -> Option<Get> {
        match self {
            Self::Inline(_) => None,
            Self::Remote(fetched) => fetched.poll(shared, now),
        }
    }

    /// The answer to the request made last: a status and a body, or none when there was no answer.
    pub fn answer(&mut self, shared: &Shared<'_>, answer: Option<(&[u8], &[u8])>, now: Timestamp) -> Next {
        match self {
            Self::Inline(_) => Next::Failed("an answer to nothing".to_owned()),
            Self::Remote(fetched) => fetched.answer(shared, answer, now),
        }
    }

    /// Whether a fetch is under way or asked for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Remote(fetched) if fetched.is_busy())
    }
}

#[cfg(test)]
mod tests;
