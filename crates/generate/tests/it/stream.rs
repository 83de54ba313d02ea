//! Order, reproducibility, proportions and attacks.

use super::{MONDAY, bench, days, noisy, tenant};
use durward_generate::{
    Attack, Delivery, GeneratedEvent, Hop, Label, Live, Log, Moment, Tenant, TenantOptions,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

fn count(events: &[GeneratedEvent], log: Log) -> usize {
    events.iter().filter(|event| event.info.log == log).count()
}

#[test]
fn same_seed_same_bytes_and_another_seed_others() {
    let take = |seed| {
        let options = TenantOptions { users: 60, ..Default::default() };
        let tenant = Arc::new(Tenant::new(seed, options));
        let mut bytes = Vec::new();
        for event in tenant.events(MONDAY..MONDAY.plus_days(2)).take(1000) {
            bytes.extend_from_slice(&event.json);
            bytes.push(b'\n');
        }
        bytes
    };
    let bytes = take(42);
    assert_eq!(bytes, take(42));
    assert_ne!(bytes, take(43));
    // Changes on purpose only: everybody's benches compare data made from the same seed.
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes);
    assert_eq!(format!("{hash:016x}"), GOLDEN);
}

const GOLDEN: &str = "4d94db07c91aaa6c";

#[test]
fn events_come_in_order_and_ids_are_unique() {
    let events = days(&tenant(80), 4);
    assert!(events.windows(2).all(|pair| pair[0].info.created <= pair[1].info.created));
    let ids: BTreeSet<_> = events.iter().map(|event| event.info.id).collect();
    assert_eq!(ids.len(), events.len());
    let (from, to) = (MONDAY, MONDAY.plus_days(4));
    assert!(events.iter().all(|event| (from..to).contains(&event.info.created)));
    let lag = |e: &GeneratedEvent| e.info.published.micros() - e.info.created.micros();
    assert!(events.iter().all(|event| (60_000_000..=480_000_000).contains(&lag(event))));
}

#[test]
fn adjoining_ranges_and_live_give_what_one_range_gives() {
    let tenant = tenant(50);
    let noon = Moment(MONDAY.plus_days(1).0 + 432_000_000_000);
    let end = MONDAY.plus_days(2);
    let whole: Vec<_> = tenant.events(MONDAY..end).collect();
    let parts: Vec<_> = tenant.events(MONDAY..noon).chain(tenant.events(noon..end)).collect();
    assert!(whole == parts);

    let mut live = Live::new(&tenant, noon);
    let due = live.next_due().unwrap();
    assert!(due >= noon);
    let mut buffer = Vec::new();
    assert!(live.write_due(Moment(due.0 - 1), &mut buffer).is_none() && buffer.is_empty());
    let mut ids = Vec::new();
    while let Some(info) = live.write_due(Moment(end.0 - 1), &mut buffer) {
        assert!(info.published.0 - info.created.0 <= 200_000_000);
        ids.push(info.id);
    }
    let expect: Vec<_> =
        whole.iter().map(|e| e.info).filter(|i| i.created >= noon).map(|i| i.id).collect();
    assert_eq!(ids, expect);
}

#[test]
fn logs_have_real_proportions() {
    let events = days(&tenant(400), 7);
    let [interactive, background, principals, identities] = Log::ALL.map(|log| count(&events, log));
    let ratio = background as f64 / interactive as f64;
    assert!((10.0..50.0).contains(&ratio), "{ratio}");
    assert!(principals > interactive && identities > 100 && identities < principals);
    // A weekend is quieter than a Monday.
    let on = |day: i64| {
        let day = MONDAY.plus_days(day).day();
        events.iter().filter(move |e| e.info.created.day() == day && e.info.log == Log::Interactive)
    };
    assert!(on(5).count() * 2 < on(0).count());
}

#[test]
fn bench_records_are_4_kb_on_average() {
    let mean = |events: &[GeneratedEvent]| {
        events.iter().map(|event| event.json.len() + 1).sum::<usize>() as f64 / events.len() as f64
    };
    for (users, count) in [(1000, 4), (5000, 1)] {
        let bench = mean(&days(&bench(users), count));
        println!("{users} people: {bench} B");
        assert!((4096.0 * 0.95..4096.0 * 1.05).contains(&bench), "{users} people: {bench}");
    }
    let demo = days(&tenant(400), 3);
    for (log, low, high) in [
        (Log::Interactive, 5500.0, 7000.0),
        (Log::NonInteractive, 5500.0, 7000.0),
        (Log::ServicePrincipal, 2000.0, 2600.0),
        (Log::ManagedIdentity, 2000.0, 2600.0),
    ] {
        let of_log: Vec<_> = demo.iter().filter(|e| e.info.log == log).cloned().collect();
        let mean = mean(&of_log);
        println!("{log:?} {} records, mean {mean} B", of_log.len());
        assert!((low..high).contains(&mean), "{log:?} {mean}");
    }
}

#[test]
fn a_number_of_events_can_be_asked_for() {
    let options = TenantOptions::for_events(60_000, 7);
    let tenant = Arc::new(Tenant::new(5, options));
    let mut events = tenant.events(MONDAY..MONDAY.plus_days(7));
    let mut buffer = Vec::new();
    let mut count = 0;
    while events.write_next(&mut buffer).is_some() {
        buffer.clear();
        count += 1;
    }
    assert!((48_000..72_000).contains(&count), "{count} with {} people", options.users);
}

#[test]
fn any_seed_and_any_size_give_a_week() {
    for (seed, users) in [(0, 0), (1, 1), (2, 7), (3, 25), (u64::MAX, 12), (7, 40), (99, 3)] {
        let options = TenantOptions { users, ..TenantOptions::bench() };
        let tenant = Arc::new(Tenant::new(seed, options));
        let mut events = tenant.events(MONDAY..MONDAY.plus_days(7));
        let labelled: BTreeSet<_> =
            events.labels().into_iter().flat_map(|l| l.request_ids).collect();
        let mut found = 0;
        let mut buffer = Vec::new();
        while let Some(info) = events.write_next(&mut buffer) {
            buffer.clear();
            found += usize::from(labelled.contains(&info.id.to_string()));
        }
        assert!(found > 0 && found == labelled.len(), "seed {seed}");
    }
}

#[test]
fn far_away_times_are_no_trouble() {
    let tenant = tenant(10);
    let mut ancient = tenant.events(Moment(i64::MIN)..Moment(864_000_000_000));
    assert!(ancient.next().is_some_and(|event| event.info.created >= Moment(0)));
    assert!(tenant.events(Moment(i64::MAX - 5)..Moment(i64::MAX)).next().is_none());
    let (from, to) = (MONDAY.plus_days(1), MONDAY);
    let empty = tenant.events(std::ops::Range { start: from, end: to });
    assert!(empty.labels().is_empty() && empty.count() == 0);
}

#[test]
fn noise_adds_copies_that_tell_what_they_are() {
    let tenant = tenant(150);
    let range = MONDAY..MONDAY.plus_days(2);
    let calm: HashMap<_, _> = tenant.events(range.clone()).map(|e| (e.info.id, e)).collect();
    let noise: Vec<_> = tenant.events(range).noise(noisy()).collect();
    let of = |delivery| noise.iter().filter(move |e| e.info.delivery == delivery);
    let share = |delivery| of(delivery).count() * 1000 / calm.len();
    assert!((22..38).contains(&share(Delivery::Duplicate)), "{}", share(Delivery::Duplicate));
    assert!((8..28).contains(&share(Delivery::Revised)));
    assert!((13..28).contains(&share(Delivery::Late)));
    let firsts: BTreeSet<_> =
        of(Delivery::First).chain(of(Delivery::Late)).map(|e| e.info.id).collect();
    assert_eq!(firsts.len(), calm.len());
    let value = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
    for event in of(Delivery::Duplicate).take(200) {
        let (copy, first) = (value(&event.json), value(&calm[&event.info.id].json));
        assert_eq!(copy["properties"], first["properties"]);
        assert!(copy["time"].as_str() > first["time"].as_str());
    }
    for event in of(Delivery::Revised).take(200) {
        let (copy, first) = (value(&event.json), value(&calm[&event.info.id].json));
        let steps = |v: &serde_json::Value| {
            v["properties"]["authenticationDetails"].as_array().unwrap().len()
        };
        assert_eq!(copy["properties"]["id"], first["properties"]["id"]);
        assert_eq!(steps(&copy), steps(&first) + 1);
    }
}

/// Labels and, by identifier, the properties of all records of two weeks.
fn two_weeks() -> (Vec<Label>, BTreeMap<String, serde_json::Value>) {
    let events = tenant(120).events(MONDAY..MONDAY.plus_days(14));
    let labels = events.labels();
    let wanted: BTreeSet<String> =
        labels.iter().flat_map(|l| l.request_ids.iter().chain(&l.context_ids)).cloned().collect();
    let records = events.filter_map(|event| {
        let id = event.info.id.to_string();
        wanted.contains(&id).then(|| {
            let mut value: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
            (id, value["properties"].take())
        })
    });
    let records = records.collect();
    (labels, records)
}

fn code(record: &serde_json::Value) -> i64 {
    record["status"]["errorCode"].as_i64().unwrap()
}

#[test]
fn labels_name_records_that_are_there_and_every_attack_is() {
    let (labels, records) = two_weeks();
    let kinds: BTreeSet<Attack> = labels.iter().map(|label| label.attack).collect();
    assert_eq!(kinds.len(), Attack::ALL.len());
    for label in &labels {
        assert!(!label.request_ids.is_empty() && label.from <= label.to);
        for id in label.request_ids.iter().chain(&label.context_ids) {
            assert!(records.contains_key(id), "{:?} {id}", label.attack);
        }
    }
}

#[test]
fn attacks_look_like_what_they_are() {
    let (labels, records) = two_weeks();
    for label in labels {
        let hostile: Vec<_> = label.request_ids.iter().map(|id| &records[id]).collect();
        let rightful: Vec<_> = label.context_ids.iter().map(|id| &records[id]).collect();
        let codes: Vec<i64> = hostile.iter().map(|record| code(record)).collect();
        let of = |member: &str| -> BTreeSet<_> {
            hostile.iter().map(|record| record[member].to_string()).collect()
        };
        let users = of("userId");
        let count = |wanted: i64| codes.iter().filter(|code| **code == wanted).count();
        match label.attack {
            Attack::PasswordSpray => assert!(users.len() >= 60 && count(50126) > 50),
            Attack::BruteForce => {
                assert!(users.len() == 1 && count(50126) >= 35 && count(50053) >= 10);
            }
            Attack::MfaFatigue => {
                assert!(count(500_121) >= 12 && count(0) >= 1 && codes[0] == 500_121);
            }
            Attack::LegacyProtocol => {
                let client = hostile[0]["clientAppUsed"].as_str().unwrap();
                assert!(["IMAP4", "Authenticated SMTP"].contains(&client), "{client}");
                assert!(count(50126) >= 15 && count(0) >= 1);
            }
            Attack::DeviceCode => {
                assert_eq!(hostile[0]["authenticationProtocol"], "deviceCode");
                assert!(hostile.iter().all(|r| r["originalTransferMethod"] == "deviceCodeFlow"));
                assert_eq!((of("sessionId").len(), of("ipAddress").len()), (1, 2));
            }
            Attack::TokenReplay => {
                for record in &hostile {
                    assert_eq!(record["sessionId"], rightful[0]["sessionId"]);
                    assert_ne!(
                        record["autonomousSystemNumber"],
                        rightful[0]["autonomousSystemNumber"]
                    );
                    assert_eq!(record["isInteractive"], false);
                }
            }
            Attack::SlowSpray => {
                // A range may begin or end amid one; its pace shows anyway.
                let seconds = created(hostile[hostile.len() - 1]) - created(hostile[0]);
                assert!(seconds >= (hostile.len() as i64 - 1) * 480, "{seconds}");
                assert_eq!(of("ipAddress").len(), 1);
                assert_eq!(of("userId").len(), hostile.len());
            }
            Attack::DistributedSpray => {
                let seconds = created(hostile[hostile.len() - 1]) - created(hostile[0]);
                assert!(of("ipAddress").len() >= 50 && seconds < 1200, "{seconds}");
                assert_eq!((of("userAgent").len(), of("userId").len()), (1, hostile.len()));
            }
            Attack::UserEnumeration => {
                assert!(count(50034) >= 50 && of("ipAddress").len() == 1);
                assert!(of("userPrincipalName").len() >= 60);
            }
            Attack::WorkloadCredential => {
                assert_eq!(of("servicePrincipalId").len(), 1);
                assert_eq!(of("servicePrincipalCredentialKeyId").len(), 1);
                assert!(hostile.len() >= 6 && count(0) == hostile.len());
                assert!(label.user.is_some());
            }
            Attack::AdversaryInTheMiddle => {
                assert_eq!(codes[..3], [50074, 0, 0]);
                assert_eq!(hostile[0]["correlationId"], hostile[1]["correlationId"]);
                assert_eq!((of("sessionId").len(), of("ipAddress").len()), (1, 2));
                assert!(
                    hostile[1]["isInteractive"] == true && hostile[2]["isInteractive"] == false
                );
            }
            Attack::ImpossibleTravel => {
                let kmh = speed_kmh(rightful[0], hostile[0]);
                assert!(code(rightful[0]) == 0 && codes[0] == 0 && kmh > 4000.0, "{kmh}");
            }
        }
    }
}

fn created(record: &serde_json::Value) -> i64 {
    // Of `2026-03-02T07:41:09…` the seconds within the month: all records are of one month.
    let text = record["createdDateTime"].as_str().unwrap();
    let part = |from: usize| text[from..from + 2].parse::<i64>().unwrap();
    ((part(8) * 24 + part(11)) * 60 + part(14)) * 60 + part(17)
}

fn speed_kmh(from: &serde_json::Value, to: &serde_json::Value) -> f64 {
    let place = |record: &serde_json::Value, key| {
        record["location"]["geoCoordinates"][key].as_f64().unwrap().to_radians()
    };
    let (south, north) = (place(from, "latitude"), place(to, "latitude"));
    let across = (place(to, "longitude") - place(from, "longitude")) / 2.0;
    let chord =
        ((north - south) / 2.0).sin().powi(2) + south.cos() * north.cos() * across.sin().powi(2);
    let km = 2.0 * 6371.0 * chord.sqrt().asin();
    km / ((created(to) - created(from)).abs().max(1) as f64 / 3600.0)
}

#[test]
fn by_their_real_place_nobody_travels_faster_than_an_airliner() {
    // With VPNs and far gateways left out of account, and where there are none.
    let moves = fastest_journeys(&tenant(150)) + fastest_journeys(&bench(120));
    assert!(moves >= 4, "{moves}");
}

/// Moves of people who are not attacked, none of them faster than an airliner.
fn fastest_journeys(tenant: &Arc<Tenant>) -> u32 {
    let range = MONDAY..MONDAY.plus_days(15);
    let events = tenant.events(range.clone());
    let mut others: BTreeSet<String> =
        events.labels().into_iter().flat_map(|l| [l.request_ids, l.context_ids].concat()).collect();
    others.extend(tenant.hops(range).into_iter().map(|(id, _)| id.to_string()));
    let mut last: HashMap<String, serde_json::Value> = HashMap::new();
    let mut moves = 0;
    for event in events.filter(|e| matches!(e.info.log, Log::Interactive | Log::NonInteractive)) {
        if others.contains(&event.info.id.to_string()) {
            continue;
        }
        let mut value: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
        let record = value["properties"].take();
        let user = record["userId"].as_str().unwrap().to_owned();
        if user.is_empty() {
            // Many mistype the same name.
            continue;
        }
        if let Some(before) = last.get(&user)
            && before["location"]["city"] != record["location"]["city"]
        {
            moves += 1;
            let kmh = speed_kmh(before, &record);
            assert!(kmh < 850.0, "{kmh} {before} {record}");
        }
        last.insert(user, record);
    }
    moves
}

#[test]
fn hops_look_like_travel_and_are_none() {
    let tenant = tenant(300);
    let range = MONDAY..MONDAY.plus_days(7);
    let hops: HashMap<_, _> = tenant.hops(range.clone()).into_iter().collect();
    let events = tenant.events(range.clone());
    let labels = events.labels();
    let hop_ids: BTreeSet<String> = hops.keys().map(ToString::to_string).collect();
    assert!(labels.iter().flat_map(|l| &l.request_ids).all(|id| !hop_ids.contains(id)));
    let mut users: BTreeMap<Hop, HashMap<String, BTreeSet<String>>> = BTreeMap::new();
    let mut last: HashMap<String, serde_json::Value> = HashMap::new();
    let (mut quick, mut found) = (BTreeMap::new(), 0);
    for event in events.filter(|e| matches!(e.info.log, Log::Interactive | Log::NonInteractive)) {
        let mut value: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
        let record = value["properties"].take();
        let text = |member: &str| record[member].as_str().unwrap().to_owned();
        if let Some(&hop) = hops.get(&event.info.id) {
            found += 1;
            let by_address = users.entry(hop).or_default();
            by_address.entry(text("ipAddress")).or_default().insert(text("userId"));
            let before = last.get(&text("sessionId"));
            if let Some(before) = before.filter(|b| created(&record) - created(b) < 900) {
                let country = |r: &serde_json::Value| r["location"]["countryOrRegion"].clone();
                assert_eq!(country(before) != country(&record), hop == Hop::Vpn);
                assert!(speed_kmh(before, &record) > 800.0);
                *quick.entry(hop).or_insert(0) += 1;
            }
        } else {
            last.insert(text("sessionId"), record);
        }
    }
    assert_eq!(found, hops.len());
    for hop in [Hop::Vpn, Hop::Gateway] {
        let most = users[&hop].values().map(BTreeSet::len).max();
        assert!(quick[&hop] >= 5 && most >= Some(3), "{hop:?} {quick:?} {most:?}");
    }
    assert!(bench(100).hops(range).is_empty());
}
