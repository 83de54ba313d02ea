//! Sign-ins as Microsoft Graph's `signIn` objects.
//!
//! Which properties there are and how they nest follows from the names and versions in the field
//! catalogue; `nested` knows the types inside lists and objects. All declared properties of a
//! version are written, `null` (lists: `[]`) where there is no value, in the catalogue's order.
//!
//! Sources differ from Graph, most of all diagnostic settings: absent members, flags as numbers,
//! `Member` for `member`, JSON inside strings, members Graph does not have. What is written here
//! is Graph's form whatever the source (GRAPH-1); the record as it came is
//! [`Event::original`].

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::cell::Cell;
use crate::enums::Enum;
use crate::errors::{self, Status};
use crate::event::Event;
use crate::field::{self, CONDITIONAL_ACCESS_DETAILS, FIELDS, FieldId, GraphVersion, Kind};
use crate::shape::write_string;

mod nested;
mod summary;

pub use nested::member_names;
pub use summary::SummarizedSignIn;

/// A version of the Graph API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `v1.0`: 29 properties and `id`.
    V1,
    /// `beta`: 76 properties and `id`.
    Beta,
}

impl Version {
    /// The segment of the address.
    pub fn name(self) -> &'static str {
        match self {
            Version::V1 => "v1.0",
            Version::Beta => "beta",
        }
    }

    /// The version with that [`Version::name`], in any case.
    pub fn from_name(name: &str) -> Option<Version> {
        [Version::V1, Version::Beta].into_iter().find(|v| v.name().eq_ignore_ascii_case(name))
    }

    /// Does this version have the field?
    pub fn has(self, field: FieldId) -> bool {
        match field.field().graph {
            GraphVersion::V1 => true,
            GraphVersion::V1Only => self == Version::V1,
            GraphVersion::Beta => self == Version::Beta,
            GraphVersion::None => false,
        }
    }
}

/// A property that the version does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not find a property named '{name}' on type 'microsoft.graph.signIn'")]
pub struct UnknownProperty {
    /// As it was asked for.
    pub name: String,
}

/// What is written of a sign-in, and how. Made once for a request.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    version: Version,
    include_unknown: bool,
    shown: FieldSet,
}

impl GraphOptions {
    /// All properties of a version; Conditional Access included, unknown members hidden.
    pub fn new(version: Version) -> GraphOptions {
        let fields = FIELDS.iter().map(|field| field.id).filter(|field| version.has(*field));
        GraphOptions { version, include_unknown: false, shown: fields.collect() }
    }

    /// Only these properties (`$select`): a property, whole (`location`) or by one of its members
    /// (`location/city`); `*` is all. Names in any case. No name at all selects nothing.
    ///
    /// # Errors
    /// [`UnknownProperty`] if the version does not have one of them.
    pub fn select<'n>(
        mut self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<GraphOptions, UnknownProperty> {
        let mut selected = FieldSet::default();
        for name in names {
            let name = name.trim();
            let fields: FieldSet = match name {
                "*" => self.shown,
                _ => fields_of(self.version, name).collect(),
            };
            if fields.is_empty() {
                return Err(UnknownProperty { name: name.to_owned() });
            }
            selected = selected.union(fields);
        }
        self.shown = self.shown.intersection(selected);
        Ok(self)
    }

    /// Leaves the details of Conditional Access out, selected or not: the caller may not see them.
    /// [`Event::without_conditional_access`] has the same effect for one event.
    pub fn without_conditional_access(mut self) -> GraphOptions {
        for field in CONDITIONAL_ACCESS_DETAILS {
            self.shown.remove(field);
        }
        self
    }

    /// Shows members after `unknownFutureValue` (`Prefer: include-unknown-enum-members`).
    pub fn include_unknown_members(mut self, include: bool) -> GraphOptions {
        self.include_unknown = include;
        self
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Is this field written?
    pub fn shows(&self, field: FieldId) -> bool {
        self.shown.contains(field)
    }
}

/// The fields a property name of that version stands for: one, several for a property that has
/// members (`location`), none if there is no such property. Parts joined by `/` or `.`.
pub fn fields_of(version: Version, name: &str) -> impl Iterator<Item = FieldId> {
    let name = name.trim().to_ascii_lowercase().replace('.', "/");
    FIELDS.iter().map(|field| field.id).filter(move |field| {
        let path = field.field().name;
        let whole = path.len() == name.len() || path.as_bytes().get(name.len()) == Some(&b'/');
        whole
            && version.has(*field)
            && path.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(&name))
    })
}

/// Appends a sign-in as a `signIn` object.
pub fn write_sign_in(event: &Event, options: &GraphOptions, out: &mut String) {
    if event.shows_conditional_access() {
        write_members(event, &TREE, options, out);
    } else {
        write_members(event, &TREE, &options.clone().without_conditional_access(), out);
    }
}

/// Appends an event as our own interface gives it: the `signIn` object (beta, as a rule) and,
/// under `durward`, what Graph has no place for. `options` select among the Graph members only. A
/// record of another log has its time, its `id` and the whole `record` instead.
pub fn write_event(event: &Event, options: &GraphOptions, out: &mut String) {
    let start = out.len();
    if event.row().log.is_sign_in() {
        write_sign_in(event, options, out);
        out.pop();
    } else {
        out.push_str("{\"id\":");
        write_scalar(&event.cell(FieldId::Id), out);
        out.push_str(",\"createdDateTime\":");
        write_scalar(&event.cell(FieldId::CreatedDateTime), out);
        out.push_str(",\"record\":");
        let record = event.original();
        out.push_str(if record.is_empty() { "null" } else { &record });
    }
    if out.len() > start + 1 {
        out.push(',');
    }
    let code = event.cell(FieldId::ErrorCode).as_int();
    let known = code.and_then(errors::lookup);
    out.push_str("\"durward\":{\"status\":");
    write_optional(status(event).map(Status::name), out);
    out.push_str(",\"statusReason\":");
    write_optional(status_reason(event).as_deref(), out);
    out.push_str(",\"errorName\":");
    write_optional(known.map(|entry| entry.name).filter(|name| !name.is_empty()), out);
    out.push_str(",\"errorCategory\":");
    write_optional(known.map(|entry| entry.category.name()), out);
    out.push_str(",\"log\":");
    write_string(event.row().log.name(), out);
    for field in [
        FieldId::TenantId,
        FieldId::Category,
        FieldId::PublishedDateTime,
        FieldId::ReceivedDateTime,
        FieldId::DurationMs,
    ] {
        out.push(',');
        write_string(field.field().name, out);
        out.push(':');
        write_scalar(&event.cell(field), out);
    }
    // Writing to a string cannot fail.
    let _ = write!(out, ",\"revision\":{}}}}}", event.row().revision);
}

/// How a sign-in ended; records of other logs have no status.
pub fn status(event: &Event) -> Option<Status> {
    let code = event.cell(FieldId::ErrorCode).as_int();
    event.row().log.is_sign_in().then(|| errors::status_of(code))
}

/// Why a sign-in did not succeed: the source's words, or ours where it has none or only "Other".
pub fn status_reason(event: &Event) -> Option<String> {
    status(event).filter(|status| *status != Status::Success)?;
    let code = event.cell(FieldId::ErrorCode).as_int();
    let given = event.cell(FieldId::FailureReason);
    let given = given.as_text().map(str::trim).filter(|text| {
        !text.is_empty() && !text.trim_end_matches('.').eq_ignore_ascii_case("other")
    });
    let ours = || code.and_then(errors::lookup).map(|entry| entry.reason);
    given.or_else(ours).map(str::to_owned)
}

/// A member of an object: a value or an object of members.
struct Node {
    /// `"name":`, ready to be written.
    key: String,
    fields: FieldSet,
    content: Content,
}

enum Content {
    Field(FieldId),
    Object {
        members: Vec<Node>,
        /// Is the object `null` when all its members are?
        optional: bool,
    },
}

/// The properties of a sign-in, nested as the names of the fields say.
static TREE: LazyLock<Vec<Node>> = LazyLock::new(|| {
    let fields = FIELDS.iter().filter(|field| field.graph != GraphVersion::None);
    let paths: Vec<_> = fields.map(|field| (field.name, field.id)).collect();
    nest(&paths)
});

/// Nodes for fields with these paths, in order of first appearance.
fn nest(paths: &[(&'static str, FieldId)]) -> Vec<Node> {
    let mut names: Vec<&str> = Vec::new();
    for (path, _) in paths {
        let name = path.split('/').next().unwrap_or(path);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let node = |name: &str| {
        let within = |path: &'static str| path.strip_prefix(name)?.strip_prefix('/');
        let inner: Vec<_> =
            paths.iter().filter_map(|(path, field)| Some((within(path)?, *field))).collect();
        let own = paths.iter().find(|(path, _)| *path == name).map(|(_, field)| *field);
        let optional = matches!(name, "mfaDetail" | "tokenProtectionStatusDetails");
        Some(Node {
            key: format!("\"{name}\":"),
            fields: inner.iter().map(|(_, field)| *field).chain(own).collect(),
            content: match own {
                Some(field) => Content::Field(field),
                None => Content::Object { members: nest(&inner), optional },
            },
        })
    };
    names.into_iter().filter_map(node).collect()
}

fn write_members(event: &Event, nodes: &[Node], options: &GraphOptions, out: &mut String) {
    out.push('{');
    let mut first = true;
    for node in nodes.iter().filter(|node| node.fields.meets(options.shown)) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push_str(&node.key);
        match &node.content {
            Content::Field(field) => write_field(event, *field, options, out),
            Content::Object { optional: true, .. }
                if node.fields.iter().all(|field| event.cell(field).is_null()) =>
            {
                out.push_str("null");
            }
            Content::Object { members, .. } => write_members(event, members, options, out),
        }
    }
    out.push('}');
}

fn write_field(event: &Event, field: FieldId, options: &GraphOptions, out: &mut String) {
    let cell = event.cell(field);
    match (field, &cell) {
        // Declared as never null, or known to be empty text where there is none.
        (FieldId::UserId | FieldId::ServicePrincipalId | FieldId::IpAddress, Cell::Null) => {
            out.push_str("\"\"");
        }
        (FieldId::UserPrincipalName, Cell::Text(name)) => {
            write_string(&name.to_lowercase(), out);
        }
        (FieldId::SignInEventTypes, Cell::Null) => write_log(event, out),
        (FieldId::SignInEventTypes, Cell::Text(list)) if list == "[]" => write_log(event, out),
        _ => match (field.field().kind, &cell) {
            (Kind::TextList | Kind::ObjectList, Cell::Null) => out.push_str("[]"),
            (Kind::Enum(members), Cell::Text(value)) => {
                write_member(members, value, options.include_unknown, out);
            }
            (kind, Cell::Text(json)) if kind.is_json() => {
                let rules = nested::Rules {
                    beta: options.version == Version::Beta,
                    include_unknown: options.include_unknown,
                };
                nested::write(json, nested::of_field(field), rules, out);
            }
            _ => write_scalar(&cell, out),
        },
    }
}

fn write_log(event: &Event, out: &mut String) {
    out.push('[');
    write_string(event.row().log.name(), out);
    out.push(']');
}

/// Appends a member of an enumeration; empty text is no member.
fn write_member(members: &Enum, value: &str, include_unknown: bool, out: &mut String) {
    match value {
        "" => out.push_str("null"),
        _ => write_string(&members.shown(value, include_unknown), out),
    }
}

fn write_scalar(cell: &Cell<'_>, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match cell {
        Cell::Null => write!(out, "null"),
        Cell::Float(value) if !value.is_finite() => write!(out, "null"),
        Cell::Text(text) => {
            write_string(text, out);
            Ok(())
        }
        Cell::Time(time) => write!(out, "\"{time}\""),
        cell => write!(out, "{cell}"),
    };
}

fn write_optional(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => write_string(text, out),
        None => out.push_str("null"),
    }
}

/// A set of fields, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct FieldSet([u64; FieldSet::WORDS]);

impl FieldSet {
    const WORDS: usize = field::FIELD_SPAN.div_ceil(64);

    fn contains(self, field: FieldId) -> bool {
        self.0[field as usize / 64] >> (field as usize % 64) & 1 == 1
    }

    fn insert(&mut self, field: FieldId) {
        self.0[field as usize / 64] |= 1 << (field as usize % 64);
    }

    fn remove(&mut self, field: FieldId) {
        self.0[field as usize / 64] &= !(1 << (field as usize % 64));
    }

    fn union(self, other: FieldSet) -> FieldSet {
        FieldSet(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    fn intersection(self, other: FieldSet) -> FieldSet {
        FieldSet(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    fn is_empty(self) -> bool {
        self == FieldSet::default()
    }

    fn meets(self, other: FieldSet) -> bool {
        !self.intersection(other).is_empty()
    }

    fn iter(self) -> impl Iterator<Item = FieldId> {
        FIELDS.iter().map(|field| field.id).filter(move |field| self.contains(*field))
    }
}

impl FromIterator<FieldId> for FieldSet {
    fn from_iter<T: IntoIterator<Item = FieldId>>(fields: T) -> FieldSet {
        let mut set = FieldSet::default();
        for field in fields {
            set.insert(field);
        }
        set
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
