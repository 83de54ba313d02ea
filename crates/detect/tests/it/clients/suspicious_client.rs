use durward_detect::{Level, Lists, Names, SubjectKind};

use crate::story::{DAY, HOUR, LAGOS, SignIn, Story, habit, user, workload};

const ID: &str = "suspicious-client";
const SCRIPT: &str = "python-requests/2.32.3";

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.7").asn(64510).at(LAGOS)
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn attack_tools_are_high_of_people_and_workloads() {
    let hound = |sign_in: SignIn| sign_in.agent("azurehound/v2.1.8");
    let told = (0..4).map(|n| hound(user("ana", 40 * DAY + n * HOUR)));
    let found = story(told.collect()).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 4));
    let found = story(vec![hound(workload("backup", DAY))]).findings(ID);
    assert_eq!((found[0].level, found[0].subject.kind), (Level::High, SubjectKind::Workload));
    assert!(story(vec![workload("backup", DAY).agent(SCRIPT)]).findings(ID).is_empty());
}

#[test]
fn a_first_script_is_medium_from_elsewhere_and_low_at_home() {
    let script = user("ana", 40 * DAY).agent(SCRIPT);
    let found = story(vec![script.clone()]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let found = story(vec![abroad(script)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].against.is_empty(), "{:?}", found[0].against);
}

#[test]
fn scripts_become_usual() {
    let told: Vec<SignIn> = (0..240).map(|n| user("report", n * 4 * HOUR).agent(SCRIPT)).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].level, Level::Low);
    let wrong = user("report", 40 * DAY).agent(SCRIPT).code(50126);
    let told: Vec<SignIn> = told.into_iter().chain([wrong]).collect();
    assert_eq!(Story::new(&told).findings(ID).len(), 1, "its own typing errors are no news");
}

#[test]
fn listed_accounts_may_have_scripts() {
    let told = [habit("report", 40), vec![user("report", 40 * DAY).agent(SCRIPT)]].concat();
    let lists = Lists {
        service_accounts: Names::parse(&["report@contoso.example"]).unwrap(),
        ..Lists::default()
    };
    assert!(Story::new(&told).findings_listed(ID, lists).is_empty());
}

#[test]
fn failures_with_a_tool_are_one_finding_about_the_tenant() {
    let wrong =
        |n: i64| abroad(user(&format!("u{n}"), 40 * DAY + n * HOUR)).agent(SCRIPT).code(50126);
    let found = Story::new(&(0..8).map(wrong).collect::<Vec<_>>()).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(
        found[0].facts.iter().any(|fact| fact.label.starts_with("Accounts") && fact.value == "8")
    );
    assert_eq!((found[0].subject.kind, found[0].event_count), (SubjectKind::Tenant, 8));
}

#[test]
fn code_in_the_agent_is_medium_and_a_strange_system_low() {
    let found = story(vec![user("ana", 40 * DAY).agent("${jndi:ldap://x}")]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let phone = "Mozilla/5.0 (Linux; Android 15; K) Chrome/145.0 Mobile";
    let told = (0..3).map(|n| user("ana", 40 * DAY + n * DAY).agent(phone));
    let found = story(told.collect()).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let tablet = user("ana", 40 * DAY).agent("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)");
    let told = vec![tablet.with("deviceDetail/operatingSystem", "Ios 18.5")];
    assert!(story(told).findings(ID).is_empty(), "a tablet that asks for the desktop's page");
}
