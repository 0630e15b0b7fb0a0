//! Files, with their configurations and everything that is wrong with them.

use std::path::Path;
use std::rc::Rc;

use serde_json::Value;
use temporal_auth::config::{Config, Path as ConfigPath, Problem, ProblemKind};

use crate::deployment::Deployment;
use crate::find::{self, Findings, FoundConfiguration};
use crate::report::{self, Diagnostic};
use crate::source::{Source, Span};
use crate::yaml::location::{self, Location};
use crate::yaml::{self, NodeKind, YamlNode, value};

#[derive(Debug)]
pub(crate) struct File {
    pub(crate) source: Source,
    /// The valid configurations.
    pub(crate) configurations: Vec<Configuration>,
    pub(crate) wrong: Vec<Diagnostic>,
    pub(crate) deployments: Vec<Rc<Deployment>>,
    /// All YAML documents in the file.
    pub(crate) documents: Vec<Rc<YamlNode>>,
    /// The error for a file without a configuration.
    pub(crate) no_config: Option<Diagnostic>,
}

/// A valid configuration.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) value: Value,
    pub(crate) config: Config,
    /// Its origin in the file.
    found: FoundConfiguration,
}

impl Configuration {
    pub(crate) fn deployment(&self) -> Option<&Deployment> {
        self.found.deployment.as_deref()
    }

    pub(crate) fn locate(&self, path: &ConfigPath) -> Location {
        locate(&self.found, path)
    }
}

/// The text of a file.
pub(crate) fn source(file: &Path) -> Result<Source, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("cannot read {}: {why}", file.display());
    let text =
        String::from_utf8(std::fs::read(file).map_err(|error| cannot(&error))?).map_err(|error| cannot(&error))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Source { name: file.display().to_string(), text })
}

/// Reads a file, and checks every configuration in it.
pub(crate) fn file(file: &Path) -> Result<File, String> {
    let source = source(file)?;
    let documents = match yaml::documents(&source.text) {
        Ok(documents) => documents.into_iter().flat_map(resources).collect::<Vec<_>>(),
        Err(error) => {
            let (configurations, wrong, deployments) = (Vec::new(), vec![error], Vec::new());
            return Ok(File { source, configurations, wrong, deployments, documents: Vec::new(), no_config: None });
        }
    };
    let Findings { found, deployments, mut wrong, no_config } = find::configurations(&source, &documents);
    let mut configurations = Vec::new();
    for found in found {
        let mut ambiguities = Vec::new();
        let value = value::value(&found.node, found.dialect, &mut ambiguities);
        for ambiguity in &mut ambiguities {
            ambiguity.at = found.shown_at.unwrap_or(ambiguity.at);
        }
        match Config::parse(value.to_string().as_bytes()) {
            Ok(config) if ambiguities.is_empty() => configurations.push(Configuration { value, config, found }),
            Ok(_) => {}
            Err(problems) if found.shown_at.is_none() => {
                report::add(&mut ambiguities, problems.iter().map(|problem| diagnostic(problem, &found)).collect());
            }
            Err(problems) => ambiguities.extend(problems.iter().map(|problem| diagnostic(problem, &found))),
        }
        wrong.append(&mut ambiguities);
    }
    Ok(File { source, configurations, wrong, deployments, documents, no_config })
}

/// The resources in a document: kubectl prints several as one `List`.
fn resources(document: Rc<YamlNode>) -> Vec<Rc<YamlNode>> {
    let is_list = document.value("kind").and_then(|kind| kind.text()).is_some_and(|kind| kind.ends_with("List"));
    match document.value("items").map(|items| &items.kind) {
        Some(NodeKind::List(items)) if is_list => items.clone(),
        _ => vec![document],
    }
}

fn locate(found: &FoundConfiguration, path: &ConfigPath) -> Location {
    match found.shown_at {
        Some(value) => Location { value, name: None },
        None => location::locate(&found.node, found.name, path),
    }
}

fn diagnostic(problem: &Problem, found: &FoundConfiguration) -> Diagnostic {
    Diagnostic::error(problem.to_string(), pointed(problem, locate(found, &problem.path)))
}

/// What to point at: the name if the problem is the name or a missing value, and otherwise the value.
pub(crate) fn pointed(problem: &Problem, location: Location) -> Span {
    match problem.kind {
        ProblemKind::Missing { .. } | ProblemKind::UnknownField { .. } | ProblemKind::BuiltInRole => {
            location.name.unwrap_or(location.value)
        }
        _ => location.pointed(),
    }
}
