//! Progress of long work: a bar on a terminal, a line now and then otherwise.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What the numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Days,
}

/// Progress of one task, shared by its threads.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    unit: Unit,
    total: u64,
    done: AtomicU64,
    next_line: Mutex<Instant>,
    silent: bool,
}

impl Progress {
    /// Progress towards `total`; nothing is shown where `silent`.
    pub(crate) fn new(what: &'static str, unit: Unit, total: u64, silent: bool) -> Progress {
        let bar = (!silent && std::io::stderr().is_terminal()).then(|| bar(what, unit, total));
        let next_line = Mutex::new(Instant::now() + LINE_EVERY);
        Progress { bar, what, unit, total, done: AtomicU64::new(0), next_line, silent }
    }

    /// Takes note of more that is done; `events` are those seen so far.
    pub(crate) fn add(&self, amount: u64, events: u64) {
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(format!("{} events", crate::output::count(events)));
            return;
        }
        let mut next_line = self.next_line.lock();
        if self.silent || Instant::now() < *next_line {
            return;
        }
        *next_line = Instant::now() + LINE_EVERY;
        let percent = (done * 100).checked_div(self.total).unwrap_or(100);
        let events = crate::output::count(events);
        let (what, unit) = (self.what, self.unit.name());
        // Progress that cannot be shown is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{what}: {percent} % of {unit}, {events} events");
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::Days => "days",
        }
    }
}

fn bar(what: &'static str, unit: Unit, total: u64) -> ProgressBar {
    let template = match unit {
        Unit::Bytes => "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
        Unit::Days => "{prefix} {wide_bar} {pos}/{len} days {msg}",
    };
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::new(total).with_prefix(what);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
