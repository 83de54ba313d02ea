//! Filters that are written out read back as themselves.

use super::*;
use crate::odata::{Dialect, parse_filter};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp { micros: 1_772_900_000_000_000, nanos: 0 };

fn search(text: &str) -> Filter {
    parse_search(text, NOW).expect(text)
}

fn own(text: &str) -> Filter {
    parse_filter(text, Dialect::Own).expect(text)
}

#[test]
fn odata_of_searches() {
    for (text, expected) in [
        ("", ""),
        ("status:failure", "status eq 'Failure'"),
        ("status:failure country:DE", "status eq 'Failure' and location/countryOrRegion eq 'DE'"),
        ("-country:DE", "not (location/countryOrRegion eq 'DE')"),
        ("city:O'Brien*", "startsWith(location/city,'O''Brien')"),
        ("ip:10.0.0.0/8", "cidr(ipAddress,'10.0.0.0/8')"),
        ("log:sp", "signInEventTypes/any(t: t eq 'servicePrincipal')"),
        ("code:1..9", "status/errorCode ge 1 and status/errorCode le 9"),
        ("city:\"\" OR code:5", "location/city eq null or status/errorCode eq 5"),
        (
            "city:a (",
            "contains(location/city,'a') and (contains(userDisplayName,'(') or \
             contains(userPrincipalName,'(') or contains(servicePrincipalName,'(') or \
             contains(appDisplayName,'(') or contains(ipAddress,'('))",
        ),
    ] {
        let filter = search(text);
        let printed = odata(&filter).expect(text);
        assert_eq!(printed, expected, "{text}");
        assert_eq!(canonical(&own(&printed)), canonical(&filter), "{text}");
    }
}

#[test]
fn odata_reads_back() {
    for text in [
        "appliedConditionalAccessPolicies/any(p: p/displayName eq 'a' and (p/result eq 'b' or p/result eq 'c'))",
        "appliedConditionalAccessPolicies/all(p: not (p/result ne 'failure'))",
        "riskEventTypes_v2/any(t: t in ('a', null))",
        "riskEventTypes_v2/any()",
        "location eq null and status eq null",
        "createdDateTime ge 2026-03-02T07:41:09.1234567Z",
        "location/geoCoordinates/latitude gt 12.5 or location/geoCoordinates/latitude lt -1e300",
        "deviceDetail/isCompliant ne true",
        "agent/agentType eq 'x' or agent/count ge 2.0",
        "signInEventTypes/any(t: t ne 'managedIdentity')",
        "not (status in ('failure', 'success')) and (code eq 1 or userId in ('a', 'b'))",
    ] {
        let text = text.replace("code eq", "status/errorCode eq");
        let filter = own(&text);
        let printed = odata(&filter).expect(&text);
        assert_eq!(canonical(&own(&printed)), canonical(&filter), "{text}: {printed}");
    }
}

#[test]
fn what_odata_cannot_say_is_not_said() {
    let path = |part: &str| Property::Member(FieldId::Agent, vec![part.to_owned()]);
    for filter in [
        Expr::Or(Vec::new()),
        Filter::field(FieldId::ErrorCode, Op::In(Vec::new())),
        Filter::field(FieldId::Latitude, Op::Gt(Value::Float(f64::NAN))),
        Filter::test(path("a b"), Op::Empty),
        Filter::test(Property::Status, Op::Empty),
        Filter::field(FieldId::City, Op::Contains("a".repeat(LENGTH_MAX))),
    ] {
        assert_eq!(odata(&filter), None);
    }
}

#[test]
fn terms_of_the_short_form() {
    for (text, expected) in [
        ("status eq 'failure' or status eq 'interrupted'", Some("status=Failure,Interrupted")),
        ("status ne 'failure'", Some("status!=Failure")),
        ("status/errorCode eq 50126", Some("code=50126")),
        ("status/errorCode in (50126, 50053)", Some("code=50126,50053")),
        ("status/errorCode ge 50000", Some("code>=50000")),
        ("userPrincipalName eq 'maria@x.example'", Some("userPrincipalName=maria@x.example")),
        ("startsWith(userDisplayName,'Maria S')", Some("userDisplayName:\"Maria S\"*")),
        ("endsWith(userDisplayName,'ia \"')", Some("userDisplayName:*\"ia \"\"\"")),
        ("not contains(appDisplayName,'Teams')", Some("-appDisplayName:\"Teams\"")),
        ("contains(location/city,'*')", Some("location/city:\"*\"")),
        ("ipAddress eq '203.0.113.9'", Some("ip:203.0.113.9")),
        ("cidr(ipAddress,'10.0.0.0/8')", Some("ip:10.0.0.0/8")),
        ("not cidr(ipAddress,'10.0.0.0/8')", Some("-ip:10.0.0.0/8")),
        ("location/city eq null", Some("location/city=\"\"")),
        ("location/city ne null", Some("location/city!=\"\"")),
        ("deviceDetail/isCompliant eq true", Some("deviceDetail/isCompliant=true")),
        ("riskState eq 'atRisk'", Some("riskState=atRisk")),
        ("createdDateTime ge 2026-03-01T00:00:00Z", Some("createdDateTime>=2026-03-01T00:00:00Z")),
        ("userId eq 'a' or appId eq 'a'", None),
        ("userId eq 'a' and appId eq 'a'", None),
        ("riskEventTypes_v2/any(t: t eq 'x')", None),
    ] {
        let filter = own(text);
        let printed = term(&filter, NOW);
        assert_eq!(printed.as_deref(), expected, "{text}");
        if let Some(printed) = printed {
            assert_eq!(canonical(&search(&printed)), canonical(&filter), "{text}");
        }
    }
}

/// Letters that both languages give a meaning.
const LETTERS: &[char] =
    &['a', 'É', '"', '\'', '*', ',', ' ', ':', '=', '-', '(', ')', '.', '/', '<', '1', '|', '~'];

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(LETTERS), 0..8)
        .prop_map(|letters| letters.into_iter().collect())
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        texts().prop_map(Value::Text),
        any::<i64>().prop_map(Value::Int),
        (-1e18_f64..1e18).prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
        (0..4_000_000_000_000_000_i64, 0..10_u16)
            .prop_map(|(micros, tens)| { Value::Time(Timestamp { micros, nanos: tens * 100 }) }),
        Just(Value::Null),
    ]
}

fn operations() -> impl Strategy<Value = Op> {
    prop_oneof![
        values().prop_map(Op::Eq),
        values().prop_map(Op::Ne),
        values().prop_map(Op::Lt),
        values().prop_map(Op::Le),
        values().prop_map(Op::Gt),
        values().prop_map(Op::Ge),
        proptest::collection::vec(values(), 1..4).prop_map(Op::In),
        texts().prop_map(Op::Contains),
        texts().prop_map(Op::StartsWith),
        texts().prop_map(Op::EndsWith),
        (any::<u32>(), 0..=32_u8).prop_filter_map("a network", |(address, length)| {
            Some(Op::Cidr(ipnet::Ipv4Net::new(address.into(), length).ok()?.into()))
        }),
        Just(Op::Empty),
        values().prop_map(|value| {
            let of = vec!["displayName".to_owned()];
            Op::Any(Box::new(Expr::test_or_empty(of, Op::Eq(value))))
        }),
    ]
}

const NAMES: &[&str] = &[
    "userDisplayName",
    "userId",
    "id",
    "ipAddress",
    "status/errorCode",
    "location/geoCoordinates/latitude",
    "deviceDetail/isCompliant",
    "riskState",
    "createdDateTime",
    "riskEventTypes_v2",
    "appliedConditionalAccessPolicies",
    "agent/agentType",
    "location",
    "signInEventTypes",
];

/// Filters that the parsers can give: tests that fit their properties.
fn filters() -> impl Strategy<Value = Filter> {
    let test = (proptest::sample::select(NAMES), operations());
    let leaf = test
        .prop_filter_map("fits", |(name, op)| Filter::checked(Property::resolve(name)?, op).ok());
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::And),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::Or),
            inner.prop_map(Expr::not),
        ]
    })
}

proptest! {
    #[test]
    fn every_filter_reads_back_from_odata(filter in filters()) {
        let printed = odata(&filter).expect("OData says all of these");
        let read = parse_filter(&printed, Dialect::Own);
        let read = read.unwrap_or_else(|error| panic!("{printed}: {error}"));
        prop_assert_eq!(canonical(&read), canonical(&filter), "{}", printed);
    }

    #[test]
    fn terms_read_back(filter in filters()) {
        if let Some(printed) = term(&filter, NOW) {
            prop_assert_eq!(canonical(&search(&printed)), canonical(&filter), "{}", printed);
        }
    }

    #[test]
    fn any_text_is_a_search_or_a_mistake(text in texts(), name in proptest::sample::select(NAMES)) {
        for search in [text.clone(), format!("{name}:{text}"), format!("{name}={text} OR {text}")] {
            if let Ok(filter) = parse_search(&search, NOW) {
                let _ = odata(&filter);
            }
        }
    }
}
