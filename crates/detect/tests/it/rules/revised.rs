//! What rules have told is taken back when later records take its reason away, and only then.

use std::sync::Arc;

use durward_detect::book::{FindingQuery, Recorded};
use durward_detect::rules::{Ground, Placeholders, Rule, run_all};
use durward_detect::{Book, Finding, Settings, Watcher};
use durward_query::Engine;
use durward_store::{Store, StoreOptions};
use proptest::prelude::*;

use super::rule;
use super::stream::RULES;
use crate::story::{DAY, HOUR, LAGOS, MINUTE, MONDAY_MICROS, SignIn, Teller, VIGO, guid, user};

/// The stories begin so long after the log does, so that there is something to be new against.
const LEARNED: i64 = 6 * DAY;

/// A directory with a log, a book with rules, and somebody who watches.
struct World {
    store: Arc<Store>,
    book: Arc<Book>,
    watcher: Watcher,
    teller: Teller,
    dir: tempfile::TempDir,
}

fn open(dir: &std::path::Path) -> Arc<Store> {
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    Arc::new(Store::open(dir, options).unwrap())
}

fn watcher(store: &Arc<Store>, book: &Arc<Book>, dir: &std::path::Path) -> Watcher {
    let none = Placeholders::default();
    Watcher::new(store.clone(), book.clone(), dir, Settings::default(), none).unwrap()
}

impl World {
    fn new(rules: &[&str]) -> World {
        let dir = tempfile::tempdir().unwrap();
        let (store, book) = (open(dir.path()), Arc::new(Book::open(dir.path()).unwrap()));
        for text in rules {
            book.put_rule(&toml::from_str::<Rule>(text).unwrap(), "ana", 1).unwrap();
        }
        let watcher = watcher(&store, &book, dir.path());
        World { store, book, watcher, teller: Teller::default(), dir }
    }

    /// Records come at a time, µs after the story begins, and are looked at.
    fn come(&mut self, at: i64, told: &[SignIn]) -> Recorded {
        let now = MONDAY_MICROS + LEARNED + at;
        self.teller.tell(&self.store, told, now);
        self.watcher.look(now, false).unwrap()
    }

    fn restart(mut self, away: &[SignIn], at: i64) -> World {
        drop(self.watcher);
        self.teller.tell(&self.store, away, MONDAY_MICROS + LEARNED + at);
        drop(self.store);
        self.store = open(self.dir.path());
        self.watcher = watcher(&self.store, &self.book, self.dir.path());
        self
    }

    /// What rules have told and not taken back.
    fn told(&self) -> Vec<Finding> {
        let stored = self.book.findings(&FindingQuery::default()).unwrap().into_iter();
        let mut told: Vec<Finding> = stored
            .map(|stored| stored.finding)
            .filter(|finding| finding.detection.starts_with("rule:"))
            .collect();
        told.sort_by_key(|finding| finding.id);
        told
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.told().into_iter().map(|finding| finding.detection).collect();
        names.sort();
        names
    }
}

/// A sign-in of the story, by a name of its own, so that it can come again.
fn sign_in(name: &str, at: i64, code: i64) -> SignIn {
    let sign_in = user("ana", LEARNED + at).code(code).with("id", guid(name));
    sign_in.with("correlationId", guid(&format!("attempt {name}")))
}

const FAILURES: &str = "source = { type = 'filter', text = 'status:failure' }";

#[test]
fn a_revised_record_takes_the_finding_back() {
    let mut world = World::new(&[&format!("name = 'a'\n{FAILURES}")]);
    assert_eq!(world.come(0, &[]).new, 0);
    world.come(10 * MINUTE, &[sign_in("one", 5 * MINUTE, 50126)]);
    let told = world.told();
    assert_eq!(told.len(), 1);
    let recorded = world.come(20 * MINUTE, &[sign_in("one", 5 * MINUTE, 0)]);
    assert_eq!(recorded.withdrawn, 1);
    assert!(world.told().is_empty());
    let withdrawn = world.book.finding(told[0].id).unwrap().unwrap().withdrawn_micros;
    assert_eq!(withdrawn, Some(MONDAY_MICROS + LEARNED + 20 * MINUTE));
    // And if it failed after all, the finding is there again.
    world.come(30 * MINUTE, &[sign_in("one", 5 * MINUTE, 50053)]);
    let again: Vec<_> = world.told().into_iter().map(|finding| finding.id).collect();
    assert_eq!(again, [told[0].id]);
}

#[test]
fn a_finding_that_went_on_is_put_back_to_what_it_was() {
    let a_day = format!("name = 'a'\n{FAILURES}\nsuppress = {{ same_entity_hours = 24 }}");
    let mut world = World::new(&[&a_day]);
    world.come(0, &[]);
    world.come(10 * MINUTE, &[sign_in("one", 5 * MINUTE, 50126)]);
    let first = world.told();
    world.come(HOUR, &[sign_in("two", 50 * MINUTE, 50126)]);
    assert_eq!(world.told()[0].event_count, 2);
    let recorded = world.come(2 * HOUR, &[sign_in("two", 50 * MINUTE, 0)]);
    assert_eq!((recorded.changed, recorded.withdrawn), (1, 0));
    assert_eq!(world.told(), first);
}

#[test]
fn findings_of_rules_that_were_not_run_or_changed_stay() {
    let named = |name: &str| format!("name = '{name}'\n{FAILURES}");
    let texts = ["off", "removed", "changed", "same"].map(named);
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let daily = format!("{}\nschedule = {{ type = 'every', minutes = 1440 }}", named("daily"));
    texts.push(&daily);
    let mut world = World::new(&texts);
    world.come(0, &[]);
    world.come(DAY, &[sign_in("one", 5 * MINUTE, 50126), sign_in("two", 20 * HOUR, 50126)]);
    let all = ["changed", "daily", "off", "removed", "same"].map(|name| format!("rule:{name}"));
    let each = |count: usize| all.iter().flat_map(move |name| vec![name.clone(); count]);
    // The day of the rule that runs once a day ends at midnight; the story begins at eight.
    let mut expected: Vec<String> = each(2).collect();
    expected.remove(2);
    assert_eq!(world.names().len(), 9, "{:?}", world.names());
    assert_eq!(world.names(), expected);
    let later = MONDAY_MICROS + LEARNED + DAY + MINUTE;
    world.book.enable_rule("off", false, "ana", later).unwrap();
    world.book.remove_rule("removed", "ana", later).unwrap();
    let other = format!("{}\nseverity = 'high'", named("changed"));
    world.book.put_rule(&toml::from_str::<Rule>(&other).unwrap(), "ana", later).unwrap();
    // The first record of the two is revised, then the second, whose day is not over for `daily`.
    world.come(DAY + 2 * MINUTE, &[sign_in("two", 20 * HOUR, 0)]);
    expected.retain(|name| name != "rule:same");
    expected.push("rule:same".to_owned());
    assert_eq!(world.names(), expected);
    world.come(DAY + 3 * MINUTE, &[sign_in("one", 5 * MINUTE, 0)]);
    expected.retain(|name| name != "rule:same" && name != "rule:daily");
    assert_eq!(world.names(), expected);
}

#[test]
fn what_came_while_nobody_watched_is_looked_at() {
    let mut world = World::new(&[&format!("name = 'a'\n{FAILURES}")]);
    world.come(0, &[]);
    world.come(HOUR, &[sign_in("one", 5 * MINUTE, 50126)]);
    let late = [sign_in("one", 5 * MINUTE, 0), sign_in("two", 20 * MINUTE, 50126)];
    let mut world = world.restart(&late, HOUR + MINUTE);
    world.come(HOUR + 2 * MINUTE, &[]);
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].first_micros, MONDAY_MICROS + LEARNED + 20 * MINUTE);
}

/// A record on its way: when it happened (minutes), who, how it went, where, and how many minutes
/// later it comes; then with another result once more.
type Sent = (i64, usize, bool, bool, i64, Option<(i64, bool)>);

fn sent() -> impl Strategy<Value = Sent> {
    let delay = prop_oneof![4 => 0..5_i64, 1 => 20..2000_i64];
    let again = prop::option::weighted(0.4, (0..2000_i64, any::<bool>()));
    (0..4000_i64, 0..2_usize, any::<bool>(), any::<bool>(), delay, again)
}

fn record(number: usize, sent: &Sent, fails: bool) -> SignIn {
    let (minute, who, _, away, ..) = *sent;
    let name = ["ana", "ben"][who];
    user(name, LEARNED + minute * MINUTE)
        .code(if fails { 50126 } else { 0 })
        .at(if away { LAGOS } else { VIGO })
        .from(if away { "192.0.2.9" } else { "192.0.2.10" })
        .with("id", guid(&format!("sent {number}")))
        .with("correlationId", guid(&format!("{name} {}", minute / 120)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_book_says_what_one_look_at_the_log_finds(
        sent in proptest::collection::vec(sent(), 5..40),
    ) {
        let mut world = World::new(RULES);
        let habits: Vec<SignIn> = (0..6)
            .flat_map(|day| ["ana", "ben"].map(|name| user(name, day * DAY).with("id",
                guid(&format!("{name} {day}")))))
            .collect();
        world.come(0, &habits);
        let mut arrivals: Vec<(i64, SignIn)> = Vec::new();
        for (number, one) in sent.iter().enumerate() {
            let &(minute, _, fails, _, delay, again) = one;
            arrivals.push((minute + delay, record(number, one, fails)));
            if let Some((later, fails)) = again {
                arrivals.push((minute + delay + later, record(number, one, fails)));
            }
        }
        arrivals.sort_by_key(|(minute, _)| *minute);
        let last = arrivals.last().map_or(0, |(minute, _)| *minute);
        for (minute, record) in arrivals {
            world.come(minute * MINUTE, &[record]);
        }
        let end = (last + 1500) * MINUTE;
        world.come(end, &[]);
        let rules: Vec<_> = RULES.iter().map(|text| rule(text)).collect();
        let rules: Vec<_> = rules.iter().collect();
        let (engine, view) = (Engine::new(), world.store.view());
        let ground = Ground { engine: &engine, view: &view };
        let begin = MONDAY_MICROS + LEARNED;
        let mut once = run_all(ground, &rules, begin - DAY, begin + end).unwrap().concat();
        once.sort_by_key(|finding| finding.id);
        prop_assert_eq!(world.told(), once);
    }
}
