//! People, guests and the user accounts that scripts use: who they are, where they live, what
//! they use and how their days go.

use crate::apps::{App, AppKind, ENGINEERING_APPS, app, first_invented};
use crate::devices::Device;
use crate::dice::{Dice, Guid, Topic};
use crate::names;
use crate::networks::{NetworkKind, Origin};
use crate::places::CITIES;
use crate::policies::group;

/// What stands behind a user account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PersonKind {
    Member,
    Guest,
    /// A user account that a script or a machine uses.
    Service,
    /// Kept for emergencies; never seen in the logs.
    BreakGlass,
    /// A name that is tried though no account has it.
    Phantom,
}

/// How many names there are that no account has; the last of all people.
pub(crate) const PHANTOMS: u32 = 240;

/// The second factor a person uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factor {
    AppNotification,
    AppCode,
    Text,
    Fido,
}

/// A user account.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: Guid,
    pub(crate) kind: PersonKind,
    pub(crate) display_name: String,
    pub(crate) principal_name: String,
    /// The tenant the account lives in.
    pub(crate) home_tenant: Guid,
    pub(crate) groups: u8,
    /// Home city, position in the table.
    pub(crate) city: u8,
    /// In thousandths of working days spent at the office; 0 where the city has none.
    pub(crate) office_share: u16,
    /// Usual start of work, minutes after local midnight.
    pub(crate) start: u16,
    /// Usual length of the working day in minutes.
    pub(crate) length: u16,
    /// Works on Saturdays and Sundays too.
    pub(crate) weekends: bool,
    /// Chance of a trip in each four weeks, in thousandths.
    pub(crate) travel: u16,
    pub(crate) home: Origin,
    pub(crate) devices: Vec<Device>,
    pub(crate) factor: Factor,
    /// Browser applications used, most often the first.
    pub(crate) web_apps: Vec<u16>,
    /// Days a device's session lasts before it signs in afresh.
    pub(crate) session_days: u8,
}

impl Person {
    /// Is the first device a computer that the person unlocks with Windows Hello?
    pub(crate) fn unlocks_windows(&self) -> bool {
        self.devices.first().is_some_and(|device| {
            matches!(device.join, crate::devices::Join::Joined | crate::devices::Join::Hybrid)
        })
    }
}

/// What drawing people needs to know of the tenant.
pub(crate) struct Surroundings<'t> {
    pub(crate) seed: u64,
    pub(crate) tenant: Guid,
    pub(crate) domain: &'t str,
    pub(crate) offices: &'t [u8],
    pub(crate) apps: &'t [App],
    pub(crate) usual_cities: &'t [u8],
}

/// All user accounts: `members` people, and guests, service and emergency accounts in proportion.
pub(crate) fn draw_all(around: &Surroundings<'_>, members: u32) -> Vec<Person> {
    let mut taken: hashbrown::HashMap<String, u32> = hashbrown::HashMap::new();
    let mut people = Vec::new();
    for number in 0..members {
        people.push(member(around, number, &mut taken));
    }
    for number in 0..(members / 20).max(2) {
        people.push(guest(around, number, &mut taken));
    }
    for number in 0..(members / 200).clamp(4, 60) {
        people.push(service_account(around, number));
    }
    for number in 0..2 {
        let mut person = service_account(around, 1_000_000 + number);
        person.kind = PersonKind::BreakGlass;
        person.display_name = format!("Emergency access {}", number + 1);
        person.principal_name = format!("emergency{}@{}", number + 1, around.domain);
        person.groups = group::ADMIN | group::BREAK_GLASS;
        people.push(person);
    }
    for number in 0..PHANTOMS {
        people.push(phantom(around, number, &mut taken));
    }
    people
}

fn member(
    around: &Surroundings<'_>,
    number: u32,
    taken: &mut hashbrown::HashMap<String, u32>,
) -> Person {
    let mut dice = Dice::new(around.seed, Topic::Person, 0, u64::from(number));
    let (given, family) = names::draw(&mut dice);
    let engineer = dice.chance(250);
    let admin = dice.chance(25) || number == 0;
    let in_office_city = dice.chance(720);
    let city = *dice.pick(if in_office_city { around.offices } else { around.usual_cities });
    let has_office = around.offices.contains(&city);
    let mut groups = if engineer { group::ENGINEER } else { 0 };
    if admin {
        groups |= group::ADMIN;
    }
    let mut devices = vec![Device::computer(&mut dice, engineer)];
    if dice.chance(850) {
        devices.push(Device::phone(&mut dice));
    }
    if dice.chance(120) {
        devices.push(Device::unmanaged(&mut dice));
    }
    let shift = dice.chance(60);
    Person {
        id: dice.guid(),
        kind: PersonKind::Member,
        display_name: format!("{given} {family}"),
        principal_name: unique(given, family, around.domain, taken),
        home_tenant: around.tenant,
        groups,
        city,
        office_share: if has_office { dice.between(150, 850) as u16 } else { 0 },
        start: if shift { dice.between(780, 960) } else { dice.between(435, 585) } as u16,
        length: dice.between(450, 570) as u16,
        weekends: shift || dice.chance(40),
        travel: *dice.pick(&[0, 0, 20, 60, 250]),
        home: home(&mut dice, city, number),
        devices,
        factor: match dice.below(100) {
            0..68 => Factor::AppNotification,
            68..80 => Factor::AppCode,
            80..92 => Factor::Text,
            _ => Factor::Fido,
        },
        web_apps: favourites(around.apps, &mut dice, engineer, admin),
        session_days: dice.between(4, 14) as u8,
    }
}

fn guest(
    around: &Surroundings<'_>,
    number: u32,
    taken: &mut hashbrown::HashMap<String, u32>,
) -> Person {
    const PARTNERS: &[&str] = &["tallowby.example", "nordhaven.example", "ostermill.example"];
    let mut dice = Dice::new(around.seed, Topic::Person, 1, u64::from(number));
    let (given, family) = names::draw(&mut dice);
    let partner = dice.below(PARTNERS.len() as u32) as usize;
    let city = *dice.pick(around.usual_cities);
    Person {
        id: dice.guid(),
        kind: PersonKind::Guest,
        display_name: format!("{given} {family} ({})", PARTNERS[partner]),
        principal_name: unique(given, family, PARTNERS[partner], taken),
        home_tenant: Dice::new(around.seed, Topic::Tenant, 1, partner as u64).guid(),
        groups: group::GUEST,
        city,
        office_share: 0,
        start: dice.between(480, 660) as u16,
        length: 300,
        weekends: false,
        travel: 0,
        home: home(&mut dice, city, 5_000_000 + number),
        devices: vec![Device::unmanaged(&mut dice)],
        factor: Factor::AppNotification,
        web_apps: vec![app::OFFICE_HOME, 13, 11],
        session_days: 1,
    }
}

fn service_account(around: &Surroundings<'_>, number: u32) -> Person {
    const DUTIES: &[&str] = &["scanner", "reporting", "meeting-room", "invoice-mail", "kiosk"];
    let mut dice = Dice::new(around.seed, Topic::Person, 2, u64::from(number));
    let duty = DUTIES[number as usize % DUTIES.len()];
    // Scanners and the mailbox for invoices still speak old protocols.
    let mail = matches!(duty, "scanner" | "invoice-mail");
    let city = around.offices[number as usize % around.offices.len()];
    Person {
        id: dice.guid(),
        kind: PersonKind::Service,
        display_name: format!("svc {duty} {:02}", number % 100),
        principal_name: format!("svc-{duty}-{:02}@{}", number % 100, around.domain),
        home_tenant: around.tenant,
        groups: group::SERVICE | if mail { group::LEGACY_EXCEPTION } else { 0 },
        city,
        office_share: 1000,
        start: dice.between(0, 59) as u16,
        length: 1440,
        weekends: true,
        travel: 0,
        home: Origin { kind: NetworkKind::Office, city, host: number },
        devices: vec![Device::unmanaged(&mut dice)],
        factor: Factor::AppCode,
        web_apps: vec![if mail { app::MAIL } else { app::CLI }],
        session_days: 1,
    }
}

/// Family name first: as somebody guesses who does not know the company's custom.
fn phantom(
    around: &Surroundings<'_>,
    number: u32,
    taken: &mut hashbrown::HashMap<String, u32>,
) -> Person {
    let mut dice = Dice::new(around.seed, Topic::Person, 3, u64::from(number));
    let (given, family) = names::draw(&mut dice);
    let mut person = service_account(around, 2_000_000 + number);
    person.principal_name = unique(family, given, around.domain, taken);
    person.display_name.clone_from(&person.principal_name);
    (person.kind, person.groups) = (PersonKind::Phantom, 0);
    person
}

fn unique(
    given: &str,
    family: &str,
    domain: &str,
    taken: &mut hashbrown::HashMap<String, u32>,
) -> String {
    let count = taken.entry(names::account(given, family, 0)).or_insert(0);
    let account = names::account(given, family, *count);
    *count += 1;
    format!("{account}@{domain}")
}

fn home(dice: &mut Dice, city: u8, number: u32) -> Origin {
    debug_assert!(usize::from(city) < CITIES.len());
    let kind = if dice.chance(250) { NetworkKind::HomeSix } else { NetworkKind::Home };
    // 40 503 is odd, so different people get different hosts.
    Origin { kind, city, host: number.wrapping_mul(40_503) & 0x3f_ffff }
}

fn favourites(apps: &[App], dice: &mut Dice, engineer: bool, admin: bool) -> Vec<u16> {
    let mut chosen = vec![app::OFFICE_HOME, app::OUTLOOK_WEB];
    if admin || engineer && dice.chance(400) {
        chosen.push(app::AZURE_PORTAL);
    }
    if engineer {
        chosen.push(first_invented() + dice.below(u32::from(ENGINEERING_APPS)) as u16);
        if dice.chance(300) {
            chosen.push(app::CLI);
        }
    }
    let web: Vec<u16> = (0..apps.len() as u16)
        .filter(|&number| apps[usize::from(number)].kind == AppKind::Web)
        .filter(|&number| !engineering_only(number))
        .collect();
    for _ in 0..dice.between(3, 8) {
        let number = *dice.pick(&web);
        if !chosen.contains(&number) && (admin || !apps[usize::from(number)].admin) {
            chosen.push(number);
        }
    }
    chosen
}

fn engineering_only(number: u16) -> bool {
    (first_invented()..first_invented() + ENGINEERING_APPS).contains(&number)
}
