//! What filters can test, and which operators and values fit.

use durward_model::field::{self, FIELDS, Field};
use durward_model::{FieldId, Kind};

use crate::filter::{MemberPath, Op, Value};

/// What a filter of events can test.
#[derive(Clone, Debug, PartialEq)]
pub enum Property {
    /// A field of the catalogue.
    Field(FieldId),
    /// A member inside a field that is JSON.
    Member(FieldId, MemberPath),
    /// All fields whose names begin with this and a `/`, such as `location`. Only `Op::Empty`.
    Whole(&'static str),
    /// Success, failure or interrupted.
    Status,
    /// The log the event belongs to.
    Log,
}

/// A test that makes no sense for its property.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The value is of another kind than the property.
    #[error("'{property}' takes {expected}, not {found}")]
    Value {
        /// The property's name.
        property: String,
        /// What it takes, in words.
        expected: &'static str,
        /// What was given, in words.
        found: &'static str,
    },
    /// The property has no such operator.
    #[error("'{property}' cannot be tested with {operator}")]
    Operator {
        /// The property's name.
        property: String,
        /// The operator's OData name.
        operator: &'static str,
    },
}

/// The kinds of values a property can have, as far as operators care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Text,
    Id,
    Int,
    Float,
    Bool,
    Time,
    /// JSON: whatever turns up.
    Any,
    /// One of a few words.
    Word,
    /// Only the test for emptiness.
    Nothing,
}

impl Property {
    /// The property of that name: a field's, `status`'s word, `log`, a member of a JSON field, or
    /// the beginning of several fields' names. Case does not matter; parts are joined by `/`.
    pub fn resolve(name: &str) -> Option<Property> {
        // Records of most sources do not say their type of event; the log says it for all.
        if ["log", "signInEventTypes"].iter().any(|log| log.eq_ignore_ascii_case(name)) {
            return Some(Property::Log);
        }
        if let Some(field) = field::by_name(name) {
            return Some(Property::Field(field.id));
        }
        let name = name.replace('.', "/");
        if let Some(prefix) = whole_prefix(&name) {
            return Some(Property::Whole(prefix));
        }
        // The longest beginning that is a JSON field; the rest is a path into it.
        let mut end = name.len();
        while let Some(slash) = name[..end].rfind('/') {
            end = slash;
            let Some(field) = field::by_name(&name[..slash]) else { continue };
            if !field.kind.is_json() {
                return None;
            }
            let path: MemberPath = name[slash + 1..].split('/').map(str::to_owned).collect();
            let usable = path.iter().all(|part| !part.is_empty());
            return usable.then_some(Property::Member(field.id, path));
        }
        None
    }

    /// The field behind it, if there is one.
    pub fn catalogue_field(&self) -> Option<&'static Field> {
        match self {
            Property::Field(field) | Property::Member(field, _) => Some(field.field()),
            _ => None,
        }
    }

    /// Its name, as Graph writes it.
    pub fn name(&self) -> String {
        match self {
            Property::Field(field) => field.field().name.to_owned(),
            Property::Member(field, path) => format!("{}/{}", field.field().name, path.join("/")),
            Property::Whole(prefix) => (*prefix).to_owned(),
            Property::Status => "status".to_owned(),
            Property::Log => "signInEventTypes".to_owned(),
        }
    }

    fn takes(&self) -> Takes {
        match self {
            Property::Field(field) => match field.field().kind {
                Kind::Text | Kind::Enum(_) => Takes::Text,
                Kind::Int => Takes::Int,
                Kind::Float => Takes::Float,
                Kind::Bool => Takes::Bool,
                Kind::Time => Takes::Time,
                Kind::Id => Takes::Id,
                Kind::Object | Kind::TextList | Kind::ObjectList => Takes::Any,
            },
            Property::Member(..) => Takes::Any,
            Property::Whole(_) => Takes::Nothing,
            Property::Status | Property::Log => Takes::Word,
        }
    }

    fn takes_text(&self) -> bool {
        matches!(self.takes(), Takes::Text | Takes::Id | Takes::Any)
    }

    /// Does it hold IP addresses?
    pub fn is_address(&self) -> bool {
        matches!(
            self,
            Property::Field(
                FieldId::IpAddress
                    | FieldId::IpAddressFromResourceProvider
                    | FieldId::GlobalSecureAccessIpAddress
            ) | Property::Member(..)
        )
    }

    /// The operator with its values made to fit.
    pub(crate) fn check(&self, op: Op) -> Result<Op, TypeError> {
        let takes = self.takes();
        let refuse = |operator| Err(TypeError::Operator { property: self.name(), operator });
        Ok(match op {
            Op::Empty => Op::Empty,
            Op::Eq(Value::Null) => Op::Eq(Value::Null),
            Op::Ne(Value::Null) => Op::Ne(Value::Null),
            _ if takes == Takes::Nothing => return refuse("anything but eq null"),
            Op::Eq(Value::Text(_)) | Op::Ne(Value::Text(_)) | Op::In(_) if takes == Takes::Word => {
                op
            }
            _ if takes == Takes::Word => return refuse("anything but eq, ne and in"),
            Op::Eq(value) => Op::Eq(self.convert(value)?),
            Op::Ne(value) => Op::Ne(self.convert(value)?),
            Op::In(values) => Op::In(
                values.into_iter().map(|value| self.convert(value)).collect::<Result<_, _>>()?,
            ),
            Op::Lt(_) | Op::Le(_) | Op::Gt(_) | Op::Ge(_)
                if matches!(takes, Takes::Id | Takes::Bool) =>
            {
                return refuse("lt, le, gt or ge");
            }
            Op::Lt(value) => Op::Lt(self.convert(value)?),
            Op::Le(value) => Op::Le(self.convert(value)?),
            Op::Gt(value) => Op::Gt(self.convert(value)?),
            Op::Ge(value) => Op::Ge(self.convert(value)?),
            Op::Contains(_) | Op::EndsWith(_) if !self.takes_text() || takes == Takes::Id => {
                return refuse("contains or endsWith");
            }
            Op::StartsWith(_) if !self.takes_text() => return refuse("startsWith"),
            Op::Cidr(_) if !self.is_address() => return refuse("a network"),
            Op::Any(_) | Op::Every(_) if takes != Takes::Any => return refuse("any or all"),
            op => op,
        })
    }

    fn convert(&self, value: Value) -> Result<Value, TypeError> {
        let (expected, value) = match (self.takes(), value) {
            (takes, Value::Null) if takes != Takes::Nothing => return Ok(Value::Null),
            (Takes::Any, value) => return Ok(value),
            (Takes::Text | Takes::Id, Value::Text(text)) => return Ok(Value::Text(text)),
            (Takes::Int, Value::Int(int)) => return Ok(Value::Int(int)),
            (Takes::Float, Value::Float(float)) => return Ok(Value::Float(float)),
            // Every whole number that such a field can hold is exact as a float.
            (Takes::Float, Value::Int(int)) => return Ok(Value::Float(int as f64)),
            (Takes::Bool, Value::Bool(truth)) => return Ok(Value::Bool(truth)),
            (Takes::Time, Value::Time(time)) => return Ok(Value::Time(time)),
            (Takes::Text | Takes::Id | Takes::Word, value) => ("a text in quotes", value),
            (Takes::Int, value) => ("a whole number", value),
            (Takes::Float, value) => ("a number", value),
            (Takes::Bool, value) => ("true or false", value),
            (Takes::Time, value) => ("a date and time without quotes", value),
            (Takes::Nothing, value) => ("null", value),
        };
        Err(TypeError::Value { property: self.name(), expected, found: value.kind_name() })
    }
}

/// The fields that belong to `Property::Whole(prefix)`.
pub fn fields_of_whole(prefix: &str) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| {
        field.name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// `name` in the catalogue's spelling, if fields' names begin with it and a `/`.
fn whole_prefix(name: &str) -> Option<&'static str> {
    FIELDS.iter().find_map(|field| {
        let (head, tail) = field.name.split_at_checked(name.len())?;
        (tail.starts_with('/') && head.eq_ignore_ascii_case(name)).then_some(head)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn names_resolve_to_fields_members_and_wholes() {
        let member = |field, path: &[&str]| {
            Property::Member(field, path.iter().map(|part| (*part).to_owned()).collect())
        };
        for (name, property) in [
            ("ipAddress", Some(Property::Field(FieldId::IpAddress))),
            ("IPADDRESS", Some(Property::Field(FieldId::IpAddress))),
            ("status/errorCode", Some(Property::Field(FieldId::ErrorCode))),
            ("location.city", Some(Property::Field(FieldId::City))),
            ("location", Some(Property::Whole("location"))),
            ("Location/GeoCoordinates", Some(Property::Whole("location/geoCoordinates"))),
            ("status", Some(Property::Whole("status"))),
            (
                "managedServiceIdentity/msiType",
                Some(member(FieldId::ManagedServiceIdentity, &["msiType"])),
            ),
            (
                "appliedConditionalAccessPolicies/authenticationStrength/displayName",
                Some(member(
                    FieldId::AppliedConditionalAccessPolicies,
                    &["authenticationStrength", "displayName"],
                )),
            ),
            ("ipAddress/x", None),
            ("loc", None),
            ("agent/", None),
            ("", None),
            ("nothing", None),
        ] {
            assert_eq!(Property::resolve(name), property, "{name}");
        }
    }

    #[test]
    fn tests_are_typed() {
        let code = || Property::Field(FieldId::ErrorCode);
        let user = || Property::Field(FieldId::UserPrincipalName);
        let text = |text: &str| Value::Text(text.to_owned());
        assert!(Filter::checked(code(), Op::Eq(Value::Int(50126))).is_ok());
        let error = Filter::checked(code(), Op::Eq(text("50126"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "'status/errorCode' takes a whole number, not a text in quotes"
        );
        let error = Filter::checked(code(), Op::Contains("5".into())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "'status/errorCode' cannot be tested with contains or endsWith"
        );
        assert!(Filter::checked(user(), Op::Eq(Value::Int(5))).is_err());
        assert!(Filter::checked(Property::Whole("location"), Op::Eq(text("x"))).is_err());
        assert!(Filter::checked(Property::Field(FieldId::Id), Op::Lt(text("x"))).is_err());
        assert!(Filter::checked(user(), Op::Any(Box::new(crate::filter::Expr::All))).is_err());
        let empty = Filter::test(user(), Op::Empty);
        assert_eq!(Filter::checked(user(), Op::Eq(Value::Null)), Ok(empty.clone()));
        assert_eq!(Filter::checked(user(), Op::Eq(text(""))), Ok(empty.clone()));
        assert_eq!(Filter::checked(user(), Op::Ne(Value::Null)), Ok(empty.not()));
    }
}
