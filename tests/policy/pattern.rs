//! Patterns, matched by trying every way.

use std::collections::BTreeMap;

/// What captures took, by their names.
pub type Bindings = BTreeMap<String, String>;

#[derive(Debug, Clone)]
pub enum Token {
    Char(char),
    Star,
    Capture(String),
}

pub fn tokens(pattern: &str) -> Vec<Token> {
    let mut chars = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(char) = chars.next() {
        tokens.push(match char {
            '\\' => Token::Char(chars.next().unwrap()),
            '*' => Token::Star,
            '{' => Token::Capture(chars.by_ref().take_while(|char| *char != '}').collect()),
            char => Token::Char(char),
        });
    }
    tokens
}

/// The pattern with what its captures took, literally; none if one took nothing.
pub fn bind(tokens: Vec<Token>, bound: &Bindings) -> Option<Vec<Token>> {
    let mut result = Vec::new();
    for token in tokens {
        match token {
            Token::Capture(name) => result.extend(bound.get(&name)?.chars().map(Token::Char)),
            token => result.push(token),
        }
    }
    Some(result)
}

/// Whether a character may separate values, in a claim that is one text.
pub fn is_separator(char: char) -> bool {
    ",;|".contains(char) || char.is_whitespace()
}

/// What captures took, those of before included, if the text matches. A name never takes two texts.
pub fn matches(tokens: &[Token], text: &str, bound: &Bindings) -> Option<Bindings> {
    matches_up_to(|_| false, tokens, text, bound)
}

/// The same where neither `*` nor a capture takes any of these.
pub fn matches_up_to(stops: fn(char) -> bool, tokens: &[Token], text: &str, bound: &Bindings) -> Option<Bindings> {
    let Some((token, tokens)) = tokens.split_first() else { return text.is_empty().then(|| bound.clone()) };
    if let Token::Char(char) = token {
        return matches_up_to(stops, tokens, text.strip_prefix(*char)?, bound);
    }
    // `*` and captures take at least one character, and a capture never takes a colon.
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    ends.take_while(|end| !text[..*end].contains(stops)).find_map(|end| {
        let mut bound = bound.clone();
        if let Token::Capture(name) = token
            && (text[..end].contains(':')
                || bound.insert(name.clone(), text[..end].to_owned()).is_some_and(|before| before != text[..end]))
        {
            return None;
        }
        matches_up_to(stops, tokens, &text[end..], &bound)
    })
}

fn means(pattern: &str, text: &str) -> bool {
    matches(&tokens(pattern), text, &Bindings::new()).is_some()
}

/// The same where a denial is meant: `*` may take nothing.
fn takes(tokens: &[Token], text: &str) -> bool {
    match tokens.split_first() {
        None => text.is_empty(),
        Some((Token::Char(char), tokens)) => text.strip_prefix(*char).is_some_and(|text| takes(tokens, text)),
        Some((_, tokens)) => (0..=text.len()).any(|at| text.is_char_boundary(at) && takes(tokens, &text[at..])),
    }
}

fn takes_in_any_case(pattern: &str, text: &str) -> bool {
    takes(&tokens(&pattern.to_ascii_lowercase()), &text.to_ascii_lowercase())
}

/// Whether a denial's `who` means a text: without regard to ASCII case and white space around it.
pub fn means_widely(pattern: &str, text: &str) -> bool {
    takes_in_any_case(pattern, text.trim()) || means(pattern, text)
}

/// Whether a denial's `namespaces` means a name, or what a database may take for it: MySQL compares without case, without
/// accents and without spaces at the end.
pub fn means_namespace(pattern: &str, name: &str) -> bool {
    if name.chars().any(may_be_letters) || (!pattern.is_ascii() && !name.is_ascii()) {
        return true;
    }
    let stars: String = pattern.chars().map(|char| if may_be_letters(char) { '*' } else { char }).collect();
    takes_in_any_case(&stars, name.trim_end_matches(' ')) || means(pattern, name)
}

/// Whether a database may take a character for letters of ASCII, or for none: what is neither printable ASCII nor plain
/// kana, Han or Hangul.
pub fn may_be_letters(char: char) -> bool {
    let plain = [' '..='~', 'ぁ'..='ゖ', 'ァ'..='ヺ', '\u{3400}'..='\u{9fff}', '가'..='힣'];
    !plain.iter().any(|range| range.contains(&char))
}

/// Whether a name begins as those of Temporal's own do, or as a database may take it for.
pub fn is_temporals_own(name: &str) -> bool {
    spells(&name.chars().collect::<Vec<_>>(), "temporal-sys-", true)
}

/// Whether a namespace is that of Temporal's own, or may be taken for it.
pub fn is_temporals_namespace(name: &str) -> bool {
    spells(&name.trim_end_matches(' ').chars().collect::<Vec<_>>(), "temporal-system", false)
}

/// Whether characters may stand for this text, or for the beginning of them.
fn spells(name: &[char], text: &str, begins: bool) -> bool {
    match name.split_first() {
        _ if text.is_empty() && begins => true,
        None => text.is_empty(),
        Some((char @ ' '..='~', rest)) => {
            text.starts_with(char.to_ascii_lowercase()) && spells(rest, &text[1..], begins)
        }
        Some((char, rest)) => {
            (0..=most_letters(*char)).any(|taken| taken <= text.len() && spells(rest, &text[taken..], begins))
        }
    }
}

/// For how many letters of ASCII a character may stand in a database that goes by Unicode's collation: Latin with marks,
/// phonetic, wide, small, raised, in circles or in mathematics for one, the ligature of `s` and `t` for two. Any other
/// is another script's, or is left out.
fn most_letters(char: char) -> usize {
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
