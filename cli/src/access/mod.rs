//! `temporal-auth access`: every rule of a policy, with the namespaces and effects that it is about, for a review.

mod matrix;
mod show;

use crate::args::{Access, Format};
use crate::explain;

/// Lists all rules. Returns the text to print.
pub(crate) fn access(question: &Access) -> Result<(String, bool), String> {
    let configuration = explain::one(&question.file)?;
    let rules = matrix::rules(&configuration.config, question.time.at());
    let shown = match question.format {
        Format::Text => show::text(&rules),
        Format::Markdown => show::markdown(&rules),
        Format::Json => show::json(&rules),
        Format::Csv => show::csv(&rules),
    };
    Ok((shown, true))
}
