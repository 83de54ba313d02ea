//! Invented sign-ins for the tests of everything that writes them.

use crate::batch::{EventBatch, Row};
use crate::cell::Cell;
use crate::event::Event;
use crate::field::{FieldId, Log};
use crate::time::{DateOrder, Timestamp};

/// An instant.
pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text, DateOrder::MonthFirst).expect("a time")
}

/// The event of a row with these values.
pub(crate) fn event(log: Log, cells: &[(FieldId, Cell<'static>)]) -> Event {
    let mut row = Row::default();
    row.log = log;
    for (field, cell) in cells {
        row.set(*field, cell.clone());
    }
    let mut batch = EventBatch::default();
    batch.push(&row, time("2026-03-02T07:45:00Z"));
    Event::of_batch(&batch, 0)
}

/// An interactive sign-in as diagnostic settings give it.
pub(crate) fn interactive() -> Event {
    use FieldId as F;
    let text = Cell::text;
    event(
        Log::InteractiveUser,
        &[
            (F::Id, text("4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200")),
            (F::CreatedDateTime, Cell::Time(time("2026-03-02T07:41:09.1234500+00:00"))),
            (F::CorrelationId, text("c0ffee00-9a77-4c1f-8a51-6f2f3a9c1200")),
            (F::UserId, text("7f6a1c00-0000-4000-8000-000000000001")),
            (F::UserDisplayName, text("Ana \"A\" Ruiz")),
            (F::UserPrincipalName, text("Ana.Ruiz@Fabrikam.example")),
            (F::UserType, text("Member")),
            (F::AppId, text("1fec8e78-bce4-4aaf-ab1b-5451cc387264")),
            (F::AppDisplayName, text("Lab Portal")),
            (F::IpAddress, text("203.0.113.7")),
            (F::City, text("Vigo")),
            (F::State, text("Galicia")),
            (F::CountryOrRegion, text("ES")),
            (F::Latitude, Cell::Float(42.23)),
            (F::Longitude, Cell::Float(-8.0)),
            (F::OperatingSystem, text("Windows10")),
            (F::BrowserId, text("b-1")),
            (F::IsCompliant, Cell::Bool(true)),
            (F::ErrorCode, Cell::Int(53003)),
            (F::FailureReason, text("Other.")),
            (F::ConditionalAccessStatus, text("failure")),
            (
                F::AppliedConditionalAccessPolicies,
                text(
                    r#"[{"id":"p1","displayName":"Block","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"failure","conditionsSatisfied":19,"conditionsNotSatisfied":0}]"#,
                ),
            ),
            (F::AuthenticationProtocol, text("none")),
            (F::IncomingTokenType, text("")),
            (F::MfaAuthMethod, text("Mobile app notification")),
            (F::CrossTenantAccessType, text("b2bCollaboration,passthrough")),
            (F::IsInteractive, Cell::Bool(true)),
            (F::ProcessingTimeInMilliseconds, Cell::Int(91)),
            (F::RiskDetail, text("none")),
            (F::RiskEventTypes, text(r#"["unfamiliarFeatures"]"#)),
            (F::RiskEventTypesV2, text(r#"["unfamiliarFeatures"]"#)),
            (F::TenantId, text("2f3d0000-0000-4000-8000-000000000002")),
            (F::Category, text("SignInLogs")),
        ],
    )
}

/// A managed identity's sign-in, with an id that is no GUID.
pub(crate) fn managed_identity() -> Event {
    use FieldId as F;
    let text = Cell::text;
    event(
        Log::ManagedIdentity,
        &[
            (F::Id, text("not-a-guid-7")),
            (F::CreatedDateTime, Cell::Time(time("2026-03-02T07:41:09Z"))),
            (F::ServicePrincipalId, text("5f00")),
            (F::ServicePrincipalName, text("vm-build")),
            (
                F::ManagedServiceIdentity,
                text(
                    r#"{"msiType":"systemAssigned","associatedResourceId":"/subscriptions/s/vm"}"#,
                ),
            ),
            (F::City, text("")),
            (F::Latitude, Cell::Float(0.0)),
            (F::Longitude, Cell::Float(0.0)),
            (F::ErrorCode, Cell::Int(0)),
        ],
    )
}
