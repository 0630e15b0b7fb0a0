//! A walk over the text of a JSON value that was checked to be one: values that do not matter are skipped without a tree. The
//! visitors of serde would be a copy of its reader for each sort of value.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::Json;

/// A position in a JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a str,
}

/// A value that is not an object or a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Bool(bool),
    /// A number, as it is written.
    Number(&'a str),
    String(Cow<'a, str>),
}

/// The value at a cursor.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'a> {
    /// Its members follow: see [`Cursor::next_key`].
    Object,
    /// Its values follow: see [`Cursor::next_element`].
    List,
    Scalar(Scalar<'a>),
}

/// The text is not exactly one JSON value, or a string in it is not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson;

impl<'a> Cursor<'a> {
    /// A walk over this text.
    ///
    /// # Errors
    /// It is not exactly one JSON value.
    pub fn new(text: &'a str) -> Result<Self, NotJson> {
        // serde_json skips without recursion, however deep the value is.
        serde_json::from_slice::<IgnoredAny>(text.as_bytes()).map_err(|_| NotJson)?;
        Ok(Self { rest: text })
    }

    /// A walk over a value that [`Cursor::raw`] has returned.
    #[must_use]
    pub fn within(raw: &'a str) -> Self {
        Self { rest: raw }
    }

    /// The next value, as it is written.
    pub fn raw(&mut self) -> &'a str {
        self.peek();
        let before = self.rest;
        self.skip();
        let length = before.len().saturating_sub(self.rest.len());
        before.get(..length).unwrap_or(before)
    }

    /// Enters an object or a list, or takes another value.
    pub fn read(&mut self) -> Result<Next<'a>, NotJson> {
        match self.peek().ok_or(NotJson)? {
            b'{' => {
                self.advance(1);
                Ok(Next::Object)
            }
            b'[' => {
                self.advance(1);
                Ok(Next::List)
            }
            b'"' => Ok(Next::Scalar(Scalar::String(self.string()?))),
            _ => {
                let end = self.rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
                Ok(Next::Scalar(match self.advance(end) {
                    "null" => Scalar::Null,
                    "true" => Scalar::Bool(true),
                    "false" => Scalar::Bool(false),
                    number => Scalar::Number(number),
                }))
            }
        }
    }

    /// The next key of the object that was entered. `None` at its end. The value must be taken or skipped before the next key.
    pub fn next_key(&mut self) -> Result<Option<Cow<'a, str>>, NotJson> {
        if !self.has_next(b'}') {
            return Ok(None);
        }
        let key = self.string()?;
        // The colon.
        self.peek();
        self.advance(1);
        Ok(Some(key))
    }

    /// Whether the list that was entered has another value, which must be taken or skipped; `false` at its end.
    pub fn next_element(&mut self) -> bool {
        self.has_next(b']')
    }

    /// Skips the next value.
    pub fn skip(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'{' | b'[') => depth = depth.saturating_add(1),
                Some(b'}' | b']') => depth = depth.saturating_sub(1),
                Some(b',' | b':') => {}
                Some(b'"') => {
                    self.raw_string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                Some(_) => {
                    let end = self.rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
                    self.advance(end);
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                None => return,
            }
            self.advance(1);
            if depth == 0 {
                return;
            }
        }
    }

    /// Skips the rest of the object that was entered.
    pub fn skip_members(&mut self) -> Result<(), NotJson> {
        while self.next_key()?.is_some() {
            self.skip();
        }
        Ok(())
    }

    fn has_next(&mut self, end: u8) -> bool {
        match self.peek() {
            Some(b',') => {
                self.advance(1);
                self.peek();
                true
            }
            Some(byte) if byte == end => {
                self.advance(1);
                false
            }
            other => other.is_some(),
        }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest.bytes().next()
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn string(&mut self) -> Result<Cow<'a, str>, NotJson> {
        let raw = self.raw_string();
        if raw.contains('\\') {
            // The reader of whole values is in the module anyway.
            return match serde_json::from_slice::<Json<'_>>(raw.as_bytes()) {
                Ok(Json::String(text)) => Ok(Cow::Owned(text.into_owned())),
                _ => Err(NotJson),
            };
        }
        let text = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        text.map(Cow::Borrowed).ok_or(NotJson)
    }

    /// A string as it is written, with its quotes.
    fn raw_string(&mut self) -> &'a str {
        let mut is_escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        });
        self.advance(end.map_or(self.rest.len(), |end| end.saturating_add(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};

    /// The value as serde_json has it, so that both readers can be compared.
    fn value(cursor: &mut Cursor<'_>) -> Result<Value, NotJson> {
        Ok(match cursor.read()? {
            Next::Object => {
                let mut members = Map::new();
                while let Some(key) = cursor.next_key()? {
                    members.insert(key.into_owned(), value(cursor)?);
                }
                Value::Object(members)
            }
            Next::List => {
                let mut values = Vec::new();
                while cursor.next_element() {
                    values.push(value(cursor)?);
                }
                Value::Array(values)
            }
            Next::Scalar(Scalar::Null) => Value::Null,
            Next::Scalar(Scalar::Bool(flag)) => flag.into(),
            Next::Scalar(Scalar::Number(text)) => serde_json::from_str(text).unwrap(),
            Next::Scalar(Scalar::String(text)) => text.into_owned().into(),
        })
    }

    const TEXTS: [&str; 9] = [
        r#"{"a":[1,-2,0.5,true,null,"x\u00e9"],"b":{"a":{}},"\u0063":1e3}"#,
        "[]",
        " [ ] ",
        "{ }",
        "\n{\t\"a\" :\r[ { \"b\" : 1 } , \"}\" , \"\\\"]\" , false ] , \"c\" : \"\\\\\" }",
        "\"s\"",
        "1e3",
        "[[[[]],[]],{}]",
        r#"["","\\\\","\"","é{"]"#,
    ];

    #[test]
    fn values_are_those_that_serde_json_reads() {
        for text in TEXTS {
            assert_eq!(value(&mut Cursor::new(text).unwrap()), Ok(serde_json::from_str(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn any_value_is_skipped_whole() {
        for text in TEXTS {
            let whole = format!("[{text} , 7]");
            let mut cursor = Cursor::new(&whole).unwrap();
            assert_eq!(cursor.read(), Ok(Next::List));
            assert!(cursor.next_element());
            let mut again = cursor;
            cursor.skip();
            assert_eq!(again.raw(), text.trim());
            assert!(cursor.next_element());
            assert_eq!(cursor.read(), Ok(Next::Scalar(Scalar::Number("7"))), "{whole}");
            assert!(!cursor.next_element());
        }
    }

    #[test]
    fn only_one_value_is_json() {
        for text in
            ["", "{} {}", "{}x", "{", "[1,]", "{\"a\":1,}", "01", "nul", "{a:1}", "\"\u{1}\"", "'a'", "[1 2]", "NaN"]
        {
            assert_eq!(Cursor::new(text).err(), Some(NotJson), "{text}");
        }
        let lone = Cursor::new(r#""\ud800""#).and_then(|mut cursor| cursor.read());
        assert_eq!(lone, Err(NotJson));
    }
}
