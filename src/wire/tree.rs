//! JSON that borrows its texts, where a member given twice is an error. Members stand in lists: ten thousand grants as
//! [`serde_json::Value`] would take more time and memory than the policy that is made of them, and memory that a VM has
//! taken once it keeps.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value and all that is in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Tree<'a>>),
    /// An object.
    Object(Members<'a>),
}

/// The members of an object, sorted by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Members<'a>(Vec<(Cow<'a, str>, Tree<'a>)>);

impl<'a> Members<'a> {
    /// These members; nothing if two have one name. Sorted once, not as they come: in the worst order that would move as
    /// many bytes as the square of their number.
    pub(crate) fn of(mut members: Vec<(Cow<'a, str>, Tree<'a>)>) -> Option<Self> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let twice = members.iter().zip(members.iter().skip(1)).any(|((one, _), (other, _))| one == other);
        members.shrink_to_fit();
        (!twice).then_some(Self(members))
    }

    /// The member of that name, with its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&(Cow<'a, str>, Tree<'a>)> {
        self.place(name).ok().and_then(|place| self.0.get(place))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Cow<'a, str>, Tree<'a>)> {
        self.0.iter()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

impl<'a> Tree<'a> {
    /// The string that it is, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of the object that it is, if it is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&Members<'a>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The same on its own.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::List(list) => Value::Array(list.iter().map(Tree::to_json).collect()),
            Self::Object(members) => Value::Object(members.to_json()),
        }
    }
}

impl Members<'_> {
    /// The same on its own.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.clone().into_owned(), value.to_json())).collect()
    }
}

impl<'a> From<&'a Value> for Tree<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(list) => Self::List(list.iter().map(Tree::from).collect()),
            // They are sorted already.
            Value::Object(members) => Self::Object(Members(
                members.iter().map(|(name, value)| (name.as_str().into(), Tree::from(value))).collect(),
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Tree<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Flag(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Tree<'de>, E> {
        Ok(Number::from_f64(value).map_or(Tree::Null, Tree::Number))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(value.to_owned().into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        values.shrink_to_fit();
        Ok(Tree::List(values))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tree<'de>, A::Error> {
        // Most objects are smaller, and are cut to their size when it is known.
        let mut members = Vec::with_capacity(8);
        while let Some((name, value)) = object.next_entry::<Tree<'de>, Tree<'de>>()? {
            let Tree::Text(name) = name else { return Err(A::Error::custom("a name that is no string")) };
            members.push((name, value));
        }
        Members::of(members).map(Tree::Object).ok_or_else(|| A::Error::custom("a member given twice"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tree<'_>, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn reads_what_serde_json_reads() {
        for text in
            [r#"{"b":[1,-2,0.5,true,null,"x\u00e9"],"a":{"a":{}},"\u0063":1}"#, "[]", "\"s\"", "1e3", "-0.0", "1.0"]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text).unwrap().to_json(), value);
            assert_eq!(Tree::from(&value), parse(text).unwrap());
        }
        assert!(matches!(parse("\"plain\""), Ok(Tree::Text(Cow::Borrowed("plain")))));
    }

    #[test]
    fn refuses_duplicates_at_any_depth_and_anything_after() {
        for bad in [r#"{"a":1,"b":2,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{} {}", "{}x", "", "{\"a\":\"\u{1}\"}"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err(), "depth is bounded");
    }

    #[test]
    fn members_are_found_by_name() {
        let tree = parse(r#"{"b":1,"a":2,"c":3}"#).unwrap();
        let members = tree.as_object().unwrap();
        assert_eq!(members.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(members.get("c").is_some_and(|(_, value)| value.to_json() == 3) && members.get("d").is_none());
    }
}
