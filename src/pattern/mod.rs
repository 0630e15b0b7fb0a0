//! Patterns over names: literal unless they say `*` or `{name}`. Never a regular expression.

pub mod collation;

use std::fmt;

use crate::pattern::collation::is_variant;

/// A pattern with its captures, as the policy has it.
///
/// `*` matches any text of at least one character; where a denial is meant, of none as well. `{name}` matches at least one
/// character and never `:`, since what it takes is inserted elsewhere. `\*`, `\{`, `\}` and `\\` are literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Star,
    Capture(String),
}

/// What every value that a pattern matches has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralPrefix<'a> {
    /// All of it.
    Whole(&'a str),
    /// What it starts with.
    Start(&'a str),
}

/// What a capture took from a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The capture's name.
    pub name: String,
    /// The text it matched.
    pub value: String,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What was expected instead, for people.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            let piece = match char {
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '{' | '}' | '\\')) => {
                        literal.push(escaped);
                        continue;
                    }
                    _ => return Err("`\\` before `*`, `{`, `}` or `\\` only"),
                },
                '*' => Piece::Star,
                '{' => match chars.as_str().split_once('}') {
                    Some((name, rest)) if is_name(name) => {
                        chars = rest.chars();
                        Piece::Capture(name.to_owned())
                    }
                    _ => return Err("a capture `{name}` of letters, digits and `_`"),
                },
                other => {
                    literal.push(other);
                    continue;
                }
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            } else if !matches!(pieces.last(), None | Some(Piece::Literal(_))) {
                return Err("something literal between `*` and captures");
            }
            pieces.push(piece);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// The names of its captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Capture(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Its literals.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The literal that it is or starts with, if any.
    #[must_use]
    pub fn literal_prefix(&self) -> Option<LiteralPrefix<'_>> {
        match self.pieces.as_slice() {
            [Piece::Literal(text)] => Some(LiteralPrefix::Whole(text)),
            [Piece::Literal(text), ..] => Some(LiteralPrefix::Start(text)),
            _ => None,
        }
    }

    /// Whether it can be matched against a value: at most one capture, and no `*` beside it, so that there is one way
    /// only to match.
    #[must_use]
    pub fn is_matcher(&self) -> bool {
        let captures = self.captures().count();
        captures == 0 || (captures == 1 && !self.pieces.contains(&Piece::Star))
    }

    /// Matches a value as grants do: nothing if it does not match, else what the capture took.
    #[must_use]
    pub fn matches(&self, value: &str) -> Option<Option<Binding>> {
        match self.pieces.as_slice() {
            [Piece::Capture(name)] => capture(name, value, "", ""),
            [Piece::Literal(before), Piece::Capture(name)] => capture(name, value, before, ""),
            [Piece::Capture(name), Piece::Literal(after)] => capture(name, value, "", after),
            [Piece::Literal(before), Piece::Capture(name), Piece::Literal(after)] => {
                capture(name, value, before, after)
            }
            pieces => glob::<Exact>(pieces, value).then_some(None),
        }
    }

    /// Whether a denial means this value: `*` may be empty, and neither ASCII case nor white space around the value counts.
    #[must_use]
    pub fn matches_widely(&self, value: &str) -> bool {
        glob::<Wide>(&self.pieces, value.trim()) || self.matches(value).is_some()
    }

    /// Whether a denial means this name, or what a database may take it for. MySQL's usual collations compare without case,
    /// without accents and without spaces at the end, so that `Payroll` is served as the namespace `payroll`.
    #[must_use]
    pub fn could_match(&self, name: &str) -> bool {
        if self.pieces.iter().all(|piece| !matches!(piece, Piece::Literal(text) if !text.is_ascii())) {
            let meant = glob::<Wide>(&self.pieces, name.trim_end_matches(' ')) || self.matches(name).is_some();
            return meant || name.chars().any(is_variant);
        }
        !name.is_ascii() || glob::<Wide>(&self.without_variants(), name.trim_end_matches(' '))
    }

    /// Its pieces, with `*` in place of each character that a database may take for other ones.
    fn without_variants(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let Piece::Literal(text) = piece else {
                pieces.push(piece.clone());
                continue;
            };
            for (index, plain) in text.split(is_variant).enumerate() {
                if index > 0 {
                    pieces.push(Piece::Star);
                }
                pieces.push(Piece::Literal(plain.to_owned()));
            }
        }
        pieces
    }

    /// Whether it is `*` alone.
    #[must_use]
    pub fn is_star(&self) -> bool {
        matches!(self.pieces.as_slice(), [Piece::Star])
    }

    /// The pattern with what its captures took in their place, literally; none if a capture has no binding.
    #[must_use]
    pub fn bind(&self, bindings: &[Binding]) -> Option<Self> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Capture(name) => bindings
                .iter()
                .find(|binding| binding.name == *name)
                .map(|binding| Piece::Literal(binding.value.clone())),
            other => Some(other.clone()),
        });
        // Neighbouring literals are one text, so that a match has one way only.
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece?) {
                (Some(Piece::Literal(text)), Piece::Literal(more)) => text.push_str(&more),
                (_, piece) => joined.push(piece),
            }
        }
        Some(Self { pieces: joined })
    }

    /// A pattern that matches this text alone.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { pieces: vec![Piece::Literal(text.to_owned())] }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn capture(name: &str, value: &str, before: &str, after: &str) -> Option<Option<Binding>> {
    let value = value.strip_prefix(before)?.strip_suffix(after)?;
    let fits = !value.is_empty() && !value.contains(':');
    fits.then(|| Some(Binding { name: name.to_owned(), value: value.to_owned() }))
}

/// How literals are compared, and how short a `*` may be.
trait Comparison {
    /// Whether `*` may be empty.
    const EMPTY: bool;
    /// Whether a text is the literal.
    fn same(text: &str, literal: &str) -> bool;
    /// Where the literal first occurs.
    fn find(text: &str, literal: &str) -> Option<usize>;
}

/// As grants compare.
struct Exact;

/// As denials do.
struct Wide;

impl Comparison for Exact {
    const EMPTY: bool = false;

    fn same(text: &str, literal: &str) -> bool {
        text == literal
    }

    fn find(text: &str, literal: &str) -> Option<usize> {
        text.find(literal)
    }
}

impl Comparison for Wide {
    const EMPTY: bool = true;

    fn same(text: &str, literal: &str) -> bool {
        text.eq_ignore_ascii_case(literal)
    }

    fn find(text: &str, literal: &str) -> Option<usize> {
        let mut starts = 0..=text.len().checked_sub(literal.len())?;
        starts.find(|start| {
            let found = text.get(*start..).and_then(|rest| rest.get(..literal.len()));
            found.is_some_and(|found| Self::same(found, literal))
        })
    }
}

/// Matches literals and stars. Taking the first place where a literal fits is enough: a later one would only make the
/// star before it longer.
fn glob<C: Comparison>(pieces: &[Piece], mut value: &str) -> bool {
    let mut star = false;
    for (index, piece) in pieces.iter().enumerate() {
        let last = index.saturating_add(1) == pieces.len();
        match piece {
            Piece::Literal(text) if !star => match value.split_at_checked(text.len()) {
                Some((start, rest)) if C::same(start, text) => value = rest,
                _ => return false,
            },
            Piece::Literal(text) => {
                match if last { at_the_end::<C>(value, text) } else { first::<C>(value, text) } {
                    Some((gap, rest)) if C::EMPTY || !gap.is_empty() => value = rest,
                    _ => return false,
                }
                star = false;
            }
            Piece::Star => star = true,
            Piece::Capture(_) => return false,
        }
    }
    if star { C::EMPTY || !value.is_empty() } else { value.is_empty() }
}

/// The text before a literal that ends the value, and nothing after it.
fn at_the_end<'a, C: Comparison>(value: &'a str, text: &str) -> Option<(&'a str, &'a str)> {
    let (gap, end) = value.split_at_checked(value.len().checked_sub(text.len())?)?;
    C::same(end, text).then_some((gap, ""))
}

/// The text before and after the first occurrence of a literal, which leaves a `*` before it what it needs.
fn first<'a, C: Comparison>(value: &'a str, text: &str) -> Option<(&'a str, &'a str)> {
    let least = if C::EMPTY { 0 } else { value.chars().next()?.len_utf8() };
    let start = least.checked_add(C::find(value.get(least..)?, text)?)?;
    Some((value.get(..start)?, value.get(start.checked_add(text.len())?..)?))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => {
                    f.write_str(&text.replace('\\', "\\\\").replace('*', "\\*").replace('{', "\\{"))?
                }
                Piece::Star => f.write_str("*")?,
                Piece::Capture(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(value).is_some()
    }

    fn captured(pattern: &str, value: &str) -> Option<String> {
        Pattern::parse(pattern).unwrap().matches(value).flatten().map(|binding| binding.value)
    }

    #[test]
    fn literals_are_literal() {
        assert!(matches("a.b", "a.b") && !matches("a.b", "axb") && !matches("a", "A") && !matches("a", "ab"));
        assert!(matches("", "") && !matches("", "a") && !matches("a", ""));
        assert!(matches(r"\*\{x}\\", r"*{x}\") && matches(r"\{x\}", "{x}") && !matches(r"\*", "a"));
    }

    #[test]
    fn a_star_is_one_or_more_of_any_characters() {
        assert!(matches("*", "a") && matches("*", "ä") && !matches("*", "") && matches("*", "a:b"));
        assert!(matches("team-*", "team-a") && !matches("team-*", "team-") && matches("team-*", "team-a:b"));
        assert!(matches("repo:acme/app:*", "repo:acme/app:ref:refs/heads/main"));
        assert!(!matches("repo:acme/app:*", "repo:acme/app2:ref:refs/heads/main"));
        assert!(matches("*-dev", "a-dev") && !matches("*-dev", "-dev") && !matches("*-dev", "a-dev-x"));
        assert!(matches("a*c", "abc") && matches("a*c", "acc") && !matches("a*c", "ac"));
        assert!(matches("*a*", "xay") && !matches("*a*", "ay") && matches("*a*", "aay") && !matches("*a*", "xa"));
        assert!(matches("a*b*c", "axbxbxc") && !matches("a*b*c", "abc") && matches("a:*", "a:b"));
    }

    #[test]
    fn globs_agree_with_a_naive_matcher() {
        fn naive(pattern: &[u8], value: &[u8], least: usize) -> bool {
            match pattern.split_first() {
                None => value.is_empty(),
                Some((b'*', rest)) => (least..=value.len()).any(|n| naive(rest, &value[n..], least)),
                Some((literal, rest)) => value.first() == Some(literal) && naive(rest, &value[1..], least),
            }
        }
        let words = |alphabet: &'static [u8], most: u32| {
            let base = alphabet.len();
            (0..=most).flat_map(move |length| {
                (0..base.pow(length)).map(move |mut n| {
                    let mut word = Vec::new();
                    for _ in 0..length {
                        word.push(alphabet[n % base]);
                        n /= base;
                    }
                    String::from_utf8(word).unwrap()
                })
            })
        };
        for pattern in words(b"a:*", 5) {
            let Ok(parsed) = Pattern::parse(&pattern) else { continue };
            for value in words(b"a:b", 6) {
                let naive = |least| naive(pattern.as_bytes(), value.as_bytes(), least);
                assert_eq!(parsed.matches(&value).is_some(), naive(1), "{pattern} {value}");
                assert_eq!(parsed.matches_widely(&value), naive(0), "{pattern} {value}");
                assert_eq!(parsed.could_match(&value), naive(0), "{pattern} {value}");
            }
        }
    }

    #[test]
    fn a_denial_reads_more_into_a_pattern_than_a_grant() {
        let widely = |pattern: &str, value: &str| Pattern::parse(pattern).unwrap().matches_widely(value);
        assert!(widely("contractor*", "contractor") && !matches("contractor*", "contractor"));
        assert!(widely("*", "") && widely("a*c", "ac") && widely("Dev-*", "dEV-1") && widely("a", " A "));
        assert!(widely(" a", " a") && widely("x *", "x  "), "what a grant would match");
        assert!(!widely("contractor*", "contracto") && !widely("a", "ab") && !widely("é", "É"));
        assert!(widely("*é*", "aé") && !widely("a*b", "aé"));
    }

    #[test]
    fn a_denial_means_what_a_database_may_take_a_name_for() {
        let could = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().could_match(name);
        assert!(could("payroll", "PAYROLL ") && could("payroll", "päyroll") && !could("payroll", "payrol"));
        assert!(could("zürich", "zurich") && could("straße", "strasse") && could("zürich-*", "zurich-a"));
        assert!(could("zürich", "zürich") && could("zürich", "ZÜRICH") && !could("zürich", "bern"));
        assert!(could("日本", "日本") && !could("日本", "bern") && !could("payroll", "日本"));
        assert!(could("payroll-*", "payroll-x:y") && could("*", "v1:data-0") && could("*", ""));
    }

    #[test]
    fn captures_take_the_rest_and_bind_literally() {
        assert_eq!(captured("team-{team}", "team-a").as_deref(), Some("a"));
        assert_eq!(captured("{team}-runner", "x-y-runner").as_deref(), Some("x-y"));
        assert_eq!(captured("a{t}b", "ab"), None);
        assert_eq!(captured("{t}", "a:b"), None);
        let binding = [Binding { name: "team".into(), value: "*".into() }];
        let bound = Pattern::parse("{team}-*").unwrap().bind(&binding).unwrap();
        assert!(bound.matches("*-x").is_some() && bound.matches("a-x").is_none(), "nothing from a token is a pattern");
        assert!(Pattern::parse("{other}").unwrap().bind(&binding).is_none());
    }

    #[test]
    fn what_is_not_a_pattern() {
        for bad in ["{", "{}", "{a", "{a b}", r"\a", r"\", "**", "*{a}", "{a}{b}"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        assert!(Pattern::parse("a}").is_ok());
        assert!(!Pattern::parse("{a}-*").unwrap().is_matcher() && !Pattern::parse("{a}-{b}").unwrap().is_matcher());
        for text in [r"a\*b", "{a}-*", r"\\", "plain"] {
            assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
        }
    }
}
