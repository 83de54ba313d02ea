//! Turns a planned record into JSON, in the shape of a diagnostic-settings record or of a Graph
//! beta object.
//!
//! Members and their order follow what real exports look like; times have seven fractional
//! digits in diagnostic records and none in Graph objects. Text that depends on little (the
//! evaluation of Conditional Access) is written once and copied from then on.

mod access;
mod steps;
mod user;
mod workload;

use crate::dice::Guid;
use crate::json::Object;
use crate::moment::Moment;
use crate::plan::{Actor, Planned, flag};
use crate::tenant::Tenant;
use access::{Evaluated, EvaluationKey};
use std::sync::Arc;
use workload::Workload;

/// How records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A record as diagnostic settings write it to storage and Event Hubs: envelope and
    /// `properties`.
    #[default]
    Diagnostic,
    /// A `signIn` object as Graph beta returns it.
    GraphBeta,
}

/// One of the four sign-in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Log {
    /// Interactive user sign-ins.
    Interactive,
    /// Non-interactive user sign-ins.
    NonInteractive,
    /// Service principal sign-ins.
    ServicePrincipal,
    /// Managed identity sign-ins.
    ManagedIdentity,
}

impl Log {
    /// All four.
    pub const ALL: [Log; 4] =
        [Log::Interactive, Log::NonInteractive, Log::ServicePrincipal, Log::ManagedIdentity];

    /// The category of diagnostic records.
    pub fn category(self) -> &'static str {
        match self {
            Log::Interactive => "SignInLogs",
            Log::NonInteractive => "NonInteractiveUserSignInLogs",
            Log::ServicePrincipal => "ServicePrincipalSignInLogs",
            Log::ManagedIdentity => "ManagedIdentitySignInLogs",
        }
    }

    /// Graph's event type.
    pub fn event_type(self) -> &'static str {
        match self {
            Log::Interactive => "interactiveUser",
            Log::NonInteractive => "nonInteractiveUser",
            Log::ServicePrincipal => "servicePrincipal",
            Log::ManagedIdentity => "managedIdentity",
        }
    }
}

pub(crate) fn log_of(item: &Planned) -> Log {
    match item.actor {
        Actor::Person(_) if item.flags & flag::INTERACTIVE != 0 => Log::Interactive,
        Actor::Person(_) => Log::NonInteractive,
        Actor::Principal(_) => Log::ServicePrincipal,
        Actor::Identity(_) => Log::ManagedIdentity,
    }
}

/// When a record is published after it was created, without noise.
pub(crate) fn published(seed: u64, item: &Planned) -> Moment {
    let mut dice = item.dice(seed);
    let _identifier = dice.guid();
    Moment(item.at + dice.publication_lag_ms() * 10_000)
}

/// A record about to be written.
#[derive(Clone, Copy)]
pub(crate) struct Job<'p> {
    pub(crate) item: &'p Planned,
    pub(crate) published: Moment,
    /// The later, richer version of the record.
    pub(crate) revised: bool,
}

/// Writes records of a tenant.
pub(crate) struct Renderer {
    tenant: Arc<Tenant>,
    shape: Shape,
    evaluations: hashbrown::HashMap<EvaluationKey, Arc<Evaluated>>,
}

/// Evaluations kept; the combinations of a tenant stay far below, so this is only a safeguard.
const EVALUATIONS_MAX: usize = 20_000;

impl Renderer {
    pub(crate) fn new(tenant: Arc<Tenant>, shape: Shape) -> Renderer {
        Renderer { tenant, shape, evaluations: hashbrown::HashMap::new() }
    }

    /// Appends the record to `out` and returns its identifier.
    pub(crate) fn write(&mut self, job: Job<'_>, out: &mut Vec<u8>) -> Guid {
        let id = job.item.id(self.tenant.seed);
        let tenant = Arc::clone(&self.tenant);
        match job.item.actor {
            Actor::Person(number) => {
                let evaluated = self.evaluated(job.item, number);
                let scene = user::Scene::new(&tenant, job, number, id, self.shape, &evaluated);
                self.frame(job, id, &scene.envelope(), out, |object| scene.write(object));
            }
            Actor::Principal(number) => {
                let principal = &tenant.principals[usize::from(number)];
                self.write_workload(&tenant, job, Workload::Principal(principal), id, out);
            }
            Actor::Identity(number) => {
                let identity = &tenant.identities[usize::from(number)];
                self.write_workload(&tenant, job, Workload::Identity(identity), id, out);
            }
        }
        id
    }

    fn write_workload(
        &self,
        tenant: &Tenant,
        job: Job<'_>,
        workload: Workload<'_>,
        id: Guid,
        out: &mut Vec<u8>,
    ) {
        let scene = workload::Scene::new(tenant, job, workload, id, self.shape);
        self.frame(job, id, &scene.envelope(), out, |object| scene.write(object));
    }

    fn evaluated(&mut self, item: &Planned, person: u32) -> Arc<Evaluated> {
        let key = EvaluationKey::of(&self.tenant, item, person);
        if let Some(known) = self.evaluations.get(&key) {
            return Arc::clone(known);
        }
        if self.evaluations.len() >= EVALUATIONS_MAX {
            self.evaluations.clear();
        }
        let evaluated = Arc::new(access::evaluate(&self.tenant.policies, &key, self.shape));
        self.evaluations.insert(key, Arc::clone(&evaluated));
        evaluated
    }

    /// The envelope around `properties`, or the bare object.
    fn frame(
        &self,
        job: Job<'_>,
        id: Guid,
        envelope: &Envelope<'_>,
        out: &mut Vec<u8>,
        properties: impl FnOnce(&mut Object<'_>),
    ) {
        let mut record = Object::open(out);
        if self.shape == Shape::GraphBeta {
            record.guid("id", id);
            properties(&mut record);
            return record.close();
        }
        let meaning = job.item.outcome.meaning();
        write_time(record.key("time"), job.published, "Z\"");
        let tenant = &self.tenant.id_text;
        record.key("resourceId").extend_from_slice(b"\"/tenants/");
        record.out.extend_from_slice(tenant.as_bytes());
        record.out.extend_from_slice(b"/providers/Microsoft.aadiam\"");
        record.text("operationName", "Sign-in activity");
        record.text("operationVersion", "1.0");
        record.text("category", log_of(job.item).category());
        record.text("tenantId", tenant);
        let code = record.key("resultType");
        code.push(b'"');
        crate::json::write_int(code, meaning.code);
        code.push(b'"');
        record.text("resultSignature", envelope.signature);
        if meaning.code != 0 {
            record.text("resultDescription", meaning.reason);
        }
        record.int("durationMs", 0);
        if let Some(address) = &envelope.address {
            record.text("callerIpAddress", address);
        }
        record.guid("correlationId", envelope.correlation);
        if let Some(identity) = envelope.identity {
            record.text("identity", identity);
        }
        record.int("Level", 4);
        if let Some(country) = envelope.country {
            record.text("location", country);
        }
        record.object("properties", |object| {
            object.guid("id", id);
            properties(object);
        });
        record.close();
    }
}

/// What the envelope repeats.
pub(crate) struct Envelope<'t> {
    pub(crate) signature: &'static str,
    pub(crate) address: Option<String>,
    pub(crate) correlation: Guid,
    pub(crate) identity: Option<&'t str>,
    pub(crate) country: Option<&'t str>,
}

/// Appends a quoted time; `ending` brings zone and quote.
pub(crate) fn write_time(out: &mut Vec<u8>, at: Moment, ending: &str) {
    out.push(b'"');
    out.extend_from_slice(&at.text());
    out.extend_from_slice(ending.as_bytes());
}

/// The member `createdDateTime` in the manner of the shape.
pub(crate) fn write_created(object: &mut Object<'_>, at: Moment, shape: Shape) {
    let out = object.key("createdDateTime");
    match shape {
        Shape::Diagnostic => write_time(out, at, "+00:00\""),
        Shape::GraphBeta => {
            out.push(b'"');
            out.extend_from_slice(&at.text()[..19]);
            out.extend_from_slice(b"Z\"");
        }
    }
}

/// The member `location`.
pub(crate) fn write_location(object: &mut Object<'_>, item: &Planned, shape: Shape) {
    let known = item.origin.kind != crate::networks::NetworkKind::Nowhere;
    let city = item.origin.city();
    object.object("location", |location| {
        location.text("city", if known { city.name } else { "" });
        location.text("state", if known { city.state } else { "" });
        location.text("countryOrRegion", if known { city.country } else { "" });
        location.object("geoCoordinates", |place| {
            if shape == Shape::GraphBeta {
                place.raw("altitude", "null");
            }
            place.raw("latitude", if known { city.latitude } else { "0" });
            place.raw("longitude", if known { city.longitude } else { "0" });
        });
    });
}

/// The member `status`.
pub(crate) fn write_status(object: &mut Object<'_>, item: &Planned, more: &str, shape: Shape) {
    let meaning = item.outcome.meaning();
    let reason = (meaning.code != 0).then_some(meaning.reason);
    let details = meaning.details.or((!more.is_empty()).then_some(more));
    object.object("status", |status| {
        status.int("errorCode", meaning.code);
        if reason.is_some() || shape == Shape::GraphBeta {
            status.text_or_null("failureReason", reason);
        }
        if details.is_some() || shape == Shape::GraphBeta {
            status.text_or_null("additionalDetails", details);
        }
    });
}
