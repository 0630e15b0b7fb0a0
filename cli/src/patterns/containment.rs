//! Whether one pattern matches everything that another matches. `true` is certain; a doubt is `false`.

use std::collections::BTreeSet;

use temporal_auth::pattern::Pattern;

use super::overlap::{Fragment, PatternReading, fragments};

/// How many sets of states are looked at. Patterns that need more count as not contained.
const MAX_STATES: usize = 20_000;

/// A character of a text, or the text that a capture took, whatever that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Letter {
    Char(char),
    /// A capture's text: at least one character, and no `:`.
    Captured(usize),
    /// A character that neither pattern names.
    Other,
}

/// Which letters may appear at one position of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LetterClass {
    One(Letter),
    /// This character in either ASCII case.
    Folded(char),
    Any,
    /// Anything except `:`.
    Segment,
}

impl LetterClass {
    fn has(self, letter: Letter) -> bool {
        match (self, letter) {
            (Self::One(own), letter) => own == letter,
            (Self::Folded(own), Letter::Char(char)) => own.eq_ignore_ascii_case(&char),
            (Self::Folded(_), _) => false,
            (Self::Any, _) => true,
            (Self::Segment, letter) => letter != Letter::Char(':'),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Atom {
    class: LetterClass,
    /// Whether it matches any number of such letters, including none.
    many: bool,
}

/// A part of a pattern whose captures are bound: to a text that is known, or to one that only has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    Star,
    /// What the capture with this number took.
    Captured(usize),
    /// Any text that a capture may take.
    AnyCaptured,
}

/// The parts of a pattern that matches values: its captures take what they can.
pub(crate) fn matcher(pattern: &Pattern) -> Vec<Part> {
    parts(pattern, &|_| Some(vec![Part::AnyCaptured])).unwrap_or_default()
}

/// The parts of a pattern with its captures replaced. `None` if one of them has no replacement.
pub(crate) fn parts(pattern: &Pattern, bound: &dyn Fn(&str) -> Option<Vec<Part>>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    for fragment in fragments(pattern) {
        match fragment {
            Fragment::Literal(text) => parts.push(Part::Literal(text)),
            Fragment::Star => parts.push(Part::Star),
            Fragment::Capture(name) => parts.extend(bound(&name)?),
        }
    }
    Some(parts)
}

fn atoms(parts: &[Part], reading: PatternReading) -> Vec<Atom> {
    let once = |class| Atom { class, many: false };
    let some = |class| [once(class), Atom { class, many: true }];
    let mut atoms = Vec::new();
    for part in parts {
        match (part, reading) {
            (Part::Literal(text), PatternReading::Narrow) => {
                atoms.extend(text.chars().map(|char| once(LetterClass::One(Letter::Char(char)))));
            }
            (Part::Literal(text), PatternReading::Wide) => {
                atoms.extend(text.chars().map(|char| once(LetterClass::Folded(char))));
            }
            (Part::Star, PatternReading::Narrow) => atoms.extend(some(LetterClass::Any)),
            (Part::Star, PatternReading::Wide) => atoms.push(Atom { class: LetterClass::Any, many: true }),
            (Part::Captured(number), _) => atoms.push(once(LetterClass::One(Letter::Captured(*number)))),
            (Part::AnyCaptured, _) => atoms.extend(some(LetterClass::Segment)),
        }
    }
    atoms
}

/// Whether the wide parts match every text that the narrow parts match.
pub(crate) fn contains(wide: &[Part], narrow: &[Part]) -> bool {
    contains_read((wide, PatternReading::Narrow), (narrow, PatternReading::Narrow))
}

/// The same for parts that are read in these ways.
pub(crate) fn contains_read(
    (wide, wide_reading): (&[Part], PatternReading),
    (narrow, narrow_reading): (&[Part], PatternReading),
) -> bool {
    let (wide, narrow) = (atoms(wide, wide_reading), atoms(narrow, narrow_reading));
    let mut letters = BTreeSet::from([Letter::Char(':'), Letter::Other]);
    for atom in wide.iter().chain(&narrow) {
        match atom.class {
            LetterClass::One(letter) => {
                letters.insert(letter);
            }
            LetterClass::Folded(char) => {
                letters.extend([char.to_ascii_lowercase(), char.to_ascii_uppercase()].map(Letter::Char));
            }
            LetterClass::Any | LetterClass::Segment => {}
        }
    }
    let mut seen = BTreeSet::new();
    let mut open = vec![(0usize, closure(&wide, BTreeSet::from([0usize])))];
    while let Some((state, states)) = open.pop() {
        if !seen.insert((state, states.clone())) {
            continue;
        }
        if seen.len() > MAX_STATES {
            return false;
        }
        let Some(atom) = narrow.get(state) else {
            // A text of the narrow pattern ends here.
            if !states.contains(&wide.len()) {
                return false;
            }
            continue;
        };
        if atom.many {
            open.push((state.saturating_add(1), states.clone()));
        }
        let next = if atom.many { state } else { state.saturating_add(1) };
        for letter in letters.iter().filter(|letter| atom.class.has(**letter)) {
            open.push((next, step(&wide, &states, *letter)));
        }
    }
    true
}

/// The states that are reached from these by this letter.
fn step(atoms: &[Atom], states: &BTreeSet<usize>, letter: Letter) -> BTreeSet<usize> {
    let mut next = BTreeSet::new();
    for state in states {
        if let Some(atom) = atoms.get(*state).filter(|atom| atom.class.has(letter)) {
            next.insert(if atom.many { *state } else { state.saturating_add(1) });
        }
    }
    closure(atoms, next)
}

/// These states, and those that are reached from them without a letter.
fn closure(atoms: &[Atom], mut states: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut open: Vec<_> = states.iter().copied().collect();
    while let Some(state) = open.pop() {
        let next = state.saturating_add(1);
        if atoms.get(state).is_some_and(|atom| atom.many) && states.insert(next) {
            open.push(next);
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    fn has(wide: &str, narrow: &str) -> bool {
        contains(&matcher(&pattern(wide)), &matcher(&pattern(narrow)))
    }

    #[test]
    fn a_pattern_contains_those_that_match_less() {
        for (wide, narrow) in [
            ("a", "a"),
            ("*", "a*"),
            ("a*", "a*b"),
            ("a*", "ab"),
            ("a-*", "a-{t}"),
            ("{t}", "ab"),
            ("{t}-x", "a-{u}-x"),
            ("*a*", "xa*a*a"),
        ] {
            assert!(has(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in
            [("a*", "a"), ("a*", "*"), ("{t}", "*"), ("{t}", "a:b"), ("a-{t}", "a-*"), ("a", "A"), ("*a", "a*")]
        {
            assert!(!has(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn a_capture_is_the_same_text_in_both() {
        let bound = |text: &str, number| parts(&pattern(text), &|_| Some(vec![Part::Captured(number)])).unwrap();
        assert!(contains(&bound("{t}-*", 1), &bound("{t}-dev", 1)));
        assert!(contains(&bound("*-dev", 1), &bound("{t}-dev", 1)));
        assert!(!contains(&bound("{t}-*", 1), &bound("{u}-*", 2)));
        assert!(!contains(&bound("{t}", 1), &[Part::Star]));
        assert_eq!(parts(&pattern("{t}"), &|_| None), None);
    }

    /// Compares with every text of a few letters.
    #[test]
    fn containment_is_that_of_the_texts() {
        let mut words = vec![String::new()];
        for _ in 0..5 {
            words = words.iter().flat_map(|word| ["a", "B", ":", ""].map(|letter| format!("{word}{letter}"))).collect();
        }
        let all = ["a*", "*a", "a*B", "*", "*:*", "{t}a", "B:{t}", "a:B", "a", "*a*", "{t}", "a*a", "aB*"].map(pattern);
        for (wide, narrow) in all.iter().flat_map(|wide| all.iter().map(move |narrow| (wide, narrow))) {
            let matches = |pattern: &Pattern, word: &str| pattern.matches(word).is_some();
            let expected = words.iter().all(|word| !matches(narrow, word) || matches(wide, word));
            assert_eq!(contains(&matcher(wide), &matcher(narrow)), expected, "{wide} {narrow}");
            if wide.captures().next().is_some() || narrow.captures().next().is_some() {
                continue;
            }
            let widely = |word: &String| !narrow.matches_widely(word) || wide.matches_widely(word);
            let read = |pattern| (matcher(pattern), PatternReading::Wide);
            let ((wide_parts, reading), (narrow_parts, _)) = (read(wide), read(narrow));
            let found = contains_read((&wide_parts, reading), (&narrow_parts, reading));
            assert_eq!(found, words.iter().all(widely), "{wide} {narrow}, read widely");
        }
    }
}
