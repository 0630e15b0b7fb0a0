//! How databases compare names. MySQL's usual collations ignore case, accents and trailing spaces.

/// Whether a database may take a character for ASCII letters, or ignore it. The exceptions are printable ASCII, kana
/// without marks, Han and Hangul. Denials, which read widely, need to know no more.
#[must_use]
pub fn is_variant(char: char) -> bool {
    !matches!(char, ' '..='~' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// How many ASCII letters a database may take a character for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsciiLetters {
    /// The character is ASCII: it equals only itself, in either case.
    Itself,
    /// No letter: a letter of another script, or a character that collations ignore, such as a mark.
    None,
    /// At most one letter.
    One,
    /// At most two letters: a ligature.
    Two,
}

/// How many ASCII letters a database may take a character for. Source: the Default Unicode Collation Element Table of
/// UCA 9.0, which `utf8mb4_0900_ai_ci` uses. These blocks have all single characters with the primary weight of an
/// ASCII letter. Of the characters with the weights of several letters, only `ﬅ` and `ﬆ` occur in a name of Temporal's
/// own.
#[must_use]
pub fn ascii_letters(char: char) -> AsciiLetters {
    match char {
        ' '..='~' => AsciiLetters::Itself,
        '\u{fb05}' | '\u{fb06}' => AsciiLetters::Two,
        '\u{a0}'..='\u{2ff}'
        | '\u{363}'..='\u{36f}'
        | '\u{1d00}'..='\u{1eff}'
        | '\u{2070}'..='\u{209f}'
        | '\u{2100}'..='\u{218f}'
        | '\u{2460}'..='\u{24ff}'
        | '\u{a720}'..='\u{a7ff}'
        | '\u{fe50}'..='\u{fe6f}'
        | '\u{ff01}'..='\u{ff5e}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f1ff}' => AsciiLetters::One,
        _ => AsciiLetters::None,
    }
}
