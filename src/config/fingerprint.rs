//! A short hash of what a configuration says, by which operators tell which one a proxy runs.
//!
//! Not of its bytes: the members of a `Struct` have no order on the wire.

use crate::wire::json::Json;

/// The same for every form of a configuration: YAML, JSON or `Struct`, whatever the order of its members.
pub(super) fn of(tree: &Json<'_>) -> u32 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.value(tree);
    (hash.0 ^ (hash.0 >> 32)) as u32
}

/// FNV-1a with 64 bits: it tells the configurations of one operator apart, and need not withstand anybody.
struct Fnv(u64);

impl Fnv {
    /// Each value with its kind, and with its length if it has one, so that no two trees give the same bytes. The depth is
    /// bounded by both parsers.
    fn value(&mut self, value: &Json<'_>) {
        match value {
            Json::Null => self.bytes(b"n"),
            Json::Bool(flag) => self.bytes(&[b'b', u8::from(*flag)]),
            // A `Struct` has doubles only.
            Json::Number(number) => self.sized(b'd', &number.as_f64().unwrap_or_default().to_bits().to_be_bytes()),
            Json::String(text) => self.sized(b's', text.as_bytes()),
            Json::Array(values) => {
                self.count(b'a', values.len());
                values.iter().for_each(|value| self.value(value));
            }
            // Sorted by name.
            Json::Object(members) => {
                self.count(b'o', members.iter().count());
                for (name, value) in members.iter() {
                    self.sized(b's', name.as_bytes());
                    self.value(value);
                }
            }
        }
    }

    fn sized(&mut self, kind: u8, bytes: &[u8]) {
        self.count(kind, bytes.len());
        self.bytes(bytes);
    }

    #[inline(never)]
    fn count(&mut self, kind: u8, count: usize) {
        self.bytes(&[kind]);
        self.bytes(&u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::struct_value;

    fn of_json(text: &str) -> u32 {
        of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn it_depends_on_what_is_said_and_not_on_how() {
        let here = of_json(r#"{"version": 1, "mode": "shadow"}"#);
        assert_eq!(here, of_json(" { \"mode\" : \"sh\\u0061dow\", \"version\": 1.0 }"));
        // The same as a `Struct`.
        let member = |name: &[u8], value: &[u8]| {
            let entry = [&[10, name.len() as u8], name, &[18, value.len() as u8], value].concat();
            [&[10, entry.len() as u8], &entry[..]].concat()
        };
        let number = [&[17][..], &1f64.to_le_bytes()].concat();
        let bytes = [member(b"version", &number), member(b"mode", b"\x1a\x06shadow")].concat();
        assert_eq!(here, of(&struct_value::parse(&bytes).unwrap()));
    }

    #[test]
    fn every_difference_changes_it() {
        let texts = [
            "{}",
            "[]",
            "null",
            "\"\"",
            "0",
            "1",
            "\"1\"",
            "true",
            "false",
            "[null]",
            "[[]]",
            "[1,2]",
            "[2,1]",
            "[[1],2]",
            r#"["ab","c"]"#,
            r#"["a","bc"]"#,
            r#"{"a":"b"}"#,
            r#"["a","b"]"#,
            r#"{"b":"a"}"#,
            r#"{"a":{},"b":1}"#,
            r#"{"a":{"b":1}}"#,
        ];
        let mut all: Vec<_> = texts.iter().map(|text| of_json(text)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), texts.len());
    }
}
