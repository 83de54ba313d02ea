//! The pages of alerts: list, work, suppressions, deliveries, and who sees whom.

use durward_access::{Role, Scope};
use durward_detect::Level;

use crate::detection_pages::{changes, finding, tell, to};
use crate::fixture::{Server, interactive};
use crate::page::page;
use crate::visitor::Visitor;

fn operator(server: &Server) -> Visitor<'_> {
    server.visitor("oki", &[Role::SecurityOperator], Scope::WHOLE, None)
}

fn three(server: &Server) {
    tell(
        server,
        &[
            finding("impossible-travel", 1, Level::High, 5),
            finding("password-spray", 2, Level::Medium, 50),
            finding("ropc", 3, Level::Low, 60),
        ],
    );
}

#[test]
fn alerts_are_listed_by_state_and_filtered() {
    let server = Server::start();
    assert!(page(&server, "/alerts", 200).contains("No new alerts"));
    three(&server);
    let text = page(&server, "/alerts", 200);
    assert!(text.contains("user1@x.example did something odd."));
    assert!(text.contains("user2@x.example") && !text.contains("user3@x.example"), "low is none");
    let high = page(&server, "/alerts?severity=high", 200);
    assert!(high.contains("user1@x.example") && !high.contains("user2@x.example"));
    let spray = page(&server, "/alerts?detection=password-spray", 200);
    assert!(!spray.contains("user1@x.example") && spray.contains("user2@x.example"));
    let text = page(&server, "/alerts?q=user2", 200);
    assert!(!text.contains("user1@x.example") && text.contains("user2@x.example"));
    assert!(page(&server, "/alerts?state=closed", 200).contains("No closed alerts"));
    for wrong in ["/alerts?state=odd", "/alerts?severity=odd", "/alerts?after=odd"] {
        page(&server, wrong, 400);
    }
}

#[test]
fn an_alert_says_why_and_is_worked_on() {
    let server = Server::guarded();
    server.fill(&interactive(0..5));
    three(&server);
    let oki = operator(&server);
    let text = oki.page("/alerts/1");
    for part in ["5,900 km in 40 min", "A VPN", "Suggested checks", "Similar past alerts"] {
        assert!(text.contains(part), "{part}");
    }
    let check = text.split("name=\"check\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let field = check.replace(' ', "+").replace("&amp;", "%26").replace(';', "%3B");
    to(&oki.post("/alerts/1/check", &format!("check={field}&done=true")));
    let text = oki.page("/alerts/1");
    assert_eq!(text.matches("aria-checked=\"true\"").count(), 1, "the tick is kept");
    to(&oki.post("/alerts/1", "me=true&state=inProgress"));
    to(&oki.post("/alerts/1", "note=It+was+a+journey"));
    let text = oki.page("/alerts/1");
    assert!(text.contains("It was a journey") && text.contains("assigned to oki"));
    assert!(oki.page("/alerts?state=inProgress").contains("<b>You</b>"));
    to(&oki.post("/alerts/1", "state=benignPositive"));
    assert!(oki.page("/alerts/1").contains("Closed: benign positive"));
    let conflict = oki.post("/alerts/1", "state=new&version=1");
    assert_eq!(conflict.status, 409, "{}", conflict.text());
    assert!(changes(&server).iter().all(|(target, _)| target == "#1"));
    assert_eq!(oki.get("/alerts/99").status, 404);
    assert_eq!(oki.post_without_token("/alerts/1", "state=new").status, 403);
}

#[test]
fn several_are_changed_at_once() {
    let server = Server::guarded();
    three(&server);
    let oki = operator(&server);
    let back = "/alerts?t=all&severity=high".replace('&', "%26");
    let done = oki.post("/alerts", &format!("n.1=true&n.2=true&do=falsePositive&back={back}"));
    assert_eq!(to(&done), "/alerts?t=all&severity=high");
    let text = oki.page("/alerts?state=closed");
    assert_eq!(text.matches("Closed: false positive</td>").count(), 2, "{text}");
    assert_eq!(oki.post("/alerts", "do=new").status, 400, "none is chosen");
    assert_eq!(oki.post("/alerts", "n.1=true&do=odd").status, 400);
    assert_eq!(to(&oki.post("/alerts", "n.1=true&do=me&back=//evil.example")), "/alerts");
}

#[test]
fn a_suppression_keeps_more_of_the_kind_away_until_it_is_ended() {
    let server = Server::guarded();
    three(&server);
    let oki = operator(&server);
    let none = oki.post("/alerts/1/suppress", "what=both&hours=24&reason=");
    assert_eq!(none.status, 400, "a reason is needed");
    let made = oki.post("/alerts/1/suppress", "what=both&hours=24&reason=A+journey");
    assert_eq!(to(&made), "/alerts/suppressions");
    let text = oki.page("/alerts/suppressions");
    assert!(text.contains("A journey") && text.contains("Holds"));
    to(&oki.post("/alerts/suppressions/end", "number=1"));
    assert!(oki.page("/alerts/suppressions").contains("Ended"));
}

#[test]
fn who_sees_some_users_sees_their_alerts_only() {
    let server = Server::guarded();
    three(&server);
    let scope = Scope { users: vec!["user2@x.example".to_owned()], ..Scope::WHOLE };
    let lea = server.visitor("lea", &[Role::SecurityOperator], scope, None);
    let text = lea.page("/alerts");
    assert!(!text.contains("user1@x.example") && text.contains("user2@x.example"));
    assert_eq!(lea.get("/alerts/1").status, 404);
    assert_eq!(lea.post("/alerts/1", "state=inProgress").status, 404);
    assert_eq!(lea.post("/alerts", "n.1=true&n.2=true&do=me").status, 404);
    let reader = server.visitor("rita", &[Role::SecurityReader], Scope::WHOLE, None);
    let text = reader.page("/alerts/1");
    assert!(!text.contains("Add the note") && !text.contains("name=\"state\""));
    assert_eq!(reader.post("/alerts/1", "state=inProgress").status, 403);
}

#[test]
fn channels_say_that_there_are_none() {
    let server = Server::start();
    assert!(page(&server, "/alerts/channels", 200).contains("No channels"));
}
