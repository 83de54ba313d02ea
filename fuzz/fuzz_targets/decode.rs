//! Any bytes are decoded without harm, and every event gives JSON back.
#![no_main]

use durward_ingest::{Collected, Decoder, Options};
use durward_model::{Event, Timestamp};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new(Options::new(Timestamp::from_micros(1_775_000_000_000_000)));
    let mut collected = Collected::default();
    decoder.decode_bytes("input", bytes, &mut collected).expect("nothing here can fail to read");
    for batch in &collected.batches {
        for index in 0..batch.len() {
            let original = Event::of_batch(batch, index).original();
            serde_json::from_str::<&RawValue>(&original).expect("originals are JSON");
        }
    }
});
