//! Writing files.

use super::{MONDAY, days, noisy, tenant};
use durward_generate::{FileOptions, Layout, Log, Moment, write_files};
use std::collections::BTreeSet;
use std::io::Read;

fn week() -> FileOptions {
    FileOptions::new(MONDAY..MONDAY.plus_days(2))
}

#[test]
fn day_files_hold_all_records_once_and_replace_older_files() {
    let (tenant, dir) = (tenant(40), tempfile::tempdir().unwrap());
    let target = dir.path().join("out");
    for _ in 0..2 {
        let summary = write_files(&tenant, &target, &week()).unwrap();
        let expect = days(&tenant, 2);
        assert_eq!(summary.records(), expect.len() as u64);
        assert_eq!(summary.files.len(), 8);
        assert_eq!(summary.copies, 0);
        assert!(!summary.labels.is_empty());
        let mut bytes = 0;
        for log in Log::ALL {
            let of_log: Vec<_> = expect.iter().filter(|e| e.info.log == log).collect();
            let mut text = String::new();
            for day in ["02", "03"] {
                let name = format!("{}-2026-03-{day}.jsonl", log.category());
                text += &std::fs::read_to_string(target.join(name)).unwrap();
            }
            bytes += text.len();
            assert_eq!(summary.records_by_log[log as usize], of_log.len() as u64);
            assert!(text.lines().map(str::as_bytes).eq(of_log.iter().map(|e| e.json.as_slice())));
        }
        assert_eq!(summary.bytes, bytes as u64);
    }
}

#[test]
fn blob_folders_take_late_records_compressed() {
    let (tenant, dir) = (tenant(40), tempfile::tempdir().unwrap());
    let options = FileOptions { layout: Layout::BlobFolders, gzip: true, noise: noisy(), ..week() };
    let summary = write_files(&tenant, dir.path(), &options).unwrap();
    let mut lines = 0;
    let mut ids = BTreeSet::new();
    for path in &summary.files {
        let name = path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned();
        assert!(name.contains(&format!("/tenantId={}/y=2026/m=03/d=0", tenant.id())), "{name}");
        assert!(name.ends_with("/m=00/PT1H.json.gz"));
        let hour = &name[name.find("h=").unwrap() + 2..][..2];
        let mut text = String::new();
        let file = std::fs::File::open(path).unwrap();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        for line in text.split_terminator("\r\n") {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(&record["properties"]["createdDateTime"].as_str().unwrap()[11..13], hour);
            ids.insert(record["properties"]["id"].as_str().unwrap().to_owned());
            lines += 1;
        }
    }
    assert_eq!(lines, summary.records());
    assert!(summary.copies > 20);
    assert_eq!(ids.len() as u64, summary.records() - summary.copies);
}

#[test]
fn a_limit_stops_and_an_unwritable_place_is_an_error() {
    let (tenant, dir) = (tenant(20), tempfile::tempdir().unwrap());
    let options = FileOptions { records_max: Some(100), ..week() };
    let summary = write_files(&tenant, dir.path(), &options).unwrap();
    assert_eq!(summary.records(), 100);
    let (from, to) = summary.span.unwrap();
    assert!(MONDAY <= from && from < to && to < Moment(MONDAY.0 + 864_000_000_000));

    let file = dir.path().join("occupied");
    std::fs::write(&file, "x").unwrap();
    let error = write_files(&tenant, &file, &options).unwrap_err();
    assert!(error.to_string().starts_with("failed to write "), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}
