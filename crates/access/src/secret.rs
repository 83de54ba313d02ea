//! Random secrets and identifiers, and how secrets are kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::Result;

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A secret that nobody guesses: 32 random bytes in 43 characters that need no quoting anywhere.
pub fn random_secret() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// A random identifier in the form of a GUID.
pub(crate) fn random_id() -> Result<String> {
    let number = u128::from_be_bytes(random()?);
    // Version 4, variant 1 (RFC 9562).
    let number = number & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{number:032x}");
    let (head, tail) = (&hex[..16], &hex[16..]);
    Ok(format!("{}-{}-{}-{}-{}", &head[..8], &head[8..12], &head[12..], &tail[..4], &tail[4..]))
}

/// What is kept of a secret.
pub(crate) fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Six characters that tell a mistyped or made-up token from a real one without a look-up, and let
/// scanners for leaked secrets recognise ours.
pub(crate) fn checksum(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(text)[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_guids_of_version_4() {
        let id = random_id().unwrap();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, random_id().unwrap());
        assert_eq!(random_secret().unwrap().len(), 43);
    }
}
