//! Unknown names, and the known names that were probably intended.

use temporal_auth::temporal::EffectSet;

use crate::request;

/// How similar two names must be, from 0 to 1, for one to be a likely misspelling of the other.
const SIMILAR: f64 = 0.85;

/// The end of a sentence about an unknown name: the known name that is most similar, or nothing if none is similar.
fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let lower = name.to_lowercase();
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(&lower, &known.to_lowercase()), known));
    let nearest = scored.filter(|(score, _)| *score > SIMILAR).max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default()
}

/// What is wrong with the name of a method that neither the API nor the configuration has.
pub(crate) fn unknown_method(name: &str) -> String {
    let paths = request::methods().unwrap_or_default();
    let names = paths.iter().filter_map(|path| path.rsplit('/').next());
    format!("unknown method `{name}`{}", did_you_mean(name, names))
}

/// What is wrong with the name of an effect or a method that there is not.
pub(crate) fn unknown_operation(name: &str) -> String {
    let paths = request::methods().unwrap_or_default();
    let methods = paths.iter().filter_map(|path| path.rsplit('/').next());
    let mut known: Vec<&str> = EffectSet::ADMIN.names().collect();
    known.extend(methods);
    format!("unknown effect or method `{name}`{}", did_you_mean(name, known))
}

/// What is wrong with the name of an issuer that the configuration does not have.
pub(crate) fn unknown_issuer(name: &str, known: &[String]) -> String {
    let suggestion = did_you_mean(name, known.iter().map(String::as_str));
    let end = if suggestion.is_empty() { format!("; expected one of {}", known.join(", ")) } else { suggestion };
    format!("unknown issuer `{name}`{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["StartWorkflowExecution", "SignalWorkflowExecution", "ListNamespaces"];
        for typo in ["StartWorkflow", "startworkflowexecution", "StartWorkflowExecutoin"] {
            assert_eq!(did_you_mean(typo, known), "; did you mean `StartWorkflowExecution`?", "{typo}");
        }
        assert_eq!(did_you_mean("corp", ["corporate", "partner"]), "; did you mean `corporate`?");
    }

    #[test]
    fn nothing_is_suggested_if_no_name_is_similar() {
        assert_eq!(did_you_mean("a.B/New", ["StartWorkflowExecution"]), "");
        assert_eq!(did_you_mean("", ["corp"]), "");
    }

    #[test]
    fn unknown_names_are_reported_with_the_known_names() {
        assert_eq!(unknown_method("QueryWorkflo"), "unknown method `QueryWorkflo`; did you mean `QueryWorkflow`?");
        assert_eq!(unknown_method("Frobnicate"), "unknown method `Frobnicate`");
        let known = ["corporate", "partner"].map(str::to_owned);
        assert_eq!(unknown_issuer("corp", &known), "unknown issuer `corp`; did you mean `corporate`?");
        assert_eq!(unknown_issuer("x", &known), "unknown issuer `x`; expected one of corporate, partner");
    }
}
