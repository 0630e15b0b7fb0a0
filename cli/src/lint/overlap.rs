//! Patterns as sets of texts: their pieces, and whether some text is in two of them.

use std::collections::BTreeSet;

use temporal_auth::pattern::Pattern;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Star,
    Capture(String),
}

/// The pieces of a pattern, by the text that it is written as.
pub(super) fn pieces(pattern: &Pattern) -> Vec<Piece> {
    let text = pattern.to_string();
    let mut pieces = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let piece = match char {
            '*' => Some(Piece::Star),
            '{' => Some(Piece::Capture(chars.by_ref().take_while(|char| *char != '}').collect())),
            _ => None,
        };
        match (piece, pieces.last_mut()) {
            (Some(piece), _) => pieces.push(piece),
            (None, last) => {
                let literal = if char == '\\' { chars.next().unwrap_or(char) } else { char };
                match last {
                    Some(Piece::Literal(text)) => text.push(literal),
                    _ => pieces.push(Piece::Literal(literal.to_string())),
                }
            }
        }
    }
    pieces
}

/// Which characters may stand in one place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chars {
    /// This one.
    One(char),
    /// This one in either ASCII case.
    Letter(char),
    /// Any.
    Any,
    /// What captures take: all but `:`.
    Captured,
    /// Part of a path: neither `:` nor `/`.
    Segment,
    /// What Kubernetes names objects with.
    ObjectName,
}

impl Chars {
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

    /// Whether some character may stand in both places.
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

/// One place of a text, or any number of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    chars: Chars,
    /// Whether there may be any number of such characters, none as well.
    many: bool,
}

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As grants and `unless` read it.
    Narrow,
    /// As denials read their `who`, where neither case nor an empty `*` makes a difference.
    Wide,
}

/// The texts that match a pattern.
pub(super) fn texts(pattern: &Pattern, reading: Reading) -> Vec<Step> {
    let mut steps = Vec::new();
    for piece in pieces(pattern) {
        match (piece, reading) {
            (Piece::Literal(text), Reading::Narrow) => steps.extend(text.chars().map(|char| once(Chars::One(char)))),
            (Piece::Literal(text), Reading::Wide) => steps.extend(text.chars().map(|char| once(Chars::Letter(char)))),
            (Piece::Star, Reading::Narrow) => steps.extend(some(Chars::Any)),
            (Piece::Star, Reading::Wide) => steps.push(Step { chars: Chars::Any, many: true }),
            (Piece::Capture(_), _) => steps.extend(some(Chars::Captured)),
        }
    }
    steps
}

/// Part of a shape that texts have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Text(&'static str),
    /// One or more of these.
    Some(Chars),
}

/// The texts that have a shape.
pub(super) fn shape(parts: &[Part]) -> Vec<Step> {
    let steps = |part: &Part| match part {
        Part::Text(text) => text.chars().map(|char| once(Chars::One(char))).collect::<Vec<_>>(),
        Part::Some(chars) => some(*chars).to_vec(),
    };
    parts.iter().flat_map(steps).collect()
}

fn once(chars: Chars) -> Step {
    Step { chars, many: false }
}

fn some(chars: Chars) -> [Step; 2] {
    [once(chars), Step { chars, many: true }]
}

/// Whether some text is in both.
pub(super) fn overlap(one: &[Step], other: &[Step]) -> bool {
    let after = |index: usize, step: &Step| if step.many { index } else { index.saturating_add(1) };
    let (mut open, mut seen) = (vec![(0usize, 0usize)], BTreeSet::new());
    while let Some((left, right)) = open.pop() {
        if !seen.insert((left, right)) {
            continue;
        }
        let steps = (one.get(left), other.get(right));
        if let (None, None) = steps {
            return true;
        }
        if steps.0.is_some_and(|step| step.many) {
            open.push((left.saturating_add(1), right));
        }
        if steps.1.is_some_and(|step| step.many) {
            open.push((left, right.saturating_add(1)));
        }
        if let (Some(first), Some(second)) = steps
            && first.chars.meets(second.chars)
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
        overlap(&texts(&pattern(one), Reading::Narrow), &texts(&pattern(other), Reading::Narrow))
    }

    #[test]
    fn pieces_of_a_pattern() {
        let literal = |text: &str| Piece::Literal(text.to_owned());
        assert_eq!(
            pieces(&pattern(r"a\*b*-{t}")),
            [literal("a*b"), Piece::Star, literal("-"), Piece::Capture("t".into())]
        );
        assert_eq!(pieces(&pattern(r"\\\{")), [literal(r"\{")]);
    }

    #[test]
    fn patterns_with_a_text_in_common() {
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
    fn a_text_alone_overlaps_with_what_the_library_matches() {
        let mut words = vec![String::new()];
        for _ in 0..4 {
            words = words.iter().flat_map(|word| ["a", "B", ":", ""].map(|piece| format!("{word}{piece}"))).collect();
        }
        for text in ["a*", "*a", "a*B", "*", "*:*", "{t}a", "b:{t}", "a:b"] {
            let pattern = pattern(text);
            for word in words.iter().filter(|word| !word.is_empty()) {
                let alone = texts(&Pattern::literal(word), Reading::Narrow);
                let found = |reading| overlap(&texts(&pattern, reading), &alone);
                assert_eq!(found(Reading::Narrow), pattern.matches(word).is_some(), "{text} {word}");
                if pattern.captures().next().is_none() {
                    assert_eq!(found(Reading::Wide), pattern.matches_widely(word), "{text} {word}");
                }
            }
        }
    }

    #[test]
    fn shapes() {
        let account =
            shape(&[Part::Text("sa:"), Part::Some(Chars::ObjectName), Part::Text(":"), Part::Some(Chars::Segment)]);
        let has = |text: &str| overlap(&texts(&pattern(text), Reading::Narrow), &account);
        for text in ["sa:a:b", "sa:*", "sa:a-*:b", "*", "sa:{t}:b"] {
            assert!(has(text), "{text}");
        }
        for text in ["sa:a", "sa:{t}", "sa:A:b", "sa:a:b/c", "x*", "sa::b"] {
            assert!(!has(text), "{text}");
        }
        assert!(overlap(&texts(&pattern("SA:a:*"), Reading::Wide), &account));
    }
}
