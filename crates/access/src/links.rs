//! Links that work once: to make the first administrator, and to set a password.

use std::time::Duration;

use durward_model::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use crate::error::{AccessError, Result};
use crate::people;
use crate::secret::{digest, random_secret};
use crate::store::{AccessStore, after};

/// How long a link works.
pub const LINK_LIFE: Duration = Duration::from_secs(86_400);

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To make the first account, a Global Administrator.
    FirstAdministrator,
    /// To set the password of the person with that identifier.
    SetPassword(String),
}

impl LinkPurpose {
    fn person(&self) -> Option<&str> {
        match self {
            LinkPurpose::FirstAdministrator => None,
            LinkPurpose::SetPassword(person) => Some(person),
        }
    }
}

impl AccessStore {
    /// Makes a link and returns its secret. Former links for the same stop working.
    pub fn create_link(&self, purpose: &LinkPurpose, now: Timestamp) -> Result<String> {
        let secret = random_secret()?;
        self.write(|db| {
            let person = purpose.person();
            if let Some(id) = person
                && !people::enabled_person(db, id)?.is_local()
            {
                return Err(AccessError::NoSuchPerson);
            }
            db.prepare_cached("DELETE FROM link WHERE person IS ?1")?.execute([person])?;
            let insert = "INSERT INTO link (hash, person, expires) VALUES (?1, ?2, ?3)";
            let values = (digest(&secret), person, after(now, LINK_LIFE));
            db.prepare_cached(insert)?.execute(values)?;
            Ok(())
        })?;
        Ok(secret)
    }

    /// What the link with that secret is for, if it works. It goes on to.
    pub fn peek_link(&self, secret: &str, now: Timestamp) -> Result<Option<LinkPurpose>> {
        self.read(|db| find(db, secret, now))
    }

    /// What the link with that secret is for, if it works. It works no longer: of several who take
    /// it at once, one gets it.
    pub fn take_link(&self, secret: &str, now: Timestamp) -> Result<Option<LinkPurpose>> {
        self.write(|db| {
            let found = find(db, secret, now)?;
            db.prepare_cached("DELETE FROM link WHERE hash = ?1")?.execute([digest(secret)])?;
            Ok(found)
        })
    }
}

/// A link to make the first administrator works only while no account can sign in: once somebody
/// has got in another way, it would be a way around them.
fn find(db: &Connection, secret: &str, now: Timestamp) -> Result<Option<LinkPurpose>> {
    let statement = "SELECT l.person FROM link l LEFT JOIN person p ON p.id = l.person \
         WHERE l.hash = ?1 AND l.expires > ?2 AND CASE WHEN l.person IS NOT NULL \
         THEN p.disabled = 0 ELSE NOT EXISTS (SELECT 1 FROM person WHERE issuer = 'local' \
         AND disabled = 0 AND password IS NOT NULL) END";
    let values = (digest(secret), now.micros);
    let found = db.prepare_cached(statement)?.query_row(values, |row| row.get(0)).optional()?;
    Ok(found.map(|person: Option<String>| match person {
        Some(person) => LinkPurpose::SetPassword(person),
        None => LinkPurpose::FirstAdministrator,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::old_hash;
    use crate::people::NewPerson;
    use crate::testing::{DAY, at, person, store};

    #[test]
    fn a_link_works_once_and_for_a_day() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let purpose = LinkPurpose::SetPassword(id.clone());
        let secret = store.create_link(&purpose, at(0)).unwrap();
        assert_eq!(store.peek_link(&secret, at(1)).unwrap().as_ref(), Some(&purpose));
        assert_eq!(store.take_link(&secret, at(1)).unwrap(), Some(purpose.clone()));
        assert_eq!(store.take_link(&secret, at(1)).unwrap(), None);
        let secret = store.create_link(&purpose, at(0)).unwrap();
        assert_eq!(store.take_link(&secret, at(DAY)).unwrap(), None);
        let first = store.create_link(&purpose, at(0)).unwrap();
        let second = store.create_link(&purpose, at(0)).unwrap();
        assert_eq!(store.take_link(&first, at(1)).unwrap(), None, "only the last one works");
        store.set_password(&id, Some(&old_hash("x"))).unwrap();
        assert_eq!(store.take_link(&second, at(1)).unwrap(), None, "no longer needed");
        let nobody = LinkPurpose::SetPassword("nobody".to_owned());
        assert!(matches!(store.create_link(&nobody, at(0)), Err(AccessError::NoSuchPerson)));
    }

    #[test]
    fn of_many_who_take_a_link_at_once_one_gets_it() {
        let (_dir, store) = store();
        let secret = store.create_link(&LinkPurpose::FirstAdministrator, at(0)).unwrap();
        let got = std::thread::scope(|scope| {
            let takers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| store.take_link(&secret, at(1)).unwrap())).collect();
            takers.into_iter().filter_map(|taker| taker.join().unwrap()).count()
        });
        assert_eq!(got, 1);
    }

    #[test]
    fn the_link_of_the_first_start_is_void_once_there_is_an_account() {
        let (_dir, store) = store();
        let secret = store.create_link(&LinkPurpose::FirstAdministrator, at(0)).unwrap();
        person(&store, "morgan");
        let found = store.peek_link(&secret, at(1)).unwrap();
        assert_eq!(
            found,
            Some(LinkPurpose::FirstAdministrator),
            "without a password nobody gets in"
        );
        let password = Some(old_hash("x"));
        let new = NewPerson { name: "noor".to_owned(), password, ..NewPerson::default() };
        store.create_local(&new, at(1)).unwrap();
        assert_eq!(store.take_link(&secret, at(2)).unwrap(), None);
    }
}
