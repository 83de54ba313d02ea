//! Small made-up events: few values, so that they collide, with every oddity that matters.

use durward_model::shape::Mark;
use durward_model::time::{HOUR_MICROS, SECOND_MICROS};
use durward_model::{Cell, EventBatch, FieldId, Id, Log, Row, Timestamp};
use proptest::prelude::*;

/// Identifier, display name, user principal name.
pub(crate) const USERS: [[&str; 3]; 7] = [
    ["11111111-0000-4000-8000-000000000001", "Ana Ruíz", "ana.ruiz@fabrikam.example"],
    ["11111111-0000-4000-8000-000000000001", "ANA RUIZ", "Ana.Ruiz@Fabrikam.example"],
    ["11111111-0000-4000-8000-00000000000A", "Jörg Müller", "jorg@fabrikam.example"],
    ["11111111-0000-4000-8000-00000000000a", "Jorg Muller", "jorg@fabrikam.example"],
    ["00000000-0000-0000-0000-000000000000", "", "unknown@fabrikam.example"],
    ["", "Maria Ana", "maria@contoso.example"],
    ["", "", ""],
];
pub(crate) const APPS: [&str; 4] = ["Azure Portal", "azure portal", "Mail", ""];
pub(crate) const RESOURCES: [[&str; 2]; 3] = [["r-1", "Graph"], ["", "Graph"], ["", ""]];
pub(crate) const ADDRESSES: [&str; 6] =
    ["10.0.0.1", "10.200.3.4", "203.0.113.7", "2001:db8::7", "::ffff:10.1.1.1", ""];
/// City and country.
pub(crate) const PLACES: [[&str; 2]; 5] =
    [["Vigo", "ES"], ["São Paulo", "BR"], ["", "es"], ["", ""], ["Ourense", "ES"]];
pub(crate) const SYSTEMS: [&str; 4] = ["Windows 10", "windows10", "MacOs", ""];
pub(crate) const CODES: [Option<i64>; 5] = [Some(0), Some(50126), Some(50053), Some(50074), None];
pub(crate) const POLICIES: [&str; 3] = ["Require MFA", "Block legacy", "Länder"];
pub(crate) const RESULTS: [&str; 3] = ["success", "failure", "notApplied"];
pub(crate) const RISKS: [&str; 2] = ["unlikelyTravel", "anonymizedIPAddress"];
pub(crate) const TENANTS: [&str; 2] =
    ["aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"];
pub(crate) const LOGS: [Log; 5] = [
    Log::InteractiveUser,
    Log::NonInteractiveUser,
    Log::ServicePrincipal,
    Log::ManagedIdentity,
    Log::Audit,
];

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) number: u32,
    pub(crate) log: Log,
    pub(crate) tenant: usize,
    pub(crate) at: Timestamp,
    pub(crate) user: usize,
    pub(crate) app: usize,
    pub(crate) resource: usize,
    pub(crate) address: usize,
    pub(crate) place: usize,
    pub(crate) system: usize,
    pub(crate) code: Option<i64>,
    /// Policies and their results.
    pub(crate) policies: Vec<(usize, usize)>,
    /// Hour of the one authentication step, if there is one; kept as a hole in the JSON.
    pub(crate) step_hour: Option<i64>,
    pub(crate) risks: Vec<usize>,
    pub(crate) compliant: Option<bool>,
    pub(crate) latency: Option<i64>,
    pub(crate) correlation: Option<u32>,
    /// 0: none, 1: follows from the identifier, 2: other text.
    pub(crate) token: u8,
    /// Differs from revision to revision.
    pub(crate) note: u32,
}

/// 2026-03-01T00:00:00Z.
pub(crate) const START_MICROS: i64 = 1_772_323_200_000_000;

pub(crate) fn hour(hours: i64) -> Timestamp {
    Timestamp::from_micros(START_MICROS + hours * HOUR_MICROS)
}

pub(crate) fn guid(number: u32) -> String {
    format!("{number:08x}-1111-4222-8333-444444444444")
}

pub(crate) fn correlation_text(number: u32) -> String {
    if number == 0 {
        "no guid at all".to_owned()
    } else {
        format!("cccccccc-1111-4222-8333-{number:012}")
    }
}

impl Sample {
    pub(crate) fn id(&self) -> String {
        guid(self.number)
    }

    pub(crate) fn token_text(&self) -> Option<String> {
        match self.token {
            0 => None,
            1 => Some(durward_model::batch::token_of_bytes(Id::from_text(&self.id()).0)),
            _ => Some(format!("token-{}", self.number % 3)),
        }
    }

    pub(crate) fn add_to(&self, batch: &mut EventBatch, received: Timestamp) {
        let mut row = Row::default();
        row.log = self.log;
        let mut text = |field, text: String| row.set(field, Cell::Text(text.into()));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        text(FieldId::Id, self.id());
        text(FieldId::TenantId, TENANTS[self.tenant].to_owned());
        text(FieldId::Category, self.log.name().to_owned());
        text(FieldId::AdditionalDetails, format!("note {}", self.note));
        let [user_id, name, upn] = USERS[self.user];
        let [resource_id, resource] = RESOURCES[self.resource];
        let [city, country] = PLACES[self.place];
        // An empty text and no value at all are both "empty".
        text(FieldId::City, city.to_owned());
        let shared = [
            (FieldId::AppDisplayName, APPS[self.app]),
            (FieldId::ResourceId, resource_id),
            (FieldId::ResourceDisplayName, resource),
            (FieldId::IpAddress, ADDRESSES[self.address]),
            (FieldId::CountryOrRegion, country),
            (FieldId::OperatingSystem, SYSTEMS[self.system]),
        ];
        let workload = matches!(self.log, Log::ServicePrincipal | Log::ManagedIdentity);
        let actor = if workload {
            [(FieldId::ServicePrincipalId, user_id), (FieldId::ServicePrincipalName, name)].to_vec()
        } else {
            vec![
                (FieldId::UserId, user_id),
                (FieldId::UserDisplayName, name),
                (FieldId::UserPrincipalName, upn),
            ]
        };
        for (field, value) in shared.into_iter().chain(actor) {
            if let Some(value) = some(value) {
                text(field, value);
            }
        }
        if let Some(number) = self.correlation {
            text(FieldId::CorrelationId, correlation_text(number));
        }
        if let Some(token) = self.token_text() {
            text(FieldId::UniqueTokenIdentifier, token);
        }
        text(FieldId::AppliedConditionalAccessPolicies, self.policies_json());
        text(FieldId::RiskEventTypesV2, self.risks_json());
        let step = self.step_hour.map(hour);
        if step.is_some() {
            let mut json = "[{\"succeeded\":true,\"authenticationStepDateTime\":".to_owned();
            Mark::Extra(0).write(&mut json);
            json.push_str("}]");
            text(FieldId::AuthenticationDetails, json);
        }
        row.set(FieldId::CreatedDateTime, Cell::Time(self.at));
        if let Some(step) = step {
            row.add_extra(Some(FieldId::AuthenticationDetails), format!("\"{step}\""));
        }
        if let Some(code) = self.code {
            row.set(FieldId::ErrorCode, Cell::Int(code));
        }
        if let Some(compliant) = self.compliant {
            row.set(FieldId::IsCompliant, Cell::Bool(compliant));
        }
        if let Some(latency) = self.latency {
            row.set(FieldId::ProcessingTimeInMilliseconds, Cell::Int(latency));
        }
        batch.push(&row, received);
    }

    fn policies_json(&self) -> String {
        let policies: Vec<_> = self
            .policies
            .iter()
            .map(|(name, result)| {
                serde_json::json!({"displayName": POLICIES[*name], "result": RESULTS[*result]})
            })
            .collect();
        serde_json::to_string(&policies).unwrap()
    }

    fn risks_json(&self) -> String {
        let risks: Vec<&str> = self.risks.iter().map(|risk| RISKS[*risk]).collect();
        serde_json::to_string(&risks).unwrap()
    }
}

pub(crate) fn batch(samples: &[Sample], received: Timestamp) -> EventBatch {
    let mut batch = EventBatch::default();
    for sample in samples {
        sample.add_to(&mut batch, received);
    }
    batch
}

/// Times with many ties, on both sides of hours and midnight.
fn times() -> impl Strategy<Value = Timestamp> {
    let offsets = prop_oneof![Just(-1_i64), Just(0), Just(1), Just(20 * SECOND_MICROS)];
    (0..50_i64, offsets, prop_oneof![Just(0_u16), Just(100), Just(999)])
        .prop_map(|(hours, offset, nanos)| Timestamp { micros: hour(hours).micros + offset, nanos })
}

/// An event without a number, which whoever makes the list gives it.
pub(crate) fn samples() -> impl Strategy<Value = Sample> {
    let what = (
        0..LOGS.len(),
        0..TENANTS.len(),
        0..USERS.len(),
        0..APPS.len(),
        0..RESOURCES.len(),
        0..ADDRESSES.len(),
        0..PLACES.len(),
        0..SYSTEMS.len(),
        0..CODES.len(),
    );
    let more = (
        proptest::collection::vec((0..POLICIES.len(), 0..RESULTS.len()), 0..3),
        proptest::option::of(0..3_i64),
        proptest::collection::vec(0..RISKS.len(), 0..2),
        proptest::option::of(any::<bool>()),
        proptest::option::of(0..5_i64),
        proptest::option::of(0..4_u32),
        0..3_u8,
    );
    (what, more, times()).prop_map(
        |(
            (log, tenant, user, app, resource, address, place, system, code),
            (policies, step_hour, risks, compliant, latency, correlation, token),
            at,
        )| Sample {
            number: 0,
            log: LOGS[log],
            tenant,
            at,
            user,
            app,
            resource,
            address,
            place,
            system,
            code: CODES[code],
            policies,
            step_hour,
            risks,
            compliant,
            latency,
            correlation,
            token,
            note: 0,
        },
    )
}
