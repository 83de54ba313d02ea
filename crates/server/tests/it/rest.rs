//! Our own interface.

use serde_json::Value;

use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, id, ids, interactive, record, time,
};

const LOGS: &str = "/api/security/sign-in-logs";

#[test]
fn a_list_by_filter_type_time_and_columns() {
    let server = Server::start();
    server.push(&interactive(0..20));
    server.push(&[record(100, -60, NON_INTERACTIVE), record(101, -120, SERVICE_PRINCIPAL)]);
    let found = |query: &str| ids(&server.json(&format!("{LOGS}?{query}")));
    assert_eq!(found("").len(), 22);
    assert_eq!(found("type=n,s"), [id(100), id(101)]);
    assert_eq!(found("filter=status:failure&type=i"), [18, 14, 10, 6, 2].map(id));
    assert_eq!(found("filter=status:failure&odata=appDisplayName+eq+'App+0'"), [18, 6].map(id));
    assert_eq!(found(&format!("from={}&to={}", time(60), time(180))), [2, 1].map(id));
    assert_eq!(found("sort=createdDateTime&limit=1&type=i"), [id(0)]);
    let flat = server.json(&format!(
        "{LOGS}?limit=1&count=true&columns=id,status,status/errorCode,createdDateTime,location,authenticationDetails"
    ));
    assert_eq!(flat["count"], 22);
    let row = &flat["value"][0];
    assert_eq!(row["status"], "Interrupted");
    assert_eq!((&row["status/errorCode"], &row["location"]), (&50074.into(), &"Vigo, ES".into()));
    assert_eq!(row["authenticationDetails"][0]["authenticationMethod"], "Password");
    let whole = &server.json(&format!("{LOGS}?limit=1"))["value"][0];
    assert_eq!(whole["durward"]["log"], "interactiveUser");
    assert_eq!(whole["durward"]["status"], "Interrupted");
}

#[test]
fn pages_follow_the_cursor() {
    let server = Server::start();
    server.push(&interactive(0..25));
    for sort in ["createdDateTime", "-createdDateTime"] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.json(&format!("{LOGS}?limit=10&sort={sort}&cursor={cursor}"));
            found.extend(ids(&page));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let all = server.json(&format!("{LOGS}?sort={sort}"));
        assert_eq!(found, ids(&all), "{sort}");
    }
    // A relative range stays one question although time goes on.
    let old = server.json(&format!("{LOGS}?limit=10&from=-9000w"));
    let cursor = old["nextCursor"].as_str().unwrap();
    assert_eq!(
        ids(&server.json(&format!("{LOGS}?limit=10&from=-9000w&cursor={cursor}"))).len(),
        10
    );
    assert_eq!(server.error(&format!("{LOGS}?limit=10&cursor={cursor}")).0, 400);
}

#[test]
fn every_documented_error() {
    let server = Server::start();
    server.push(&interactive(0..2));
    for (query, parameter) in [
        ("filter=nonsense:1", "filter"),
        ("odata=nonsense+eq+1", "odata"),
        ("from=yesterday", "from"),
        ("to=3/2/2026", "to"),
        ("type=x", "type"),
        ("sort=id", "sort"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=abc", "cursor"),
        ("columns=id,nonsense", "columns"),
        ("count=maybe", "count"),
        ("fliter=status:failure", "fliter"),
        ("limit=1&limit=2", "limit"),
    ] {
        let answer = server.get(&format!("{LOGS}?{query}"));
        assert_eq!(answer.error(), (400, "BadRequest".to_owned()), "{query}");
        assert_eq!(answer.json()["error"]["parameter"], parameter, "{query}");
    }
    let error = server.get(&format!("{LOGS}?filter=user:a+cod:1")).json();
    assert_eq!(error["error"]["position"], 7);
    assert_eq!(server.error(&format!("{LOGS}/{}", id(77))).0, 404);
    assert_eq!(server.error(&format!("{LOGS}/{}/original", id(77))).0, 404);
    assert_eq!(server.error(&format!("{LOGS}/{}/revisions", id(77))).0, 404);
    assert_eq!(server.error(&format!("{LOGS}/summary?by=nonsense")).0, 400);
    assert_eq!(server.error(&format!("{LOGS}/summary?by=createdDateTime")).0, 400);
    assert_eq!(server.error(&format!("{LOGS}/summary?limit=5")).0, 400);
}

#[test]
fn an_event_its_original_and_its_revisions() {
    let server = Server::start();
    let mut first = record(1, 0, INTERACTIVE);
    server.push(&[first.clone()]);
    first["time"] = time(600).into();
    first["properties"]["riskState"] = "atRisk".into();
    first["properties"]["novelMember"] = serde_json::json!({ "a": [1, 2.50, "x"] });
    assert_eq!(server.push(&[first.clone()])["revised"], 1);
    let event = server.json(&format!("{LOGS}/{}", id(1)));
    assert_eq!((&event["riskState"], &event["durward"]["revision"]), (&"atRisk".into(), &1.into()));
    assert_eq!(server.json(&format!("{LOGS}/{}/original", id(1))), first);
    let revisions = server.json(&format!("{LOGS}/{}/revisions", id(1)));
    let states: Vec<_> =
        revisions["value"].as_array().unwrap().iter().map(|r| &r["riskState"]).collect();
    assert_eq!(states, ["atRisk", "none"]);
    let tenant = "11111111-2222-4333-8444-555555555555";
    assert_eq!(server.get(&format!("{LOGS}/{}?tenant={tenant}", id(1))).status, 200);
    assert_eq!(server.error(&format!("{LOGS}/{}?tenant=other", id(1))).0, 404);
}

#[test]
fn a_summary_counts_what_a_list_lists() {
    let server = Server::start();
    server.push(&interactive(0..150));
    server.store.seal().unwrap();
    server.push(&interactive(150..200));
    let (from, to) = (time(17 * 60), time(190 * 60));
    for filter in ["", "&filter=user:user3"] {
        let range = format!("type=i&from={from}&to={to}{filter}");
        let summary =
            server.json(&format!("{LOGS}/summary?{range}&by=hour,application,code&top=2"));
        let list = server.json(&format!("{LOGS}?{range}&limit=1000&columns=status,appDisplayName"));
        let rows = list["value"].as_array().unwrap();
        assert_eq!(summary["count"], rows.len());
        for status in ["Success", "Failure", "Interrupted"] {
            let count = rows.iter().filter(|row| row["status"] == status).count();
            assert_eq!(summary[status.to_lowercase()], count, "{status}");
        }
        let hours = summary["hours"].as_array().unwrap();
        let sum: u64 = hours.iter().map(|hour| hour["count"].as_u64().unwrap()).sum();
        assert_eq!((hours.len(), sum), (4, rows.len() as u64));
        let top = summary["by"]["application"].as_array().unwrap();
        assert_eq!(top.len(), 2);
        let of = |name: &Value| rows.iter().filter(|row| row["appDisplayName"] == *name).count();
        assert!(top.iter().all(|one| one["count"] == of(&one["value"])), "{top:?}");
        assert_eq!(summary["by"]["code"][0]["value"], "0");
    }
    let empty = Server::start().json(&format!("{LOGS}/summary?by=hour,country"));
    assert_eq!((&empty["count"], &empty["by"]["country"]), (&0.into(), &Value::Array(vec![])));
}
