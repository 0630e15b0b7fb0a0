//! The answer as JSON.

use serde_json::{Value, json};
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::GrantScope;

use super::Answer;
use super::holders::{Holder, Wanted, listed};
use crate::analysis::calls::shown_name;
use crate::analysis::denied::Reached;
use crate::analysis::gives::Reach;
use crate::analysis::words;

pub(super) fn json(answer: &Answer<'_>) -> String {
    let effects: Vec<_> = answer.wanted.effects().names().collect();
    let method = match &answer.wanted {
        Wanted::Effect(_) => None,
        Wanted::Method(method) => Some(shown_name(method)),
    };
    let open: serde_json::Map<_, _> =
        answer.open.iter().map(|(list, methods)| ((*list).to_owned(), json!(methods))).collect();
    let ways = answer.ways.iter().map(|way| {
        let grants = way.holders.iter().filter(|holder| holder.is_in_force).map(|holder| &*holder.grant.name);
        json!({"by": way.by, "how": way.text, "grants": grants.collect::<Vec<_>>()})
    });
    let shown = json!({
        "effects": effects,
        "method": method,
        "namespace": answer.namespace,
        "calls": listed(&answer.calls),
        "open": open,
        "grants": answer.holders.iter().map(grant).collect::<Vec<_>>(),
        "denials": answer.denials.iter().map(|found| denial(found)).collect::<Vec<_>>(),
        "ways_around": ways.collect::<Vec<_>>(),
        "notes": answer.notes,
        "parity": answer.config.policy.parity,
    });
    format!("{shown:#}\n")
}

fn grant(holder: &Holder<'_>) -> Value {
    let grant = holder.grant;
    let denials = holder.denials.iter().map(|(denial, reached)| {
        let reached = if *reached == Reached::All { "all" } else { "some" };
        json!({"name": &*denial.name, "denies": reached, "shadow": denial.shadow})
    });
    json!({
        "name": &*grant.name,
        "in_force": holder.is_in_force,
        "role": words::role(grant).map(|role| &*role.name),
        "who": words::callers(&grant.who),
        "system": matches!(grant.gives, GrantScope::System(_)),
        "namespaces": holder.reaches.iter().map(reach).collect::<Vec<_>>(),
        "permissions": holder.permissions,
        "effects": holder.effects.names().collect::<Vec<_>>(),
        "calls": listed(&holder.calls),
        "limits": words::limits(&grant.limits),
        "until": grant.until.as_ref().map(ToString::to_string),
        "shadow": grant.shadow,
        "may_register": grant.may_register,
        "may_call_back": grant.may_call_back,
        "denials": denials.collect::<Vec<_>>(),
    })
}

fn reach(reach: &Reach) -> Value {
    let when = reach.when.iter().map(|condition| json!({"condition": condition.name, "values": condition.values}));
    json!({"pattern": reach.pattern, "if": when.collect::<Vec<_>>()})
}

fn denial(denial: &Denial) -> Value {
    json!({
        "name": &*denial.name,
        "for": words::denied_callers(denial),
        "except_within": denial.outside.iter().flat_map(words::limits).collect::<Vec<_>>(),
        "commands": denial.commands,
        "shadow": denial.shadow,
    })
}
