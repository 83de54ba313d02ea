//! Second factors that fail many times in a short while: what fatigue and guessed codes share.

use serde::{Deserialize, Serialize};

use super::novelty::Novelty;
use super::party::duration;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// Users watched at a time.
const USERS_MAX: usize = 200_000;

/// Which second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Requests that wait for the user's answer: notifications, calls, messages.
    Request,
    /// Codes that whoever signs in types.
    Passcode,
}

impl Kind {
    /// What failed, of a sign-in whose second factor did.
    fn of(sighting: &Sighting<'_>) -> Kind {
        // Whoever refuses was asked, whatever the record calls the method.
        let typed = sighting.authentication.is_passcode && !sighting.is(Class::USER_DENIED);
        if typed { Kind::Passcode } else { Kind::Request }
    }
}

/// The failures of one user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Failures {
    run: Run,
    denied: u64,
    address: u64,
    asn: u32,
    /// All of it came from what the user has used before.
    is_familiar: bool,
    has_won: bool,
}

impl Touched for Failures {
    fn touched_micros(&self) -> i64 {
        self.run.last_micros()
    }
}

/// Counts failures of one kind within a window, and notices the success that follows.
#[derive(Debug)]
pub(super) struct Counter {
    about: &'static About,
    kind: Kind,
    least: usize,
    window_micros: i64,
    users: Keyed<Failures>,
}

impl Counter {
    /// With the parameters `failures` and `window`.
    pub(super) fn new(about: &'static About, kind: Kind, values: &Values<'_>) -> Counter {
        Counter {
            about,
            kind,
            least: values.count("failures"),
            window_micros: values.micros("window"),
            users: Keyed::new(USERS_MAX),
        }
    }

    fn failed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let novelty = Novelty::of(sighting, context);
        let user = self.users.entry(sighting.user);
        user.run.add(sighting, self.window_micros);
        if user.run.count() == 1 {
            *user = Failures { run: std::mem::take(&mut user.run), ..Failures::default() };
            user.is_familiar = true;
        }
        user.is_familiar &= !novelty.device || !(novelty.network || novelty.client);
        user.denied += u64::from(sighting.is(Class::USER_DENIED));
        (user.address, user.asn) = (sighting.address, sighting.network.asn);
        self.judge(sighting, novelty, context);
    }

    /// A success counts when it came from where the requests did: the user's own life goes on.
    fn succeeded(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let Some(user) = self.users.get(sighting.user) else { return };
        let is_theirs =
            user.address == sighting.address || (user.asn != 0 && user.asn == sighting.network.asn);
        let is_soon = sighting.at_micros - user.run.last_micros() <= self.window_micros;
        if !(is_theirs && is_soon && user.run.is_told() && !user.has_won) {
            return;
        }
        let novelty = Novelty::of(sighting, context);
        let user = self.users.entry(sighting.user);
        user.has_won = true;
        user.run.add(sighting, self.window_micros);
        self.judge(sighting, novelty, context);
    }

    fn judge(&mut self, sighting: &Sighting<'_>, novelty: Novelty, context: &mut Context<'_>) {
        let (least, window_micros, kind) = (self.least, self.window_micros, self.kind);
        let user = self.users.entry(sighting.user);
        let within = user.run.since(sighting.at_micros - window_micros);
        let level = match (user.is_familiar, user.has_won) {
            (true, _) => Level::Low,
            (false, true) => Level::High,
            (false, false) => Level::Medium,
        };
        let reached = user.run.is_told() || within >= least;
        if !reached || !(user.run.is_due(level) || sighting.is(Class::SUCCESS)) {
            return;
        }
        let failures = user.run.count() - u64::from(user.has_won);
        let span = duration(sighting.at_micros - user.run.first_micros());
        let name = sighting.user_name();
        let place = sighting.place();
        let end = if user.has_won { "; then it was given and the sign-in succeeded" } else { "" };
        let sentence = match kind {
            Kind::Request => format!(
                "{name} was asked for a second factor {failures} times in {span} from {place} and \
                 did not give it{end}."
            ),
            Kind::Passcode => {
                format!("{failures} wrong codes in {span} for {name} from {place}{end}.")
            }
        };
        let window = duration(window_micros);
        let count = format!("{failures} in {span}; {least} within {window} are enough");
        let subject = Subject::user(sighting);
        let occurrence = user.run.occurrence();
        let level = user.run.worst(level);
        let finding = Finding::new(self.about.id, subject, level, sighting, &occurrence, sentence)
            .fact("Second factors that failed", count)
            .fact("Refused by the user", user.denied.to_string())
            .fact("Address", sighting.address_text())
            .fact("Success afterwards", if user.has_won { "yes" } else { "no" });
        context.found(user.run.tell(novelty.speak(finding), &[]));
    }
}

impl Detection for Counter {
    fn about(&self) -> &'static About {
        self.about
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 {
            return;
        }
        if sighting.is(Class::MFA_FAILED) {
            if Kind::of(sighting) == self.kind {
                self.failed(sighting, context);
            }
        } else if sighting.class.all(Class::SUCCESS.and(Class::INTERACTIVE)) {
            self.succeeded(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}
