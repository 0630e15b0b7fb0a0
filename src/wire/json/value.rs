//! JSON values that borrow their strings. Objects are sorted lists: ten thousand grants as [`serde_json::Value`] would
//! take more time and memory than the policy that is built from them, and a VM never gives memory back.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::excerpt::excerpt;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(JsonObject<'a>),
}

/// Objects of at most this many members are searched from the start: most names already differ in their length.
const FEW_MEMBERS: usize = 12;

/// A JSON object, its members sorted by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JsonObject<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> JsonObject<'a> {
    /// An object of these members.
    ///
    /// # Errors
    /// Two members have this name.
    pub(crate) fn from_members(mut members: Vec<(Cow<'a, str>, Json<'a>)>) -> Result<Self, Cow<'a, str>> {
        // Sorted once: inserting each member in its order would take time quadratic in their number.
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut pairs = members.iter().zip(members.iter().skip(1));
        if let Some(((name, _), _)) = pairs.find(|((one, _), (other, _))| one == other) {
            return Err(name.clone());
        }
        members.shrink_to_fit();
        Ok(Self(members))
    }

    /// The member with this name: its name and its value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&(Cow<'a, str>, Json<'a>)> {
        if self.0.len() <= FEW_MEMBERS {
            return self.0.iter().find(|(known, _)| known == name);
        }
        self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok().and_then(|index| self.0.get(index))
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Cow<'a, str>, Json<'a>)> {
        self.0.iter()
    }
}

impl<'a> Json<'a> {
    /// The string; `None` if the value is not a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The object; `None` if the value is not an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&JsonObject<'a>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The same value, owned.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::String(text) => Value::String(text.clone().into_owned()),
            Self::Array(list) => Value::Array(list.iter().map(Json::to_value).collect()),
            Self::Object(members) => Value::Object(members.to_value()),
        }
    }
}

impl JsonObject<'_> {
    /// The same object, owned.
    #[must_use]
    pub fn to_value(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.clone().into_owned(), value.to_value())).collect()
    }
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::String(text.as_str().into()),
            Value::Array(list) => Self::Array(list.iter().map(Json::from).collect()),
            // serde_json's map is sorted already.
            Value::Object(members) => Self::Object(JsonObject(
                members.iter().map(|(name, value)| (name.as_str().into(), Json::from(value))).collect(),
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(value.to_owned().into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        values.shrink_to_fit();
        Ok(Json::Array(values))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json<'de>, A::Error> {
        // Most objects are smaller; the list is shrunk once its size is known.
        let mut members = Vec::with_capacity(8);
        while let Some((name, value)) = object.next_entry::<Json<'de>, Json<'de>>()? {
            let Json::String(name) = name else { return Err(A::Error::custom("a name that is not a string")) };
            members.push((name, value));
        }
        JsonObject::from_members(members)
            .map(Json::Object)
            .map_err(|name| A::Error::custom(format_args!("a member given twice: {:?}", excerpt(&name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Json<'_>, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn values_are_those_that_serde_json_reads() {
        for text in
            [r#"{"b":[1,-2,0.5,true,null,"x\u00e9"],"a":{"a":{}},"\u0063":1}"#, "[]", "\"s\"", "1e3", "-0.0", "1.0"]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text).unwrap().to_value(), value);
            assert_eq!(Json::from(&value), parse(text).unwrap());
        }
        assert!(matches!(parse("\"plain\""), Ok(Json::String(Cow::Borrowed("plain")))));
    }

    #[test]
    fn duplicates_at_any_depth_and_trailing_data_are_refused() {
        for bad in [r#"{"a":1,"b":2,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{} {}", "{}x", "", "{\"a\":\"\u{1}\"}"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err(), "depth is bounded");
    }

    #[test]
    fn members_are_found_by_name() {
        let json = parse(r#"{"b":1,"a":2,"c":3}"#).unwrap();
        let members = json.as_object().unwrap();
        assert_eq!(members.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(members.get("c").is_some_and(|(_, value)| value.to_value() == 3) && members.get("d").is_none());
        // Few members and many are searched in different ways.
        for count in [FEW_MEMBERS, FEW_MEMBERS + 1] {
            let text: Vec<_> = (0..count).rev().map(|member| format!(r#""m{member}":{member}"#)).collect();
            let text = format!("{{{}}}", text.join(","));
            let json = parse(&text).unwrap();
            let members = json.as_object().unwrap();
            for member in 0..count {
                let found = members.get(&format!("m{member}"));
                assert!(found.is_some_and(|(_, value)| value.to_value() == member), "{member} of {count}");
            }
            assert!(members.get("m").is_none() && members.get("n0").is_none());
        }
    }
}
