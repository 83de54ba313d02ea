use durward_detect::Level;

use super::strange;
use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "brute-force";
const START: i64 = 8 * DAY;

fn guesses(count: i64) -> Vec<SignIn> {
    (0..count).map(|n| strange("ana", START + n * MINUTE, 50126)).collect()
}

#[test]
fn many_guesses_and_lockouts_are_one_finding() {
    let mut told = [habit("ana", 8), guesses(50)].concat();
    told.extend((0..15).map(|n| strange("ana", START + HOUR + n * MINUTE, 50053)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let finding = &found[0];
    assert_eq!(finding.subject.name, "ana@contoso.example");
    assert!(finding.event_count >= 52, "{}", finding.event_count);
    assert!(finding.facts[0].value.ends_with("20 within 1 h are enough"), "{:?}", finding.facts);
    assert_eq!(finding.events.len(), 50);
    assert!(finding.sentence.contains("203.0.113.7 (Lagos, NG)"), "{}", finding.sentence);
}

#[test]
fn nineteen_are_too_few() {
    let told = [habit("ana", 8), guesses(19)].concat();
    assert!(Story::new(&told).findings(ID).is_empty());
    assert_eq!(Story::new(&told).findings_by(ID, &[("attempts", 19.0)]).len(), 1);
    let slow: Vec<SignIn> =
        (0..30).map(|n| strange("ana", START + n * 4 * MINUTE, 50126)).collect();
    assert!(Story::new(&[habit("ana", 8), slow].concat()).findings(ID).is_empty());
}

#[test]
fn an_old_password_on_a_phone_is_low() {
    let mut told = habit("ana", 8);
    told.extend((0..40).map(|n| user("ana", START + n * MINUTE).client("IMAP4").code(50126)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert_eq!(found[0].against.len(), 1);
    // Nor is it an attack when the known laptop is somewhere else.
    let mut told = habit("ana", 8);
    told.extend((0..40).map(|n| strange("ana", START + n * MINUTE, 50126).device("laptop of ana")));
    told.push(strange("ana", START + 50 * MINUTE, 0).device("laptop of ana"));
    assert_eq!(Story::new(&told).findings(ID)[0].level, Level::Low);
}

#[test]
fn the_right_password_in_the_end_makes_it_high() {
    for code in [0, 50074] {
        let hit = strange("ana", START + 30 * MINUTE, code);
        let told = [habit("ana", 8), guesses(25), vec![hit]].concat();
        let found = Story::new(&told).findings(ID);
        assert_eq!((found.len(), found[0].level), (1, Level::High), "{code}");
        assert!(found[0].sentence.contains("the password of ana"), "{}", found[0].sentence);
    }
    // The rightful user, at home as ever, meanwhile.
    let own = user("ana", START + 30 * MINUTE).device("laptop of ana");
    let told = [habit("ana", 8), guesses(25), vec![own]].concat();
    assert_eq!(Story::new(&told).findings(ID)[0].level, Level::Medium);
}

#[test]
fn addresses_are_counted() {
    let mut told = habit("ana", 8);
    told.extend((0..30).map(|n| {
        let address = format!("203.0.113.{}", n % 5);
        user("ana", START + n * MINUTE).from(&address).at(LAGOS).code(50126)
    }));
    let found = Story::new(&told).findings(ID);
    assert!(found[0].sentence.contains("from 5 addresses"), "{}", found[0].sentence);
    assert!(found[0].address.is_empty());
}
