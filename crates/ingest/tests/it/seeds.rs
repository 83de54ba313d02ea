//! A short run over the seeds of the fuzzing targets, changed at random but always the same way.
//!
//! `fuzz/` has the long run; this one needs nothing but a stable compiler.

use std::path::Path;

use durward_ingest::{Collected, Decoder, Options, walk};
use durward_model::time::{DateOrder, Timestamp};
use serde_json::value::RawValue;

use crate::support::{events_of, received};

/// Changed inputs for each seed.
const CHANGES: usize = 250;

/// A generator of numbers that needs no crate (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        value as usize % below.max(1)
    }
}

/// Pieces that mean something to a decoder.
const PIECES: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\n",
    b"\0",
    b"\xff",
    b"\\u0001",
    b"\\ud800",
    b"null",
    b"1e999",
    b"\"value\":[",
    b"\"records\":[",
    b"\"properties\":{",
    b"\"time\":\"1/9/2007\"",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\xff\xfe",
    b"\"{\\\"errorCode\\\":1}\"",
    b"\"tables\":[{\"columns\":[",
];

fn change(bytes: &mut Vec<u8>, other: &[u8], numbers: &mut Numbers) {
    for _ in 0..=numbers.next(4) {
        let at = numbers.next(bytes.len() + 1);
        let to = (at + numbers.next(40)).min(bytes.len());
        match numbers.next(6) {
            0 if at < bytes.len() => bytes[at] = numbers.next(256) as u8,
            1 => drop(bytes.drain(at..to)),
            2 => {
                let copy = bytes[at..to].to_vec();
                let place = numbers.next(bytes.len() + 1);
                bytes.splice(place..place, copy);
            }
            3 => {
                let from = numbers.next(other.len() + 1);
                let piece = &other[from..(from + numbers.next(200)).min(other.len())];
                bytes.splice(at..to, piece.iter().copied());
            }
            4 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, PIECES[numbers.next(PIECES.len())].iter().copied())),
        }
    }
}

/// Decodes and checks what must hold for any input.
fn check(name: &str, bytes: &[u8]) {
    let mut collected = Collected::default();
    let mut decoder = Decoder::new(Options::new(received()));
    decoder.decode_bytes(name, bytes, &mut collected).unwrap();
    let size: usize = collected.batches.iter().map(|batch| batch.size_bytes()).sum();
    assert!(size <= (1 << 20) + bytes.len() * 400, "{size} bytes from {}", bytes.len());
    for event in events_of(&collected) {
        let original = event.original();
        serde_json::from_str::<&RawValue>(&original)
            .unwrap_or_else(|error| panic!("{error}: {original}"));
        // Rows of CSV depend on their file's header and dates, which one row does not show.
        if !name.ends_with(".json") && !name.ends_with(".jsonl") {
            continue;
        }
        let mut again = Collected::default();
        decoder.decode_bytes("again", original.as_bytes(), &mut again).unwrap();
        assert_eq!(again.rejections, [], "{original}");
        let [same] = &events_of(&again)[..] else { panic!("not one record: {original}") };
        assert_eq!(same.original(), original);
    }
}

#[test]
fn changed_seeds_are_survived() {
    let folder = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
        .join("../../fuzz/seeds/decode");
    let seeds: Vec<(String, Vec<u8>)> = walk(&[folder])
        .unwrap()
        .into_iter()
        .map(|path| (path.to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    assert!(seeds.len() >= 12, "{} seeds", seeds.len());
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (name, seed) in &seeds {
        check(name, seed);
        for _ in 0..CHANGES {
            let mut bytes = seed.clone();
            let other = &seeds[numbers.next(seeds.len())].1;
            change(&mut bytes, other, &mut numbers);
            check(name, &bytes);
        }
    }
}

#[test]
fn any_characters_are_an_instant_or_none() {
    let mut numbers = Numbers(7);
    let letters: Vec<char> = "0123456789/-.:TZ +,APMapm\u{202f}é".chars().collect();
    for _ in 0..200_000 {
        let text: String =
            (0..numbers.next(30)).map(|_| letters[numbers.next(letters.len())]).collect();
        for order in [DateOrder::MonthFirst, DateOrder::DayFirst] {
            if let Some((time, Some(style))) = Timestamp::parse_styled(&text, order) {
                let mut again = String::new();
                time.write(style, &mut again);
                assert_eq!(again, text);
            }
        }
    }
}
