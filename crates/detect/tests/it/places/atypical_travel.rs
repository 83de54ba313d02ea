use durward_detect::{Level, Lists, Networks};

use crate::story::{DAY, HOUR, LAGOS, MINUTE, OSAKA, Place, SignIn, Story, habit, user};

const ID: &str = "atypical-travel";
const START: i64 = 20 * DAY;

fn stranger(at: i64, place: Place) -> SignIn {
    user("ana", at).at(place).from("203.0.113.9").asn(64999)
}

fn at_home(at: i64) -> SignIn {
    user("ana", at).device("laptop of ana")
}

fn story(then: Vec<SignIn>) -> Story {
    Story::new(&[habit("ana", 20), then].concat())
}

#[test]
fn faster_than_an_ordinary_journey_is_found_with_the_arithmetic() {
    // 3,850 km are certain: 4 h 17 min by airliner, 5 h 49 min by an ordinary journey.
    let found = story(vec![at_home(START), stranger(START + 5 * HOUR, LAGOS)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("Lagos, NG, where they usually are not, 5 h after Vigo"));
    let journey = &found[0].facts.iter().find(|fact| fact.label == "Journey").unwrap().value;
    assert!(journey.contains("an ordinary journey takes 60 min and"), "{journey}");
}

#[test]
fn what_is_impossible_and_what_is_ordinary_are_not() {
    for minutes in [10, 240, 370, 600] {
        let told = vec![at_home(START), stranger(START + minutes * MINUTE, LAGOS)];
        assert!(story(told).findings(ID).is_empty(), "{minutes} min");
    }
    let told = story(vec![at_home(START), stranger(START + 6 * HOUR, LAGOS)]);
    assert!(told.findings(ID).is_empty());
    assert_eq!(told.findings_by(ID, &[("airport-time", 90.0)]).len(), 1);
    assert!(told.findings_by(ID, &[("airport-time", 90.0), ("distance", 5000.0)]).is_empty());
}

#[test]
fn nobody_is_judged_before_ten_sign_ins_or_fourteen_days() {
    let after = |days: i64| {
        let mut told = habit("ana", days);
        told.push(at_home(days * DAY));
        told.push(stranger(days * DAY + 5 * HOUR, LAGOS));
        Story::new(&told).findings(ID).len()
    };
    assert_eq!((after(8), after(9)), (0, 1));
}

#[test]
fn journeys_with_the_own_laptop_and_familiar_places_are_silent() {
    let own = at_home(START + 5 * HOUR).at(LAGOS).from("203.0.113.9").asn(64999);
    assert!(story(vec![at_home(START), own]).findings(ID).is_empty());
    let mut told = habit("ana", 20);
    told.extend((0..3).map(|week| stranger(week * 5 * DAY + 12 * HOUR, LAGOS)));
    told.push(at_home(START));
    let before = Story::new(&told).findings(ID).len();
    told.push(stranger(START + 5 * HOUR, LAGOS));
    assert_eq!(Story::new(&told).findings(ID).len(), before, "Ana is often there");
}

#[test]
fn shared_networks_are_silent_and_a_known_device_or_operator_keeps_it_low() {
    let told = || vec![at_home(START), stranger(START + 5 * HOUR, LAGOS)];
    let shared = Networks::parse(&["AS64999"]).unwrap();
    let lists = Lists { shared_networks: shared, ..Lists::default() };
    assert!(story(told()).findings_listed(ID, lists).is_empty());
    let mut known = habit("ana", 20);
    known.extend((0..20).map(|day| user("ana", day * DAY + HOUR)));
    known.extend(told());
    let found = Story::new(&known).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(!found[0].against.is_empty());
}

#[test]
fn a_stay_is_one_finding() {
    let mut told = vec![at_home(START)];
    told.extend((0..12).map(|n| stranger(START + 13 * HOUR + n * 5 * MINUTE, OSAKA)));
    let found = story(told).findings(ID);
    assert_eq!(found.len(), 1);
}
