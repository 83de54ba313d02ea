//! Somebody with an account, and the session of a browser.

use durward_access::{Hasher, NewPerson, NewSession, Person, Role, Scope, Session, SessionLimits};
use durward_model::Timestamp;

use crate::client::{self, Answer};
use crate::fixture::{Server, id};

/// The tenant of records made by hand.
pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// The password of every visitor that has one.
pub(crate) const PASSWORD: &str = "forty-two green llamas";

/// Somebody who is signed in.
pub(crate) struct Visitor<'s> {
    server: &'s Server,
    pub(crate) person: Person,
    pub(crate) session: Session,
    cookie: String,
}

impl Server {
    /// Somebody with these roles over a part of the log, who is the user with that number in it.
    pub(crate) fn visitor(
        &self,
        name: &str,
        roles: &[Role],
        scope: Scope,
        user: Option<u32>,
    ) -> Visitor<'_> {
        let new = NewPerson {
            name: name.to_owned(),
            object_id: user.map(|number| id(9000 + number)),
            tenant_id: user.map(|_| TENANT.to_owned()),
            roles: roles.to_vec(),
            scope,
            ..NewPerson::default()
        };
        let person = self.people.create_local(&new, Timestamp::now()).unwrap();
        self.session_of(person)
    }

    /// A new session of somebody.
    pub(crate) fn session_of(&self, person: Person) -> Visitor<'_> {
        let new = NewSession { person: person.id.clone(), ..NewSession::default() };
        let limits = SessionLimits::default();
        let (session, secret) = self.people.create_session(&new, limits, Timestamp::now()).unwrap();
        let cookie = format!("durward-session-{}={secret}", self.address.port());
        Visitor { server: self, person, session, cookie }
    }

    /// Pushes records where that takes a token.
    pub(crate) fn fill(&self, records: &[serde_json::Value]) {
        let bearer = format!("Bearer {}", self.token("ingest"));
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        let body = crate::fixture::lines(records);
        let target = "/api/ingest/diagnostic";
        let answer = client::request(self.address, "POST", target, &headers, &body);
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}

impl Visitor<'_> {
    /// Gives them a password. Ends their sessions.
    pub(crate) fn set_password(&self) {
        let hash = Hasher::default().try_enter(true).unwrap().hash("somebody", PASSWORD).unwrap();
        self.server.people.set_password(&self.person.id, Some(&hash)).unwrap();
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("Accept", "text/html")];
        client::request(self.server.address, "GET", target, &headers, b"")
    }

    /// A request as a script of a page of theirs would make it.
    pub(crate) fn ask(&self, method: &str, target: &str) -> Answer {
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Content-Type", "application/json"),
            ("X-CSRF-Token", self.session.csrf.as_str()),
        ];
        let body: &[u8] = if method == "GET" { b"" } else { b"{}" };
        client::request(self.server.address, method, target, &headers, body)
    }

    /// The secret of their session.
    pub(crate) fn cookie_value(&self) -> &str {
        self.cookie.split_once('=').unwrap().1
    }

    /// The text of a page.
    pub(crate) fn page(&self, target: &str) -> String {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
            assert!(!answer.text().contains(inline), "{inline} in {target}");
        }
        answer.text().to_owned()
    }

    /// Sends a form as a page of theirs would.
    pub(crate) fn post(&self, target: &str, fields: &str) -> Answer {
        self.post_without_token(target, &format!("csrf={}&{fields}", self.session.csrf))
    }

    /// Sends a form as another site would.
    pub(crate) fn post_without_token(&self, target: &str, fields: &str) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        let headers = [("Cookie", self.cookie.as_str()), ("Content-Type", kind)];
        client::request(self.server.address, "POST", target, &headers, fields.as_bytes())
    }
}

/// Events of a page, by request identifier.
pub(crate) fn shown(text: &str) -> Vec<String> {
    let parts = text.split("data-id=\"").skip(1);
    parts.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}
