//! Grants that have ended.

use temporal_auth::config::Config;
use temporal_auth::time::Timestamp;

use super::{Lint, grant_path};

pub(super) fn lint(config: &Config, now: Timestamp) -> Vec<Lint> {
    let grants = config.policy.grants.iter().enumerate();
    let ended = grants.filter_map(|(index, grant)| Some((index, grant, grant.until.as_ref()?)));
    ended
        .filter(|(.., until)| until.has_passed(now))
        .map(|(index, grant, until)| Lint {
            path: grant_path(index).member("until"),
            text: format!("grant {} gives nothing: it ended at {until}", grant.name),
            help: "remove it, or set a later `until`".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_grant_ends_at_its_instant() {
        let grant = |name: &str, until: &str| json!({"name": name, "who": {"issuer": "corp"}, "role": "admin", "system": true, "until": until});
        let config = json!({
            "version": 1,
            "issuers": {"corp": {"issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}}},
            "grants": [grant("one", "1970-01-01T00:00:01Z"), grant("two", "1970-01-01T01:00:02+01:00")],
        });
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let at = |millis| {
            let now = Timestamp::from_millis(millis);
            lint(&config, now).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect::<Vec<_>>()
        };
        assert_eq!(at(999), [""; 0]);
        let one = "grants[0].until: grant one gives nothing: it ended at 1970-01-01T00:00:01Z";
        assert_eq!(at(1000), [one]);
        assert_eq!(at(2000), [one, "grants[1].until: grant two gives nothing: it ended at 1970-01-01T01:00:02+01:00"]);
    }
}
