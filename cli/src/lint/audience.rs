//! `audiences: any`: a token that was issued for another service opens Temporal.

use temporal_auth::config::Config;

use super::{Lint, member};

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let any = config.issuers.iter().filter(|issuer| issuer.rules.audiences.is_none());
    any.map(|issuer| Lint {
        path: format!("{}.audiences", member("issuers", &issuer.name)),
        text: "tokens for any other service of this issuer are accepted".to_owned(),
        help: "let the issuer put an audience of its own into tokens for Temporal, and list it here".to_owned(),
    })
    .collect()
}
