//! The pages of rules: written, tried, saved, changed, and Sigma rules added.

use durward_access::{Role, Scope};

use crate::detection_pages::{changes, to, wait_for_test};
use crate::fixture::{Server, interactive};
use crate::visitor::Visitor;

const RULE: &str = "name=Wrong+passwords&severity=high&enabled=true&source=filter\
    &text=code:50126&shape=count&per=user&at_least=2&window=2h&same_attempt=true&hours=&minutes=";

const SIGMA: &str = "title: Wrong passwords\nid: 11111111-1111-4111-8111-111111111111\n\
    status: test\nlevel: high\nlogsource:\n  product: azure\n  service: signinlogs\n\
    detection:\n  selection:\n    ResultType: 50126\n  condition: selection\n---\n\
    title: Elsewhere\nid: 22222222-2222-4222-8222-222222222222\nlogsource:\n  product: windows\n\
    detection:\n  selection:\n    EventID: 1\n  condition: selection\n";

fn administrator(server: &Server) -> Visitor<'_> {
    server.visitor("ana", &[Role::SecurityAdministrator], Scope::WHOLE, None)
}

fn test_of(target: &str) -> &str {
    target.split("test=").nth(1).unwrap().split(['#', '&']).next().unwrap()
}

/// Tries a rule; its back-test's name.
fn tried(visitor: &Visitor<'_>, form: &str) -> (String, String) {
    let target = to(&visitor.post("/rules/backtest", form));
    (test_of(&target).to_owned(), wait_for_test(visitor, &target))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_rule_is_tried_before_it_is_saved() {
    let server = Server::guarded();
    server.fill(&interactive(0..60));
    let ana = administrator(&server);
    let untried = ana.post("/rules", RULE);
    assert_eq!(untried.status, 400);
    assert!(untried.text().contains("run a back-test first"), "{}", untried.text());
    let (test, text) = tried(&ana, RULE);
    assert!(text.contains("a week") && text.contains("value=\"Wrong passwords\""));
    assert!(
        !text.contains("id=\"save-rule\" class=\"button primary\" form=\"rule-form\" disabled")
    );
    let other = RULE.replace("at_least=2", "at_least=3");
    let changed = ana.post("/rules", &format!("{other}&test={test}"));
    assert_eq!(changed.status, 400);
    assert!(changed.text().contains("changed since its back-test"));
    // The name is none of what was tried.
    let saved = RULE.replace("Wrong+passwords", "Guessing");
    assert_eq!(to(&ana.post("/rules", &format!("{saved}&test={test}"))), "/rules/guessing");
    let text = ana.page("/rules");
    assert!(text.contains("Guessing") && text.contains("aria-checked=\"true\""));
    let again = ana.post("/rules", &format!("{saved}&test={test}"));
    assert!(again.text().contains("a rule of this name already"), "{}", again.text());
    assert_eq!(changes(&server)[0].0, "rule:guessing");
}

#[test]
fn versions_switch_and_removal() {
    let server = Server::guarded();
    let ana = administrator(&server);
    let (test, _) = tried(&ana, RULE);
    to(&ana.post("/rules", &format!("{RULE}&test={test}")));
    // What is found stays, so nothing has to be tried again.
    let calmer = RULE.replace("severity=high", "severity=low");
    to(&ana.post("/rules", &format!("id=wrong-passwords&{calmer}")));
    let wider = RULE.replace("window=2h", "window=3h");
    assert_eq!(ana.post("/rules", &format!("id=wrong-passwords&{wider}")).status, 400);
    let text = ana.page("/rules/wrong-passwords");
    assert_eq!(text.matches("put it into the form").count(), 1, "two versions");
    to(&ana.post("/rules/wrong-passwords/switch", "on=false"));
    assert!(!server.book.rule("wrong-passwords").unwrap().unwrap().rule.enabled);
    assert_eq!(to(&ana.post("/rules/wrong-passwords/remove", "")), "/rules");
    assert!(server.book.rules().unwrap().is_empty());
    assert_eq!(ana.get("/rules/wrong-passwords").status, 404);
    assert_eq!(ana.post("/rules/wrong-passwords/remove", "").status, 404);
}

#[test]
fn mistakes_are_said_where_they_are() {
    let server = Server::guarded();
    let ana = administrator(&server);
    for (form, said) in [
        (RULE.replace("per=user", "per=shoe"), "there is no field"),
        (RULE.replace("window=2h", "window=soon"), "no length of time"),
        (RULE.replace("code:50126", "code:"), "Filter"),
        (
            RULE.replace("code:50126", "createdDateTime+ge+2026-01-01T00:00:00Z&language=odata"),
            "a rule looks at all times",
        ),
    ] {
        let answer = ana.post("/rules/backtest", &form);
        assert_eq!(answer.status, 400, "{form}");
        assert!(answer.text().contains(said), "{form}: {}", answer.text());
        assert!(answer.text().contains("aria-invalid=\"true\""), "{form}");
    }
}

#[test]
fn a_view_of_the_explorer_becomes_a_rule() {
    let server = Server::guarded();
    server.fill(&interactive(0..5));
    let ana = administrator(&server);
    let text = ana.page("/rules/new?type=i&f=status%3Dfailure&q=exchange");
    assert!(text.contains("exchange") && text.contains("status=failure"), "{text}");
    assert!(ana.page("/signins?f=status%3Dfailure").contains("/rules/new?"));
    assert!(ana.page("/signins/query?f=status%3Dfailure").contains("/rules/new?"));
    let rita = server.visitor("rita", &[Role::SecurityReader], Scope::WHOLE, None);
    assert!(!rita.page("/signins").contains("/rules/new?"));
    assert!(rita.page("/rules").contains("No rules yet"));
    assert_eq!(rita.get("/rules/new").status, 403);
    let part = Scope { users: vec!["user1@x.example".to_owned()], ..Scope::WHOLE };
    let part = server.visitor("lea", &[Role::SecurityAdministrator], part, None);
    assert_eq!(part.post("/rules/backtest", RULE).status, 403, "rules look at all of the log");
}

#[test]
fn sigma_rules_are_reported_tried_and_added() {
    let server = Server::guarded();
    server.fill(&interactive(0..60));
    let ana = administrator(&server);
    let yaml = encoded(SIGMA);
    let report = ana.post("/rules/import", &format!("yaml={yaml}"));
    assert_eq!(report.status, 200, "{}", report.text());
    let text = report.text();
    assert!(text.contains("1 can be used") && text.contains("1 are refused"), "{text}");
    assert!(text.contains("✔ Loaded") && text.contains("✖ Refused"), "{text}");
    let none = ana.post("/rules/import/backtest", &format!("yaml={yaml}"));
    assert_eq!(none.status, 400);
    let target = to(&ana.post("/rules/import/backtest", &format!("yaml={yaml}&r.0=true&r.1=true")));
    let text = wait_for_test(&ana, &target);
    assert!(text.contains("Add those that are ticked"), "{text}");
    let test = test_of(&target);
    to(&ana.post("/rules/import/save", &format!("test={test}&r.0=true&on=true")));
    let rules = server.book.rules().unwrap();
    assert_eq!(rules.len(), 1);
    assert!(rules[0].rule.enabled);
    let text = ana.page("/rules/11111111-1111-4111-8111-111111111111");
    assert!(text.contains("ResultType: 50126"), "as it was published");
    assert_eq!(ana.post("/rules/import/save", "test=none&r.0=true").status, 404);
    let many = format!("# {}\n", "x".repeat(70)).repeat(2000);
    let large = ana.post("/rules/import", &format!("yaml={}", encoded(&many)));
    assert_eq!(large.status, 200, "files of rules are large");
}
