//! An event as somebody sees it who may not see all of it.
//!
//! What is taken out is taken out of the event itself, so that no writer can forget it: its cells
//! are null, Graph's objects lack the members, and the original record lacks them too or is gone
//! (SIGHT-1).

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Event;
use crate::field::{CONDITIONAL_ACCESS_DETAILS, FieldId, Group};
use crate::shape::write_string;

/// What was taken out of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Redaction {
    conditional_access: bool,
    original: bool,
}

impl Event {
    /// The event without the details of its Conditional Access evaluation; the outcome
    /// (`conditionalAccessStatus`) stays.
    #[must_use]
    pub fn without_conditional_access(mut self) -> Event {
        self.entities[Group::ConditionalAccess as usize] = Arc::default();
        self.keep_extras(|owner| !owner.is_some_and(is_detail));
        self.redaction.conditional_access = true;
        self
    }

    /// Are the details of Conditional Access in it, if there are any?
    pub fn shows_conditional_access(&self) -> bool {
        !self.redaction.conditional_access
    }

    /// The event with other entities and without its original record. `entity` gives what stands
    /// in for the entity of a group, `None` where it may stay; values that are kept beside the
    /// event stay only for the JSON fields that `keeps` names.
    #[must_use]
    pub fn masked(
        mut self,
        mut entity: impl FnMut(Group, &[u8]) -> Option<Vec<u8>>,
        keeps: impl Fn(FieldId) -> bool,
    ) -> Event {
        for group in Group::ALL {
            let own = &mut self.entities[group as usize];
            if let Some(other) = entity(group, own) {
                *own = other.into();
            }
        }
        self.keep_extras(|owner| owner.is_some_and(&keeps));
        self.redaction.original = true;
        self
    }

    /// Can the record be given as its source wrote it, but for what the event does not show?
    pub fn has_original(&self) -> bool {
        !self.redaction.original
    }

    fn keep_extras(&mut self, keeps: impl Fn(Option<FieldId>) -> bool) {
        self.extras.retain(|(owner, _)| keeps(*owner));
        self.row.extra = None;
    }
}

fn is_detail(field: FieldId) -> bool {
    CONDITIONAL_ACCESS_DETAILS.contains(&field)
}

/// Objects, lists and JSON inside strings are followed that deep; what is deeper is left out.
const DEPTH_MAX: usize = 128;

/// A record without the members that hold details of Conditional Access, wherever they are: in
/// the record, under `properties`, in JSON inside a string. Empty if the text is no JSON.
pub(super) fn without_conditional_access(json: &str) -> String {
    let mut copier = Copier { out: String::with_capacity(json.len()), left_out: false };
    match copier.value(json, DEPTH_MAX) {
        Some(()) if copier.left_out => copier.out,
        Some(()) => json.to_owned(),
        None => String::new(),
    }
}

/// Is this the name of a member with details of Conditional Access? Sources call it
/// `appliedConditionalAccessPolicies`, `ConditionalAccessPolicies`, `ConditionalAccessPoliciesV2`,
/// `conditionalAccessAudiences`, and Log Analytics puts types behind names of its own. The status,
/// in downloads just `Conditional Access`, is none.
fn names_details(name: &str) -> bool {
    let letters: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let mut found = letters.split("conditionalaccess").skip(1);
    letters != "conditionalaccess" && found.any(|after| !after.starts_with("status"))
}

struct Copier {
    out: String,
    left_out: bool,
}

impl Copier {
    /// Copies a value; `None` if it is no JSON.
    fn value(&mut self, json: &str, depth: usize) -> Option<()> {
        let Some(depth) = depth.checked_sub(1) else {
            self.leave_out();
            return Some(());
        };
        match json.as_bytes().first()? {
            b'{' => {
                let Members(members) = serde_json::from_str(json).ok()?;
                self.out.push('{');
                let mut first = true;
                for (name, value) in members {
                    if names_details(&name) {
                        self.left_out = true;
                        continue;
                    }
                    if !std::mem::take(&mut first) {
                        self.out.push(',');
                    }
                    write_string(&name, &mut self.out);
                    self.out.push(':');
                    self.value(value.get(), depth)?;
                }
                self.out.push('}');
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
                self.out.push('[');
                for (index, value) in elements.into_iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.value(value.get(), depth)?;
                }
                self.out.push(']');
            }
            b'"' => self.text(json, depth)?,
            _ => self.out.push_str(json),
        }
        Some(())
    }

    /// Copies a string, which may hold JSON.
    fn text(&mut self, json: &str, depth: usize) -> Option<()> {
        let text: String = serde_json::from_str(json).ok()?;
        let text = text.trim();
        if !text.starts_with(['{', '[', '"']) {
            self.out.push_str(json);
            return Some(());
        }
        let mut inner = Copier { out: String::new(), left_out: false };
        match inner.value(text, depth) {
            Some(()) if inner.left_out => {
                write_string(&inner.out, &mut self.out);
                self.left_out = true;
            }
            // JSON that was cut off somewhere cannot be cleaned.
            None if names_details(text) => self.leave_out(),
            _ => self.out.push_str(json),
        }
        Some(())
    }

    fn leave_out(&mut self) {
        self.out.push_str("null");
        self.left_out = true;
    }
}

struct Members<'j>(Vec<(Cow<'j, str>, &'j RawValue)>);

impl<'j> Deserialize<'j> for Members<'j> {
    fn deserialize<D: serde::Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'j> Visitor<'j> for Object {
            type Value = Members<'j>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Members<'j>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Name<'j>, &'j RawValue>()? {
                    members.push((member.0.0, member.1));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[derive(Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::columns::{self, csv, text};
    use crate::field::Log;
    use crate::graph::{GraphOptions, Version, sample, write_event, write_sign_in};
    use crate::shape::Mark;

    #[test]
    fn sight_1_details_of_conditional_access_leave_a_record_wherever_they_stand() {
        let policies = r#"[{"displayName":"Secret","result":"failure"}]"#;
        let quoted = r#""[{\"displayName\":\"Secret\"}]""#;
        for (record, left) in [
            // Graph, a diagnostic record, JSON in a string, Log Analytics, a cut-off text.
            (
                format!(r#"{{"id":"1","appliedConditionalAccessPolicies":{policies},"n":1.50}}"#),
                r#"{"id":"1","n":1.50}"#,
            ),
            (
                format!(
                    r#"{{"properties":{{"conditionalAccessStatus":1,"AppliedConditionalAccessPolicies":{policies}}},"e":1e3}}"#
                ),
                r#"{"properties":{"conditionalAccessStatus":1},"e":1e3}"#,
            ),
            (
                r#"{"properties":"{\"a\": 1,\"conditionalAccessAudiences\":[\"Secret\"]}"}"#
                    .to_owned(),
                r#"{"properties":"{\"a\":1}"}"#,
            ),
            (
                format!(
                    r#"{{"ConditionalAccessPolicies":{quoted},"ConditionalAccessPoliciesV2":{policies},"ConditionalAccessStatus_s":"failure"}}"#
                ),
                r#"{"ConditionalAccessStatus_s":"failure"}"#,
            ),
            (
                r#"{"properties":"{\"conditionalAccessStatus\":1,\"appliedConditionalAccessPolicies\":[{\"displayName\":\"Secret"}"#
                    .to_owned(),
                r#"{"properties":null}"#,
            ),
            (
                format!(r#"{{"a":[{{"x\u0061":"\/","\u0063onditionalAccessPolicies":{policies}}}]}}"#),
                r#"{"a":[{"xa":"\/"}]}"#,
            ),
        ] {
            assert_eq!(without_conditional_access(&record), left, "{record}");
        }
        let kept = r#"{"Conditional Access":"Failure","text":"{ \"a\": 1 }","\u0061":"{cut"}"#;
        assert_eq!(without_conditional_access(kept), kept);
        assert_eq!(without_conditional_access("{\"a\":"), "");
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        assert!(without_conditional_access(&deep).contains("null"));
    }

    fn outputs(event: &Event) -> String {
        let mut out = event.original();
        for version in [Version::V1, Version::Beta] {
            write_sign_in(event, &GraphOptions::new(version), &mut out);
        }
        write_event(event, &GraphOptions::new(Version::Beta), &mut out);
        for layout in [csv::Layout::Portal, csv::Layout::AllFields] {
            for column in csv::columns(layout, event.row().log) {
                out.push_str(&column.cell(event));
            }
        }
        for column in columns::all() {
            out.push_str(&text::short(column, event));
        }
        out + &format!("{event:?}")
    }

    #[test]
    fn sight_1_no_writer_shows_what_was_taken_out() {
        let mut shape = String::from("{\"id\":\"x\",\"appliedConditionalAccessPolicies\":");
        Mark::Value(FieldId::AppliedConditionalAccessPolicies).write(&mut shape);
        shape.push_str(",\"conditionalAccessStatus\":\"failure\"}");
        let mut policies = String::from("[{\"displayName\":\"Secret\",\"at\":");
        Mark::Extra(0).write(&mut policies);
        policies.push_str("}]");
        let mut row = crate::batch::Row::default();
        row.log = Log::InteractiveUser;
        for (field, cell) in [
            (FieldId::Id, Cell::text("x")),
            (FieldId::CreatedDateTime, Cell::Time(sample::time("2026-03-02T07:45:00Z"))),
            (FieldId::Shape, Cell::Text(shape.into())),
            (FieldId::ConditionalAccessStatus, Cell::text("failure")),
            (FieldId::AppliedConditionalAccessPolicies, Cell::Text(policies.into())),
            (FieldId::ConditionalAccessAudiences, Cell::text("[\"Secret\"]")),
        ] {
            row.set(field, cell);
        }
        row.add_extra(Some(FieldId::AppliedConditionalAccessPolicies), "\"Secret time\"".into());
        let mut batch = crate::batch::EventBatch::default();
        batch.push(&row, sample::time("2026-03-02T07:45:00Z"));
        let event = Event::of_batch(&batch, 0);
        assert!(outputs(&event).contains("Secret time"));
        assert!(event.original().contains("Secret"));

        let less = event.clone().without_conditional_access();
        assert!(!outputs(&less).contains("Secret"));
        assert_eq!(less.original(), r#"{"id":"x","conditionalAccessStatus":"failure"}"#);
        let mut graph = String::new();
        write_sign_in(&less, &GraphOptions::new(Version::Beta), &mut graph);
        assert!(!graph.contains("appliedConditionalAccessPolicies"), "omitted, not null");
        assert!(!graph.contains("conditionalAccessAudiences"), "omitted, not null");
        assert!(graph.contains("\"conditionalAccessStatus\":\"failure\""));

        let masked = event.masked(|_, entity| Some(entity.to_vec()), |_| false);
        assert!(!masked.has_original() && masked.original().is_empty());
        assert!(!outputs(&masked).contains("Secret time"));
    }
}
