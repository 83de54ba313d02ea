//! What somebody has been granted: rights, over which part of the log, and how clearly they see.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::right::{Right, Rights, Role};

/// Part of the log. An empty list means no limit; limits of several kinds all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Tenant identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// Application (client) identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// Object identifiers or user principal names of users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
}

impl Scope {
    /// Everything.
    pub const WHOLE: Scope =
        Scope { tenants: Vec::new(), applications: Vec::new(), users: Vec::new() };

    /// Is it everything?
    pub fn is_whole(&self) -> bool {
        self.tenants.is_empty() && self.applications.is_empty() && self.users.is_empty()
    }
}

/// What is shown as a pseudonym only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mask {
    /// Names and identifiers of people.
    pub names: bool,
    /// IP addresses.
    pub addresses: bool,
}

impl Mask {
    /// Nothing is masked.
    pub const NONE: Mask = Mask { names: false, addresses: false };

    /// Masked if either masks.
    #[must_use]
    pub fn either(self, other: Mask) -> Mask {
        Mask { names: self.names || other.names, addresses: self.addresses || other.addresses }
    }
}

/// Rights over a part of the log. Somebody can have several; what any of them allows is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where the rights come from; `None` for permissions of an application.
    pub role: Option<Role>,
    /// What is allowed.
    pub rights: Rights,
    /// Over what: all of these hold. None means the whole log.
    pub scopes: Vec<Scope>,
    /// Seen how.
    pub mask: Mask,
}

impl Grant {
    /// A role over the whole log.
    pub fn of(role: Role) -> Grant {
        let rights = role.rights();
        Grant { role: Some(role), rights, scopes: Vec::new(), mask: Mask::NONE }
    }
}

/// Does any of these allow it?
pub fn allow(grants: &[Grant], right: Right) -> bool {
    grants.iter().any(|grant| grant.rights.has(right))
}

/// How roles are given to people of an OpenID provider: by the value of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Name of the claim, such as `groups` or `roles`.
    pub claim: String,
    /// One of its values.
    pub value: String,
    /// What it gives.
    pub role: Role,
    /// Over what.
    #[serde(default, skip_serializing_if = "Scope::is_whole")]
    pub scope: Scope,
}

/// The rules by which roles become grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Roles by claims.
    pub assignments: Vec<Assignment>,
    /// What each role sees masked.
    pub masks: Vec<(Role, Mask)>,
}

impl Rules {
    /// What a role gives, with the mask that the rules put on it.
    pub fn grant(&self, role: Role, scope: Scope) -> Grant {
        let mask = self.masks.iter().filter(|(of, _)| *of == role);
        let mask = mask.fold(Mask::NONE, |mask, (_, more)| mask.either(*more));
        let scopes = Some(scope).filter(|scope| !scope.is_whole()).into_iter().collect();
        Grant { scopes, mask, ..Grant::of(role) }
    }

    /// Names of claims that matter.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.assignments.iter().map(|assignment| assignment.claim.as_str())
    }

    /// Those of a token's claims that matter, name and value; a list gives a pair a value.
    pub fn claims_of(&self, claims: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for name in self.claims() {
            let values = match claims.get(name) {
                Some(Value::Array(values)) => values.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            for value in values.iter().filter_map(Value::as_str) {
                let pair = (name.to_owned(), value.to_owned());
                if !found.contains(&pair) {
                    found.push(pair);
                }
            }
        }
        // What gives nothing need not be kept: some providers list hundreds of groups.
        found.retain(|(name, value)| {
            self.assignments.iter().any(|one| one.claim == *name && one.value == *value)
        });
        found
    }

    /// What somebody with these claims (name and value) is granted: the role of a user, and what
    /// the assignments give.
    pub fn grants(&self, claims: &[(String, String)]) -> Vec<Grant> {
        let given = self.assignments.iter().filter(|assignment| {
            let has = |(name, value): &(String, String)| {
                *name == assignment.claim && *value == assignment.value
            };
            claims.iter().any(has)
        });
        let given = given.map(|assignment| self.grant(assignment.role, assignment.scope.clone()));
        std::iter::once(self.grant(Role::User, Scope::WHOLE)).chain(given).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn claims_that_matter_are_kept() {
        let assign = |value: &str| Assignment {
            claim: "groups".to_owned(),
            value: value.to_owned(),
            role: Role::GlobalReader,
            scope: Scope::WHOLE,
        };
        let rules = Rules { assignments: vec![assign("a"), assign("b")], masks: Vec::new() };
        let of = |json: &str| rules.claims_of(&serde_json::from_str(json).unwrap());
        assert_eq!(of(r#"{"groups":["a","x","b",7],"roles":["a"]}"#).len(), 2);
        assert_eq!(of(r#"{"groups":"b"}"#), [claim("groups", "b")]);
        assert_eq!(of(r#"{"groups":{"a":1}}"#), []);
    }

    #[test]
    fn claims_become_grants() {
        let scope = Scope { tenants: vec!["t1".to_owned()], ..Scope::WHOLE };
        let rules = Rules {
            assignments: vec![Assignment {
                claim: "groups".to_owned(),
                value: "help".to_owned(),
                role: Role::HelpdeskAdministrator,
                scope: scope.clone(),
            }],
            masks: vec![(Role::HelpdeskAdministrator, Mask { names: false, addresses: true })],
        };
        let nobody = rules.grants(&[claim("roles", "help"), claim("groups", "Help")]);
        assert_eq!(nobody, [Grant::of(Role::User)]);
        let helper = rules.grants(&[claim("groups", "help")]);
        assert_eq!(helper.len(), 2);
        assert_eq!(helper[1].role, Some(Role::HelpdeskAdministrator));
        assert_eq!(helper[1].scopes, [scope]);
        assert!(helper[1].mask.addresses && !helper[1].mask.names);
        assert!(allow(&helper, Right::ReadUserSignIns) && !allow(&nobody, Right::ReadUserSignIns));
    }
}
