//! `audiences: any`: tokens that were issued for other services are accepted.

use temporal_auth::config::Config;

use super::{Lint, issuer_path};

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let any = config.issuers.iter().filter(|issuer| issuer.rules.audiences.is_none());
    any.map(|issuer| Lint {
        path: issuer_path(&issuer.name).member("audiences"),
        text: "tokens for any other service of this issuer are accepted".to_owned(),
        help: "let the issuer put an audience of its own into tokens for Temporal, and list it here".to_owned(),
    })
    .collect()
}
