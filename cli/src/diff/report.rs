//! What `diff` prints.

use std::fmt::Write as _;

use serde_json::{Value, json};
use temporal_auth::temporal::EffectSet;

use super::{Difference, Gain, GainSort};
use crate::analysis::words::plain;

/// How much of a value is shown.
const MAX_SHOWN: usize = 120;

pub(super) fn text(difference: &Difference, failed: &[&str]) -> String {
    let Difference { gains, losses, settings, notes, cases } = difference;
    let mut text = String::new();
    text.push_str(if gains.is_empty() { "Nothing is gained.\n" } else { "Gains:\n" });
    gains.iter().for_each(|gain| text.push_str(&shown(gain, false)));
    text.push_str(if losses.is_empty() { "\nNothing is lost.\n" } else { "\nLosses:\n" });
    losses.iter().for_each(|loss| text.push_str(&shown(loss, true)));
    if !settings.is_empty() {
        text.push_str("\nChanged settings:\n");
    }
    for (path, old, new) in settings {
        let _ = writeln!(text, "  {}: {} -> {}", plain(path), value(old.as_ref()), value(new.as_ref()));
    }
    if !notes.is_empty() {
        text.push_str("\nOther changes:\n");
    }
    for note in notes {
        let _ = writeln!(text, "  {note}");
    }
    if let Some(cases) = cases {
        text.push_str(if cases.is_empty() {
            "\nNo case has another verdict.\n"
        } else {
            "\nCases with another verdict:\n"
        });
        for (name, old, new) in cases {
            let _ = writeln!(text, "  {}: {old} -> {new}", plain(name));
        }
    }
    if !failed.is_empty() {
        let _ = writeln!(text, "\nMay be gained, and --fail-on names it: {}", failed.join(", "));
    }
    text
}

fn shown(gain: &Gain, is_lost: bool) -> String {
    let Gain { sort, by, who, place, what, effects } = gain;
    let title = match (sort, is_lost) {
        (GainSort::Grant, false) => "may",
        (GainSort::Grant, true) => "may not",
        (GainSort::Denial, false) => "allowed",
        (GainSort::Denial, true) => "denied",
        (GainSort::Setting, false) => "now",
        (GainSort::Setting, true) => "before",
    };
    let mut text = format!("  {by}\n");
    for (title, value) in [("for", who.as_str()), ("in", place), (title, what)] {
        let _ = writeln!(text, "    {title:<9}{value}");
    }
    // What a setting opens depends on grants.
    if *sort == GainSort::Setting {
        let effects = if *effects == EffectSet::ADMIN { "every effect".to_owned() } else { effects.to_string() };
        let _ = writeln!(text, "    {:<9}{effects}", "effects");
    }
    text
}

/// A value on one line.
fn value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "absent".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN).and_then(|(at, _)| text.get(..at)) {
        Some(start) => format!("{start}…"),
        None => text,
    }
}

pub(super) fn json(difference: &Difference, failed: &[&str]) -> String {
    let gain = |gain: &Gain| {
        json!({
            "by": gain.by,
            "for": gain.who,
            "in": gain.place,
            "what": gain.what,
            "effects": gain.effects.names().collect::<Vec<_>>(),
        })
    };
    let settings = difference.settings.iter().map(|(path, old, new)| json!({"path": path, "old": old, "new": new}));
    let cases = difference.cases.as_ref().map(|cases| {
        let case = |(name, old, new): &(String, String, String)| json!({"name": name, "old": old, "new": new});
        cases.iter().map(case).collect::<Vec<_>>()
    });
    let shown = json!({
        "gains": difference.gains.iter().map(gain).collect::<Vec<_>>(),
        "losses": difference.losses.iter().map(gain).collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
        "notes": difference.notes,
        "cases": cases,
        "failed": failed,
    });
    format!("{shown:#}\n")
}
