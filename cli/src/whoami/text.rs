//! What `whoami` prints.

use std::fmt::Write as _;

use temporal_auth::config::Config;
use temporal_auth::policy::Principal;
use temporal_auth::policy::grant::{ResolvedGrant, ResolvedScope};
use temporal_auth::token::TokenRefusal;

use super::cure::cure;
use super::{Bearer, Signature};
use crate::analysis::words::{self, plain};
use crate::clock;

/// How many namespaces of a grant are listed.
const MAX_NAMESPACES: usize = 20;

pub(super) fn refused(why: &TokenRefusal, signature: &Signature) -> String {
    let mut text = format!("refused    {why}\n");
    if let Some(cure) = cure(why) {
        let _ = writeln!(text, "cure       {cure}");
    }
    if *signature == Signature::Unchecked {
        text.push_str("signature  not checked\n");
    }
    text
}

pub(super) fn accepted(bearer: &Bearer<'_>, config: &Config) -> String {
    let Bearer { principal, signature, issuer, until, at } = bearer;
    let mut text = String::new();
    let mut line = |title: &str, value: String| {
        let _ = writeln!(text, "{title:<11}{value}");
    };
    let iss = issuer.rules.issuer.as_deref().map_or("without iss".to_owned(), plain);
    line("issuer", format!("{} ({iss})", plain(&issuer.name)));
    let subject = if principal.subject.is_empty() { "none".to_owned() } else { plain(&principal.subject) };
    line("subject", subject);
    if let Some(azp) = &principal.azp {
        line("client", plain(azp));
    }
    line("kind", principal.kind.map_or("not known: the issuer has no service_when", |kind| kind.name()).to_owned());
    if let Some(doubt) = &principal.doubt {
        line("doubt", plain(&doubt.to_string()));
    }
    let leeway = issuer.rules.leeway.as_secs();
    line("accepted", format!("until {}: exp, and {leeway} s of leeway", clock::show(*until)));
    line(
        "signature",
        match signature {
            Signature::CheckedByFile(file) => format!("checked, by a key in {}", plain(file)),
            Signature::CheckedByConfig => "checked, by a key in the configuration".to_owned(),
            Signature::Unchecked => {
                "not checked, only read: the issuer has the keys; check it with --jwks FILE".to_owned()
            }
        },
    );
    if config.shadow {
        line("note", "mode: shadow, so nothing is enforced".to_owned());
    }
    let grants = principal.grants();
    text.push_str(if grants.is_empty() { "\nNo grant is for this caller.\n" } else { "\nGrants:\n" });
    for resolved in grants {
        text.push_str(&grant(resolved, config, *at));
    }
    text.push_str(&denials(principal));
    let open = [("anonymous", &config.policy.anonymous), ("authenticated", &config.policy.authenticated)];
    for (list, paths) in open.into_iter().filter(|(_, paths)| !paths.is_empty()) {
        let names: Vec<_> = paths.iter().filter_map(|path| path.rsplit('/').next()).collect();
        let _ = writeln!(text, "\n{list}: {}", names.join(", "));
    }
    text
}

fn grant(resolved: &ResolvedGrant, config: &Config, at: temporal_auth::time::Timestamp) -> String {
    let mut text = format!("  {}: role {}\n", plain(&resolved.name), plain(&resolved.role.name));
    let mut line = |title: &str, value: String| {
        let _ = writeln!(text, "    {title:<9}{value}");
    };
    match &resolved.scope {
        ResolvedScope::System => line("where", words::EVERYWHERE.to_owned()),
        ResolvedScope::Namespaces(set) => {
            let all: Vec<_> = set.written().map(|pattern| format!("{pattern:?}")).collect();
            let more = all.len().saturating_sub(MAX_NAMESPACES);
            let shown: Vec<_> = all.into_iter().take(MAX_NAMESPACES).collect();
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            line("where", format!("namespaces {}{more}", shown.join(", ")));
        }
    }
    resolved.limits.iter().flat_map(|limits| words::limits(limits)).for_each(|limit| line("limit", limit));
    if resolved.may_register {
        line("may", "register these namespaces".to_owned());
    }
    if resolved.may_call_back {
        line("may", "register callbacks into Temporal itself".to_owned());
    }
    match &resolved.until {
        Some(until) if until.has_passed(at) => line("ended", format!("at {until}: it gives nothing")),
        Some(until) => line("until", until.to_string()),
        None => {}
    }
    if resolved.shadow {
        line("shadow", "it gives nothing".to_owned());
    }
    if config.policy.parity {
        line("parity", "counts as the greatest built-in role that it contains".to_owned());
    }
    text
}

fn denials(principal: &Principal) -> String {
    let mut text = String::new();
    for (denial, wide) in principal.denials() {
        if text.is_empty() {
            text.push_str("\nDenials:\n");
        }
        let _ = writeln!(text, "  {}: {}", plain(&denial.name), words::denied_operations(denial));
        let mut line = |title: &str, value: String| {
            let _ = writeln!(text, "    {title:<9}{value}");
        };
        line("where", words::denied_places(denial));
        denial.outside.iter().flat_map(words::limits).for_each(|limit| line("except", format!("calls within {limit}")));
        if denial.commands {
            line("also", "what the answers of workers do".to_owned());
        }
        for reading in wide.iter().flat_map(|wide| &wide.readings) {
            line("read", plain(&reading.to_string()));
        }
        if let Some(doubt) = wide.and_then(|wide| wide.doubt.as_ref()) {
            line("doubt", plain(&doubt.to_string()));
        }
        if denial.shadow {
            line("shadow", "it denies nothing".to_owned());
        }
    }
    text
}
