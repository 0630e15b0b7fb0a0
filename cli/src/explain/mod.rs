//! `temporal-auth explain`: what the filter would decide about a call, and why.

mod denied;
mod misses;
mod trial;

use std::fmt::Write as _;

use serde_json::{Map, Value};
use temporal_auth::time::Timestamp;
use temporal_auth::token::jose::ParsedToken;
use temporal_auth::wire::json;

use crate::args::Question;
use crate::caller::{AssumedCaller, AssumedToken, TokenForm, TokenTimes};
use crate::filter::{Call, Evaluation, Filter, ResolvedCaller};
use crate::load::{self, Configuration};
use crate::report;
use crate::suggest;
use temporal_auth::answer::Answer;
use temporal_auth::config::PeerSource;
use temporal_auth::policy::Rule;
use temporal_auth::temporal::{API_VERSION, Access, Limit, Scope, Target};

/// Answers a question. Returns the text to print, and whether the call is allowed.
pub(crate) fn explain(question: &Question) -> Result<(String, bool), String> {
    let configuration = one(&question.file)?;
    let mut caller = caller(question, &configuration)?;
    let call = Call::new(&configuration.config, &question.method, &question.namespace)
        .ok_or_else(|| suggest::unknown_method(&question.method))?;
    let call = match &question.request {
        None => call,
        Some(request) => {
            let request = json::parse_object(request.as_bytes())
                .map_err(|why| format!("the request is no JSON object: {why}"))?;
            call.with_request(&Value::Object(request), &question.namespace)?
        }
    };
    let target = call.target();
    let evaluation = Filter::new(&configuration.value, &caller)?.evaluate(&caller, &call);
    // Often only an expired token is at hand: explain what its claims would allow.
    let (judged, refused) = if evaluation.is_untimely {
        caller.times = TokenTimes::Ignored;
        (Filter::new(&configuration.value, &caller)?.evaluate(&caller, &call), Some(evaluation.reason.clone()))
    } else {
        (evaluation.clone(), None)
    };

    let mut text = String::new();
    let ResolvedCaller { subject, kind, doubt } = judged.caller.clone().unwrap_or_default();
    // A token must not be able to add lines to the output.
    let subject = subject.escape_debug();
    let kind = kind.map(|kind| format!(", {kind}")).unwrap_or_default();
    let doubt = doubt.map(|doubt| format!(": {}", doubt.escape_debug())).unwrap_or_default();
    let who = match &caller.issuer {
        _ if judged.caller.is_none() => "nobody".to_owned(),
        Some(issuer) => format!("{subject} of issuer {issuer}{kind}{doubt}"),
        None => format!("{subject}, a TLS peer without a token"),
    };
    let _ = writeln!(text, "caller   {who}");
    let is_sent_as_it_is = matches!(&caller.token, Some(AssumedToken { form: TokenForm::Refused(_), .. }));
    if caller.issuer.is_some() && !is_sent_as_it_is {
        text.push_str("         the claims are assumed to be verified: no signature was checked\n");
    }
    if let Some(peer) = &caller.peer {
        let _ = writeln!(text, "peer     {}", peer.escape_debug());
        text.push_str(match configuration.config.peers {
            PeerSource::Unread => "         no rule uses the peer, so it is not read\n",
            PeerSource::Connection => "         as the certificate of the connection would name it\n",
            PeerSource::Forwarded => "         as x-forwarded-client-cert would name it\n",
        });
    }
    let _ = writeln!(text, "call     {}", call.path);
    if let Some(target) = &target {
        text.push_str(&described(target));
        if question.request.is_none() && target.method.scope == Scope::Namespace {
            text.push_str("         options in a request may add effects, namespaces and names: --request\n");
        }
        if configuration.config.policy.parity {
            text.push_str("         parity: upstream, so the method and its own namespace decide about grants\n");
        }
    }
    if let Some(why) = refused {
        let _ = writeln!(text, "token    REFUSED with UNAUTHENTICATED: {why}\n         ignoring exp, nbf and iat:");
    }
    let _ = writeln!(text, "verdict  {}", verdict(&judged));
    if judged.answer == Some(Answer::NamespaceNotFound) {
        text.push_str("answer   NOT_FOUND, as if the namespace did not exist: hide_namespaces\n");
    }
    if judged.reduces_answer {
        text.push_str("answer   reduced to the namespaces that the caller may describe\n");
    }
    if !judged.reason.is_empty() {
        let _ = writeln!(text, "reason   {}", judged.reason);
    }
    if let Some(shadow) = &judged.shadow {
        let _ = writeln!(text, "shadow   {shadow}");
    }
    if let Some(answer) = judged.answer.filter(|_| configuration.config.shadow) {
        text.push_str(if answer.row().forwarded_in_shadow {
            "         mode: shadow lets the call go on all the same\n"
        } else {
            "         mode: shadow does not let such a call go on either\n"
        });
    }
    if let (true, Some(rule), Some(target)) = (judged.is_denied(), &judged.rule, &target) {
        text.push_str(&why(&configuration, &caller, &call, rule, target)?);
    }
    Ok((text, evaluation.is_allowed()))
}

/// The lines that describe what a call would do.
fn described(target: &Target) -> String {
    let mut text = String::new();
    for (index, (namespace, effects)) in target.effects_by_namespace().enumerate() {
        let title = if index == 0 { "effects" } else { "" };
        let namespace = match namespace {
            "" if target.needs_system.is_some() => String::new(),
            "" => " in no namespace".to_owned(),
            namespace => format!(" in namespace {}", namespace.escape_debug()),
        };
        let _ = writeln!(text, "{title:<9}{effects}{namespace}");
    }
    if let Some(why) = target.needs_system {
        let _ = writeln!(text, "         {why}");
    }
    if !target.commands.is_empty() {
        let _ = writeln!(text, "commands {}: only denials with commands: true apply to them", target.commands);
    }
    if target.registers_callback {
        text.push_str("         the request registers a completion callback into Temporal itself\n");
    }
    let names = &target.names;
    let queues: Vec<_> = names.queues.iter().map(|queue| format!("{:?}", queue.name)).collect();
    let others =
        Limit::ALL.map(|limit| (title(limit), names.of(limit).iter().map(|name| format!("{name:?}")).collect()));
    let lists = std::iter::once((title(Limit::TaskQueues), queues)).chain(others);
    for (title, list) in lists.filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(text, "{title:<9}{}", list.join(", "));
    }
    let facts = [
        (Limit::ALL.into_iter().any(|limit| names.is_incomplete(limit)), "and more names than are checked"),
        (names.has_standalone_task, "the task belongs to a standalone activity, whatever workflow its token names"),
        (names.has_unread_operation, "and the names in an operation at Temporal's own endpoint, which is not read"),
        (names.attaches_to_running, "it may change an execution that is already running"),
    ];
    for (_, fact) in facts.iter().filter(|(is_so, _)| *is_so) {
        let _ = writeln!(text, "         {fact}");
    }
    for part in &target.newer.first {
        let _ = writeln!(text, "         {part} is newer than API {API_VERSION}");
    }
    text
}

/// The title of the line with these names.
fn title(limit: Limit) -> &'static str {
    match limit {
        Limit::TaskQueues => "queues",
        Limit::WorkflowTypes => "types",
        Limit::NexusEndpoints => "nexus",
        Limit::WorkflowIds => "ids",
        Limit::ScheduleIds => "schedule",
        Limit::Signals => "signals",
        Limit::Queries => "queries",
        Limit::Updates => "updates",
    }
}

/// Why policy denied a call: the denial that matches, or the grants that nearly cover it.
fn why(
    configuration: &Configuration,
    caller: &AssumedCaller,
    call: &Call,
    rule: &Rule,
    target: &Target,
) -> Result<String, String> {
    let mut text = String::new();
    let config = &configuration.value;
    if let Rule::Denial(name) = rule {
        let _ = writeln!(text, "\nDenial {name} matches:");
        for (condition, by) in denied::conditions(config, caller, call, name)? {
            let _ = writeln!(text, "  {condition}: {by}");
        }
        let without = denied::without(config, caller, call, name)?;
        let _ = writeln!(text, "Without it: {}", verdict(&without));
        return Ok(text);
    }
    if configuration.config.policy.parity && target.method.access == Access::Unlisted {
        return Ok(
            "\nNo grant can cover it: no released server has the method, so parity: upstream grants it to nobody.\n"
                .to_owned(),
        );
    }
    if configuration.config.policy.refuses_newer && target.newer.count > 0 {
        let counted = Filter::new(&misses::without(config, &["newer_fields"]), caller)?.evaluate(caller, call);
        if counted.is_allowed() {
            return Ok(format!("\nWithout newer_fields: refuse: {}\n", verdict(&counted)));
        }
    }
    let mut effects = target.effects_by_namespace().fold(target.effects, |all, (_, effects)| all.with(effects));
    if configuration.config.policy.parity {
        effects = target.method.effects;
    }
    let (misses, is_cut) = misses::find(config, caller, call, &effects.names().collect::<Vec<_>>())?;
    if misses.is_empty() {
        text.push_str("\nNo near misses: no grant is for this caller, and no other grant covers the call.\n");
    } else {
        text.push_str("\nNear misses:\n");
    }
    for (grant, why) in misses {
        let _ = writeln!(text, "  {grant}: {why}");
    }
    if is_cut {
        let _ = writeln!(text, "  and possibly more than these {}", misses::MOST);
    }
    Ok(text)
}

/// The verdict in one line.
pub(crate) fn verdict(evaluation: &Evaluation) -> String {
    let rule = evaluation.rule.as_ref().map(|rule| format!(" by rule {}", rule.name())).unwrap_or_default();
    match evaluation.answer {
        None => format!("ALLOW{rule}"),
        Some(_) if evaluation.is_denied() => format!("DENY{rule}"),
        Some(answer) => format!("REFUSE with {}", answer.row().code.name()),
    }
}

/// The only configuration in a file, if it is valid.
pub(crate) fn one(path: &std::path::Path) -> Result<Configuration, String> {
    let mut file = load::file(path)?;
    file.wrong.extend(file.no_config.take());
    if !file.wrong.is_empty() {
        let (shown, ..) = report::show(&mut file.wrong, &file.source);
        return Err(format!("{} is not valid:\n{shown}", file.source.name));
    }
    match (file.configurations.pop(), file.configurations.len()) {
        (Some(configuration), 0) => Ok(configuration),
        (_, others) => {
            Err(format!("{} has {} configurations, and one is needed", file.source.name, others.saturating_add(1)))
        }
    }
}

/// The caller that the question is about.
fn caller(question: &Question, configuration: &Configuration) -> Result<AssumedCaller, String> {
    if let Some(token) = &question.token {
        let (header, peer) = (question.header.clone(), question.peer.clone());
        return Ok(bearer(token, header, peer, question.time.at(), configuration));
    }
    let claims = match &question.claims {
        None => None,
        Some(claims) => {
            Some(json::parse_object(claims.as_bytes()).map_err(|why| format!("the claims are no JSON object: {why}"))?)
        }
    };
    claimed(question.issuer.as_deref(), claims, question.peer.clone(), question.time.at(), configuration)
}

/// A caller with a token, in this header, if one is named.
pub(crate) fn bearer(
    token: &str,
    header: Option<String>,
    peer: Option<String>,
    at: Timestamp,
    configuration: &Configuration,
) -> AssumedCaller {
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let unverified = ParsedToken::parse(token.as_bytes()).ok();
    let issuers = &configuration.config.issuers;
    let issuer_of = |token: &ParsedToken<'_>| issuers.iter().find(|issuer| issuer.rules.is_issuer_of(&token.claims));
    let issuer = unverified.as_ref().and_then(issuer_of);
    let readable =
        unverified.filter(|token| issuer.is_some_and(|issuer| issuer.rules.algorithms.contains(&token.algorithm)));
    let (form, claims) = match readable {
        Some(token) => (TokenForm::Signed { typ: token.typ, has_kid: token.kid.is_some() }, token.claims),
        None => (TokenForm::Refused(token.to_owned()), Map::new()),
    };
    AssumedCaller {
        issuer: issuer.map(|issuer| issuer.name.to_string()),
        claims,
        token: Some(AssumedToken { header, form }),
        times: TokenTimes::Checked,
        peer,
        at,
    }
}

/// A caller with claims, a TLS peer, or both. The issuer need not be named if there is only one.
pub(crate) fn claimed(
    issuer: Option<&str>,
    claims: Option<Map<String, Value>>,
    peer: Option<String>,
    at: Timestamp,
    configuration: &Configuration,
) -> Result<AssumedCaller, String> {
    let claims = match (claims, &peer) {
        (Some(claims), _) => claims,
        (None, Some(peer)) => return Ok(AssumedCaller::without_token(peer.clone(), at)),
        (None, None) => return Err("a caller has claims, or a peer".to_owned()),
    };
    let names: Vec<_> = configuration.config.issuers.iter().map(|issuer| issuer.name.to_string()).collect();
    let issuer = match (issuer, names.as_slice()) {
        (Some(name), names) if names.iter().any(|known| known == name) => name,
        (None, [only]) => only,
        (Some(name), names) => return Err(suggest::unknown_issuer(name, names)),
        (None, names) => return Err(format!("name an issuer, one of {}", names.join(", "))),
    };
    Ok(AssumedCaller { peer, ..AssumedCaller::with_claims(issuer, claims, at) })
}
