//! YAML as a tree in which every value knows its position. The meaning of plain words is up to `scalar`.

mod build;
pub(crate) mod location;
pub(crate) mod scalar;
pub(crate) mod value;

use std::rc::Rc;

use crate::source::Span;
pub(crate) use build::documents;

/// A value and its position.
#[derive(Debug)]
pub(crate) struct YamlNode {
    pub(crate) at: Span,
    pub(crate) kind: NodeKind,
    /// Whether it has a tag such as `!!str`.
    pub(crate) tagged: bool,
    /// The number of values in it, with aliases resolved.
    size: usize,
    /// The number of levels in it, with aliases resolved.
    depth: usize,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Scalar(String, Style),
    List(Vec<Rc<YamlNode>>),
    /// The members in the order of the file. A name may occur twice.
    Map(Vec<Member>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    /// An indented block that keeps its lines (`|`).
    Literal,
    /// An indented block that joins its lines (`>`).
    Folded,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Rc<YamlNode>,
    pub(crate) value: Rc<YamlNode>,
}

impl YamlNode {
    /// The member with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Member> {
        let NodeKind::Map(members) = &self.kind else { return None };
        members.iter().find(|member| member.name.text() == Some(name))
    }

    /// The value of the member with this name.
    pub(crate) fn value(&self, name: &str) -> Option<&Rc<Self>> {
        self.get(name).map(|member| &member.value)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }
}
