//! Pages of ID Protection, and what other pages show of risk.

use durward_access::{Mask, Role, Rules, Scope};
use durward_detect::book::Circumstances;
use durward_detect::finding::id_of;
use durward_detect::{EventRef, Fact, Finding, Level, Settings, Subject, SubjectKind};
use durward_journal::{Action, Query};
use durward_model::Id;
use serde_json::{Value, json};

use crate::client;
use crate::fixture::{NOON, Server, config, id, interactive, store_options};
use crate::page::page;
use crate::visitor::TENANT;

/// A finding of impossible travel about the user of the sign-in with this number, who was
/// somewhere else a minute before.
fn travel(number: u32, level: Level) -> Finding {
    let name = format!("user{}@x.example", number % 7);
    let subject = Subject { kind: SubjectKind::User, id: id(9000 + number % 7), name };
    let at = |number: u32| EventRef {
        at_micros: (NOON + i64::from(number) * 60) * 1_000_000,
        id: Id::from_text(&id(number)).0,
    };
    let (before, event) = (at(number - 1), at(number));
    Finding {
        sentence: format!("{} was in Vigo and in Lagos within a minute.", subject.name),
        events: vec![before, event],
        event_count: 2,
        risky: vec![event.id],
        facts: vec![Fact {
            label: "Speed".to_owned(),
            value: "4,020 km in 1 min = 241,200 km/h; 1,000 km/h are enough".to_owned(),
        }],
        against: vec!["The network is new to durward.".to_owned()],
        ..bare("impossible-travel", subject, level, event)
    }
}

/// A finding about an address.
fn spray(number: u32) -> Finding {
    let address = format!("203.0.113.{}", number % 5);
    let subject = Subject { kind: SubjectKind::Address, id: address.clone(), name: address };
    let at_micros = (NOON + i64::from(number) * 60) * 1_000_000;
    let event = EventRef { at_micros, id: Id::from_text(&id(number)).0 };
    bare("password-spray", subject, Level::Medium, event)
}

fn bare(detection: &str, subject: Subject, level: Level, event: EventRef) -> Finding {
    Finding {
        id: id_of(detection, TENANT, &subject, &event.id.0),
        detection: detection.to_owned(),
        tenant: TENANT.to_owned(),
        sentence: format!("{} tried 37 accounts.", subject.name),
        subject,
        level,
        first_micros: event.at_micros,
        last_micros: event.at_micros,
        found_micros: event.at_micros,
        told_micros: event.at_micros,
        events: vec![event],
        event_count: 1,
        risky: vec![event.id],
        facts: Vec::new(),
        against: Vec::new(),
        correlation: None,
        address: "203.0.113.1".to_owned(),
        location: ["Vigo".to_owned(), String::new(), "ES".to_owned()],
    }
}

fn tell(server: &Server, findings: &[Finding]) {
    let settings = Settings::default();
    let circumstances = Circumstances { settings: &settings, now_micros: NOON * 1_000_000 };
    server.book.record(findings, &circumstances).unwrap();
}

/// Sign-ins in two places in turn.
fn placed(numbers: std::ops::Range<u32>) -> Vec<Value> {
    let mut records = interactive(numbers);
    for (number, record) in records.iter_mut().enumerate() {
        let (city, country, latitude, longitude) = match number % 2 {
            0 => ("Vigo", "ES", 42.2, -8.7),
            _ => ("Lagos", "NG", 6.5, 3.4),
        };
        record["properties"]["location"] = json!({
            "city": city, "countryOrRegion": country,
            "geoCoordinates": { "latitude": latitude, "longitude": longitude },
        });
    }
    records
}

/// Four findings about the sign-ins 0 to 13.
fn found(server: &Server) -> [Finding; 4] {
    server.push(&placed(0..14));
    let all = [travel(1, Level::High), travel(3, Level::Medium), travel(5, Level::Low), spray(2)];
    tell(server, &all);
    all
}

fn evidence(finding: &Finding) -> String {
    format!("/protection/detections/{}", finding.id)
}

const PAGES: [&str; 9] = [
    "/protection",
    "/protection/users",
    "/protection/workloads",
    "/protection/workloads?kind=agent",
    "/protection/sign-ins",
    "/protection/detections",
    "/protection/detections?kind=workload",
    "/protection/detections?kind=network",
    "/protection/detections?kind=all",
];

#[test]
fn where_nothing_was_found_pages_say_so() {
    let server = Server::start();
    for target in PAGES {
        page(&server, target, 200);
    }
    assert!(page(&server, "/protection/users", 200).contains("No risky users"));
    assert!(page(&server, "/protection", 200).contains("Nobody watches the log"));
    let missing = page(&server, &format!("/protection/users/{}", id(9001)), 404);
    assert!(missing.contains("Nothing that you may see was ever found"));
    page(&server, &format!("/protection/detections/{}", id(1)), 404);
    for wrong in
        ["users?state=x", "users?level=x", "detections?kind=x", "users?after=x", "users?x=1"]
    {
        page(&server, &format!("/protection/{wrong}"), 400);
    }
}

#[test]
fn lists_show_filter_and_lead_on() {
    let server = Server::start();
    let [high, ..] = found(&server);
    let users = page(&server, "/protection/users", 200);
    for text in ["user1@x.example", "At risk", "Percentage of risky users", "New risky users"] {
        assert!(users.contains(text), "{text}");
    }
    assert!(users.contains(&format!("/protection/users/{}", id(9003))));
    assert!(users.contains(&format!("/signins/{}", id(5))), "the latest risky sign-in");
    let only = page(&server, "/protection/users?level=high&q=USER1", 200);
    assert!(only.contains(&id(9001)) && !only.contains(&id(9003)));
    assert!(page(&server, "/protection/users?state=dismissed", 200).contains("No risky users"));

    let detections = page(&server, "/protection/detections?t=all", 200);
    assert!(detections.contains("Impossible travel") && detections.contains("Local rule"));
    assert!(
        detections.contains(&evidence(&high)) && detections.contains("was in Vigo and in Lagos")
    );
    assert!(!detections.contains("Password spray"), "it is about a network");
    let low = page(&server, "/protection/detections?t=all&level=low", 200);
    assert!(low.contains("user5@x.example") && !low.contains("user1@x.example"));
    let networks = page(&server, "/protection/detections?t=all&kind=network", 200);
    assert!(networks.contains("203.0.113.2 tried 37 accounts"));
    let all = page(&server, "/protection/detections?t=all&kind=all", 200);
    assert!(all.contains("user1@x.example") && all.contains("203.0.113.2 tried"));
    let one = page(&server, "/protection/detections?t=all&kind=all&detection=password-spray", 200);
    assert!(!one.contains("user1@x.example was") && one.contains("203.0.113.2 tried"));

    let sign_ins = page(&server, "/protection/sign-ins?t=all", 200);
    for number in [1, 3, 5] {
        assert!(sign_ins.contains(&format!("data-id=\"{}\"", id(number))), "{number}");
    }
    assert!(!sign_ins.contains(&format!("data-id=\"{}\"", id(0))), "it is only compared with");
    let high = page(&server, "/protection/sign-ins?t=all&level=high", 200);
    assert!(high.contains(&format!("data-id=\"{}\"", id(1))));
    assert!(!high.contains(&format!("data-id=\"{}\"", id(3))));

    let front = page(&server, "/protection?t=all", 200);
    for text in ["Attacks blocked", "Users protected", "Attack types", "Most at risk", "user1"] {
        assert!(front.contains(text), "{text}");
    }
}

#[test]
fn pages_of_lists_lead_on_without_gaps() {
    let server = Server::start();
    let findings: Vec<Finding> = (0..120).map(|number| spray(number + 1000)).collect();
    tell(&server, &findings);
    for kind in ["network", "all"] {
        let (mut next, mut seen) = (format!("/protection/detections?t=all&kind={kind}"), 0);
        for rows in [50, 50, 20] {
            let text = page(&server, &next, 200);
            let found = text.matches("<td class=\"type\">").count();
            assert_eq!(found, rows, "{next}");
            seen += found;
            let link = text.split("rel=\"next\" href=\"").nth(1);
            next = link.map_or_else(String::new, |rest| {
                rest.split('"').next().unwrap().replace("&amp;", "&")
            });
        }
        assert_eq!((seen, next.as_str()), (120, ""));
    }
}

#[test]
fn the_evidence_spells_everything_out() {
    let server = Server::start();
    let [high, _, _, network] = found(&server);
    let text = page(&server, &evidence(&high), 200);
    for part in [
        "user1@x.example was in Vigo and in Lagos within a minute.",
        "4,020 km in 1 min = 241,200 km/h; 1,000 km/h are enough",
        "The network is new to durward.",
        "How it decides",
        "What to do next",
        "Similar past findings",
        "From one place to the other",
        "Vigo, ES → Lagos, NG: 4,020 km in 1 min = 241,200 km/h",
        "◉ Attacker’s",
        "Compared with",
        "Confirm user compromised",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for number in [0, 1] {
        assert!(text.contains(&format!("data-id=\"{}\"", id(number))), "{number}");
    }
    let around = format!("userId={}", id(9001));
    assert!(text.contains(&*around.replace('=', "%3D")), "{around}");
    // Parameters are those that hold here.
    let about = durward_detect::detections::about("impossible-travel").unwrap();
    for parameter in about.parameters {
        assert!(text.contains(parameter.name), "{}", parameter.name);
    }
    let text = page(&server, &evidence(&network), 200);
    assert!(text.contains("203.0.113.2") && !text.contains("Confirm user compromised"));
    // What is about no sign-in that is kept says so.
    let gone = travel(901, Level::High);
    tell(&server, std::slice::from_ref(&gone));
    assert!(page(&server, &evidence(&gone), 200).contains("2 of them are not shown"));
    // A finding whose reason is gone stays, with a word about that.
    let settings = Settings::default();
    let circumstances = Circumstances { settings: &settings, now_micros: NOON * 1_000_000 };
    server.book.reconcile(0, |_| None, &circumstances).unwrap();
    assert!(page(&server, &evidence(&high), 200).contains("Withdrawn"));
}

fn csrf(text: &str) -> String {
    let field = text.split("name=\"csrf\" value=\"").nth(1).unwrap();
    field.split('"').next().unwrap().to_owned()
}

fn form(server: &Server, body: &str) -> client::Answer {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    client::request(server.address, "POST", "/protection/decide", &headers, body.as_bytes())
}

#[test]
fn decisions_are_asked_for_made_and_written_down() {
    let server = Server::start();
    let [high, ..] = found(&server);
    let users = page(&server, "/protection/users", 200);
    assert!(users.contains("action=\"/protection/decide\"") && users.contains("Dismiss user risk"));
    let back = "back=%2Fprotection%2Fusers";
    let asked = format!("kind=user&decision=dismiss&id={}&id={}&{back}", id(9001), id(9003));
    let question = page(&server, &format!("/protection/decide?{asked}"), 200);
    assert!(question.contains("2 users") && question.contains("user1@x.example"));
    assert!(question.contains("Entra ID is not told"));
    assert_eq!(form(&server, &asked).status, 403, "without the token of the session");
    let body = format!("csrf={}&{asked}&note=on+a+journey", csrf(&question));
    let answer = form(&server, &body);
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), Some("/protection/users?done=2"));
    let users = page(&server, "/protection/users?done=2", 200);
    assert!(users.contains("Dismissed") && users.contains("Decided"));
    let one = page(&server, &format!("/protection/users/{}", id(9001)), 200);
    for part in ["Dismiss user risk", "Demo Administrator", "on a journey", "Risk history"] {
        assert!(one.contains(part), "{part}");
    }
    assert!(page(&server, "/protection", 200).contains("on a journey"), "recent activity");
    let wanted = Query { action: Some(Action::Change), ..Query::default() };
    let entries = server.journal.list(&wanted).unwrap();
    let entry = entries.iter().find(|one| one.entry.route == "/protection/decide").unwrap();
    assert!(entry.entry.query.starts_with("dismiss userIds="), "{}", entry.entry.query);
    assert!(entry.entry.query.ends_with("note=on a journey"), "{}", entry.entry.query);

    // Sign-ins, too.
    let asked = format!("kind=signIn&decision=confirmCompromised&id={}", id(5));
    let question = page(&server, &format!("/protection/decide?{asked}"), 200);
    let answer = form(&server, &format!("csrf={}&{asked}", csrf(&question)));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/protection?done=1")));
    let list = page(&server, "/protection/sign-ins?t=all&state=confirmedCompromised", 200);
    assert!(list.contains(&format!("data-id=\"{}\"", id(5))));

    let nothing = page(&server, "/protection/decide?kind=user&decision=dismiss", 200);
    assert!(nothing.contains("Nothing is ticked"));
    for wrong in ["kind=tenant&decision=dismiss", "kind=user", "kind=workload&decision=confirmSafe"]
    {
        page(&server, &format!("/protection/decide?{wrong}"), 400);
    }
    let body = format!("csrf={}&kind=user&decision=dismiss&id=nobody", csrf(&question));
    assert_eq!(form(&server, &body).status, 404);
    page(&server, &evidence(&high), 200);
}

#[test]
fn other_pages_show_what_was_found() {
    let server = Server::start();
    let [high, _, _, network] = found(&server);
    let list = page(&server, "/signins?t=all", 200);
    let mark = "Found by durward: Impossible travel (high)";
    assert!(list.contains(mark) && list.contains(&evidence(&high)));
    assert!(list.contains("Impossible travel (high, compared with)"), "the other end");
    assert!(page(&server, "/signins/rows?t=all", 200).contains(mark));
    let pane = page(&server, &format!("/signins?t=all&row={}", id(1)), 200);
    assert!(pane.contains("was in Vigo and in Lagos within a minute"));
    let event = page(&server, &format!("/signins/{}", id(1)), 200);
    assert!(event.contains("was in Vigo and in Lagos") && event.contains("the attacker’s"));
    let user = page(&server, &format!("/users/{}?t=all", id(9001)), 200);
    assert!(user.contains("Found by durward") && user.contains(&evidence(&high)));
    let address = page(&server, "/ips/203.0.113.2?t=all", 200);
    assert!(address.contains(&evidence(&network)));
    let map = page(&server, "/map?t=all", 200);
    assert!(
        map.contains("class=\"arc fast\"")
            && map.contains("Vigo, ES → Lagos, NG: 4,020 km in 1 min")
    );
}

#[test]
fn who_may_not_see_risk_sees_none_of_it() {
    let server = Server::guarded();
    server.fill(&placed(0..14));
    let all = [travel(1, Level::High), travel(3, Level::Medium), spray(2)];
    tell(&server, &all);
    let html = |visitor: &crate::visitor::Visitor<'_>, target: &str| {
        let answer = visitor.ask("GET", target);
        (answer.status, answer.text().to_owned())
    };
    // The reader of reports sees sign-ins and no risk.
    let reports = server.visitor("reports", &[Role::ReportsReader], Scope::WHOLE, None);
    for target in PAGES.into_iter().chain([evidence(&all[0]).as_str()]) {
        assert_eq!(html(&reports, target).0, 403, "{target}");
    }
    for target in ["/signins?t=all", "/map?t=all", "/ips/203.0.113.2?t=all", "/"] {
        let (status, text) = html(&reports, target);
        assert_eq!(status, 200, "{target}");
        for trace in ["Found by durward", "/protection", "class=\"arc"] {
            assert!(!text.contains(trace), "{trace} in {target}");
        }
    }
    // The operator of one user sees theirs, and not even a mark of others'.
    let scope = Scope { users: vec!["user1@x.example".to_owned()], ..Scope::WHOLE };
    let one = server.visitor("one", &[Role::SecurityOperator], scope, None);
    let (status, text) = html(&one, &evidence(&all[0]));
    assert!(status == 200 && text.contains("1 of them is not shown"), "{text}");
    for target in [evidence(&all[1]), evidence(&all[2]), format!("/protection/users/{}", id(9003))]
    {
        assert_eq!(html(&one, &target).0, 404, "{target}");
    }
    for target in PAGES {
        let (status, text) =
            html(&one, &format!("{target}{}t=all", if target.contains('?') { '&' } else { '?' }));
        assert_eq!(status, 200, "{target}");
        assert!(!text.contains("user3@") && !text.contains("203.0.113.2 tried"), "{target}");
    }
    // Readers cannot decide.
    let reader = server.visitor("reader", &[Role::SecurityReader], Scope::WHOLE, None);
    let (status, text) = html(&reader, "/protection/users");
    assert!(status == 200 && text.contains(&id(9001)) && !text.contains("/protection/decide"));
    assert_eq!(html(&reader, "/protection/decide?kind=user&decision=dismiss").0, 403);
}

#[test]
fn masked_names_are_in_no_page() {
    let masked = Mask { names: true, addresses: true };
    let server = Server::with_access(store_options(), config(), |access| {
        access.rules = Rules { masks: vec![(Role::SecurityReader, masked)], ..Rules::default() };
    });
    server.fill(&placed(0..14));
    let all = [travel(1, Level::High), travel(3, Level::Medium), spray(2)];
    tell(&server, &all);
    let reader = server.visitor("masked", &[Role::SecurityReader], Scope::WHOLE, None);
    let mut links = Vec::new();
    let others = ["/signins?t=all", "/map?t=all"];
    for target in PAGES.into_iter().chain(others) {
        let target = format!("{target}{}t=all", if target.contains('?') { '&' } else { '?' });
        let target = target.replace("t=all&t=all", "t=all");
        let answer = reader.ask("GET", &target);
        assert_eq!(answer.status, 200, "{target}");
        for secret in ["user1@x", "user3@x", &id(9001), "203.0.113.2", "was in Vigo"] {
            assert!(!answer.text().contains(secret), "{secret} in {target}");
        }
        let found = answer.text().split("href=\"/protection/").skip(1);
        let ids = found.filter_map(|rest| rest.split('"').next()).filter(|rest| rest.contains('/'));
        links.extend(ids.map(|rest| format!("/protection/{rest}")));
    }
    links.sort_unstable();
    links.dedup();
    assert!(links.len() >= 5, "{links:?}");
    for target in links {
        let answer = reader.ask("GET", &target.replace("&amp;", "&"));
        assert_eq!(answer.status, 200, "{target}");
        for secret in ["user1@x", &id(9001), "203.0.113.2", "was in Vigo", "241,200"] {
            assert!(!answer.text().contains(secret), "{secret} in {target}");
        }
    }
    assert_eq!(reader.ask("GET", &evidence(&all[0])).status, 404, "the identifier tells whom");
    assert_eq!(reader.ask("GET", "/protection/users?q=user1").status, 400);
}
