//! Temporal's methods, from the tables from which the compiled table is generated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use crate::caller::{list, strings};

pub type EffectNames = BTreeSet<String>;

#[derive(Clone)]
pub struct MethodRow {
    pub scope: String,
    pub access: String,
    pub effects: EffectNames,
    /// How limits on task queues and workflow types apply to the method.
    pub limits: String,
    /// How limits on workflow ids apply to it.
    pub ids: String,
    /// How limits on schedule ids apply to it.
    pub schedules: String,
}

/// The methods in data/temporal, by path. Both tables have them in the same order.
pub static METHODS: LazyLock<BTreeMap<String, MethodRow>> = LazyLock::new(|| {
    let effects = include_str!("../../data/temporal/effects.tsv").lines().skip(1);
    let access = include_str!("../../data/temporal/api_metadata.tsv").lines().skip(1);
    let rows = effects.zip(access).map(|(effects, access)| {
        let (effects, access): (Vec<_>, Vec<_>) = (effects.split('\t').collect(), access.split('\t').collect());
        assert_eq!(effects[..2], access[..2]);
        (format!("/{}/{}", access[0], access[1]), row(&access[2..4], effects[2].split(','), &effects[3..]))
    });
    let health = row(&["cluster", "readonly"], ["cluster-read"].into_iter(), &["checked"; 3]);
    rows.chain([("/grpc.health.v1.Health/Check".to_owned(), health)]).collect()
});

fn row<'a>(kind: &[&str], effects: impl Iterator<Item = &'a str>, limits: &[&str]) -> MethodRow {
    let [scope, access, limits, ids, schedules] =
        [kind[0], kind[1], limits[0], limits[1], limits[2]].map(str::to_owned);
    MethodRow { scope, access, effects: effects.map(str::to_owned).collect(), limits, ids, schedules }
}

pub fn method(config: &Value, path: &str) -> Option<MethodRow> {
    let added = || list(&config["methods"]).iter().find(|added| added["name"] == path);
    let read = |added: &Value| {
        let effects = strings(&added["effects"]);
        row(&[added["scope"].as_str().unwrap(), ""], effects.iter().map(String::as_str), &["never"; 3])
    };
    METHODS.get(path).cloned().or_else(|| added().map(read))
}

/// The path of a method by its name in the configuration.
pub fn path(config: &Value, name: &str) -> String {
    let services = ["workflowservice.v1.WorkflowService", "operatorservice.v1.OperatorService"];
    let paths = services.map(|service| format!("/temporal.api.{service}/{name}"));
    let known = paths.into_iter().find(|path| method(config, path).is_some());
    known.unwrap_or_else(|| format!("/{}", name.trim_start_matches('/')))
}
