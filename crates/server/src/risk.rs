//! What a caller sees of risk, for pages and Graph.
//!
//! Risk is kept beside the log and knows tenants and subjects, not rows. So the scopes of a
//! caller's grants are applied to subjects: tenants and users hold as they do for the log; a grant
//! that is limited to applications says nothing of whole users, and shows no risk. Under a mask of
//! names, subjects that are users are seen and asked for by pseudonym only.

use std::sync::Arc;

use axum::http::StatusCode;
use durward_access::{Grant, Right};
use durward_detect::risk::{Reach, ReachPart, SubjectKey};
use durward_detect::{Book, BookError, SubjectKind};
use durward_query::{Mask, Pseudonyms};

use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;

/// Whose risk a caller sees, and how clearly.
#[derive(Clone, Debug)]
pub(crate) struct RiskSight {
    parts: Vec<(ReachPart, Mask)>,
    pseudonyms: Arc<Pseudonyms>,
}

/// Somebody as a caller sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: String,
    /// Principal name, or the workload's name.
    pub(crate) name: String,
    pub(crate) display_name: String,
}

impl RiskSight {
    /// Of those whose risk the caller may read.
    pub(crate) fn of(caller: &Caller) -> RiskSight {
        RiskSight::by(caller, Right::ReadRisk)
    }

    /// Of those about whom the caller has a right.
    pub(crate) fn by(caller: &Caller, right: Right) -> RiskSight {
        let grants = caller.grants.iter().filter(|grant| grant.rights.has(right));
        let part = |grant: &Grant| {
            let mask = Mask { names: grant.mask.names, addresses: grant.mask.addresses };
            part_of(grant).map(|part| (part, mask))
        };
        RiskSight { parts: grants.filter_map(part).collect(), pseudonyms: caller.pseudonyms() }
    }

    /// The same, for questions to the book.
    pub(crate) fn reach(&self) -> Reach {
        Reach(self.parts.iter().map(|(part, _)| part.clone()).collect())
    }

    /// Those who are seen without any mask, for questions to the book.
    pub(crate) fn clear_reach(&self) -> Reach {
        let clear = self.parts.iter().filter(|(_, mask)| *mask == Mask::default());
        Reach(clear.map(|(part, _)| part.clone()).collect())
    }

    /// How clearly a subject is seen: what every grant that covers it masks. `None` if none does.
    pub(crate) fn mask(&self, key: &SubjectKey, name: &str) -> Option<Mask> {
        let mut covering = self.parts.iter().filter(|(part, _)| part.covers(key, name));
        let (_, first) = covering.next()?;
        Some(covering.fold(*first, |mask, (_, more)| Mask {
            names: mask.names && more.names,
            addresses: mask.addresses && more.addresses,
        }))
    }

    /// Are the names of anybody masked? Then names and identifiers are not to be asked for.
    pub(crate) fn masks_names(&self) -> bool {
        self.parts.iter().any(|(_, mask)| mask.names)
    }

    /// A subject as the caller sees it.
    pub(crate) fn show(&self, key: &SubjectKey, name: &str, display: &str, mask: Mask) -> Shown {
        if mask.names && key.kind == SubjectKind::User {
            let [id, name, display_name] = self.pseudonyms.person(&key.id, name);
            return Shown { id, name, display_name };
        }
        let display = if display.is_empty() { name } else { display };
        Shown { id: key.id.clone(), name: name.to_owned(), display_name: display.to_owned() }
    }

    /// An identifier that is made from whom it is about, as the caller sees it.
    pub(crate) fn show_id(&self, id: &str, mask: Mask) -> String {
        match mask.names {
            true => {
                let [id, ..] = self.pseudonyms.person(id, "");
                id
            }
            false => id.to_owned(),
        }
    }

    /// An address as the caller sees it.
    pub(crate) fn show_address(&self, address: &str, mask: Mask) -> String {
        match mask.addresses && !address.is_empty() {
            true => self.pseudonyms.address(address),
            false => address.to_owned(),
        }
    }
}

/// The subjects that a grant covers; `None` for none, or none that can be told.
fn part_of(grant: &Grant) -> Option<ReachPart> {
    let mut part = ReachPart::default();
    for scope in &grant.scopes {
        if !scope.applications.is_empty() {
            return None;
        }
        narrow(&mut part.tenants, &scope.tenants)?;
        narrow(&mut part.users, &scope.users)?;
    }
    Some(part)
}

/// Limits a list by another, both of which hold; an empty list is no limit.
fn narrow(list: &mut Vec<String>, by: &[String]) -> Option<()> {
    if by.is_empty() {
        return Some(());
    }
    if list.is_empty() {
        *list = by.to_vec();
    } else {
        list.retain(|one| by.iter().any(|other| other.eq_ignore_ascii_case(one)));
    }
    (!list.is_empty()).then_some(())
}

/// Asks or changes the book, which is blocking code, among as many questions at once as there may
/// be.
pub(crate) async fn run<T, F>(app: &Arc<App>, question: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&Book) -> Result<T, ApiError> + Send + 'static,
{
    let permit =
        tokio::time::timeout(app.config.query_timeout, app.queries.clone().acquire_owned());
    let permit = permit.await.map_err(|_| ApiError::busy())?.map_err(|_| ApiError::busy())?;
    let shared = app.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        question(&shared.detect.book)
    });
    asked.await.map_err(|error| ApiError::internal(&error))?
}

/// What somebody hears whom the book refuses.
pub(crate) fn refused(error: BookError) -> ApiError {
    match error {
        BookError::Invalid(message) => ApiError::bad_request(message),
        BookError::Missing(what) => {
            let message = format!("there is no {what}");
            ApiError::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
        }
        BookError::Conflict(message) => ApiError::new(StatusCode::CONFLICT, "Conflict", message),
        other => ApiError::internal(&other),
    }
}

#[cfg(test)]
mod tests {
    use durward_access::{Mask as GrantMask, Role, Scope};

    use super::*;
    use crate::access::Who;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|&one| one.to_owned()).collect()
    }

    fn grant(scopes: Vec<Scope>, names: bool) -> Grant {
        let mask = GrantMask { names, addresses: false };
        Grant { scopes, mask, ..Grant::of(Role::SecurityReader) }
    }

    #[test]
    fn scopes_of_the_log_are_scopes_of_risk_where_they_can_be() {
        let tenants = |list: &[&str]| Scope { tenants: owned(list), ..Scope::WHOLE };
        let users = |list: &[&str]| Scope { users: owned(list), ..Scope::WHOLE };
        let apps = Scope { applications: owned(&["a"]), ..Scope::WHOLE };
        for (scopes, wanted) in [
            (vec![], Some((vec![], vec![]))),
            (vec![tenants(&["t1"]), users(&["u1"])], Some((owned(&["t1"]), owned(&["u1"])))),
            (vec![tenants(&["t1", "t2"]), tenants(&["T2"])], Some((owned(&["t2"]), vec![]))),
            (vec![tenants(&["t1"]), tenants(&["t2"])], None),
            (vec![apps], None),
        ] {
            let part = part_of(&grant(scopes.clone(), false));
            assert_eq!(part.map(|part| (part.tenants, part.users)), wanted, "{scopes:?}");
        }
    }

    #[test]
    fn a_name_is_clear_where_any_grant_shows_it() {
        let pseudonyms = Arc::new(Pseudonyms::new(&[7; 32]));
        let clear = Scope { tenants: owned(&["t1"]), ..Scope::WHOLE };
        let grants = vec![grant(vec![], true), grant(vec![clear], false)];
        let caller = Caller::new(Who::Demo, grants, pseudonyms);
        let sight = RiskSight::of(&caller);
        let user = |tenant| SubjectKey::new(tenant, SubjectKind::User, "u1");
        assert!(sight.masks_names());
        assert!(!sight.mask(&user("t1"), "").unwrap().names);
        let mask = sight.mask(&user("t2"), "").unwrap();
        assert!(mask.names);
        let shown = sight.show(&user("t2"), "ana@contoso.example", "Ana", mask);
        assert!(shown.name.ends_with("@masked.invalid") && shown.id != "u1", "{shown:?}");
        let workload = SubjectKey::new("t2", SubjectKind::Workload, "w1");
        assert_eq!(sight.show(&workload, "worker", "", mask).display_name, "worker");
    }
}
