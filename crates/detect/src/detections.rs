//! All detections, one module each.

use crate::detection::{About, Detection, Make};
use crate::settings::Settings;

pub mod accounts;
pub mod clients;
pub mod passwords;
pub mod places;

/// What there is, in the order of the documentation.
fn every() -> impl Iterator<Item = &'static (&'static About, Make)> {
    [passwords::ALL, places::ALL, clients::ALL, accounts::ALL].into_iter().flatten()
}

/// The groups of the documentation, and what is in each.
pub fn groups() -> [(&'static str, Vec<&'static About>); 4] {
    [
        ("Passwords", passwords::ALL),
        ("Places and networks", places::ALL),
        ("Clients, tokens and factors", clients::ALL),
        ("Accounts and workloads", accounts::ALL),
    ]
    .map(|(title, all)| (title, all.iter().map(|(about, _)| *about).collect()))
}

/// What every detection says about itself.
pub fn all() -> impl Iterator<Item = &'static About> {
    every().map(|(about, _)| *about)
}

/// What the detection of that identifier says about itself.
pub fn about(id: &str) -> Option<&'static About> {
    all().find(|about| about.id == id)
}

/// One detection, on or not.
pub fn make_one(id: &str, settings: &Settings) -> Option<Box<dyn Detection>> {
    let (about, make) = every().find(|(about, _)| about.id == id)?;
    Some(make(&settings.values(about)))
}

/// Those that are on.
pub(crate) fn make(settings: &Settings) -> Vec<Box<dyn Detection>> {
    let on = every().filter(|(about, _)| settings.is_on(about));
    on.map(|(about, make)| make(&settings.values(about))).collect()
}
