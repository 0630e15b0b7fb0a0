//! `temporal-auth check`: everything that is wrong with a configuration, or may be.

use std::path::PathBuf;

use temporal_auth::temporal::API_VERSION;
use temporal_auth::time::Timestamp;

use crate::lint::{self, Lint};
use crate::load::{self, Configuration};
use crate::mesh::Mesh;
use crate::report::{self, Counts, Diagnostic, Severity};

/// Checks files, each by itself and beside the others, as of this time. Returns what is printed, and whether they are good.
pub(crate) fn check(files: &[PathBuf], deny_warnings: bool, at: Timestamp) -> Result<(String, bool), String> {
    let (mut shown, mut good) = (String::new(), true);
    let mut files = files.iter().map(|path| load::file(path)).collect::<Result<Vec<_>, _>>()?;
    let carriers: Vec<_> = files.iter().flat_map(|file| &file.carriers).collect();
    let mesh = Mesh::of(files.iter().flat_map(|file| &file.documents), &carriers);
    // A file without a configuration is there to tell of the mesh, if another has one.
    let is_told = !files.iter().all(|file| file.nothing.is_some());
    for file in &mut files {
        let nothing = file.nothing.take();
        if let (true, Some(_)) = (is_told, &nothing) {
            shown.push_str(&format!("{}: read for what it tells of the mesh\n", file.source.name));
            continue;
        }
        file.wrong.extend(nothing);
        file.wrong.extend(file.carriers.iter().flat_map(|carrier| carrier.check()));
        for configuration in &file.configurations {
            let (config, value) = (&configuration.config, &configuration.value);
            let lints = lint::all(config, value, at).into_iter();
            let mut said: Vec<_> = lints.map(|lint| diagnostic(configuration, lint)).collect();
            // What the name of a gateway tells already need not be told twice.
            let around = mesh.check(configuration, configuration.carrier());
            report::add(&mut said, around);
            file.wrong.extend(said);
            file.wrong.extend(lint::notes(config).into_iter().map(|(path, text)| note(configuration, &path, &text)));
        }
        let (text, counts) = report::show(&mut file.wrong, &file.source);
        good &= counts.errors == 0 && (counts.warnings == 0 || !deny_warnings);
        shown.push_str(&text);
        shown.push_str(&format!("{}: {}\n", file.source.name, summary(counts)));
    }
    shown.push_str(&format!("methods and fields are those of Temporal's API {API_VERSION}\n"));
    Ok((shown, good))
}

fn diagnostic(configuration: &Configuration, Lint { path, text, help }: Lint) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        at: configuration.place(&path).pointed(),
        text: format!("{path}: {text}"),
        help: Some(help),
    }
}

fn note(configuration: &Configuration, path: &str, text: &str) -> Diagnostic {
    let at = configuration.place(path).pointed();
    Diagnostic { severity: Severity::Note, at, text: format!("{path}: {text}"), help: None }
}

/// How a file is, in a few words.
fn summary(Counts { errors, warnings, notes }: Counts) -> String {
    let notes = if notes == 0 { String::new() } else { format!(", {}", count(notes, "note")) };
    match (errors, warnings) {
        (0, 0) => format!("good{notes}"),
        (errors, warnings) => format!("{}, {}{notes}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
