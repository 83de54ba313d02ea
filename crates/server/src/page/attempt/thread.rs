//! The thread of a session: from its root through all renewals, and where it changed hands, if it
//! did. Pure: sign-ins in, changes and a judgement with its reasons out.

use durward_model::errors::Status;
use durward_model::time::HOUR_MICROS;
use durward_model::{Event, FieldId};

use super::story::Request;

/// A way there and back in less time is no commute.
const TURN_MICROS: i64 = HOUR_MICROS / 2;

/// One sign-in of a session.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) request: Request,
    pub(super) asn: String,
    pub(super) country: String,
    pub(super) device_id: String,
    pub(super) device_name: String,
    pub(super) is_compliant: Option<bool>,
    pub(super) agent: String,
    pub(super) token: String,
    pub(super) is_bound: bool,
}

impl Stop {
    pub(super) fn of(event: &Event) -> Stop {
        let text = |field| event.cell(field).to_string();
        let agent = match text(FieldId::UserAgent) {
            agent if !agent.is_empty() => agent,
            _ => format!("{} {}", text(FieldId::Browser), text(FieldId::OperatingSystem)),
        };
        Stop {
            request: Request::of(event),
            asn: text(FieldId::AutonomousSystemNumber),
            country: text(FieldId::CountryOrRegion),
            device_id: text(FieldId::DeviceId),
            device_name: text(FieldId::DeviceDisplayName),
            is_compliant: event.cell(FieldId::IsCompliant).as_bool(),
            agent: agent.trim().to_owned(),
            token: text(FieldId::UniqueTokenIdentifier),
            is_bound: text(FieldId::SignInTokenProtectionStatus) == "bound",
        }
    }

    /// Did the user prove a second factor, or a key, in this very request?
    fn is_fresh(&self) -> bool {
        let proved = |step: &super::story::AuthStep| {
            let method = step.method.to_ascii_lowercase();
            let is_strong = step.requirement.to_ascii_lowercase().contains("multi")
                || ["fido", "hello", "passkey", "certificate"].iter().any(|m| method.contains(m));
            step.succeeded == Some(true) && is_strong && method != "previously satisfied"
        };
        !self.request.is_silent()
            && self.request.status == Status::Success
            && self.request.steps.iter().any(proved)
    }
}

/// What can change within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Asn,
    Country,
    Device,
    Agent,
    Ip,
}

impl Aspect {
    /// The most telling first.
    pub(super) const ALL: [Aspect; 5] =
        [Aspect::Asn, Aspect::Country, Aspect::Device, Aspect::Agent, Aspect::Ip];

    pub(super) fn label(self) -> &'static str {
        match self {
            Aspect::Asn => "ASN",
            Aspect::Country => "Country",
            Aspect::Device => "Device",
            Aspect::Agent => "User agent",
            Aspect::Ip => "IP address",
        }
    }

    /// The value at a stop; `None` where the record does not say it. A device without an
    /// identifier is one that is not registered, which says something.
    pub(super) fn of(self, stop: &Stop) -> Option<&str> {
        let value = match self {
            Aspect::Asn => &stop.asn,
            Aspect::Country => &stop.country,
            Aspect::Device if stop.device_id.is_empty() => return Some(""),
            Aspect::Device => &stop.device_id,
            Aspect::Agent => &stop.agent,
            Aspect::Ip => &stop.request.ip,
        };
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

/// A change between one sign-in and the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Number of the stop that is different.
    pub(super) at: usize,
    pub(super) aspect: Aspect,
    /// Number of the stop that had the old value.
    pub(super) from: usize,
    /// Was the new value never met before in this session?
    pub(super) is_new: bool,
}

/// The changes of a session, in order. Each stop is compared with the one before that says
/// something of the aspect.
pub(super) fn changes(stops: &[Stop]) -> Vec<Change> {
    let mut changes = Vec::new();
    for aspect in Aspect::ALL {
        let mut last: Option<(usize, &str)> = None;
        let mut met: std::collections::HashSet<&str> = Default::default();
        for (at, stop) in stops.iter().enumerate() {
            let Some(value) = aspect.of(stop) else { continue };
            let is_new = met.insert(value);
            if let Some((from, old)) = last
                && !old.eq_ignore_ascii_case(value)
            {
                changes.push(Change { at, aspect, from, is_new });
            }
            last = Some((at, value));
        }
    }
    changes.sort_by_key(|change| (change.at, change.aspect));
    changes
}

/// What a session looks like, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) level: Level,
    /// What speaks for a token in other hands.
    pub(super) evidence: Vec<String>,
    /// What speaks against it.
    pub(super) counter: Vec<String>,
    /// Numbers of the stops to look at first.
    pub(super) steps: Vec<usize>,
}

/// How a session looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// One device in one network.
    #[default]
    Calm,
    /// It moved, as people do.
    Moved,
    /// As if somebody else used its token.
    Elsewhere,
}

impl Level {
    pub(super) fn title(self) -> &'static str {
        match self {
            Level::Calm => "Nothing changed hands",
            Level::Moved => "The session moved",
            Level::Elsewhere => "Looks like a token used elsewhere",
        }
    }

    pub(super) fn status(self) -> Status {
        match self {
            Level::Calm => Status::Success,
            Level::Moved => Status::Interrupted,
            Level::Elsewhere => Status::Failure,
        }
    }

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Level::Calm => "Network and device are the same at every step.",
            Level::Moved => {
                "The network or the device changed on the way, as it does between office, home and \
                 train; look at the steps below if the user did not travel."
            }
            Level::Elsewhere => {
                "The network changed together with the device or the user agent, in a request for \
                 which nobody proved a second factor. Ask the user; if it was not them, revoke \
                 the sessions and reset the password."
            }
        }
    }
}

/// Judges a session by its changes.
pub(super) fn judge(stops: &[Stop], changes: &[Change]) -> Judgement {
    let new = |at: usize, aspect: Aspect| {
        changes.iter().any(|c| c.at == at && c.aspect == aspect && c.is_new)
    };
    let mut judgement = Judgement::default();
    for (at, stop) in stops.iter().enumerate() {
        let moved = new(at, Aspect::Asn) || new(at, Aspect::Country);
        let other_client = new(at, Aspect::Device) || new(at, Aspect::Agent);
        if moved && other_client && !stop.is_fresh() {
            judgement.level = Level::Elsewhere;
            judgement.steps.push(at);
        } else if moved || new(at, Aspect::Device) {
            judgement.level = judgement.level.max(Level::Moved);
        }
    }
    judgement.evidence = evidence(stops, changes, &judgement);
    judgement.counter = counter(stops, changes);
    // A registered device that never changed outweighs another network and browser.
    if judgement.level == Level::Elsewhere && same_device(stops).is_some_and(|(_, good)| good) {
        judgement.level = Level::Moved;
    }
    judgement
}

fn evidence(stops: &[Stop], changes: &[Change], judgement: &Judgement) -> Vec<String> {
    let mut evidence = Vec::new();
    let together = judgement.steps.len();
    if together > 0 {
        let steps = if together == 1 { "one step" } else { "several steps" };
        evidence.push(format!(
            "Network and client changed together at {steps}, without a second factor proved there"
        ));
    }
    let lost = |c: &&Change| c.aspect == Aspect::Device && stops[c.at].device_id.is_empty();
    if changes.iter().any(|c| lost(&c)) {
        evidence.push("A registered device was followed by one without identifier".to_owned());
    }
    if changes.iter().any(|c| c.aspect == Aspect::Country && c.is_new) {
        evidence.push("The country changed within the session".to_owned());
    }
    if alternates(stops, changes) {
        evidence.push(
            "Two networks took turns within half an hour, as if two places used the session at \
             once"
                .to_owned(),
        );
    }
    evidence
}

/// Did the session go to another network and back faster than people do?
fn alternates(stops: &[Stop], changes: &[Change]) -> bool {
    let moves: Vec<&Change> = changes.iter().filter(|c| c.aspect == Aspect::Asn).collect();
    moves.windows(2).any(|pair| {
        let time = |at: usize| stops[at].request.created.micros;
        let is_back = stops[pair[0].from].asn == stops[pair[1].at].asn;
        is_back && time(pair[1].at) - time(pair[0].at) < TURN_MICROS
    })
}

/// The device of all stops, and whether it is compliant at all of them.
fn same_device(stops: &[Stop]) -> Option<(&Stop, bool)> {
    let first = stops.first().filter(|stop| !stop.device_id.is_empty())?;
    let is_same = |stop: &Stop| stop.device_id.eq_ignore_ascii_case(&first.device_id);
    let is_good = stops.iter().all(|stop| stop.is_compliant == Some(true));
    stops.iter().all(is_same).then_some((first, is_good))
}

fn counter(stops: &[Stop], changes: &[Change]) -> Vec<String> {
    let mut counter = Vec::new();
    match same_device(stops) {
        Some((_, true)) => counter.push("Same compliant device throughout".to_owned()),
        Some((_, false)) => counter.push("Same registered device throughout".to_owned()),
        None => {}
    }
    for (aspect, what) in [
        (Aspect::Ip, "IP address"),
        (Aspect::Asn, "network (ASN)"),
        (Aspect::Country, "country"),
        (Aspect::Agent, "user agent"),
    ] {
        let is_known = stops.iter().any(|stop| aspect.of(stop).is_some());
        let has_changed = changes.iter().any(|change| change.aspect == aspect);
        if is_known && !has_changed && stops.len() > 1 {
            counter.push(format!("Same {what} throughout"));
        }
    }
    let moves = changes.iter().filter(|c| matches!(c.aspect, Aspect::Asn | Aspect::Country));
    let mut moves = moves.filter(|c| c.is_new).peekable();
    if moves.peek().is_some() && moves.all(|c| stops[c.at].is_fresh()) {
        counter.push("A second factor was proved at each new network".to_owned());
    }
    if !stops.is_empty() && stops.iter().all(|stop| stop.is_bound) {
        counter.push("All tokens are bound to their device".to_owned());
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::super::story::AuthStep;
    use super::*;
    use durward_model::{Log, Timestamp};

    fn stop(at: i64, asn: &str, country: &str, device: &str, agent: &str) -> Stop {
        let request = Request {
            id: format!("r{at}"),
            created: Timestamp::from_micros(at * 1_000_000),
            log: Log::NonInteractiveUser,
            ip: format!("203.0.{}.1", asn.len()),
            status: Status::Success,
            code: Some(0),
            ..Request::empty()
        };
        Stop {
            request,
            asn: asn.to_owned(),
            country: country.to_owned(),
            device_id: device.to_owned(),
            device_name: String::new(),
            is_compliant: Some(true).filter(|_| !device.is_empty()),
            agent: agent.to_owned(),
            token: format!("t{at}"),
            is_bound: false,
        }
    }

    fn judged(stops: &[Stop]) -> Judgement {
        judge(stops, &changes(stops))
    }

    #[test]
    fn nothing_changes() {
        let stops = [stop(0, "3320", "DE", "d1", "Edge"), stop(9, "3320", "DE", "d1", "Edge")];
        assert!(changes(&stops).is_empty());
        let judgement = judged(&stops);
        assert_eq!(judgement.level, Level::Calm);
        assert!(judgement.evidence.is_empty());
        assert_eq!(judgement.counter[0], "Same compliant device throughout");
        assert!(judgement.counter.contains(&"Same network (ASN) throughout".to_owned()));
    }

    #[test]
    fn a_stolen_token() {
        let stops = [
            stop(0, "3320", "DE", "d1", "Edge"),
            stop(9, "14061", "US", "", "python"),
            stop(12, "3320", "DE", "d1", "Edge"),
        ];
        let found = changes(&stops);
        let of = |at| found.iter().filter(|c| c.at == at).map(|c| c.aspect).collect::<Vec<_>>();
        assert_eq!(of(1), Aspect::ALL, "all of it, the most telling first");
        assert!(found.iter().filter(|c| c.at == 2).all(|c| !c.is_new), "it returns");
        let judgement = judged(&stops);
        assert_eq!((judgement.level, judgement.steps.as_slice()), (Level::Elsewhere, &[1][..]));
        assert_eq!(judgement.evidence.len(), 4, "{:?}", judgement.evidence);
        // In the evening, the way back tells nothing.
        let mut stops = stops;
        stops[2].request.created = Timestamp::from_micros(8 * HOUR_MICROS);
        assert_eq!(judged(&stops).evidence.len(), 3);
    }

    #[test]
    fn on_the_way_home() {
        let stops = [stop(0, "3320", "DE", "d1", "Edge"), stop(9, "8881", "DE", "d1", "Edge")];
        assert_eq!(judged(&stops).level, Level::Moved);
        // Another browser on the same compliant device elsewhere is still that device.
        let stops = [stop(0, "3320", "DE", "d1", "Edge"), stop(9, "8881", "DE", "d1", "Chrome")];
        assert_eq!(judged(&stops).level, Level::Moved);
    }

    #[test]
    fn a_second_factor_proved_there_speaks_against_theft() {
        let mut fresh = stop(9, "14061", "US", "", "Safari");
        fresh.request.log = Log::InteractiveUser;
        fresh.request.steps = vec![AuthStep {
            method: "Mobile app notification".to_owned(),
            succeeded: Some(true),
            result: String::new(),
            requirement: "Multi-factor authentication".to_owned(),
        }];
        let judgement = judged(&[stop(0, "3320", "DE", "d1", "Edge"), fresh]);
        assert_eq!(judgement.level, Level::Moved);
        assert!(judgement.counter.iter().any(|text| text.starts_with("A second factor")));
    }

    #[test]
    fn what_a_record_does_not_say_is_no_change() {
        let stops = [
            stop(0, "3320", "DE", "d1", "Edge"),
            stop(5, "", "", "d1", ""),
            stop(9, "3320", "DE", "d1", "Edge"),
        ];
        let aspects: Vec<Aspect> = changes(&stops).iter().map(|c| c.aspect).collect();
        assert_eq!(aspects, [Aspect::Ip, Aspect::Ip]);
    }
}
