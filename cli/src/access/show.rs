//! The matrix in each format. Nothing is aligned, so that a change of one rule changes the lines of that rule alone.

use std::fmt::Write as _;

use serde_json::json;

use super::matrix::{Cell, RuleAccess};
use crate::analysis::words::plain;

/// How many calls are named in a line of text.
const MAX_CALLS: usize = 2;

pub(super) fn text(rules: &[RuleAccess]) -> String {
    let mut text = String::new();
    for rule in rules {
        let _ = writeln!(text, "{}", title(rule));
        let _ = writeln!(text, "  for {}", rule.who);
        for row in &rule.rows {
            let _ = writeln!(text, "  in {}: {}", row.place, effects(&row.effects));
        }
        for condition in &rule.conditions {
            let _ = writeln!(text, "  {condition}");
        }
    }
    text
}

fn title(rule: &RuleAccess) -> String {
    let name = if rule.name == rule.sort.name() { String::new() } else { format!(" {}", plain(&rule.name)) };
    let role = rule.role.as_ref().map(|role| format!(" (role {})", plain(role))).unwrap_or_default();
    format!("{}{name}{role}", rule.sort.name())
}

fn effects(cells: &[Cell]) -> String {
    let cell = |cell: &Cell| {
        let Some(calls) = &cell.calls else { return cell.effect.clone() };
        match (cell.effect.as_str(), calls.len()) {
            ("", _) => calls.join(", "),
            (effect, 1..=MAX_CALLS) => format!("{effect} ({})", calls.join(", ")),
            (effect, count) => format!("{effect} (by {count} calls)"),
        }
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(", ")
}

pub(super) fn markdown(rules: &[RuleAccess]) -> String {
    let mut text = String::from("| rule | for | in | effects | conditions |\n| --- | --- | --- | --- | --- |\n");
    for rule in rules {
        for row in &rule.rows {
            let cells =
                [title(rule), rule.who.clone(), row.place.clone(), effects(&row.effects), rule.conditions.join("; ")];
            let _ = writeln!(text, "| {} |", cells.map(|cell| in_table(&cell)).join(" | "));
        }
    }
    text
}

/// A text that stays in its cell of a table.
fn in_table(text: &str) -> String {
    let escaped = |char: char| match char {
        '\n' | '\r' => " ".to_owned(),
        '|' | '\\' | '*' | '_' | '`' | '<' | '[' => format!("\\{char}"),
        other => other.to_string(),
    };
    text.chars().map(escaped).collect()
}

pub(super) fn csv(rules: &[RuleAccess]) -> String {
    let mut text = String::from("sort,rule,role,for,in,effect,calls,conditions\n");
    for rule in rules {
        for row in &rule.rows {
            for cell in &row.effects {
                let calls = cell.calls.as_ref().map_or("all".to_owned(), |calls| calls.join("; "));
                let conditions = rule.conditions.join("; ");
                let role = rule.role.as_deref().unwrap_or_default();
                let fields =
                    [rule.sort.name(), &rule.name, role, &rule.who, &row.place, &cell.effect, &calls, &conditions];
                let _ = writeln!(text, "{}", fields.map(field).join(","));
            }
        }
    }
    text
}

/// A field of RFC 4180. A spreadsheet takes a text that begins like a formula for one.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

pub(super) fn json(rules: &[RuleAccess]) -> String {
    let rules = rules.iter().map(|rule| {
        let rows = rule.rows.iter().map(|row| {
            let effects = row.effects.iter().map(|cell| json!({"effect": cell.effect, "calls": cell.calls}));
            json!({"in": row.place, "effects": effects.collect::<Vec<_>>()})
        });
        json!({
            "sort": rule.sort.name(),
            "rule": rule.name,
            "role": rule.role,
            "for": rule.who,
            "access": rows.collect::<Vec<_>>(),
            "conditions": rule.conditions,
        })
    });
    format!("{:#}\n", json!(rules.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_in_their_cells() {
        assert_eq!(in_table("a|b\n*c*"), "a\\|b \\*c\\*");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("plain"), "plain");
    }
}
