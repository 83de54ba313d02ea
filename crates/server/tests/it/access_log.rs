//! The access log, as a page and for programs.

use durward_access::{Role, Scope};
use durward_journal::{Action, Actor, ActorKind, Entry, Query};
use serde_json::Value;

use crate::fixture::{Server, interactive};

#[test]
fn a_look_is_listed_at_once_with_its_filter_and_rows() {
    let server = Server::guarded();
    server.fill(&interactive(0..40));
    let maria = server.visitor("maria", &[Role::SecurityAdministrator], Scope::WHOLE, None);
    maria.page("/signins?type=i&t=all&q=user:user3");
    let text = maria.page("/access-log?who=mari&action=list");
    assert_eq!(text.matches("data-seq=").count(), 1, "{text}");
    for part in [
        "type=i &amp; t=all &amp; q=user:user3",
        ">maria</a>",
        "person",
        "Read a list",
        "/signins</span>",
        "<td class=\"number\">6</td>",
        "<td class=\"mono\">127.0.0.1</td>",
        "<td class=\"number\">200</td>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let entry = maria.get("/api/access-log?text=user3&action=list").json()["value"][0].clone();
    assert_eq!(entry["actor"]["name"], "maria");
    assert_eq!((&entry["rows"], &entry["route"]), (&6.into(), &"/signins".into()));
    assert_eq!(entry["query"], "type=i&t=all&q=user:user3");
    // Those two looks are in it as well.
    let query = Query { action: Some(Action::AccessLog), ..Query::default() };
    let looks = server.journal.list(&query).unwrap();
    let looks: Vec<_> = looks.iter().map(|of| (&*of.entry.route, of.entry.rows)).collect();
    assert_eq!(looks, [("/api/access-log", Some(1)), ("/access-log", Some(1))]);
}

#[test]
fn pages_lead_on_and_filters_stay() {
    let server = Server::guarded();
    let (kind, id) = (ActorKind::Operator, "0".to_owned());
    let actor = Actor { kind, id, name: "operator".to_owned(), token: None };
    for number in 1..=60 {
        let query = format!("limit={number}");
        let entry = Entry { query, ..Entry::new(Action::List, actor.clone()) };
        server.journal.record_blocking(entry).unwrap();
    }
    let maria = server.visitor("maria", &[Role::GlobalAdministrator], Scope::WHOLE, None);
    let first = maria.page("/access-log?action=list&from=-1h");
    assert_eq!(first.matches("data-seq=").count(), 50);
    assert!(first.contains("limit=60") && !first.contains("limit=10<"));
    let before = first.split(">Older</a>").next().unwrap();
    let href = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
    let second = maria.page(&href.replace("&amp;", "&"));
    assert_eq!(second.matches("data-seq=").count(), 10);
    assert!(second.contains("limit=10<") && !second.contains(">Older</a>"));
    assert!(second.contains("href=\"/access-log?action=list&amp;from=-1h\">Newest</a>"));
    for query in ["action=nothing", "from=yesterday", "before=x", "typo=1"] {
        assert_eq!(maria.get(&format!("/access-log?{query}")).status, 400, "{query}");
    }
    let page = |target: &str| -> Value { maria.get(target).json() };
    let newest = page("/api/access-log?action=list&limit=40");
    let cursor = newest["nextCursor"].as_str().unwrap();
    let rest = page(&format!("/api/access-log?action=list&limit=40&cursor={cursor}"));
    assert_eq!(rest["value"].as_array().unwrap().len(), 20);
    assert_eq!(rest["nextCursor"], Value::Null);
}

#[test]
fn everything_can_be_taken_away_and_is_written_down() {
    let server = Server::guarded();
    let token = server.token("read");
    for target in ["/api/security/sign-in-logs?filter=user:a", "/v1.0/auditLogs/signIns"] {
        assert_eq!(server.get_as(&token, target).status, 200);
    }
    let maria = server.visitor("maria", &[Role::SecurityAdministrator], Scope::WHOLE, None);
    let csv = maria.get("/api/access-log/export?action=list");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let name = csv.header("content-disposition").unwrap();
    assert!(name.starts_with("attachment; filename=\"access-log-2"), "{name}");
    let mut reader = csv::Reader::from_reader(csv.body.as_slice());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2, "oldest first");
    assert_eq!(&rows[0][column("query")], "filter=user:a");
    assert_eq!(&rows[0][column("actor/kind")], "token");
    assert_eq!(&rows[1][column("route")], "/v1.0/auditLogs/signIns");
    let lines = maria.get("/api/access-log/export?action=list&format=ndjson");
    let lines: Vec<Value> =
        lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["query"], "filter=user:a");
    assert_eq!(maria.get("/api/access-log/export?format=xlsx").status, 400);
    let query = Query { action: Some(Action::AccessLog), ..Query::default() };
    let began = server.journal.list(&query).unwrap();
    assert_eq!(began.last().unwrap().entry.query, "action=list");
    let query = Query { action: Some(Action::ExportEnd), ..Query::default() };
    // The end is written after the last byte was sent.
    let ended = loop {
        let found = server.journal.list(&query).unwrap();
        if found.len() == 2 {
            break found;
        }
        std::thread::yield_now();
    };
    assert_eq!(ended[1].entry.rows, Some(2));
    assert_eq!(ended[1].entry.request_id, began.last().unwrap().entry.request_id);
}

#[test]
fn the_chain_is_checked_when_asked_for() {
    let server = Server::guarded();
    let maria = server.visitor("maria", &[Role::GlobalAdministrator], Scope::WHOLE, None);
    assert!(!maria.page("/access-log").contains("Unbroken"));
    let text = maria.page("/access-log?verify=true");
    let verified = server.journal.verify(None).unwrap();
    assert!(text.contains("Unbroken over 1 entries"), "{text}");
    assert_eq!(verified.entries, 2, "and this look came after it");
}

#[test]
fn not_everybody_may_read_it() {
    let server = Server::guarded();
    for (name, role) in [("reports", Role::ReportsReader), ("security", Role::SecurityReader)] {
        let reader = server.visitor(name, &[role], Scope::WHOLE, Some(1));
        for target in ["/access-log", "/api/access-log", "/api/access-log/export"] {
            let answer = reader.get(target);
            assert_eq!(answer.status, 403, "{name} {target}");
            assert!(answer.text().contains("Security Administrator"), "says who may");
        }
        assert!(!reader.page("/me").contains("href=\"/access-log\""));
    }
    assert_eq!(server.get("/api/access-log").status, 401);
    assert_eq!(server.get_as(&server.token("read"), "/api/access-log").status, 403);
    assert_eq!(server.get_as(&server.token("access-log"), "/api/access-log").status, 200);
    let query = Query { action: Some(Action::Denied), ..Query::default() };
    let denied = server.journal.list(&query).unwrap();
    assert_eq!(denied.len(), 7, "refusals are written down, strangers' knocking is not");
}
