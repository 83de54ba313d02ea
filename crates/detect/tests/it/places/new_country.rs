use durward_detect::{Level, Lists, Networks};

use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "new-country";
const START: i64 = 20 * DAY;

fn abroad(name: &str, at: i64) -> SignIn {
    user(name, at).at(LAGOS).from("203.0.113.9").asn(64999)
}

fn of_ana(told: &[SignIn]) -> Vec<durward_detect::Finding> {
    let found = Story::new(told).findings(ID);
    found.into_iter().filter(|one| one.subject.name.starts_with("ana")).collect()
}

#[test]
fn a_new_and_rare_country_is_found_and_a_new_device_and_operator_make_it_medium() {
    let mut told = habit("ana", 20);
    told.push(abroad("ana", START));
    let found = of_ana(&told);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("Lagos, NG, a country that is new"));
    let rarity = found[0].facts.iter().find(|fact| fact.label == "From this country").unwrap();
    assert_eq!(rarity.value, "0 other users of the tenant in 30 days; fewer than 5 is rare");
}

#[test]
fn a_journey_with_the_known_device_is_low_and_one_finding() {
    let mut told = habit("ana", 20);
    let own = |at| abroad("ana", at).device("laptop of ana");
    told.extend((0..10).map(|n| own(START + n * HOUR)));
    told.extend((1..5).map(|day| own(START + day * DAY)));
    let found = of_ana(&told);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("journey"));
}

#[test]
fn a_thief_during_a_journey_raises_the_level() {
    let mut told = habit("ana", 20);
    told.push(abroad("ana", START).device("laptop of ana").asn(64901).from("198.51.100.1"));
    told.push(abroad("ana", START + HOUR));
    let found = of_ana(&told);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 2));
}

#[test]
fn countries_of_colleagues_are_not_rare() {
    let with = |colleagues: usize| {
        let mut told = habit("ana", 20);
        for name in ["bob", "eve", "ida", "kim", "lee"].iter().take(colleagues) {
            told.extend((0..20).map(|day| abroad(name, day * DAY)));
        }
        told.push(abroad("ana", START));
        of_ana(&told).len()
    };
    assert_eq!((with(4), with(5)), (1, 0));
}

#[test]
fn nobody_is_judged_before_fourteen_days() {
    let after = |days: i64| {
        let mut told = habit("ana", days);
        told.push(abroad("ana", days * DAY));
        of_ana(&told).len()
    };
    assert_eq!((after(13), after(14)), (0, 1));
}

#[test]
fn familiar_countries_failures_and_listed_networks_are_silent() {
    let mut told = habit("ana", 20);
    told.push(abroad("ana", START).code(50126));
    told.push(user("ana", START + MINUTE));
    assert!(of_ana(&told).is_empty());
    told.push(abroad("ana", START + HOUR));
    let lists =
        Lists { shared_networks: Networks::parse(&["203.0.113.9"]).unwrap(), ..Lists::default() };
    assert!(Story::new(&told).findings_listed(ID, lists).is_empty());
    assert_eq!(of_ana(&told).len(), 1);
}
