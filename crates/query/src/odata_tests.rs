//! What filters mean, and what is wrong with those that mean nothing.

use durward_model::Timestamp;
use durward_model::time::DateOrder;

use super::*;
use crate::filter::{Property, Test};

fn field(field: FieldId, op: Op) -> Filter {
    Filter::field(field, op)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn log(name: &str) -> Filter {
    Filter::test(Property::Log, Op::Eq(text(name)))
}

#[track_caller]
fn check(filter: &str, expected: Filter) {
    assert_eq!(parse_filter(filter, Dialect::Beta), Ok(expected), "{filter}");
}

#[test]
fn comparisons_and_literals() {
    let upn = FieldId::UserPrincipalName;
    check("", Filter::All);
    check("userPrincipalName eq 'ana@x.example'", field(upn, Op::Eq(text("ana@x.example"))));
    check("  userprincipalname EQ 'O''Neil ''x'''  ", field(upn, Op::Eq(text("O'Neil 'x'"))));
    check("status/errorCode eq 50126", field(FieldId::ErrorCode, Op::Eq(Value::Int(50126))));
    check("status/errorCode ge -1", field(FieldId::ErrorCode, Op::Ge(Value::Int(-1))));
    check(
        "location/geoCoordinates/latitude gt 4.5e1",
        field(FieldId::Latitude, Op::Gt(Value::Float(45.0))),
    );
    check(
        "location/geoCoordinates/latitude lt 45",
        field(FieldId::Latitude, Op::Lt(Value::Float(45.0))),
    );
    check("isInteractive eq false", field(FieldId::IsInteractive, Op::Eq(Value::Bool(false))));
    check("isInteractive", field(FieldId::IsInteractive, Op::Eq(Value::Bool(true))));
    let time = |text| Value::Time(Timestamp::parse(text, DateOrder::MonthFirst).unwrap());
    for (given, meant) in [
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("2026-03-01T10:00:00.1234567Z", "2026-03-01T10:00:00.1234567Z"),
        ("2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00Z"),
    ] {
        let expected = field(FieldId::CreatedDateTime, Op::Ge(time(meant)));
        check(&format!("createdDateTime ge {given}"), expected);
    }
    let id = "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200";
    check(&format!("id eq {id}"), field(FieldId::Id, Op::Eq(text(id))));
    check(&format!("id eq '{id}'"), field(FieldId::Id, Op::Eq(text(id))));
    check("resourceId eq null", field(FieldId::ResourceId, Op::Empty));
    check("resourceId ne ''", field(FieldId::ResourceId, Op::Empty).not());
    check("location eq null", Filter::test(Property::Whole("location"), Op::Empty));
    check(
        "riskState eq microsoft.graph.riskState'atRisk'",
        field(FieldId::RiskState, Op::Eq(text("atRisk"))),
    );
}

#[test]
fn functions_lists_and_logic() {
    let name = FieldId::UserDisplayName;
    let starts = |part: &str| field(name, Op::StartsWith(part.to_owned()));
    check("startsWith(userDisplayName,'Ana')", starts("Ana"));
    check("startswith( userDisplayName , 'Ana' ) eq true", starts("Ana"));
    check("startswith(tolower(userDisplayName),'ana') eq false", starts("ana").not());
    check("endsWith(userDisplayName,'z')", field(name, Op::EndsWith("z".into())));
    check("contains(userDisplayName,'n')", field(name, Op::Contains("n".into())));
    check("tolower(userDisplayName) eq 'ana'", field(name, Op::Eq(text("ana"))));
    let code = |code| field(FieldId::ErrorCode, Op::Eq(Value::Int(code)));
    check(
        "status/errorCode in (50126, 50053)",
        field(FieldId::ErrorCode, Op::In(vec![Value::Int(50126), Value::Int(50053)])),
    );
    check(
        "appId in ('a', null)",
        Expr::Or(vec![
            field(FieldId::AppId, Op::Empty),
            field(FieldId::AppId, Op::In(vec![text("a")])),
        ]),
    );
    // `and` binds closer than `or`, `not` closest.
    let (one, two, three) = (code(1), code(2), code(3));
    check(
        "status/errorCode eq 1 or status/errorCode eq 2 and not status/errorCode eq 3",
        Expr::Or(vec![one.clone(), Expr::And(vec![two.clone(), three.clone().not()])]),
    );
    check(
        "(status/errorCode eq 1 or status/errorCode eq 2) and not (status/errorCode eq 3)",
        Expr::And(vec![Expr::Or(vec![one, two]), three.not()]),
    );
}

#[test]
fn lambdas() {
    let types = |filter| format!("signInEventTypes/any(t: {filter})");
    check(&types("t eq 'managedIdentity'"), log("managedIdentity"));
    check(
        &types("t eq 'interactiveUser' or t eq 'nonInteractiveUser'"),
        Expr::Or(vec![log("interactiveUser"), log("nonInteractiveUser")]),
    );
    check(
        &types("t ne 'interactiveUser'"),
        Filter::test(Property::Log, Op::Ne(text("interactiveUser"))),
    );
    let member = |name: &str, value: &str| {
        Expr::Test(Test { of: vec![name.to_owned()], op: Op::Eq(text(value)) })
    };
    check(
        "authenticationProcessingDetails/any(x:x/key eq 'Is CAE Token' and x/value eq 'True')",
        field(
            FieldId::AuthenticationProcessingDetails,
            Op::Any(Box::new(Expr::And(vec![
                member("key", "Is CAE Token"),
                member("value", "True"),
            ]))),
        ),
    );
    check(
        "appliedConditionalAccessPolicies/any(p: p/enforcedGrantControls/any(c: c eq 'Mfa'))",
        field(
            FieldId::AppliedConditionalAccessPolicies,
            Op::Any(Box::new(Expr::Test(Test {
                of: vec!["enforcedGrantControls".to_owned()],
                op: Op::Any(Box::new(Expr::Test(Test { of: vec![], op: Op::Eq(text("Mfa")) }))),
            }))),
        ),
    );
    check("riskEventTypes_v2/any()", field(FieldId::RiskEventTypesV2, Op::Empty).not());
    check(
        "managedServiceIdentity/msiType eq 'userAssigned'",
        Filter::test(
            Property::Member(FieldId::ManagedServiceIdentity, vec!["msiType".to_owned()]),
            Op::Eq(text("userAssigned")),
        ),
    );
}

#[test]
fn event_types_are_noticed_wherever_they_are() {
    for (filter, mentioned) in [
        ("", false),
        ("appId eq 'x'", false),
        ("signInEventTypes/any(t: t eq 'servicePrincipal')", true),
        ("appId eq 'x' and not (signInEventTypes/any(t: t ne 'servicePrincipal'))", true),
    ] {
        let parsed = parse_filter(filter, Dialect::V1).unwrap();
        assert_eq!(crate::filter::event_types_mentioned(&parsed), mentioned, "{filter}");
    }
}

#[test]
fn versions_have_their_properties() {
    for (filter, v1, beta, own) in [
        ("userDisplayName eq 'a'", true, true, true),
        ("tokenIssuerName eq 'a'", false, true, true),
        ("riskEventTypes/any(t: t eq 'a')", true, false, true),
        ("signInEventTypes/any(t: t eq 'a')", true, true, true),
        ("tenantId eq 'a'", false, false, true),
        ("log eq 'audit'", false, false, true),
        ("status eq 'failure'", false, false, true),
        ("shape eq 'a'", false, false, false),
    ] {
        for (dialect, works) in [(Dialect::V1, v1), (Dialect::Beta, beta), (Dialect::Own, own)] {
            assert_eq!(parse_filter(filter, dialect).is_ok(), works, "{filter} in {dialect:?}");
        }
    }
}

#[test]
fn mistakes_are_named_with_property_and_position() {
    use ErrorKind::*;
    let deep = format!("{}appId eq 'a'{}", "(".repeat(40), ")".repeat(40));
    let long = format!("appId eq '{}'", "a".repeat(LENGTH_MAX));
    let wide = vec!["appId eq 'a'"; TESTS_MAX + 1].join(" or ");
    let many = format!("appId in ({})", vec!["'a'"; TESTS_MAX + 1].join(","));
    for (filter, kind, property, position) in [
        ("nothing eq 'a'", UnknownProperty, "nothing", 0),
        ("appId eq 'ü' and nothing eq 'a'", UnknownProperty, "nothing", 17),
        ("status/nothing eq 1", UnknownProperty, "status/nothing", 0),
        ("createdDateTime ge '2026-01-01T00:00:00Z'", QuotedDate, "createdDateTime", 0),
        ("status/errorCode eq '50126'", WrongType, "status/errorCode", 0),
        ("appId eq 5", WrongType, "appId", 0),
        ("createdDateTime ge 5", WrongType, "createdDateTime", 0),
        ("isInteractive eq 'true'", WrongType, "isInteractive", 0),
        ("contains(status/errorCode,'5')", WrongType, "status/errorCode", 9),
        ("contains(appId,5)", WrongType, "appId", 15),
        ("appId", WrongType, "appId", 0),
        ("appId/any(x: x eq 'a')", WrongType, "appId", 0),
        ("id lt 'a'", WrongType, "id", 0),
        ("signInEventTypes/any(t: t/x eq 'a')", WrongType, "signInEventTypes", 0),
        ("signInEventTypes/any(t: u eq 'a')", UnknownProperty, "u", 24),
        ("substringof('a',appId)", Unsupported, "", 0),
        ("length(appId) eq 5", Unsupported, "", 0),
        ("appId like 'a'", Unsupported, "appId", 6),
        ("appId eq", Syntax, "", 8),
        ("appId eq a", Syntax, "", 9),
        ("appId eq 'a", Syntax, "", 9),
        ("appId eq 'a' appId eq 'b'", Syntax, "", 13),
        ("(appId eq 'a'", Syntax, "", 13),
        ("and appId eq 'a'", UnknownProperty, "and", 0),
        ("createdDateTime ge 2026-13-01", Syntax, "", 19),
        ("'a' eq appId", Syntax, "", 0),
        (&deep, TooLarge, "", 32),
        (&long, TooLarge, "", LENGTH_MAX),
        (&wide, TooLarge, "", TESTS_MAX * 16),
        (&many, TooLarge, "", 10 + TESTS_MAX * 4),
    ] {
        let error = parse_filter(filter, Dialect::Beta).expect_err(filter);
        let shown = &filter[..filter.len().min(60)];
        assert_eq!(error.kind, kind, "{shown}: {error}");
        assert_eq!(error.property.as_deref().unwrap_or(""), property, "{shown}: {error}");
        assert_eq!(error.position, position, "{shown}: {error}");
        assert!(error.to_string().starts_with("Invalid filter clause: "), "{error}");
    }
}

#[test]
fn order_and_selection() {
    assert_eq!(parse_orderby("createdDateTime DESC"), Ok(Order::NewestFirst));
    assert_eq!(parse_orderby("createddatetime"), Ok(Order::OldestFirst));
    assert_eq!(parse_orderby("createdDateTime asc"), Ok(Order::OldestFirst));
    for wrong in ["", "appId", "createdDateTime up", "createdDateTime desc, appId"] {
        assert!(parse_orderby(wrong).is_err(), "{wrong}");
    }
    assert_eq!(
        parse_select("id, Status,id,location", Dialect::V1),
        Ok(vec!["id", "status", "location"])
    );
    let error = parse_select("id,nothing", Dialect::V1).unwrap_err();
    assert_eq!((error.kind, error.position), (ErrorKind::UnknownProperty, 3));
    assert!(parse_select("tokenIssuerName", Dialect::V1).is_err());
    assert!(parse_select("signInEventTypes", Dialect::V1).is_ok());
}
