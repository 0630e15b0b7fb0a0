//! How databases compare names. MySQL's usual collations go neither by case nor by accents, nor by spaces at the end.

/// Whether a character may be ASCII letters with something added, or nothing at all, to a database. Those that are neither
/// are printable ASCII, kana without marks, Han and Hangul. Denials, which read wide, need to know no more.
#[must_use]
pub fn is_variant(char: char) -> bool {
    !matches!(char, ' '..='~' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Which ASCII characters another character may equal to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// It is an ASCII character and equals itself alone, whatever its case.
    Itself,
    /// None: a letter of another script, or a character that collations leave out, as they do marks.
    None,
    /// One, or none.
    One,
    /// Two at most: a ligature.
    Two,
}

/// Which ASCII characters a character may equal. Source: the Default Unicode Collation Element Table of UCA 9.0, by which
/// `utf8mb4_0900_ai_ci` goes. In these blocks are all single characters whose primary weights are those of one ASCII letter;
/// of those with the weights of several, only `ﬅ` and `ﬆ` occur in a name of Temporal's own.
#[must_use]
pub fn letters(char: char) -> Letters {
    match char {
        ' '..='~' => Letters::Itself,
        '\u{fb05}' | '\u{fb06}' => Letters::Two,
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
        | '\u{1f100}'..='\u{1f1ff}' => Letters::One,
        _ => Letters::None,
    }
}
