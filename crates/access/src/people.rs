//! People: those with an account here, and those who came from an OpenID provider.

use durward_model::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AccessError, Result};
use crate::grant::{Grant, Rules, Scope};
use crate::password::PasswordHash;
use crate::right::Role;
use crate::secret;
use crate::store::{AccessStore, fold};

/// Issuer of people whose account is here.
pub const LOCAL: &str = "local";
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest subject or issuer of a provider, in bytes; OpenID Connect allows 255 for a subject.
const SUBJECT_BYTES_MAX: usize = 2048;
/// Most claims that are kept of a person. Entra gives at most 200 groups in a token.
const CLAIMS_MAX: usize = 2000;

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Identifier, a GUID of ours.
    pub id: String,
    /// [`LOCAL`], or the OpenID provider that vouches for them.
    pub issuer: String,
    /// Who they are to the issuer.
    pub subject: String,
    /// What they sign in with; at a provider, the user principal name or what comes closest.
    pub name: String,
    /// What they are called.
    pub display_name: String,
    /// Their object identifier in Entra, by which their own sign-ins are found.
    pub object_id: Option<String>,
    /// The tenant of that identifier.
    pub tenant_id: Option<String>,
    /// Roles of a local account.
    pub roles: Vec<Role>,
    /// What part of the log these roles are for.
    pub scope: Scope,
    /// Names and values of the claims with which they last came from their provider.
    pub claims: Vec<(String, String)>,
    /// May they not sign in?
    pub disabled: bool,
    /// When we first heard of them.
    pub created: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// Is there a password?
    pub has_password: bool,
    /// Does signing in take a code, too?
    pub has_totp: bool,
}

impl Person {
    /// Is the account here?
    pub fn is_local(&self) -> bool {
        self.issuer == LOCAL
    }

    /// What they may do.
    pub fn grants(&self, rules: &Rules) -> Vec<Grant> {
        if !self.is_local() {
            return rules.grants(&self.claims);
        }
        let own = rules.grant(Role::User, Scope::WHOLE);
        let roles = self.roles.iter().filter(|role| **role != Role::User);
        let given = roles.map(|role| rules.grant(*role, self.scope.clone()));
        std::iter::once(own).chain(given).collect()
    }
}

/// A local account to be.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    /// What they sign in with.
    pub name: String,
    /// What they are called; the name, if empty.
    pub display_name: String,
    /// Their object identifier in Entra.
    pub object_id: Option<String>,
    /// The tenant of that identifier.
    pub tenant_id: Option<String>,
    /// Roles, besides that of a user.
    pub roles: Vec<Role>,
    /// What part of the log these are for.
    pub scope: Scope,
    /// Without one, nobody can sign in until it is set.
    pub password: Option<PasswordHash>,
}

/// What an OpenID provider says of somebody who signs in.
#[derive(Clone, Debug, Default)]
pub struct Federated {
    /// The provider.
    pub issuer: String,
    /// Who they are to it.
    pub subject: String,
    /// User principal name or what comes closest.
    pub name: String,
    /// What they are called.
    pub display_name: String,
    /// Their object identifier in Entra.
    pub object_id: Option<String>,
    /// The tenant of that identifier.
    pub tenant_id: Option<String>,
    /// Names and values of claims that matter to [`Rules`].
    pub claims: Vec<(String, String)>,
}

/// The columns of a person, for [`person_at`]; the table goes by the name `p`.
pub(crate) const COLUMNS: &str = "p.id, p.issuer, p.subject, p.name, p.display_name, p.object_id, \
    p.tenant_id, p.roles, p.scope, p.claims, p.disabled, p.created, p.last_sign_in, \
    p.password IS NOT NULL, p.totp_secret IS NOT NULL";

/// Reads [`COLUMNS`] from a row.
pub(crate) fn person_at(row: &Row<'_>) -> rusqlite::Result<Person> {
    let last: Option<i64> = row.get(12)?;
    Ok(Person {
        id: row.get(0)?,
        issuer: row.get(1)?,
        subject: row.get(2)?,
        name: row.get(3)?,
        display_name: row.get(4)?,
        object_id: row.get(5)?,
        tenant_id: row.get(6)?,
        roles: json_at(row, 7)?,
        scope: json_at(row, 8)?,
        claims: json_at(row, 9)?,
        disabled: row.get(10)?,
        created: Timestamp::from_micros(row.get(11)?),
        last_sign_in: last.map(Timestamp::from_micros),
        has_password: row.get(13)?,
        has_totp: row.get(14)?,
    })
}

/// Reads a column that holds JSON.
pub(crate) fn json_at<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
    })
}

/// Writes a column that holds JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| AccessError::Invalid(error.to_string()))
}

/// The person with that identifier.
pub(crate) fn person_by_id(db: &Connection, id: &str) -> Result<Option<Person>> {
    let statement = format!("SELECT {COLUMNS} FROM person p WHERE p.id = ?1");
    Ok(db.prepare_cached(&statement)?.query_row([id], person_at).optional()?)
}

/// The person with that identifier, if they may do anything.
pub(crate) fn enabled_person(db: &Connection, id: &str) -> Result<Person> {
    match person_by_id(db, id)?.ok_or(AccessError::NoSuchPerson)? {
        person if person.disabled => Err(AccessError::Disabled),
        person => Ok(person),
    }
}

/// Ends all that was opened with a person's credentials: sessions, known devices, links.
pub(crate) fn end_everything_of(db: &Connection, person: &str) -> Result<()> {
    for table in ["session", "device", "link"] {
        let statement = format!("DELETE FROM {table} WHERE person = ?1");
        db.prepare_cached(&statement)?.execute([person])?;
    }
    Ok(())
}

fn change_one(db: &Connection, statement: &str, values: impl rusqlite::Params) -> Result<()> {
    match db.prepare_cached(statement)?.execute(values)? {
        0 => Err(AccessError::NoSuchPerson),
        _ => Ok(()),
    }
}

impl AccessStore {
    /// Makes a local account. Names differ by more than case.
    pub fn create_local(&self, new: &NewPerson, now: Timestamp) -> Result<Person> {
        let name = new.name.trim();
        check_name(name)?;
        let display_name = match new.display_name.trim() {
            "" => name,
            given => given,
        };
        check_text("a display name", display_name, NAME_CHARS_MAX)?;
        let id = secret::random_id()?;
        self.write(|db| {
            let taken = "SELECT 1 FROM person WHERE issuer = 'local' AND folded_name = ?1";
            if db.prepare_cached(taken)?.exists([fold(name)])? {
                return Err(AccessError::NameTaken(name.to_owned()));
            }
            let insert = "INSERT INTO person (id, issuer, subject, name, folded_name, \
                 display_name, object_id, tenant_id, roles, scope, claims, created, password) \
                 VALUES (?1, 'local', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '[]', ?9, ?10)";
            db.prepare_cached(insert)?.execute(rusqlite::params![
                id,
                name,
                fold(name),
                display_name,
                new.object_id,
                new.tenant_id,
                json(&roles_once(&new.roles))?,
                json(&new.scope)?,
                now.micros,
                new.password.as_ref().map(PasswordHash::as_str),
            ])?;
            person_by_id(db, &id)?.ok_or(AccessError::NoSuchPerson)
        })
    }

    /// Writes down somebody who comes from an OpenID provider, as the provider now describes them.
    /// They may be disabled here all the same.
    pub fn upsert_federated(&self, given: &Federated, now: Timestamp) -> Result<Person> {
        if given.issuer.is_empty() || given.issuer == LOCAL || given.subject.is_empty() {
            return Err(AccessError::Invalid("the provider does not say who this is".to_owned()));
        }
        let longest = given.issuer.len().max(given.subject.len());
        if longest > SUBJECT_BYTES_MAX || given.claims.len() > CLAIMS_MAX {
            let message = "the provider says more about this person than durward keeps";
            return Err(AccessError::Invalid(message.to_owned()));
        }
        let name = cut(&given.name, NAME_CHARS_MAX);
        let id = secret::random_id()?;
        self.write(|db| {
            let upsert = "INSERT INTO person (id, issuer, subject, name, folded_name, \
                 display_name, object_id, tenant_id, roles, scope, claims, created) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '[]', '{}', ?9, ?10) \
                 ON CONFLICT (issuer, subject) DO UPDATE SET name = excluded.name, \
                 folded_name = excluded.folded_name, display_name = excluded.display_name, \
                 object_id = excluded.object_id, tenant_id = excluded.tenant_id, \
                 claims = excluded.claims RETURNING id";
            let values = rusqlite::params![
                id,
                given.issuer,
                given.subject,
                name,
                fold(&name),
                cut(&given.display_name, NAME_CHARS_MAX),
                given.object_id,
                given.tenant_id,
                json(&given.claims)?,
                now.micros,
            ];
            let id: String = db.prepare_cached(upsert)?.query_row(values, |row| row.get(0))?;
            person_by_id(db, &id)?.ok_or(AccessError::NoSuchPerson)
        })
    }

    /// The person with that identifier.
    pub fn person(&self, id: &str) -> Result<Option<Person>> {
        self.read(|db| person_by_id(db, id))
    }

    /// The local account of that name; case does not matter.
    pub fn person_by_name(&self, name: &str) -> Result<Option<Person>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM person p WHERE p.issuer = 'local' AND p.folded_name = ?1"
        );
        self.read(|db| {
            Ok(db.prepare_cached(&statement)?.query_row([fold(name)], person_at).optional()?)
        })
    }

    /// The first people by name, those with a local account before the others.
    pub fn people(&self, limit: usize) -> Result<Vec<Person>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM person p ORDER BY p.issuer <> 'local', p.folded_name, p.id \
             LIMIT ?1"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|db| {
            let mut statement = db.prepare_cached(&statement)?;
            let people = statement.query_map([limit], person_at)?;
            Ok(people.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Sets the roles of a local account, and what part of the log they are for. Holds for
    /// sessions and tokens at once.
    pub fn set_roles(&self, id: &str, roles: &[Role], scope: &Scope) -> Result<()> {
        let (roles, scope) = (json(&roles_once(roles))?, json(scope)?);
        let statement = "UPDATE person SET roles = ?2, scope = ?3 WHERE id = ?1 \
             AND issuer = 'local'";
        self.write(|db| change_one(db, statement, (id, roles, scope)))
    }

    /// Sets whose sign-ins in the log are those of a local account.
    pub fn set_object_id(
        &self,
        id: &str,
        object_id: Option<&str>,
        tenant_id: Option<&str>,
    ) -> Result<()> {
        let statement = "UPDATE person SET object_id = ?2, tenant_id = ?3 WHERE id = ?1 \
             AND issuer = 'local'";
        self.write(|db| change_one(db, statement, (id, object_id, tenant_id)))
    }

    /// Sets the password of a local account, or takes it away. All their sessions end, their
    /// devices are known no longer, and links that were to set a password work no longer.
    pub fn set_password(&self, id: &str, password: Option<&PasswordHash>) -> Result<()> {
        let statement = "UPDATE person SET password = ?2 WHERE id = ?1 AND issuer = 'local'";
        self.write(|db| {
            change_one(db, statement, (id, password.map(PasswordHash::as_str)))?;
            end_everything_of(db, id)
        })
    }

    /// Disables a person, which ends their sessions and stops their tokens, or enables them.
    pub fn set_disabled(&self, id: &str, disabled: bool) -> Result<()> {
        let statement = "UPDATE person SET disabled = ?2 WHERE id = ?1";
        self.write(|db| {
            change_one(db, statement, (id, disabled))?;
            if disabled { end_everything_of(db, id) } else { Ok(()) }
        })
    }

    /// Deletes a person. Their sessions end, their tokens are revoked for ever.
    pub fn delete_person(&self, id: &str, now: Timestamp) -> Result<()> {
        self.write(|db| {
            let revoke = "UPDATE token SET revoked = ?2 WHERE owner = ?1 AND revoked IS NULL";
            db.prepare_cached(revoke)?.execute((id, now.micros))?;
            change_one(db, "DELETE FROM person WHERE id = ?1", [id])
        })
    }

    /// How many local Global Administrators could sign in. Whoever is about to disable, delete or
    /// demote the last one should say so.
    pub fn administrators(&self) -> Result<usize> {
        let statement = "SELECT count(*) FROM person p WHERE p.issuer = 'local' \
             AND p.disabled = 0 AND p.password IS NOT NULL \
             AND EXISTS (SELECT 1 FROM json_each(p.roles) WHERE value = ?1)";
        self.read(|db| {
            let role = Role::GlobalAdministrator.name();
            let count: u32 = db.prepare_cached(statement)?.query_row([role], |row| row.get(0))?;
            Ok(count as usize)
        })
    }
}

/// Names for signing in are ASCII: no two names look the same, and none breaks out of a header, an
/// address or the link in a QR code.
fn check_name(name: &str) -> Result<()> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@'".contains(&byte);
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(is_known) {
        return Err(AccessError::Invalid(format!(
            "a name has 1 to {NAME_CHARS_MAX} letters without accents, digits and . _ - + @ '"
        )));
    }
    Ok(())
}

/// Is it a line of text that can be shown?
pub(crate) fn check_text(what: &str, text: &str, chars_max: usize) -> Result<()> {
    let is_shown = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    if is_shown && text.chars().count() <= chars_max {
        return Ok(());
    }
    Err(AccessError::Invalid(format!(
        "{what} has 1 to {chars_max} characters, without blanks around it"
    )))
}

/// The beginning of a text that others wrote, on one line.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let shown = text.chars().filter(|letter| !letter.is_control());
    shown.take(chars_max).collect()
}

fn roles_once(roles: &[Role]) -> Vec<Role> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    roles
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
