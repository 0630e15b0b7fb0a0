//! Walks a configuration and collects everything that is wrong with it, each problem with its path.
//!
//! The readers are kept out of line: a configuration is read once, and inlined they took a tenth of the module.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::path::{Path, Step};
use super::problem::{Conflict, Expected, KnownFields, NameSort, Problem, ProblemKind};
use super::suggestion::nearest;
use crate::wire::json::{Json, JsonObject};

/// How much of a wrong value is shown, in characters.
const MAX_SHOWN: usize = 80;

/// The problems that were found so far.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// All problems, in the order in which they were found.
    #[must_use]
    pub fn into_list(self) -> Vec<Problem> {
        self.0.into_inner()
    }

    fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }
}

/// A value in the configuration and its location. If a value is wrong, its reader adds a problem and returns `None`.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    location: Location<'a>,
    value: &'a Json<'a>,
    problems: &'a Problems,
}

/// The location of a node. It becomes a [`Path`] only for problems: a path for every node would take most of the time that
/// it takes to load ten thousand grants.
#[derive(Debug, Clone)]
struct Location<'a> {
    outer: Option<Rc<Location<'a>>>,
    step: LastStep<'a>,
}

#[derive(Debug, Clone, Copy)]
enum LastStep<'a> {
    Root,
    Member(&'a str),
    Index(usize),
}

impl Location<'_> {
    fn path(&self) -> Path {
        let mut path = self.outer.as_ref().map(|outer| outer.path()).unwrap_or_default();
        match self.step {
            LastStep::Root => {}
            LastStep::Index(index) => path.0.push(Step::Index(index)),
            LastStep::Member(name) => path.0.push(Step::Member(name.to_owned())),
        }
        path
    }
}

impl<'a> Node<'a> {
    /// The whole configuration.
    #[must_use]
    pub fn root(value: &'a Json<'a>, problems: &'a Problems) -> Self {
        Self { location: Location { outer: None, step: LastStep::Root }, value, problems }
    }

    /// The value itself.
    #[must_use]
    pub fn value(&self) -> &'a Json<'a> {
        self.value
    }

    /// The member of that name, or the value itself if there is none.
    #[inline(never)]
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        self.any_members().and_then(|members| members.get(name)).unwrap_or_else(|| self.clone())
    }

    /// Adds a problem with this value.
    #[inline(never)]
    pub fn problem<T>(&self, kind: ProblemKind) -> Option<T> {
        self.problems.add(Problem { path: self.location.path(), kind });
        None
    }

    /// Adds the problem that something else was expected here.
    pub fn invalid<T>(&self, expected: Expected) -> Option<T> {
        self.add_invalid(expected);
        None
    }

    #[inline(never)]
    fn add_invalid(&self, expected: Expected) {
        self.problem::<()>(ProblemKind::Invalid { expected, found: self.shown() });
    }

    /// Adds the problem that another value rules this one out.
    pub fn conflict<T>(&self, conflict: Conflict) -> Option<T> {
        self.problem(ProblemKind::Conflict(conflict))
    }

    /// Adds the problem that nothing has this name. The suggestion may also be an unlisted name.
    #[inline(never)]
    pub fn unknown_name<T>(&self, sort: NameSort, known: Vec<String>, unlisted: &[&str]) -> Option<T> {
        let name = self.value.as_str().unwrap_or_default();
        let suggestion = nearest(name, &mut known.iter().map(String::as_str).chain(unlisted.iter().copied()));
        let suggestion = suggestion.map(str::to_owned);
        self.problem(ProblemKind::UnknownName { sort, found: self.shown(), known, suggestion })
    }

    /// The value as JSON, cut to a readable length.
    #[inline(never)]
    fn shown(&self) -> String {
        let mut found = self.value.to_value().to_string();
        if found.chars().count() > MAX_SHOWN {
            found = found.chars().take(MAX_SHOWN).chain("…".chars()).collect();
        }
        found
    }

    /// The members of an object that may have only these fields.
    #[inline(never)]
    pub fn members(&self, known: KnownFields) -> Option<ObjectNode<'a>> {
        let members = self.any_members()?;
        let names = || known.iter().copied().flatten().copied();
        for (name, node) in members.iter() {
            if !names().any(|known| known == name) {
                let suggestion = nearest(name, &mut names());
                node.problem::<()>(ProblemKind::UnknownField { known, suggestion });
            }
        }
        Some(members)
    }

    /// The members of an object, whatever their names.
    #[inline(never)]
    pub fn any_members(&self) -> Option<ObjectNode<'a>> {
        match self.value {
            Json::Object(members) => {
                let location = Rc::new(self.location.clone());
                Some(ObjectNode { node: self.clone(), location, members })
            }
            _ => self.invalid(Expected::Object),
        }
    }

    /// The values of a list.
    #[inline(never)]
    pub fn list(&self) -> Option<Vec<Self>> {
        let Json::Array(values) = self.value else { return self.invalid(Expected::List) };
        let outer = Rc::new(self.location.clone());
        let at = |(index, value)| {
            let location = Location { outer: Some(Rc::clone(&outer)), step: LastStep::Index(index) };
            Self { location, value, problems: self.problems }
        };
        Some(values.iter().enumerate().map(at).collect())
    }

    /// The values of a list that is not empty.
    #[inline(never)]
    pub fn non_empty_list(&self) -> Option<Vec<Self>> {
        self.list().and_then(|list| if list.is_empty() { self.invalid(Expected::NonEmptyList) } else { Some(list) })
    }

    /// A single value, or the values of a list that is not empty.
    #[inline(never)]
    pub fn one_or_more(&self) -> Option<Vec<Self>> {
        if matches!(self.value, Json::Array(_)) { self.non_empty_list() } else { Some(vec![self.clone()]) }
    }

    /// A string that is not empty.
    #[inline(never)]
    pub fn text(&self) -> Option<&'a str> {
        let text = self.value.as_str().filter(|text| !text.is_empty());
        text.or_else(|| self.invalid(Expected::Text))
    }

    /// True or false.
    #[inline(never)]
    pub fn flag(&self) -> Option<bool> {
        match self.value {
            Json::Bool(flag) => Some(*flag),
            _ => self.invalid(Expected::Flag),
        }
    }

    /// A whole number in a range.
    #[inline(never)]
    pub fn number(&self, from: u32, to: u32) -> Option<u32> {
        // All numbers of a Struct in Envoy's configuration are doubles.
        let number = if let Json::Number(number) = self.value { number.as_f64() } else { None };
        match number {
            Some(number) if number.fract() == 0.0 && (f64::from(from)..=f64::from(to)).contains(&number) => {
                Some(number as u32)
            }
            _ => self.invalid(Expected::Number { from, to }),
        }
    }

    /// A duration such as `500ms`, `60s`, `10m` or `24h`, of at least `least`.
    #[inline(never)]
    pub fn duration(&self, least: Duration) -> Option<Duration> {
        let parsed = self.value.as_str().and_then(parse_duration).filter(|duration| *duration >= least);
        parsed.or_else(|| self.invalid(Expected::Duration { least }))
    }

    /// One of these words, as its index.
    #[inline(never)]
    pub fn word(&self, words: &'static [&'static str]) -> Option<usize> {
        let index = words.iter().position(|word| self.value.as_str() == Some(word));
        index.or_else(|| self.invalid(Expected::OneOf(words)))
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
pub struct ObjectNode<'a> {
    node: Node<'a>,
    location: Rc<Location<'a>>,
    members: &'a JsonObject<'a>,
}

impl<'a> ObjectNode<'a> {
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
    pub fn require(&self, name: &'a str, expected: &'static str) -> Option<Node<'a>> {
        self.get(name).or_else(|| self.missing(name, expected))
    }

    /// Adds the problem that a member is missing.
    #[inline(never)]
    pub fn missing<T>(&self, name: &'a str, expected: &'static str) -> Option<T> {
        self.at(name, self.node.value).problem(ProblemKind::Missing { expected })
    }

    /// The name of the only one of these fields that is there. Exactly one must be.
    #[inline(never)]
    pub fn exactly_one_of(&self, choices: &'static [&'static str]) -> Option<&'static str> {
        let mut found: Vec<_> = choices.iter().copied().filter(|name| self.get(name).is_some()).collect();
        match (found.len(), found.pop()) {
            (1, Some(name)) => Some(name),
            (_, last) => {
                found.extend(last);
                self.node.problem(ProblemKind::NotExactlyOne { choices, found })
            }
        }
    }

    /// Every member with its name, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, self.at(name, value)))
    }

    fn at(&self, name: &'a str, value: &'a Json<'a>) -> Node<'a> {
        let location = Location { outer: Some(Rc::clone(&self.location)), step: LastStep::Member(name) };
        Node { location, value, problems: self.node.problems }
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
    fn a_problem_says_where_it_is_and_what_was_expected() {
        let value = serde_json::json!({"a": [{"b": 1, "c/d": "x"}], "z": 1});
        let problems = Problems::default();
        let value = Json::from(&value);
        let root = Node::root(&value, &problems).members(&[&["a", "zz"]]).unwrap();
        let list = root.get("a").unwrap().list().unwrap();
        let members = list[0].members(&[&["b"], &["f"]]).unwrap();
        assert_eq!(members.get("b").unwrap().text(), None);
        assert!(members.require("e", "a thing").is_none());
        assert_eq!(members.exactly_one_of(&["f", "b"]), Some("b"));
        assert_eq!(members.exactly_one_of(&["f"]), None);
        let said: Vec<_> = problems.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "z: unknown field; expected one of a, zz",
                "a[0][\"c/d\"]: unknown field; expected one of b, f",
                "a[0].b: expected a non-empty string, found 1",
                "a[0].e: missing; expected a thing",
                "a[0]: expected exactly one of f; found none",
            ]
        );
    }
}
