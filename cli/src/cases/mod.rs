//! `temporal-auth test`: calls, each with its expected verdict.

mod read;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use temporal_auth::policy::Rule;
use temporal_auth::time::Timestamp;

use crate::explain;
use crate::filter::{Call, Evaluation, Filter};
use crate::load::{self, Configuration};
use crate::report::{self, Diagnostic};
use crate::suggest;
use read::{CaseFile, TestCase};

/// Runs the cases of all files. Returns the text to print, and whether every case passed.
pub(crate) fn test(files: &[PathBuf], at: Timestamp) -> Result<(String, bool), String> {
    let (mut text, mut good) = (String::new(), true);
    for file in files {
        let (shown, passed) = run(file, at)?;
        text.push_str(&shown);
        good &= passed;
    }
    Ok((text, good))
}

fn run(file: &Path, at: Timestamp) -> Result<(String, bool), String> {
    let source = load::source(file)?;
    let CaseFile { config, cases } = match read::read(&source.text) {
        Ok(cases) => cases,
        Err(mut wrong) => {
            return Err(format!("{} is not valid:\n{}", source.name, report::show(&mut wrong, &source).0));
        }
    };
    // The path is relative to the file of cases.
    let configuration = explain::one(&file.parent().unwrap_or(Path::new("")).join(config))?;
    let mut decided: Vec<Rule> = Vec::new();
    let mut failed: Vec<Diagnostic> = Vec::new();
    for case in &cases {
        let evaluation = evaluation(case, &configuration, at)
            .map_err(|why| Diagnostic::error(format!("{}: {why}", case.name), case.at).show(&source))?;
        if let Some(why) = mismatch(case, &evaluation) {
            failed.push(Diagnostic::error(format!("{}: {why}", case.name), case.at));
        }
        decided.extend(evaluation.rule);
    }
    let (mut text, counts) = report::show(&mut failed, &source);
    let failures = counts.errors;
    let passed = cases.len().saturating_sub(failures);
    let _ = writeln!(text, "{}: {passed} passed, {failures} failed", source.name);
    let policy = &configuration.config.policy;
    // Rules in shadow decide nothing.
    let grants = policy.grants.iter().filter(|grant| !grant.shadow);
    let grants: Vec<_> = grants.map(|grant| Rule::Grant(Rc::clone(&grant.name))).collect();
    let denials = policy.denials.iter().filter(|denial| !denial.shadow);
    let denials: Vec<_> = denials.map(|denial| Rule::Denial(Rc::clone(&denial.name))).collect();
    let _ = writeln!(text, "{}: {}", source.name, coverage(&grants, "grants", &decided));
    // Many configurations have no denials.
    if !denials.is_empty() {
        let _ = writeln!(text, "{}: {}", source.name, coverage(&denials, "denials", &decided));
    }
    Ok((text, failures == 0))
}

/// The cases whose verdicts differ between two configurations: the name, the old verdict and the new one. The configuration that
/// the file names does not matter.
pub(crate) fn compare(
    file: &Path,
    old: &Configuration,
    new: &Configuration,
    at: Timestamp,
) -> Result<Vec<(String, String, String)>, String> {
    let source = load::source(file)?;
    let cases = read::read(&source.text)
        .map_err(|mut wrong| format!("{} is not valid:\n{}", source.name, report::show(&mut wrong, &source).0))?
        .cases;
    let mut changed = Vec::new();
    for case in &cases {
        let shown = |configuration| {
            let evaluation = evaluation(case, configuration, at)
                .map_err(|why| Diagnostic::error(format!("{}: {why}", case.name), case.at).show(&source))?;
            Ok::<_, String>(explain::verdict(&evaluation))
        };
        let (before, after) = (shown(old)?, shown(new)?);
        if before != after {
            changed.push((case.name.clone(), before, after));
        }
    }
    Ok(changed)
}

/// How many rules decided a case, and the names of the others.
fn coverage(rules: &[Rule], word: &str, decided: &[Rule]) -> String {
    let unused: Vec<_> = rules.iter().filter(|rule| !decided.contains(rule)).map(Rule::name).collect();
    let covered = rules.len().saturating_sub(unused.len());
    let unused =
        if unused.is_empty() { String::new() } else { format!("; no case was decided by {}", unused.join(", ")) };
    format!("{covered} of {} {word} decided a case{unused}", rules.len())
}

fn evaluation(case: &TestCase, configuration: &Configuration, at: Timestamp) -> Result<Evaluation, String> {
    let at = case.time.unwrap_or(at);
    let caller = explain::claimed(case.issuer.as_deref(), case.claims.clone(), case.peer.clone(), at, configuration)?;
    let call = Call::new(&configuration.config, &case.method, &case.namespace)
        .ok_or_else(|| suggest::unknown_method(&case.method))?;
    let call = match &case.request {
        None => call,
        Some(request) => call.with_request(request, &case.namespace)?,
    };
    Ok(Filter::new(&configuration.value, &caller)?.evaluate(&caller, &call))
}

/// How an evaluation differs from the expected verdict. A refusal is neither allow nor deny: a case whose token is not accepted
/// would show nothing about the policy.
fn mismatch(case: &TestCase, evaluation: &Evaluation) -> Option<String> {
    let as_expected = if case.allow { evaluation.is_allowed() } else { evaluation.is_denied() };
    let rule = case.rule.as_deref().filter(|rule| Some(*rule) != evaluation.rule.as_ref().map(Rule::name));
    if as_expected && rule.is_none() {
        return None;
    }
    let expected = if case.allow { "ALLOW" } else { "DENY" };
    let by = case.rule.as_ref().map(|rule| format!(" by rule {rule}")).unwrap_or_default();
    let reason = if evaluation.reason.is_empty() { String::new() } else { format!(": {}", evaluation.reason) };
    Some(format!("expected {expected}{by}, found {}{reason}", explain::verdict(evaluation)))
}
