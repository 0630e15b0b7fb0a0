//! Built-in and custom roles, as docs/configuration.md describes them.

use serde_json::Value;

use crate::caller::strings;
use crate::methods::{EffectNames, method, path};

#[derive(Clone, Default, PartialEq)]
pub struct ReferenceRole {
    pub effects: EffectNames,
    /// The paths of single methods that the role also covers, and of those that it does not.
    plus: EffectNames,
    minus: EffectNames,
}

impl ReferenceRole {
    /// The effects that the role covers in a call of the method. `own` is the method's effects, without those of options.
    pub fn covers(&self, method: &str, own: &EffectNames) -> EffectNames {
        match (self.minus.contains(method), self.plus.contains(method)) {
            (true, _) => EffectNames::new(),
            (false, true) => self.effects.union(own).cloned().collect(),
            (false, false) => self.effects.clone(),
        }
    }
}

/// The effects of the built-in roles.
fn built_in(name: &str) -> Option<String> {
    let (worker, reader) =
        ("poll respond history describe-namespace", "describe-namespace read history query cluster-read");
    let more = "start signal update cancel terminate delete reset pause schedule batch options nexus";
    let client = format!("{reader} {more}");
    let writer = format!("{client} {worker} deploy");
    match name {
        "worker" => Some(worker.to_owned()),
        "reader" => Some(reader.to_owned()),
        "client" => Some(client),
        "writer" => Some(writer),
        "admin" => Some(format!("{writer} namespace search-attributes compute cluster-admin")),
        _ => None,
    }
}

pub fn role(config: &Value, name: &str) -> ReferenceRole {
    let custom = &config["roles"][name];
    let mut role = match built_in(name) {
        Some(effects) => {
            ReferenceRole { effects: effects.split(' ').map(str::to_owned).collect(), ..ReferenceRole::default() }
        }
        None => custom["from"].as_str().map_or(ReferenceRole::default(), |from| self::role(config, from)),
    };
    let admin = built_in("admin").unwrap();
    let (effects, methods): (Vec<_>, Vec<_>) =
        strings(&custom["plus"]).into_iter().partition(|item| admin.split(' ').any(|effect| effect == item));
    role.effects.extend(effects);
    for path in methods.iter().map(|name| path(config, name)) {
        role.minus.remove(&path);
        role.plus.insert(path);
    }
    for item in strings(&custom["minus"]) {
        if admin.split(' ').any(|effect| effect == item) {
            role.effects.remove(&item);
            role.plus.retain(|path| !method(config, path).unwrap().effects.contains(&item));
        } else {
            role.plus.remove(&path(config, &item));
            role.minus.insert(path(config, &item));
        }
    }
    role
}
