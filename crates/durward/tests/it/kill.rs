//! LOG-1, from outside: `kill -9` at random moments loses and doubles nothing.
//!
//! What a killed process had written to the operating system stays, so this shows that the order
//! of steps is right whenever it is cut, not that syncs reach the disk; the store's own tests cut
//! at every write and sync.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use durward_generate::{FileOptions, Moment, Tenant, TenantOptions, write_files};

use crate::support::{Client, Random, Server, durward, guid, live_ids, open, record, run};

/// Kills of a server under push, over all directories.
const SERVER_KILLS: usize = 120;
/// Kills before a new directory is begun, so that the store is killed young and old.
const KILLS_A_DIRECTORY: usize = 24;
/// Kills of an import.
const IMPORT_KILLS: usize = 80;
/// The two together are the 200 that are asked for.
const _: () = assert!(SERVER_KILLS + IMPORT_KILLS == 200);

/// What senders know: every batch that was sent, by number, and whether it was acknowledged.
#[derive(Default)]
struct Sent {
    batches: BTreeMap<u64, bool>,
    next: u64,
}

const BATCH_ROWS: u64 = 25;

fn ids_of(batch: u64) -> impl Iterator<Item = String> {
    (0..BATCH_ROWS).map(move |row| guid(batch * BATCH_ROWS + row))
}

fn body_of(batch: u64) -> String {
    let records = ids_of(batch).enumerate().map(|(row, id)| {
        let minute = (batch * 7 + row as u64) % 1440;
        let day = 1 + batch % 3;
        let created = format!("2026-03-{day:02}T{:02}:{:02}:09.5Z", minute / 60, minute % 60);
        record(
            &id,
            &created,
            ["Iben", "Noor", "Tamsin"][row % 3],
            if row % 4 == 0 { 50126 } else { 0 },
        )
    });
    serde_json::json!({ "records": records.collect::<Vec<_>>() }).to_string()
}

/// Sends batches until the connection breaks; unacknowledged ones first, as any sender would.
fn send(address: &str, token: &str, sent: &Mutex<Sent>, sender: u64) {
    let Ok(mut client) = Client::connect(address, token) else { return };
    loop {
        let batch = {
            let mut sent = sent.lock().unwrap();
            let owed = sent.batches.iter().find(|(batch, acked)| !**acked && *batch % 2 == sender);
            match owed.map(|(batch, _)| *batch) {
                Some(batch) => batch,
                None => {
                    let batch = sent.next * 2 + sender;
                    sent.next += 1;
                    sent.batches.insert(batch, false);
                    batch
                }
            }
        };
        match client.ask("POST", "/api/ingest/diagnostic", &body_of(batch)) {
            Ok((200..=299, _)) => *sent.lock().unwrap().batches.get_mut(&batch).unwrap() = true,
            Ok((status, answer)) => assert_eq!(status, 429, "{answer}"),
            Err(_) => return,
        }
    }
}

/// Every acknowledged event is there exactly once, and nothing that was never sent.
fn check(data: &Path, sent: &Sent) {
    let found = live_ids(data);
    for (batch, _) in sent.batches.iter().filter(|(_, acked)| **acked) {
        for id in ids_of(*batch) {
            assert!(found.contains(&id), "batch {batch} was acknowledged, {id} is lost");
        }
    }
    let possible: HashSet<String> = sent.batches.keys().flat_map(|batch| ids_of(*batch)).collect();
    assert!(found.is_subset(&possible), "events that nobody sent");
}

#[test]
fn log_1_a_killed_server_keeps_every_acknowledged_event_once() {
    let mut random = Random::new("kill a server");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("durward.toml");
    // Small, so that sealing and merging are under way at most moments.
    std::fs::write(
        &config,
        "[store]\nseal_rows = 100\nseal_after = \"1ms\"\nkeep_replaced = \"1ms\"\n",
    )
    .unwrap();
    let config = ["--config", config.to_str().unwrap()];
    for directory in 0..SERVER_KILLS / KILLS_A_DIRECTORY {
        let data = folder.path().join(format!("data-{directory}"));
        let sent = Mutex::new(Sent::default());
        for _ in 0..KILLS_A_DIRECTORY {
            let mut server = Server::start(&data, "127.0.0.1:0", &config);
            let address = server.address();
            let moment = Duration::from_micros(random.below(250_000));
            std::thread::scope(|scope| {
                for sender in 0..2 {
                    let (address, sent) = (&address, &sent);
                    let token = server.token.clone();
                    scope.spawn(move || send(address, &token, sent, sender));
                }
                // The moment itself is what is random; nothing waits for anything here.
                std::thread::sleep(moment);
                server.kill();
            });
            check(&data, &sent.lock().unwrap());
        }
        let sent = sent.into_inner().unwrap();
        let acked = sent.batches.values().filter(|acked| **acked).count();
        let files = open(&data).status().files;
        println!("{acked} of {} batches acknowledged, {files} sealed files", sent.batches.len());
        assert!(acked > KILLS_A_DIRECTORY, "hardly anything was acknowledged: {acked} batches");
        assert!(files > 0, "nothing was sealed between the kills");
    }
}

#[test]
fn a_killed_import_goes_on_where_it_was() {
    let mut random = Random::new("kill an import");
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let tenant =
        std::sync::Arc::new(Tenant::new(3, TenantOptions { users: 25, ..TenantOptions::demo() }));
    let from = Moment::from_day(20_514);
    let options =
        FileOptions { records_max: Some(4000), ..FileOptions::new(from..from.plus_days(3)) };
    let written = write_files(&tenant, &records, &options).unwrap();
    let path = records.to_str().unwrap();

    let whole = folder.path().join("whole");
    let started = Instant::now();
    let report = run(&whole, &["import", path, "--json"]).json();
    let takes = started.elapsed();
    assert_eq!(report["new"], written.records());
    let every = live_ids(&whole);
    assert_eq!(every.len() as u64, written.records());

    let mut kills = 0;
    let mut directory = 0;
    while kills < IMPORT_KILLS {
        directory += 1;
        let data = folder.path().join(format!("data-{directory}"));
        let mut before = HashSet::new();
        for _ in 0..8 {
            let mut import = durward()
                .args(["import", path, "--json", "--data"])
                .arg(&data)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let most = takes.as_micros() as u64 + 20_000;
            std::thread::sleep(Duration::from_micros(random.below(most)));
            import.kill().unwrap();
            import.wait().unwrap();
            kills += 1;
            if !data.join("wal").exists() {
                continue;
            }
            let found = live_ids(&data);
            assert!(before.is_subset(&found), "what was there before is lost");
            assert!(found.is_subset(&every), "events that are in no file");
            before = found;
        }
        let report = run(&data, &["import", path, "--json"]).json();
        let count = |name: &str| report[name].as_u64().unwrap();
        assert_eq!(count("new") + count("known"), written.records(), "{report}");
        assert!(count("known") >= before.len() as u64, "{report}");
        assert_eq!((count("revised"), count("rejected")), (0, 0), "{report}");
        assert_eq!(live_ids(&data), every);
    }
}
