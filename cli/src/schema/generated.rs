//! Keeps docs/config.schema.json and the tables of docs/configuration.md current: `make generate` runs this test with
//! `GENERATE` set, and then it writes what it otherwise compares.

use std::fmt::Write as _;
use std::path::Path;

use temporal_auth::config::fields::{Absent, Field, OBJECTS, Object, Shape};

use super::text_of_schema;

/// Objects without a table of their own: their fields follow those of the object around them, as in `log.allowed`.
const INLINE: [&str; 5] = ["applies-to", "http", "log", "peers", "token"];

const BEGIN: &str = "<!-- fields: ";
const END: &str = "<!-- end of fields -->\n";

#[test]
fn generated_files_are_current() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(repository.join("docs/configuration.md")).unwrap();
    let files = [("docs/config.schema.json", text_of_schema().unwrap()), ("docs/configuration.md", with_tables(&page))];
    let mut stale = Vec::new();
    for (name, text) in files {
        let file = repository.join(name);
        if std::env::var_os("GENERATE").is_some() {
            std::fs::write(file, text).unwrap();
        } else if std::fs::read_to_string(file).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "not current, run `make generate`: {stale:?}");
}

/// The page with its tables of fields rewritten.
fn with_tables(page: &str) -> String {
    let mut parts = page.split(BEGIN);
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").unwrap();
        let (_, rest) = rest.split_once(END).unwrap_or_else(|| panic!("the table of {name} has no end"));
        let object = object(if name == "root" { "" } else { name });
        let _ = write!(text, "{BEGIN}{name} -->\n{}{END}{rest}", table(object));
    }
    text
}

fn object(name: &str) -> &'static Object {
    OBJECTS.iter().find(|object| object.name == name).unwrap_or_else(|| panic!("no object {name}"))
}

/// The table of an object's own fields. Fields that it shares with other objects have a table of their own.
fn table(object: &Object) -> String {
    let mut rows = Vec::new();
    rows_of("", object, None, &mut rows);
    let has_defaults = rows.iter().any(|(_, absent, _)| *absent != Absent::Nothing);
    let mut table = if has_defaults {
        "| field | default | meaning |\n| --- | --- | --- |\n".to_owned()
    } else {
        "| field | meaning |\n| --- | --- |\n".to_owned()
    };
    for (name, absent, field) in rows {
        let _ = write!(table, "| `{name}` | ");
        if has_defaults {
            let _ = write!(table, "{} | ", default(absent));
        }
        table.push_str(field.about);
        if !field.more.is_empty() {
            let _ = write!(table, " [More]({})", field.more);
        }
        table.push_str(" |\n");
    }
    table
}

/// Name, absence and field of each row. Within an object that may itself be absent nothing is required.
fn rows_of(prefix: &str, object: &Object, outer: Option<Absent>, rows: &mut Vec<(String, Absent, &'static Field)>) {
    for field in *object.fields.first().unwrap() {
        let name = format!("{prefix}{}", field.name);
        let absent = outer.filter(|_| field.absent == Absent::Required).unwrap_or(field.absent);
        match field.shape {
            Shape::Object(inner) if INLINE.contains(&inner) => {
                rows_of(&format!("{name}."), self::object(inner), Some(absent), rows);
            }
            _ => rows.push((name, absent, field)),
        }
    }
}

fn default(absent: Absent) -> String {
    match absent {
        Absent::Required => "required".to_owned(),
        Absent::Nothing => "–".to_owned(),
        Absent::Default(value) => format!("`{value}`"),
        Absent::Means(text) => text.to_owned(),
    }
}
