//! The token that changes carry, and how it stands in pages.
//!
//! Pages are compressed and repeat what is in their address. A secret that stood in all of them
//! in the same way could be guessed from their lengths (BREACH), so each page has it under a pad
//! of its own.

use subtle::ConstantTimeEq as _;

/// The token under a new pad: the pad, and each byte of the token xor the pad's, in hexadecimal.
pub(crate) fn masked(token: &str) -> String {
    // Without randomness nothing works that needs the token, rather than less safely.
    let Ok(pad) = durward_access::random_secret() else { return String::new() };
    let mut masked = String::with_capacity(pad.len() + token.len() * 2);
    masked.push_str(&pad);
    masked.push('.');
    for (own, pad) in token.bytes().zip(pad.bytes().cycle()) {
        masked.push_str(&format!("{:02x}", own ^ pad));
    }
    masked
}

/// Is this the token, under a pad or as it is?
pub(crate) fn is_token(given: &str, expected: &str) -> bool {
    let is = |given: &[u8]| bool::from(given.ct_eq(expected.as_bytes()));
    match given.split_once('.').filter(|(pad, _)| !pad.is_empty()) {
        Some((pad, rest)) => unmasked(pad, rest).is_some_and(|given| is(&given)),
        None => is(given.as_bytes()),
    }
}

fn unmasked(pad: &str, rest: &str) -> Option<Vec<u8>> {
    let pairs = rest.as_bytes().chunks(2);
    let byte = |(pair, pad): (&[u8], u8)| {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2)?;
        u8::from_str_radix(digits, 16).ok().map(|byte| byte ^ pad)
    };
    pairs.zip(pad.bytes().cycle()).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_looks_different_each_time_and_is_known_again() {
        let token = durward_access::random_secret().unwrap();
        let (one, other) = (masked(&token), masked(&token));
        assert_ne!(one, other);
        assert!(!one.contains(&token));
        for given in [&one, &other, &token] {
            assert!(is_token(given, &token));
            assert!(!is_token(given, "another"));
        }
        for broken in ["", ".", "a.", "a.0", "a.zz", &one[1..], &one[..one.len() - 2]] {
            assert!(!is_token(broken, &token), "{broken}");
        }
    }
}
