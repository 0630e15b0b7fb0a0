//! Istio's own JWT filter in the same proxy: it may take the token away before the filter sees it, or require a token that
//! the filter has taken away.

use std::rc::Rc;

use temporal_auth::config::Config;

use super::attachment::Attachment;
use super::{list, namespace};
use crate::deployment::{Deployment, DeploymentKind, at, pointed, text};
use crate::report::Diagnostic;
use crate::yaml::YamlNode;
use crate::yaml::location::members;

pub(super) fn check(config: &Config, deployment: &Deployment, documents: &[Rc<YamlNode>]) -> Vec<Diagnostic> {
    if !matches!(deployment.kind, DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension) {
        return Vec::new();
    }
    let document = &deployment.document;
    let attachment = Attachment::of(document);
    let is_first = text(document, &["spec", "phase"]) == Some("AUTHN");
    let path = members(&["spec", "phase"]);
    let span = pointed(document, &path);
    let mut warnings = Vec::new();
    for policy in documents.iter().filter(|node| text(node, &["kind"]) == Some("RequestAuthentication")) {
        if !attachment.overlaps(&Attachment::of(policy), documents) {
            continue;
        }
        let name = text(policy, &["metadata", "name"]).unwrap_or_default();
        let name = format!("RequestAuthentication {}/{name}", namespace(policy));
        let rules = list(at(policy, &["spec", "jwtRules"])).iter().filter(|rule| reads_ours(rule, config));
        let rules: Vec<_> = rules.collect();
        for rule in &rules {
            let requires = text(rule, &["presence"]) == Some("REQUIRED");
            let takes = text(rule, &["forwardOriginalToken"]) != Some("true");
            let (problem, help) = if is_first && requires && !config.forward_token {
                let problem = "requires the token that the filter has removed before, so every call is refused";
                (problem, "set forward_token: true in the configuration, or remove `presence: REQUIRED` there")
            } else if !is_first && takes {
                let problem = "removes the token before the filter reads it, so every call is answered 16";
                (problem, "set forwardOriginalToken: true there, or phase: AUTHN here")
            } else if requires && config.policy.grants.iter().any(|grant| grant.who.without_token) {
                let problem = "requires a token, so peers without a token are refused, although grants here allow them";
                (problem, "remove `presence: REQUIRED` there, or those grants")
            } else {
                continue;
            };
            warnings.push(Diagnostic::warning(format!("{path}: {name} {problem}"), span, help));
        }
        let mut names =
            config.issuers.iter().filter_map(|issuer| Some((&issuer.name, issuer.rules.issuer.as_deref()?)));
        let unknown = names.find(|(_, url)| !rules.iter().any(|rule| text(rule, &["issuer"]) == Some(url)));
        if let Some((issuer, url)) = unknown.filter(|_| !is_first && !rules.is_empty()) {
            let problem =
                format!("{path}: {name} refuses the tokens of issuer {issuer}, which none of its jwtRules names");
            let help = format!("add a rule for {url:?} there, or write phase: AUTHN here");
            warnings.push(Diagnostic::warning(problem, span, help));
        }
    }
    warnings
}

/// Whether a rule looks for a token in a header in which the filter looks for it.
fn reads_ours(rule: &YamlNode, config: &Config) -> bool {
    let headers = headers(rule);
    config.token_headers.names().iter().any(|ours| headers.contains(&ours.to_ascii_lowercase()))
}

/// The headers in which a rule looks for a token, in lower case.
fn headers(rule: &YamlNode) -> Vec<String> {
    let named: Vec<_> = list(rule.value("fromHeaders").map(|node| &**node))
        .iter()
        .filter_map(|header| text(header, &["name"]).map(str::to_ascii_lowercase))
        .collect();
    let is_elsewhere = ["fromHeaders", "fromParams", "fromCookies"].iter().any(|name| rule.get(name).is_some());
    if is_elsewhere { named } else { vec!["authorization".to_owned()] }
}
