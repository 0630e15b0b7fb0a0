//! Patterns for `sub` that match no token of GitHub Actions, GitLab CI or Kubernetes, and denials that do not reach a job if
//! it names an environment.

use temporal_auth::config::{Config, Issuer, Path};
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::who::Who;

use super::{Lint, denial_path, grant_path, issuer_path};
use crate::patterns::overlap::{CharClass, PatternReading, ShapePart, overlap, shape, texts};

/// An issuer of tokens for jobs or accounts, whose subjects have a few known shapes.
struct Provider {
    name: &'static str,
    shapes: &'static [&'static [ShapePart]],
    /// What its subjects look like, in words.
    subjects: &'static str,
    /// What to write instead.
    help: &'static str,
}

const REPO: ShapePart = ShapePart::Text("repo:");
const SLASH: ShapePart = ShapePart::Text("/");
const NAME: ShapePart = ShapePart::Some(CharClass::Segment);
const REF: &[ShapePart] = &[REPO, NAME, SLASH, NAME, ShapePart::Text(":ref:refs/"), ShapePart::Some(CharClass::Any)];
const PULL_REQUEST: &[ShapePart] = &[REPO, NAME, SLASH, NAME, ShapePart::Text(":pull_request")];
const ENVIRONMENT: &[ShapePart] =
    &[REPO, NAME, SLASH, NAME, ShapePart::Text(":environment:"), ShapePart::Some(CharClass::Any)];
/// The same, with a name that no pattern contains literally.
const ANY_ENVIRONMENT: &[ShapePart] = &[REPO, NAME, SLASH, NAME, ShapePart::Text(":environment:\u{e000}")];

/// Source: GitHub's documentation, "OpenID Connect reference".
static GITHUB: Provider = Provider {
    name: "GitHub Actions",
    shapes: &[REF, PULL_REQUEST, ENVIRONMENT],
    subjects: "`repo:OWNER/NAME:ref:refs/heads/BRANCH`, `repo:OWNER/NAME:environment:NAME` or `repo:OWNER/NAME:pull_request`",
    help: "write the whole subject, or `repo:OWNER/NAME:*`, or match the claim `repository`, which is only OWNER/NAME",
};

const PROJECT: ShapePart = ShapePart::Text("project_path:");

/// Source: GitLab's documentation, "OpenID Connect authentication using ID tokens".
static GITLAB: Provider = Provider {
    name: "GitLab CI",
    shapes: &[
        &[
            PROJECT,
            ShapePart::Some(CharClass::Captured),
            ShapePart::Text(":ref_type:branch:ref:"),
            ShapePart::Some(CharClass::Any),
        ],
        &[
            PROJECT,
            ShapePart::Some(CharClass::Captured),
            ShapePart::Text(":ref_type:tag:ref:"),
            ShapePart::Some(CharClass::Any),
        ],
    ],
    subjects: "`project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH`, or `tag` in place of `branch`",
    help: "write the whole subject, or `project_path:GROUP/PROJECT:*`, or match the claim `project_path`, which is only GROUP/PROJECT",
};

/// Source: Kubernetes' documentation, "Managing service accounts".
static KUBERNETES: Provider = Provider {
    name: "a Kubernetes service account",
    shapes: &[&[
        ShapePart::Text("system:serviceaccount:"),
        ShapePart::Some(CharClass::ObjectName),
        ShapePart::Text(":"),
        ShapePart::Some(CharClass::ObjectName),
    ]],
    subjects: "`system:serviceaccount:NAMESPACE:NAME`",
    help: "write the whole subject, or `system:serviceaccount:NAMESPACE:*` for all accounts of a namespace",
};

/// Claims that customers of GitHub and GitLab may put into subjects instead of the usual ones.
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
    let mut add = |path: Path, patterns: &[Pattern], issuers: &[&Issuer], reading: PatternReading| {
        let missing = patterns.iter().filter_map(|pattern| Some((pattern, missed(pattern, issuers, reading)?)));
        lints.extend(missing.map(|(pattern, provider)| Lint {
            path: path.clone(),
            text: format!(
                "no token of {} has a subject that `{pattern}` matches, unless subjects are customized; they look like {}",
                provider.name, provider.subjects
            ),
            help: provider.help.to_owned(),
        }));
    };
    let policy = &config.policy;
    let grants = policy.grants.iter().enumerate();
    let grants =
        grants.map(|(index, grant)| (grant_path(index).member("who"), Some(&grant.who), PatternReading::Narrow));
    let denials = policy.denials.iter().enumerate().flat_map(|(index, denial)| {
        let path = |field: &str| denial_path(index).member(field);
        [
            (path("who"), denial.who.as_ref(), PatternReading::Wide),
            (path("unless"), denial.unless.as_ref(), PatternReading::Narrow),
        ]
    });
    for (path, who, reading) in grants.chain(denials) {
        let Some(who) = who else { continue };
        let issuers = issuers_of(who, config);
        for (path, patterns) in subjects(&path, who, &issuers) {
            add(path, patterns, &issuers, reading);
        }
    }
    for issuer in &config.issuers {
        let path = issuer_path(&issuer.name).member("service_when");
        for (index, set) in issuer.service_when.iter().enumerate() {
            for (path, patterns) in subject_claims(&path.index(index), set) {
                add(path, patterns, &[issuer], PatternReading::Narrow);
            }
        }
    }
    lints.extend(escapable_denials(config));
    lints
}

/// Denials that match a job of GitHub Actions by its branch, tag or pull request, but not by its environment.
fn escapable_denials(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (index, denial) in config.policy.denials.iter().enumerate() {
        let Some(who) = &denial.who else { continue };
        let issuers = issuers_of(who, config);
        if !issuers.iter().any(|issuer| is_github(issuer)) {
            continue;
        }
        for (path, patterns) in subjects(&denial_path(index).member("who"), who, &issuers) {
            let matches = |wanted: &[ShapePart]| {
                patterns.iter().any(|pattern| overlap(&texts(pattern, PatternReading::Wide), &shape(wanted)))
            };
            if (matches(REF) || matches(PULL_REQUEST)) && !matches(ANY_ENVIRONMENT) {
                lints.push(Lint {
                    path,
                    text: "a job that names an environment is not denied: its subject ends in `:environment:NAME`, \
                           whatever branch, tag or pull request it runs for"
                        .to_owned(),
                    help: "match the claims `repository` and `ref`, which every job has, instead of the subject"
                        .to_owned(),
                });
            }
        }
    }
    lints
}

fn issuers_of<'a>(who: &Who, config: &'a Config) -> Vec<&'a Issuer> {
    config.issuers.iter().filter(|issuer| who.issuers.is_empty() || who.issuers.contains(&issuer.name)).collect()
}

/// The lists of patterns for the claim `sub` in a `who`, each with its path.
fn subjects<'a>(path: &Path, who: &'a Who, issuers: &[&Issuer]) -> Vec<(Path, &'a [Pattern])> {
    let mut found = subject_claims(&path.member("claims"), &who.claims);
    if issuers.iter().all(|issuer| issuer.rules.subject.iter().all(is_sub)) {
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

/// The provider whose tokens the pattern misses. `None` if it may match a token of any of these issuers.
fn missed(pattern: &Pattern, issuers: &[&Issuer], reading: PatternReading) -> Option<&'static Provider> {
    let providers: Option<Vec<_>> = issuers.iter().map(|issuer| provider(issuer, &pattern.to_string())).collect();
    let providers = providers?;
    let texts = texts(pattern, reading);
    let misses = |provider: &&'static Provider| !provider.shapes.iter().any(|parts| overlap(&texts, &shape(parts)));
    providers.iter().all(misses).then(|| providers.first().copied())?
}

/// The provider whose subjects a pattern for this issuer describes. `None` if that is not certain.
fn provider(issuer: &Issuer, pattern: &str) -> Option<&'static Provider> {
    let iss = issuer.rules.issuer.as_deref().unwrap_or_default();
    let host = iss.split("//").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    if pattern.to_ascii_lowercase().starts_with("system:serviceaccount") || host.starts_with("kubernetes.default.svc") {
        return Some(&KUBERNETES);
    }
    let is_custom = CUSTOM.iter().any(|claim| pattern.split(':').any(|part| part == *claim));
    if is_custom {
        None
    } else if is_github(issuer) {
        Some(&GITHUB)
    } else {
        // Users of GitLab have tokens of the same issuer, and their subjects are numbers.
        (host.contains("gitlab") && pattern.contains([':', '/'])).then_some(&GITLAB)
    }
}

/// Whether it is GitHub's own issuer, an enterprise's, or a GitHub Enterprise Server.
fn is_github(issuer: &Issuer) -> bool {
    let iss = issuer.rules.issuer.as_deref().unwrap_or_default().trim_end_matches('/');
    let rest = iss.strip_prefix("https://token.actions.githubusercontent.com");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) || iss.ends_with("/_services/token")
}

#[cfg(test)]
mod tests;
