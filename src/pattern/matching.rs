//! Matches patterns against values: narrowly, as grants do, and widely, as denials do.

use super::collation::is_variant;
use super::{Binding, Pattern, PatternPart};

impl Pattern {
    /// Matches a value as grants do: `None` if it does not match, otherwise the binding of the capture, if there is a
    /// capture.
    #[must_use]
    pub fn matches(&self, value: &str) -> Option<Option<Binding>> {
        match self.parts.as_slice() {
            [PatternPart::Capture(name)] => capture(name, value, "", ""),
            [PatternPart::Literal(before), PatternPart::Capture(name)] => capture(name, value, before, ""),
            [PatternPart::Capture(name), PatternPart::Literal(after)] => capture(name, value, "", after),
            [PatternPart::Literal(before), PatternPart::Capture(name), PatternPart::Literal(after)] => {
                capture(name, value, before, after)
            }
            parts => glob::<Exact>(parts, value).then_some(None),
        }
    }

    /// Whether the pattern of a denial matches this value. `*` may be empty; ASCII case and white space around the
    /// value do not count.
    #[must_use]
    pub fn matches_widely(&self, value: &str) -> bool {
        glob::<Wide>(&self.parts, value.trim()) || self.matches(value).is_some()
    }

    /// Whether the pattern of a denial matches this name, or a name that a database may take it for. MySQL's usual
    /// collations ignore case, accents and trailing spaces, so that `Payroll` is served as the namespace `payroll`.
    #[must_use]
    pub fn could_match(&self, name: &str) -> bool {
        if self.parts.iter().all(|part| !matches!(part, PatternPart::Literal(text) if !text.is_ascii())) {
            let is_match = glob::<Wide>(&self.parts, name.trim_end_matches(' ')) || self.matches(name).is_some();
            return is_match || name.chars().any(is_variant);
        }
        !name.is_ascii() || glob::<Wide>(&self.without_variants(), name.trim_end_matches(' '))
    }

    /// The parts, with each character that a database may take for others replaced by `*`.
    fn without_variants(&self) -> Vec<PatternPart> {
        let mut parts = Vec::new();
        for part in &self.parts {
            let PatternPart::Literal(text) = part else {
                parts.push(part.clone());
                continue;
            };
            for (index, plain) in text.split(is_variant).enumerate() {
                if index > 0 {
                    parts.push(PatternPart::Star);
                }
                parts.push(PatternPart::Literal(plain.to_owned()));
            }
        }
        parts
    }
}

/// Binds the text between `before` and `after`.
fn capture(name: &str, value: &str, before: &str, after: &str) -> Option<Option<Binding>> {
    let value = value.strip_prefix(before)?.strip_suffix(after)?;
    let fits = !value.is_empty() && !value.contains(':');
    fits.then(|| Some(Binding { name: name.to_owned(), value: value.to_owned() }))
}

/// How literals are compared, and whether `*` may be empty.
trait Comparison {
    /// Whether `*` may match the empty text.
    const STAR_MAY_BE_EMPTY: bool;
    fn is_equal(text: &str, literal: &str) -> bool;
    /// The byte index of the literal's first occurrence.
    fn find(text: &str, literal: &str) -> Option<usize>;
}

/// The comparison of grants.
struct Exact;

/// The comparison of denials.
struct Wide;

impl Comparison for Exact {
    const STAR_MAY_BE_EMPTY: bool = false;

    fn is_equal(text: &str, literal: &str) -> bool {
        text == literal
    }

    fn find(text: &str, literal: &str) -> Option<usize> {
        text.find(literal)
    }
}

impl Comparison for Wide {
    const STAR_MAY_BE_EMPTY: bool = true;

    fn is_equal(text: &str, literal: &str) -> bool {
        text.eq_ignore_ascii_case(literal)
    }

    fn find(text: &str, literal: &str) -> Option<usize> {
        let mut starts = 0..=text.len().checked_sub(literal.len())?;
        starts.find(|start| {
            let found = text.get(*start..).and_then(|rest| rest.get(..literal.len()));
            found.is_some_and(|found| Self::is_equal(found, literal))
        })
    }
}

/// Matches literals and stars. Taking the first occurrence of a literal is enough: a later occurrence would only make
/// the star before it longer.
fn glob<C: Comparison>(parts: &[PatternPart], mut value: &str) -> bool {
    let mut after_star = false;
    for (index, part) in parts.iter().enumerate() {
        let is_last = index.saturating_add(1) == parts.len();
        match part {
            PatternPart::Literal(text) if !after_star => match value.split_at_checked(text.len()) {
                Some((start, rest)) if C::is_equal(start, text) => value = rest,
                _ => return false,
            },
            PatternPart::Literal(text) => {
                match if is_last { split_at_end::<C>(value, text) } else { split_at_first::<C>(value, text) } {
                    Some((gap, rest)) if C::STAR_MAY_BE_EMPTY || !gap.is_empty() => value = rest,
                    _ => return false,
                }
                after_star = false;
            }
            PatternPart::Star => after_star = true,
            PatternPart::Capture(_) => return false,
        }
    }
    if after_star { C::STAR_MAY_BE_EMPTY || !value.is_empty() } else { value.is_empty() }
}

/// The text before a literal at the end of the value, and the empty text after it.
fn split_at_end<'a, C: Comparison>(value: &'a str, text: &str) -> Option<(&'a str, &'a str)> {
    let (gap, end) = value.split_at_checked(value.len().checked_sub(text.len())?)?;
    C::is_equal(end, text).then_some((gap, ""))
}

/// The text before and after the first occurrence of a literal that leaves enough for a `*` before it.
fn split_at_first<'a, C: Comparison>(value: &'a str, text: &str) -> Option<(&'a str, &'a str)> {
    let min_gap = if C::STAR_MAY_BE_EMPTY { 0 } else { value.chars().next()?.len_utf8() };
    let start = min_gap.checked_add(C::find(value.get(min_gap..)?, text)?)?;
    Some((value.get(..start)?, value.get(start.checked_add(text.len())?..)?))
}
