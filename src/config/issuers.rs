//! `issuers`: whose tokens are accepted, by which rules and with which keys.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::claim_rules;
use super::fields::{KEY_SOURCES, KIDS, names};
use super::node::{Node, ObjectNode};
use super::patterns;
use super::problem::{Conflict, Duplicate, Expected, NameSort, ProblemKind};
use crate::crypto::Algorithm;
use crate::identity::ClaimSet;
use crate::identity::token_rules::{TokenRules, plain_typ};
use crate::keys::{JwksSettings, KeySet, KeySource, Url};
use crate::token::jose::KidRule;
use crate::wire::json::Json;

/// The `issuer` of tokens that have no `iss`.
const NO_ISSUER: &str = "none";
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);
const MAX_LEEWAY: Duration = Duration::from_secs(5 * 60);

/// One issuer of the configuration.
#[derive(Debug)]
pub struct Issuer {
    /// The name that grants and logs use.
    pub name: Rc<str>,
    /// What its tokens must be.
    pub rules: TokenRules,
    /// Claim sets, any of which makes the bearer a service. Empty if the issuer's callers have no kind.
    pub service_when: Vec<ClaimSet>,
    /// Where its keys come from.
    pub keys: KeysFrom,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeysFrom {
    /// The configuration.
    Inline(KeySet),
    /// The issuer.
    Remote(JwksSettings),
}

impl KeysFrom {
    fn kid_rule(&self) -> KidRule {
        match self {
            Self::Inline(set) => set.kid_rule(),
            Self::Remote(settings) => settings.kid_rule,
        }
    }

    /// The keys' state at the start; see [`KeySource::fetched`] for `spread`.
    #[must_use]
    pub fn source(&self, spread: u32) -> KeySource {
        match self {
            Self::Inline(set) => KeySource::Inline(set.clone()),
            Self::Remote(remote) => KeySource::fetched(remote.clone(), spread),
        }
    }
}

/// The parts of an issuer that rules refer to, even if the rest of the issuer is wrong.
pub(super) struct KnownIssuer {
    pub(super) name: Rc<str>,
    /// Whether it has `service_when`.
    pub(super) has_kinds: bool,
    /// Whether its tokens say who the caller is.
    pub(super) has_subjects: bool,
}

/// The issuers that rules may refer to.
pub(super) fn known(node: &Node<'_>) -> Vec<KnownIssuer> {
    let Some(members) = node.value().as_object() else { return Vec::new() };
    let known = |(name, issuer): &(Cow<'_, str>, Json<'_>)| KnownIssuer {
        name: (**name).into(),
        has_kinds: issuer.as_object().is_some_and(|members| members.get("service_when").is_some()),
        has_subjects: issuer
            .as_object()
            .and_then(|members| members.get("subject"))
            .is_none_or(|(_, subject)| subject.as_str() != Some(claim_rules::NO_SUBJECT)),
    };
    members.iter().map(known).collect()
}

pub(super) fn read(node: &Node<'_>) -> Option<Vec<Issuer>> {
    let members = node.any_members()?;
    let mut issuers: Vec<Issuer> = Vec::new();
    let mut complete = true;
    for (name, node) in members.iter() {
        let Some(issuer) = issuer(name, &node) else {
            complete = false;
            continue;
        };
        if let Some(other) = issuers.iter().find(|other| other.rules.issuer == issuer.rules.issuer) {
            let duplicate = Duplicate::IssuerUrl { other: other.name.to_string() };
            node.member("issuer").problem::<()>(ProblemKind::Duplicate(duplicate));
        }
        issuers.push(issuer);
    }
    if members.iter().next().is_none() {
        return node.invalid(Expected::Issuers);
    }
    let shares_header = |one: &Issuer, other: &Issuer| {
        one.name != other.name && one.rules.headers.iter().any(|header| other.rules.headers.contains(header))
    };
    for unnamed in issuers.iter().filter(|issuer| issuer.rules.issuer.is_none()) {
        if let Some(other) = issuers.iter().find(|other| shares_header(unnamed, other)) {
            let conflict = Conflict::SharedHeaderWithoutIssuer { other: other.name.to_string() };
            node.member(&unnamed.name).member("issuer").conflict::<()>(conflict);
        }
    }
    complete.then_some(issuers)
}

fn issuer(name: &str, node: &Node<'_>) -> Option<Issuer> {
    let members = node.members(&[names::ISSUER])?;
    let issuer = members.require("issuer", "the exact `iss` of its tokens").and_then(|node| node.text());
    let has_no_iss = issuer == Some(NO_ISSUER);
    let audiences_node = members.require("audiences", "a list of audiences, or `any`");
    let audiences = audiences_node.as_ref().and_then(audiences);
    if let (true, Some(node), Some(None)) = (has_no_iss, &audiences_node, &audiences) {
        node.conflict::<()>(Conflict::AnyAudienceWithoutIssuer);
    }
    let keys = members
        .require("keys", "where its keys come from: `discovery`, `jwks_uri` or `inline`")
        .and_then(|node| keys(&node, members.get("issuer").as_ref()));
    let kid = keys.as_ref().map(KeysFrom::kid_rule);
    let algorithms = match members.get("algorithms") {
        None => Some(vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]),
        Some(node) => node.non_empty_list().map(|list| list.iter().filter_map(algorithm).collect()),
    };
    let subject = claim_rules::subject(members.get("subject").as_ref());
    let claims = claim_rules::claim_rules(&members);
    let service_when = match members.get("service_when") {
        None => Some(Vec::new()),
        Some(node) => {
            node.non_empty_list().map(|list| list.iter().filter_map(|node| patterns::claims(node, false)).collect())
        }
    };
    let token = token(members.get("token").as_ref());
    let rules = TokenRules {
        issuer: issuer.map(|issuer| (!has_no_iss).then(|| issuer.to_owned()))?,
        audiences: audiences?,
        algorithms: algorithms?,
        subject: subject?,
        kid: kid?,
        claims: Rc::new(claims?),
        ..token?
    };
    Some(Issuer { name: name.into(), rules, service_when: service_when?, keys: keys? })
}

fn audiences(node: &Node<'_>) -> Option<Option<Vec<String>>> {
    if node.value().as_str() == Some("any") {
        return Some(None);
    }
    if !matches!(node.value(), Json::Array(_)) {
        return node.invalid(Expected::Audiences);
    }
    Some(Some(node.non_empty_list()?.iter().filter_map(|node| node.text().map(str::to_owned)).collect()))
}

fn algorithm(node: &Node<'_>) -> Option<Algorithm> {
    let known = || Algorithm::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = node.value().as_str().and_then(Algorithm::named);
    found.or_else(|| node.unknown_name(NameSort::Algorithm, known(), &[]))
}

/// The member `token`. Issuer, audiences, algorithms and subject come from other members.
fn token(node: Option<&Node<'_>>) -> Option<TokenRules> {
    let mut rules = TokenRules {
        issuer: None,
        audiences: None,
        algorithms: Vec::new(),
        kid: KidRule::Required,
        headers: vec!["authorization".to_owned()],
        typ: None,
        leeway: DEFAULT_LEEWAY,
        max_lifetime: None,
        require: ClaimSet::default(),
        subject: Vec::new(),
        claims: Rc::default(),
    };
    let Some(node) = node else { return Some(rules) };
    let members = node.members(&[names::TOKEN])?;
    if let Some(node) = members.get("headers") {
        rules.headers = node.non_empty_list()?.iter().filter_map(header).collect();
    }
    if let Some(node) = members.get("typ") {
        rules.typ = Some(node.non_empty_list()?.iter().filter_map(|node| node.text().map(plain_typ)).collect());
    }
    if let Some(node) = members.get("leeway") {
        rules.leeway = node.duration(Duration::ZERO)?;
        if rules.leeway > MAX_LEEWAY {
            node.invalid::<()>(Expected::ShortLeeway);
        }
    }
    if let Some(node) = members.get("max_lifetime") {
        rules.max_lifetime = Some(node.duration(Duration::from_millis(1))?);
    }
    if let Some(node) = members.get("require") {
        rules.require = patterns::claims(&node, false)?;
    }
    Some(rules)
}

fn header(node: &Node<'_>) -> Option<String> {
    let name = node.text()?;
    let good =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_');
    // Headers that carry tokens are dropped, so they cannot be headers that the server needs.
    let needed = ["connection", "content-type", "grpc-encoding", "grpc-timeout", "host", "te", "transfer-encoding"];
    match good {
        false => node.invalid(Expected::HeaderName),
        true if needed.contains(&name) => node.invalid(Expected::UnreservedHeader),
        true => Some(name.to_owned()),
    }
}

fn keys(node: &Node<'_>, issuer: Option<&Node<'_>>) -> Option<KeysFrom> {
    let members = node.members(&[names::KEYS])?;
    members.exactly_one_of(KEY_SOURCES)?;
    let kid_rule = match members.get("kid") {
        Some(node) if node.word(KIDS)? == 1 => KidRule::Optional,
        _ => KidRule::Required,
    };
    if let Some(inline) = members.get("inline") {
        let only_fetched = |name: &str| names::KEYS.contains(&name) && !["inline", "kid"].contains(&name);
        for (_, node) in members.iter().filter(|(name, _)| only_fetched(name)) {
            node.conflict::<()>(Conflict::WithInlineKeys);
        }
        let members = inline.value().as_object().or_else(|| inline.invalid(Expected::KeySet))?;
        let set = KeySet::from_json(members.to_value(), kid_rule);
        return set.map_or_else(
            |why| inline.invalid(Expected::UsableKeySet { why: why.to_string() }),
            |set| Some(KeysFrom::Inline(set)),
        );
    }
    let cluster = members.require("cluster", "the Envoy cluster of the identity provider").and_then(|node| node.text());
    let start = start(&members, issuer);
    let duration = |name: &str, default: Duration, least: Duration| {
        members.get(name).map_or(Some(default), |node| node.duration(least))
    };
    let refresh = duration("refresh", MINUTE.saturating_mul(10), SECOND);
    let max_stale = duration("max_stale", MINUTE.saturating_mul(24 * 60), SECOND);
    if let (Some(refresh), Some(max_stale)) = (refresh, max_stale)
        && max_stale < refresh
    {
        members.get("max_stale").unwrap_or_else(|| node.clone()).conflict::<()>(Conflict::MaxStaleBelowRefresh);
    }
    if let (Some(node), Some(_)) = (members.get("jwks_cluster"), members.get("jwks_uri")) {
        node.conflict::<()>(Conflict::JwksClusterWithJwksUri);
    }
    let jwks_cluster = members.get("jwks_cluster").map_or(cluster, |node| node.text());
    let (wait, timeout) = (
        duration("wait", SECOND.saturating_mul(5), Duration::ZERO),
        duration("timeout", SECOND.saturating_mul(5), TENTH),
    );
    let (retry, refetch) = (duration("retry", SECOND, TENTH), duration("refetch", SECOND.saturating_mul(2), TENTH));
    let (discover, start) = start?;
    Some(KeysFrom::Remote(JwksSettings {
        discover,
        start,
        cluster: cluster?.to_owned(),
        jwks_cluster: jwks_cluster?.to_owned(),
        refresh: refresh?,
        max_stale: max_stale?,
        wait: wait?,
        timeout: timeout?,
        retry: retry?,
        refetch: refetch?,
        kid_rule,
    }))
}

/// Where fetching starts, and the issuer that a discovery document must name.
fn start(members: &ObjectNode<'_>, issuer: Option<&Node<'_>>) -> Option<(Option<String>, Url)> {
    if let Some(node) = members.get("jwks_uri") {
        return Url::parse(node.text()?).map(|url| (None, url)).or_else(|| node.invalid(Expected::Url));
    }
    let discovery = members.get("discovery")?;
    if !discovery.flag()? {
        return discovery.invalid(Expected::True);
    }
    let issuer = issuer?;
    if issuer.value().as_str() == Some(NO_ISSUER) {
        return discovery.conflict(Conflict::DiscoveryWithoutIssuer);
    }
    let text = issuer.text()?;
    let url = Url::parse(text).filter(|url| !url.path.contains('?'));
    url.map(|url| (Some(text.to_owned()), url.discovery())).or_else(|| issuer.invalid(Expected::DiscoveryUrl))
}
