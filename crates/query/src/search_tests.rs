//! What searches mean, and what is wrong with those that mean nothing.

use super::*;

const NOW: Timestamp = Timestamp { micros: 1_772_900_000_000_000, nanos: 0 };

fn field(field: FieldId, op: Op) -> Filter {
    Filter::field(field, op)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn part(of: FieldId, text: &str) -> Filter {
    field(of, Op::Contains(text.to_owned()))
}

#[track_caller]
fn check(search: &str, expected: Filter) {
    assert_eq!(parse_search(search, NOW), Ok(expected), "{search}");
}

#[test]
fn terms() {
    let status = |word: &str| Filter::test(Property::Status, Op::Eq(text(word)));
    let code = |op| field(FieldId::ErrorCode, op);
    let city = |op| field(FieldId::City, op);
    check("", Filter::All);
    check("   ", Filter::All);
    check("status:failure", status("Failure"));
    check("status:Success,interrupt", Expr::Or(vec![status("Success"), status("Interrupted")]));
    check("code:AADSTS50126", code(Op::Eq(Value::Int(50126))));
    check("code>=50000", code(Op::Ge(Value::Int(50000))));
    check("code:1..9", Expr::And(vec![code(Op::Ge(Value::Int(1))), code(Op::Le(Value::Int(9)))]));
    check("city:Vigo", part(FieldId::City, "Vigo"));
    check("city:Vi*", city(Op::StartsWith("Vi".into())));
    check("city:*go", city(Op::EndsWith("go".into())));
    check("city:*ig*", city(Op::Contains("ig".into())));
    check("city:\"*\"", city(Op::Contains("*".into())));
    check("city:\"New York\"", part(FieldId::City, "New York"));
    check("city=Vigo", city(Op::Eq(text("Vigo"))));
    check("city!=Vigo", city(Op::Eq(text("Vigo"))).not());
    check("city:\"New Y\"*", city(Op::StartsWith("New Y".into())));
    check("city:*\"w York\"", city(Op::EndsWith("w York".into())));
    check("city:*\"w Y\"*", city(Op::Contains("w Y".into())));
    check("city:\"say \"\"hi\"\"\"", part(FieldId::City, "say \"hi\""));
    check("city=\"\"\"\"", city(Op::Eq(text("\""))));
    check("city:\"\"", city(Op::Empty));
    check("city:*", city(Op::Empty).not());
    check("country:US", field(FieldId::CountryOrRegion, Op::Eq(text("US"))));
    check("-country:US", field(FieldId::CountryOrRegion, Op::Eq(text("US"))).not());
    check("ca:not-applied", field(FieldId::ConditionalAccessStatus, Op::Eq(text("notapplied"))));
    check("compliant:yes", field(FieldId::IsCompliant, Op::Eq(Value::Bool(true))));
    check("log:sp", Filter::test(Property::Log, Op::Eq(text("servicePrincipal"))));
    check("deviceDetail/browser:Edge", part(FieldId::Browser, "Edge"));
    check("DEVICEDETAIL.BROWSER=Edge", field(FieldId::Browser, Op::Eq(text("Edge"))));
    check(
        "agent/agentType:notAgentic",
        Filter::test(
            Property::Member(FieldId::Agent, vec!["agentType".into()]),
            Op::Contains("notAgentic".into()),
        ),
    );
    check("id:4b1d*", field(FieldId::Id, Op::StartsWith("4b1d".into())));
    check(
        "app:\"Azure Portal\"",
        Expr::Or(vec![
            part(FieldId::AppDisplayName, "Azure Portal"),
            part(FieldId::AppId, "Azure Portal"),
        ]),
    );
}

#[test]
fn clients_by_kind_of_authentication() {
    let clients = |names: &[&str]| {
        let names = names.iter().map(|name| text(name)).collect();
        field(FieldId::ClientAppUsed, Op::In(names))
    };
    check("client:legacy", clients(LEGACY_CLIENTS));
    check("clientAppUsed=modern", clients(MODERN_CLIENTS));
    check("client!=modern", clients(MODERN_CLIENTS).not());
    check("client:\"legacy\"", part(FieldId::ClientAppUsed, "legacy"));
    let imap = field(FieldId::ClientAppUsed, Op::Eq(text("IMAP4")));
    check("client=legacy,IMAP4", Expr::Or(vec![clients(LEGACY_CLIENTS), imap]));
}

#[test]
fn terms_are_given_as_they_were_written() {
    let written = |text: &str| {
        let all = super::terms(text, NOW).unwrap();
        let show = |term: &Term<'_>| {
            let field =
                term.field.map_or_else(String::new, |(name, symbol)| format!("{name} {symbol} "));
            format!("{}{field}{}", if term.negated { "-" } else { "" }, term.values.join(" | "))
        };
        all.iter().map(|terms| terms.iter().map(show).collect()).collect::<Vec<Vec<_>>>()
    };
    assert_eq!(written(""), [Vec::<String>::new()]);
    assert_eq!(
        written("maria -city:50126,\"5 0\"*  city>=x OR \"a b\""),
        [vec!["maria", "-city : 50126 | \"5 0\"*", "city >= x"], vec!["\"a b\""]]
    );
}

#[test]
fn addresses_and_free_text() {
    let net = |text: &str| field(FieldId::IpAddress, Op::Cidr(text.parse().unwrap()));
    check("ip:10.0.0.0/8", net("10.0.0.0/8"));
    check("ip:203.0.113.7", net("203.0.113.7/32"));
    check("ip!=2001:db8::/32", net("2001:db8::/32").not());
    check("ip:10.0.*", field(FieldId::IpAddress, Op::StartsWith("10.0.".into())));
    check("fe80::1", net("fe80::1/128"));
    check("2001:db8::1", net("2001:db8::1/128"));
    let words = |word: &str| FREE_TEXT.iter().map(|of| part(*of, word)).collect::<Vec<_>>();
    check("maria", Expr::Or(words("maria")));
    check("\"free text\"", Expr::Or(words("free text")));
    check("-maria", Expr::Or(words("maria")).not());
    let id = "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200";
    let mut these = words(id);
    these.extend(FREE_IDS.iter().map(|of| field(*of, Op::Eq(text(id)))));
    check(id, Expr::Or(these));
}

#[test]
fn times() {
    let at = |text| Timestamp::parse(text, DateOrder::MonthFirst).unwrap();
    let from = |text| field(FieldId::CreatedDateTime, Op::Ge(Value::Time(at(text))));
    let to = |text| field(FieldId::CreatedDateTime, Op::Lt(Value::Time(at(text))));
    check("time>=2026-03-01", from("2026-03-01"));
    check("time>2026-03-01", from("2026-03-02"));
    check("time<=2026-03-01", to("2026-03-02"));
    check("time<2026-03-01", to("2026-03-01"));
    check("time:2026-03-01", from("2026-03-01").and(to("2026-03-02")));
    check("date:2026-03-01..2026-03-07", from("2026-03-01").and(to("2026-03-08")));
    check("time:2026-03-01T08:30", from("2026-03-01T08:30").and(to("2026-03-01T08:31")));
    let day_ago = Timestamp::from_micros(NOW.micros - DAY_MICROS);
    check("time>=-24h", field(FieldId::CreatedDateTime, Op::Ge(Value::Time(day_ago))));
}

#[test]
fn blanks_join_and_or_separates() {
    let city = |name| part(FieldId::City, name);
    check("city:a city:b", Expr::And(vec![city("a"), city("b")]));
    check(
        "city:a city:b OR city:c",
        Expr::Or(vec![Expr::And(vec![city("a"), city("b")]), city("c")]),
    );
    check("city:a,b", Expr::Or(vec![city("a"), city("b")]));
    let equal = |name| field(FieldId::City, Op::Eq(text(name)));
    check("city!=a,b", Expr::And(vec![equal("a").not(), equal("b").not()]));
}

#[test]
fn mistakes_are_named_with_their_position() {
    let many = "a ".repeat(TERMS_MAX + 1);
    let long = "a".repeat(LENGTH_MAX + 1);
    for (search, position, part) in [
        ("nothing:x", 0, "no field 'nothing'"),
        ("é nothing:x", 2, "no field 'nothing'"),
        ("http://x", 0, "needs quotes"),
        ("status:broken", 7, "success, failure or interrupted"),
        ("status>failure", 7, "only :, = and !="),
        ("log:x", 4, "interactive, noninteractive"),
        ("code:abc", 5, "not a whole number"),
        ("code:1..x", 5, "range of whole numbers"),
        ("time:soon", 5, "a time such as"),
        ("time:2026-13-01", 5, "a time such as"),
        ("ip:10.0.0.0/99", 3, "not a network"),
        ("compliant:maybe", 10, "yes or no"),
        ("city:a*b", 5, "only works at the beginning or the end"),
        ("city:", 5, "a value is expected"),
        ("city:a,", 7, "a value is expected"),
        ("city:\"a", 5, "no closing quote"),
        ("OR city:a", 2, "both sides"),
        ("city:a OR", 9, "both sides"),
        ("location/geoCoordinates:x", 24, "cannot be tested"),
        (&many, TERMS_MAX * 2, "more than"),
        (&long, LENGTH_MAX, "longer than"),
    ] {
        let error = parse_search(search, NOW).expect_err(search);
        let shown = &search[..search.len().min(40)];
        assert!(error.to_string().contains(part), "{shown}: {error}");
        assert_eq!(error.position, position, "{shown}: {error}");
    }
}
