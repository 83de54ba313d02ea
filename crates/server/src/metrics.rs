//! Counters of requests and of pushed records, as Prometheus text.
//!
//! A handful of series does not need a metrics framework: routes are known, statuses are few, and
//! the store counts for itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use durward_detect::WatchStatus;
use durward_model::Log;
use durward_store::{Appended, Status};
use std::sync::{Arc, Mutex};

use crate::sign_in::Counters;

/// Upper ends of the latency histogram, in seconds.
const BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Series of requests kept apart; more are counted as one. Routes times statuses stay far below.
const SERIES_MAX: usize = 512;

/// Route, method, status.
type Series = (String, String, u16);

#[derive(Debug, Default, Clone)]
struct Requests {
    count: u64,
    seconds: f64,
    /// Requests at most as slow as the bucket's end, not counting those of smaller buckets.
    buckets: [u64; BUCKETS.len()],
}

/// Counters of one server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Series, Requests>>,
    pub(crate) pushed_bytes: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) exported: AtomicU64,
    pub(crate) sign_ins: Arc<Counters>,
    new: [AtomicU64; 8],
    known: [AtomicU64; 8],
    revised: [AtomicU64; 8],
}

impl Metrics {
    /// Counts a request.
    pub(crate) fn request(&self, route: &str, method: &str, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let mut requests = match self.requests.lock() {
            Ok(requests) => requests,
            Err(poisoned) => poisoned.into_inner(),
        };
        let mut series = (route.to_owned(), method.to_owned(), status);
        if requests.len() >= SERIES_MAX && !requests.contains_key(&series) {
            series = ("other".to_owned(), "other".to_owned(), 0);
        }
        let entry = requests.entry(series).or_default();
        entry.count += 1;
        entry.seconds += seconds;
        if let Some(bucket) = BUCKETS.iter().position(|end| seconds <= *end) {
            entry.buckets[bucket] += 1;
        }
    }

    /// Counts records taken in.
    pub(crate) fn appended(&self, done: &Appended) {
        for (log, counts) in done.by_log.iter().enumerate() {
            self.new[log].fetch_add(counts.new, Ordering::Relaxed);
            self.known[log].fetch_add(counts.known, Ordering::Relaxed);
            self.revised[log].fetch_add(counts.revised, Ordering::Relaxed);
        }
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn write(&self, status: &Status) -> String {
        let mut out = String::with_capacity(8 << 10);
        self.write_ingest(&mut out);
        self.write_sign_ins(&mut out);
        write_store(status, &mut out);
        self.write_requests(&mut out);
        out
    }

    fn write_ingest(&self, out: &mut String) {
        head(out, "durward_ingested_events_total", "counter", "Pushed records by what they were.");
        for log in Log::ALL {
            let counters = [("new", &self.new), ("known", &self.known), ("revised", &self.revised)];
            for (outcome, by_log) in counters {
                let value = by_log[log as usize].load(Ordering::Relaxed);
                let labels = format!("log=\"{}\",outcome=\"{outcome}\"", log.name());
                line(out, "durward_ingested_events_total", &labels, value);
            }
        }
        for (name, help, counter) in [
            ("durward_rejected_records_total", "Pushed records not readable.", &self.rejected),
            ("durward_pushed_bytes_total", "Bytes of pushed bodies.", &self.pushed_bytes),
            ("durward_exported_events_total", "Events written to exports.", &self.exported),
        ] {
            head(out, name, "counter", help);
            line(out, name, "", counter.load(Ordering::Relaxed));
        }
    }

    fn write_sign_ins(&self, out: &mut String) {
        let name = "durward_own_sign_ins_total";
        head(out, name, "counter", "Attempts to sign in to durward, by what became of them.");
        for (outcome, counter) in [
            ("succeeded", &self.sign_ins.succeeded),
            ("failed", &self.sign_ins.failed),
            ("refused", &self.sign_ins.refused),
            ("busy", &self.sign_ins.busy),
        ] {
            let labels = format!("outcome=\"{outcome}\"");
            line(out, name, &labels, counter.load(Ordering::Relaxed));
        }
        let name = "durward_own_sign_ins_dropped_total";
        head(out, name, "counter", "Attempts to sign in to durward that are in no log.");
        line(out, name, "", self.sign_ins.dropped.load(Ordering::Relaxed));
    }

    fn write_requests(&self, out: &mut String) {
        let requests = match self.requests.lock() {
            Ok(requests) => requests.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        let name = "durward_http_request_duration_seconds";
        head(out, name, "histogram", "Time to answer, by route, method and status.");
        for ((route, method, status), of) in &requests {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            let mut below = 0;
            for (end, count) in BUCKETS.iter().zip(of.buckets) {
                below += count;
                line(out, &format!("{name}_bucket"), &format!("{labels},le=\"{end}\""), below);
            }
            line(out, &format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), of.count);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name}_sum{{{labels}}} {:.6}", of.seconds);
            line(out, &format!("{name}_count"), &labels, of.count);
        }
    }
}

fn write_store(status: &Status, out: &mut String) {
    head(out, "durward_events", "gauge", "Events kept, by log.");
    for log in &status.logs {
        line(out, "durward_events", &format!("log=\"{}\"", log.log.name()), log.events);
    }
    head(out, "durward_newest_event_seconds", "gauge", "Time of the newest event, by log.");
    for log in &status.logs {
        let labels = format!("log=\"{}\"", log.log.name());
        line(out, "durward_newest_event_seconds", &labels, log.newest_micros / 1_000_000);
    }
    let failing = u8::from(status.last_error.is_some());
    for (name, help, value) in [
        ("durward_hot_rows", "Rows in memory that are not sealed yet.", status.hot_rows as u64),
        ("durward_hot_bytes", "Memory of rows not sealed yet.", status.hot_bytes as u64),
        ("durward_wal_bytes", "Bytes of the write-ahead log.", status.wal_bytes),
        ("durward_files", "Sealed files.", status.files as u64),
        ("durward_sealed_bytes", "Bytes of sealed files.", status.sealed_bytes),
        ("durward_entities", "Distinct entities.", status.entities as u64),
        ("durward_entity_bytes", "Memory of entities.", status.entity_bytes as u64),
        ("durward_cache_bytes", "Memory of decoded columns.", status.cache_bytes as u64),
        ("durward_maintenance_failing", "Did the last maintenance fail?", failing.into()),
        ("durward_stopped", "Has the store stopped accepting data?", status.stopped.into()),
    ] {
        head(out, name, "gauge", help);
        line(out, name, "", value);
    }
}

/// How the detections are doing.
pub(crate) fn write_watch(status: &WatchStatus, out: &mut String) {
    let at = status.at_micros.unwrap_or(0) / 1_000_000;
    let failing = u8::from(!status.error.is_empty());
    for (name, kind, help, value) in [
        ("durward_detections_at_seconds", "gauge", "The log was looked at up to here.", at),
        ("durward_detections_failing", "gauge", "Did the last look fail?", failing.into()),
        (
            "durward_detections_seen_total",
            "counter",
            "Sign-ins that detections have looked at.",
            i64::try_from(status.seen).unwrap_or(i64::MAX),
        ),
    ] {
        head(out, name, kind, help);
        line(out, name, "", value);
    }
    let name = "durward_detections_look_seconds";
    head(out, name, "gauge", "How long the last look took.");
    line(out, name, "", format_args!("{:.6}", status.took.as_secs_f64()));
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = match labels {
        "" => writeln!(out, "{name} {value}"),
        labels => writeln!(out, "{name}{{{labels}}} {value}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_up() {
        let metrics = Metrics::default();
        for millis in [1, 4, 40, 90_000] {
            metrics.request("/x", "GET", 200, Duration::from_millis(millis));
        }
        let mut out = String::new();
        metrics.write_requests(&mut out);
        for part in [
            "_bucket{route=\"/x\",method=\"GET\",status=\"200\",le=\"0.005\"} 2\n",
            "le=\"30\"} 3\n",
            "le=\"+Inf\"} 4\n",
            "_count{route=\"/x\",method=\"GET\",status=\"200\"} 4\n",
        ] {
            assert!(out.contains(part), "{part} in {out}");
        }
    }

    #[test]
    fn series_are_bounded() {
        let metrics = Metrics::default();
        for number in 0..5000 {
            metrics.request(&format!("/{number}"), "GET", 200, Duration::ZERO);
        }
        assert!(metrics.requests.lock().unwrap().len() <= SERIES_MAX + 1);
    }
}
