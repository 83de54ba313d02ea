//! Somebody who asks: who they are, and what they may see and do.

use std::sync::{Arc, OnceLock};

use crate::error::ApiError;
use axum::http::StatusCode;
use durward_access::{Grant, Person, Right, Rights, Role, Session, Token, allow};
use durward_journal::{Actor, ActorKind};
use durward_model::{FieldId, Log};
use durward_oidc::Claims;
use durward_query::{Filter, Mask, Op, Pseudonyms, Sight, SightGrant, Value};

/// Rights any of which shows some of the logs.
pub(crate) const READ: &[Right] = &[
    Right::ReadOwn,
    Right::ReadUserSignIns,
    Right::ReadWorkloadSignIns,
    Right::ReadAudit,
    Right::ReadProvisioning,
    Right::ReadRisk,
];

/// Rights any of which shows the sign-ins of others.
pub(crate) const READ_OTHERS: &[Right] = &[
    Right::ReadUserSignIns,
    Right::ReadWorkloadSignIns,
    Right::ReadAudit,
    Right::ReadProvisioning,
    Right::ReadRisk,
];

/// Logs and the right to read them.
const LOGS: [(Log, Right); 8] = [
    (Log::InteractiveUser, Right::ReadUserSignIns),
    (Log::NonInteractiveUser, Right::ReadUserSignIns),
    (Log::ServicePrincipal, Right::ReadWorkloadSignIns),
    (Log::ManagedIdentity, Right::ReadWorkloadSignIns),
    (Log::Audit, Right::ReadAudit),
    (Log::Provisioning, Right::ReadProvisioning),
    (Log::Risk, Right::ReadRisk),
    (Log::Other, Right::ReadAudit),
];

/// How a caller has shown who they are.
#[derive(Debug)]
pub(crate) enum Who {
    /// Not at all.
    Nobody,
    /// By a session of the pages.
    Person(Box<Person>, Box<Session>),
    /// By a token of durward's, of a person or of nobody.
    Token(Box<Token>, Option<Box<Person>>),
    /// By a token of another issuer.
    Bearer(Box<Claims>),
    /// By being on this machine, in a demo.
    Demo,
}

/// An identity in the log: whose own sign-ins are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    /// Object identifier of the user.
    pub(crate) object_id: String,
    /// Their home tenant, where it is known.
    pub(crate) tenant_id: Option<String>,
}

/// Somebody who asks.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) grants: Vec<Grant>,
    /// What a change has to carry, for callers that a browser speaks for.
    pub(crate) csrf: Option<String>,
    own: Option<Own>,
    pseudonyms: Arc<Pseudonyms>,
    reads: OnceLock<Sight>,
}

impl Caller {
    pub(crate) fn new(who: Who, grants: Vec<Grant>, pseudonyms: Arc<Pseudonyms>) -> Caller {
        let of = |person: &Person| {
            let object_id = person.object_id.clone()?;
            Some(Own { object_id, tenant_id: person.tenant_id.clone() })
        };
        let own = match &who {
            Who::Person(person, _) => of(person),
            Who::Token(_, owner) => owner.as_deref().and_then(of),
            Who::Bearer(claims) if !claims.is_app_only => claims
                .object_id
                .clone()
                .map(|object_id| Own { object_id, tenant_id: claims.tenant_id.clone() }),
            _ => None,
        };
        let csrf = match &who {
            Who::Person(_, session) => Some(session.csrf.clone()),
            _ => None,
        };
        Caller { who, grants, csrf, own, pseudonyms, reads: OnceLock::new() }
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        allow(&self.grants, right)
    }

    pub(crate) fn may_any(&self, rights: &[Right]) -> bool {
        rights.iter().any(|right| self.may(*right))
    }

    /// Is it a program, which has permissions, rather than a person, who has roles?
    pub(crate) fn is_program(&self) -> bool {
        match &self.who {
            Who::Token(_, owner) => owner.is_none(),
            Who::Bearer(claims) => claims.is_app_only,
            _ => false,
        }
    }

    /// What stands for people and addresses where they are masked.
    pub(crate) fn pseudonyms(&self) -> Arc<Pseudonyms> {
        self.pseudonyms.clone()
    }

    /// Their identity in the log.
    pub(crate) fn own(&self) -> Option<&Own> {
        self.own.as_ref()
    }

    /// The person behind a session.
    pub(crate) fn person(&self) -> Option<&Person> {
        match &self.who {
            Who::Person(person, _) => Some(person),
            _ => None,
        }
    }

    /// A name for people.
    pub(crate) fn name(&self) -> String {
        let of = |person: &Person| match person.display_name.is_empty() {
            true => person.name.clone(),
            false => person.display_name.clone(),
        };
        match &self.who {
            Who::Nobody => "nobody".to_owned(),
            Who::Person(person, _) => of(person),
            Who::Token(_, Some(owner)) => of(owner),
            Who::Token(token, None) => token.name.clone(),
            Who::Bearer(claims) => {
                let names = [&claims.name, &claims.user_principal_name, &claims.app_id];
                names.into_iter().flatten().next().cloned().unwrap_or_else(|| bearer_id(claims))
            }
            Who::Demo => "Demo Administrator".to_owned(),
        }
    }

    /// The names of their roles, without that which everybody has.
    pub(crate) fn role_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = Vec::new();
        for role in self.grants.iter().filter_map(|grant| grant.role) {
            if role != Role::User && !names.contains(&role.name()) {
                names.push(role.name());
            }
        }
        names
    }

    /// Whose requests are counted together.
    pub(crate) fn key(&self, address: &str) -> String {
        match &self.who {
            Who::Nobody => format!("address {address}"),
            Who::Person(person, _) => format!("person {}", person.id),
            Who::Token(token, _) => format!("token {}", token.id),
            Who::Bearer(claims) => format!("bearer {} {}", claims.issuer, bearer_id(claims)),
            Who::Demo => "demo".to_owned(),
        }
    }

    /// Who they are in the access log.
    pub(crate) fn actor(&self) -> Actor {
        let (kind, id, token) = match &self.who {
            Who::Nobody => (ActorKind::Nobody, String::new(), None),
            Who::Person(person, _) => (ActorKind::Person, person.id.clone(), None),
            Who::Token(token, owner) => {
                let (kind, id) = match owner {
                    Some(owner) => (ActorKind::Person, owner.id.clone()),
                    None => (ActorKind::Token, token.id.clone()),
                };
                (kind, id, Some(token.name.clone()))
            }
            Who::Bearer(claims) => {
                let app = claims.app_id.clone();
                match claims.is_app_only {
                    true => (ActorKind::Application, bearer_id(claims), app),
                    false => (ActorKind::Person, bearer_id(claims), app),
                }
            }
            Who::Demo => (ActorKind::Demo, "demo".to_owned(), None),
        };
        Actor { kind, id, name: self.name(), token }
    }

    /// The only tenants whose records they may push; empty for all. Fails if they are limited in
    /// a way that says nothing of what may be pushed.
    pub(crate) fn tenants_pushed_for(&self) -> Result<Vec<String>, ApiError> {
        let grants = self.grants.iter().filter(|grant| grant.rights.has(Right::Ingest));
        let mut tenants: Vec<String> = Vec::new();
        for grant in grants {
            match grant.scopes.as_slice() {
                [] => return Ok(Vec::new()),
                [scope] if scope.applications.is_empty() && scope.users.is_empty() => {
                    tenants.extend(scope.tenants.iter().cloned());
                }
                _ => {}
            }
        }
        if tenants.is_empty() {
            let message = "pushing records takes a right to whole tenants, not to some of their \
                           applications or users";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message));
        }
        Ok(tenants)
    }

    /// What of the log they may read.
    pub(crate) fn sight(&self) -> &Sight {
        self.reads.get_or_init(|| self.sight_of(|_| true))
    }

    /// What of the log they may take away: what they may export, and their own sign-ins.
    pub(crate) fn sight_of_exports(&self) -> Sight {
        self.sight_of(|rights| rights.has(Right::Export))
    }

    /// Only their own sign-ins, whatever else they may read.
    pub(crate) fn own_sight(&self) -> Sight {
        let own = self.own_grant().into_iter().collect();
        Sight::new(own, self.pseudonyms.clone())
    }

    fn own_grant(&self) -> Option<SightGrant> {
        let own = self.own.as_ref().filter(|_| self.may(Right::ReadOwn))?;
        let mut filter = equals(FieldId::UserId, &own.object_id);
        if let Some(tenant) = &own.tenant_id {
            filter = filter.and(equals(FieldId::TenantId, tenant));
        }
        Some(SightGrant {
            logs: vec![Log::InteractiveUser, Log::NonInteractiveUser],
            filter,
            conditional_access: false,
            mask: Mask::default(),
        })
    }

    fn sight_of(&self, counts: impl Fn(Rights) -> bool) -> Sight {
        let of_grant = |grant: &Grant| {
            let logs = LOGS.iter().filter(|(_, right)| grant.rights.has(*right));
            let logs: Vec<Log> = logs.map(|(log, _)| *log).collect();
            if logs.is_empty() || !counts(grant.rights) {
                return None;
            }
            // A right to see policies counts wherever its holder sees sign-ins by another role,
            // as far as it reaches.
            let sees_policies = |other: &Grant| {
                let reaches = other.scopes.is_empty() || other.scopes == grant.scopes;
                other.rights.has(Right::ReadConditionalAccess) && reaches
            };
            let scopes = grant.scopes.iter().map(filter_of);
            Some(SightGrant {
                logs,
                filter: scopes.fold(Filter::All, Filter::and),
                conditional_access: self.grants.iter().any(sees_policies),
                mask: Mask { names: grant.mask.names, addresses: grant.mask.addresses },
            })
        };
        let grants = self.grants.iter().filter_map(of_grant).chain(self.own_grant());
        Sight::new(grants.collect(), self.pseudonyms.clone())
    }
}

/// What tells the bearers of an issuer's tokens apart.
fn bearer_id(claims: &Claims) -> String {
    let ids = [&claims.object_id, &claims.subject, &claims.app_id];
    ids.into_iter().flatten().next().cloned().unwrap_or_default()
}

fn equals(field: FieldId, value: &str) -> Filter {
    Filter::field(field, Op::Eq(Value::Text(value.to_owned())))
}

/// The rows of a scope.
fn filter_of(scope: &durward_access::Scope) -> Filter {
    let any = |field: FieldId, values: &[String]| match values {
        [] => Filter::All,
        values => Filter::Or(values.iter().map(|value| equals(field, value)).collect()),
    };
    let users = match scope.users.as_slice() {
        [] => Filter::All,
        users => Filter::Or(
            users
                .iter()
                .map(|user| match user.contains('@') {
                    true => equals(FieldId::UserPrincipalName, user),
                    false => equals(FieldId::UserId, user),
                })
                .collect(),
        ),
    };
    any(FieldId::TenantId, &scope.tenants).and(any(FieldId::AppId, &scope.applications)).and(users)
}
