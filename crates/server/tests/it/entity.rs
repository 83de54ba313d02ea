//! Pages of users, applications, resources, networks, devices and workload identities.

use durward_access::{Mask, Role, Rules, Scope};
use durward_model::Timestamp;
use serde_json::{Value, json};

use crate::client;
use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, config, id, interactive, record,
    store_options,
};

const ASKED: [(&str, &str); 1] = [("Accept", "text/html")];

/// The text of a page that answers with this status; checks what holds for every page.
fn page_of(server: &Server, target: &str, status: u16) -> String {
    let answer = client::request(server.address, "GET", target, &ASKED, &[]);
    assert_eq!(answer.status, status, "{target}: {}", answer.text());
    check(target, answer.text());
    answer.text().to_owned()
}

fn check(target: &str, text: &str) {
    for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
        assert!(!text.contains(inline), "{inline} in {target}");
    }
}

/// Without tags, blanks made single: what somebody reads.
fn words(page: &str) -> String {
    let mut text = String::new();
    let main = page.split("<main").nth(1).unwrap_or(page);
    for part in main.split('<').skip(1) {
        text.push(' ');
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
    }
    let mut text = text.replace("&quot;", "\"").split_whitespace().collect::<Vec<_>>().join(" ");
    for (apart, joined) in [("( ", "("), (" )", ")"), (" ,", ","), (" ;", ";"), (" .", ".")] {
        text = text.replace(apart, joined);
    }
    text
}

/// Addresses on a page that begin so, without repetition.
fn links(page: &str, beginning: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in page.split("href=\"").skip(1) {
        let href = part.split('"').next().unwrap().replace("&amp;", "&");
        if href.starts_with(beginning) && !found.contains(&href) {
            found.push(href);
        }
    }
    found
}

/// A record of one user so many minutes ago.
fn ago(number: u32, minutes: i64, code: i64, change: impl FnOnce(&mut Value)) -> Value {
    let mut record = record(number, 0, INTERACTIVE);
    let at = Timestamp::now().micros - minutes * 60_000_000;
    let properties = &mut record["properties"];
    properties["createdDateTime"] = Timestamp::from_micros(at).to_rfc3339().into();
    properties["userId"] = id(9001).into();
    properties["userPrincipalName"] = "ana@x.example".into();
    properties["userDisplayName"] = "Ana Ruiz".into();
    properties["ipAddress"] = "203.0.113.9".into();
    properties["appDisplayName"] = "Payroll".into();
    properties["status"]["errorCode"] = code.into();
    change(properties);
    record
}

#[test]
fn lists_count_sort_and_search() {
    let server = Server::start();
    server.push(&interactive(0..70));
    for (path, said, first) in [
        ("/users", "7 users with 70 sign-ins of all time, 17 of them failed.", "/users/"),
        ("/apps", "3 applications with 70 sign-ins of all time", "/apps/"),
        ("/resources", "1 resource with 70 sign-ins", "/resources/"),
        ("/ips", "5 networks with 70 sign-ins", "/ips/"),
    ] {
        let page = page_of(&server, &format!("{path}?t=all"), 200);
        assert!(words(&page).contains(said), "{path}: {}", words(&page));
        assert!(page.contains("<svg class=\"spark\""), "{path}");
        let entity = &links(&page, first)[0];
        page_of(&server, entity, 200);
    }
    let page = page_of(&server, "/users?t=all&sort=failures", 200);
    assert!(page.contains("aria-sort=\"descending\""));
    let found = page_of(&server, "/users?t=all&q=USER3@", 200);
    assert!(words(&found).contains("1 user with 10 sign-ins"), "{}", words(&found));
    assert_eq!(links(&found, "/users/"), [format!("/users/{}?t=all", id(9003))]);
    let none = words(&page_of(&server, "/users?t=all&q=nobody", 200));
    assert!(none.contains("Nothing to list") && none.contains("Show all"), "{none}");
    assert!(words(&page_of(&server, "/users?t=15m", 200)).contains("All time"));
    assert!(words(&page_of(&server, "/devices?t=all", 200)).contains("Nothing to list"));
    for wrong in ["/users?sort=size", "/users?at=x", "/users?nonsense=1", "/apps?t=soon"] {
        page_of(&server, wrong, 400);
    }
}

#[test]
fn lists_have_pages() {
    let server = Server::start();
    let mut records = interactive(0..130);
    for (number, record) in records.iter_mut().enumerate() {
        record["properties"]["ipAddress"] = format!("198.51.100.{number}").into();
    }
    server.push(&records);
    let first = page_of(&server, "/ips?t=all", 200);
    assert!(words(&first).contains("1–100 of 130"), "{}", words(&first));
    let second = page_of(&server, "/ips?t=all&at=100", 200);
    assert!(words(&second).contains("101–130 of 130"));
    assert_eq!(links(&first, "/ips/").len() + links(&second, "/ips/").len(), 130);
}

#[test]
fn a_user_is_found_by_identifier_and_by_name() {
    let server = Server::start();
    server.push(&interactive(0..70));
    let by_id = page_of(&server, &format!("/users/{}?t=all", id(9003)), 200);
    let by_name = page_of(&server, "/users/USER3@x.example?t=all", 200);
    for page in [&by_id, &by_name] {
        let said = words(page);
        assert!(said.contains("User \"3\", ü has 10 sign-ins of all time, from ES;"), "{said}");
        assert!(said.contains("Countries") && said.contains("Mostly between"), "{said}");
    }
    for tab in ["signins", "sessions", "map", "devices", "apps"] {
        let target = format!("/users/{}?t=all&tab={tab}&per=week", id(9003));
        assert!(page_of(&server, &target, 200).contains("aria-current=\"page\""), "{tab}");
    }
    // All names of an identifier lead to one page.
    let mut renamed = record(500, 90_000, INTERACTIVE);
    renamed["properties"]["userId"] = id(9003).into();
    renamed["properties"]["userPrincipalName"] = "new.name@x.example".into();
    server.push(&[renamed]);
    let old = words(&page_of(&server, "/users/user3@x.example?t=all", 200));
    assert!(old.contains("has 11 sign-ins") && old.contains("new.name@x.example"), "{old}");
}

#[test]
fn what_is_not_there_is_said_and_what_to_do() {
    let server = Server::start();
    server.push(&interactive(0..10));
    for (path, what) in [
        ("/users/nobody@x.example", "user"),
        ("/apps/none", "application"),
        ("/resources/none", "resource"),
        ("/workloads/none", "workload identity"),
        ("/devices/none", "device"),
        ("/ips/192.0.2.77", "address"),
        ("/ips/192.0.2.0/24", "network"),
        ("/asn/64500", "autonomous system"),
    ] {
        let page = page_of(&server, path, 404);
        assert!(words(&page).contains(&format!("No such {what}")), "{path}");
        assert_eq!(links(&page, "/search?q=").len(), 1, "{path}");
    }
    page_of(&server, "/ips/192.0.2.0/99", 400);
    page_of(&server, "/asn/somewhere", 400);
    let elsewhen = "t=2020-01-01..2020-01-02";
    for path in [
        format!("/users/{}", id(9003)),
        format!("/apps/{}", id(7000)),
        "/ips/203.0.113.1".to_owned(),
    ] {
        let page = page_of(&server, &format!("{path}?{elsewhen}"), 200);
        assert!(words(&page).contains("No sign-ins in this range"), "{path}");
        let around = links(&page, &path).into_iter().find(|link| link.contains("t=2026-03-01"));
        let there = page_of(&server, &around.unwrap(), 200);
        assert!(!words(&there).contains("No sign-ins in this range"), "{path}");
    }
}

#[test]
fn a_timeline_folds_what_belongs_together() {
    let server = Server::start();
    let mut silent = ago(20, 70, 0, |_| ());
    silent["category"] = NON_INTERACTIVE.into();
    let attempt = |properties: &mut Value| properties["correlationId"] = id(5999).into();
    server.push(&[
        ago(1, 50, 50126, |_| ()),
        ago(2, 49, 50126, |_| ()),
        ago(3, 48, 50126, |_| ()),
        ago(4, 30, 50074, attempt),
        ago(5, 29, 0, attempt),
        silent,
    ]);
    let page = page_of(&server, &format!("/users/{}?t=2d", id(9001)), 200);
    let said = words(&page);
    assert!(said.contains("1 silent renewal"), "{said}");
    assert!(said.contains("Payroll: signed in") && said.contains("2 requests"), "{said}");
    assert_eq!(links(&page, "/attempts/"), [format!("/attempts/{}", id(5999))]);
    // Midnight between the attempts would part them.
    assert!(said.contains("× 3") || said.contains("× 2"), "{said}");
    assert!(said.contains("Password") && !links(&page, "/errors/50126").is_empty(), "{said}");
}

#[test]
fn what_is_new_is_marked() {
    const DAY: i64 = 24 * 60;
    let server = Server::start();
    let from = |country: &'static str, latitude: f64, longitude: f64| {
        move |properties: &mut Value| {
            properties["location"] = json!({ "city": country, "countryOrRegion": country,
                "geoCoordinates": { "latitude": latitude, "longitude": longitude } });
        }
    };
    server.push(&[
        ago(1, 9 * DAY, 0, from("DE", 53.5, 10.0)),
        ago(2, 2 * DAY, 0, from("DE", 53.5, 10.0)),
        ago(3, 40, 0, from("DE", 53.5, 10.0)),
        ago(4, 10, 50126, from("NG", 6.5, 3.4)),
    ]);
    let target = format!("/users/{}", id(9001));
    let said = words(&page_of(&server, &target, 200));
    assert!(said.contains("New within a day: NG."), "{said}");
    assert!(said.contains("NG New 1 25.0 %") && said.contains("DE 3 75.0 %"), "{said}");
    let map = page_of(&server, &format!("{target}?tab=map"), 200);
    assert_eq!(map.matches("<circle").count(), 2);
    assert!(map.contains("/assets/world.svg#land"));
    assert!(words(&map).contains("DE, DE → NG, NG, 5,2"), "{}", words(&map));
    assert!(words(&map).contains("km in 30 min Faster than an airliner"), "{}", words(&map));
    // Whoever is new altogether has nothing that is unusual.
    let fresh = Server::start();
    fresh.push(&[ago(4, 10, 0, from("NG", 6.5, 3.4))]);
    assert!(!words(&page_of(&fresh, &target, 200)).contains("New"));
}

#[test]
fn did_an_address_succeed_with_anyone() {
    let server = Server::start();
    let other = |properties: &mut Value| {
        properties["userId"] = id(9002).into();
        properties["userDisplayName"] = "Ben Ode".into();
        properties["autonomousSystemNumber"] = 64500.into();
    };
    server.push(&[ago(1, 50, 50126, |_| ()), ago(2, 40, 50126, other), ago(3, 30, 50126, other)]);
    let page = page_of(&server, "/ips/203.0.113.9", 200);
    let said = words(&page);
    assert!(
        said.contains(
            "No: 203.0.113.9 succeeded with nobody in the last 30 days. 3 attempts on \
        2 identities"
        ),
        "{said}"
    );
    server.push(&[ago(4, 20, 0, |_| ())]);
    let page = page_of(&server, "/ips/203.0.113.9", 200);
    let said = words(&page);
    assert!(
        said.contains(
            "Yes: 203.0.113.9 succeeded with 1 identity in the last 30 days (Ana \
        Ruiz), with 1 of them after failures."
        ),
        "{said}"
    );
    assert!(said.contains("Succeeded after failures: Ana Ruiz"), "{said}");
    assert!(said.contains("2 users 4 attempts 3 failed 1 succeeded"), "{said}");
    let counted = links(&page, "/signins?").into_iter().find(|link| link.contains("failure"));
    assert!(counted.unwrap().contains("ipAddress%3D203.0.113.9"));
    for network in ["/ips/203.0.113.0/24", "/ips/203.0.113.200/24"] {
        let said = words(&page_of(&server, network, 200));
        assert!(said.contains("succeeded with 1 identity"), "{said}");
    }
    let said = words(&page_of(&server, "/asn/64500", 200));
    assert!(said.contains("No: AS64500 succeeded with nobody"), "{said}");
}

#[test]
fn applications_resources_devices_and_workloads_have_pages() {
    let server = Server::start();
    let mut records = interactive(0..40);
    for record in &mut records {
        record["properties"]["deviceDetail"] = json!({
            "deviceId": id(4100), "displayName": "LT-1", "operatingSystem": "Windows",
            "browser": "Edge 141", "isCompliant": true, "isManaged": true, "trustType": "Joined",
        });
    }
    let mut workload = record(90, 0, SERVICE_PRINCIPAL);
    workload["properties"]["servicePrincipalCredentialKeyId"] = id(4200).into();
    workload["properties"]["clientCredentialType"] = "clientSecret".into();
    records.push(workload);
    server.push(&records);
    let app = words(&page_of(&server, &format!("/apps/{}?t=all", id(7001)), 200));
    assert!(app.contains("App 1 has 13 sign-ins of all time by 7 users"), "{app}");
    assert!(app.contains("Most often wrong: 5"), "{app}");
    for title in ["Users", "Errors", "Client apps", "Countries", "Resources", "Latest sign-ins"] {
        assert!(app.contains(title), "{title}: {app}");
    }
    let resource = words(&page_of(&server, "/resources/Microsoft%20Graph?t=all", 200));
    assert!(resource.contains("Called by since 2 Mar App "), "{resource}");
    let device = words(&page_of(&server, &format!("/devices/{}?t=all", id(4100)), 200));
    assert!(device.contains("LT-1 (Windows, compliant) was used by 7 users for 40"), "{device}");
    let workload = words(&page_of(&server, &format!("/workloads/{}?t=all", id(8000)), 200));
    assert!(workload.contains("worker has 1 sign-in of all time to 1 resource"), "{workload}");
    assert!(workload.contains("clientSecret") && workload.contains(&id(4200)), "{workload}");
    let usage = page_of(&server, "/apps?t=all", 200);
    assert!(words(&usage).contains("Application usage by week"), "{}", words(&usage));
    let alone = page_of(&server, &format!("/apps?t=all&per=day&app={}", id(7001)), 200);
    assert!(words(&alone).contains("Top three") && words(&alone).contains("usage by day"));
}

/// Every page of these that a list of each leads to, and the lists.
fn walk(ask: &dyn Fn(&str) -> String) -> String {
    let mut all = String::new();
    for list in ["/users", "/apps", "/resources", "/ips", "/devices", "/workloads"] {
        let page = ask(&format!("{list}?t=all"));
        for link in links(&page, &format!("{list}/")).iter().take(2) {
            all.push_str(&ask(link));
            if list == "/users" {
                for tab in ["signins", "sessions", "map", "devices", "apps"] {
                    all.push_str(&ask(&format!("{link}&tab={tab}")));
                }
            }
        }
        all.push_str(&page);
    }
    all
}

fn records() -> Vec<Value> {
    let mut records = interactive(0..30);
    records.push(record(40, 0, SERVICE_PRINCIPAL));
    for record in &mut records {
        record["properties"]["appliedConditionalAccessPolicies"] =
            json!([{ "id": id(4000), "displayName": "Quokka policy", "result": "success" }]);
    }
    records
}

#[test]
fn policies_are_shown_to_those_who_may_see_them() {
    let server = Server::guarded();
    server.fill(&records());
    for (role, sees) in [(Role::ReportsReader, false), (Role::SecurityReader, true)] {
        let visitor = server.visitor(&role.name().replace(' ', "-"), &[role], Scope::WHOLE, None);
        let all = walk(&|target| visitor.page(target));
        assert_eq!(all.contains("Quokka"), sees, "{role}");
        assert!(all.contains("user2@x.example"), "{role}");
    }
}

#[test]
fn a_mask_holds_on_every_page() {
    let server = Server::with_access(store_options(), config(), |access| {
        let mask = Mask { names: true, addresses: true };
        let masks = vec![(Role::ReportsReader, mask)];
        access.rules = Rules { masks, ..Rules::default() };
    });
    server.fill(&records());
    let visitor = server.visitor("masked", &[Role::ReportsReader], Scope::WHOLE, None);
    let all = walk(&|target| visitor.page(target));
    assert!(all.contains("masked.invalid"), "pseudonyms are shown");
    for secret in ["@x.example", "User &quot;", "203.0.113.", &id(9002)] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn nobody_outside_a_scope_has_a_page() {
    let server = Server::guarded();
    server.fill(&records());
    let scope = Scope { tenants: vec![id(1)], ..Scope::WHOLE };
    let visitor = server.visitor("elsewhere", &[Role::GlobalReader], scope, None);
    assert_eq!(visitor.get(&format!("/users/{}?t=all", id(9002))).status, 404);
    let list = visitor.page("/users?t=all");
    assert!(words(&list).contains("Nothing to list") && !list.contains("user2@"));
}
