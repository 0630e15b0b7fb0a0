//! The answer as text.

use std::fmt::Write as _;

use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::GrantScope;
use temporal_auth::temporal::EffectSet;

use super::Answer;
use super::holders::{Holder, Wanted, listed};
use super::ways::Way;
use crate::analysis::calls::shown_name;
use crate::analysis::denied::Reached;
use crate::analysis::gives::{Condition, Reach};
use crate::analysis::words::{self, plain};

/// How many values of a claim are listed.
const MAX_VALUES: usize = 6;
/// The effects that a worker's commands have.
const COMMANDS: EffectSet = EffectSet::START.with(EffectSet::SIGNAL).with(EffectSet::CANCEL).with(EffectSet::NEXUS);

pub(super) fn text(answer: &Answer<'_>) -> String {
    let mut text = String::new();
    match &answer.wanted {
        Wanted::Effect(effect) => {
            let _ = writeln!(text, "effect     {effect}");
        }
        Wanted::Method(method) => {
            let _ = writeln!(text, "method     {} ({})", shown_name(method), method.effects);
        }
    }
    let _ = match answer.namespace {
        Some(namespace) => writeln!(text, "namespace  {}", namespace.escape_debug()),
        None => writeln!(text, "in the cluster"),
    };
    if let Wanted::Effect(_) = answer.wanted {
        for (index, call) in listed(&answer.calls).iter().enumerate() {
            let _ = writeln!(text, "{:<11}{call}", if index == 0 { "calls" } else { "" });
        }
    }
    for note in &answer.notes {
        let _ = writeln!(text, "{:<11}{note}", "note");
    }
    for (list, methods) in answer.open.iter().filter(|(_, methods)| !methods.is_empty()) {
        let who =
            if *list == "anonymous" { "everybody, with or without a token" } else { "everybody with a good token" };
        let _ = writeln!(text, "\n{list}: {who}: {}", methods.join(", "));
    }
    let (holders, without): (Vec<_>, Vec<_>) = answer.holders.iter().partition(|holder| holder.is_in_force);
    text.push_str(if holders.is_empty() { "\nNo grant gives it.\n" } else { "\nGrants that give it:\n" });
    holders.iter().for_each(|holder| text.push_str(&grant(holder, answer)));
    if !without.is_empty() {
        text.push_str("\nGrants that would give it, but are in shadow or have ended:\n");
        without.iter().for_each(|holder| text.push_str(&grant(holder, answer)));
    }
    if !answer.denials.is_empty() {
        text.push_str("\nDenials of it:\n");
        answer.denials.iter().for_each(|found| text.push_str(&denial(found, answer)));
    }
    if !answer.ways.is_empty() {
        text.push_str("\nWays around, by other effects or calls:\n");
        answer.ways.iter().for_each(|found| text.push_str(&way(found, answer)));
    }
    text
}

fn grant(holder: &Holder<'_>, answer: &Answer<'_>) -> String {
    let grant = holder.grant;
    let role =
        words::role(grant).map_or("by a permissions claim".to_owned(), |role| format!("role {}", plain(&role.name)));
    let mut text = format!("  {}: {role}\n", plain(&grant.name));
    let mut line = |title: &str, value: String| {
        let _ = writeln!(text, "    {title:<9}{value}");
    };
    line("who", words::callers(&grant.who));
    match &grant.gives {
        GrantScope::System(_) => line("where", "the cluster and every namespace (system: true)".to_owned()),
        GrantScope::Namespaces(..) if holder.reaches.is_empty() => {
            line("where", "by a command from another namespace".to_owned());
        }
        GrantScope::Namespaces(..) => {
            for (index, reach) in holder.reaches.iter().enumerate() {
                line(if index == 0 { "where" } else { "" }, where_(reach));
            }
        }
        GrantScope::Permissions(claim, format) => {
            let how =
                format.regex.as_ref().map_or(String::new(), |regex| format!(", as {:?} reads them", regex.as_str()));
            line(
                "where",
                format!("if claim {} has {}{how}", plain(&claim.to_string()), holder.permissions.join(" or ")),
            );
        }
    }
    if !holder.effects.covers(answer.wanted.effects()) {
        line("only", format!("{}; another grant must cover the rest", holder.effects));
    }
    if holder.calls.len() < answer.calls.len() {
        line("only by", listed(&holder.calls).join(", "));
    }
    for condition in words::conditions(grant) {
        line("limit", condition);
    }
    for (denial, reached) in &holder.denials {
        let shadow = if denial.shadow { ", in shadow: nothing is denied" } else { "" };
        let how = match reached {
            Reached::All => "all of it",
            Reached::Some | Reached::None => "in part, or to some",
        };
        line("denied", format!("{how}, by {}{shadow}", plain(&denial.name)));
    }
    text
}

/// By which pattern a grant reaches a namespace, and for whom.
fn where_(reach: &Reach) -> String {
    let Reach { pattern, when } = reach;
    if when.is_empty() {
        return format!("namespaces {pattern:?}");
    }
    let values = |condition: &Condition| {
        let Condition { name, values } = condition;
        let shown: Vec<_> = values.iter().take(MAX_VALUES).map(|value| format!("{value:?}")).collect();
        match values.len().checked_sub(MAX_VALUES) {
            _ if values.is_empty() => format!("{name} fits"),
            None | Some(0) => format!("{name} has {}", shown.join(" or ")),
            Some(more) => format!("{name} has {} or {more} others", shown.join(" or ")),
        }
    };
    format!("namespaces {pattern:?}, if {}", when.iter().map(values).collect::<Vec<_>>().join(", or "))
}

fn denial(denial: &Denial, answer: &Answer<'_>) -> String {
    let mut text = format!("  {}: for {}\n", plain(&denial.name), words::denied_callers(denial));
    let mut line = |title: &str, value: String| {
        let _ = writeln!(text, "    {title:<9}{value}");
    };
    if let Some(denied) =
        denial.operations.as_ref().filter(|denied| !denied.effects.intersects(answer.wanted.effects()))
    {
        let named = denied.methods.iter().map(|path| path.rsplit('/').next().unwrap_or_default());
        line("only", named.collect::<Vec<_>>().join(", "));
    }
    for limit in denial.outside.iter().flat_map(words::limits) {
        line("except", format!("calls within {limit}"));
    }
    let answers = denial.operations.as_ref().is_none_or(|denied| denied.effects.covers(EffectSet::RESPOND));
    if !denial.commands && !answers && answer.wanted.effects().intersects(COMMANDS) {
        line("except", "what the answers of workers do in their own namespace (commands: false)".to_owned());
    }
    if denial.shadow {
        line("shadow", "nothing is denied".to_owned());
    }
    text
}

fn way(way: &Way<'_>, answer: &Answer<'_>) -> String {
    let is_listed = |holder: &&&Holder<'_>| {
        answer.holders.iter().any(|known| known.is_in_force && known.grant.name == holder.grant.name)
    };
    let in_force: Vec<_> = way.holders.iter().filter(|holder| holder.is_in_force).collect();
    let (listed, others): (Vec<_>, Vec<_>) = in_force.iter().partition(is_listed);
    let names = |holders: &[&&Holder<'_>]| {
        holders.iter().map(|holder| plain(&holder.grant.name)).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!("  {}: {}\n", way.by, way.text);
    if !others.is_empty() {
        let _ = writeln!(text, "    {:<9}{}", "grants", names(&others));
    }
    if !listed.is_empty() {
        let _ = writeln!(text, "    {:<9}{}", "also", names(&listed));
    }
    text
}
