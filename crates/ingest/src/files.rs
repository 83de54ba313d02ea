//! Files on disk: finding them, what their names say, and cutting one for several threads.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use durward_model::field::Log;

use crate::limits::{FOLDER_DEPTH_MAX, FOLDER_FILES_MAX, RECORD_BYTES_MAX};
use crate::scan::{Scanner, minify};

/// The files of these paths, folders with all below them, in a stable order: as given, and by
/// name within a folder. In folders, names that begin with a dot are left out, and so are links
/// to folders and the Markdown notes that people keep beside data.
///
/// # Errors
/// A path that is not there, a folder that cannot be read, more than a million files in one.
pub fn walk<P: AsRef<Path>>(paths: &[P]) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        match std::fs::metadata(path) {
            Ok(data) if data.is_dir() => walk_folder(path, 0, &mut files)?,
            Ok(_) => files.push(path.to_owned()),
            Err(error) => return Err(named(path, &error)),
        }
    }
    Ok(files)
}

fn named(path: &Path, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn walk_folder(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if depth > FOLDER_DEPTH_MAX {
        return Err(std::io::Error::other(format!("{}: nested too deep", folder.display())));
    }
    let entries = std::fs::read_dir(folder).map_err(|error| named(folder, &error))?;
    let mut names = entries
        .map(|entry| entry.map(|entry| (entry.file_name(), entry)))
        .collect::<std::io::Result<Vec<_>>>()?;
    names.sort_by(|left, right| left.0.cmp(&right.0));
    for (name, entry) in names {
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.to_ascii_lowercase().ends_with(".md") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk_folder(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() || entry.path().is_file() {
            if files.len() >= FOLDER_FILES_MAX {
                return Err(std::io::Error::other("more than a million files"));
            }
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The tenant of a blob folder: `…/tenantId=<id>/y=2026/m=03/d=02/h=07/m=00/PT1H.json`.
pub fn tenant_of(path: &str) -> Option<&str> {
    path.split(['/', '\\', '!']).find_map(|part| {
        let (name, tenant) = part.split_once('=')?;
        (name.eq_ignore_ascii_case("tenantId") && !tenant.is_empty()).then_some(tenant)
    })
}

/// What the portal calls the files of each log; the longer name that holds another comes first.
const FILE_NAMES: [(&str, Log); 4] = [
    ("noninteractivesignins", Log::NonInteractiveUser),
    ("interactivesignins", Log::InteractiveUser),
    ("applicationsignins", Log::ServicePrincipal),
    ("msisignins", Log::ManagedIdentity),
];

/// The log that a file's name stands for.
pub(crate) fn log_of_name(path: &str) -> Option<Log> {
    let name = base_name(path);
    FILE_NAMES.iter().find(|(part, _)| name.contains(part)).map(|(_, log)| *log)
}

/// Does the name say that the file has authentication steps without their sign-ins?
pub(crate) fn is_authentication_details(path: &str) -> bool {
    let name = base_name(path);
    name.contains("authdetails") && name.contains("signins")
}

fn base_name(path: &str) -> String {
    path.rsplit(['/', '\\', '!']).next().unwrap_or_default().to_ascii_lowercase()
}

/// Cuts a file of JSON Lines into at most `parts` pieces that end with a line, for
/// [`crate::Decoder::decode_range`]. Any other file is one piece.
///
/// # Errors
/// Those of opening and reading the file.
pub fn split_lines(path: &Path, parts: usize) -> std::io::Result<Vec<Range<u64>>> {
    /// Smaller pieces are not worth a thread.
    const PART_BYTES_MIN: u64 = 4 << 20;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let parts = (parts as u64).min(length / PART_BYTES_MIN).max(1);
    if parts == 1 || !begins_with_lines(&mut file)? {
        return Ok(std::iter::once(0..length).collect());
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    for part in 1..parts {
        let Some(end) = next_line(&mut file, (length / parts * part).max(start))? else { continue };
        if end > start && end < length {
            ranges.push(start..end);
            start = end;
        }
    }
    ranges.push(start..length);
    Ok(ranges)
}

/// Is the first line a record, and does the second begin another?
fn begins_with_lines(file: &mut File) -> std::io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    file.take(RECORD_BYTES_MAX as u64).read_to_end(&mut head)?;
    let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return Ok(false) };
    let is_record = std::str::from_utf8(first.trim_ascii())
        .is_ok_and(|line| line.starts_with('{') && minify(line).is_ok() && !holds_a_list(line));
    Ok(is_record && second.trim_ascii_start().starts_with(b"{"))
}

/// Lines that are batches of records can be cut too, but tables' answers cannot.
fn holds_a_list(line: &str) -> bool {
    let mut scanner = Scanner::new(line);
    scanner.first(b'}').is_ok_and(|more| more)
        && scanner.name().is_ok_and(|name| name.inner().eq_ignore_ascii_case("tables"))
}

/// The place behind the end of the line at `from`; nothing if that is too far.
fn next_line(file: &mut File, from: u64) -> std::io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = [0; 8192];
    let mut at = from;
    while at - from < RECORD_BYTES_MAX as u64 {
        let count = file.read(&mut bytes)?;
        let read = bytes.get(..count).unwrap_or_default();
        if let Some(newline) = read.iter().position(|byte| *byte == b'\n') {
            return Ok(Some(at + newline as u64 + 1));
        }
        if count == 0 {
            return Ok(None);
        }
        at += count as u64;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_tenants_and_logs() {
        assert_eq!(tenant_of("a/tenantId=t-1/y=2026/PT1H.json"), Some("t-1"));
        assert_eq!(tenant_of("a.zip!TENANTID=t-2/PT1H.json"), Some("t-2"));
        assert_eq!(tenant_of("a/tenantId=/PT1H.json"), None);
        assert_eq!(tenant_of("mytenantId=x.json"), None);
        assert_eq!(
            log_of_name("x/NonInteractiveSignIns_2026-03-02.csv"),
            Some(Log::NonInteractiveUser)
        );
        assert_eq!(log_of_name("InteractiveSignIns_1.csv"), Some(Log::InteractiveUser));
        assert_eq!(log_of_name("MSISignIns_1.json"), Some(Log::ManagedIdentity));
        assert_eq!(log_of_name("interactivesignins/a.json"), None);
        assert!(is_authentication_details("InteractiveSignIns_AuthDetails_1.csv"));
    }

    #[test]
    fn folders_are_walked_in_order_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("b/c")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        for name in
            ["z.json", "b/2.json", "b/c/1.json", ".git/config", "a.json", "b/.x", "README.md"]
        {
            std::fs::write(root.join(name), "{}").unwrap();
        }
        let found = walk(&[root.to_owned(), root.join("a.json")]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(root).unwrap()).collect();
        let expected = ["a.json", "b/2.json", "b/c/1.json", "z.json", "a.json"];
        assert_eq!(names, expected.map(Path::new));
        assert!(walk(&[root.join("missing")]).is_err());
    }

    #[test]
    fn a_file_of_lines_is_cut_between_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.json");
        let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1000));
        let count = (20 << 20) / line.len();
        std::fs::write(&path, line.repeat(count)).unwrap();
        let ranges = split_lines(&path, 4).unwrap();
        assert_eq!(ranges.len(), 4);
        assert_eq!(ranges[0].start, 0);
        assert_eq!(ranges[3].end, (count * line.len()) as u64);
        for pair in ranges.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
            assert_eq!(pair[0].end % line.len() as u64, 0);
        }
        std::fs::write(&path, format!("[{}]", line.repeat(count))).unwrap();
        assert_eq!(split_lines(&path, 4).unwrap().len(), 1);
    }
}
