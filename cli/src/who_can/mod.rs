//! `temporal-auth who-can`: everybody to whom a policy gives an effect or a method, and every known way around.

mod holders;
mod json;
mod text;
mod ways;

use temporal_auth::config::Config;
use temporal_auth::policy::denial::Denial;
use temporal_auth::temporal::{EffectSet, Scope};

use crate::analysis::calls::shown_name;
use crate::args::WhoCan;
use crate::explain;
use crate::suggest;
use holders::{Holder, Wanted, WantedCall};
use ways::Way;

/// The answer to a question.
#[derive(Debug)]
struct Answer<'a> {
    config: &'a Config,
    wanted: Wanted,
    /// `None` for what is done in the cluster.
    namespace: Option<&'a str>,
    calls: Vec<WantedCall>,
    /// Methods for everybody, and methods for every good token, that do it.
    open: [(&'static str, Vec<String>); 2],
    holders: Vec<Holder<'a>>,
    denials: Vec<&'a Denial>,
    ways: Vec<Way<'a>>,
    /// What else is to be known.
    notes: Vec<&'static str>,
}

/// Answers a question. Returns the text to print.
pub(crate) fn who_can(question: &WhoCan) -> Result<(String, bool), String> {
    let configuration = explain::one(&question.file)?;
    let config = &configuration.config;
    let what = question.what.as_str();
    let wanted = EffectSet::named(what).map(Wanted::Effect);
    let wanted = wanted.or_else(|| config.catalogue.named(what).map(Wanted::Method));
    let wanted = wanted.ok_or_else(|| suggest::unknown_operation(what))?;
    let mut calls = wanted.calls(config);
    let is_in_namespaces = calls.iter().any(|call| call.method.scope == Scope::Namespace);
    let namespace = question.namespace.as_deref();
    if is_in_namespaces && namespace.is_none() {
        let in_cluster = calls.iter().any(|call| call.method.scope == Scope::Cluster);
        if !in_cluster {
            return Err(format!("{what} happens in namespaces; name one with --namespace"));
        }
        calls.retain(|call| call.method.scope == Scope::Cluster);
    }
    let now = question.time.at();
    let policy = &config.policy;
    let open = [("anonymous", &policy.anonymous), ("authenticated", &policy.authenticated)];
    let open = open.map(|(list, paths)| {
        let listed = calls.iter().filter(|call| paths.iter().any(|path| *path == call.method.path));
        (list, listed.map(|call| shown_name(&call.method).to_owned()).collect())
    });
    let answer = Answer {
        config,
        namespace,
        open,
        holders: holders::holders(config, &wanted, namespace, now),
        denials: holders::denials(config, &wanted, &calls, namespace),
        ways: ways::ways(config, &wanted, namespace, now),
        notes: notes(config, &wanted),
        calls,
        wanted,
    };
    let shown = if question.json { json::json(&answer) } else { text::text(&answer) };
    Ok((shown, true))
}

fn notes(config: &Config, wanted: &Wanted) -> Vec<&'static str> {
    let effects = wanted.effects();
    let mut notes = Vec::new();
    if config.shadow {
        notes.push("mode: shadow, so nothing is enforced: a call that no rule allows goes on all the same");
    }
    if config.policy.parity {
        notes.push(
            "parity: upstream, so a request is judged by its method and its own namespace: whoever may call a method may use \
             all its options, and act in other namespaces by it",
        );
    }
    if effects.covers(EffectSet::SEARCH_ATTRIBUTES) {
        notes.push("on Elasticsearch, search attributes belong to the whole cluster: whoever has the effect in another namespace changes them here");
    }
    if effects.covers(EffectSet::CLUSTER_ADMIN) {
        notes.push("every call that changes something of Temporal's own has this effect, in whichever namespace");
    }
    notes
}
