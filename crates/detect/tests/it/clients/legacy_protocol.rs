use durward_detect::{Level, Lists, Names, SubjectKind};

use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "legacy-protocol";

/// From an attacker's network.
fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.7").asn(64510).at(LAGOS)
}

/// Wrong passwords for many, one after the other, an hour before `at`.
fn guesses(count: i64, at: i64) -> impl Iterator<Item = SignIn> {
    let one = move |n| user(&format!("user{n}"), at - HOUR + n * MINUTE);
    (0..count).map(move |n| abroad(one(n)).client("IMAP4").code(50126))
}

#[test]
fn a_first_success_by_imap_is_found_and_explained() {
    let mut told = habit("ana", 40);
    told.push(user("ana", 40 * DAY).client("IMAP4"));
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!((finding.level, finding.event_count), (Level::Medium, 1));
    assert_eq!(finding.subject.name, "ana@contoso.example");
    assert!(finding.sentence.contains("IMAP4 from Vigo, ES"), "{}", finding.sentence);
}

#[test]
fn what_is_usual_is_not_found_and_modern_clients_never_are() {
    let mut told = habit("ana", 40);
    told.extend((0..40).map(|day| user("ana", day * DAY + HOUR).client("IMAP4")));
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.len(), 1, "the first time only");
    assert_eq!(found[0].level, Level::Low, "nothing was known of the user then");
    assert!(Story::new(&habit("ana", 40)).findings(ID).is_empty());
}

#[test]
fn guessing_before_the_success_makes_it_high() {
    let mut told = habit("ana", 40);
    let start = 40 * DAY;
    let guess = |n| abroad(user("ana", start + n * MINUTE)).client("POP3").code(50126);
    told.extend((0..6).map(guess));
    told.push(abroad(user("ana", start + HOUR)).client("POP3"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 7));
    let found = Story::new(&told).findings_by(ID, &[("failures", 7.0)]);
    assert_eq!(found[0].level, Level::Medium);
}

#[test]
fn the_owner_who_mistypes_at_home_is_not_guessing() {
    let mut told = habit("ana", 40);
    let start = 40 * DAY;
    told.extend((0..12).map(|n| user("ana", start + n * MINUTE).client("POP3").code(50126)));
    told.push(user("ana", start + HOUR).client("POP3"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium), "the first use of it");
}

#[test]
fn guessing_alone_is_one_finding_about_the_address() {
    let told: Vec<SignIn> = guesses(25, DAY).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!((finding.level, finding.subject.kind), (Level::Medium, SubjectKind::Address));
    assert_eq!(finding.event_count, 20, "told anew when it had doubled");
    assert!(finding.facts.iter().any(|fact| fact.value.contains("10 are enough")));
    let told: Vec<SignIn> = guesses(9, DAY).collect();
    assert!(Story::new(&told).findings(ID).is_empty(), "just below");
}

#[test]
fn one_account_guessed_from_many_addresses_is_found() {
    let guess = |n: i64| {
        let wrong = user("ana", DAY + n * MINUTE).client("IMAP4").code(50126);
        wrong.from(&format!("203.0.113.{n}")).asn(64510).at(LAGOS)
    };
    let told: Vec<SignIn> = habit("ana", 1).into_iter().chain((1..15).map(guess)).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].subject.kind), (1, SubjectKind::User));
}

#[test]
fn a_usual_protocol_from_elsewhere_after_guessing_is_high_and_one_finding() {
    let mut told: Vec<SignIn> =
        (0..40).map(|day| user("scan", day * DAY).client("IMAP4")).collect();
    let start = 40 * DAY;
    told.extend(guesses(8, start));
    told.extend((0..3).map(|n| abroad(user("scan", start + n * MINUTE)).client("IMAP4")));
    for lists in [Lists::default(), service(&["scan@contoso.example"])] {
        let found = Story::new(&told).findings_listed(ID, lists);
        let found: Vec<_> =
            found.iter().filter(|one| one.first_micros > told[20].at_micros()).collect();
        assert_eq!((found.len(), found[0].level), (1, Level::High));
        assert_eq!(found[0].subject.name, "scan@contoso.example");
        assert_eq!(found[0].risky.len(), 10, "eight guesses, and two successes when last told");
        assert!(found[0].against.is_empty(), "{:?}", found[0].against);
    }
}

fn service(names: &[&str]) -> Lists {
    Lists { service_accounts: Names::parse(names).unwrap(), ..Lists::default() }
}

#[test]
fn listed_service_accounts_may_begin_with_a_protocol() {
    let told = [habit("scan", 40), vec![user("scan", 40 * DAY).client("Authenticated SMTP")]];
    let lists = service(&["scan@contoso.example"]);
    assert!(Story::new(&told.concat()).findings_listed(ID, lists).is_empty());
}
