//! Reads a request from its JSON body, and the variables of the path with it. Source: `internal/protojson` of api-go.
//!
//! Fields that are not watched are skipped without a tree: four megabytes of JSON as a tree would take many times that, and a VM
//! never gives memory back.

use super::super::schema::{Message, Shape, WatchedField};
use super::RequestScan;
use super::named::{NamedField, Value, enum_number, number_of};
use crate::wire::DecodeError;
use crate::wire::http::HttpFault;
use crate::wire::json::{Cursor, Next, NotJson, Scalar};
use crate::wire::protobuf::Handler;
use crate::work::Piece;

/// A variable of the path: the rest of the field's dotted name, and the value.
type Variable<'a> = (&'a str, &'a str);

/// The numbers of the fields in every entry of a map.
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// How many members an object may have that is a message, and how many unknown ones all of them together. Each is compared with
/// all names of its message, which a body full of them would make slow; no message has nearly as many fields.
const MAX_MEMBERS: usize = 1000;

/// A walk through one body.
struct Walk<'s, 'a> {
    scan: &'s mut RequestScan,
    json: Cursor<'a>,
}

/// A watched field whose value comes next.
#[derive(Clone, Copy)]
struct NextField<'v> {
    field: &'static WatchedField,
    /// The fields within it that the path names.
    variables: &'v [Variable<'v>],
    /// The value that the path gives it.
    fixed: Option<&'v str>,
    /// Whether it is one value of a list.
    is_element: bool,
}

pub(super) fn read(
    scan: &mut RequestScan,
    body: &[u8],
    variables: &[(&'static str, String)],
) -> Result<(), DecodeError> {
    let variables: Vec<Variable<'_>> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::NotUtf8)?;
    // The server reads a body without a value as an empty request.
    let is_empty = text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    let mut json = Cursor::new(if is_empty { "{}" } else { text })?;
    match json.read()? {
        Next::Object => Walk { scan, json }.fields(&variables),
        _ => Err(HttpFault::Json.into()),
    }
}

impl Walk<'_, '_> {
    /// Reads the members of an object as the fields of the innermost message.
    fn fields(&mut self, variables: &[Variable<'_>]) -> Result<(), DecodeError> {
        self.begin(variables)?;
        // A bit for each watched field that has a member, for each that has a value, and for each `oneof` that has one.
        let (mut given, mut set, mut arms) = (0, 0, 0);
        let (mut has_namespace, mut members) = (false, 0usize);
        while let Some(key) = self.json.next_key()? {
            self.scan.work.spend(Piece::Member, 1)?;
            members = members.saturating_add(1);
            if members > MAX_MEMBERS || self.scan.newer.count > MAX_MEMBERS as u64 {
                return Err(HttpFault::TooManyMembers.into());
            }
            let field = self.scan.named(&key);
            let mut singles = variables.iter().filter(|(name, _)| !name.contains('.'));
            let fixed = singles.find(|(name, _)| self.scan.named(name).is(field)).map(|(_, value)| *value);
            match field {
                NamedField::OwnNamespace => {
                    if std::mem::replace(&mut has_namespace, true) {
                        return Err(HttpFault::DuplicateMember.into());
                    }
                    if let Some(namespace) = self.text(fixed)? {
                        self.scan.put_own_namespace(&namespace)?;
                    }
                }
                NamedField::Watched(index, field) => {
                    if given & bit(index) != 0 {
                        return Err(HttpFault::DuplicateMember.into());
                    }
                    given |= bit(index);
                    let inside = within(variables, field.name);
                    if !self.value(NextField { field, variables: &inside, fixed, is_element: false })? {
                        continue;
                    }
                    set |= bit(index);
                    let arm = if field.oneof == 0 { 0 } else { bit(usize::from(field.oneof)) };
                    if arms & arm != 0 {
                        return Err(HttpFault::SecondArm.into());
                    }
                    arms |= arm;
                }
                // What the path names must not be named differently, even if no decision depends on it.
                NamedField::Other(_) if fixed.is_some() => drop(self.text(fixed)?),
                NamedField::Other(_) => self.json.skip(),
                NamedField::Unknown => {
                    self.scan.note_unknown();
                    self.json.skip();
                }
            }
        }
        self.end(variables, set)
    }

    /// Sets the fields of the innermost message that the path names.
    fn begin(&mut self, variables: &[Variable<'_>]) -> Result<(), DecodeError> {
        for (name, value) in variables.iter().filter(|(name, _)| !name.contains('.')) {
            match self.scan.named(name) {
                NamedField::OwnNamespace => self.scan.put_own_namespace(value)?,
                NamedField::Watched(_, field) => self.scan.put(field.number, Value::Text(value))?,
                NamedField::Other(_) | NamedField::Unknown => {}
            }
        }
        Ok(())
    }

    /// Enters the messages that only the path names. `set` has a bit for each watched field that the body sets.
    fn end(&mut self, variables: &[Variable<'_>], mut set: u64) -> Result<(), DecodeError> {
        for (name, _) in variables {
            let Some((head, _)) = name.split_once('.') else { continue };
            let NamedField::Watched(index, field) = self.scan.named(head) else { continue };
            if set & bit(index) != 0 {
                continue;
            }
            set |= bit(index);
            if self.scan.enter(field.number)? {
                let inside = within(variables, head);
                self.begin(&inside)?;
                self.end(&inside, 0)?;
                self.scan.end_message();
            }
        }
        Ok(())
    }

    /// Takes a text. `None` if there is none, or if the path has given it already.
    fn text(&mut self, fixed: Option<&str>) -> Result<Option<String>, DecodeError> {
        match (self.json.read()?, fixed) {
            (Next::Scalar(Scalar::Null), _) => Ok(None),
            (Next::Scalar(Scalar::String(text)), None) => Ok(Some(text.into_owned())),
            // Encoders that write defaults send an empty text for what they leave to the path.
            (Next::Scalar(Scalar::String(text)), Some(fixed)) if text == fixed || text.is_empty() => Ok(None),
            (_, Some(_)) => Err(HttpFault::PathContradicted.into()),
            (_, None) => Err(HttpFault::JsonValue.into()),
        }
    }

    /// Takes the value of a watched field. Returns whether there is one: `null` stands for none.
    fn value(&mut self, next: NextField<'_>) -> Result<bool, DecodeError> {
        let NextField { field, variables, fixed, is_element } = next;
        let shape = field.meaning.shape();
        // A list is written as one, even if it has a single value.
        let is_single = field.repeated == is_element;
        let value = match (self.json.read()?, shape) {
            (Next::Scalar(Scalar::Null), _) if !is_element => return Ok(false),
            (Next::Scalar(Scalar::String(text)), _) if fixed.is_some() => {
                let agrees = fixed == Some(&*text) || text.is_empty();
                return if agrees { Ok(true) } else { Err(HttpFault::PathContradicted.into()) };
            }
            (Next::Object, Shape::Message(entry)) if entry.is_map_entry && !is_element => {
                return self.entries(field, entry).map(|()| true);
            }
            (Next::Object, Shape::Message(_) | Shape::Presence) if is_single => {
                self.scan.work.spend(Piece::Member, 1)?;
                if self.scan.enter(field.number)? {
                    self.fields(variables)?;
                    self.scan.end_message();
                } else {
                    self.json.skip_members()?;
                }
                return Ok(true);
            }
            (Next::List, Shape::Message(entry)) if entry.is_map_entry => None,
            (Next::List, _) if field.repeated && !is_element => {
                while self.json.next_element() {
                    self.value(NextField { field, variables: &[], fixed: None, is_element: true })?;
                }
                return Ok(true);
            }
            (Next::Scalar(Scalar::String(text)), Shape::Bytes) if is_single => {
                return self.scan.put_base64(field.number, &text).map(|()| true);
            }
            (Next::Scalar(Scalar::String(text)), Shape::Text) if is_single => {
                return self.scan.put(field.number, Value::Text(&text)).map(|()| true);
            }
            (Next::Scalar(Scalar::String(text)), Shape::Enum(names)) => enum_number(names, &text),
            // Only whole numbers, although the server also reads `3.0` and `30e-1`.
            (Next::Scalar(Scalar::Number(text)), Shape::Enum(_)) => text.parse().ok().map(number_of),
            (Next::Scalar(Scalar::Bool(flag)), Shape::Flag) => Some(Value::Number(u64::from(flag))),
            _ => None,
        };
        let value = value.filter(|_| is_single).ok_or(HttpFault::JsonValue)?;
        self.scan.put(field.number, value)?;
        Ok(true)
    }

    /// Reads the members of an object as the entries of a map.
    fn entries(&mut self, field: &WatchedField, entry: &'static Message) -> Result<(), DecodeError> {
        while let Some(key) = self.json.next_key()? {
            self.scan.work.spend(Piece::Member, 1)?;
            if !self.scan.enter(field.number)? {
                self.json.skip();
                continue;
            }
            if entry.field(KEY).is_some() {
                self.scan.put(KEY, Value::Text(&key))?;
            }
            match entry.field(VALUE) {
                Some((_, field)) => {
                    self.value(NextField { field, variables: &[], fixed: None, is_element: false })?;
                }
                None => self.json.skip(),
            }
            self.scan.end_message();
        }
        Ok(())
    }
}

impl From<NotJson> for DecodeError {
    fn from(_: NotJson) -> Self {
        HttpFault::Json.into()
    }
}

/// The variables for the fields of a message that is the value of this field.
fn within<'a>(variables: &[Variable<'a>], field: &str) -> Vec<Variable<'a>> {
    let inside = |(name, value): &Variable<'a>| {
        let (head, rest) = name.split_once('.')?;
        (head == field).then_some((rest, *value))
    };
    variables.iter().filter_map(inside).collect()
}

fn bit(index: usize) -> u64 {
    u32::try_from(index).ok().and_then(|index| 1u64.checked_shl(index)).unwrap_or_default()
}
