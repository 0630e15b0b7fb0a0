//! Patterns, matched by trying every possibility.

use std::collections::BTreeMap;

/// The texts that captures matched, by the captures' names.
pub type Bindings = BTreeMap<String, String>;

#[derive(Debug, Clone)]
pub enum PatternElement {
    Char(char),
    Star,
    Capture(String),
}

pub fn elements(pattern: &str) -> Vec<PatternElement> {
    let mut chars = pattern.chars();
    let mut elements = Vec::new();
    while let Some(char) = chars.next() {
        elements.push(match char {
            '\\' => PatternElement::Char(chars.next().unwrap()),
            '*' => PatternElement::Star,
            '{' => PatternElement::Capture(chars.by_ref().take_while(|char| *char != '}').collect()),
            char => PatternElement::Char(char),
        });
    }
    elements
}

/// The pattern with its captures replaced by what they matched. `None` if a capture is not bound.
pub fn bind(elements: Vec<PatternElement>, bound: &Bindings) -> Option<Vec<PatternElement>> {
    let mut result = Vec::new();
    for element in elements {
        match element {
            PatternElement::Capture(name) => result.extend(bound.get(&name)?.chars().map(PatternElement::Char)),
            element => result.push(element),
        }
    }
    Some(result)
}

/// Whether a character may separate values in a claim that is a single text.
pub fn is_separator(char: char) -> bool {
    ",;|".contains(char) || char.is_whitespace()
}

/// The bindings, including those in `bound`, if the text matches. A capture is never bound to two texts.
pub fn matches(elements: &[PatternElement], text: &str, bound: &Bindings) -> Option<Bindings> {
    matches_up_to(|_| false, elements, text, bound)
}

/// The same, but neither `*` nor a capture matches any of the characters in `stops`.
pub fn matches_up_to(
    stops: fn(char) -> bool,
    elements: &[PatternElement],
    text: &str,
    bound: &Bindings,
) -> Option<Bindings> {
    let Some((element, elements)) = elements.split_first() else { return text.is_empty().then(|| bound.clone()) };
    if let PatternElement::Char(char) = element {
        return matches_up_to(stops, elements, text.strip_prefix(*char)?, bound);
    }
    // `*` and captures match at least one character, and a capture never matches a colon.
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    ends.take_while(|end| !text[..*end].contains(stops)).find_map(|end| {
        let mut bound = bound.clone();
        if let PatternElement::Capture(name) = element
            && (text[..end].contains(':')
                || bound.insert(name.clone(), text[..end].to_owned()).is_some_and(|before| before != text[..end]))
        {
            return None;
        }
        matches_up_to(stops, elements, &text[end..], &bound)
    })
}

fn matches_text(pattern: &str, text: &str) -> bool {
    matches(&elements(pattern), text, &Bindings::new()).is_some()
}

/// Whether the text matches as for a denial: `*` may match nothing.
fn matches_loosely(elements: &[PatternElement], text: &str) -> bool {
    match elements.split_first() {
        None => text.is_empty(),
        Some((PatternElement::Char(char), elements)) => {
            text.strip_prefix(*char).is_some_and(|text| matches_loosely(elements, text))
        }
        Some((_, elements)) => {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && matches_loosely(elements, &text[at..]))
        }
    }
}

fn matches_in_any_case(pattern: &str, text: &str) -> bool {
    matches_loosely(&elements(&pattern.to_ascii_lowercase()), &text.to_ascii_lowercase())
}

/// Whether a pattern of a denial's `who` matches a text, without regard to ASCII case and white space around the text.
pub fn means_widely(pattern: &str, text: &str) -> bool {
    matches_in_any_case(pattern, text.trim()) || matches_text(pattern, text)
}

/// Whether a pattern of a denial's `namespaces` matches a name, or a name that a database may consider equal. MySQL ignores
/// case, accents and spaces at the end.
pub fn means_namespace(pattern: &str, name: &str) -> bool {
    if name.chars().any(may_be_letters) || (!pattern.is_ascii() && !name.is_ascii()) {
        return true;
    }
    let stars: String = pattern.chars().map(|char| if may_be_letters(char) { '*' } else { char }).collect();
    matches_in_any_case(&stars, name.trim_end_matches(' ')) || matches_text(pattern, name)
}

/// Whether a database may read a character as other letters, or ignore it: every character except for printable ASCII and
/// plain kana, Han and Hangul.
pub fn may_be_letters(char: char) -> bool {
    let plain = [' '..='~', 'ぁ'..='ゖ', 'ァ'..='ヺ', '\u{3400}'..='\u{9fff}', '가'..='힣'];
    !plain.iter().any(|range| range.contains(&char))
}

/// Whether a name begins like the names of Temporal's own, or may do so for a database.
pub fn is_temporals_own(name: &str) -> bool {
    may_spell(&name.chars().collect::<Vec<_>>(), "temporal-sys-", true)
}

/// Whether a name is that of Temporal's own namespace, or may be so for a database.
pub fn is_temporals_namespace(name: &str) -> bool {
    may_spell(&name.trim_end_matches(' ').chars().collect::<Vec<_>>(), "temporal-system", false)
}

/// Whether a database may read the characters as this text. With `prefix`, whether it may read them as a text that begins so.
fn may_spell(name: &[char], text: &str, prefix: bool) -> bool {
    match name.split_first() {
        _ if text.is_empty() && prefix => true,
        None => text.is_empty(),
        Some((char @ ' '..='~', rest)) => {
            text.starts_with(char.to_ascii_lowercase()) && may_spell(rest, &text[1..], prefix)
        }
        Some((char, rest)) => {
            (0..=max_letters(*char)).any(|taken| taken <= text.len() && may_spell(rest, &text[taken..], prefix))
        }
    }
}

/// The largest number of ASCII letters that a character may equal in a database that uses Unicode's collation. A Latin letter
/// with marks, or in a phonetic, wide, small, raised, circled or mathematical form, equals one; the ligature of `s` and `t`
/// equals two. All other characters are of another script, or are ignored.
fn max_letters(char: char) -> usize {
    let latin = [
        '\u{a0}'..='\u{2ff}',
        '\u{363}'..='\u{36f}',
        '\u{1d00}'..='\u{1eff}',
        '\u{2070}'..='\u{209f}',
        '\u{2100}'..='\u{218f}',
        '\u{2460}'..='\u{24ff}',
        '\u{a720}'..='\u{a7ff}',
        '\u{fe50}'..='\u{fe6f}',
        '\u{ff01}'..='\u{ff5e}',
        '\u{1d400}'..='\u{1d7ff}',
        '\u{1f100}'..='\u{1f1ff}',
    ];
    if ['ﬅ', 'ﬆ'].contains(&char) { 2 } else { usize::from(latin.iter().any(|block| block.contains(&char))) }
}
