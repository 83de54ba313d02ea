//! One's own sign-ins, what is said of them, and what a caller is taken for.

use durward_access::{Right, Role, Scope};
use durward_journal::{Action, Query};
use serde_json::{Value, json};

use crate::client;
use crate::fixture::{INTERACTIVE, NON_INTERACTIVE, Server, id, interactive, record};
use crate::visitor::{TENANT, shown};

const ELSEWHERE: &str = "99999999-2222-4333-8444-555555555555";

fn tenant(tenant: &str) -> Scope {
    Scope { tenants: vec![tenant.to_owned()], ..Scope::WHOLE }
}

/// Numbers 0 to 20, of seven users, who have three each; one of user 1 in the background.
fn filled() -> Server {
    let server = Server::guarded();
    server.fill(&interactive(0..21));
    server.fill(&[record(22, 0, NON_INTERACTIVE)]);
    server
}

#[test]
fn people_see_their_own_sign_ins_and_no_others() {
    let server = filled();
    let mut other_tenant = record(29, 0, INTERACTIVE);
    other_tenant["tenantId"] = ELSEWHERE.into();
    server.fill(&[other_tenant]);
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    let own = [15, 8, 1].map(id);
    assert_eq!(shown(&maria.page("/me")), own);
    // However much more they may read.
    let administrator = server.visitor("root", &[Role::GlobalAdministrator], Scope::WHOLE, Some(1));
    assert_eq!(shown(&administrator.page("/me")), own);
    for (query, wanted) in [
        ("show=successful", &[8, 1][..]),
        ("show=unsuccessful", &[15]),
        ("q=203.0.113.3", &[8]),
        ("q=Vigo,+ES", &[15, 8, 1]),
        ("q=%22not+finished%22", &[15]),
        ("q=lisbon", &[]),
        ("background=true", &[15, 8, 1, 22]),
        ("background=true&q=203.0.113.2", &[22]),
    ] {
        let found = shown(&maria.page(&format!("/me?{query}")));
        let wanted: Vec<String> = wanted.iter().copied().map(id).collect();
        assert_eq!(found, wanted, "{query}");
    }
    assert_eq!(maria.get("/me?show=mine").status, 400);
    assert_eq!(maria.get(&format!("/signins/{}", id(1))).status, 403);
    assert_eq!(server.get("/me").status, 401);
}

#[test]
fn cards_say_what_happened_in_plain_words() {
    let server = Server::guarded();
    let mut attack = record(8, 0, INTERACTIVE);
    attack["properties"]["appDisplayName"] = "<i>Mail</i>".into();
    attack["properties"]["status"] = json!({ "errorCode": 500_121 });
    attack["properties"]["authenticationDetails"] = json!([
        {
            "authenticationMethod": "Password", "succeeded": true,
            "authenticationStepRequirement": "Primary authentication",
        },
        {
            "authenticationMethod": "OATH verification code", "succeeded": false,
            "authenticationStepRequirement": "Multi-factor authentication",
            "authenticationStepResultDetail": "Invalid code",
        },
    ]);
    server.fill(&[attack]);
    let text = server.visitor("maria", &[], Scope::WHOLE, Some(1)).page("/me");
    for part in [
        "Your password was right, but the code was wrong.",
        "If that was not you, somebody knows your password: change it now.",
        "<span aria-hidden=\"true\">✖</span> Unsuccessful",
        "<h2>&lt;i&gt;Mail&lt;/i&gt;</h2>",
        "Vigo, ES",
        "<dd class=\"mono\">203.0.113.3</dd>",
        "<dd>Asked for, and not completed</dd>",
        "Mobile networks and VPNs",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for term in ["500121", "Conditional Access", "AADSTS"] {
        assert!(!text.contains(term), "{term}");
    }
}

#[test]
fn older_sign_ins_are_on_the_next_page() {
    let server = Server::guarded();
    server.fill(&interactive(0..7 * 25));
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    let first = maria.page("/me?q=vigo");
    let before = first.split(">Older</a>").next().unwrap();
    let href = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
    let href = href.replace("&amp;", "&");
    assert!(href.starts_with("/me?q=vigo&older="), "{href}");
    let second = maria.page(&href);
    assert!(!second.contains(">Older</a>") && second.contains("href=\"/me?q=vigo\">Newest</a>"));
    let mut all = shown(&first);
    assert_eq!(all.len(), 20);
    all.extend(shown(&second));
    let wanted: Vec<String> = (0..25).rev().map(|number| id(number * 7 + 1)).collect();
    assert_eq!(all, wanted);
    assert_eq!(maria.get(&href.replace("vigo", "es")).status, 400, "a cursor of another question");
}

#[test]
fn who_is_nobody_in_the_log_hears_what_is_missing() {
    let server = filled();
    let stranger = server.visitor("stranger", &[Role::GlobalAdministrator], Scope::WHOLE, None);
    let text = stranger.page("/me");
    assert!(text.contains("object ID") && shown(&text).is_empty(), "{text}");
    assert_eq!(stranger.post("/me/feedback", &format!("id={}&verdict=mine", id(1))).status, 403);
    let demo = Server::start();
    assert!(demo.get("/me").text().contains("The demo administrator is nobody"));
}

#[test]
fn what_is_said_of_a_sign_in_is_kept_and_can_be_changed() {
    let server = filled();
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    let say = |verdict: &str| {
        let fields = format!("id={}&tenant={TENANT}&verdict={verdict}&show=successful", id(8));
        let answer = maria.post("/me/feedback", &fields);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let to = answer.header("location").unwrap().to_owned();
        assert_eq!(to, format!("/me?show=successful#{}", id(8)));
        maria.page(to.split('#').next().unwrap())
    };
    let text = say("not-mine");
    assert_eq!(text.matches("You said: this wasn’t me.").count(), 1);
    assert!(text.contains("Change your password."));
    assert_eq!(text.matches("value=\"not-mine\"").count(), 1, "said of one of two");
    let text = say("mine");
    assert!(text.contains("You said: this was me.") && !text.contains("wasn’t me.</b>"));
    let query = Query { action: Some(Action::Report), ..Query::default() };
    let entries = server.journal.list(&query).unwrap();
    let entries: Vec<_> = entries
        .iter()
        .map(|of| (of.entry.target.as_deref().unwrap(), of.entry.query.as_str()))
        .collect();
    let id = id(8);
    assert_eq!(entries, [(&*id, "verdict=mine"), (&*id, "verdict=not-mine")]);
}

#[test]
fn only_of_ones_own_sign_ins_can_anything_be_said_and_only_from_our_pages() {
    let server = filled();
    let root = server.visitor("root", &[Role::GlobalAdministrator], Scope::WHOLE, Some(2));
    let post = |fields: String| root.post("/me/feedback", &fields).error();
    let not_found = (404, "ResourceNotFound".to_owned());
    assert_eq!(post(format!("id={}&verdict=mine", id(1))), not_found, "somebody else's");
    assert_eq!(post(format!("id={}&verdict=mine", id(999))), not_found);
    assert_eq!(post("verdict=mine".to_owned()), not_found);
    assert_eq!(post(format!("id={}&verdict=maybe", id(2))).0, 400);
    let fields = format!("id={}&verdict=not-mine", id(2));
    let forged = root.post_without_token("/me/feedback", &fields).error();
    assert_eq!(forged, (403, "InvalidCsrfToken".to_owned()));
    let guessed = root.post_without_token("/me/feedback", &format!("csrf=guess&{fields}"));
    assert_eq!(guessed.status, 403);
    assert!(server.people.feedback_list(false, 10, None).unwrap().is_empty());
    assert_eq!(root.post("/me/feedback", &fields).status, 303);
}

#[test]
fn analysts_see_what_is_reported_where_they_see_the_sign_in() {
    let server = filled();
    let maria = server.visitor("maria", &[], Scope::WHOLE, Some(1));
    for (number, verdict) in [(1, "not-mine"), (8, "mine"), (15, "not-mine")] {
        let fields = format!("id={}&verdict={verdict}", id(number));
        assert_eq!(maria.post("/me/feedback", &fields).status, 303);
    }
    let reader = [Role::SecurityReader];
    let here = server.visitor("here", &reader, tenant(TENANT), None);
    let elsewhere = server.visitor("elsewhere", &reader, tenant(ELSEWHERE), None);
    let text = here.page("/reported");
    assert_eq!(shown(&text), [15, 1].map(id), "newest first");
    assert!(text.contains("User &quot;1&quot;, ü") && text.contains("App 0"), "{text}");
    assert!(text.contains(&format!("href=\"/signins/{}?tenant={TENANT}\"", id(15))));
    let list = |target: &str| -> Value { here.get(target).json() };
    let all = list("/api/security/reported");
    assert_eq!(all["nextCursor"], Value::Null);
    let first = list("/api/security/reported?limit=1");
    assert_eq!(first["value"][0], all["value"][0]);
    assert_eq!(first["value"][0]["signIn"]["id"], id(15));
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = list(&format!("/api/security/reported?limit=1&cursor={cursor}"));
    assert_eq!(second["value"][0], all["value"][1]);
    assert_eq!(second["nextCursor"], Value::Null);
    let detail = |number| here.page(&format!("/signins/{}", id(number)));
    assert!(detail(1).contains("The user says: this wasn’t me."));
    assert!(detail(8).contains("The user says: this was me."));
    assert!(!detail(2).contains("The user says"));

    let text = elsewhere.page("/reported");
    assert!(text.contains("Nothing reported") && !text.contains(&id(1)), "{text}");
    let nothing = json!({ "nextCursor": null, "value": [] });
    assert_eq!(elsewhere.get("/api/security/reported").json(), nothing);
    assert_eq!(maria.get("/reported").status, 403);
    assert_eq!(maria.get("/api/security/reported").status, 403);
}

#[test]
fn callers_are_told_what_they_are_taken_for() {
    let server = Server::guarded();
    let maria = server.visitor("maria", &[Role::ReportsReader], tenant(TENANT), Some(1));
    let told = maria.get("/api/me").json();
    assert_eq!((&told["kind"], &told["name"]), (&json!("person"), &json!("maria")));
    assert_eq!(told["ownSignInsOf"], json!({ "userId": id(9001), "tenantId": TENANT }));
    assert_eq!(told["grants"][0]["role"], "User");
    assert_eq!(told["grants"][1]["role"], "Reports Reader");
    assert_eq!(told["grants"][1]["scopes"][0]["tenants"], json!([TENANT]));
    assert_eq!(told["rights"]["Export"], Right::Export.words());
    assert_eq!(told["rights"]["ManageAccess"], Value::Null);
    let token = server.token("ingest");
    let told = server.get_as(&token, "/api/me").json();
    assert_eq!((&told["kind"], &told["permissions"]), (&json!("token"), &json!(["ingest"])));
    assert_eq!(told["rights"], json!({ "Ingest": Right::Ingest.words() }));
    assert_eq!(told["expires"], Value::Null);
    assert_eq!(server.get("/api/me").status, 401);
    assert_eq!(server.get_as("dwd_wrong", "/api/me").status, 401);
    let answer = client::get(Server::start().address, "/api/me").json();
    assert_eq!(answer["kind"], "demo");
}
