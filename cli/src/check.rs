//! `temporal-auth check`: everything that is wrong with a configuration, or may be.

use std::path::PathBuf;

use crate::report::{self, Diagnostic};
use crate::{lint, load};

/// Checks files. Returns what is printed, and whether they are good.
pub(crate) fn check(files: &[PathBuf], deny_warnings: bool) -> Result<(String, bool), String> {
    let (mut shown, mut good) = (String::new(), true);
    for path in files {
        let mut file = load::file(path)?;
        for configuration in &file.configurations {
            file.wrong.extend(lint::all(&configuration.config, &configuration.value).into_iter().map(|lint| {
                Diagnostic {
                    warning: true,
                    at: configuration.place(&lint.path).pointed(),
                    text: format!("{}: {}", lint.path, lint.text),
                    help: Some(lint.help),
                }
            }));
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
