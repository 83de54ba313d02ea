//! Passwords: which are taken, and how they are kept and compared.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{AccessError, Result};
use crate::hasher::Permit;
use crate::people::Person;
use crate::secret;
use crate::store::{AccessStore, fold};

/// Fewest characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Most bytes.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Fewest characters beside words that are guessed first.
const OTHER_CHARS_MIN: usize = 6;
/// Fewest different characters.
const DIFFERENT_CHARS_MIN: usize = 5;
/// Names of fewer characters are no help in guessing.
const NAME_CHARS_MIN: usize = 4;

/// What passwords are made of that are guessed first.
const COMMON: [&str; 41] = [
    "password",
    "passwort",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "motdepasse",
    "contraseña",
    "kennwort",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r",
    "1qaz2wsx",
    "qazwsx",
    "letmein",
    "welcome",
    "willkommen",
    "iloveyou",
    "administrator",
    "admin",
    "changeme",
    "default",
    "secret",
    "master",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "superman",
    "batman",
    "trustno1",
    "company",
    "durward",
    "login",
];

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It is too short.
    #[error("the password has fewer than {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    /// It is too long.
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// It repeats or counts.
    #[error("the password repeats a few characters, or counts up or down")]
    Repetitive,
    /// It is a common word or the name, and little else.
    #[error("the password is a common one, or little more than the name")]
    Common,
}

/// A hashed password, as a PHC string with salt and parameters.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What came of comparing a password. Whoever signs in hears only whether it was right; the rest
/// is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Right, and the account may be used: with a code, if the person has one.
    Right(Person),
    /// Right, but the account is disabled.
    Disabled(Person),
    /// Wrong.
    Wrong(Person),
    /// There is no such local account.
    Unknown,
}

impl Permit {
    /// Hashes a new password of somebody with that name, unless it is too easily guessed. Takes
    /// some tens of milliseconds and 19 MiB, and before that, the time to wait for its turn.
    pub fn hash(&self, name: &str, password: &str) -> Result<PasswordHash> {
        check_new(name, password)?;
        self.run(|| hash(password))
    }
}

impl AccessStore {
    /// Compares a password with that of a local account. Takes as long whether or not there is
    /// such an account.
    pub fn check_password(
        &self,
        permit: &Permit,
        name: &str,
        password: &str,
    ) -> Result<PasswordCheck> {
        let found = self.person_by_name(name)?;
        let stored: Option<String> = match &found {
            Some(person) => self.read(|db| {
                let statement = "SELECT password FROM person WHERE id = ?1";
                Ok(db.prepare_cached(statement)?.query_row([&person.id], |row| row.get(0))?)
            })?,
            None => None,
        };
        let (is_right, better) = permit.run(|| compare(password, stored.as_deref()))?;
        if let (Some(better), Some(person)) = (better, &found) {
            let statement = "UPDATE person SET password = ?2 WHERE id = ?1 AND password = ?3";
            self.touch(|db| {
                db.prepare_cached(statement)?.execute((&person.id, better.as_str(), &stored))?;
                Ok(())
            });
        }
        Ok(match found {
            None => PasswordCheck::Unknown,
            Some(person) if !is_right => PasswordCheck::Wrong(person),
            Some(person) if person.disabled => PasswordCheck::Disabled(person),
            Some(person) => PasswordCheck::Right(person),
        })
    }
}

/// Argon2id with the least that OWASP recommends: 19 MiB, two passes, one lane. Sign-ins are rare,
/// and the memory counts for each one under way.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// The same password is typed as different characters on different systems.
fn normal(password: &str) -> String {
    password.nfkc().collect()
}

fn hash(password: &str) -> Result<PasswordHash> {
    let salt: [u8; 16] = secret::random()?;
    let hashed: phc::PasswordHash =
        argon2().hash_password_with_salt(normal(password).as_bytes(), &salt).map_err(failed)?;
    Ok(PasswordHash(hashed.to_string()))
}

fn failed(error: argon2::password_hash::Error) -> AccessError {
    AccessError::Hash(error.to_string())
}

/// Is the password the one that was hashed; and a better hash of it, if there is one. Where
/// nothing was hashed the work is done all the same.
fn compare(password: &str, stored: Option<&str>) -> Result<(bool, Option<PasswordHash>)> {
    let is_long = password.len() > PASSWORD_BYTES_MAX;
    let Some(stored) = stored.filter(|_| !is_long) else {
        let given = if is_long { "" } else { password };
        std::hint::black_box(hash(given)?);
        return Ok((false, None));
    };
    let stored = phc::PasswordHash::new(stored).map_err(|error| failed(error.into()))?;
    if argon2().verify_password(normal(password).as_bytes(), &stored).is_err() {
        return Ok((false, None));
    }
    let better = if is_current(&stored) { None } else { Some(hash(password)?) };
    Ok((true, better))
}

fn is_current(stored: &phc::PasswordHash) -> bool {
    let Ok(params) = Params::try_from(stored) else { return false };
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    stored.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && stored.version == Some(Version::V0x13.into())
        && costs(&params) == costs(&Params::DEFAULT)
}

/// Is the password good enough? Length counts for most; what is refused besides is what anybody
/// tries first.
fn check_new(name: &str, password: &str) -> std::result::Result<(), WeakPassword> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(WeakPassword::TooLong);
    }
    let folded = fold(&normal(password));
    let letters: Vec<char> = folded.chars().collect();
    if letters.len() < PASSWORD_CHARS_MIN {
        return Err(WeakPassword::TooShort);
    }
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    let is_step = |pair: &&[char]| (pair[0] as u32).abs_diff(pair[1] as u32) <= 1;
    let steps = letters.windows(2).filter(is_step).count();
    if different.len() < DIFFERENT_CHARS_MIN || steps * 4 >= letters.len() * 3 {
        return Err(WeakPassword::Repetitive);
    }
    let mut rest = folded;
    let name = fold(name);
    let parts = name.split(|letter: char| !letter.is_alphanumeric());
    let parts = parts.filter(|part| part.len() >= NAME_CHARS_MIN);
    for word in std::iter::once(name.as_str()).chain(parts).chain(COMMON) {
        // Nothing is gained by guessing an empty name.
        if !word.is_empty() {
            rest = rest.replace(word, "");
        }
    }
    match rest.chars().count() {
        0..OTHER_CHARS_MIN => Err(WeakPassword::Common),
        _ => Ok(()),
    }
}

/// Sets a hash as it was made with other parameters, for tests.
#[cfg(test)]
pub(crate) fn old_hash(password: &str) -> PasswordHash {
    let params = Params::new(64, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed: phc::PasswordHash =
        argon2.hash_password_with_salt(password.as_bytes(), b"0123456789abcdef").unwrap();
    PasswordHash(hashed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::Hasher;
    use crate::people::NewPerson;
    use crate::testing::{at, store};

    #[test]
    fn what_is_guessed_first_is_refused() {
        use WeakPassword::*;
        for (password, expected) in [
            ("short pass", Err(TooShort)),
            ("elevenchars", Err(TooShort)),
            (&"ab".repeat(129), Err(TooLong)),
            ("aaaaaaaaaaaaaaaa", Err(Repetitive)),
            ("abababababababab", Err(Repetitive)),
            ("123456789012345", Err(Repetitive)),
            ("Password12345", Err(Common)),
            ("QwertyuiopQwerty1!", Err(Common)),
            ("Morgan.Vale2026", Err(Common)),
            ("vale-vale-morgan", Err(Common)),
            ("correct horse battery", Ok(())),
            ("ein langer Satz hilft", Ok(())),
            ("Tr7!kw.Pq9zL", Ok(())),
        ] {
            assert_eq!(check_new("morgan.vale@example.com", password), expected, "{password}");
        }
    }

    #[test]
    fn a_password_is_compared_and_rehashed_when_parameters_change() {
        let (_dir, store) = store();
        let permit = Hasher::default().try_enter(false).unwrap();
        let hashed = permit.hash("morgan", "correct horse battery").unwrap();
        assert!(hashed.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(format!("{hashed:?}"), "PasswordHash(..)");
        let password = Some(hashed.clone());
        let new = NewPerson { name: "morgan".to_owned(), password, ..NewPerson::default() };
        let morgan = store.create_local(&new, at(0)).unwrap();
        let check =
            |name: &str, password: &str| store.check_password(&permit, name, password).unwrap();
        assert_eq!(check("Morgan", "correct horse battery"), PasswordCheck::Right(morgan.clone()));
        assert_eq!(check("morgan", "correct horse batterz"), PasswordCheck::Wrong(morgan.clone()));
        assert_eq!(check("nobody", "correct horse battery"), PasswordCheck::Unknown);
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert_eq!(check("morgan", &long), PasswordCheck::Wrong(morgan.clone()));

        store.set_password(&morgan.id, Some(&old_hash("correct horse battery"))).unwrap();
        let stored = || -> String {
            let statement = "SELECT password FROM person";
            store.read(|db| Ok(db.query_row(statement, [], |row| row.get(0))?)).unwrap()
        };
        assert!(stored().contains("m=64"));
        assert!(matches!(check("morgan", "wrong horse battery"), PasswordCheck::Wrong(_)));
        assert!(stored().contains("m=64"), "a wrong password must not change the hash");
        assert!(matches!(check("morgan", "correct horse battery"), PasswordCheck::Right(_)));
        assert!(stored().contains("m=19456,t=2,p=1"));
        assert!(matches!(check("morgan", "correct horse battery"), PasswordCheck::Right(_)));

        store.set_disabled(&morgan.id, true).unwrap();
        assert!(matches!(check("morgan", "correct horse battery"), PasswordCheck::Disabled(_)));
        assert!(matches!(check("morgan", "wrong horse battery"), PasswordCheck::Wrong(_)));
        store.set_password(&morgan.id, None).unwrap();
        assert!(matches!(check("morgan", ""), PasswordCheck::Wrong(_)));
    }

    #[test]
    fn a_password_is_the_same_however_its_accents_are_typed() {
        let hashed = hash("caf\u{e9} au lait noir").unwrap();
        let (is_right, _) = compare("cafe\u{301} au lait noir", Some(hashed.as_str())).unwrap();
        assert!(is_right);
    }
}
