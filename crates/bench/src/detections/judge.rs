//! Which findings are right.

use std::collections::{BTreeMap, HashMap};

use durward_detect::{Finding, Level, SubjectKind, detections};
use durward_generate::{Attack, Guid, Hop, Label};
use durward_model::Id;
use durward_model::time::DAY_MICROS;

/// Days in which everything is new to the detections.
pub(super) const LEARNING_DAYS: i64 = 7;
/// Sentences of wrong findings that are shown of a detection.
const SAMPLES_MAX: usize = 5;

/// Passwords tried on many accounts: where the line between the kinds lies is theirs.
const SPRAYS: &[&str] = &["password-spray", "slow-spray", "distributed-spray"];

/// The detections that are meant for an attack.
pub(super) fn fitting(attack: Attack) -> &'static [&'static str] {
    match attack {
        Attack::PasswordSpray | Attack::SlowSpray | Attack::DistributedSpray => SPRAYS,
        Attack::BruteForce => &["brute-force"],
        Attack::ImpossibleTravel => &["impossible-travel"],
        Attack::MfaFatigue => &["mfa-fatigue"],
        Attack::LegacyProtocol => &["legacy-protocol"],
        Attack::DeviceCode => &["device-code"],
        Attack::TokenReplay => &["session-replay"],
        Attack::UserEnumeration => &["user-enumeration"],
        Attack::WorkloadCredential => &["workload-suspicious-sign-in"],
        Attack::AdversaryInTheMiddle => &["adversary-in-the-middle", "session-replay"],
    }
}

/// What is known of a tenant's events.
pub(super) struct Known {
    pub(super) labels: Vec<Label>,
    /// In the order of identifiers.
    pub(super) hops: Vec<(Guid, Hop)>,
    pub(super) from_micros: i64,
}

/// How many labels of a kind were found.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recall {
    pub(super) labels: u32,
    /// By a finding of a fitting detection that is medium or high.
    pub(super) by_fitting: u32,
    /// By any finding that is medium or high.
    pub(super) by_alert: u32,
    /// By any finding.
    pub(super) by_any: u32,
}

/// How many findings of a detection were right.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Precision {
    pub(super) right: u32,
    /// Of the first days, and of those after.
    pub(super) wrong: [u32; 2],
    pub(super) low_right: u32,
    pub(super) low_wrong: u32,
    /// Findings, low ones too, with a request through a VPN or a far gateway among their events.
    pub(super) hops: [u32; 2],
    /// Of those, the ones that are medium or high and wrong.
    pub(super) hop_alerts: [u32; 2],
    pub(super) samples: Vec<String>,
}

impl Precision {
    pub(super) fn wrong_all(&self) -> u32 {
        self.wrong.iter().sum()
    }
}

/// What has been counted so far.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) recalls: BTreeMap<Attack, Recall>,
    pub(super) precisions: BTreeMap<String, Precision>,
    /// Attacks that no alert of a fitting detection belongs to, told for those who tune.
    pub(super) missed: Vec<String>,
}

impl Judge {
    /// Compares the findings about a tenant with what is known of it.
    pub(super) fn judge(&mut self, known: &Known, findings: &[Finding]) {
        let requests = requests_of(&known.labels);
        let mut found = vec![Recall::default(); known.labels.len()];
        for finding in findings {
            let labels = labels_of(finding, known, &requests);
            for &label in &labels {
                note(&mut found[label], finding, known.labels[label].attack);
            }
            let precision = self.precisions.entry(finding.detection.clone()).or_default();
            precision.note(finding, !labels.is_empty(), known);
        }
        for (label, found) in known.labels.iter().zip(found) {
            let recall = self.recalls.entry(label.attack).or_default();
            recall.labels += 1;
            recall.by_fitting += found.by_fitting.min(1);
            recall.by_alert += found.by_alert.min(1);
            recall.by_any += found.by_any.min(1);
            if found.by_fitting == 0 {
                let (from, victim) = (label.from, label.user.as_deref().unwrap_or("many"));
                let count = label.request_ids.len();
                self.missed.push(format!("{:?} {from} {victim}, {count} events", label.attack));
            }
        }
    }
}

impl Precision {
    fn note(&mut self, finding: &Finding, is_right: bool, known: &Known) {
        let is_alert = finding.level > Level::Low;
        if let Some(hop) = hop_of(finding, known) {
            self.hops[hop as usize] += 1;
            self.hop_alerts[hop as usize] += u32::from(is_alert && !is_right);
        }
        match (is_alert, is_right) {
            (true, true) => self.right += 1,
            (false, true) => self.low_right += 1,
            (false, false) => self.low_wrong += 1,
            (true, false) => {
                let learned = finding.found_micros - known.from_micros;
                self.wrong[usize::from(learned >= LEARNING_DAYS * DAY_MICROS)] += 1;
                if self.samples.len() < SAMPLES_MAX {
                    let against = finding.against.join(" ");
                    let level = finding.level.name();
                    self.samples.push(format!("{level}: {} [{against}]", finding.sentence));
                }
            }
        }
    }
}

fn note(found: &mut Recall, finding: &Finding, attack: Attack) {
    found.by_any += 1;
    if finding.level > Level::Low {
        found.by_alert += 1;
        let is_fitting = fitting(attack).contains(&finding.detection.as_str());
        found.by_fitting += u32::from(is_fitting);
    }
}

/// The label of each request of an attacker.
fn requests_of(labels: &[Label]) -> HashMap<Id, usize> {
    let of_label = |(number, label): (usize, &Label)| {
        let ids = label.request_ids.iter().map(|id| Id::from_text(id).0);
        ids.map(move |id| (id, number)).collect::<Vec<_>>()
    };
    labels.iter().enumerate().flat_map(of_label).collect()
}

/// The labels that a finding belongs to: it names a request of the attacker, or is about the
/// victim at that time.
fn labels_of(finding: &Finding, known: &Known, requests: &HashMap<Id, usize>) -> Vec<usize> {
    let named = finding.events.iter().map(|event| &event.id).chain(&finding.risky);
    let mut labels: Vec<usize> = named.filter_map(|id| requests.get(id).copied()).collect();
    if !matches!(finding.subject.kind, SubjectKind::Address | SubjectKind::Tenant) {
        let about_victim = |label: &Label| {
            label.user.as_deref() == Some(finding.subject.name.as_str())
                && finding.first_micros <= label.to.micros()
                && finding.last_micros >= label.from.micros()
        };
        let of_victim = known.labels.iter().enumerate().filter(|(_, label)| about_victim(label));
        labels.extend(of_victim.map(|(number, _)| number));
    }
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// Does it rest on a request that only seemed to come from elsewhere?
fn hop_of(finding: &Finding, known: &Known) -> Option<Hop> {
    let hop_at = |Id(bytes): &Id| {
        let found = known.hops.binary_search_by_key(&Guid(*bytes), |(id, _)| *id);
        found.ok().map(|at| known.hops[at].1)
    };
    finding.events.iter().map(|event| &event.id).chain(&finding.risky).find_map(hop_at)
}

/// Do findings of it make alerts with default settings?
pub(super) fn alerts(detection: &str) -> bool {
    detections::about(detection).is_some_and(|about| about.alerts)
}

#[cfg(test)]
mod tests {
    use durward_detect::{EventRef, Subject};
    use durward_generate::Moment;

    use super::*;

    const ATTACKER: &str = "00000000-0000-4000-8000-000000000001";
    const HOP: &str = "00000000-0000-4000-8000-000000000002";

    fn finding(level: Level, id: &str, name: &str, at_micros: i64) -> Finding {
        let id = Id::from_text(id).0;
        let subject =
            Subject { kind: SubjectKind::User, id: name.to_owned(), name: name.to_owned() };
        let found = Finding::of_time("brute-force", subject, level, "t", at_micros, &[], "".into());
        Finding { events: vec![EventRef { at_micros, id }], risky: vec![id], ..found }
    }

    fn known() -> Known {
        let day = Moment::from_day(20_513);
        let label = Label {
            attack: Attack::BruteForce,
            request_ids: vec![ATTACKER.to_owned()],
            context_ids: Vec::new(),
            user: Some("ana@contoso.example".to_owned()),
            from: day,
            to: day.plus_days(1),
        };
        let Id(hop) = Id::from_text(HOP).0;
        Known { labels: vec![label], hops: vec![(Guid(hop), Hop::Vpn)], from_micros: day.micros() }
    }

    #[test]
    fn findings_are_right_by_request_or_by_victim_and_time() {
        let known = known();
        let at = known.from_micros;
        let (ana, bob, day) = ("ana@contoso.example", "bob@contoso.example", DAY_MICROS);
        let findings = [
            finding(Level::High, ATTACKER, bob, at),
            finding(Level::High, HOP, ana, at + day / 2),
            finding(Level::Medium, HOP, ana, at + 2 * day),
            finding(Level::Medium, HOP, bob, at + 8 * day),
            finding(Level::Low, HOP, bob, at),
        ];
        let mut judge = Judge::default();
        judge.judge(&known, &findings);
        let of = judge.precisions.get("brute-force").unwrap();
        assert_eq!((of.right, of.wrong, of.low_right, of.low_wrong), (2, [1, 1], 0, 1));
        assert_eq!((of.hops, of.hop_alerts, of.samples.len()), ([4, 0], [2, 0], 2));
        let recall = judge.recalls[&Attack::BruteForce];
        assert_eq!((recall.labels, recall.by_fitting, recall.by_any), (1, 1, 1));
        assert!(judge.missed.is_empty());
    }

    #[test]
    fn what_is_low_or_of_another_kind_is_found_otherwise() {
        let known = known();
        let low = finding(Level::Low, ATTACKER, "x", known.from_micros);
        let mut judge = Judge::default();
        judge.judge(&known, std::slice::from_ref(&low));
        let other = Finding { detection: "new-country".to_owned(), level: Level::High, ..low };
        judge.judge(&known, &[other]);
        let recall = judge.recalls[&Attack::BruteForce];
        assert_eq!((recall.by_fitting, recall.by_alert, recall.by_any), (0, 1, 2));
        assert_eq!(judge.missed.len(), 2);
    }

    #[test]
    fn detections_that_fit_exist() {
        for id in Attack::ALL.into_iter().flat_map(fitting) {
            assert!(detections::about(id).is_some(), "{id}");
        }
    }
}
