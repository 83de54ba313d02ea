//! Whose risk somebody may see.

use rusqlite::types::Value;

use super::SubjectKey;
use crate::finding::SubjectKind;

/// Part of the subjects. An empty list means no limit; limits of several kinds all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReachPart {
    /// Tenant identifiers.
    pub tenants: Vec<String>,
    /// Object identifiers or user principal names. Where there are any, only users are seen.
    pub users: Vec<String>,
}

/// Whose risk somebody may see: that of what any of the parts covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(pub Vec<ReachPart>);

impl Reach {
    /// Everybody's.
    pub fn everything() -> Reach {
        Reach(vec![ReachPart::default()])
    }

    /// Nobody's.
    pub fn nothing() -> Reach {
        Reach::default()
    }

    /// Is it everybody's?
    pub fn is_everything(&self) -> bool {
        self.0.iter().any(|part| part.tenants.is_empty() && part.users.is_empty())
    }

    /// Is the risk of this subject, which has this name, among it?
    pub fn covers(&self, key: &SubjectKey, name: &str) -> bool {
        self.0.iter().any(|part| part.covers(key, name))
    }

    /// A condition on columns `tenant`, `kind`, `id` and `name` of `s`, and the values for its
    /// places.
    pub(crate) fn clause(&self) -> (String, Vec<Value>) {
        if self.is_everything() {
            return ("1".to_owned(), Vec::new());
        }
        let mut values = Vec::new();
        let parts: Vec<String> = self.0.iter().map(|part| part.clause(&mut values)).collect();
        if parts.is_empty() {
            return ("0".to_owned(), values);
        }
        (format!("({})", parts.join(" OR ")), values)
    }
}

impl ReachPart {
    /// Does it cover this subject, which has this name?
    pub fn covers(&self, key: &SubjectKey, name: &str) -> bool {
        let has =
            |list: &[String], text: &str| list.iter().any(|one| one.eq_ignore_ascii_case(text));
        let of_user = || {
            key.kind == SubjectKind::User && (has(&self.users, &key.id) || has(&self.users, name))
        };
        (self.tenants.is_empty() || has(&self.tenants, &key.tenant))
            && (self.users.is_empty() || of_user())
    }

    fn clause(&self, values: &mut Vec<Value>) -> String {
        let mut all = vec!["1".to_owned()];
        let mut among = |column: &str, list: &[String]| {
            values.extend(list.iter().cloned().map(Value::from));
            format!("{column} IN ({})", vec!["?"; list.len()].join(", "))
        };
        if !self.tenants.is_empty() {
            all.push(among("s.tenant", &self.tenants));
        }
        if !self.users.is_empty() {
            let (id, name) = (among("s.id", &self.users), among("s.name", &self.users));
            all.push(format!("s.kind = 'user' AND ({id} OR {name})"));
        }
        format!("({})", all.join(" AND "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_what_they_name() {
        let user = SubjectKey::new("t1", SubjectKind::User, "u1");
        let workload = SubjectKey::new("t1", SubjectKind::Workload, "w1");
        let part = |tenants: &[&str], users: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
            Reach(vec![ReachPart { tenants: owned(tenants), users: owned(users) }])
        };
        assert!(Reach::everything().covers(&user, "") && !Reach::nothing().covers(&user, ""));
        assert!(part(&["T1"], &[]).covers(&user, "") && part(&["T1"], &[]).covers(&workload, ""));
        assert!(!part(&["t2"], &[]).covers(&user, ""));
        assert!(part(&[], &["ANA@contoso.example"]).covers(&user, "ana@contoso.example"));
        assert!(!part(&[], &["u1", "w1"]).covers(&workload, "w1"), "users are no workloads");
        assert!(!part(&["t2"], &["u1"]).covers(&user, ""));
    }
}
