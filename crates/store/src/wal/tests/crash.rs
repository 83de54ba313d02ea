//! LOG-1 at every operation: a workload with groups, rolls, removals, a full disk and a restart
//! is cut after each write, sync and rename in turn; what the disk may then hold is opened and
//! compared with what had been acknowledged.

use std::collections::BTreeMap;

use super::*;

/// Seeds of [`Survival::Random`] tried at each cut.
const SEEDS: u64 = 12;

/// What the callers of the log know when the power goes.
#[derive(Debug, Default)]
struct Known {
    /// Everything submitted, by position.
    submitted: BTreeMap<u64, Vec<u8>>,
    acknowledged: Vec<u64>,
    /// Refused because the disk was full.
    refused: Vec<u64>,
    /// Durable elsewhere: the log may have dropped it.
    sealed: u64,
}

impl Known {
    fn submit(&mut self, wal: &Wal, payloads: &[Vec<u8>]) -> Result<(), WalAppendError> {
        let mut tickets = Vec::new();
        for payload in payloads {
            let ticket = wal.submit(payload.clone())?;
            self.submitted.insert(ticket.position().0, payload.clone());
            tickets.push(ticket);
        }
        for ticket in tickets {
            let position = ticket.position().0;
            match ticket.wait() {
                Ok(_) => self.acknowledged.push(position),
                Err(WalAppendError::DiskFull) => self.refused.push(position),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Runs until done or until the power goes; `known` is what the callers learned.
fn workload(crash: &CrashFiles, known: &mut Known) -> Result<(), Box<dyn std::error::Error>> {
    let full = FullDisk::new(Arc::new(crash.clone()), u64::MAX);
    let open =
        |after| Wal::open(Arc::new(full.clone()), Path::new(DIR), LogPosition(after), small());
    let batch = |n: u8, len: usize| vec![n; len];
    let (wal, _) = open(0)?;
    for n in 0..6 {
        known.submit(&wal, &[batch(n, 90), batch(n + 50, 0), batch(n + 100, 130)])?;
    }
    known.submit(&wal, &[batch(20, 9_000)])?;
    known.sealed = 8;
    wal.remove_through(LogPosition(8))?;
    full.set_budget(150);
    known.submit(&wal, &[batch(21, 60), batch(22, 60), batch(23, 200)])?;
    full.set_budget(u64::MAX);
    known.submit(&wal, &[batch(24, 80)])?;
    drop(wal);
    let (wal, replay) = open(known.sealed)?;
    assert_eq!(replay.collect::<Result<Vec<_>, _>>()?.len(), 19 - 8 + 1);
    for n in 30..36 {
        known.submit(&wal, &[batch(n, 150), batch(n, 150)])?;
    }
    known.sealed = 30;
    wal.remove_through(LogPosition(30))?;
    known.submit(&wal, &[batch(40, 10)])?;
    Ok(())
}

fn check(files: &CrashFiles, known: &Known, context: &str) {
    let (wal, found) = open_all(files, known.sealed);
    let positions = positions(&found);
    assert!(positions.is_sorted_by(|a, b| a < b), "LOG-3: {context}: {positions:?}");
    for (position, payload) in &found {
        assert_eq!(known.submitted.get(position), Some(payload), "{context}: {position}");
    }
    let last_acknowledged = known.acknowledged.last().copied().unwrap_or(0);
    for position in known.acknowledged.iter().filter(|position| **position > known.sealed) {
        assert!(positions.contains(position), "LOG-1: {context}: {position} lost");
    }
    for position in known.refused.iter().filter(|position| **position < last_acknowledged) {
        assert!(!positions.contains(position), "{context}: refused {position} came back");
    }
    // What was handed out counts as known from now on, so it must survive the next cut.
    let again = open_all(&files.after_crash(Survival::Synced), known.sealed).1;
    assert_eq!(again, found, "LOG-1: {context}: handed out, then lost");
    let next = wal.append(b"next".to_vec()).unwrap();
    assert!(next.0 > last_acknowledged, "LOG-3: {context}");
    // Large enough for a segment of its own: then the one before must be clean to its end.
    let last = wal.append(vec![1; 600]).unwrap();
    let mut expected = found;
    expected.extend([(next.0, b"next".to_vec()), (last.0, vec![1; 600])]);
    let after = open_all(&files.after_crash(Survival::Synced), known.sealed).1;
    assert_eq!(after, expected, "LOG-1: {context}");
}

#[test]
fn log_1_every_acknowledged_batch_survives_a_cut_at_any_write_or_sync() {
    let whole = CrashFiles::new();
    let mut known = Known::default();
    workload(&whole, &mut known).unwrap();
    assert_eq!(known.refused.len(), 3, "the disk was full once");
    assert!(known.acknowledged.len() > 30);
    let operations = whole.operations();

    for cut in 0..=operations {
        let files = CrashFiles::new();
        files.cut_after(cut);
        let mut known = Known::default();
        let outcome = workload(&files, &mut known);
        assert_eq!(outcome.is_ok(), cut == operations, "cut={cut}");
        let random = (0..SEEDS).map(|seed| Survival::Random(cut * SEEDS + seed));
        for survival in [Survival::Synced, Survival::Everything].into_iter().chain(random) {
            check(&files.after_crash(survival), &known, &format!("cut={cut} {survival:?}"));
        }
    }
}

#[test]
fn log_1_holds_when_the_power_goes_again_while_opening() {
    for cut in [10, 20, 35, 50, 60] {
        let files = CrashFiles::new();
        files.cut_after(cut);
        let mut known = Known::default();
        assert!(workload(&files, &mut known).is_err());
        for seed in 0..SEEDS {
            let found = files.after_crash(Survival::Random(seed));
            for second_cut in 0..8 {
                let found = found.after_crash(Survival::Everything);
                found.cut_after(second_cut);
                let _ = open(&found, known.sealed);
                for survival in [Survival::Synced, Survival::Random(seed + 1)] {
                    let context = format!("cut={cut} seed={seed} second={second_cut} {survival:?}");
                    check(&found.after_crash(survival), &known, &context);
                }
            }
        }
    }
}
