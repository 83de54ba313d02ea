//! Questions with two answers: a filter for the engine, and a plain function of the event.
//!
//! The plain function shares no code with the engine: it knows the made-up values and spells the
//! rules out for them.

use durward_model::errors::status_of;
use durward_model::{FieldId, Log};
use durward_query::{Dialect, Expr, Filter, Op, Property, Value, parse_filter, parse_search};
use proptest::prelude::*;

use crate::sample::*;

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    All(Vec<Ask>),
    Any(Vec<Ask>),
    Not(Box<Ask>),
    Leaf(u8, usize),
}

/// How many leaves [`leaf`] knows.
const LEAVES: u8 = 34;

pub(crate) fn asks() -> impl Strategy<Value = Ask> {
    let leaf = (0..LEAVES, 0..12_usize).prop_map(|(leaf, value)| Ask::Leaf(leaf, value));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Ask::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Ask::Any),
            inner.prop_map(|inner| Ask::Not(Box::new(inner))),
        ]
    })
}

impl Ask {
    pub(crate) fn filter(&self) -> Filter {
        match self {
            Ask::All(these) => Expr::And(these.iter().map(Ask::filter).collect()),
            Ask::Any(these) => Expr::Or(these.iter().map(Ask::filter).collect()),
            Ask::Not(inner) => inner.filter().not(),
            Ask::Leaf(leaf, value) => filter_of(*leaf, *value),
        }
    }

    pub(crate) fn holds(&self, sample: &Sample) -> bool {
        match self {
            Ask::All(these) => these.iter().all(|one| one.holds(sample)),
            Ask::Any(these) => these.iter().any(|one| one.holds(sample)),
            Ask::Not(inner) => !inner.holds(sample),
            Ask::Leaf(leaf, value) => holds(*leaf, *value, sample),
        }
    }
}

/// What folding does to the letters that occur here.
pub(crate) fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let pairs = [('í', 'i'), ('ö', 'o'), ('ü', 'u'), ('ã', 'a'), ('ä', 'a')];
    pairs.iter().fold(lower, |text, (from, to)| text.replace(*from, &to.to_string()))
}

fn user_part(sample: &Sample, part: usize) -> String {
    let workload = matches!(sample.log, Log::ServicePrincipal | Log::ManagedIdentity);
    if workload { String::new() } else { plain(USERS[sample.user][part]) }
}

fn filter_of(leaf: u8, value: usize) -> Filter {
    let odata = |text: String| parse_filter(&text, Dialect::Own).expect(&text);
    let search = |text: String| parse_search(&text, hour(48)).expect(&text);
    let user = USERS[value % USERS.len()];
    let address = ["10.0.0.0/8", "2001:db8::/32", "203.0.113.7/32"][value % 3];
    let place = PLACES[value % PLACES.len()];
    let policy = POLICIES[value % POLICIES.len()];
    let result = RESULTS[value / 3 % RESULTS.len()];
    let at = hour(value as i64 * 4);
    match leaf {
        0 => odata(format!("contains(userDisplayName,'{}')", ["AN", "ül", "r"][value % 3])),
        1 => odata(format!("userPrincipalName eq '{}'", user[2].to_uppercase())),
        2 => odata(format!("userPrincipalName ne '{}'", user[2])),
        3 => odata(format!("userId in ('{}', null)", user[0].to_uppercase())),
        4 => odata("status/errorCode in (50126, 50074)".to_owned()),
        5 => odata(format!("status/errorCode ge {}", [0, 1, 50060][value % 3])),
        6 => search(format!("status:{}", ["success", "failure", "interrupted"][value % 3])),
        7 => odata(format!("signInEventTypes/any(t: t eq '{}')", LOGS[value % 5].name())),
        8 => odata(format!("signInEventTypes/any(t: t ne '{}')", LOGS[value % 5].name())),
        9 => search(format!("ip:{address}")),
        10 => odata(format!("createdDateTime ge {at}")),
        11 => odata(format!("createdDateTime lt {at}")),
        12 => odata(format!("createdDateTime eq {at}")),
        13 => {
            let at = durward_model::Timestamp { nanos: 100, ..at };
            odata(format!("createdDateTime le {at}"))
        }
        14 => odata(format!("processingTimeInMilliseconds gt {}", value % 4)),
        15 => odata("processingTimeInMilliseconds eq null".to_owned()),
        16 => odata(format!("correlationId eq '{}'", correlation_text(value as u32 % 4))),
        17 => odata("correlationId ne null".to_owned()),
        18 => odata(format!("id in ('{}', '{}')", guid(value as u32), guid(7).to_uppercase())),
        19 => odata(format!(
            "appliedConditionalAccessPolicies/any(p: p/displayName eq '{}' and p/result eq '{result}')",
            policy.to_uppercase()
        )),
        20 => odata(format!("appliedConditionalAccessPolicies/all(p: p/result ne '{result}')")),
        21 => search(format!("policy:{}", ["legacy", "lander", "MFA"][value % 3])),
        22 => odata(format!("riskEventTypes_v2/any(t: t eq '{}')", RISKS[value % 2])),
        23 => odata("riskEventTypes_v2/any()".to_owned()),
        24 => search(format!("country:{}", if place[1].is_empty() { "\"\"" } else { place[1] })),
        25 => odata("location eq null".to_owned()),
        26 => odata(format!("deviceDetail/isCompliant ne {}", value.is_multiple_of(2))),
        27 => odata("startswith(deviceDetail/operatingSystem,'WINDOWS')".to_owned()),
        28 => odata(format!("endswith(location/city,'{}')", ["GO", "paulo"][value % 2])),
        29 => search(format!("id:{}*", &guid(value as u32)[..8])),
        30 => odata(format!("contains(uniqueTokenIdentifier,'{}')", ["EN-1", "A"][value % 2])),
        31 => Filter::field(
            FieldId::AuthenticationDetails,
            Op::Any(Box::new(Expr::Test(durward_query::filter::Test {
                of: vec!["authenticationStepDateTime".to_owned()],
                op: Op::Ge(Value::Time(hour(1 + value as i64 % 2))),
            }))),
        ),
        32 => odata(format!("tenantId eq '{}'", TENANTS[value % 2])),
        _ => {
            Filter::test(Property::Field(FieldId::AppDisplayName), Op::Gt(Value::Text("B".into())))
        }
    }
}

fn holds(leaf: u8, value: usize, s: &Sample) -> bool {
    let user = USERS[value % USERS.len()];
    let place = PLACES[value % PLACES.len()];
    let policy = POLICIES[value % POLICIES.len()];
    let result = RESULTS[value / 3 % RESULTS.len()];
    let at = hour(value as i64 * 4);
    let named = |(name, outcome): &(usize, usize)| (POLICIES[*name], RESULTS[*outcome]);
    match leaf {
        0 => user_part(s, 1).contains(["an", "ul", "r"][value % 3]),
        1 => user_part(s, 2) == plain(user[2]),
        2 => user_part(s, 2) != plain(user[2]),
        3 => user_part(s, 0).is_empty() || user_part(s, 0) == plain(user[0]),
        4 => matches!(s.code, Some(50126 | 50074)),
        5 => s.code.is_some_and(|code| code >= [0, 1, 50060][value % 3]),
        6 => status_of(s.code) as usize == value % 3,
        7 => s.log == LOGS[value % 5],
        8 => s.log != LOGS[value % 5],
        9 => match value % 3 {
            0 => matches!(s.address, 0 | 1 | 4),
            1 => s.address == 3,
            _ => s.address == 2,
        },
        10 => s.at >= at,
        11 => s.at < at,
        12 => s.at == at,
        13 => (s.at.micros, s.at.nanos) <= (at.micros, 100),
        14 => s.latency.is_some_and(|latency| latency > value as i64 % 4),
        15 => s.latency.is_none(),
        16 => s.correlation == Some(value as u32 % 4),
        17 => s.correlation.is_some(),
        18 => s.number == value as u32 || s.number == 7,
        19 => s.policies.iter().any(|one| named(one) == (policy, result)),
        20 => s.policies.iter().all(|one| named(one).1 != result),
        21 => {
            let wanted = ["Block legacy", "Länder", "Require MFA"][value % 3];
            s.policies.iter().any(|one| named(one).0 == wanted)
        }
        22 => s.risks.contains(&(value % 2)),
        23 => !s.risks.is_empty(),
        24 => PLACES[s.place][1].eq_ignore_ascii_case(place[1]),
        25 => s.place == 3,
        26 => s.compliant != Some(value.is_multiple_of(2)),
        27 => matches!(s.system, 0 | 1),
        28 => s.place == value % 2,
        29 => s.number == value as u32,
        30 => s.token_text().is_some_and(|token| {
            token.to_lowercase().contains(&["EN-1", "A"][value % 2].to_lowercase())
        }),
        31 => s.step_hour.is_some_and(|step| step > value as i64 % 2),
        32 => s.tenant == value % 2,
        _ => APPS[s.app] == "Mail",
    }
}
