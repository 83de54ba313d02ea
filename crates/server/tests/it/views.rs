//! Saved views.

use durward_access::{Mask, Role, Scope};
use serde_json::{Value, json};

use crate::client;
use crate::fixture::{Server, interactive};
use crate::visitor::Visitor;

/// The text of a form's field.
fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let start = format!("name=\"{name}\" value=\"");
    text.split(&start).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

/// Saves an address under a name; where that leads.
fn save(visitor: &Visitor<'_>, name: &str, query: &str, more: &str) -> String {
    let query = query.replace('=', "%3D").replace('&', "%26");
    let answer = visitor.post("/views", &format!("name={name}&query={query}{more}"));
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().to_owned()
}

fn list(visitor: &Visitor<'_>) -> Vec<Value> {
    let answer = visitor.ask("GET", "/api/views");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["value"].as_array().unwrap().clone()
}

fn names(visitor: &Visitor<'_>) -> Vec<String> {
    list(visitor).iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_view_is_the_address_without_what_belongs_to_one_look() {
    let server = Server::guarded();
    server.fill(&interactive(0..5));
    let maria = server.visitor("maria", &[Role::SecurityReader], Scope::WHOLE, None);
    let to = save(
        &maria,
        "Failures",
        "type=i&t=7d&f=status%253Dfailure&cols=date,ip&at=50&row=x&asof=2026-03-01",
        "",
    );
    assert_eq!(to, "/signins?type=i&t=7d&f=status%3Dfailure&cols=date%2Cip");
    let view = &list(&maria)[0];
    assert_eq!((&view["href"], &view["version"]), (&json!(to), &json!(1)));
    assert_eq!((&view["isOwn"], &view["isShared"]), (&json!(true), &json!(false)));
    // The menu of the explorer is named after it.
    let text = maria.page(&to);
    assert!(text.contains("View: <span class=\"clip\">Failures</span>"), "{text}");
    let plain = maria.page("/signins?type=i&t=all");
    assert!(plain.contains("View: <span class=\"clip\">Entra</span>"));
    for part in ["Investigation", "Legacy authentication", "Failures last 24 h", ">Failures</a>"] {
        assert!(plain.contains(part), "{part}");
    }
    let compact = plain.split(">Compact</a>").next().unwrap().rsplit("href=\"").next().unwrap();
    let compact = compact.split('"').next().unwrap().replace("&amp;", "&");
    let text = maria.page(&compact);
    assert!(text.contains("View: <span class=\"clip\">Compact</span>"));
    assert!(text.contains("Multifactor authentication result"), "a column of it");
}

#[test]
fn of_two_who_change_a_view_both_are_shown_and_one_chooses() {
    let server = Server::guarded();
    server.fill(&interactive(0..5));
    let maria = server.visitor("maria", &[Role::SecurityReader], Scope::WHOLE, None);
    save(&maria, "Mine", "t=7d", "");
    let page = maria.page("/views?t=1h");
    assert!(page.contains("<option value=\"1:Mine\">Mine</option>"), "{page}");
    // Another window replaces it first.
    save(&maria, "", "t=30d", "&replace=1:Mine");
    let stale = maria.post("/views", "query=t%3D1h&replace=1:Mine");
    assert_eq!(stale.status, 409);
    let text = stale.text();
    for part in ["Last 30 days", "Last hour", "changed after you opened it", "Replace it with"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(list(&maria)[0]["href"], "/signins?type=i&t=30d", "nothing is lost");
    assert_eq!(field(text, "version"), "2");
    let chosen = format!("name=Mine&query={}&version=2", "t%3D1h");
    assert_eq!(maria.post("/views", &chosen).status, 303);
    assert_eq!(list(&maria)[0]["href"], "/signins?type=i&t=1h");
    assert_eq!(list(&maria)[0]["version"], 3);
    // A new one of the same name, whatever the case, is a conflict as well.
    let again = maria.post("/views", "name=MINE&query=t%3Dall");
    assert_eq!(again.status, 409);
    assert!(again.text().contains("There is a view of yours with this name"));
    assert_eq!(names(&maria), ["Mine"]);
}

#[test]
fn what_is_private_stays_private_and_what_is_shared_is_removed_by_its_owner_only() {
    let server = Server::guarded();
    server.fill(&interactive(0..5));
    let maria = server.visitor("maria", &[Role::SecurityReader], Scope::WHOLE, None);
    let hugo = server.visitor("hugo", &[Role::ReportsReader], Scope::WHOLE, None);
    let plain = server.visitor("plain", &[], Scope::WHOLE, Some(1));
    save(&maria, "Quokka", "q=quokka-plan", "");
    save(&maria, "Team", "q=team-plan", "&shared=true");
    save(&hugo, "His", "t=1h", "");
    save(&plain, "Own", "t=1h", "");
    assert_eq!(names(&maria), ["Quokka", "Team"]);
    assert_eq!(names(&hugo), ["His", "Team"]);
    assert_eq!(names(&plain), ["Own"], "who does not read the log sees no one's");
    let text = hugo.page("/signins?t=7d");
    assert!(text.contains("Team") && text.contains("title=\"maria\""));
    let text = text + &hugo.page("/views?t=7d");
    assert!(!text.contains("Quokka") && !text.contains("quokka-plan"));
    let team = list(&hugo)[1].clone();
    assert_eq!((&team["isOwn"], &team["ownerName"]), (&json!(false), &json!("maria")));
    let remove = format!("id={}&query=t%3D7d", team["id"].as_str().unwrap());
    assert_eq!(hugo.post("/views/delete", &remove).error().0, 404);
    assert_eq!(maria.post_without_token("/views/delete", &remove).error().0, 403);
    assert_eq!(names(&hugo).len(), 2);
    let removed = maria.post("/views/delete", &remove);
    assert_eq!(removed.header("location"), Some("/views?type=i&t=7d"));
    assert_eq!(names(&hugo), ["His"]);
}

#[test]
fn who_sees_pseudonyms_sees_no_filters_that_others_wrote() {
    let server =
        Server::with_access(crate::fixture::store_options(), crate::fixture::config(), |access| {
            let mask = Mask { names: true, addresses: false };
            access.rules.masks = vec![(Role::ReportsReader, mask)];
        });
    let maria = server.visitor("maria", &[Role::SecurityReader], Scope::WHOLE, None);
    let masked = server.visitor("masked", &[Role::ReportsReader], Scope::WHOLE, None);
    save(&maria, "Team", "q=maria", "&shared=true");
    assert_eq!(names(&maria), ["Team"]);
    assert!(names(&masked).is_empty());
}

#[test]
fn forms_say_what_is_wrong_and_changes_come_from_our_pages() {
    let server = Server::guarded();
    server.fill(&interactive(0..5));
    let maria = server.visitor("maria", &[Role::SecurityReader], Scope::WHOLE, None);
    let empty = maria.post("/views", "name=+&query=t%3D7d");
    assert_eq!(empty.status, 400);
    assert!(empty.text().contains("a view needs a name"));
    for (fields, status) in [
        ("name=a&query=t%3Dnonsense", 400),
        ("name=a&query=nonsense%3D1", 400),
        ("name=a&query=t%3D7d&replace=x:a", 400),
        ("name=a&query=t%3D7d&owner=somebody", 400),
    ] {
        assert_eq!(maria.post("/views", fields).status, status, "{fields}");
    }
    let long = format!("name=a&query=q%3D{}", "x".repeat(9000));
    let refused = maria.post("/views", &long);
    assert!(refused.status == 400 && refused.text().contains("at most 8 KiB"));
    assert_eq!(maria.post_without_token("/views", "name=a&query=t%3D7d").error().0, 403);
    assert!(names(&maria).is_empty());
    assert_eq!(server.get_as(&server.token("read"), "/api/views").error().0, 403);
}

#[test]
fn in_a_demo_views_are_the_administrators() {
    let server = Server::start();
    server.push(&interactive(0..5));
    let text = crate::page::page(&server, "/views?t=7d", 200);
    let csrf = field(&text, "csrf").to_owned();
    let kind = "application/x-www-form-urlencoded";
    let body = format!("csrf={csrf}&name=Demo+view&query=t%3D7d");
    let headers = [("Content-Type", kind)];
    let saved = client::request(server.address, "POST", "/views", &headers, body.as_bytes());
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert_eq!(server.json("/api/views")["value"][0]["name"], "Demo view");
    let forged = client::request(server.address, "POST", "/views", &headers, b"name=a&query=");
    assert_eq!(forged.status, 403);
}
