//! Makes a recorded decision again, by another configuration.

use std::fmt;
use std::rc::Rc;

use serde_json::Map;

use super::Recorded;
use crate::config::Config;
use crate::identity::{Claims, Identity};
use crate::policy::Verdict;
use crate::temporal::Scope;

/// Why a decision cannot be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CannotReplay {
    /// The configuration has no issuer of this name.
    NoIssuer(String),
    /// The configuration reads a claim, or the TLS peer, that was not recorded.
    CallerNotRecorded,
    /// The caller's rules compare names that were not recorded.
    NamesNotRecorded,
    /// The request was not read, because no grant could have covered its method. Now one could.
    RequestNotRead,
}

impl Recorded {
    /// The verdict of this configuration on the recorded call. The caller has these names in the log; their token is taken as
    /// accepted.
    ///
    /// # Errors
    /// The configuration would decide by something that was not recorded.
    pub fn decide(&self, config: &Config, issuer: Option<&str>, subject: &str) -> Result<Verdict, CannotReplay> {
        let method = &self.target.method;
        if let Some(permit) = config.policy.permit_anonymous(method) {
            return Ok(Verdict::Allow(permit));
        }
        let identity = self.identity(config, issuer, subject)?;
        let mut needed = config.inputs();
        if issuer.is_none() {
            // A peer without a token has no claims.
            needed.claims.clear();
        }
        if !needed.are_among(&self.inputs) {
            return Err(CannotReplay::CallerNotRecorded);
        }
        let principal = config.policy.principal(identity);
        if method.scope == Scope::Namespace && !config.policy.could_allow(&principal, method, self.time) {
            return Ok(Verdict::Deny(config.policy.why_never(&principal, method, self.time)));
        }
        if !self.was_read {
            return Err(CannotReplay::RequestNotRead);
        }
        if self.inputs.limits.union(principal.limits()) != self.inputs.limits {
            return Err(CannotReplay::NamesNotRecorded);
        }
        Ok(config.policy.decide(&principal, &self.target, self.time))
    }

    fn identity(&self, config: &Config, issuer: Option<&str>, subject: &str) -> Result<Identity, CannotReplay> {
        let (subject, peer) = (subject.to_owned(), self.peer.as_deref().map(Rc::from));
        let Some(name) = issuer else {
            let (claims, claim_rules) = (Map::new(), Rc::default());
            return Ok(Identity { issuer: None, subject, kind: None, doubt: None, claims, claim_rules, peer });
        };
        let issuer = config.issuers.iter().find(|issuer| *issuer.name == *name);
        let issuer = issuer.ok_or_else(|| CannotReplay::NoIssuer(name.to_owned()))?;
        let (claims, claim_rules) = (self.claims.clone(), Rc::clone(&issuer.rules.claims));
        let (kind, doubt) = Identity::kind_of(&issuer.service_when, Claims::new(&claims, &claim_rules));
        Ok(Identity { issuer: Some(Rc::clone(&issuer.name)), subject, kind, doubt, claims, claim_rules, peer })
    }
}

impl fmt::Display for CannotReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoIssuer(name) => return write!(f, "the configuration has no issuer {name:?}"),
            Self::CallerNotRecorded => "the configuration reads claims, or the TLS peer, that were not recorded",
            Self::NamesNotRecorded => "the configuration compares names that were not recorded",
            Self::RequestNotRead => "the request was denied before it was read, and now it would be read",
        })
    }
}
