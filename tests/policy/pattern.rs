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

/// What captures took, those of before included, if the text matches. A name never takes two texts.
pub fn matches(tokens: &[Token], text: &str, bound: &Bindings) -> Option<Bindings> {
    let Some((token, tokens)) = tokens.split_first() else { return text.is_empty().then(|| bound.clone()) };
    if let Token::Char(char) = token {
        return matches(tokens, text.strip_prefix(*char)?, bound);
    }
    // `*` and captures take at least one character, and never a colon.
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    ends.take_while(|end| !text[..*end].contains(':')).find_map(|end| {
        let mut bound = bound.clone();
        if let Token::Capture(name) = token
            && bound.insert(name.clone(), text[..end].to_owned()).is_some_and(|before| before != text[..end])
        {
            return None;
        }
        matches(tokens, &text[end..], &bound)
    })
}
