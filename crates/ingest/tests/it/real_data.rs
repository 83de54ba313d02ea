//! Every file of the public samples, where they are at hand: `DURWARD_SHARED_DATA`, or a folder
//! `shared/data` beside the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use durward_ingest::{Collected, Decoder, Options, walk};
use durward_model::{FieldId, Log};
use serde_json::Value;

use crate::support::{assert_same, decode, events_of, received};

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("DURWARD_SHARED_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
            .join("../../../shared/data"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: there is no folder {}", folder.display());
    None
}

/// The records of a JSON file, read in the plainest way.
fn records(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.unwrap();
        match value.get("value").and_then(Value::as_array) {
            Some(list) => found.extend(list.iter().map(Value::to_string)),
            None => found.push(value.to_string()),
        }
    }
    found
}

#[test]
fn every_public_sample_is_read_and_given_back() {
    let Some(folder) = folder() else { return };
    let mut counts: BTreeMap<String, Vec<(Log, u64)>> = BTreeMap::new();
    for path in walk(&[&folder]).unwrap() {
        let mut collected = Collected::default();
        let mut decoder = Decoder::new(Options::new(received()));
        let summary = decoder.decode_file(&path, &mut collected).unwrap();
        assert_eq!(collected.rejections, [], "{}", path.display());
        let events = events_of(&collected);
        if path.extension().is_some_and(|extension| extension == "csv") {
            check_csv(&path, &events);
        } else {
            let expected = records(&std::fs::read_to_string(&path).unwrap());
            assert_eq!(events.len(), expected.len(), "{}", path.display());
            for (event, expected) in events.iter().zip(&expected) {
                assert_same(&event.original(), expected);
            }
        }
        for event in &events {
            check_again(event);
        }
        let by_log = Log::ALL.map(|log| (log, summary.by_log[log as usize]));
        let by_log = by_log.into_iter().filter(|(_, count)| *count > 0).collect();
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        counts.insert(name, by_log);
    }
    insta::assert_debug_snapshot!(counts);
}

/// The original, decoded, gives the same event again.
fn check_again(event: &durward_model::Event) {
    let again = decode("again.json", event.original());
    assert_eq!(again.events.len(), 1, "{:?}", again.rejections);
    let again = &again.events[0];
    if event.row().log == again.row().log {
        assert_eq!(again.row().created, event.row().created);
        assert_eq!(again.original(), event.original());
    }
}

fn check_csv(path: &Path, events: &[durward_model::Event]) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), events.len());
    for (row, event) in rows.iter().zip(events) {
        let original: serde_json::Map<String, Value> =
            serde_json::from_str(&event.original()).unwrap();
        let found: Vec<(&str, &str)> =
            original.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        assert_eq!(found, headers.iter().zip(row).collect::<Vec<_>>());
        let column = |name: &str| row.get(headers.iter().position(|h| h == name).unwrap()).unwrap();
        for (field, name) in [
            (FieldId::Id, "Id"),
            (FieldId::UserPrincipalName, "UserPrincipalName"),
            (FieldId::IpAddress, "IPAddress"),
            (FieldId::ErrorCode, "ResultType"),
            (FieldId::CorrelationId, "CorrelationId"),
        ] {
            assert_eq!(event.cell(field).to_string(), column(name), "{name}");
        }
    }
}
