//! Additional Details: how the request was processed, and every field that no other tab shows.

use durward_model::columns::{self, Source};
use maud::{Markup, html};
use serde_json::Value;

use super::Shown;
use super::basic;
use super::fields::Grid;

/// Derived from fields that are shown, or shown on other tabs as a whole.
const ELSEWHERE: &[&str] = &[
    "shape",
    "authenticationProcessingDetails",
    "networkLocationDetails",
    "appliedEventListeners",
    "authenticationDetails",
    "authenticationRequirementPolicies",
    "sessionLifetimePolicies",
    "authenticationContextClassReferences",
    "mfaDetail/authMethod",
    "mfaDetail/authDetail",
    "mfaResult",
    "appliedConditionalAccessPolicies",
    "managedServiceIdentity",
    "privateLinkDetails",
    "agent",
];

const TOKEN_PROTECTION: &[&str] = &[
    "signInTokenProtectionStatus",
    "appTokenProtectionStatus",
    "tokenProtectionStatusDetails/signInSessionStatus",
    "tokenProtectionStatusDetails/signInSessionStatusCode",
];

pub(super) fn tab(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    let details = facts.list("authenticationProcessingDetails");
    let code = facts.number("tokenProtectionStatusDetails/signInSessionStatusCode");
    let unbound = code.and_then(why_unbound).map(|why| html! { (why) });
    html! {
        @if details.is_empty() {
            p .absent { "The record has no processing details." }
        } @else {
            table .inner {
                thead {
                    tr {
                        @for heading in ["Key", "Value", "What it says"] {
                            th scope="col" { (heading) }
                        }
                    }
                }
                tbody {
                    @for item in details {
                        @let key = item["key"].as_str().unwrap_or_default();
                        @let value = item["value"].as_str().unwrap_or_default();
                        tr { td { (key) } td .mono { (value) } td .muted { (meaning(key, value)) } }
                    }
                }
            }
        }
        (Grid::new(shown)
            .fields(TOKEN_PROTECTION)
            .row_if("Why it is not bound", unbound)
            .render("Token protection"))
        (network(facts.list("networkLocationDetails")))
        (listeners(facts.list("appliedEventListeners")))
        (others(shown))
    }
}

/// What a known key says.
fn meaning(key: &str, value: &str) -> &'static str {
    let yes = value.eq_ignore_ascii_case("true");
    match (key, yes) {
        ("Is CAE Token", true) => {
            "Continuous access evaluation: the token lives long, and is \
                                   revoked within minutes when something changes"
        }
        ("Is CAE Token", false) => "Not the request that got a long-lived token",
        ("Login Hint Present", true) => "The application said which user it expects",
        ("Login Hint Present", false) => "The application did not say which user it expects",
        ("Domain Hint Present", _) => "Whether the application named a domain to sign in at",
        ("Legacy TLS (TLS 1.0, 1.1, 3DES)", true) => {
            "The client uses old encryption that is being switched off: update it"
        }
        ("Legacy TLS (TLS 1.0, 1.1, 3DES)", false) => "The client uses current encryption",
        ("Is Legacy Store Used", _) => "Whether an old store of sessions was asked",
        ("Oauth Scope Info", _) => "The permissions that were asked for",
        ("Azure AD App Authentication Library", _) => {
            "The library that the application signs in with"
        }
        ("Root Key Type", _) => "The kind of key the session rests on",
        ("Server name", _) => "The server or agent that took part",
        ("IP Addresses Involved in Auth Flow", _) => {
            "Addresses that took part besides the client's"
        }
        _ => "",
    }
}

/// Codes of token protection where a session is not bound to its device.
fn why_unbound(code: f64) -> Option<&'static str> {
    #[expect(clippy::cast_possible_truncation, reason = "codes are small whole numbers")]
    match code as i64 {
        1002 => Some("The device has no state that a token could be bound to: register it"),
        1003 => Some("The registration of the device is of a kind that does not suffice"),
        1005 => Some("Another reason, which is not said"),
        1006 => Some("The operating system does not support it"),
        1008 => Some("The client does not use the broker of the platform"),
        _ => None,
    }
}

fn network(all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 { "Network location" }
            dl {
                @for item in all {
                    dt { (item["networkType"].as_str().unwrap_or("Network")) }
                    dd {
                        @let names = item["networkNames"].as_array();
                        @let names = names.map(Vec::as_slice).unwrap_or_default();
                        (names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
                    }
                }
            }
        }
    }
}

fn listeners(all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 { "Event listeners" }
            dl {
                @for item in all {
                    dt { (item["eventType"].as_str().unwrap_or("Listener")) }
                    dd .mono { (item["executedListenerId"].as_str().unwrap_or_default()) }
                }
            }
        }
    }
}

/// Whatever else the record has.
fn others(shown: Shown<'_>) -> Markup {
    let event = &shown.pane.event;
    let is_other = |column: &&columns::Column| {
        matches!(column.source, Source::Field(_))
            && !ELSEWHERE.contains(&column.name)
            && !TOKEN_PROTECTION.contains(&column.name)
            && !basic::has(column.name)
    };
    let has_value = |column: &&columns::Column| {
        let cell = columns::text::value(column, event);
        !cell.is_null() && !matches!(cell.to_string().trim(), "" | "[]" | "{}" | "null")
    };
    let names: Vec<&str> = columns::all()
        .iter()
        .filter(is_other)
        .filter(has_value)
        .map(|column| column.name)
        .collect();
    Grid::new(shown).fields(&names).render("Other fields")
}
