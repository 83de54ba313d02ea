//! Time, memory and bytes on disk.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

/// The largest resident memory of this process so far, in bytes.
pub(crate) fn peak_memory_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kilobytes.context("no VmHWM in /proc/self/status")?.trim().parse::<u64>()? * 1024)
}

/// The processor time of all threads of this process so far, in seconds.
pub(crate) fn processor_seconds() -> anyhow::Result<f64> {
    /// What the kernel tells programs to count in.
    const TICKS_A_SECOND: f64 = 100.0;
    let status = std::fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may have blanks; user and system time are the 12th and 13th after it.
    let after = status.rsplit_once(')').context("no name in /proc/self/stat")?.1;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 / TICKS_A_SECOND)
}

/// The bytes of all files under a folder; 0 where it is not there.
pub(crate) fn bytes_under(dir: &Path) -> anyhow::Result<u64> {
    if !dir.is_dir() {
        return Ok(0);
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        sum += if kind.is_dir() { bytes_under(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}

/// The middle value; 0 where there is none.
pub(crate) fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() * 1000.0
}
