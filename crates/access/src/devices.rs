//! Browsers from which somebody has signed in before: guessing elsewhere does not slow them.

use std::time::Duration;

use durward_model::Timestamp;
use rusqlite::OptionalExtension as _;

use crate::error::Result;
use crate::people;
use crate::secret::{digest, random_id, random_secret};
use crate::store::{AccessStore, micros};

/// How long a device stays known without being used.
pub const DEVICE_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// Most devices of a person; those not used for longest go.
const DEVICES_MAX: u32 = 20;
/// How often use is written down.
const TOUCH: Duration = Duration::from_secs(86_400);

/// Devices that were last used then or earlier are not known any longer.
pub(crate) fn oldest(now_micros: i64) -> i64 {
    now_micros.saturating_sub(micros(DEVICE_LIFE))
}

impl AccessStore {
    /// Somebody has signed in from a new browser: returns the secret by which to know it again.
    pub fn create_device(&self, person: &str, now: Timestamp) -> Result<String> {
        let (id, secret) = (random_id()?, random_secret()?);
        self.write(|db| {
            people::enabled_person(db, person)?;
            let longest_unused = "DELETE FROM device WHERE person = ?1 AND rowid NOT IN (SELECT \
                 rowid FROM device WHERE person = ?1 ORDER BY last_used DESC, rowid DESC LIMIT ?2)";
            db.prepare_cached(longest_unused)?.execute((person, DEVICES_MAX - 1))?;
            let insert = "INSERT INTO device (id, hash, person, last_used) VALUES (?1, ?2, ?3, ?4)";
            db.prepare_cached(insert)?.execute((id, digest(&secret), person, now.micros))?;
            Ok(())
        })?;
        Ok(secret)
    }

    /// The identifier of the device with that secret, if it is one of the local account of that
    /// name. Reads only, so that it can be asked before anybody has shown who they are.
    pub fn check_device(&self, name: &str, secret: &str, now: Timestamp) -> Result<Option<String>> {
        let statement = "SELECT d.id FROM device d JOIN person p ON p.id = d.person \
             WHERE d.hash = ?1 AND d.last_used > ?2 AND p.issuer = 'local' AND p.folded_name = ?3 \
             AND p.disabled = 0";
        self.read(|db| {
            let values = (digest(secret), oldest(now.micros), crate::store::fold(name));
            Ok(db.prepare_cached(statement)?.query_row(values, |row| row.get(0)).optional()?)
        })
    }

    /// Somebody has signed in from a known device: it stays known.
    pub fn device_used(&self, id: &str, now: Timestamp) {
        let stale = now.micros - micros(TOUCH);
        let due = "SELECT 1 FROM device WHERE id = ?1 AND last_used <= ?2";
        let is_due = self.read(|db| Ok(db.prepare_cached(due)?.exists((id, stale))?));
        if is_due.unwrap_or(true) {
            self.touch(|db| {
                let touch = "UPDATE device SET last_used = ?2 WHERE id = ?1";
                db.prepare_cached(touch)?.execute((id, now.micros))?;
                Ok(())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{DAY, at, person, store};

    #[test]
    fn a_device_is_known_for_its_person_only_and_while_it_is_used() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        person(&store, "noor");
        let secret = store.create_device(&id, at(0)).unwrap();
        let known =
            |name: &str, day: i64| store.check_device(name, &secret, at(day * DAY)).unwrap();
        let device = known("MORGAN", 1).unwrap();
        assert_eq!(known("noor", 1), None);
        assert_eq!(store.check_device("morgan", "else", at(0)).unwrap(), None);
        assert_eq!(known("morgan", 90), None);
        store.device_used(&device, at(80 * DAY));
        assert_eq!(known("morgan", 169).as_ref(), Some(&device));
        for _ in 0..DEVICES_MAX {
            assert!(known("morgan", 100).is_some());
            store.create_device(&id, at(100 * DAY)).unwrap();
        }
        assert_eq!(known("morgan", 100), None, "pushed out by newer ones");
    }

    #[test]
    fn a_new_password_makes_devices_unknown() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let secret = store.create_device(&id, at(0)).unwrap();
        assert!(store.check_device("morgan", &secret, at(1)).unwrap().is_some());
        store.set_password(&id, Some(&crate::password::old_hash("x"))).unwrap();
        assert_eq!(store.check_device("morgan", &secret, at(1)).unwrap(), None);
    }
}
