//! Paths of data files as the log writes them: relative URIs, percent-encoded.

use std::fmt::Write;

/// Encodes a path on the disk for the log. Letters, digits and what needs no escape in a path
/// stay; every other byte becomes `%XX`.
pub(super) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'/' | b'=' | b'+' | b'@' | b',' | b'!' | b'$' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// Decodes a path of the log. An error if it is not the encoding of a text, or leads out of the
/// table.
pub(super) fn decode(encoded: &str) -> Result<String, String> {
    let invalid = || format!("{encoded:?} is not a path inside the table");
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = after.get(..2).ok_or_else(invalid)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err(invalid()) };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    let path = String::from_utf8(bytes).map_err(|_| invalid())?;
    if is_inside(&path) { Ok(path) } else { Err(invalid()) }
}

/// Whether a path names a file below the table folder.
pub(super) fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_from_their_encoding() {
        let cases = [
            ("date=2026-08-01/log=SignIn/a-1.parquet", "date=2026-08-01/log=SignIn/a-1.parquet"),
            ("a b/ü%2F.parquet", "a%20b/%C3%BC%252F.parquet"),
            ("q?x#y:z", "q%3Fx%23y%3Az"),
        ];
        for (path, encoded) in cases {
            assert_eq!(encode(path), encoded);
            assert_eq!(decode(encoded).as_deref(), Ok(path));
        }
    }

    #[test]
    fn paths_out_of_the_table_are_refused() {
        for bad in ["/etc/x", "../x", "a/%2e%2E/x", "a//b", "", "a%2", "a%zz", "%FF"] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
