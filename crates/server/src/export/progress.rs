//! How far exports are that somebody watches, and what they were once they are over.
//!
//! Whoever asks for an export may give it a name of their own (`job`). Under it they, and nobody
//! else, are told how many rows are written, and in the end the SHA-256 of the bytes that were
//! sent. Kept in memory, for a while: it is about a download of today, not about the log.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use durward_model::Timestamp;
use durward_model::time::HOUR_MICROS;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

/// Exports remembered, of all callers together.
const KEPT_MAX: usize = 256;
/// How long an export is remembered after its end.
const KEPT_MICROS: i64 = HOUR_MICROS;
/// Lengths of names.
const NAME_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// The exports of all callers.
#[derive(Debug, Default)]
pub(crate) struct Downloads(Mutex<VecDeque<Arc<Download>>>);

/// One export.
#[derive(Debug)]
pub(crate) struct Download {
    /// Whose it is: see [`crate::access::Caller::key`].
    owner: String,
    name: String,
    started: Timestamp,
    /// What it is of, for the manifest.
    about: Value,
    pub(super) total: AtomicU64,
    pub(super) rows: AtomicU64,
    bytes: AtomicU64,
    hasher: Mutex<Sha256>,
    end: Mutex<Option<End>>,
}

#[derive(Clone, Debug)]
struct End {
    at: Timestamp,
    /// `None` if it did not come to its end.
    sha256: Option<String>,
}

impl Downloads {
    /// Remembers an export that begins. One of the same name is forgotten.
    pub(super) fn start(
        &self,
        owner: String,
        name: &str,
        about: Value,
    ) -> Result<Arc<Download>, ApiError> {
        let belongs = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !NAME_BYTES.contains(&name.len()) || !name.bytes().all(belongs) {
            let message = "'job' is 8 to 64 letters, digits, - and _";
            return Err(ApiError::bad_request(message).parameter("job"));
        }
        let started = Timestamp::now();
        let download = Arc::new(Download {
            owner,
            name: name.to_owned(),
            started,
            about,
            total: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            hasher: Mutex::new(Sha256::new()),
            end: Mutex::new(None),
        });
        let mut all = self.0.lock();
        let is_over = |of: &Download| {
            let end = of.end.lock();
            end.as_ref().is_some_and(|end| end.at.micros + KEPT_MICROS < started.micros)
        };
        let is_same = |of: &Download| of.owner == download.owner && of.name == name;
        all.retain(|of| !is_same(of) && !is_over(of));
        all.truncate(KEPT_MAX - 1);
        all.push_front(download.clone());
        Ok(download)
    }

    /// An export of somebody.
    pub(crate) fn find(&self, owner: &str, name: &str) -> Option<Arc<Download>> {
        let all = self.0.lock();
        all.iter().find(|of| of.owner == owner && of.name == name).cloned()
    }
}

impl Download {
    /// It is over.
    pub(super) fn end(&self, is_whole: bool) {
        let hash = std::mem::take(&mut *self.hasher.lock()).finalize();
        let hex = || hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        *self.end.lock() = Some(End { at: Timestamp::now(), sha256: is_whole.then(hex) });
    }

    /// For whoever waits.
    pub(crate) fn progress(&self) -> Value {
        let end = self.end.lock().clone();
        json!({
            "rows": self.rows.load(Ordering::Relaxed),
            "total": self.total.load(Ordering::Relaxed),
            "bytes": self.bytes.load(Ordering::Relaxed),
            "state": match &end {
                None => "running",
                Some(End { sha256: None, .. }) => "failed",
                Some(_) => "done",
            },
            "sha256": end.and_then(|end| end.sha256),
        })
    }

    /// What the file is, once it is whole.
    pub(crate) fn manifest(&self) -> Option<Value> {
        let end = self.end.lock().clone()?;
        let mut manifest = json!({
            "started": self.started.to_rfc3339(),
            "finished": end.at.to_rfc3339(),
            "rows": self.rows.load(Ordering::Relaxed),
            "bytes": self.bytes.load(Ordering::Relaxed),
            "sha256": end.sha256?,
        });
        if let (Value::Object(all), Value::Object(about)) = (&mut manifest, &self.about) {
            all.extend(about.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Some(manifest)
    }
}

/// Counts and hashes what goes through it.
pub(super) struct Watched<W> {
    inner: W,
    download: Option<Arc<Download>>,
}

impl<W> Watched<W> {
    pub(super) fn new(inner: W, download: Option<Arc<Download>>) -> Watched<W> {
        Watched { inner, download }
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        if let Some(download) = &self.download {
            download.bytes.fetch_add(count as u64, Ordering::Relaxed);
            download.hasher.lock().update(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_known_to_whose_it_is_and_in_the_end_has_a_hash() {
        let downloads = Downloads::default();
        let start = |owner: &str| downloads.start(owner.to_owned(), "job-0001", json!({ "a": 1 }));
        let download = start("p").unwrap();
        assert!(downloads.find("q", "job-0001").is_none());
        let mut out = Watched::new(Vec::new(), Some(download.clone()));
        out.write_all(b"abc").unwrap();
        let found = downloads.find("p", "job-0001").unwrap();
        assert_eq!(found.progress()["state"], "running");
        assert!(found.manifest().is_none());
        download.end(true);
        let manifest = found.manifest().unwrap();
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((&manifest["sha256"], &manifest["bytes"]), (&json!(hash), &json!(3)));
        assert_eq!(manifest["a"], 1);
        start("p").unwrap().end(false);
        let again = downloads.find("p", "job-0001").unwrap();
        assert_eq!(again.progress()["state"], "failed");
        assert!(again.manifest().is_none(), "of a part there is no manifest");
    }

    #[test]
    fn only_so_many_are_remembered_and_names_are_plain() {
        let downloads = Downloads::default();
        for number in 0..KEPT_MAX + 5 {
            downloads.start("p".to_owned(), &format!("job-{number:06}"), json!({})).unwrap();
        }
        assert_eq!(downloads.0.lock().len(), KEPT_MAX);
        assert!(downloads.find("p", "job-000000").is_none());
        for name in ["short", "with blanks", "ünicode-name", &"x".repeat(65)] {
            assert!(downloads.start("p".to_owned(), name, json!({})).is_err(), "{name}");
        }
    }
}
