//! Rules in the book, and what the live look does with them.

use durward_detect::Book;
use durward_detect::rules::{Ground, Looker, Placeholders, Rule};
use durward_query::Engine;

use crate::story::{HOUR, MINUTE, MONDAY_MICROS, Story, user};

fn rule(text: &str) -> Rule {
    toml::from_str::<Rule>(text).unwrap().check().unwrap()
}

#[test]
fn every_version_of_a_rule_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let book = Book::open(dir.path()).unwrap();
    let first = rule("name = 'One'\nsource = { type = 'filter', text = 'code:50126' }");
    book.put_rule(&first, "ana", 1).unwrap();
    let before = book.rules_version().unwrap();
    book.enable_rule("one", false, "ben", 2).unwrap();
    assert!(book.rules_version().unwrap() > before);
    assert!(!book.rule("one").unwrap().unwrap().rule.enabled);
    book.enable_rule("one", false, "ben", 3).unwrap();
    book.remove_rule("one", "cid", 4).unwrap();
    assert!(book.rules().unwrap().is_empty() && book.rule("one").unwrap().is_none());
    let history = book.rule_history("one").unwrap();
    let who: Vec<_> = history.iter().map(|change| (change.by.as_str(), change.at_micros)).collect();
    assert_eq!(who, [("cid", 4), ("ben", 2), ("ana", 1)]);
    assert_eq!(history[2].rule.as_ref(), Some(&first));
    assert_eq!(history[0].rule, None);
    assert!(book.remove_rule("one", "cid", 5).unwrap_err().to_string().contains("\"one\""));
    assert!(book.enable_rule("two", true, "cid", 5).is_err());
    let bad = Rule { name: String::new(), ..first };
    assert!(book.put_rule(&bad, "ana", 6).unwrap_err().to_string().starts_with("name"));
    drop(book);
    assert_eq!(Book::open(dir.path()).unwrap().rule_history("one").unwrap().len(), 3);
}

#[test]
fn the_live_look_runs_what_is_enabled_and_due() {
    let dir = tempfile::tempdir().unwrap();
    let book = Book::open(dir.path()).unwrap();
    let add = |text: &str| book.put_rule(&rule(text), "ana", 1).unwrap();
    add("name = 'stream'\nsource = { type = 'filter', text = 'status:failure' }");
    add("name = 'off'\nenabled = false\nsource = { type = 'filter' }");
    add("name = 'hourly'\nsource = { type = 'filter', text = 'status:failure' }\n\
         schedule = { type = 'every', minutes = 60 }");
    let story = Story::new(&[user("ana", 5 * MINUTE).code(50126)]);
    let (engine, view) = (Engine::new(), story.store().view());
    let ground = Ground { engine: &engine, view: &view };
    let mut looker = Looker::new(Placeholders::default());
    let mut look = |from: i64, to: i64| {
        let looked = looker.look(&book, ground, MONDAY_MICROS + from, MONDAY_MICROS + to).unwrap();
        let mut rules: Vec<_> = looked.found.into_iter().map(|finding| finding.detection).collect();
        rules.sort();
        rules
    };
    assert_eq!(look(0, 10 * MINUTE), ["rule:stream"]);
    assert!(look(10 * MINUTE, 20 * MINUTE).is_empty());
    // The hour is over: the hourly rule looks at all of it.
    assert_eq!(look(50 * MINUTE, HOUR + MINUTE), ["rule:hourly"]);
    book.enable_rule("off", true, "ana", 2).unwrap();
    assert_eq!(look(0, 10 * MINUTE), ["rule:off", "rule:stream"]);
}
