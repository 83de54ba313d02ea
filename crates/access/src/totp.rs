//! Codes of an authenticator app (RFC 6238), and recovery codes for when it is lost.
//!
//! The secrets of authenticator apps are kept as they are, as they have to be used: a key beside
//! them would be read by whoever reads the database, whose file only its owner may read.

use durward_model::Timestamp;
use durward_model::time::SECOND_MICROS;
use rusqlite::{Connection, OptionalExtension as _};
use totp_rs::{Builder, Totp};

use crate::error::{AccessError, Result};
use crate::people;
use crate::secret;
use crate::store::AccessStore;

/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;
/// Longest code worth looking at, in bytes.
const CODE_BYTES_MAX: usize = 40;

/// A secret for an authenticator app. Its codes count only once one was confirmed.
#[derive(Clone)]
pub struct TotpEnrolment {
    /// The secret in Base32, to be typed.
    pub secret: String,
    /// The secret as an `otpauth:` address, to be shown as a QR code.
    pub url: String,
}

impl std::fmt::Debug for TotpEnrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpEnrolment(..)")
    }
}

impl AccessStore {
    /// Makes a secret for the authenticator app of a local account. What they use so far goes on
    /// to hold until [`AccessStore::confirm_totp`].
    pub fn begin_totp(&self, person: &str) -> Result<TotpEnrolment> {
        let bytes: [u8; 20] = secret::random()?;
        self.write(|db| {
            let person = people::enabled_person(db, person)?;
            if !person.is_local() {
                return Err(AccessError::NoSuchPerson);
            }
            let statement = "UPDATE person SET totp_pending = ?2 WHERE id = ?1";
            db.prepare_cached(statement)?.execute((&person.id, &bytes))?;
            let totp = Builder::new()
                .with_secret(bytes)
                .with_issuer(Some("durward"))
                .with_account_name(person.name)
                .build()
                .map_err(invalid)?;
            let url = totp.to_url().map_err(invalid)?;
            Ok(TotpEnrolment { secret: totp.secret().to_base32(), url })
        })
    }

    /// Takes the new secret into use, if the code is right, and gives new recovery codes. Codes of
    /// the former secret and former recovery codes hold no longer.
    pub fn confirm_totp(
        &self,
        person: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<String>>> {
        self.write(|db| {
            let pending = "SELECT totp_pending FROM person WHERE id = ?1";
            let pending = db.prepare_cached(pending)?.query_row([person], |row| row.get(0));
            let Some(pending) = pending.optional()?.flatten() else { return Ok(None) };
            let Some(step) = matching_step(pending, code, now)? else { return Ok(None) };
            let statement = "UPDATE person SET totp_secret = totp_pending, totp_pending = NULL, \
                 totp_step = ?2 WHERE id = ?1";
            db.prepare_cached(statement)?.execute((person, step))?;
            Ok(Some(new_recovery_codes(db, person)?))
        })
    }

    /// Is it the code of now, or of half a minute before or after? Each counts once, and after it
    /// only later ones do.
    pub fn check_totp(&self, person: &str, code: &str, now: Timestamp) -> Result<bool> {
        self.write(|db| {
            let statement = "SELECT totp_secret FROM person WHERE id = ?1";
            let secret = db.prepare_cached(statement)?.query_row([person], |row| row.get(0));
            let Some(secret) = secret.optional()?.flatten() else { return Ok(false) };
            let Some(step) = matching_step(secret, code, now)? else { return Ok(false) };
            let statement = "UPDATE person SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2";
            Ok(db.prepare_cached(statement)?.execute((person, step))? == 1)
        })
    }

    /// Is it one of the recovery codes? Each counts once.
    pub fn take_recovery_code(&self, person: &str, code: &str) -> Result<bool> {
        if code.len() > CODE_BYTES_MAX {
            return Ok(false);
        }
        let statement = "DELETE FROM recovery_code WHERE person = ?1 AND hash = ?2";
        self.write(|db| {
            Ok(db.prepare_cached(statement)?.execute((person, recovery_digest(code)))? == 1)
        })
    }

    /// How many recovery codes are left.
    pub fn recovery_codes_left(&self, person: &str) -> Result<usize> {
        let statement = "SELECT count(*) FROM recovery_code WHERE person = ?1";
        self.read(|db| {
            let count: u32 = db.prepare_cached(statement)?.query_row([person], |row| row.get(0))?;
            Ok(count as usize)
        })
    }

    /// Signing in takes a password only, from now on.
    pub fn remove_totp(&self, person: &str) -> Result<()> {
        self.write(|db| {
            let statement = "UPDATE person SET totp_secret = NULL, totp_pending = NULL, \
                 totp_step = 0 WHERE id = ?1";
            db.prepare_cached(statement)?.execute([person])?;
            let statement = "DELETE FROM recovery_code WHERE person = ?1";
            db.prepare_cached(statement)?.execute([person])?;
            Ok(())
        })
    }
}

/// The half minute since 1970 that the code is of, if it is about now.
fn matching_step(secret: Vec<u8>, code: &str, now: Timestamp) -> Result<Option<i64>> {
    let code: String = code.chars().filter(|letter| !letter.is_whitespace()).take(9).collect();
    let totp: Totp = Builder::new().with_secret(secret).build().map_err(invalid)?;
    let seconds = u64::try_from(now.micros / SECOND_MICROS).unwrap_or_default();
    Ok(totp.check(&code, seconds).and_then(|step| i64::try_from(step).ok()))
}

fn invalid(error: totp_rs::TotpError) -> AccessError {
    AccessError::Invalid(error.to_string())
}

/// 80 random bits each, so that a fast hash is enough.
fn new_recovery_codes(db: &Connection, person: &str) -> Result<Vec<String>> {
    db.prepare_cached("DELETE FROM recovery_code WHERE person = ?1")?.execute([person])?;
    let insert = "INSERT INTO recovery_code (person, hash) VALUES (?1, ?2)";
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let letters = totp_rs::Secret::from(secret::random::<10>()?).to_base32();
        let groups: Vec<&str> = (0..4).map(|group| &letters[group * 4..group * 4 + 4]).collect();
        let code = groups.join("-").to_lowercase();
        db.prepare_cached(insert)?.execute((person, recovery_digest(&code)))?;
        codes.push(code);
    }
    Ok(codes)
}

/// However the code is typed.
fn recovery_digest(code: &str) -> [u8; 32] {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    secret::digest(&letters.collect::<String>().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, person, store};

    fn code(enrolment: &TotpEnrolment, seconds: i64) -> String {
        let totp = Totp::from_url(&enrolment.url).unwrap();
        totp.generate(at(seconds).micros as u64 / 1_000_000).to_string()
    }

    #[test]
    fn each_code_counts_once_and_only_about_now() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let enrolment = store.begin_totp(&id).unwrap();
        assert!(enrolment.url.starts_with("otpauth://totp/durward:morgan?"), "{}", enrolment.url);
        assert!(enrolment.url.contains(&enrolment.secret));
        assert!(!store.check_totp(&id, &code(&enrolment, 0), at(0)).unwrap(), "not confirmed yet");
        assert!(!store.person(&id).unwrap().unwrap().has_totp);
        assert_eq!(store.confirm_totp(&id, &code(&enrolment, 3600), at(0)).unwrap(), None);
        assert!(store.confirm_totp(&id, &code(&enrolment, 0), at(0)).unwrap().is_some());
        assert!(store.person(&id).unwrap().unwrap().has_totp);

        let check =
            |of: i64, when: i64| store.check_totp(&id, &code(&enrolment, of), at(when)).unwrap();
        assert!(!check(0, 5), "the code that confirmed is used up");
        assert!(check(30, 5), "a clock may be half a minute ahead");
        assert!(!check(30, 35), "a replay");
        assert!(!check(0, 35), "an older code");
        assert!(check(60, 95), "a clock may be half a minute behind");
        assert!(!check(120, 185));
        assert!(!check(240, 185));
        let spaced = code(&enrolment, 300);
        let spaced = format!(" {} {}", &spaced[..3], &spaced[3..]);
        assert!(store.check_totp(&id, &spaced, at(300)).unwrap());
        for wrong in ["", "abcdef", "1234567890123", "０００００0"] {
            assert!(!store.check_totp(&id, wrong, at(600)).unwrap(), "{wrong}");
        }
        store.remove_totp(&id).unwrap();
        assert!(!check(900, 900));
    }

    #[test]
    fn recovery_codes_count_once_and_go_with_a_new_secret() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let other = person(&store, "noor").id;
        let enrol = |seconds: i64| {
            let enrolment = store.begin_totp(&id).unwrap();
            let code = code(&enrolment, seconds);
            store.confirm_totp(&id, &code, at(seconds)).unwrap().unwrap()
        };
        let codes = enrol(0);
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert_eq!(codes[0].len(), 19, "{}", codes[0]);
        assert!(!store.take_recovery_code(&other, &codes[0]).unwrap());
        assert!(store.take_recovery_code(&id, &codes[0].to_uppercase().replace('-', " ")).unwrap());
        assert!(!store.take_recovery_code(&id, &codes[0]).unwrap());
        assert_eq!(store.recovery_codes_left(&id).unwrap(), RECOVERY_CODES - 1);
        enrol(60);
        assert!(!store.take_recovery_code(&id, &codes[1]).unwrap());
        assert_eq!(store.recovery_codes_left(&id).unwrap(), RECOVERY_CODES);
    }

    #[test]
    fn the_former_secret_holds_until_the_new_one_is_confirmed() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let first = store.begin_totp(&id).unwrap();
        store.confirm_totp(&id, &code(&first, 0), at(0)).unwrap().unwrap();
        let second = store.begin_totp(&id).unwrap();
        assert!(store.check_totp(&id, &code(&first, 60), at(60)).unwrap());
        store.confirm_totp(&id, &code(&second, 120), at(120)).unwrap().unwrap();
        assert!(!store.check_totp(&id, &code(&first, 180), at(180)).unwrap());
        assert!(store.check_totp(&id, &code(&second, 180), at(180)).unwrap());
    }
}
