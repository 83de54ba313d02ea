//! One session used from two places by two clients.

use serde::{Deserialize, Serialize};

use super::novelty::{Novelty, system};
use super::party::Party;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "session-replay",
    title: "Session used from two places (token replay)",
    summary: "A session went on from another network with another client than before. Its cookie \
              or token may have been stolen.",
    risk_event_type: "anomalousToken",
    techniques: &["T1550.004", "T1539", "T1528"],
    level: Level::High,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &[
        "sessionId",
        "status/errorCode",
        "ipAddress",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "location/geoCoordinates",
        "deviceDetail/deviceId",
        "deviceDetail/operatingSystem",
        "userAgent",
    ],
    learning: "",
    method: &[
        "Each success is compared with the one before it in the same session.",
        "The autonomous system or the country must be another one. The same registered device \
         explains it, as a network of the organisation does, or one that people share.",
        "So does a change of network within the country by the same kind of client: home, mobile \
         carrier, VPN.",
        "The client is another one when the registered device is gone or another, the operating \
         system is another, or a script came in.",
        "Another client on a network new for the user is high when the country is another or \
         nobody could travel so fast, or within `together` a script goes on; else low.",
        "The same kind of client on a new network in another country, too fast for a journey, is \
         medium, or low if even its user agent is the same.",
        "All that comes from there afterwards belongs to the same finding.",
    ],
    against: &[
        "A VPN or proxy that was switched on, on a device that is not registered.",
        "A browser that does not say which registered device it runs on.",
        "A cloud desktop.",
    ],
    tuning: "List VPN exits, proxies and cloud desktops under `shared-networks`, or mark them as \
             trusted named locations.",
    response: &[
        "Compare the two sign-ins at which the session changed hands.",
        "Ask the user; if the second place is not theirs, revoke all sessions and reset the \
         password.",
        "Look what was read or changed from the second address.",
    ],
    parameters: &[Parameter {
        name: "together",
        meaning: "Within how long two uses of a session are at the same time",
        default: 60.0,
        unit: Unit::Minutes,
        range: (1.0, 1440.0),
    }],
    is_on: true,
    alerts: true,
};

/// Sessions watched at a time.
const SESSIONS_MAX: usize = 400_000;
/// A stolen session that rests for so long and is used again is another finding.
const PAUSE_MICROS: i64 = 30 * durward_model::time::DAY_MICROS;

/// Who used a session last, and who took it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    own: Option<Party>,
    theft: Option<Box<Theft>>,
}

/// The part of a session that is somebody else's.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Theft {
    before: Party,
    thief: Party,
    /// Where it was before, for people; empty where that is not known any more.
    place: String,
    level: Level,
    novelty: Novelty,
    run: Run,
}

impl Touched for Session {
    fn touched_micros(&self) -> i64 {
        let own = self.own.as_ref().map_or(i64::MIN, |own| own.event.at_micros);
        self.theft.as_ref().map_or(own, |theft| own.max(theft.run.last_micros()))
    }
}

#[derive(Debug)]
struct SessionReplay {
    together_micros: i64,
    sessions: Keyed<Session>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SessionReplay {
        together_micros: values.micros("together"),
        sessions: Keyed::new(SESSIONS_MAX),
    })
}

impl Detection for SessionReplay {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.session == 0 || sighting.address == 0 || !sighting.is_user_success() {
            return;
        }
        let now = Party::of(sighting);
        let session = self.sessions.entry(sighting.session);
        let Some(own) = &mut session.own else {
            session.own = Some(now);
            return;
        };
        if own.is_same(&now) {
            own.event = now.event;
            return;
        }
        if let Some(theft) = &mut session.theft
            && !theft.thief.is_other_network(&now)
            && !theft.thief.is_other_client(&now)
        {
            theft.run.add(sighting, PAUSE_MICROS);
            if theft.run.is_due(theft.level) {
                context.found(theft.tell(sighting));
            }
            return;
        }
        let is_moved = own.is_other_network(&now) || own.is_other_country(&now);
        if !is_moved || own.is_same_device(&now) {
            let mut next = now;
            if !is_moved {
                next.keep_device(own);
            }
            *own = next;
            return;
        }
        self.judge(sighting, now, context);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.sessions
    }
}

impl SessionReplay {
    /// A session that is in another network, and not by its registered device.
    fn judge(&mut self, sighting: &Sighting<'_>, now: Party, context: &mut Context<'_>) {
        let novelty = Novelty::of(sighting, context);
        let together = self.together_micros;
        let session = self.sessions.entry(sighting.session);
        let Some(own) = session.own else { return };
        let Some(level) = level(&own, &now, novelty, together) else {
            session.own = Some(now);
            return;
        };
        let stops = context.profiles.user(sighting).map(|profile| profile.stops());
        let stop = stops.into_iter().flatten().find(|stop| stop.last == own.event);
        let place = stop.map(|stop| format!("{} ({})", stop.spot.name(), stop.spot.address));
        let (place, run) = (place.unwrap_or_default(), Run::default());
        let mut theft = Box::new(Theft { before: own, thief: now, place, level, novelty, run });
        theft.run.add(sighting, PAUSE_MICROS);
        context.found(theft.tell(sighting));
        session.theft = Some(theft);
    }
}

fn level(own: &Party, now: &Party, novelty: Novelty, together_micros: i64) -> Option<Level> {
    if novelty.is_shared {
        return None;
    }
    let is_other_client = own.is_other_client(now);
    let is_far = own.is_other_country(now) || own.is_too_fast(now);
    // Carriers and VPN lead out of the country's network anywhere in it.
    let is_jump = own.is_other_country(now) && own.is_too_fast(now);
    let is_together = now.event.at_micros - own.event.at_micros <= together_micros;
    match (is_other_client, novelty.network) {
        (true, true) if is_far || (is_together && now.is_tool()) => Some(Level::High),
        (true, true) => Some(Level::Low),
        (true, false) if is_far && is_together => Some(Level::Low),
        (false, true) if is_jump && own.has_other_agent(now) => Some(Level::Medium),
        (false, true) if is_jump => Some(Level::Low),
        _ => None,
    }
}

impl Theft {
    fn tell(&mut self, sighting: &Sighting<'_>) -> Finding {
        let (before, thief) = (&self.before, &self.thief);
        let pause = before.pause(thief);
        let far = before.km(thief).filter(|km| *km >= 1.0);
        let far_words = far.map(|km| format!(", {km:.0} km away")).unwrap_or_default();
        let device = if before.is_device_gone(thief) {
            " without the registered device it was on"
        } else {
            ""
        };
        let sentence = format!(
            "A session of {} went on {pause} later from {} ({}){far_words}{device}.",
            sighting.user_name(),
            sighting.place(),
            sighting.address_text(),
        );
        let subject = Subject::user(sighting);
        let occurrence = self.run.occurrence();
        let mut finding =
            Finding::new(ABOUT.id, subject, self.level, sighting, &occurrence, sentence)
                .fact("What changed", before.changes(thief))
                .fact("Autonomous system", system(sighting.network.asn))
                .fact("Time between", pause.clone())
                .fact("Sign-ins from there", self.run.count().to_string());
        if !self.place.is_empty() {
            finding = finding.fact("Used before from", self.place.clone());
        }
        if let Some(km) = far {
            let hours = (thief.event.at_micros - before.event.at_micros) as f64 / 3.6e9;
            let speed =
                if hours > 0.0 { format!(" = {:.0} km/h", km / hours) } else { String::new() };
            finding = finding.fact("Distance", format!("{km:.0} km in {pause}{speed}"));
        }
        self.run.tell(self.novelty.speak(finding), &[before.event])
    }
}
