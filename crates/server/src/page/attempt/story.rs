//! The story of an attempt: what happened in its requests, in order, and how it ended.
//!
//! One human attempt to sign in is many requests: a password, a second factor that was refused, a
//! second factor that was given, a question whether to stay signed in, a token. They share a
//! correlation identifier. [`fold`] puts them together; it looks nothing up and has no clock.

use durward_model::errors::{self, Status};
use durward_model::{Event, FieldId, Log, Timestamp, graph};
use serde_json::Value;

use super::marks::{Mark, Told};
use super::verdict::{self, Verdict};

/// An identifier and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::page) struct Named {
    pub(in crate::page) id: String,
    pub(in crate::page) name: String,
}

impl Named {
    /// What it is called, or its identifier where it is called nothing.
    pub(in crate::page) fn label(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }

    fn is_known(&self) -> bool {
        !self.label().is_empty()
    }
}

/// One authentication step of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AuthStep {
    pub(super) method: String,
    /// `None` where the source does not say it.
    pub(super) succeeded: Option<bool>,
    pub(super) result: String,
    pub(super) requirement: String,
}

/// What a story needs of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) log: Log,
    pub(super) user: Named,
    pub(super) principal: String,
    pub(super) app: Named,
    pub(super) resource: Named,
    pub(super) ip: String,
    pub(super) place: String,
    pub(super) status: Status,
    pub(super) code: Option<i64>,
    pub(super) reason: Option<String>,
    /// `status/additionalDetails`.
    pub(super) details: String,
    pub(super) steps: Vec<AuthStep>,
    /// The policy that failed, where the caller may see it.
    pub(super) policy: Option<String>,
    pub(super) protocol: String,
}

/// Marks an account that the source did not identify.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

impl Request {
    pub(super) fn of(event: &Event) -> Request {
        let text = |field| event.cell(field).to_string();
        let location = durward_model::columns::by_name("location");
        let place = location.map(|column| durward_model::columns::text::short(column, event));
        let is_user = matches!(event.row().log, Log::InteractiveUser | Log::NonInteractiveUser);
        let (id, name) = match is_user {
            true => (FieldId::UserId, FieldId::UserDisplayName),
            false => (FieldId::ServicePrincipalId, FieldId::ServicePrincipalName),
        };
        let principal = if is_user { text(FieldId::UserPrincipalName) } else { String::new() };
        let id = Some(text(id)).filter(|id| id != NOBODY).unwrap_or_default();
        let name = Some(text(name)).filter(|name| !name.is_empty());
        Request {
            id: text(FieldId::Id),
            created: event.row().created,
            log: event.row().log,
            user: Named { id, name: name.unwrap_or_else(|| principal.clone()) },
            principal,
            app: Named { id: text(FieldId::AppId), name: text(FieldId::AppDisplayName) },
            resource: Named {
                id: text(FieldId::ResourceId),
                name: text(FieldId::ResourceDisplayName),
            },
            ip: text(FieldId::IpAddress),
            place: place.unwrap_or_default(),
            status: graph::status(event).unwrap_or(Status::Failure),
            code: event.cell(FieldId::ErrorCode).as_int(),
            reason: graph::status_reason(event),
            details: text(FieldId::AdditionalDetails),
            steps: steps(&text(FieldId::AuthenticationDetails)),
            policy: failed_policy(&text(FieldId::AppliedConditionalAccessPolicies)),
            protocol: text(FieldId::AuthenticationProtocol),
        }
    }

    /// A request that says nothing.
    #[cfg(test)]
    pub(super) fn empty() -> Request {
        Request {
            id: String::new(),
            created: Timestamp::from_micros(0),
            log: Log::InteractiveUser,
            user: Named::default(),
            principal: String::new(),
            app: Named::default(),
            resource: Named::default(),
            ip: String::new(),
            place: String::new(),
            status: Status::Success,
            code: None,
            reason: None,
            details: String::new(),
            steps: Vec::new(),
            policy: None,
            protocol: String::new(),
        }
    }

    /// Did the user see nothing of it?
    pub(super) fn is_silent(&self) -> bool {
        self.log == Log::NonInteractiveUser
    }

    pub(super) fn category(&self) -> Option<errors::Category> {
        self.code.and_then(errors::lookup).map(|known| known.category)
    }
}

fn steps(json: &str) -> Vec<AuthStep> {
    let Ok(Value::Array(steps)) = serde_json::from_str(json) else { return Vec::new() };
    let step = |step: &Value| {
        let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        // Log Analytics writes flags as texts.
        let succeeded = match &step["succeeded"] {
            Value::Bool(succeeded) => Some(*succeeded),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        AuthStep {
            method: text("authenticationMethod"),
            succeeded,
            result: text("authenticationStepResultDetail"),
            requirement: text("authenticationStepRequirement"),
        }
    };
    steps.iter().map(step).collect()
}

fn failed_policy(json: &str) -> Option<String> {
    let policies: Vec<Value> = serde_json::from_str(json).ok()?;
    let failed = policies.iter().find(|policy| policy["result"].as_str() == Some("failure"))?;
    failed["displayName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// A user of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) named: Named,
    pub(super) principal: String,
}

impl User {
    /// Sources leave out the identifier of who has not signed in yet, but not the name.
    fn is(&self, request: &Request) -> bool {
        let same = |a: &str, b: &str| !a.is_empty() && a.eq_ignore_ascii_case(b);
        same(&self.named.id, &request.user.id) || same(&self.principal, &request.principal)
    }
}

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// In order of time.
    pub(super) requests: Vec<Request>,
    /// What happened in each request.
    pub(super) told: Vec<Vec<Mark>>,
    /// What happened in all of them, repetitions counted.
    pub(super) story: Vec<Mark>,
    pub(super) verdict: Verdict,
    pub(super) users: Vec<User>,
    /// The verdict for each user, where there are several.
    pub(super) by_user: Vec<(User, Verdict)>,
    pub(super) apps: Vec<Named>,
    pub(super) ips: Vec<String>,
}

impl Attempt {
    pub(super) fn started(&self) -> Timestamp {
        self.requests.first().map_or(Timestamp::from_micros(0), |request| request.created)
    }

    pub(super) fn ended(&self) -> Timestamp {
        self.requests.last().map_or(Timestamp::from_micros(0), |request| request.created)
    }

    pub(super) fn duration_micros(&self) -> i64 {
        self.ended().micros - self.started().micros
    }
}

/// Puts the requests of an attempt together. `None` if there are none.
pub(super) fn fold(mut requests: Vec<Request>) -> Option<Attempt> {
    // Of what happened in one instant, the token came last.
    requests.sort_by(|a, b| {
        let key = |r: &Request| (r.created, r.status == Status::Success);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    requests.first()?;
    let mut so_far = Told::default();
    let told: Vec<Vec<Mark>> = requests.iter().map(|request| so_far.marks(request)).collect();
    let users = users(&requests);
    let of = |user: &User| {
        let own: Vec<&Request> = requests.iter().filter(|request| user.is(request)).collect();
        (user.clone(), verdict::of(&own))
    };
    let by_user: Vec<(User, Verdict)> = match users.len() {
        0 | 1 => Vec::new(),
        _ => users.iter().map(of).collect(),
    };
    let verdict = match by_user.as_slice() {
        [] => verdict::of(&requests.iter().collect::<Vec<_>>()),
        several => verdict::of_several(several),
    };
    let known = |named: &&Named| named.is_known();
    let apps = distinct(requests.iter().map(|request| &request.app).filter(known));
    let ips = requests.iter().map(|request| &request.ip).filter(|ip| !ip.is_empty());
    let ips = distinct(ips);
    let story = collapse(told.iter().flatten());
    Some(Attempt { told, story, verdict, users, by_user, apps, ips, requests })
}

fn users(requests: &[Request]) -> Vec<User> {
    let mut users: Vec<User> = Vec::new();
    for request in requests.iter().filter(|request| request.user.is_known()) {
        match users.iter_mut().find(|user| user.is(request)) {
            // A later request may know more of them.
            Some(user) => {
                if user.named.id.is_empty() || user.named.name == user.principal {
                    let name = Some(&request.user.name).filter(|name| !name.is_empty());
                    let id = Some(&request.user.id).filter(|id| !id.is_empty());
                    user.named = Named {
                        id: id.unwrap_or(&user.named.id).clone(),
                        name: name.unwrap_or(&user.named.name).clone(),
                    };
                }
            }
            None => users
                .push(User { named: request.user.clone(), principal: request.principal.clone() }),
        }
    }
    users
}

/// Different ones, in order of appearance.
pub(super) fn distinct<'a, T: Clone + PartialEq + 'a>(all: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut seen: Vec<T> = Vec::new();
    for one in all {
        if !seen.contains(one) {
            seen.push(one.clone());
        }
    }
    seen
}

/// The same thing several times in a row becomes one mark with a count.
fn collapse<'m>(marks: impl Iterator<Item = &'m Mark>) -> Vec<Mark> {
    let mut story: Vec<Mark> = Vec::new();
    for mark in marks {
        match story.last_mut() {
            Some(last) if last.is_like(mark) => last.times += mark.times,
            _ => story.push(mark.clone()),
        }
    }
    story
}

#[cfg(test)]
mod tests;
