//! The days of people, guests and service accounts.

use super::background::{self, Holder};
use super::flow::{self, Attempt};
use super::{Machine, Planned, Steps, Suspicion, flag};
use crate::apps::app;
use crate::dice::{Dice, Topic};
use crate::moment::{DAY, HOUR, MINUTE, SECOND};
use crate::networks::{NetworkKind, Origin};
use crate::outcomes::Outcome;
use crate::people::{Person, PersonKind};
use crate::places::CITIES;
use crate::tenant::{Stay, Tenant};

/// One person on one local day.
struct Today<'t> {
    tenant: &'t Tenant,
    number: u32,
    person: &'t Person,
    day: i64,
    /// Local midnight in UTC ticks.
    midnight: i64,
    city: u8,
    away: bool,
    at_office: bool,
    working: bool,
}

/// A while during which a VPN carries what a device sends.
#[derive(Clone, Copy)]
struct Tunnel {
    from: i64,
    to: i64,
    exit: Origin,
}

/// Adds what person `number` does on the local day `day`.
pub(crate) fn day(tenant: &Tenant, number: u32, day: i64, out: &mut Vec<Planned>) {
    let person = &tenant.people[number as usize];
    if person.kind == PersonKind::Phantom {
        return;
    }
    let mut dice = Dice::new(tenant.seed, Topic::PersonDay, u64::from(number), day as u64);
    let active = dice.chance(tenant.options.activity_per_mille);
    let city = match tenant.stay(number, person, day) {
        Stay::Transit => return,
        Stay::Home => person.city,
        Stay::Away(city) => city,
    };
    let weekday = (day + 3).rem_euclid(7) < 5 && !tenant.is_holiday(city, day);
    let away = city != person.city;
    let office_share = match (away, tenant.offices.contains(&city)) {
        (false, _) => u32::from(person.office_share),
        (true, true) => 700,
        (true, false) => 0,
    };
    let today = Today {
        tenant,
        number,
        person,
        day,
        midnight: day * DAY - CITIES[usize::from(city)].offset_minutes * MINUTE,
        city,
        away,
        at_office: weekday && dice.chance(office_share),
        working: weekday && dice.chance(940) || person.weekends && dice.chance(600),
    };
    match person.kind {
        PersonKind::BreakGlass | PersonKind::Phantom => {}
        PersonKind::Service => today.service_account(&mut dice, out),
        _ if !active => {}
        PersonKind::Guest if today.working && dice.chance(350) => today.guest(&mut dice, out),
        PersonKind::Guest => {}
        PersonKind::Member => today.member(&mut dice, out),
    }
}

/// The session of a person's device on a day, and whether it begins on that day.
pub(crate) fn session(tenant: &Tenant, number: u32, device: u8, day: i64) -> (u64, bool) {
    let person = &tenant.people[number as usize];
    let days = i64::from(person.session_days) * if device == 1 { 3 } else { 1 };
    let shifted = day + i64::from(number % 97);
    let epoch = shifted.div_euclid(days) as u64;
    let key = u64::from(number) << 8 | u64::from(device);
    let session = Dice::new(tenant.seed, Topic::Session, key, epoch).bits() | 1;
    (session, shifted.rem_euclid(days) == 0)
}

impl Tunnel {
    /// Where something at `at` comes from that otherwise comes from `usual`.
    fn origin(&self, at: i64, usual: Origin) -> Origin {
        if (self.from..self.to).contains(&at) { self.exit } else { usual }
    }
}

impl Today<'_> {
    fn member(&self, dice: &mut Dice, out: &mut Vec<Planned>) {
        if self.working {
            self.computer(dice, 0, out);
        } else if self.person.devices.len() > 2 && dice.chance(200) {
            self.computer(dice, 2, out);
        }
        if self.person.devices.len() > 1 && self.person.devices[1].platform.is_phone() {
            self.phone(dice, out);
        }
    }

    /// Where the person's computer is today.
    fn desk(&self, dice: &mut Dice) -> Origin {
        let host = self.number;
        match (self.at_office, self.away) {
            (true, _) => Origin { kind: NetworkKind::Office, city: self.city, host },
            (false, false) => self.person.home,
            (false, true) => {
                Origin { kind: NetworkKind::Hotel, city: self.city, host: dice.below(250) }
            }
        }
    }

    /// When a VPN carries what a device sends that is on for `length` from `start`, if at all.
    fn tunnel(&self, dice: &mut Dice, start: i64, length: i64) -> Option<Tunnel> {
        let exit = self.tenant.roaming.exit(dice, self.number, self.city)?;
        if self.at_office || !dice.chance(400) {
            return None;
        }
        let from = start + dice.between(6 * MINUTE, length * 3 / 4);
        Some(Tunnel { from, to: from + dice.between(15, 150) * MINUTE, exit })
    }

    /// What happens around a tunnel: tokens are renewed from the desk shortly before and after it,
    /// and inside, as programs notice that the network has changed.
    fn through(
        &self,
        dice: &mut Dice,
        tunnel: Tunnel,
        attempt: Attempt,
        holder: Holder,
        out: &mut Vec<Planned>,
    ) {
        let desk = holder.origin;
        let before = tunnel.from - dice.between(MINUTE, 5 * MINUTE);
        let within = tunnel.from + dice.between(10 * SECOND, 3 * MINUTE);
        let after = tunnel.to + dice.between(20 * SECOND, 5 * MINUTE);
        for (at, origin) in [(before, desk), (within, tunnel.exit), (after, desk)] {
            let count = 1 + dice.below(2);
            let holder = Holder { origin, ..holder };
            background::renew(self.tenant, dice, holder, at, count, out);
            if dice.chance(350) {
                let at = at + dice.between(30 * SECOND, 50 * SECOND);
                let attempt = Attempt { at, origin, fresh: false, ..attempt };
                self.visit(dice, attempt, holder, out);
            }
        }
    }

    fn computer(&self, dice: &mut Dice, device: u8, out: &mut Vec<Planned>) {
        let start = self.midnight
            + (i64::from(self.person.start) + dice.between(-25, 25)) * MINUTE
            + dice.between(0, MINUTE);
        let length = (i64::from(self.person.length) + dice.between(-40, 50)).max(60) * MINUTE;
        let length = if device == 0 { length } else { length / 4 };
        let origin = self.desk(dice);
        let (session, begins) = session(self.tenant, self.number, device, self.day);
        let suspicion =
            if self.away && dice.chance(60) { Suspicion::Unfamiliar } else { Suspicion::None };
        let attempt = Attempt {
            person: self.number,
            machine: Machine::Own(device),
            app: app::WINDOWS,
            origin,
            session,
            at: start,
            fresh: false,
            suspicion,
        };
        if device == 0 && self.person.unlocks_windows() && dice.chance(700) {
            let correlation = dice.bits();
            out.push(attempt.record(
                self.tenant,
                dice,
                correlation,
                Outcome::Success,
                Steps::Hello,
            ));
        }
        let holder = Holder { person: self.number, device, origin, session };
        let tunnel = self.tunnel(dice, start, length);
        let from = |at: i64| tunnel.map_or(origin, |tunnel| tunnel.origin(at, origin));
        if let Some(tunnel) = tunnel {
            self.through(dice, tunnel, attempt, holder, out);
        }
        let mut visits = dice.below(3) + u32::from(begins);
        let mut fresh = begins || device > 0;
        while visits > 0 {
            let at = if fresh {
                start + dice.between(MINUTE, 10 * MINUTE)
            } else {
                start + dice.between(10 * MINUTE, length)
            };
            let origin = from(at);
            let holder = Holder { origin, ..holder };
            self.visit(dice, Attempt { at, fresh, origin, ..attempt }, holder, out);
            fresh = false;
            visits -= 1;
        }
        let mut at = start + dice.between(30 * SECOND, 5 * MINUTE);
        while at < start + length {
            let count = dice.between(2, 4) as u32;
            let holder = Holder { origin: from(at), ..holder };
            background::renew(self.tenant, dice, holder, at, count, out);
            at += dice.between(55 * MINUTE, 78 * MINUTE);
        }
    }

    /// An interactive sign-in in the browser and the tokens it leads to.
    fn visit(&self, dice: &mut Dice, attempt: Attempt, holder: Holder, out: &mut Vec<Planned>) {
        let apps = &self.person.web_apps;
        // The smaller of two draws: favourites come first.
        let at = dice.below(apps.len() as u32).min(dice.below(apps.len() as u32));
        let attempt = Attempt { app: apps[at as usize], ..attempt };
        let before = out.len();
        let done = flow::sign_in(self.tenant, dice, attempt, out);
        if out.len() > before && done.is_none() && dice.chance(80) {
            for record in &mut out[before..] {
                record.flags |= flag::FLAGGED;
            }
        }
        if let Some((at, _)) = done {
            let count = dice.below(3);
            let soon = at + dice.between(SECOND, 8 * SECOND);
            background::renew(self.tenant, dice, holder, soon, count, out);
        }
    }

    fn phone(&self, dice: &mut Dice, out: &mut Vec<Planned>) {
        let (session, begins) = session(self.tenant, self.number, 1, self.day);
        let mobile = Origin { kind: NetworkKind::Mobile, city: self.city, host: self.number };
        let around = if self.away { mobile } else { self.person.home };
        let mut at = self.midnight + 6 * HOUR + dice.between(20, 110) * MINUTE;
        let end = self.midnight + 21 * HOUR + dice.between(0, 110) * MINUTE;
        let attempt = Attempt {
            person: self.number,
            machine: Machine::Own(1),
            app: app::OUTLOOK_MOBILE,
            origin: around,
            session,
            at,
            fresh: true,
            suspicion: Suspicion::None,
        };
        if begins {
            let gateway = self.gateway(dice, 300).unwrap_or(around);
            flow::sign_in(self.tenant, dice, Attempt { origin: gateway, ..attempt }, out);
            at += dice.between(3 * MINUTE, 12 * MINUTE);
        }
        let evening = self.midnight + 18 * HOUR;
        let tunnel = self.tunnel(dice, evening, 3 * HOUR);
        let pause = if self.working { 75 } else { 150 };
        while at < end {
            let hour = (at - self.midnight) / HOUR;
            let origin = match dice.below(10) {
                0..4 => mobile,
                _ if self.at_office && (9..17).contains(&hour) => self.desk(dice),
                _ => around,
            };
            let holder = Holder { person: self.number, device: 1, origin, session };
            let count = dice.between(1, 2) as u32;
            let far = if origin == mobile { self.gateway(dice, 500) } else { None };
            let carried = tunnel.map_or(origin, |tunnel| tunnel.origin(at, origin));
            let seen = Holder { origin: far.unwrap_or(carried), ..holder };
            background::renew(self.tenant, dice, seen, at, count, out);
            if far.is_some() && dice.chance(500) {
                // Back in reach of a Wi-Fi.
                let origin = if self.at_office { self.desk(dice) } else { around };
                let soon = at + dice.between(2 * MINUTE, 12 * MINUTE);
                let holder = Holder { origin, ..holder };
                background::renew(self.tenant, dice, holder, soon, count, out);
            }
            at += dice.between(pause, 2 * pause) * MINUTE;
        }
    }

    /// So often (in thousandths), the carrier's far gateway, while the person is at home.
    fn gateway(&self, dice: &mut Dice, per_mille: u32) -> Option<Origin> {
        let gateway = self.tenant.roaming.gateway(dice, self.number).filter(|_| !self.away)?;
        dice.chance(per_mille).then_some(gateway)
    }

    fn guest(&self, dice: &mut Dice, out: &mut Vec<Planned>) {
        let (session, _) = session(self.tenant, self.number, 0, self.day);
        let at = self.midnight + (i64::from(self.person.start) + dice.between(0, 240)) * MINUTE;
        let origin = self.person.home;
        let attempt = Attempt {
            person: self.number,
            machine: Machine::Own(0),
            app: app::OFFICE_HOME,
            origin,
            session,
            at: at + dice.between(0, MINUTE),
            fresh: dice.chance(400),
            suspicion: Suspicion::None,
        };
        let holder = Holder { person: self.number, device: 0, origin, session };
        self.visit(dice, attempt, holder, out);
        for hour in 1..=dice.between(1, 4) {
            let at = at + hour * HOUR + dice.between(0, 5 * MINUTE);
            let count = dice.below(3) + 2;
            background::renew(self.tenant, dice, holder, at, count, out);
        }
    }

    /// A script or a machine that sends its password, the same way all day.
    fn service_account(&self, dice: &mut Dice, out: &mut Vec<Planned>) {
        let app = self.person.web_apps[0];
        let mail = app == app::MAIL;
        let period = if mail { 90 } else { 240 };
        let mut at = self.midnight + i64::from(self.person.start) * MINUTE;
        while at < self.midnight + DAY {
            let attempt = Attempt {
                person: self.number,
                machine: if mail { Machine::Mail } else { Machine::Script },
                app,
                origin: self.person.home,
                session: 0,
                at: at + dice.between(0, 2 * MINUTE),
                fresh: true,
                suspicion: Suspicion::None,
            };
            let wrong = dice.chance(3);
            let (outcome, steps) = if wrong {
                (Outcome::WrongPassword, Steps::Wrong)
            } else {
                (Outcome::Success, Steps::Password)
            };
            let correlation = dice.bits();
            let mut record = attempt.record(self.tenant, dice, correlation, outcome, steps);
            // Programs that send passwords are listed among the interactive sign-ins.
            record.flags |= if mail { 0 } else { flag::ROPC };
            out.push(record);
            at += period * MINUTE + dice.between(0, 30 * SECOND);
        }
    }
}
