//! `temporal-auth replay`: what another configuration would decide about calls in a decision log.

mod line;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use temporal_auth::config::Config;
use temporal_auth::policy::Verdict;
use temporal_auth::report::replay::Recorded;
use temporal_auth::temporal::method::ADMIN_METHOD;
use temporal_auth::temporal::{MethodRef, Route};
use temporal_auth::time::Timestamp;

use crate::args::Replay;
use crate::explain;
use line::Line;

/// How many different changes are listed. The counts are of all.
const MOST: usize = 100;

/// What becomes of a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Same,
    NewlyAllowed(String),
    NewlyDenied(String),
    CannotReplay(String),
}

/// Counts of decisions, by what becomes of them.
#[derive(Debug, Default)]
struct Counts {
    same: u64,
    allowed: BTreeMap<String, u64>,
    denied: BTreeMap<String, u64>,
    not_replayed: BTreeMap<String, u64>,
}

/// Decides the calls in the logs again. Returns the text to print, and whether no verdict would change.
pub(crate) fn replay(options: &Replay) -> Result<(String, bool), String> {
    let configuration = explain::one(&options.file)?;
    let mut counts = Counts::default();
    for log in &options.logs {
        for line in lines(log)?.split(b'\n') {
            let line = line.map_err(|error| format!("cannot read {}: {error}", log.display()))?;
            if let Some(line) = Line::read(&String::from_utf8_lossy(&line)) {
                counts.add(outcome(&line, &configuration.config, options.at), line.count());
            }
        }
    }
    if counts.total() == 0 {
        return Err("no line has a decision: give the log of Envoy, or the decisions in it".to_owned());
    }
    if counts.replayed() == 0 {
        return Err(format!("none of {} decisions can be replayed:\n{}", counts.total(), list(&counts.not_replayed)));
    }
    Ok((counts.text(), counts.allowed.is_empty() && counts.denied.is_empty()))
}

/// The log in this file, or on standard input.
fn lines(log: &Path) -> Result<Box<dyn BufRead>, String> {
    if log == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(log).map_err(|error| format!("cannot read {}: {error}", log.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

impl Counts {
    fn add(&mut self, outcome: Outcome, count: u64) {
        let (by_text, text) = match outcome {
            Outcome::Same => {
                self.same = self.same.saturating_add(count);
                return;
            }
            Outcome::NewlyAllowed(text) => (&mut self.allowed, text),
            Outcome::NewlyDenied(text) => (&mut self.denied, text),
            Outcome::CannotReplay(text) => (&mut self.not_replayed, text),
        };
        let known = by_text.entry(text).or_default();
        *known = known.saturating_add(count);
    }

    fn replayed(&self) -> u64 {
        self.same.saturating_add(sum(&self.allowed)).saturating_add(sum(&self.denied))
    }

    fn total(&self) -> u64 {
        self.replayed().saturating_add(sum(&self.not_replayed))
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} decisions: {} the same, {} newly allowed, {} newly denied, {} cannot be replayed\n",
            self.total(),
            self.same,
            sum(&self.allowed),
            sum(&self.denied),
            sum(&self.not_replayed),
        );
        let lists = [
            ("Newly allowed", &self.allowed),
            ("Newly denied", &self.denied),
            ("Cannot be replayed", &self.not_replayed),
        ];
        for (title, by_text) in lists.into_iter().filter(|(_, by_text)| !by_text.is_empty()) {
            let _ = write!(text, "\n{title}:\n{}", list(by_text));
        }
        text
    }
}

fn sum(by_text: &BTreeMap<String, u64>) -> u64 {
    by_text.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// One line each, the most frequent first.
fn list(by_text: &BTreeMap<String, u64>) -> String {
    let mut texts: Vec<_> = by_text.iter().collect();
    texts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut list = String::new();
    for (text, count) in texts.iter().take(MOST) {
        let _ = writeln!(list, "  {count} × {text}");
    }
    let more = texts.len().saturating_sub(MOST);
    if more > 0 {
        let _ = writeln!(list, "  and {more} more kinds");
    }
    list
}

/// What this configuration would decide about a call in the log.
fn outcome(line: &Line, config: &Config, at: Option<Timestamp>) -> Outcome {
    let verdict = match verdict(line, config, at) {
        Ok(verdict) => verdict,
        Err(why) => return Outcome::CannotReplay(why),
    };
    let was_allowed = line.status() == Some(0);
    let was = line.text("rule").unwrap_or("no rule");
    match &verdict {
        Verdict::Allow(_) if was_allowed => Outcome::Same,
        Verdict::Deny(_) if !was_allowed => Outcome::Same,
        Verdict::Allow(permit) => {
            Outcome::NewlyAllowed(format!("{}: by {}, was denied by {was}", call(line), permit.rule().name()))
        }
        Verdict::Deny(reason) => {
            let rule = reason.rule();
            Outcome::NewlyDenied(format!("{}: by {}, was allowed by {was}: {reason}", call(line), rule.name()))
        }
    }
}

fn verdict(line: &Line, config: &Config, at: Option<Timestamp>) -> Result<Verdict, String> {
    if line.text("rule").is_none() {
        return Err("the policy did not decide it, or the line sums up several".to_owned());
    }
    if line.text("http").is_some() && !config.http.api {
        return Err("it came over HTTP, which the configuration switches off".to_owned());
    }
    let path = line.text("method").unwrap_or_default();
    let method = match config.catalogue.route(path.as_bytes()) {
        Route::Method(method) => method,
        Route::Admin if config.admin_service => MethodRef::Known(&ADMIN_METHOD),
        Route::Admin | Route::Closed | Route::Unknown => {
            return Err(format!("the configuration closes {path}, or does not know it"));
        }
    };
    if let Some(permit) = config.policy.permit_anonymous(&method) {
        return Ok(Verdict::Allow(permit));
    }
    let record = match line.record() {
        None if line.text("rule") == Some("anonymous") => {
            return Err("the method was open to everybody, so the caller is not known".to_owned());
        }
        None => return Err("it was not recorded: log.replay was not set".to_owned()),
        Some(record) if record.is_string() => return Err("its record was too long for a line".to_owned()),
        Some(record) => record,
    };
    let mut recorded = Recorded::read(record, method).ok_or("its record is damaged, or of another version")?;
    recorded.time = at.unwrap_or(recorded.time);
    let subject = line.text("subject").ok_or("it has no caller")?;
    recorded.decide(config, line.text("issuer"), subject).map_err(|why| why.to_string())
}

/// The call, in a few words.
fn call(line: &Line) -> String {
    let method = line.text("method").unwrap_or_default();
    let method = method.rsplit('/').next().unwrap_or(method);
    let subject = line.text("subject").unwrap_or("nobody").escape_debug();
    let issuer = line.text("issuer").map(|issuer| format!(" of issuer {issuer}")).unwrap_or_default();
    let namespaces = match line.namespaces().as_slice() {
        [] => String::new(),
        names => format!(" in {}", names.join(", ").escape_debug()),
    };
    format!("{method} by {subject}{issuer}{namespaces}")
}
