//! What operators write, and its check: all errors at once, each with the path of its field.

mod claim_rules;
mod denials;
pub mod fields;
mod fingerprint;
mod grants;
mod http;
pub mod issuers;
pub mod node;
mod path;
mod patterns;
mod policy;
pub mod problem;
mod struct_value;
mod suggestion;
mod who;

use std::rc::Rc;

use crate::keys::ShareKey;
use crate::pattern::Pattern;
use crate::policy::denial::Denial;
use crate::policy::who::Who;
use crate::policy::{Policy, PolicyInputs};
use crate::temporal::http::OPENAPI;
use crate::temporal::{Catalogue, Method};
use crate::token::bearer::TokenHeaders;
use crate::wire::json::Json;
use fields::{MODES, NEWER_FIELDS, PARITIES, names};
pub use http::HttpConfig;
pub use issuers::{Issuer, KeysFrom};
use node::{Node, Problems};
pub use path::{Path, Step};
use problem::{Conflict, Expected, NameSort};
pub use problem::{Problem, ProblemKind};

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The clusters whose routes are ours. `None` if every route is.
    pub applies_to: Option<Vec<Pattern>>,
    /// Whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// The headers that may carry a token of any issuer.
    pub token_headers: Rc<TokenHeaders>,
    /// Who may do what.
    pub policy: Policy,
    pub catalogue: Catalogue,
    /// Whether system admins may call AdminService.
    pub admin_service: bool,
    /// Whether the token goes on to the server.
    pub forward_token: bool,
    /// Whether allowed calls are also logged.
    pub log_allowed: bool,
    /// Whether the verdict is made available to the access log.
    pub access_log_state: bool,
    /// Whether a denied client is told the reason.
    pub explain_to_client: bool,
    /// Whether a caller who may do nothing in a namespace is told that it does not exist.
    pub hide_namespaces: bool,
    /// Whether denials are only reported: `mode: shadow`.
    pub shadow: bool,
    /// Where the name of the TLS peer comes from.
    pub peers: PeerSource,
    /// What is served on Temporal's HTTP port.
    pub http: HttpConfig,
    /// What authenticates the keys that VMs with this configuration share.
    pub share_key: ShareKey,
    /// Tells configurations apart. It depends on what they say, and not on how that is written.
    pub fingerprint: u32,
}

/// Where the name of the TLS peer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerSource {
    /// Nowhere: no rule depends on the peer.
    Unread,
    /// From the certificate of the connection.
    Connection,
    /// From `x-forwarded-client-cert`, which the proxy in front wrote.
    Forwarded,
}

impl Config {
    /// What this configuration reads of callers and requests to decide.
    #[must_use]
    pub fn inputs(&self) -> PolicyInputs {
        inputs(&self.policy, &self.issuers)
    }

    /// Checks a configuration for a module that does not read answers.
    ///
    /// # Errors
    /// Everything that is wrong with it, such as lists of namespaces that would have to be reduced.
    pub fn parse_for_lean(text: &[u8]) -> Result<Self, Vec<Problem>> {
        let mut config = Self::parse(text)?;
        if config.policy.reduces_lists() {
            let path = Path::default().member("authenticated");
            return Err(vec![Problem { path, kind: ProblemKind::Conflict(Conflict::ListsInLeanModule) }]);
        }
        config.policy.checks_answers = false;
        Ok(config)
    }

    /// Checks a configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, Vec<Problem>> {
        // JSON first: a line feed is both a blank before it and the first byte of a Struct.
        let tree = serde_json::from_slice(text).or_else(|why| struct_value::parse(text).ok_or(why));
        let tree: Json<'_> = tree
            .map_err(|why| vec![Problem { path: Path::default(), kind: ProblemKind::Unreadable(why.to_string()) }])?;
        let problems = Problems::default();
        let config = read(&Node::root(&tree, &problems), text);
        match (config, problems.into_list()) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(problems),
        }
    }
}

fn read(root: &Node<'_>, text: &[u8]) -> Option<Config> {
    let members = root.members(&[names::ROOT])?;
    let version = members.require("version", "1").and_then(|node| node.number(1, 1));
    let applies_to = members.get("applies_to").map_or(Some(None), |node| applies_to(&node).map(Some));
    let issuers = members
        .require("issuers", "at least one issuer, whose tokens are accepted")
        .and_then(|node| issuers::read(&node));
    let names = members.get("issuers").map(|node| issuers::known(&node)).unwrap_or_default();
    let added = members.get("methods").map_or(Some(Vec::new()), |node| policy::methods(&node));
    let catalogue = Catalogue::with(added.unwrap_or_default());
    let roles = policy::roles(members.get("roles").as_ref(), &catalogue);
    let parity = members.get("parity").map_or(Some(false), |node| node.word(PARITIES).map(|_| true));
    let grants = match (members.get("grants"), &roles) {
        (Some(node), Some(roles)) => grants::grants(&node, roles, &names, parity == Some(true)),
        _ => Some(Vec::new()),
    };
    let denials = members.get("denials").map_or(Some(Vec::new()), |node| {
        denials::denials(&node, &names, grants.as_deref().unwrap_or_default(), &catalogue)
    });
    let anonymous = match members.get("anonymous") {
        None => Some(
            ["grpc.health.v1.Health/Check", "GetSystemInfo"]
                .iter()
                .filter_map(|name| Some(catalogue.named(name)?.path.to_string()))
                .collect(),
        ),
        Some(node) => policy::open_methods(&node, &catalogue, Method::is_cluster_read),
    };
    let authenticated = members
        .get("authenticated")
        .map_or(Some(Vec::new()), |node| policy::open_methods(&node, &catalogue, Method::may_be_authenticated));
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (admin_service, forward_token) = (flag("admin_service"), flag("forward_token"));
    let (access_log_state, explain_to_client) = (flag("access_log_state"), flag("explain_to_client"));
    let hide_namespaces = flag("hide_namespaces");
    let second_of = |name: &str, words: &'static [&'static str]| {
        members.get(name).map_or(Some(false), |node| node.word(words).map(|index| index == 1))
    };
    let (shadow, refuses_newer) = (second_of("mode", MODES), second_of("newer_fields", NEWER_FIELDS));
    let log = members.get("log").map_or(Some(LogConfig::default()), |node| log(&node));

    let http = members.get("http").map_or(Some(HttpConfig::default()), |node| http::http(&node));
    let xfcc = members.get("peers").map_or(Some(false), |node| peers(&node));

    version?;
    let (grants, denials, http) = (grants?, denials?, http?);
    let mut anonymous = anonymous?;
    if http.openapi {
        anonymous.push(OPENAPI.path.to_string());
    }
    let of_denial =
        |denial: &Rc<Denial>| [&denial.who, &denial.unless].iter().filter_map(|who| who.as_ref()).any(depends_on_peer);
    let peers_matter = grants.iter().any(|grant| depends_on_peer(&grant.who)) || denials.iter().any(of_denial);
    let issuers = issuers?;
    let log = log?;
    let token_headers = match members.get("prefer") {
        Some(node) => prefer(&node, &issuers),
        None => Some(of_all_issuers(&issuers)),
    };
    let mut policy = Policy {
        grants: grants.into(),
        denials: denials.into(),
        anonymous,
        authenticated: authenticated?,
        parity: parity?,
        refuses_newer: refuses_newer?,
        checks_answers: true,
        recorded: None,
    };
    if log.replay {
        policy.recorded = Some(inputs(&policy, &issuers));
    }
    Some(Config {
        applies_to: applies_to?,
        issuers,
        token_headers: Rc::new(token_headers?),
        policy,
        catalogue,
        admin_service: admin_service?,
        forward_token: forward_token?,
        log_allowed: log.allowed,
        access_log_state: access_log_state?,
        explain_to_client: explain_to_client?,
        hide_namespaces: hide_namespaces?,
        shadow: shadow?,
        peers: if !peers_matter {
            PeerSource::Unread
        } else if xfcc? {
            PeerSource::Forwarded
        } else {
            PeerSource::Connection
        },
        http,
        share_key: ShareKey::of(text),
        fingerprint: fingerprint::of(root.value()),
    })
}

/// What the policy and the issuers' conditions read.
fn inputs(policy: &Policy, issuers: &[Issuer]) -> PolicyInputs {
    PolicyInputs::of(policy, issuers.iter().flat_map(|issuer| &issuer.service_when))
}

/// The member `log`.
#[derive(Default)]
struct LogConfig {
    allowed: bool,
    replay: bool,
}

fn log(node: &Node<'_>) -> Option<LogConfig> {
    let members = node.members(&[names::LOG])?;
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (allowed, replay) = (flag("allowed"), flag("replay"));
    Some(LogConfig { allowed: allowed?, replay: replay? })
}

/// The headers of all issuers. They have an order if every issuer has the same.
fn of_all_issuers(issuers: &[Issuer]) -> TokenHeaders {
    let mut lists = issuers.iter().map(|issuer| &issuer.rules.headers);
    let first = lists.next().cloned().unwrap_or_default();
    let ordered = if lists.all(|other| *other == first) { first } else { Vec::new() };
    TokenHeaders::new(ordered, issuers.iter().flat_map(|issuer| issuer.rules.headers.iter().cloned()))
}

/// The member `prefer`: headers of issuers, in the order in which they count.
fn prefer(node: &Node<'_>, issuers: &[Issuer]) -> Option<TokenHeaders> {
    let known = of_all_issuers(issuers);
    let nodes = node.non_empty_list()?;
    let ordered: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let name = node.text()?;
            if known.names().iter().any(|known| known == name) {
                Some(name.to_owned())
            } else {
                node.unknown_name(NameSort::Header, known.names().to_vec(), &[])
            }
        })
        .collect();
    (ordered.len() == nodes.len()).then(|| TokenHeaders::new(ordered, known.names().iter().cloned()))
}

/// The member `peers`: whether `x-forwarded-client-cert` is believed. Its gateways are for `temporal-auth check`.
fn peers(node: &Node<'_>) -> Option<bool> {
    let members = node.members(&[names::PEERS])?;
    if let Some(gateways) = members.get("gateways") {
        patterns::globs(&gateways)?;
    }
    members.get("xfcc").map_or(Some(false), |node| node.flag())
}

fn depends_on_peer(who: &Who) -> bool {
    who.peer.is_some()
}

fn applies_to(node: &Node<'_>) -> Option<Vec<Pattern>> {
    let clusters = node.members(&[names::APPLIES_TO])?.require("clusters", "a list of cluster names")?;
    if !matches!(clusters.value(), Json::Array(_)) {
        return clusters.invalid(Expected::ClusterNames);
    }
    patterns::matchers(&clusters, false)
}

#[cfg(test)]
mod tests;
