//! Patterns as sets of texts: their fragments, and whether two patterns share a text.

use std::collections::BTreeSet;

use temporal_auth::pattern::Pattern;

/// A fragment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fragment {
    Literal(String),
    Star,
    Capture(String),
}

/// The fragments of a pattern, read from its text.
pub(crate) fn fragments(pattern: &Pattern) -> Vec<Fragment> {
    let text = pattern.to_string();
    let mut fragments = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let fragment = match char {
            '*' => Some(Fragment::Star),
            '{' => Some(Fragment::Capture(chars.by_ref().take_while(|char| *char != '}').collect())),
            _ => None,
        };
        match (fragment, fragments.last_mut()) {
            (Some(fragment), _) => fragments.push(fragment),
            (None, last) => {
                let literal = if char == '\\' { chars.next().unwrap_or(char) } else { char };
                match last {
                    Some(Fragment::Literal(text)) => text.push(literal),
                    _ => fragments.push(Fragment::Literal(literal.to_string())),
                }
            }
        }
    }
    fragments
}

/// Which characters may appear at one position of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CharClass {
    /// This character.
    One(char),
    /// This character in either ASCII case.
    Letter(char),
    /// Any character.
    Any,
    /// What captures match: everything except `:`.
    Captured,
    /// A segment of a path: neither `:` nor `/`.
    Segment,
    /// The characters in names of Kubernetes objects.
    ObjectName,
}

impl CharClass {
    fn has(self, char: char) -> bool {
        match self {
            Self::One(own) => own == char,
            Self::Letter(own) => own.eq_ignore_ascii_case(&char),
            Self::Any => true,
            Self::Captured => char != ':',
            Self::Segment => !matches!(char, ':' | '/'),
            Self::ObjectName => matches!(char, 'a'..='z' | '0'..='9' | '-' | '.'),
        }
    }

    /// Whether some character is in both classes.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(char), other) | (other, Self::One(char)) => other.has(char),
            (Self::Letter(char), other) | (other, Self::Letter(char)) => {
                other.has(char.to_ascii_lowercase()) || other.has(char.to_ascii_uppercase())
            }
            // The others all have digits.
            _ => true,
        }
    }
}

/// One character of a text, or any number of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Atom {
    class: CharClass,
    /// Whether it matches any number of such characters, including none.
    many: bool,
}

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternReading {
    /// As grants and `unless` read it.
    Narrow,
    /// As denials read their `who`: case is ignored, and `*` may be empty.
    Wide,
}

/// The texts that match a pattern.
pub(crate) fn texts(pattern: &Pattern, reading: PatternReading) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for fragment in fragments(pattern) {
        match (fragment, reading) {
            (Fragment::Literal(text), PatternReading::Narrow) => {
                atoms.extend(text.chars().map(|char| once(CharClass::One(char))))
            }
            (Fragment::Literal(text), PatternReading::Wide) => {
                atoms.extend(text.chars().map(|char| once(CharClass::Letter(char))))
            }
            (Fragment::Star, PatternReading::Narrow) => atoms.extend(some(CharClass::Any)),
            (Fragment::Star, PatternReading::Wide) => atoms.push(Atom { class: CharClass::Any, many: true }),
            (Fragment::Capture(_), _) => atoms.extend(some(CharClass::Captured)),
        }
    }
    atoms
}

/// Part of the shape of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ShapePart {
    Text(&'static str),
    /// One or more of these characters.
    Some(CharClass),
}

/// The texts of a shape.
pub(crate) fn shape(parts: &[ShapePart]) -> Vec<Atom> {
    let atoms = |part: &ShapePart| match part {
        ShapePart::Text(text) => text.chars().map(|char| once(CharClass::One(char))).collect::<Vec<_>>(),
        ShapePart::Some(class) => some(*class).to_vec(),
    };
    parts.iter().flat_map(atoms).collect()
}

fn once(class: CharClass) -> Atom {
    Atom { class, many: false }
}

fn some(class: CharClass) -> [Atom; 2] {
    [once(class), Atom { class, many: true }]
}

/// Whether some text matches both.
pub(crate) fn overlap(one: &[Atom], other: &[Atom]) -> bool {
    let after = |index: usize, atom: &Atom| if atom.many { index } else { index.saturating_add(1) };
    let (mut open, mut seen) = (vec![(0usize, 0usize)], BTreeSet::new());
    while let Some((left, right)) = open.pop() {
        if !seen.insert((left, right)) {
            continue;
        }
        let atoms = (one.get(left), other.get(right));
        if let (None, None) = atoms {
            return true;
        }
        if atoms.0.is_some_and(|atom| atom.many) {
            open.push((left.saturating_add(1), right));
        }
        if atoms.1.is_some_and(|atom| atom.many) {
            open.push((left, right.saturating_add(1)));
        }
        if let (Some(first), Some(second)) = atoms
            && first.class.meets(second.class)
        {
            open.push((after(left, first), after(right, second)));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    fn both(one: &str, other: &str) -> bool {
        overlap(&texts(&pattern(one), PatternReading::Narrow), &texts(&pattern(other), PatternReading::Narrow))
    }

    #[test]
    fn a_pattern_is_split_into_fragments() {
        let literal = |text: &str| Fragment::Literal(text.to_owned());
        assert_eq!(
            fragments(&pattern(r"a\*b*-{t}")),
            [literal("a*b"), Fragment::Star, literal("-"), Fragment::Capture("t".into())]
        );
        assert_eq!(fragments(&pattern(r"\\\{")), [literal(r"\{")]);
    }

    #[test]
    fn patterns_overlap_if_they_share_a_text() {
        for (one, other) in [("a", "a"), ("a*", "*b"), ("a-*", "a-b-*"), ("*", "x:y"), ("{t}", "abc"), ("a*c", "a{t}c")]
        {
            assert!(both(one, other) && both(other, one), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a*", "a"), ("a-*", "b-*"), ("{t}", "a:b"), ("{t}:x", "a:b:x"), ("ab", "a*b")]
        {
            assert!(!both(one, other) && !both(other, one), "{one} {other}");
        }
    }

    #[test]
    fn a_single_text_overlaps_with_the_patterns_that_match_it() {
        let mut words = vec![String::new()];
        for _ in 0..4 {
            words =
                words.iter().flat_map(|word| ["a", "B", ":", ""].map(|fragment| format!("{word}{fragment}"))).collect();
        }
        for text in ["a*", "*a", "a*B", "*", "*:*", "{t}a", "b:{t}", "a:b"] {
            let pattern = pattern(text);
            for word in words.iter().filter(|word| !word.is_empty()) {
                let alone = texts(&Pattern::literal(word), PatternReading::Narrow);
                let found = |reading| overlap(&texts(&pattern, reading), &alone);
                assert_eq!(found(PatternReading::Narrow), pattern.matches(word).is_some(), "{text} {word}");
                if pattern.captures().next().is_none() {
                    assert_eq!(found(PatternReading::Wide), pattern.matches_widely(word), "{text} {word}");
                }
            }
        }
    }

    #[test]
    fn patterns_overlap_with_shapes() {
        let account = shape(&[
            ShapePart::Text("sa:"),
            ShapePart::Some(CharClass::ObjectName),
            ShapePart::Text(":"),
            ShapePart::Some(CharClass::Segment),
        ]);
        let has = |text: &str| overlap(&texts(&pattern(text), PatternReading::Narrow), &account);
        for text in ["sa:a:b", "sa:*", "sa:a-*:b", "*", "sa:{t}:b"] {
            assert!(has(text), "{text}");
        }
        for text in ["sa:a", "sa:{t}", "sa:A:b", "sa:a:b/c", "x*", "sa::b"] {
            assert!(!has(text), "{text}");
        }
        assert!(overlap(&texts(&pattern("SA:a:*"), PatternReading::Wide), &account));
    }
}
