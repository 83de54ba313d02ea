use durward_detect::{Level, Lists, Names, Networks};

use crate::story::{
    DAY, HOUR, LAGOS, MADRID, MINUTE, OSAKA, Place, SignIn, Story, guid, habit, user,
};

const ID: &str = "impossible-travel";
const START: i64 = 20 * DAY;

/// Lyon is 1,070 km from Vigo, in another country.
const LYON: Place = ("Lyon", "FR", 45.76, 4.84);
/// Las Palmas is 1,760 km from Vigo, in the same country.
const LAS_PALMAS: Place = ("Las Palmas", "ES", 28.12, -15.43);

/// Somebody else's computer, elsewhere.
fn stranger(at: i64, place: Place) -> SignIn {
    user("ana", at).at(place).from("203.0.113.9").asn(64999).with("deviceDetail/browser", "Chrome")
}

fn at_home(at: i64) -> SignIn {
    user("ana", at).device("laptop of ana").session("at home")
}

fn story(then: Vec<SignIn>) -> Story {
    Story::new(&[habit("ana", 20), then].concat())
}

#[test]
fn two_places_in_half_an_hour_are_found_with_the_arithmetic() {
    let found = story(vec![at_home(START), stranger(START + 30 * MINUTE, OSAKA)]).findings(ID);
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!((finding.level, finding.event_count), (Level::High, 2));
    assert_eq!((finding.events.len(), finding.risky.len()), (2, 1));
    assert_eq!(finding.risky[0], finding.events[1].id, "the stranger's, not Ana's own");
    assert!(finding.sentence.contains("Vigo, ES and 30 min later from Osaka, JP"));
    let speed = &finding.facts.iter().find(|fact| fact.label == "Speed").unwrap().value;
    assert!(speed.contains("− 200 km error radius"), "{speed}");
    assert!(speed.ends_with("km/h; an airliner flies 900 km/h"), "{speed}");
    let km: f64 = finding
        .sentence
        .split(", ")
        .last()
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .replace(',', "")
        .parse()
        .unwrap();
    assert!((10_700.0..11_000.0).contains(&km), "{km}");
}

#[test]
fn what_an_airliner_can_do_is_not_found_and_numbers_can_be_changed() {
    // 4,050 km, of which 3,850 are certain: 4 h 16 min at 900 km/h.
    let slow = story(vec![at_home(START), stranger(START + 270 * MINUTE, LAGOS)]);
    assert!(slow.findings(ID).is_empty());
    let fast = story(vec![at_home(START), stranger(START + 240 * MINUTE, LAGOS)]);
    assert_eq!(fast.findings(ID).len(), 1);
    assert!(fast.findings_by(ID, &[("speed", 1200.0)]).is_empty());
    assert!(fast.findings_by(ID, &[("error-radius", 400.0)]).is_empty());
    // 440 km between Vigo and Madrid.
    let near = story(vec![at_home(START), stranger(START + MINUTE, MADRID)]);
    assert!(near.findings(ID).is_empty());
    assert_eq!(near.findings_by(ID, &[("distance", 300.0)]).len(), 1);
}

#[test]
fn a_place_known_by_country_only_may_be_farther_off() {
    let vague = |km_place: Place| {
        let (_, country, north, east) = km_place;
        story(vec![at_home(START), stranger(START + HOUR, ("", country, north, east))])
    };
    assert!(vague(LYON).findings(ID).is_empty(), "1,070 km, of which 470 are certain");
    assert_eq!(vague(OSAKA).findings(ID).len(), 1);
}

#[test]
fn sign_ins_of_both_sides_in_turns_are_one_finding() {
    let mut then = Vec::new();
    for turn in 0..6 {
        then.push(at_home(START + turn * 20 * MINUTE).silent());
        then.push(stranger(START + (turn * 20 + 10) * MINUTE, OSAKA).session("stolen"));
    }
    let found = story(then).findings(ID);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].level, found[0].risky.len()), (Level::High, 6));
}

#[test]
fn the_stranger_may_come_first() {
    let found = story(vec![stranger(START, OSAKA), at_home(START + 10 * MINUTE)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert_eq!(found[0].risky, [found[0].events[0].id]);
    assert_eq!((&*found[0].address, &*found[0].location[0]), ("203.0.113.9", "Osaka"));
}

#[test]
fn a_stolen_session_is_found_though_the_session_is_the_same() {
    let thief = stranger(START + 5 * MINUTE, OSAKA).session("at home").silent();
    let found = story(vec![at_home(START), thief]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
}

#[test]
fn another_day_is_another_finding() {
    let found = story(vec![
        at_home(START),
        stranger(START + 10 * MINUTE, OSAKA),
        at_home(START + DAY),
        stranger(START + DAY + 10 * MINUTE, LAGOS),
    ])
    .findings(ID);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_vpn_on_a_known_device_is_silent() {
    let mut then = Vec::new();
    for turn in 0..8 {
        then.push(at_home(START + turn * HOUR));
        let vpn = at_home(START + turn * HOUR + 10 * MINUTE);
        then.push(vpn.at(OSAKA).from("198.51.100.7").asn(64510));
    }
    assert!(story(then).findings(ID).is_empty());
    // Even of somebody who began today.
    let first_day = [user("new", 0).device("first"), {
        user("new", MINUTE).device("first").at(OSAKA).from("198.51.100.7").asn(64510)
    }];
    assert!(Story::new(&first_day).findings(ID).is_empty());
}

#[test]
fn a_way_out_that_colleagues_use_with_devices_of_theirs_is_learned() {
    let exit = |sign_in: SignIn| sign_in.at(OSAKA).from("198.51.100.7").asn(64510);
    let colleagues = |count: usize, has_device: bool| {
        let mut told = habit("ana", 20);
        for name in ["bob", "eve", "ida"].into_iter().take(count) {
            told.extend(habit(name, 20));
            for day in 5..20 {
                let sign_in = exit(user(name, day * DAY + 9 * HOUR));
                let device = format!("laptop of {name}");
                told.push(if has_device { sign_in.device(&device) } else { sign_in });
            }
        }
        told.push(at_home(START));
        told.push(exit(user("ana", START + MINUTE)).with("deviceDetail/browser", "Firefox"));
        Story::new(&told)
            .findings(ID)
            .into_iter()
            .filter(|one| one.subject.name.starts_with("ana"))
            .count()
    };
    assert_eq!(colleagues(3, true), 0);
    assert_eq!(colleagues(2, true), 1, "two are too few");
    assert_eq!(colleagues(3, false), 1, "so many may have been robbed from one address");
}

#[test]
fn lists_named_locations_and_secure_access_explain_it() {
    let then = || vec![at_home(START), stranger(START + MINUTE, OSAKA)];
    let networks = || Networks::parse(&["203.0.113.0/24"]).unwrap();
    let shared = Lists { shared_networks: networks(), ..Lists::default() };
    assert!(story(then()).findings_listed(ID, shared).is_empty());
    let trusted = Lists { trusted_networks: networks(), ..Lists::default() };
    assert!(story(then()).findings_listed(ID, trusted).is_empty());
    let service =
        Lists { service_accounts: Names::parse(&[guid("user ana")]).unwrap(), ..Lists::default() };
    assert!(story(then()).findings_listed(ID, service).is_empty());
    let secure = stranger(START + MINUTE, OSAKA).with("isThroughGlobalSecureAccess", true);
    assert!(story(vec![at_home(START), secure]).findings(ID).is_empty());
    // The office, in turn, does not explain the stranger.
    let office =
        Lists { trusted_networks: Networks::parse(&["192.0.2.10"]).unwrap(), ..Lists::default() };
    let found = story(then()).findings_listed(ID, office);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert!(found[0].against.iter().any(|text| text.contains("trusted named location")));
}

#[test]
fn a_carrier_that_moves_a_phone_on_the_map_is_silent() {
    let phone = |at: i64| user("ana", at).with("deviceDetail/operatingSystem", "Ios 18");
    let hops = |place: Place, asn: u32| {
        let mut told = habit("ana", 20);
        told.extend((0..20).map(|day| phone(day * DAY + HOUR).from("198.51.100.1").asn(64600)));
        told.push(at_home(START));
        told.push(phone(START + 20 * MINUTE).from("198.51.100.2").asn(asn).at(place));
        Story::new(&told).findings(ID).len()
    };
    assert_eq!(hops(LAS_PALMAS, 64600), 0, "the carrier's gateway elsewhere in the country");
    assert_eq!(hops(LAS_PALMAS, 64601), 1, "not the carrier");
    assert_eq!(hops(OSAKA, 64600), 1, "far beyond the border");
    let across = vec![
        at_home(START),
        user("ana", START + 10 * MINUTE).asn(64500).from("192.0.2.99").at(LYON),
    ];
    assert!(story(across).findings(ID).is_empty(), "one operator, neighbouring cities");
}

#[test]
fn a_vpn_on_the_laptop_does_not_make_the_phone_travel() {
    let vpn = |at: i64| at_home(at).at(OSAKA).from("198.51.100.7").asn(64510);
    let phone = |at: i64| {
        let phone = user("ana", at).with("deviceDetail/operatingSystem", "Ios 18");
        phone.at(LAS_PALMAS).from("198.51.100.1").asn(64600)
    };
    let told = vec![at_home(START), vpn(START + 10 * MINUTE), phone(START + 3 * HOUR)];
    assert!(story(told).findings(ID).is_empty(), "three hours to another city of the country");
    // Though somebody at a third place is not explained by it: Ana was at home just now.
    let told = vec![vpn(START), at_home(START + 10 * MINUTE), stranger(START + HOUR, LAGOS)];
    assert_eq!(story(told).findings(ID).len(), 1);
}

#[test]
fn carriers_are_learned_before_places_of_one_country_are_compared() {
    let after = |days: i64| {
        let mut told = habit("ana", days);
        told.push(at_home(days * DAY));
        told.push(stranger(days * DAY + 10 * MINUTE, LAS_PALMAS));
        Story::new(&told).findings(ID).len()
    };
    assert_eq!((after(2), after(3)), (0, 1));
}

#[test]
fn the_same_session_of_the_same_client_is_low_and_says_why() {
    let phone = |at: i64| user("ana", at).session("phone").with("deviceDetail/browser", "Safari");
    let found = story(vec![
        phone(START),
        phone(START + 10 * MINUTE).at(OSAKA).from("198.51.100.7").asn(64510),
    ])
    .findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].starts_with("Explained by"), "{:?}", found[0].against);
    let mut told = [habit("ana", 20), habit("bob", 20)].concat();
    let exit = |sign_in: SignIn| sign_in.at(OSAKA).from("198.51.100.7").asn(64510);
    told.push(exit(user("bob", 19 * DAY + HOUR).device("laptop of bob")));
    told.extend([phone(START), exit(phone(START + 10 * MINUTE))]);
    assert!(Story::new(&told).findings(ID).is_empty(), "Bob uses that VPN too");
}

#[test]
fn places_used_again_and_again_are_silent() {
    let mut told = habit("ana", 20);
    let there = |at| user("ana", at).at(LYON).from("198.51.100.7").asn(64510);
    told.extend((0..20).map(|day| there(day * DAY + 12 * HOUR)));
    told.push(at_home(START));
    told.push(there(START + 10 * MINUTE));
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn failures_prove_no_travel() {
    let then = vec![at_home(START), stranger(START + MINUTE, OSAKA).code(50126)];
    assert!(story(then).findings(ID).is_empty());
}

#[test]
fn a_registered_device_of_somebody_new_is_low() {
    let vpn = |sign_in: SignIn| sign_in.at(OSAKA).from("198.51.100.7").asn(64510);
    let first_day = |day: i64, device: &str| {
        let at = day * DAY;
        let mut told = habit("other", day);
        told.push(user("new", at).with("deviceDetail/browser", "Safari"));
        told.push(vpn(user("new", at + HOUR).with("deviceDetail/deviceId", device)));
        let found = Story::new(&told).findings(ID);
        assert_eq!(found.len(), 1);
        found[0].level
    };
    assert_eq!(first_day(20, &guid("device")), Level::Low);
    assert_eq!(first_day(20, ""), Level::Medium);
    assert_eq!(first_day(2, ""), Level::Low, "ways out of VPNs are not known yet");
}
