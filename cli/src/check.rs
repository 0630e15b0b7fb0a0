//! `temporal-auth check`: everything that is wrong with a configuration, or may be.

use std::path::PathBuf;

use crate::mesh::Mesh;
use crate::report::{self, Diagnostic};
use crate::{lint, load};

/// Checks files, each by itself and beside the others. Returns what is printed, and whether they are good.
pub(crate) fn check(files: &[PathBuf], deny_warnings: bool) -> Result<(String, bool), String> {
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
            let mut said: Vec<_> = lint::all(&configuration.config, &configuration.value)
                .into_iter()
                .map(|lint| Diagnostic {
                    warning: true,
                    at: configuration.place(&lint.path).pointed(),
                    text: format!("{}: {}", lint.path, lint.text),
                    help: Some(lint.help),
                })
                .collect();
            // What the name of a gateway tells already need not be told twice.
            let around = mesh.check(configuration, configuration.carrier());
            report::add(&mut said, around);
            file.wrong.extend(said);
        }
        let (text, errors, warnings) = report::show(&mut file.wrong, &file.source);
        good &= errors == 0 && (warnings == 0 || !deny_warnings);
        shown.push_str(&text);
        let name = &file.source.name;
        shown.push_str(&match (errors, warnings) {
            (0, 0) => format!("{name}: good\n"),
            (errors, warnings) => format!("{name}: {}, {}\n", count(errors, "error"), count(warnings, "warning")),
        });
    }
    Ok((shown, good))
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
