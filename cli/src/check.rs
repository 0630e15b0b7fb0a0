//! `temporal-auth check`: the errors and warnings of configurations.

use std::path::PathBuf;

use temporal_auth::config::Path;
use temporal_auth::temporal::API_VERSION;
use temporal_auth::time::Timestamp;

use crate::lint::{self, Lint};
use crate::load::{self, Configuration};
use crate::mesh::Mesh;
use crate::report::{self, Counts, Diagnostic};

/// Checks files, each by itself and all as parts of one mesh. Returns the text to print, and whether the check passes.
pub(crate) fn check(files: &[PathBuf], deny_warnings: bool, at: Timestamp) -> Result<(String, bool), String> {
    let (mut shown, mut passed) = (String::new(), true);
    let mut files = files.iter().map(|path| load::file(path)).collect::<Result<Vec<_>, _>>()?;
    let deployments: Vec<_> = files.iter().flat_map(|file| &file.deployments).collect();
    let mesh = Mesh::of(files.iter().flat_map(|file| &file.documents), &deployments);
    // If any file has a configuration, those without one are there to describe the mesh.
    let has_config = files.iter().any(|file| file.no_config.is_none());
    for file in &mut files {
        let no_config = file.no_config.take();
        file.wrong.extend(file.documents.iter().flat_map(|document| mesh.check_other(document)));
        let is_context = has_config && no_config.is_some();
        if is_context {
            shown.push_str(&format!("{}: no configuration; used as mesh context\n", file.source.name));
            if file.wrong.is_empty() {
                continue;
            }
        }
        file.wrong.extend(no_config.filter(|_| !is_context));
        for deployment in &file.deployments {
            file.wrong.extend(deployment.check());
            file.wrong.extend(mesh.check_deployment(deployment));
        }
        for configuration in &file.configurations {
            let (config, value) = (&configuration.config, &configuration.value);
            let lints = lint::all(config, value, at).into_iter();
            let mut warnings: Vec<_> = lints.map(|lint| diagnostic(configuration, lint)).collect();
            // A grant to a gateway is reported once, whether its name or the mesh shows that it is one.
            report::add(&mut warnings, mesh.check(configuration, configuration.deployment()));
            file.wrong.extend(warnings);
            file.wrong.extend(lint::notes(config).into_iter().map(|(path, text)| note(configuration, &path, &text)));
        }
        let (text, counts) = report::show(&mut file.wrong, &file.source);
        passed &= counts.errors == 0 && (counts.warnings == 0 || !deny_warnings);
        shown.push_str(&text);
        shown.push_str(&format!("{}: {}\n", file.source.name, summary(counts)));
    }
    shown.push_str(&format!("methods and fields are those of Temporal's API {API_VERSION}\n"));
    Ok((shown, passed))
}

fn diagnostic(configuration: &Configuration, Lint { path, text, help }: Lint) -> Diagnostic {
    Diagnostic::warning(format!("{path}: {text}"), configuration.locate(&path).pointed(), help)
}

fn note(configuration: &Configuration, path: &Path, text: &str) -> Diagnostic {
    Diagnostic::note(format!("{path}: {text}"), configuration.locate(path).pointed())
}

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
