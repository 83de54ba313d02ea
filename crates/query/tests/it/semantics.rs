//! What the operators mean, value by value.

use durward_model::{Cell, Event, EventBatch, FieldId, Log, Row, Timestamp};
use durward_query::{Dialect, Predicate, parse_filter};

type Set<'a> = &'a [(FieldId, Cell<'static>)];

fn event(set: Set<'_>) -> Event {
    let mut row = Row::default();
    row.log = Log::InteractiveUser;
    row.set(FieldId::Id, Cell::text("4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ab"));
    for (field, cell) in set {
        row.set(*field, cell.clone());
    }
    let mut batch = EventBatch::default();
    batch.push(&row, Timestamp::from_micros(5));
    Event::of_batch(&batch, 0)
}

fn texts(field: FieldId, text: &'static str) -> Event {
    event(&[(field, Cell::text(text))])
}

#[track_caller]
fn check(event: &Event, filters: &[(&str, bool)]) {
    for (filter, expected) in filters {
        let parsed = parse_filter(filter, Dialect::Own).expect(filter);
        assert_eq!(Predicate::new(&parsed).matches(event), *expected, "{filter}");
    }
}

#[test]
fn texts_ignore_case_and_accents() {
    check(
        &texts(FieldId::UserDisplayName, "José Müller"),
        &[
            ("userDisplayName eq 'jose muller'", true),
            ("userDisplayName eq 'JOSÉ MÜLLER'", true),
            ("userDisplayName eq 'jose'", false),
            ("userDisplayName ne 'jose'", true),
            ("userDisplayName in ('x', 'Jose Muller')", true),
            ("contains(userDisplayName,'É M')", true),
            ("startswith(userDisplayName,'JOS')", true),
            ("endswith(userDisplayName,'ÜLLER')", true),
            ("endswith(userDisplayName,'jose')", false),
            ("userDisplayName gt 'JOA'", true),
            ("userDisplayName lt 'JOA'", false),
            ("userDisplayName ge 'jose muller'", true),
            ("userDisplayName le 'jose mulle'", false),
        ],
    );
}

#[test]
fn empty_is_absent_null_or_nothing_inside() {
    let cases: &[(Set<'_>, bool)] = &[
        (&[], true),
        (&[(FieldId::RiskEventTypesV2, Cell::Null)], true),
        (&[(FieldId::RiskEventTypesV2, Cell::Text(std::borrow::Cow::Borrowed("[]")))], true),
        (&[(FieldId::RiskEventTypesV2, Cell::Text(std::borrow::Cow::Borrowed("null")))], true),
        (&[(FieldId::RiskEventTypesV2, Cell::Text(std::borrow::Cow::Borrowed("[\"a\"]")))], false),
    ];
    for (set, empty) in cases {
        check(
            &event(set),
            &[
                ("riskEventTypes_v2 eq null", *empty),
                ("riskEventTypes_v2 ne null", !empty),
                ("riskEventTypes_v2/any()", !empty),
                ("riskEventTypes_v2/all(t: t eq 'a')", true),
                ("riskEventTypes_v2/any(t: t eq 'a')", !empty),
                ("riskEventTypes_v2 eq 'A'", !empty),
                ("riskEventTypes_v2 ne 'a'", *empty),
            ],
        );
    }
    for absent in [event(&[]), texts(FieldId::ResourceId, "")] {
        check(
            &absent,
            &[
                ("resourceId eq null", true),
                ("resourceId eq ''", true),
                ("resourceId ne ''", false),
                ("resourceId eq 'x'", false),
                ("resourceId ne 'x'", true),
                ("resourceId in ('x', null)", true),
                ("resourceId lt 'x'", false),
                ("contains(resourceId,'')", false),
                ("status/errorCode eq null", true),
                ("status/errorCode ne 0", true),
                ("status/errorCode lt 5", false),
                ("isInteractive ne true", true),
                ("isInteractive eq false", false),
                ("agent eq null", true),
                ("agent/agentType eq null", true),
                ("agent/agentType ne 'x'", true),
            ],
        );
    }
    let agent = |json| texts(FieldId::Agent, json);
    check(&agent("{}"), &[("agent eq null", true), ("agent/agentType eq null", true)]);
    check(
        &agent("{\"agentType\":\"notAgentic\"}"),
        &[("agent eq null", false), ("agent/AGENTTYPE eq 'NotAgentic'", true)],
    );
}

#[test]
fn wholes_are_empty_when_all_parts_are() {
    check(&event(&[]), &[("location eq null", true), ("deviceDetail ne null", false)]);
    check(&texts(FieldId::City, ""), &[("location eq null", true)]);
    let somewhere = event(&[(FieldId::Latitude, Cell::Float(0.0))]);
    check(&somewhere, &[("location eq null", false), ("location/geoCoordinates ne null", true)]);
}

#[test]
fn identifiers_have_many_spellings() {
    check(
        &event(&[
            (FieldId::UserId, Cell::text("{odd}")),
            (FieldId::AppId, Cell::text("4B1D0C5E-9A77-4C1F-8A51-6F2F3A9C12AB")),
            (FieldId::CorrelationId, Cell::text("no guid")),
            (FieldId::BrowserId, Cell::text("0123456789abcdef0123456789abcdef")),
        ]),
        &[
            ("id eq '4B1D0C5E-9A77-4C1F-8A51-6F2F3A9C12AB'", true),
            ("id eq '{4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ab}'", true),
            ("id eq 4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ab", true),
            ("id eq '4b1d0c5e9a774c1f8a516f2f3a9c12ab'", true),
            ("id ne '4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ab'", false),
            ("startswith(id,'4B1D')", true),
            ("startswith(id,'1d')", false),
            ("appId eq '4b1d0c5e9a774c1f8a516f2f3a9c12ab'", true),
            ("userId eq '{ODD}'", true),
            ("correlationId eq 'no guid'", true),
            ("correlationId eq 'no guid '", false),
            // 32 digits that are not meant as a GUID are found as they are written.
            ("deviceDetail/browserId eq '0123456789ABCDEF0123456789abcdef'", true),
        ],
    );
}

#[test]
fn addresses_and_networks() {
    let find = |address: &'static str, search: &str| {
        let filter = durward_query::parse_search(search, Timestamp::from_micros(0)).unwrap();
        Predicate::new(&filter).matches(&texts(FieldId::IpAddress, address))
    };
    for (address, search, expected) in [
        ("10.1.2.3", "ip:10.0.0.0/8", true),
        ("11.1.2.3", "ip:10.0.0.0/8", false),
        ("10.1.2.3:443", "ip:10.0.0.0/8", true),
        ("::ffff:10.1.2.3", "ip:10.0.0.0/8", true),
        ("2001:DB8:0:0::7", "ip:2001:db8::7", true),
        ("2001:db8:1::7", "ip:2001:db8::/48", false),
        ("fe80::1%eth0", "ip:fe80::/10", true),
        ("203.0.113.XXX", "ip:203.0.113.0/24", false),
        ("203.0.113.XXX", "ip:203.0.113.*", true),
        ("203.0.113.7", "ip!=203.0.113.7", false),
        ("", "ip!=203.0.113.7", true),
        ("", "ip:\"\"", true),
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.77", "203.0.113.7", false),
    ] {
        assert_eq!(find(address, search), expected, "{search} on {address}");
    }
}

#[test]
fn enumerations_and_their_combinations() {
    check(
        &event(&[
            (FieldId::CrossTenantAccessType, Cell::text("b2bCollaboration,passthrough")),
            (FieldId::RiskState, Cell::text("atRisk")),
        ]),
        &[
            ("crossTenantAccessType eq 'passthrough'", true),
            ("crossTenantAccessType has 'B2BCOLLABORATION'", true),
            ("crossTenantAccessType eq 'b2bCollaboration,passthrough'", true),
            ("crossTenantAccessType eq 'b2b'", false),
            ("crossTenantAccessType ne 'passthrough'", false),
            ("riskState eq 'ATRISK'", true),
            ("riskState in ('dismissed','atRisk')", true),
        ],
    );
}

#[test]
fn numbers_and_the_status_that_follows() {
    for (code, word) in [(0, "success"), (50126, "failure"), (50074, "interrupted")] {
        let event = event(&[(FieldId::ErrorCode, Cell::Int(code))]);
        for status in ["success", "failure", "interrupted"] {
            check(&event, &[(&format!("status eq '{status}'"), status == word)]);
            check(&event, &[(&format!("status ne '{status}'"), status != word)]);
        }
    }
    let event = event(&[
        (FieldId::ErrorCode, Cell::Int(i64::MIN)),
        (FieldId::ProcessingTimeInMilliseconds, Cell::Int(7)),
        (FieldId::Latitude, Cell::Float(-8.72)),
    ]);
    check(
        &event,
        &[
            ("status/errorCode lt -9223372036854775807", true),
            ("status/errorCode lt -9223372036854775808", false),
            ("status/errorCode gt 9223372036854775807", false),
            ("processingTimeInMilliseconds gt 6", true),
            ("processingTimeInMilliseconds gt 7", false),
            ("processingTimeInMilliseconds in (1, 7)", true),
            ("location/geoCoordinates/latitude eq -8.72", true),
            ("location/geoCoordinates/latitude lt -8.72", false),
            ("location/geoCoordinates/latitude ge -9", true),
        ],
    );
}

#[test]
fn lists_of_objects() {
    let policies = r#"[{"displayName":"Require MFA","result":"failure","enforcedGrantControls":["Mfa"]},
        {"displayName":"Block legacy","result":"notApplied","enforcedGrantControls":[]}]"#;
    let event = event(&[
        (FieldId::AppliedConditionalAccessPolicies, Cell::text(policies)),
        (
            FieldId::AuthenticationProcessingDetails,
            Cell::text(r#"[{"key":"Is CAE Token","value":"True"},{"key":"n","value":5}]"#),
        ),
    ]);
    let p = "appliedConditionalAccessPolicies";
    let any = |body: &str| format!("{p}/any(p: {body})");
    check(
        &event,
        &[
            (&any("p/displayName eq 'require mfa' and p/result eq 'failure'"), true),
            // Both hold, but not of one policy.
            (&any("p/displayName eq 'require mfa' and p/result eq 'notApplied'"), false),
            (&any("p/result ne 'failure'"), true),
            (&format!("not {}", any("p/result eq 'success'")), true),
            (&format!("{p}/all(p: p/result ne 'success')"), true),
            (&format!("{p}/all(p: p/result eq 'failure')"), false),
            (&any("p/enforcedGrantControls/any(c: c eq 'MFA')"), true),
            (&any("p/enforcedGrantControls eq null"), true),
            (&any("startswith(p/displayName,'block')"), true),
            (&format!("{p}/displayName eq 'BLOCK LEGACY'"), true),
            (&format!("{p}/displayName ne 'x'"), true),
            (&format!("contains({p},'legacy')"), true),
            (&format!("contains({p},'displayName')"), false),
            (
                "authenticationProcessingDetails/any(x:x/key eq 'Is CAE Token' and x/value eq 'true')",
                true,
            ),
            (
                "authenticationProcessingDetails/any(x:x/key eq 'Is CAE Token' and x/value eq true)",
                true,
            ),
            ("authenticationProcessingDetails/any(x:x/value gt 4)", true),
            ("authenticationProcessingDetails/any(x:x/value gt 5)", false),
            ("authenticationProcessingDetails/any(x:x/none eq 'a')", false),
            ("authenticationProcessingDetails/any(x:x/none ne 'a')", true),
        ],
    );
    check(
        &texts(FieldId::AppliedConditionalAccessPolicies, "not json"),
        &[(&format!("contains({p},'JSON')"), true), (&any("p/result eq 'x'"), false)],
    );
}

#[test]
fn logs_are_their_types() {
    check(
        &event(&[]),
        &[
            ("signInEventTypes/any(t: t eq 'INTERACTIVEUSER')", true),
            ("signInEventTypes/any(t: t ne 'interactiveUser')", false),
            ("signInEventTypes/any(t: t eq 'unknownFutureValue')", false),
            ("signInEventTypes/any(t: t in ('servicePrincipal','interactiveUser'))", true),
            ("not signInEventTypes/any(t: t eq 'servicePrincipal')", true),
            ("log eq 'interactiveUser'", true),
        ],
    );
}
