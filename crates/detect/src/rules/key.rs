//! What a rule counts by: a user, an address, a country.

use durward_model::{Cell, FieldId, Id, Kind};
use durward_query::Property;
use durward_query::fold::fold;
use durward_query::search::properties;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::rows::Row;
use crate::finding::SubjectKind;

/// Names that stand for an identifier, or a name where there is none.
const IDENTITIES: &[(&[&str], &[FieldId])] = &[
    (&["user", "who"], &[FieldId::UserId, FieldId::UserPrincipalName]),
    (&["app", "application"], &[FieldId::AppId, FieldId::AppDisplayName]),
    (&["resource"], &[FieldId::ResourceId, FieldId::ResourceDisplayName]),
    (
        &["sp", "principal", "serviceprincipal"],
        &[FieldId::ServicePrincipalId, FieldId::ServicePrincipalName],
    ),
    (&["device"], &[FieldId::DeviceId, FieldId::DeviceDisplayName]),
    (&["tenant"], &[FieldId::TenantId]),
];

/// One value of a record: that of the first of these fields that has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// As it is written in the rule.
    pub(crate) name: String,
    pub(crate) fields: Vec<FieldId>,
}

impl Key {
    /// The key of that name: one of the filter box or of the field catalogue.
    pub(crate) fn new(name: &str) -> Result<Key, String> {
        let named = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let identity = IDENTITIES.iter().find(|(names, _)| named(names));
        let fields: Vec<FieldId> = match identity {
            Some((_, fields)) => fields.to_vec(),
            None => match properties(name).as_slice() {
                [Property::Field(field)] => vec![*field],
                [] => return Err(format!("there is no field {name:?}")),
                _ => return Err(format!("{name:?} is not one field: name that of the catalogue")),
            },
        };
        let usable = |field: &FieldId| match field.field().kind {
            Kind::Text | Kind::Enum(_) | Kind::Bool | Kind::Int => field.group().is_some(),
            Kind::Id => true,
            _ => false,
        };
        if !fields.iter().all(usable) {
            return Err(format!("records cannot be counted by {name:?}"));
        }
        Ok(Key { name: name.to_owned(), fields })
    }

    /// The value of a record; empty for none.
    pub(crate) fn text(&self, row: &Row<'_>) -> String {
        let texts = self.fields.iter().map(|field| match row.cell(*field) {
            Cell::Text(text) => text.into_owned(),
            other => other.to_string(),
        });
        texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The value of a record as a number that values equal to a filter share; `None` for none.
    pub(crate) fn hash(&self, row: &Row<'_>) -> Option<u64> {
        for (index, field) in self.fields.iter().enumerate() {
            if field.field().kind == Kind::Id {
                return row.identifier(*field).map(|Id(id)| xxh3_64_with_seed(&id, index as u64));
            }
            let cell = row.cell(*field);
            let text = match &cell {
                Cell::Text(text) => fold(text),
                Cell::Null => continue,
                other => other.to_string().into(),
            };
            if !text.is_empty() {
                return Some(xxh3_64_with_seed(text.as_bytes(), index as u64));
            }
        }
        None
    }

    /// The field that a record's value is taken from, and the value, where a filter can ask for
    /// just this value.
    pub(crate) fn asked(&self, row: &Row<'_>) -> Option<(FieldId, String)> {
        if !self.fields.iter().all(|field| field.field().kind == Kind::Text) {
            return None;
        }
        let values = self.fields.iter().map(|field| (*field, row.text(*field)));
        values.into_iter().find(|(_, text)| !text.is_empty())
    }

    /// What a finding about such a value is about.
    pub(crate) fn subject(&self) -> Option<SubjectKind> {
        match self.fields.first()? {
            FieldId::UserId | FieldId::UserPrincipalName | FieldId::UserDisplayName => {
                Some(SubjectKind::User)
            }
            FieldId::ServicePrincipalId | FieldId::ServicePrincipalName => {
                Some(SubjectKind::Workload)
            }
            FieldId::IpAddress => Some(SubjectKind::Address),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_fields() {
        assert_eq!(Key::new("User").unwrap().fields[0], FieldId::UserId);
        assert_eq!(Key::new("ip").unwrap().fields, [FieldId::IpAddress]);
        assert_eq!(Key::new("location/city").unwrap().fields, [FieldId::City]);
        assert_eq!(Key::new("session").unwrap().fields, [FieldId::SessionId]);
        for name in ["risk", "policy", "time", "latency", "shoe", "authenticationDetails"] {
            assert!(Key::new(name).is_err(), "{name}");
        }
    }
}
