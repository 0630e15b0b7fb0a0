//! YAML as a tree of which every value knows its place. What a plain word means is not said here but in `scalar`.

mod build;
pub(crate) mod path;
pub(crate) mod scalar;
pub(crate) mod value;

use std::rc::Rc;

use crate::source::Span;
pub(crate) use build::documents;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) at: Span,
    /// What it is.
    pub(crate) kind: Kind,
    /// Whether it has a tag such as `!!str`.
    pub(crate) tagged: bool,
    /// How many values it has inside, aliases followed.
    size: usize,
    /// How many levels it has, aliases followed.
    depth: usize,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A text, and how it is written.
    Scalar(String, Style),
    /// A list.
    List(Vec<Rc<Node>>),
    /// Members, in the order of the file; a name may stand twice.
    Map(Vec<Member>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// In quotes.
    Quoted,
    /// As an indented block that keeps its lines (`|`).
    Literal,
    /// As an indented block that joins its lines (`>`).
    Folded,
}

/// A member of a mapping.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: Rc<Node>,
    /// Its value.
    pub(crate) value: Rc<Node>,
}

impl Node {
    /// The member of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Member> {
        let Kind::Map(members) = &self.kind else { return None };
        members.iter().find(|member| member.name.text() == Some(name))
    }

    /// The value of that member.
    pub(crate) fn value(&self, name: &str) -> Option<&Rc<Self>> {
        self.get(name).map(|member| &member.value)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }
}
