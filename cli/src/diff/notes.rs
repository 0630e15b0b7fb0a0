//! Rules and issuers that have other names, and rules that are written differently and mean the same.

use serde_json::{Map, Value};
use temporal_auth::config::Config;

use super::Gain;
use crate::analysis::words::plain;
use crate::load::Configuration;

/// Gives issuers of the new configuration the names that they have in the old one: an issuer is who its `iss` says.
pub(super) fn rename_issuers(old: &Configuration, new: &mut Configuration) -> Result<Vec<String>, String> {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut notes = Vec::new();
    for issuer in &new.config.issuers {
        let known = old.config.issuers.iter().find(|known| known.rules.issuer == issuer.rules.issuer);
        let is_taken = old.config.issuers.iter().any(|other| other.name == issuer.name);
        let name = match known {
            Some(known) => known.name.to_string(),
            // Another issuer had this name.
            None if is_taken => format!("{} (new)", issuer.name),
            None => issuer.name.to_string(),
        };
        if *issuer.name != *name {
            notes.push(format!("issuer {} is the old configuration's {}", plain(&issuer.name), plain(&name)));
        }
        names.push((issuer.name.to_string(), name));
    }
    if notes.is_empty() {
        return Ok(notes);
    }
    let renamed = |name: &Value| {
        let found = name.as_str().and_then(|name| names.iter().find(|(known, _)| known == name));
        found.map_or_else(|| name.clone(), |(_, name)| Value::from(name.as_str()))
    };
    let mut value = new.value.clone();
    if let Some(issuers) = value.get_mut("issuers").and_then(Value::as_object_mut) {
        let moved: Map<_, _> = std::mem::take(issuers)
            .into_iter()
            .map(|(name, issuer)| (renamed(&Value::from(name)).as_str().unwrap_or_default().to_owned(), issuer))
            .collect();
        *issuers = moved;
    }
    for list in ["grants", "denials"] {
        for rule in value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for who in ["who", "unless"] {
                match rule.get_mut(who).and_then(|who| who.get_mut("issuer")) {
                    Some(Value::Array(list)) => list.iter_mut().for_each(|name| *name = renamed(name)),
                    Some(name) => *name = renamed(name),
                    None => {}
                }
            }
        }
    }
    new.config = Config::parse(value.to_string().as_bytes())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    new.value = value;
    Ok(notes)
}

/// Rules that are new, gone, renamed or written differently, and neither give nor take anything.
pub(super) fn notes(old: &Value, new: &Value, gains: &[Gain], losses: &[Gain]) -> Vec<String> {
    let mut notes = Vec::new();
    for (list, sort) in [("grants", "grant"), ("denials", "denial")] {
        let (old, new) = (rules(old, list), rules(new, list));
        let matters = |name: &str| {
            let by = format!("{sort} {}", plain(name));
            gains.iter().chain(losses).any(|gain| gain.by == by)
        };
        let is_in = |rules: &[(String, Map<String, Value>)], name: &str| rules.iter().any(|(known, _)| known == name);
        let mut renamed = Vec::new();
        for (name, rule) in &new {
            let shown = plain(name);
            match old.iter().find(|(known, _)| known == name) {
                Some((_, before)) if before == rule || matters(name) => {}
                Some(_) => notes.push(format!("{sort} {shown} is written differently, and means the same")),
                None => {
                    let before = old.iter().find(|(known, before)| before == rule && !is_in(&new, known));
                    if let Some((before, _)) = before {
                        notes.push(format!("{sort} {} is now called {shown}", plain(before)));
                        renamed.push(before.clone());
                    } else if !matters(name) {
                        notes.push(format!("{sort} {shown} is new, and changes nothing"));
                    }
                }
            }
        }
        for (name, _) in old.iter().filter(|(name, _)| !is_in(&new, name) && !renamed.contains(name) && !matters(name))
        {
            notes.push(format!("{sort} {} is gone, and changes nothing", plain(name)));
        }
    }
    notes
}

/// Rules by name, without their names.
fn rules(value: &Value, list: &str) -> Vec<(String, Map<String, Value>)> {
    let rules = value.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let named = rules.map(|rule| {
        let mut rule = rule.clone();
        let name = rule.remove("name").unwrap_or_default();
        (name.as_str().unwrap_or_default().to_owned(), rule)
    });
    named.collect()
}
