//! A person's account: tokens, sessions, password.

use durward_access::{Role, Scope};
use durward_journal::{Action, Query};

use crate::fixture::{Server, id, ids, interactive};
use crate::visitor::PASSWORD;

/// The secret on the page that shows it.
fn secret(text: &str) -> String {
    let rest = text.split("<pre class=\"secret\">").nth(1).expect("a secret");
    rest.split("</pre>").next().unwrap().to_owned()
}

/// Identifier of the token in the form that revokes the newest.
fn newest_token(text: &str) -> String {
    let rest = text.split("name=\"token\" value=\"").nth(1).expect("a token");
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_token_works_at_once_and_stops_when_it_is_revoked() {
    const LOGS: &str = "/api/security/sign-in-logs";
    let server = Server::guarded();
    server.fill(&interactive(0..14));
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    let made = maria.post("/account/tokens", "name=report&read=true&days=7");
    assert_eq!(made.status, 200, "{}", made.text());
    let secret = secret(made.text());
    let answer = server.get_as(&secret, LOGS);
    assert_eq!(ids(&answer.json()), [8, 1].map(id), "their own, as their owner sees them");

    let page = maria.page("/account");
    assert!(page.contains("<td>report</td><td>read</td>"), "{page}");
    assert!(!page.contains(&secret) && !page.contains("class=\"secret\""), "shown once");
    let taken = maria.post("/account/tokens", "name=Report&read=true&days=7");
    assert_eq!(taken.status, 400);
    assert!(taken.text().contains("is taken"), "{}", taken.text());

    let token = newest_token(&page);
    let other = server.visitor("root", &[Role::GlobalAdministrator], Scope::WHOLE, None);
    let fields = format!("token={token}");
    assert_eq!(other.post("/account/tokens/revoke", &fields).status, 404, "not theirs");
    assert_eq!(maria.post_without_token("/account/tokens/revoke", &fields).status, 403);
    assert_eq!(maria.post("/account/tokens/revoke", "token=report").status, 404);
    assert_eq!(server.get_as(&secret, LOGS).status, 200);
    let revoked = maria.post("/account/tokens/revoke", &fields);
    assert_eq!(revoked.header("location"), Some("/account?done=revoked"));
    assert_eq!(server.get_as(&secret, LOGS).status, 401);
    assert!(maria.page("/account?done=revoked").contains("The token is revoked"));

    let query = Query { action: Some(Action::Change), ..Query::default() };
    let entries = server.journal.list(&query).unwrap();
    let short = |at: usize| {
        let entry = &entries[at].entry;
        (entry.route.as_str(), entry.target.as_deref().unwrap_or_default(), entry.status)
    };
    assert_eq!(short(0), ("/account/tokens/revoke", "token report", 303));
    let (first, query) = (entries.len() - 1, "permissions=read&days=7");
    assert_eq!(short(first), ("/account/tokens", "token report", 200));
    assert_eq!(entries[first].entry.query, query);
    let all = server.journal.list(&Query::default()).unwrap();
    assert!(!format!("{all:?}").contains(&secret), "no secret in the log");
}

#[test]
fn nobody_gives_a_token_more_than_they_have() {
    let server = Server::guarded();
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    let page = maria.page("/account");
    assert!(page.contains("name=\"read\"") && !page.contains("name=\"ingest\""), "{page}");
    let refused = maria.post("/account/tokens", "name=push&ingest=true&days=7");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("a token needs a permission"));
    assert_eq!(maria.post("/account/tokens", "name=a&read=true&days=366").status, 400);
    let root = server.visitor("root", &[Role::GlobalAdministrator], Scope::WHOLE, None);
    let made = root.post("/account/tokens", "name=push&ingest=true&days=365");
    let target = "/api/security/sign-in-logs";
    assert_eq!(server.get_as(&secret(made.text()), target).status, 403, "it may push only");
    // A token is no session.
    assert_eq!(server.get_as(&secret(made.text()), "/account").status, 403);
}

#[test]
fn the_page_says_what_roles_allow() {
    let server = Server::guarded();
    let scope = Scope { tenants: vec!["t-1".to_owned()], ..Scope::WHOLE };
    let reader = server.visitor("reader", &[Role::HelpdeskAdministrator], scope, None);
    let page = reader.page("/account");
    let row = "<td>Helpdesk Administrator</td><td>read their own sign-ins, read the sign-ins of \
               users</td><td>tenant t-1</td>";
    assert!(page.contains(row), "{page}");
    assert!(Server::start().get("/account").text().contains("There is nothing to manage here"));
    assert_eq!(server.get("/account").status, 401);
}

#[test]
fn other_sessions_can_be_ended() {
    let server = Server::guarded();
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    let second = server.session_of(maria.person.clone());
    let third = server.session_of(maria.person.clone());
    let noor = server.visitor("noor", &[], Scope::WHOLE, Some(2));
    let end = |session: &str| maria.post("/account/sessions/end", &format!("session={session}"));
    assert_eq!(end(&noor.session.id).status, 404, "somebody else's");
    assert_eq!(end(&second.session.id).header("location"), Some("/account?done=session"));
    let is_in = |status: u16| status == 200;
    assert!(!is_in(second.get("/account").status) && is_in(third.get("/account").status));
    let all = maria.post("/account/sessions/end", "");
    assert_eq!(all.header("location"), Some("/account?done=sessions"));
    assert!(!is_in(third.get("/account").status));
    assert!(is_in(maria.get("/account").status) && is_in(noor.get("/account").status));
}

#[test]
fn a_password_is_changed_by_who_knows_the_old_one() {
    let server = Server::guarded();
    let new = "a rather blue teapot";
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    maria.set_password();
    let (maria, other) =
        (server.session_of(maria.person.clone()), server.session_of(maria.person.clone()));
    let change = |old: &str, new: &str, again: &str| {
        let fields = format!("old={old}&password={new}&again={again}").replace(' ', "+");
        maria.post("/account/password", &fields)
    };
    for (old, new, again, status, why) in [
        ("not the old one", new, new, 403, "was wrong"),
        (PASSWORD, new, "another one, really", 400, "differ"),
        (PASSWORD, "short", "short", 400, "fewer than 12 characters"),
    ] {
        let answer = change(old, new, again);
        assert_eq!(answer.status, status, "{why}");
        assert!(answer.text().contains(why), "{why} in {}", answer.text());
    }
    assert_eq!(other.get("/account").status, 200);
    let done = change(PASSWORD, new, new);
    assert_eq!(done.header("location"), Some("/account?done=password"), "{}", done.text());
    assert_ne!(maria.get("/account").status, 200, "this session has another secret now");
    assert_ne!(other.get("/account").status, 200, "the others have ended");
    let cookie = done.header("set-cookie").unwrap().split(';').next().unwrap();
    let headers = [("Cookie", cookie)];
    let target = "/account?done=password";
    let page = crate::client::request(server.address, "GET", target, &headers, b"");
    assert!(page.text().contains("Your password is changed"), "{}", page.text());
    let all = server.journal.list(&Query::default()).unwrap();
    assert!(!format!("{all:?}").contains("teapot"), "no password in the log");
}

#[test]
fn guessing_the_old_password_in_a_session_comes_to_an_end() {
    let server = Server::guarded();
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    maria.set_password();
    let maria = server.session_of(maria.person.clone());
    let fields = "old=wrong&password=a+rather+blue+teapot&again=a+rather+blue+teapot";
    let answers: Vec<u16> =
        (0..12).map(|_| maria.post("/account/password", fields).status).collect();
    assert_eq!(answers[0], 403);
    assert_eq!(answers[11], 429, "{answers:?}");
}
