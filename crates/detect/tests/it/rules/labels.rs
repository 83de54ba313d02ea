//! The ready-made rules over public records that others have labelled: does somebody who keeps a
//! rule of that kind expect an alert? `DURWARD_SHARED_DATA`, or a folder `shared/data` beside the
//! project, has them.
//!
//! Each record is a log of its own: several share an identifier with another, so that one log
//! would keep only the last of them.

#![expect(clippy::print_stderr, reason = "says why it is skipped")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durward_detect::rules::{Compiled, Ground, Placeholders, run_all, shipped};
use durward_detect::{Finding, Level, Settings, history};
use durward_query::Engine;
use durward_store::{Store, StoreOptions};

use crate::story::{DAY, MONDAY_MICROS, take_in};

const FILE: &str = "diagnostic/panther-azure-audit.jsonl";

/// The rule that a record is a case of, and whether an alert is expected, by line.
const LABELS: [(&str, bool); 21] = [
    ("device-code-broker", true),
    ("device-code-broker", false),
    ("workload-sign-in-failed", true),
    ("workload-sign-in-failed", false),
    ("legacy-agent-sign-in", false),
    ("legacy-agent-sign-in", true),
    ("legacy-agent-sign-in", false),
    ("high-risk-sign-in", true),
    ("high-risk-sign-in", false),
    ("mfa-requirement-removed", true),
    ("mfa-requirement-removed", false),
    ("mfa-requirement-removed", false),
    ("guest-invited", true),
    ("guest-invited", false),
    ("guest-invited", false),
    ("guest-invited", false),
    ("permanent-role-in-pim", true),
    ("permanent-role-in-pim", false),
    ("permanent-role-in-pim", false),
    ("identity-provider-changed", true),
    ("identity-provider-changed", false),
];

/// The record of the third line once more, as a case of another rule: this one still finds it.
const AGAIN: (usize, &str) = (5, "workload-sign-in-failed");

fn file() -> Option<PathBuf> {
    let folder = match std::env::var_os("DURWARD_SHARED_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
            .join("../../../shared/data"),
    };
    let file = folder.join(FILE);
    if file.is_file() {
        return Some(file);
    }
    eprintln!("skipped: there is no file {}", file.display());
    None
}

/// The names of those of which there is an alert.
fn alerting(findings: &[Finding]) -> Vec<String> {
    let alerts = findings.iter().filter(|finding| finding.level >= Level::Medium);
    alerts.map(|finding| finding.detection.clone()).collect()
}

#[test]
fn alerts_of_ready_made_rules_are_those_that_others_expect() {
    let Some(file) = file() else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), LABELS.len());
    // The one account that may sign in by an old protocol there.
    let exceptions = vec!["homer.simpson@springfield.org".to_owned()];
    let lists = Placeholders::new([("Legacy_Sign_In_Exceptions".to_owned(), exceptions)]);
    let rules: Vec<Compiled> = shipped()
        .iter()
        .map(|shipped| Compiled::new(shipped.rule().unwrap(), &lists).unwrap())
        .collect();
    let rules: Vec<&Compiled> = rules.iter().collect();
    for (index, (line, (rule, expected))) in lines.iter().zip(LABELS).enumerate() {
        let number = index + 1;
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { background: false, ..StoreOptions::default() };
        let store = Store::open(dir.path(), options).unwrap();
        take_in(&store, FILE, line.as_bytes(), MONDAY_MICROS);
        let (engine, view) = (Engine::new(), store.view());
        let rows: usize = view.chunks.iter().map(|chunk| chunk.rows()).sum();
        assert_eq!(rows, 1, "line {number}");
        let ground = Ground { engine: &engine, view: &view };
        let found = run_all(ground, &rules, 0, MONDAY_MICROS + DAY).unwrap().concat();
        let mut wanted: Vec<String> =
            expected.then(|| format!("rule:{rule}")).into_iter().collect();
        if number == AGAIN.0 {
            wanted.push(format!("rule:{}", AGAIN.1));
        }
        assert_eq!(alerting(&found), wanted, "line {number}");
        // Nor is there an alert of a built-in detection where none is expected.
        let settings = Arc::new(Settings::default());
        let found = history(&view, settings, MONDAY_MICROS + DAY, &mut |_, _| true).unwrap();
        assert!(expected || alerting(&found).is_empty(), "line {number}: {found:?}");
    }
}
