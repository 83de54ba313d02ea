//! A torn end is cut off; damage anywhere before it is an error that says where.

use super::*;

/// A log of one segment in three groups of two batches. Returns it and the group starts.
fn three_groups() -> (CrashFiles, PathBuf, [usize; 4]) {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    let path = Path::new(DIR).join("00000000000000000001.wal");
    let mut starts = [32; 4];
    for group in 0..3u8 {
        let tickets = [wal.submit(vec![group; 20]), wal.submit(vec![group; 30])];
        for ticket in tickets {
            ticket.unwrap().wait().unwrap();
        }
        starts[usize::from(group) + 1] = files.read(&path).unwrap().len();
    }
    assert_eq!(wal.segments(), 1);
    (files, path, starts)
}

/// The outcome of opening and reading, for a copy of the log with one change.
fn outcome(
    files: &CrashFiles,
    path: &Path,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<Vec<u64>, WalError> {
    let files = files.after_crash(Survival::Everything);
    files.damage(path, change).unwrap();
    let (_, replay) = open(&files, 0)?;
    replay.map(|batch| batch.map(|(position, _)| position.0)).collect()
}

#[test]
fn an_end_cut_off_anywhere_in_the_last_group_is_dropped() {
    let (files, path, starts) = three_groups();
    for len in starts[2]..starts[3] {
        let found = outcome(&files, &path, |bytes| bytes.truncate(len)).unwrap();
        let whole = if len < starts[2] + 32 + 20 { 4 } else { 5 };
        assert_eq!(found, (1..=whole).collect::<Vec<_>>(), "len={len}");
        let zeros = outcome(&files, &path, |bytes| bytes[len..].fill(0)).unwrap();
        assert_eq!(zeros, found, "len={len}");
    }
    // A later frame of the same group has survived an earlier one.
    let found = outcome(&files, &path, |bytes| bytes[starts[2] + 40] ^= 1).unwrap();
    assert_eq!(found, [1, 2, 3, 4]);
}

#[test]
fn damage_before_the_last_group_is_an_error_with_file_and_offset() {
    let (files, path, starts) = three_groups();
    for at in starts[0]..starts[2] {
        let error = outcome(&files, &path, |bytes| bytes[at] ^= 0x20).unwrap_err();
        let WalError::Corrupt { path: found, offset, .. } = &error else { panic!("{error}") };
        assert_eq!(found, &path);
        let frame = *offset as usize;
        assert!(frame <= at && at < frame + 32 + 30, "at={at} offset={offset}");
        assert!(error.to_string().contains("Restore"), "{error}");
    }
    for at in 0..starts[0] {
        assert!(outcome(&files, &path, |bytes| bytes[at] ^= 0x20).is_err(), "header byte {at}");
    }
}

#[test]
fn damage_in_an_older_segment_or_a_missing_one_is_an_error() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    for n in 1..=30u8 {
        wal.append(vec![n; 50]).unwrap();
    }
    drop(wal);
    let segments = files.list(Path::new(DIR)).unwrap();
    assert!(segments.len() >= 4);
    let older = &segments[1].path;
    // Even at its very end, which would pass as torn in the newest one.
    let error = outcome(&files, older, |bytes| bytes.truncate(bytes.len() - 1)).unwrap_err();
    assert!(matches!(&error, WalError::Corrupt { path, .. } if path == older), "{error}");
    let emptied = outcome(&files, older, Vec::clear).unwrap_err();
    assert!(matches!(&emptied, WalError::Corrupt { path, .. } if path == older), "{emptied}");

    let gap = files.after_crash(Survival::Everything);
    gap.remove(older).unwrap();
    let (_, mut replay) = open(&gap, 0).unwrap();
    let error = replay.find_map(Result::err).unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(replay.next().is_none(), "nothing after an error");

    files.remove(&segments[0].path).unwrap();
    let error = open(&files, 0).unwrap_err();
    assert!(matches!(error, WalError::Missing { wanted: LogPosition(1), .. }), "{error}");
}

#[test]
fn the_end_of_a_segment_that_has_a_successor_is_not_taken_for_torn() {
    let (files, path, starts) = three_groups();
    // The successor was begun, but its header did not survive.
    let torn = Path::new(DIR).join("00000000000000000007.wal");
    files.write_durably(&torn, b"durw").unwrap();
    assert_eq!(outcome(&files, &path, |_| {}).unwrap(), [1, 2, 3, 4, 5, 6]);
    let error = outcome(&files, &path, |bytes| bytes.truncate(starts[3] - 1)).unwrap_err();
    assert!(matches!(error, WalError::Corrupt { .. }), "{error}");
}

#[test]
fn bytes_in_a_payload_do_not_pass_as_a_frame() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    wal.append(b"a".to_vec()).unwrap();
    // A frame that claims that everything had been durable, but lacks the salt.
    let mut forged = Vec::new();
    format::encode_frame(&mut forged, 0, LogPosition(99), LogPosition(98), b"forged");
    wal.append(forged).unwrap();
    drop(wal);
    let path = Path::new(DIR).join("00000000000000000001.wal");
    let second = 32 + 32 + 1;
    let found = outcome(&files, &path, |bytes| bytes[second] ^= 1).unwrap();
    assert_eq!(found, [1]);
}
