//! Who is calling: verifies tokens, caches the valid ones, and bounds the time that verification may take.

pub mod budget;
pub mod cache;
pub mod host_verifier;
mod refused;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::authentication::budget::{Budget, Outcome};
use crate::authentication::cache::{Origin, TokenCache};
use crate::authentication::host_verifier::{ForeignFunctions, HostVerifier};
use crate::authentication::refused::RefusedTokens;
use crate::config::Config;
use crate::crypto::Algorithm;
use crate::excerpt::excerpt;
use crate::identity::{Claims, Identity};
use crate::keys::{
    FetchProgress, HttpRequest, IssuerKeys, Key, KeyId, KeyLifetime, KeyLookup, KeyResponse, KeySet, KeyStore,
    SharedData, random_spread,
};
use crate::policy::Principal;
use crate::time::Timestamp;
use crate::token::TokenRefusal;
use crate::token::jose::ParsedToken;
use crate::work::Accounts;

/// How much memory verified tokens may take, in bytes.
const CACHE_BYTES: usize = 8 << 20;
/// How many peers without a token are cached. Resolving a peer again costs little.
const MAX_PEERS: usize = 1024;

/// What authentication needs from the host.
pub trait HostServices: SharedData + ForeignFunctions {
    /// A clock finer than milliseconds, to measure the cost of verification.
    fn clock(&self) -> Duration;
}

/// A host without shared data and foreign functions, whose clock stands still.
impl HostServices for () {
    fn clock(&self) -> Duration {
        Duration::ZERO
    }
}

/// Finds out who is calling, under one configuration in one VM.
pub struct Authenticator {
    config: Rc<Config>,
    host: Rc<dyn HostServices>,
    keys: KeyStore,
    host_verifier: HostVerifier,
    budget: Budget,
    accounts: Accounts,
    cache: TokenCache,
    refused: RefusedTokens,
    /// Callers without a token, by the name in their certificate.
    peers: BTreeMap<Box<str>, Rc<Principal>>,
}

/// A token that is not in the cache, and the connection that is charged for its verification.
#[derive(Debug, Clone, Copy)]
pub struct UnverifiedToken<'a> {
    pub token: &'a [u8],
    pub origin: Origin<'a>,
    /// The host's id of the connection.
    pub connection: u64,
    /// When the request arrived.
    pub arrived: Timestamp,
    /// The key for which the token has waited, if it has.
    pub awaited: Option<&'a AwaitedKey>,
}

/// The key that a token needs.
#[derive(Debug, Clone)]
pub struct AwaitedKey {
    /// The issuer's index in the configuration.
    issuer: usize,
    kid: Option<String>,
    algorithm: Algorithm,
    /// The JWKs of the keys that did not make the token's signature. Empty if the issuer has no key for the token.
    tried: Vec<Rc<[u8]>>,
    /// The time that it took to find out that the key is missing.
    cost: Duration,
}

/// Who made a token's signature.
enum Signer {
    Key(Rc<Key>),
    /// It cannot be told before this key has come.
    Awaited(AwaitedKey),
}

/// The result of authenticating a token.
#[derive(Debug)]
pub enum Authentication {
    Principal(Rc<Principal>),
    Refused(TokenRefusal),
    AwaitsKey(AwaitedKey),
    /// The token was not looked at, because too many others had to be verified.
    OverBudget,
}

impl Authenticator {
    pub fn new(host: Rc<dyn HostServices>, config: Rc<Config>) -> Self {
        let spread = random_spread();
        let issuers = config.issuers.iter().map(|issuer| IssuerKeys {
            name: Rc::clone(&issuer.name),
            iss: issuer.rules.issuer.as_deref().unwrap_or_default().into(),
            source: issuer.keys.source(spread),
        });
        let clock_of = Rc::clone(&host);
        let clock = move || Timestamp::EPOCH.saturating_add(clock_of.clock());
        let data: Rc<dyn SharedData> = Rc::<dyn HostServices>::clone(&host);
        Self {
            keys: KeyStore::new(data, config.share_key.clone(), issuers.collect()),
            host_verifier: HostVerifier::probe(&*host),
            config,
            accounts: Accounts::new(clock),
            host,
            budget: Budget::default(),
            cache: TokenCache::new(CACHE_BYTES),
            refused: RefusedTokens::default(),
            peers: BTreeMap::new(),
        }
    }

    /// The algorithms whose signatures the host verifies.
    pub fn host_algorithms(&self) -> &[Algorithm] {
        self.host_verifier.algorithms()
    }

    /// Takes over the keys that another configuration in this VM has fetched.
    pub fn inherit(&mut self, other: &Self) {
        self.keys.inherit(&other.keys);
    }

    /// Takes over the keys that other VMs have fetched.
    pub fn sync(&mut self, now: Timestamp) {
        if self.keys.sync(now) {
            self.forget(now);
        }
    }

    /// The requests for keys to send now, each with its issuer's index in the configuration.
    pub fn poll(&mut self, now: Timestamp) -> Vec<(usize, HttpRequest)> {
        self.keys.poll(now)
    }

    /// Takes the response to the last request for this issuer's keys.
    pub fn on_response(&mut self, issuer: usize, response: KeyResponse<'_>, now: Timestamp) -> FetchProgress {
        let progress = self.keys.on_response(issuer, response, now);
        if matches!(progress, FetchProgress::Loaded) {
            self.forget(now);
        }
        progress
    }

    /// Removes everything that this configuration has shared with other VMs.
    pub fn withdraw(&self) {
        self.keys.withdraw();
    }

    /// Whether keys are being fetched or wanted.
    pub fn is_busy(&self) -> bool {
        self.keys.is_busy()
    }

    /// The principal of a token that was verified before.
    pub fn recall(&self, token: &[u8], origin: Origin<'_>, now: Timestamp) -> Option<Rc<Principal>> {
        self.cache.get(token, origin, now)
    }

    /// Verifies a token, within the budget.
    pub fn authenticate(&mut self, unverified: UnverifiedToken<'_>, now: Timestamp) -> Authentication {
        if !self.budget.allows(unverified.connection, now) {
            return Authentication::OverBudget;
        }
        let began = self.host.clock();
        let mut authentication = self.verify(unverified, now).unwrap_or_else(Authentication::Refused);
        let cost = self.host.clock().saturating_sub(began);
        let outcome = match &mut authentication {
            Authentication::AwaitsKey(key) => {
                key.cost = cost;
                // Most likely the signature is forged. The charge is returned if it proves good.
                if key.is_mismatch() { Outcome::Bad } else { Outcome::Waiting }
            }
            Authentication::Refused(_) | Authentication::OverBudget => Outcome::Bad,
            Authentication::Principal(_) => Outcome::Good,
        };
        self.budget.spend(unverified.connection, cost, outcome, now);
        if let (Authentication::Principal(_), Some(key)) = (&authentication, unverified.awaited)
            && key.is_mismatch()
        {
            self.budget.refund(unverified.connection, key.cost, now);
        }
        authentication
    }

    /// A request of this connection stops waiting for a key. Its token was never verified, so it is charged like a bad
    /// token.
    pub fn abandon(&mut self, connection: u64, key: &AwaitedKey, now: Timestamp) {
        if !key.is_mismatch() {
            self.budget.spend(connection, key.cost, Outcome::Bad, now);
        }
    }

    /// A request of this connection cannot wait for its key, because too many others do.
    pub fn no_room(&mut self, connection: u64, now: Timestamp) {
        self.budget.no_room(connection, now);
    }

    /// Whether the key has come, or can no longer come, for a request that arrived at `arrived`.
    pub fn is_settled(&mut self, key: &AwaitedKey, arrived: Timestamp, now: Timestamp) -> bool {
        if key.is_mismatch() {
            return self.keys.proves_mismatch(key.issuer, arrived, now);
        }
        let lookup = self.keys.find(key.issuer, key.kid.as_deref(), key.algorithm, arrived, now);
        !matches!(lookup, KeyLookup::Pending)
    }

    /// When a request that arrived at `arrived` stops waiting for the key.
    pub fn deadline(&self, key: &AwaitedKey, arrived: Timestamp) -> Timestamp {
        arrived.saturating_add(self.keys.wait(key.issuer))
    }

    /// The issuers' names and keys, as far as there are keys that may be used.
    pub fn key_sets(&self, now: Timestamp) -> impl Iterator<Item = (&str, Option<&KeySet>)> {
        self.keys.key_sets(now).map(|(issuer, set)| (&*issuer.name, set))
    }

    /// How long each issuer's keys may be used; `None` if they are inline.
    pub fn key_lifetimes(&self) -> impl Iterator<Item = Option<KeyLifetime>> {
        self.keys.lifetimes()
    }

    /// How many verified tokens are cached.
    pub fn cached_tokens(&self) -> usize {
        self.cache.count()
    }

    /// Forgets tokens that have expired or whose key is gone.
    pub fn forget(&mut self, now: Timestamp) {
        let keys = &self.keys;
        self.cache.retain(now, |key| keys.has(key, now));
    }

    /// The principal of a caller without a token, by the name in its certificate, which the proxy has verified.
    pub fn peer(&mut self, peer: &str) -> Rc<Principal> {
        if let Some(principal) = self.peers.get(peer) {
            return Rc::clone(principal);
        }
        let identity = Identity {
            issuer: None,
            subject: peer.to_owned(),
            kind: None,
            doubt: None,
            claims: serde_json::Map::new(),
            claim_rules: Rc::default(),
            peer: Some(peer.into()),
        };
        let principal = Rc::new(self.config.policy.principal(identity).charged_to(self.accounts.of(None, peer)));
        if self.peers.len() >= MAX_PEERS {
            self.peers.pop_first();
        }
        self.peers.insert(peer.into(), Rc::clone(&principal));
        principal
    }

    fn verify(&mut self, unverified: UnverifiedToken<'_>, now: Timestamp) -> Result<Authentication, TokenRefusal> {
        let UnverifiedToken { token, origin, .. } = unverified;
        let parsed = ParsedToken::parse(token)?;
        let config = Rc::clone(&self.config);
        let mut issuers = config.issuers.iter().enumerate();
        let found = issuers.find(|(_, issuer)| issuer.rules.is_issuer_of(&parsed.claims));
        let (index, issuer) = found.ok_or_else(|| match parsed.issuer() {
            Some(iss) => TokenRefusal::unknown_issuer(iss, parsed.claims.get("aud")),
            None => TokenRefusal::MissingIssuer,
        })?;
        // The cheap checks come first and the signature last. Nothing is believed before the signature is verified.
        let claims = issuer.rules.check(&parsed, origin.header, now)?;
        let key = match self.signer(index, &parsed, unverified, now)? {
            Signer::Key(key) => key,
            Signer::Awaited(key) => return Ok(Authentication::AwaitsKey(key)),
        };
        let (kind, doubt) = Identity::kind_of(&issuer.service_when, Claims::new(&parsed.claims, &issuer.rules.claims));
        let identity = Identity {
            issuer: Some(Rc::clone(&issuer.name)),
            subject: claims.subject,
            kind,
            doubt,
            claims: parsed.claims,
            claim_rules: Rc::clone(&issuer.rules.claims),
            peer: origin.peer.map(Rc::from),
        };
        let principal = self.config.policy.principal(identity);
        // Callers without a subject are told apart by their client.
        let name = principal.azp.as_deref().unwrap_or(&principal.subject);
        let account = self.accounts.of(Some(&issuer.name), name);
        let principal = Rc::new(principal.charged_to(account));
        let key = KeyId { issuer: index, jwk: Rc::clone(&key.jwk) };
        self.cache.insert(token, origin, key, claims.until, Rc::clone(&principal));
        Ok(Authentication::Principal(principal))
    }

    /// The key that made the token's signature.
    fn signer(
        &mut self,
        issuer: usize,
        parsed: &ParsedToken<'_>,
        UnverifiedToken { token, arrived, awaited, .. }: UnverifiedToken<'_>,
        now: Timestamp,
    ) -> Result<Signer, TokenRefusal> {
        let await_key = |tried| {
            let (kid, algorithm) = (parsed.kid.clone(), parsed.algorithm);
            Ok(Signer::Awaited(AwaitedKey { issuer, kid, algorithm, tried, cost: Duration::ZERO }))
        };
        let candidates = match self.keys.find(issuer, parsed.kid.as_deref(), parsed.algorithm, arrived, now) {
            KeyLookup::Candidates(keys) => keys,
            KeyLookup::Absent => {
                return Err(TokenRefusal::UnknownKey(excerpt(parsed.kid.as_deref().unwrap_or_default())));
            }
            KeyLookup::WrongAlgorithm => return Err(TokenRefusal::KeyForOtherAlgorithm(parsed.algorithm)),
            KeyLookup::Unusable(why) => return Err(TokenRefusal::UnusableKey(why)),
            KeyLookup::TooMany(count) => return Err(TokenRefusal::TooManyKeys(count)),
            KeyLookup::Pending => return await_key(Vec::new()),
        };
        let revision = self.keys.revision(issuer);
        if self.refused.contains(token, issuer, revision) {
            return Err(TokenRefusal::WrongSignature);
        }
        let tried = awaited.map(|key| key.tried.as_slice()).unwrap_or_default();
        let untried = candidates.iter().filter(|key| !tried.contains(&key.jwk));
        for key in untried {
            if is_signed_with(key, parsed, &self.host_verifier, &*self.host) {
                return Ok(Signer::Key(Rc::clone(key)));
            }
        }
        if self.keys.proves_mismatch(issuer, arrived, now) {
            self.refused.insert(token, issuer, revision);
            return Err(TokenRefusal::WrongSignature);
        }
        await_key(candidates.iter().map(|key| Rc::clone(&key.jwk)).collect())
    }
}

impl AwaitedKey {
    /// Whether the issuer has keys for the token, none of which made its signature.
    fn is_mismatch(&self) -> bool {
        !self.tried.is_empty()
    }
}

/// Whether the key made the token's signature. The host verifies it if it can; otherwise this library does.
fn is_signed_with(key: &Key, token: &ParsedToken<'_>, verifier: &HostVerifier, host: &dyn HostServices) -> bool {
    if !key.fits(token.algorithm) {
        return false;
    }
    verifier
        .verify(host, key.public(), token.algorithm, token.signed, &token.signature)
        .unwrap_or_else(|| key.verify(token.algorithm, token.signed, &token.signature))
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
