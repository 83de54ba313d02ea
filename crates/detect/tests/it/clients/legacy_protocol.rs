use durward_detect::{Level, Lists, Names};

use crate::story::{DAY, HOUR, MINUTE, Story, habit, user};

const ID: &str = "legacy-protocol";

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
    told.extend((0..6).map(|n| user("ana", start + n * MINUTE).client("POP3").code(50126)));
    told.push(user("ana", start + HOUR).client("POP3"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 7));
    let found = Story::new(&told).findings_by(ID, &[("failures", 7.0)]);
    assert_eq!(found[0].level, Level::Medium);
}

#[test]
fn listed_service_accounts_are_left_alone() {
    let told = [habit("scan", 40), vec![user("scan", 40 * DAY).client("Authenticated SMTP")]];
    let lists = Lists {
        service_accounts: Names::parse(&["scan@contoso.example"]).unwrap(),
        ..Lists::default()
    };
    assert!(Story::new(&told.concat()).findings_listed(ID, lists).is_empty());
}
