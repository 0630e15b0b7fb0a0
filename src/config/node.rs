//! Walks a configuration and collects everything that is wrong with it, each with its path.
//!
//! Its readers are kept out of line: a configuration is read once, and inlined they took a tenth of the module.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use crate::wire::tree::{self, Tree};

/// How much of a wrong value is shown.
const MAX_SHOWN: usize = 80;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, for example `grants[2].role`.
    pub path: String,
    /// What is there.
    pub found: String,
    /// What should be.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "(top level)" } else { &self.path };
        write!(f, "{path}: found {}, expected {}", self.found, self.expected)
    }
}

/// Problems found so far.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// All of them, in the order they were found.
    #[must_use]
    pub fn into_list(self) -> Vec<Problem> {
        self.0.into_inner()
    }

    fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }
}

/// A value in the configuration and the way to it. Its readers give nothing where the value is wrong, and remember why.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    way: Way<'a>,
    value: &'a Tree<'a>,
    problems: &'a Problems,
}

/// The way to a node. It is written as a path for problems only: a path for every node would take most of the time in
/// which ten thousand grants are loaded.
#[derive(Debug, Clone)]
struct Way<'a> {
    outer: Option<Rc<Way<'a>>>,
    step: Step<'a>,
}

/// Its last step.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Member(&'a str),
    Item(usize),
}

impl Way<'_> {
    fn path(&self) -> String {
        let outer = self.outer.as_ref().map(|outer| outer.path()).unwrap_or_default();
        match self.step {
            Step::Root => outer,
            Step::Item(place) => format!("{outer}[{place}]"),
            Step::Member(name) if name.is_empty() || !name.bytes().all(is_plain) => {
                format!("{outer}[{}]", Value::from(name))
            }
            Step::Member(name) if outer.is_empty() => name.to_owned(),
            Step::Member(name) => format!("{outer}.{name}"),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

impl<'a> Node<'a> {
    /// The whole configuration.
    #[must_use]
    pub fn root(value: &'a Tree<'a>, problems: &'a Problems) -> Self {
        Self { way: Way { outer: None, step: Step::Root }, value, problems }
    }

    /// The value itself.
    #[must_use]
    pub fn value(&self) -> &'a Tree<'a> {
        self.value
    }

    /// The member of that name, or the value itself where there is none.
    #[inline(never)]
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        self.any_members().and_then(|members| members.get(name)).unwrap_or_else(|| self.clone())
    }

    /// Remembers that something else was expected here.
    pub fn wrong<T>(&self, expected: impl Into<String>) -> Option<T> {
        self.say_value(expected.into());
        None
    }

    #[inline(never)]
    fn say_value(&self, expected: String) {
        let mut found = self.value.to_json().to_string();
        if found.chars().count() > MAX_SHOWN {
            found = found.chars().take(MAX_SHOWN).chain("…".chars()).collect();
        }
        self.say(found, expected);
    }

    #[inline(never)]
    fn say(&self, found: String, expected: String) {
        self.problems.add(Problem { path: self.way.path(), found, expected });
    }

    /// The members of an object, of which each must be in `known`.
    #[inline(never)]
    pub fn members(&self, known: &[&str]) -> Option<Members<'a>> {
        let members = self.any_members()?;
        for (name, node) in members.iter() {
            if !known.contains(&name) {
                node.say("an unknown field".to_owned(), format!("one of {}", known.join(", ")));
            }
        }
        Some(members)
    }

    /// The members of an object, whatever their names.
    #[inline(never)]
    pub fn any_members(&self) -> Option<Members<'a>> {
        match self.value {
            Tree::Object(members) => {
                let way = Rc::new(self.way.clone());
                Some(Members { node: self.clone(), way, members })
            }
            _ => self.wrong("an object"),
        }
    }

    /// The values of a list.
    #[inline(never)]
    pub fn list(&self) -> Option<Vec<Self>> {
        let Tree::List(values) = self.value else { return self.wrong("a list") };
        let outer = Rc::new(self.way.clone());
        let at = |(place, value)| {
            let way = Way { outer: Some(Rc::clone(&outer)), step: Step::Item(place) };
            Self { way, value, problems: self.problems }
        };
        Some(values.iter().enumerate().map(at).collect())
    }

    /// The values of a list that has some.
    #[inline(never)]
    pub fn some(&self) -> Option<Vec<Self>> {
        self.list().and_then(|list| if list.is_empty() { self.wrong("at least one value") } else { Some(list) })
    }

    /// A single value or the values of a list that has some.
    #[inline(never)]
    pub fn one_or_some(&self) -> Option<Vec<Self>> {
        if matches!(self.value, Tree::List(_)) { self.some() } else { Some(vec![self.clone()]) }
    }

    /// A string that is not empty.
    #[inline(never)]
    pub fn text(&self) -> Option<&'a str> {
        let text = self.value.as_str().filter(|text| !text.is_empty());
        text.or_else(|| self.wrong("a string that is not empty"))
    }

    /// True or false.
    #[inline(never)]
    pub fn flag(&self) -> Option<bool> {
        match self.value {
            Tree::Flag(flag) => Some(*flag),
            _ => self.wrong("true or false"),
        }
    }

    /// A whole number in a range.
    #[inline(never)]
    pub fn number(&self, from: u32, to: u32) -> Option<u32> {
        // A Struct in Envoy's configuration has no other numbers than doubles.
        let number = if let Tree::Number(number) = self.value { number.as_f64() } else { None };
        match number {
            Some(number) if number.fract() == 0.0 && (f64::from(from)..=f64::from(to)).contains(&number) => {
                Some(number as u32)
            }
            _ => self.wrong(format!("a whole number from {from} to {to}")),
        }
    }

    /// A duration such as `500ms`, `60s`, `10m` or `24h`, of at least `least`.
    #[inline(never)]
    pub fn duration(&self, least: Duration) -> Option<Duration> {
        let parsed = self.value.as_str().and_then(parse_duration).filter(|duration| *duration >= least);
        parsed.or_else(|| {
            let least = if least.is_zero() { String::new() } else { format!(", at least {}ms", least.as_millis()) };
            self.wrong(format!("a duration such as \"500ms\", \"60s\", \"10m\" or \"24h\"{least}"))
        })
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.find(|char: char| !char.is_ascii_digit())?)?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u32>().ok().and_then(|number| u64::from(number).checked_mul(unit)).map(Duration::from_millis)
}

/// The members of an object.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    node: Node<'a>,
    way: Rc<Way<'a>>,
    members: &'a tree::Members<'a>,
}

impl<'a> Members<'a> {
    /// The object itself.
    #[must_use]
    pub fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// The member of that name, if it is there.
    #[inline(never)]
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Node<'a>> {
        self.members.get(name).map(|(name, value)| self.at(name, value))
    }

    /// The member of that name, which must be there.
    #[inline(never)]
    pub fn require(&self, name: &'a str, expected: &str) -> Option<Node<'a>> {
        self.get(name).or_else(|| self.miss(name, expected))
    }

    /// Remembers that a member is missing.
    #[inline(never)]
    pub fn miss<T>(&self, name: &'a str, expected: &str) -> Option<T> {
        self.at(name, self.node.value).say("nothing".to_owned(), expected.to_owned());
        None
    }

    /// Every member with its name, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, self.at(name, value)))
    }

    fn at(&self, name: &'a str, value: &'a Tree<'a>) -> Node<'a> {
        let way = Way { outer: Some(Rc::clone(&self.way)), step: Step::Member(name) };
        Node { way, value, problems: self.node.problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [("500ms", 500), ("60s", 60_000), ("10m", 600_000), ("24h", 86_400_000), ("0s", 0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(expected)));
        }
        for bad in ["", "5", "s", "-5s", "1.5s", "5 s", "1d", "5S", "99999999999s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_problem_says_where_what_and_what_instead() {
        let value = serde_json::json!({"a": [{"b": 1, "c/d": "x"}]});
        let problems = Problems::default();
        let value = Tree::from(&value);
        let root = Node::root(&value, &problems).members(&["a"]).unwrap();
        let list = root.get("a").unwrap().list().unwrap();
        let members = list[0].members(&["b"]).unwrap();
        assert_eq!(members.get("b").unwrap().text(), None);
        assert!(members.require("e", "a thing").is_none());
        let said: Vec<_> = problems.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "a[0][\"c/d\"]: found an unknown field, expected one of b",
                "a[0].b: found 1, expected a string that is not empty",
                "a[0].e: found nothing, expected a thing",
            ]
        );
    }
}
