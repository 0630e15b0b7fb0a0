//! The start of a text from outside, short enough to keep and to log.

const MAX_CHARS: usize = 128;

/// The start of a text from outside. Texts are shown with `{:?}`, which escapes control characters.
pub(crate) fn excerpt(text: &str) -> Box<str> {
    text.chars().take(MAX_CHARS).collect::<String>().into()
}
