//! Each shape finds what it says, and nothing beside it.

use durward_detect::rules::{Ground, backtest};
use durward_detect::{Level, SubjectKind};
use durward_query::Engine;

use super::{found, found_between, rule};
use crate::story::{DAY, HOUR, LAGOS, MINUTE, MONDAY_MICROS, Story, guid, user, workload};

#[test]
fn any_match_is_one_finding_an_attempt() {
    let attempt = |at| user("ana", at).code(50126).with("correlationId", guid("one attempt"));
    let told = [attempt(0), attempt(MINUTE), user("ana", HOUR).code(50126), user("ben", HOUR)];
    let story = Story::new(&told);
    let each = rule("name = 'Wrong password'\nsource = { type = 'filter', text = 'code:50126' }");
    let findings = found(&story, &each);
    assert_eq!(findings.len(), 2);
    let first = &findings[0];
    assert_eq!(first.detection, "rule:wrong-password");
    assert_eq!((first.event_count, first.risky.len(), first.level), (2, 2, Level::Medium));
    assert_eq!(first.subject.kind, SubjectKind::User);
    assert_eq!(
        first.sentence,
        "Wrong password: ana@contoso.example: failed to sign in (50126) to Office from 192.0.2.10, \
         Vigo, ES."
    );
    let every = rule(
        "name = 'x'\nsource = { type = 'filter', text = 'code:50126' }\n\
         suppress = { same_attempt = false }",
    );
    assert_eq!(found(&story, &every).len(), 3);
    let daily = rule(
        "name = 'x'\nsource = { type = 'filter', text = 'code:50126' }\n\
         suppress = { same_entity_hours = 24 }",
    );
    assert_eq!(found(&story, &daily).len(), 1);
}

#[test]
fn filters_are_written_as_in_the_explorer_or_as_in_graph() {
    let story = Story::new(&[user("ana", 0).code(50126), user("ben", MINUTE)]);
    for source in [
        "text = 'status:failure user:ana'",
        "text = \"status/errorCode eq 50126\", language = 'odata'",
        "text = '', logs = ['interactiveUser']",
    ] {
        let rule = rule(&format!("name = 'x'\nsource = {{ type = 'filter', {source} }}"));
        let expected = if source.contains("logs") { 2 } else { 1 };
        assert_eq!(found(&story, &rule).len(), expected, "{source}");
    }
    let other = rule("name = 'x'\nsource = { type = 'filter', logs = ['servicePrincipal'] }");
    assert!(found(&story, &other).is_empty());
}

#[test]
fn mistakes_in_filters_name_the_part() {
    let mistake = |text: &str| {
        let rule: durward_detect::rules::Rule = toml::from_str(text).unwrap();
        let compiled = durward_detect::rules::Compiled::new(rule, &Default::default());
        compiled.unwrap_err().to_string()
    };
    let said = mistake("name = 'x'\nsource = { type = 'filter', text = 'shoe:3' }");
    assert!(said.starts_with("source.text: ") && said.contains("shoe"), "{said}");
    let said = mistake("name = 'x'\nsource = { type = 'filter', text = 'time>=-24h' }");
    assert!(said.contains("leave out") && said.contains("createdDateTime"), "{said}");
    let said = mistake(
        "name = 'x'\nsource = { type = 'filter' }\n\
         shape = { type = 'sequence', first = '', then = 'shoe:3', within = '1h' }",
    );
    assert!(said.starts_with("shape.then: "), "{said}");
}

#[test]
fn count_needs_enough_within_the_window() {
    let rule = rule(
        "name = 'Many failures'\nseverity = 'high'\n\
         source = { type = 'filter', text = 'status:failure' }\n\
         shape = { type = 'count', per = ['user'], at_least = 4, window = '10m' }",
    );
    let fail = |name: &str, at| user(name, at).code(50126);
    // Ana fails four times in nine minutes, Ben four times in twelve, and Cid three times.
    let mut told: Vec<_> = (0..4).map(|n| fail("ana", n * 3 * MINUTE)).collect();
    told.extend((0..4).map(|n| fail("ben", n * 4 * MINUTE)));
    told.extend((0..3).map(|n| fail("cid", n * MINUTE)));
    let findings = found(&Story::new(&told), &rule);
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!(finding.subject.name, "ana@contoso.example");
    assert_eq!(finding.found_micros, MONDAY_MICROS + 9 * MINUTE);
    assert_eq!(
        finding.sentence,
        "Many failures: ana@contoso.example: 4 matching records within 9m."
    );
    let records = finding.facts.iter().find(|fact| fact.label == "Records").unwrap();
    assert_eq!(records.value, "4 in 9m; 4 within 10m are enough");
    // Goes on: still one finding of that day, and another the day after.
    told.extend((0..6).map(|n| fail("ana", HOUR + n * MINUTE)));
    told.extend((0..4).map(|n| fail("ana", DAY + n * MINUTE)));
    let again = found(&Story::new(&told), &rule);
    let ana: Vec<_> = again.iter().filter(|one| one.subject == finding.subject).collect();
    assert_eq!(ana.len(), 2);
    assert_eq!((ana[0].id, ana[0].event_count), (finding.id, 10));
}

#[test]
fn distinct_counts_values_not_records() {
    let rule = rule(
        "name = 'Spray'\nsource = { type = 'filter', text = 'code:50126' }\n\
         shape = { type = 'distinct', of = 'user', per = ['ip'], at_least = 3, window = '30m' }",
    );
    let fail = |name: &str, at, ip: &str| user(name, at).code(50126).from(ip);
    let mut told: Vec<_> = (0..9).map(|n| fail("ana", n * MINUTE, "198.51.100.1")).collect();
    told.push(fail("ben", 10 * MINUTE, "198.51.100.1"));
    assert!(found(&Story::new(&told), &rule).is_empty());
    told.push(fail("cid", 11 * MINUTE, "198.51.100.1"));
    told.push(fail("dan", 12 * MINUTE, "198.51.100.2"));
    let findings = found(&Story::new(&told), &rule);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].subject.kind, SubjectKind::Address);
    assert_eq!(findings[0].subject.id, "198.51.100.1");
    let among = findings[0].facts.iter().find(|fact| fact.label == "Among them").unwrap();
    assert_eq!(among.value.split(", ").count(), 3);
}

#[test]
fn a_new_value_is_new_to_whom_was_there_long_enough() {
    let rule = rule(
        "name = 'New country'\nsource = { type = 'filter', text = 'status:success' }\n\
         shape = { type = 'new-value', of = 'country', per = ['user'], learning = '7d' }",
    );
    let mut told: Vec<_> = (0..10).map(|day| user("ana", day * DAY)).collect();
    told.push(user("ana", 10 * DAY).at(LAGOS));
    told.push(user("ana", 11 * DAY).at(LAGOS));
    // New altogether, so nothing is usual.
    told.extend([user("ben", 10 * DAY), user("ben", 10 * DAY + HOUR).at(LAGOS)]);
    let findings = found(&Story::new(&told), &rule);
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].sentence,
        "New country: ana@contoso.example: country NG for the first \
         time in 7d."
    );
    // Forgotten after the learning period, and so new again.
    told.extend((12..21).map(|day| user("ana", day * DAY)));
    told.push(user("ana", 21 * DAY).at(LAGOS));
    assert_eq!(found(&Story::new(&told), &rule).len(), 2);
}

#[test]
fn a_sequence_is_one_after_the_other_in_time() {
    let rule = rule(
        "name = 'Guessed'\nsource = { type = 'filter', text = 'client:browser' }\n\
         shape = { type = 'sequence', first = 'code:50126', then = 'status:success', \
         per = ['user'], within = '10m' }",
    );
    let fail = |name: &str, at| user(name, at).code(50126);
    let told = [
        fail("ana", 0),
        user("ana", 4 * MINUTE),
        // Too late, the wrong way round, somebody else.
        fail("ben", 0),
        user("ben", 11 * MINUTE),
        user("cid", 0),
        fail("cid", MINUTE),
        fail("dan", 0),
        user("eve", MINUTE),
    ];
    let findings = found(&Story::new(&told), &rule);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].subject.name, "ana@contoso.example");
    assert_eq!(findings[0].events.len(), 2);
    assert!(findings[0].sentence.contains("4m later signed in"), "{}", findings[0].sentence);
}

#[test]
fn absence_is_known_when_the_time_is_over() {
    let rule = rule(
        "name = 'Silent'\nsource = { type = 'filter', logs = ['servicePrincipal'] }\n\
         shape = { type = 'absence', per = ['principal'], for = '2h' }",
    );
    let told: Vec<_> =
        [0, HOUR, 5 * HOUR, 6 * HOUR].into_iter().map(|at| workload("backup", at)).collect();
    let story = Story::new(&told);
    let findings = found_between(&story, &rule, 0, 7 * HOUR);
    assert_eq!(findings.len(), 1, "the second silence is not over two hours yet");
    assert_eq!(findings[0].found_micros, MONDAY_MICROS + 3 * HOUR);
    assert!(findings[0].risky.is_empty());
    assert_eq!(findings[0].sentence, "Silent: backup: nothing for 2h.");
    assert_eq!(found_between(&story, &rule, 0, 9 * HOUR).len(), 2);
}

#[test]
fn a_back_test_counts_by_day() {
    let story = Story::new(&[
        user("ana", 0).code(50126),
        user("ana", DAY).code(50126),
        user("ben", DAY).code(50126),
        user("cid", 9 * DAY),
    ]);
    let rule = rule("name = 'x'\nsource = { type = 'filter', text = 'status:failure' }");
    let (engine, view) = (Engine::new(), story.store().view());
    let ground = Ground { engine: &engine, view: &view };
    let result = backtest(ground, &rule, MONDAY_MICROS + 9 * DAY, 30).unwrap();
    assert_eq!((result.total, result.matches, result.per_day.len()), (3, 3, 30));
    let busy: Vec<_> = result.per_day.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(busy.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 2]);
    // The log covers nine days.
    assert!((result.per_week - 3.0 * 7.0 / 9.0).abs() < 0.01, "{}", result.per_week);
    assert_eq!(result.samples.len(), 3);
    assert!(result.samples[0].found_micros >= result.samples[2].found_micros);
    let short = backtest(ground, &rule, MONDAY_MICROS + 9 * DAY, 2).unwrap();
    assert_eq!(short.total, 0);
}
