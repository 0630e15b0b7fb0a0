//! Subject patterns that miss the shapes of the tokens of GitHub Actions, GitLab CI and Kubernetes, and denials that a job
//! escapes by naming an environment.

use temporal_auth::config::{Config, Issuer, Path};
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::who::Who;

use super::overlap::{Chars, Part, Reading, overlap, shape, texts};
use super::{Lint, denial_path, grant_path, issuer_path};

/// Who issues tokens to jobs or accounts, in subjects of few shapes.
struct Provider {
    name: &'static str,
    shapes: &'static [&'static [Part]],
    /// What its subjects look like.
    subjects: &'static str,
    /// What to write instead.
    help: &'static str,
}

const REPO: Part = Part::Text("repo:");
const SLASH: Part = Part::Text("/");
const NAME: Part = Part::Some(Chars::Segment);
const REF: &[Part] = &[REPO, NAME, SLASH, NAME, Part::Text(":ref:refs/"), Part::Some(Chars::Any)];
const PULL_REQUEST: &[Part] = &[REPO, NAME, SLASH, NAME, Part::Text(":pull_request")];
const ENVIRONMENT: &[Part] = &[REPO, NAME, SLASH, NAME, Part::Text(":environment:"), Part::Some(Chars::Any)];
/// The same with a name that no pattern spells out.
const ANY_ENVIRONMENT: &[Part] = &[REPO, NAME, SLASH, NAME, Part::Text(":environment:\u{e000}")];

/// Source: GitHub's documentation, "OpenID Connect reference".
static GITHUB: Provider = Provider {
    name: "GitHub Actions",
    shapes: &[REF, PULL_REQUEST, ENVIRONMENT],
    subjects: "`repo:OWNER/NAME:ref:refs/heads/BRANCH`, `repo:OWNER/NAME:environment:NAME` or `repo:OWNER/NAME:pull_request`",
    help: "write all of it, or `repo:OWNER/NAME:*`, or match the claim `repository`, which is OWNER/NAME alone",
};

const PROJECT: Part = Part::Text("project_path:");

/// Source: GitLab's documentation, "OpenID Connect authentication using ID tokens".
static GITLAB: Provider = Provider {
    name: "GitLab CI",
    shapes: &[
        &[PROJECT, Part::Some(Chars::Captured), Part::Text(":ref_type:branch:ref:"), Part::Some(Chars::Any)],
        &[PROJECT, Part::Some(Chars::Captured), Part::Text(":ref_type:tag:ref:"), Part::Some(Chars::Any)],
    ],
    subjects: "`project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH`, or `tag` in place of `branch`",
    help: "write all of it, or `project_path:GROUP/PROJECT:*`, or match the claim `project_path`, which is GROUP/PROJECT alone",
};

/// Source: Kubernetes' documentation, "Managing service accounts".
static KUBERNETES: Provider = Provider {
    name: "a service account of Kubernetes",
    shapes: &[&[
        Part::Text("system:serviceaccount:"),
        Part::Some(Chars::ObjectName),
        Part::Text(":"),
        Part::Some(Chars::ObjectName),
    ]],
    subjects: "`system:serviceaccount:NAMESPACE:NAME`",
    help: "write all of it, or `system:serviceaccount:NAMESPACE:*` for all accounts of a namespace",
};

/// Claims that GitHub's and GitLab's customers may put into subjects in place of the usual ones.
const CUSTOM: [&str; 22] = [
    "actor",
    "actor_id",
    "base_ref",
    "context",
    "enterprise",
    "event_name",
    "head_ref",
    "job_workflow_ref",
    "namespace_id",
    "namespace_path",
    "pipeline_source",
    "project_id",
    "ref_protected",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "runner_environment",
    "user_id",
    "user_login",
    "workflow",
    "workflow_ref",
];

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    let mut add = |path: Path, patterns: &[Pattern], issuers: &[&Issuer], reading: Reading| {
        let missing = patterns.iter().filter_map(|pattern| Some((pattern, missed(pattern, issuers, reading)?)));
        lints.extend(missing.map(|(pattern, provider)| Lint {
            path: path.clone(),
            text: format!(
                "no token of {} has a subject that `{pattern}` matches, unless subjects are customized: they look like {}",
                provider.name, provider.subjects
            ),
            help: provider.help.to_owned(),
        }));
    };
    let policy = &config.policy;
    let grants = policy.grants.iter().enumerate();
    let grants = grants.map(|(index, grant)| (grant_path(index).member("who"), Some(&grant.who), Reading::Narrow));
    let denials = policy.denials.iter().enumerate().flat_map(|(index, denial)| {
        let path = |field: &str| denial_path(index).member(field);
        [(path("who"), denial.who.as_ref(), Reading::Wide), (path("unless"), denial.unless.as_ref(), Reading::Narrow)]
    });
    for (path, who, reading) in grants.chain(denials) {
        let Some(who) = who else { continue };
        let issuers = meant(who, config);
        for (path, patterns) in subjects(&path, who, &issuers) {
            add(path, patterns, &issuers, reading);
        }
    }
    for issuer in &config.issuers {
        let path = issuer_path(&issuer.name).member("service_when");
        for (index, set) in issuer.service_when.iter().enumerate() {
            for (path, patterns) in subject_claims(&path.index(index), set) {
                add(path, patterns, &[issuer], Reading::Narrow);
            }
        }
    }
    lints.extend(escaped(config));
    lints
}

/// Denials that are about what jobs of GitHub run for, but not about their environments.
fn escaped(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (index, denial) in config.policy.denials.iter().enumerate() {
        let Some(who) = &denial.who else { continue };
        let issuers = meant(who, config);
        if !issuers.iter().any(|issuer| is_github(issuer)) {
            continue;
        }
        for (path, patterns) in subjects(&denial_path(index).member("who"), who, &issuers) {
            let means = |wanted: &[Part]| {
                patterns.iter().any(|pattern| overlap(&texts(pattern, Reading::Wide), &shape(wanted)))
            };
            if (means(REF) || means(PULL_REQUEST)) && !means(ANY_ENVIRONMENT) {
                lints.push(Lint {
                    path,
                    text: "a job that names an environment is not denied: its subject ends in `:environment:NAME`, \
                           whatever it runs for"
                        .to_owned(),
                    help: "match the claims `repository` and `ref`, which every job has, in place of the subject"
                        .to_owned(),
                });
            }
        }
    }
    lints
}

fn meant<'a>(who: &Who, config: &'a Config) -> Vec<&'a Issuer> {
    config.issuers.iter().filter(|issuer| who.issuers.is_empty() || who.issuers.contains(&issuer.name)).collect()
}

/// The patterns of a `who` for the claim `sub`, each list with its path.
fn subjects<'a>(path: &Path, who: &'a Who, issuers: &[&Issuer]) -> Vec<(Path, &'a [Pattern])> {
    let mut found = subject_claims(&path.member("claims"), &who.claims);
    if issuers.iter().all(|issuer| is_sub(&issuer.rules.subject)) {
        found.push((path.member("subject"), &who.subject));
    }
    found
}

fn subject_claims<'a>(path: &Path, set: &'a ClaimSet) -> Vec<(Path, &'a [Pattern])> {
    let claims = set.0.iter().filter(|(name, _)| is_sub(name));
    claims.map(|(name, patterns)| (path.member(&name.to_string()), patterns.as_slice())).collect()
}

fn is_sub(name: &ClaimName) -> bool {
    matches!(name.to_string().as_str(), "sub" | "/sub")
}

/// The provider of whose tokens the pattern matches none, if that is so whichever of these issuers it is.
fn missed(pattern: &Pattern, issuers: &[&Issuer], reading: Reading) -> Option<&'static Provider> {
    let providers: Option<Vec<_>> = issuers.iter().map(|issuer| provider(issuer, &pattern.to_string())).collect();
    let providers = providers?;
    let texts = texts(pattern, reading);
    let misses = |provider: &&'static Provider| !provider.shapes.iter().any(|parts| overlap(&texts, &shape(parts)));
    providers.iter().all(misses).then(|| providers.first().copied())?
}

/// Whose subjects a pattern for an issuer's tokens is about, as far as that is certain.
fn provider(issuer: &Issuer, pattern: &str) -> Option<&'static Provider> {
    let host =
        issuer.rules.issuer.split("//").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    if pattern.to_ascii_lowercase().starts_with("system:serviceaccount") || host.starts_with("kubernetes.default.svc") {
        return Some(&KUBERNETES);
    }
    let is_custom = CUSTOM.iter().any(|claim| pattern.split(':').any(|part| part == *claim));
    if is_custom {
        None
    } else if is_github(issuer) {
        Some(&GITHUB)
    } else {
        // GitLab's people sign in by the same issuer; their subjects are numbers.
        (host.contains("gitlab") && pattern.contains([':', '/'])).then_some(&GITLAB)
    }
}

/// GitHub's own issuer, one of an enterprise, or of a GitHub Enterprise Server.
fn is_github(issuer: &Issuer) -> bool {
    let iss = issuer.rules.issuer.trim_end_matches('/');
    let rest = iss.strip_prefix("https://token.actions.githubusercontent.com");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) || iss.ends_with("/_services/token")
}

#[cfg(test)]
mod tests;
