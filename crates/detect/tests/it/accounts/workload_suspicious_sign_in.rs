use durward_detect::{Level, Lists, Networks};

use super::{hourly, to};
use crate::story::{DAY, HOUR, MINUTE, OSAKA, SignIn, Story, guid, workload};

const ID: &str = "workload-suspicious-sign-in";

fn usual(days: i64) -> Vec<SignIn> {
    hourly(days, |at| workload("sync", at))
}

fn after(days: i64, told: &[SignIn]) -> Story {
    Story::new(&[usual(days), told.to_vec()].concat())
}

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.9").asn(64999).at(OSAKA)
}

#[test]
fn a_new_network_with_a_new_key_is_medium() {
    let stolen =
        abroad(workload("sync", 20 * DAY)).with("servicePrincipalCredentialKeyId", guid("key 2"));
    let found = after(20, &[stolen]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let sum = "country 2 + autonomous system 2 + credential key 1 = 5";
    assert_eq!(found[0].facts[0].value, sum);
    assert!(found[0].sentence.contains("sync signed in from Osaka, JP"));
}

#[test]
fn one_new_thing_alone_is_low_or_nothing() {
    let at = 20 * DAY;
    let levels = |sign_in: SignIn| -> Vec<Level> {
        after(20, &[sign_in]).findings(ID).into_iter().map(|one| one.level).collect()
    };
    assert_eq!(levels(abroad(workload("sync", at))), [Level::Low]);
    assert_eq!(levels(to(workload("sync", at), "Vault")), [Level::Low]);
    let renewed = workload("sync", at).with("servicePrincipalCredentialKeyId", guid("key 2"));
    assert!(levels(renewed).is_empty(), "secrets are renewed");
    assert!(levels(workload("sync", at).from("192.0.2.250")).is_empty(), "addresses rotate");
}

#[test]
fn it_learns_first_and_trusts_the_own_networks() {
    let odd = |at| to(abroad(workload("sync", at)), "Vault");
    assert!(after(2, &[odd(2 * DAY)]).findings(ID).is_empty());
    let trusted = Networks::parse(&["203.0.113.0/24"]).unwrap();
    let lists = Lists { trusted_networks: trusted, ..Lists::default() };
    let found = after(20, &[odd(20 * DAY)]).findings_listed(ID, lists);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
}

#[test]
fn what_a_thief_does_on_a_day_is_one_finding() {
    let start = 20 * DAY + MINUTE;
    let mut told = vec![abroad(workload("sync", start))];
    told.extend((1..8).map(|n| abroad(workload("sync", start + n * MINUTE))));
    told.push(to(abroad(workload("sync", start + HOUR)), "Vault"));
    told.push(to(abroad(workload("sync", start + 2 * HOUR)), "Mail"));
    let found = after(20, &told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 3));
}
