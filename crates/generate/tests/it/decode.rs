//! What is written here is what the decoders of this project read.

use super::{MONDAY, noisy, tenant};
use durward_generate::{FileOptions, Layout, Log, Shape, write_files};
use durward_ingest::{Collected, Decoder, Options, Summary, tenant_of};
use durward_model::time::{DateOrder, Timestamp};
use durward_model::{Event, Log as Decoded};

const LOGS: [(Log, Decoded); 4] = [
    (Log::Interactive, Decoded::InteractiveUser),
    (Log::NonInteractive, Decoded::NonInteractiveUser),
    (Log::ServicePrincipal, Decoded::ServicePrincipal),
    (Log::ManagedIdentity, Decoded::ManagedIdentity),
];

fn decoder() -> Decoder {
    let received = Timestamp::parse("2026-04-08T00:00:00Z", DateOrder::MonthFirst).unwrap();
    Decoder::new(Options::new(received))
}

#[test]
fn generated_files_are_decoded_without_a_rejection() {
    let tenant = tenant(40);
    let plain = FileOptions::new(MONDAY..MONDAY.plus_days(2));
    for options in [
        plain.clone(),
        FileOptions { shape: Shape::GraphBeta, ..plain.clone() },
        FileOptions { layout: Layout::BlobFolders, gzip: true, noise: noisy(), ..plain },
    ] {
        let dir = tempfile::tempdir().unwrap();
        let written = write_files(&tenant, dir.path(), &options).unwrap();
        let (mut decoder, mut collected) = (decoder(), Collected::default());
        let mut summary = Summary::default();
        for path in &written.files {
            summary.add(&decoder.decode_file(path, &mut collected).unwrap());
            if options.layout == Layout::BlobFolders {
                assert_eq!(tenant_of(path.to_str().unwrap()), Some(tenant.id()));
            }
        }
        assert_eq!(collected.rejections, []);
        for (log, decoded) in LOGS {
            let (wrote, read) =
                (written.records_by_log[log as usize], summary.by_log[decoded as usize]);
            assert_eq!(wrote, read, "{log:?} as {:?}", options.shape);
        }
        assert_eq!(summary.records(), written.records());
    }
}

#[test]
fn decoded_events_give_the_record_back() {
    let tenant = tenant(30);
    let range = MONDAY..MONDAY.plus_days(1);
    for shape in [Shape::Diagnostic, Shape::GraphBeta] {
        let expect: Vec<_> = tenant.events(range.clone()).shape(shape).collect();
        let mut lines = Vec::new();
        for event in &expect {
            lines.extend_from_slice(&event.json);
            lines.push(b'\n');
        }
        let mut collected = Collected::default();
        decoder().decode_bytes("events.jsonl", &lines, &mut collected).unwrap();
        assert_eq!(collected.rejections, []);
        let events = collected.batches.iter().flat_map(|batch| {
            (0..batch.len()).map(|index| Event::of_batch(batch, index)).collect::<Vec<_>>()
        });
        let mut count = 0;
        for (event, expect) in events.zip(&expect) {
            let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
            assert_eq!(value(event.original().as_bytes()), value(&expect.json));
            count += 1;
        }
        assert_eq!(count, expect.len());
    }
}
