//! Saved views of the explorer: a name for an address, of one person, for themselves or for all.
//!
//! A view counts its versions. Whoever replaces one says which version they had before them, so
//! that of two who change it at once neither loses what they did without hearing of it.

use durward_model::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::error::{AccessError, Result};
use crate::secret::random_id;
use crate::store::{AccessStore, fold};

/// Most views of one person.
const VIEWS_MAX: u32 = 200;
/// Most views of others that are listed.
const SHARED_MAX: u32 = 1000;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest query, in bytes.
const QUERY_BYTES_MAX: usize = 8 << 10;

/// A view as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// Unique.
    pub id: String,
    /// Identifier of the person whose it is.
    pub owner: String,
    /// What they are called, where they are known.
    pub owner_name: Option<String>,
    /// Unique among the views of its owner, whatever the case.
    pub name: String,
    /// What the explorer's address has after the `?`.
    pub query: String,
    /// Do others see it?
    pub is_shared: bool,
    /// Grows with every change, from 1.
    pub version: u32,
    /// When it was changed last.
    pub changed: Timestamp,
}

/// A view to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewView<'v> {
    /// Identifier of the person whose it is.
    pub owner: &'v str,
    /// Its name; a view of the owner that has it is replaced.
    pub name: &'v str,
    /// What the explorer's address has after the `?`.
    pub query: &'v str,
    /// Do others see it?
    pub is_shared: bool,
}

/// What came of saving a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is kept, as this.
    Done(SavedView),
    /// Nothing was changed: this one has the name, in a version that the asker did not have
    /// before them.
    Conflict(SavedView),
}

const COLUMNS: &str = "v.id, v.owner, coalesce(nullif(p.display_name, ''), p.name), v.name, \
    v.query, v.is_shared, v.version, v.changed";
const TABLES: &str = "saved_view v LEFT JOIN person p ON p.id = v.owner";

fn view_at(row: &Row<'_>) -> rusqlite::Result<SavedView> {
    Ok(SavedView {
        id: row.get(0)?,
        owner: row.get(1)?,
        owner_name: row.get(2)?,
        name: row.get(3)?,
        query: row.get(4)?,
        is_shared: row.get(5)?,
        version: row.get(6)?,
        changed: Timestamp::from_micros(row.get(7)?),
    })
}

fn named(db: &Connection, owner: &str, folded_name: &str) -> Result<Option<SavedView>> {
    let statement =
        format!("SELECT {COLUMNS} FROM {TABLES} WHERE v.owner = ?1 AND v.folded_name = ?2");
    let mut statement = db.prepare_cached(&statement)?;
    Ok(statement.query_row((owner, folded_name), view_at).optional()?)
}

/// Refuses what is no view, in words for the asker.
fn check(new: &NewView<'_>) -> Result<()> {
    let name = new.name.trim();
    let invalid = |message: String| Err(AccessError::Invalid(message));
    if name.is_empty() || name.chars().any(char::is_control) {
        return invalid("a view needs a name".to_owned());
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return invalid(format!("the name is longer than {NAME_CHARS_MAX} characters"));
    }
    if new.query.len() > QUERY_BYTES_MAX {
        let message = "filter and columns are too long to be kept: at most 8 KiB fit";
        return invalid(message.to_owned());
    }
    Ok(())
}

impl AccessStore {
    /// The views of somebody by name, and after them those that others share, if so wanted.
    pub fn views_of(&self, owner: &str, with_shared: bool) -> Result<Vec<SavedView>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE v.owner = ?1 OR (v.is_shared = 1 AND ?2) \
             ORDER BY v.owner <> ?1, v.folded_name, v.id LIMIT ?3"
        );
        self.read(|db| {
            let mut statement = db.prepare_cached(&statement)?;
            let limit = VIEWS_MAX + SHARED_MAX;
            let found = statement.query_map((owner, with_shared, limit), view_at)?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Keeps a view. To replace one, `version` must be the one that is there.
    pub fn save_view(
        &self,
        new: &NewView<'_>,
        version: Option<u32>,
        now: Timestamp,
    ) -> Result<Saved> {
        check(new)?;
        let (name, folded) = (new.name.trim(), fold(new.name));
        self.write(|db| {
            let found = named(db, new.owner, &folded)?;
            let is_same = |old: &SavedView| {
                old.name == name && old.query == new.query && old.is_shared == new.is_shared
            };
            match found {
                Some(old) if is_same(&old) => return Ok(Saved::Done(old)),
                Some(old) if version != Some(old.version) => return Ok(Saved::Conflict(old)),
                Some(old) => {
                    let update = "UPDATE saved_view SET name = ?2, query = ?3, is_shared = ?4, \
                         version = version + 1, changed = ?5 WHERE id = ?1";
                    let values = (&old.id, name, new.query, new.is_shared, now.micros);
                    db.prepare_cached(update)?.execute(values)?;
                }
                None => {
                    insert(db, new, name, &folded, now)?;
                }
            }
            let kept = named(db, new.owner, &folded)?;
            kept.map(Saved::Done).ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
        })
    }

    /// Removes a view of somebody. Was there one?
    pub fn delete_view(&self, owner: &str, id: &str) -> Result<bool> {
        self.write(|db| {
            let delete = "DELETE FROM saved_view WHERE owner = ?1 AND id = ?2";
            Ok(db.prepare_cached(delete)?.execute((owner, id))? > 0)
        })
    }
}

fn insert(
    db: &Connection,
    new: &NewView<'_>,
    name: &str,
    folded: &str,
    now: Timestamp,
) -> Result<()> {
    let count = "SELECT count(*) FROM saved_view WHERE owner = ?1";
    let count: u32 = db.prepare_cached(count)?.query_row([new.owner], |row| row.get(0))?;
    if count >= VIEWS_MAX {
        let message = format!("there are {VIEWS_MAX} views already: remove one first");
        return Err(AccessError::Invalid(message));
    }
    let insert = "INSERT INTO saved_view (id, owner, name, folded_name, query, is_shared, \
         version, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)";
    let id = random_id()?;
    let values = (id, new.owner, name, folded, new.query, new.is_shared, now.micros);
    db.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, person, store};

    fn new<'v>(owner: &'v str, name: &'v str, query: &'v str) -> NewView<'v> {
        NewView { owner, name, query, is_shared: false }
    }

    fn done(saved: Saved) -> SavedView {
        match saved {
            Saved::Done(view) => view,
            Saved::Conflict(view) => panic!("a conflict with {view:?}"),
        }
    }

    #[test]
    fn a_view_is_replaced_only_by_those_who_know_what_they_replace() {
        let (_dir, store) = store();
        let save = |query: &str, version, second| {
            store.save_view(&new("p", "Mine ", query), version, at(second)).unwrap()
        };
        let first = done(save("t=7d", None, 1));
        assert_eq!((&*first.name, first.version, first.changed), ("Mine", 1, at(1)));
        assert_eq!(save("t=7d", None, 2), Saved::Done(first.clone()), "the same again is nothing");
        assert_eq!(save("t=1h", None, 3), Saved::Conflict(first.clone()));
        assert_eq!(save("t=1h", Some(2), 3), Saved::Conflict(first.clone()));
        let second = done(save("t=1h", Some(1), 4));
        assert_eq!((&*second.query, second.version, &second.id), ("t=1h", 2, &first.id));
        assert_eq!(save("t=30d", Some(1), 5), Saved::Conflict(second));
        // What somebody else removed meanwhile is simply kept anew.
        assert!(store.delete_view("p", &first.id).unwrap());
        assert_eq!(done(save("t=30d", Some(2), 6)).version, 1);
    }

    #[test]
    fn names_are_ones_own_and_case_does_not_matter() {
        let (_dir, store) = store();
        done(store.save_view(&new("p", "Legacy", "a"), None, at(0)).unwrap());
        let other = store.save_view(&new("p", "LEGACY", "b"), None, at(0)).unwrap();
        assert!(matches!(other, Saved::Conflict(_)));
        done(store.save_view(&new("q", "legacy", "b"), None, at(0)).unwrap());
        assert_eq!(store.views_of("p", true).unwrap().len(), 1);
    }

    #[test]
    fn what_is_private_is_nobody_elses_and_what_is_shared_only_its_owner_removes() {
        let (_dir, store) = store();
        let maria = person(&store, "maria").id;
        let shared = NewView { is_shared: true, ..new(&maria, "b", "t=7d") };
        let shared = done(store.save_view(&shared, None, at(0)).unwrap());
        assert_eq!(shared.owner_name.as_deref(), Some("maria"));
        done(store.save_view(&new(&maria, "a", "t=1h"), None, at(0)).unwrap());
        done(store.save_view(&new("q", "z", "t=1h"), None, at(0)).unwrap());
        let names = |owner: &str, with_shared| -> Vec<String> {
            let views = store.views_of(owner, with_shared).unwrap();
            views.into_iter().map(|view| view.name).collect()
        };
        assert_eq!(names(&maria, true), ["a", "b"]);
        assert_eq!(names("q", true), ["z", "b"], "one's own first");
        assert_eq!(names("q", false), ["z"]);
        assert!(!store.delete_view("q", &shared.id).unwrap());
        assert!(store.delete_view(&maria, &shared.id).unwrap());
        assert!(!store.delete_view(&maria, &shared.id).unwrap());
    }

    #[test]
    fn there_are_limits() {
        let (_dir, store) = store();
        let save = |name: &str, query: &str| store.save_view(&new("p", name, query), None, at(0));
        let long = |count| "ü".repeat(count);
        for (name, query) in [
            (" ", ""),
            ("a\nb", ""),
            (&*long(NAME_CHARS_MAX + 1), ""),
            ("a", &*"x".repeat(QUERY_BYTES_MAX + 1)),
        ] {
            assert!(matches!(save(name, query), Err(AccessError::Invalid(_))), "{name}");
        }
        save(&long(NAME_CHARS_MAX), &"x".repeat(QUERY_BYTES_MAX)).unwrap();
        for number in 1..VIEWS_MAX {
            save(&number.to_string(), "").unwrap();
        }
        let refused = save("one more", "").unwrap_err();
        assert!(refused.is_refusal() && refused.to_string().contains("200 views"), "{refused}");
        let changed = store.save_view(&new("p", "1", "t=1h"), Some(1), at(0)).unwrap();
        assert_eq!(done(changed).version, 2, "what is there can still be changed");
        store.save_view(&new("q", "one more", ""), None, at(0)).unwrap();
    }
}
