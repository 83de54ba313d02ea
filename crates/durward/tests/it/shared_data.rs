//! The whole of the public samples, where they are at hand: `DURWARD_SHARED_DATA`, or a folder
//! `shared/data` beside the project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::support::{live_events, run};

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("DURWARD_SHARED_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
            .join("../../../shared/data"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no folder {}", folder.display());
    None
}

/// Every record of every file below a folder, read in the plainest way: JSON values one after the
/// other, the members of `value` of a page, rows of CSV as objects of texts.
fn records(folder: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            match ending {
                _ if path.is_dir() => folders.push(path),
                "md" => {}
                "csv" => {
                    let mut reader = csv::Reader::from_path(&path).unwrap();
                    let headers = reader.headers().unwrap().clone();
                    found.extend(reader.records().map(|row| {
                        let row = row.unwrap();
                        let cells = headers.iter().zip(&row);
                        let members = cells.map(|(name, cell)| (name.to_owned(), cell.into()));
                        Value::Object(members.collect::<Map<_, _>>())
                    }));
                }
                _ => {
                    let text = std::fs::read_to_string(&path).unwrap();
                    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
                        let value = value.unwrap();
                        match value.get("value").and_then(Value::as_array) {
                            Some(list) => found.extend(list.iter().cloned()),
                            None => found.push(value),
                        }
                    }
                }
            }
        }
    }
    found
}

/// Is it of one of the four sign-in logs? Told by what only they have, not by durward.
fn is_sign_in(record: &Value) -> bool {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let category =
        format!("{}{}{}", text("category"), text("Category"), text("Type")).to_lowercase();
    if category.contains("signin") {
        return true;
    }
    // Graph objects have no category.
    category.is_empty()
        && (record.get("clientAppUsed").is_some() || record.get("isInteractive").is_some())
}

fn text(value: &Value) -> String {
    value.to_string()
}

#[test]
fn every_public_sample_goes_in_and_comes_back() {
    let Some(folder) = folder() else { return };
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let path = folder.to_str().unwrap();
    let expected = records(&folder);
    let sign_ins = expected.iter().filter(|record| is_sign_in(record)).count() as u64;
    let first = run(&data, &["import", path, "--json"]).json();
    let count = |report: &Value, name: &str| report[name].as_u64().unwrap();
    assert_eq!(count(&first, "rejected"), 0, "{first}");
    assert_eq!(first["skipped"], serde_json::json!([]));
    assert_eq!(
        count(&first, "new") + count(&first, "known") + count(&first, "revised"),
        sign_ins,
        "{first}"
    );
    assert_eq!(count(&first, "other"), expected.len() as u64 - sign_ins, "{first}");

    // The samples use some identifiers for several records: these are revisions, and all stay.
    let history = run(&data, &["export", "--format", "original", "--history"]).json_lines();
    let found: BTreeSet<String> = history.iter().map(text).collect();
    let wanted: BTreeSet<String> = expected.iter().map(text).collect();
    let lost: Vec<_> = wanted.difference(&found).collect();
    let made_up: Vec<_> = found.difference(&wanted).collect();
    assert!(lost.is_empty(), "{} records are lost, such as {}", lost.len(), lost[0]);
    assert!(made_up.is_empty(), "{} are in no file, such as {}", made_up.len(), made_up[0]);

    let events = |data: &Path| -> BTreeMap<String, String> {
        let pair = |event: &durward_model::Event| {
            (format!("{:?} {}", event.row().log, event.row().id), event.original())
        };
        live_events(data).iter().map(pair).collect()
    };
    let before = events(&data);
    let second = run(&data, &["import", path, "--json"]).json();
    assert_eq!((count(&second, "new"), count(&second, "revised")), (0, 0), "{second}");
    assert_eq!(count(&second, "known"), sign_ins, "{second}");
    assert_eq!(count(&second, "rejected"), 0, "{second}");
    let others = second["by_log"].as_object().unwrap();
    for (log, counts) in others {
        assert_eq!((&counts["new"], &counts["revised"]), (&0.into(), &0.into()), "{log}");
    }
    assert_eq!(events(&data), before, "a second import changes nothing");
    assert_eq!(run(&data, &["verify", "--json"]).json()["problems"], 0);
}
