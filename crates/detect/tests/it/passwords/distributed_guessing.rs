use durward_detect::Level;

use super::strange;
use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, OSAKA, Place, SignIn, Story, habit, user};

const ID: &str = "distributed-guessing";
const START: i64 = 8 * DAY;
const LYON: Place = ("Lyon", "FR", 45.76, 4.84);

fn from_addresses(count: i64) -> Vec<SignIn> {
    let one = |n: i64| strange("ana", START + n * HOUR, 50126).from(&format!("203.0.113.{n}"));
    (0..count).map(one).collect()
}

#[test]
fn many_addresses_in_a_day_are_found_once() {
    let told = [habit("ana", 8), from_addresses(22)].concat();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("ana@contoso.example"), "{}", found[0].sentence);
    assert_eq!(found[0].facts[0].label, "Addresses");
    assert!(found[0].facts[0].value.ends_with("15 are enough"), "{:?}", found[0].facts);
}

#[test]
fn fourteen_addresses_are_too_few_but_four_countries_are_not() {
    let told = [habit("ana", 8), from_addresses(14)].concat();
    assert!(Story::new(&told).findings(ID).is_empty());
    let places = [LAGOS, OSAKA, LYON, MADRID];
    let from = |countries: usize| -> Vec<SignIn> {
        let guess = |n: usize| {
            let place = places[n % countries];
            strange("ana", START + n as i64 * HOUR, 50126).at(place)
        };
        (0..10).map(guess).collect()
    };
    assert!(Story::new(&[habit("ana", 8), from(3)].concat()).findings(ID).is_empty());
    assert_eq!(Story::new(&[habit("ana", 8), from(4)].concat()).findings(ID).len(), 1);
}

#[test]
fn a_traveller_with_the_own_laptop_is_none() {
    let mut told = habit("ana", 8);
    told.extend(from_addresses(22).into_iter().map(|one| one.device("laptop of ana")));
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn the_right_password_makes_it_high_and_brute_force_is_left_alone() {
    let hit = strange("ana", START + 21 * HOUR + MINUTE, 50074);
    let told = [habit("ana", 8), from_addresses(20), vec![hit]].concat();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    let fast = |n: i64| user("ana", START + n * MINUTE).from(&format!("203.0.113.{n}")).code(50126);
    // Fifteen addresses come before the twentieth guess; with more it is brute force.
    let told = [habit("ana", 8), (0..60).map(fast).collect()].concat();
    assert!(Story::new(&told).findings_by(ID, &[("addresses", 25.0)]).is_empty());
}
