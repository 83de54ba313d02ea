use durward_detect::{Level, SubjectKind};

use crate::story::{DAY, SignIn, Story, user};

const ID: &str = "token-issuer-change";

fn issued(name: &str, at: i64, by: (&str, &str)) -> SignIn {
    user(name, at).with("tokenIssuerName", by.0).with("tokenIssuerType", by.1)
}

const OWN: (&str, &str) = ("", "AzureAD");
const ADFS: (&str, &str) = ("http://sts.fabrikam.example/adfs", "ADFederationServices");

#[test]
fn a_new_federation_is_found_once() {
    let mut told: Vec<_> = (0..20).map(|day| issued("ana", day * DAY, OWN)).collect();
    told.extend((20..25).map(|day| issued("ben", day * DAY, ADFS)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert_eq!(found[0].subject.kind, SubjectKind::Tenant);
    assert!(found[0].sentence.contains("sts.fabrikam.example"), "{}", found[0].sentence);
}

#[test]
fn what_was_there_from_the_beginning_is_usual() {
    let both = |day: i64| [issued("ana", day * DAY, OWN), issued("ben", day * DAY + 1, ADFS)];
    assert!(Story::new(&(0..30).flat_map(both).collect::<Vec<_>>()).findings(ID).is_empty());
    // Learned on the thirteenth day.
    let mut told: Vec<_> = (0..20).map(|day| issued("ana", day * DAY, OWN)).collect();
    told.insert(13, issued("ben", 13 * DAY - 1, ADFS));
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn the_issuer_that_steps_in_during_outages_is_low() {
    let mut told: Vec<_> = (0..20).map(|day| issued("ana", day * DAY, OWN)).collect();
    told.push(issued("ana", 20 * DAY, ("", "AzureADBackupAuth")));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("Microsoft"));
}
