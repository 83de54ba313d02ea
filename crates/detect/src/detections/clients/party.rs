//! Who holds a session: from where and with what it was used, and whether that is still the same.

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::facts::OsFamily;
use crate::finding::EventRef;
use crate::sighting::Sighting;

/// Mean radius of the earth.
const EARTH_KM: f64 = 6371.0;
/// Nobody travels faster, the way to and from airports included.
const FASTEST_KMH: f64 = 900.0;
/// Places of addresses are not known better than this.
const BLUR_KM: f64 = 300.0;

/// From where and with what a session was used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Party {
    pub(super) event: EventRef,
    address: u64,
    asn: u32,
    country: u64,
    point: Option<(f32, f32)>,
    device: u64,
    user_agent: u64,
    os: u8,
    is_tool: bool,
}

impl Party {
    pub(super) fn of(sighting: &Sighting<'_>) -> Party {
        let (network, device) = (sighting.network, sighting.device);
        let os = if device.os == OsFamily::Unknown { device.user_agent_os } else { device.os };
        Party {
            event: EventRef::of(sighting),
            address: sighting.address,
            asn: network.asn,
            country: network.country,
            point: network.point,
            device: device.device,
            user_agent: device.user_agent,
            os: os as u8,
            is_tool: sighting.is(Class::TOOL),
        }
    }

    /// The same address, device and user agent: the cheap answer for nearly all.
    pub(super) fn is_same(&self, other: &Party) -> bool {
        self.address == other.address
            && self.device == other.device
            && self.user_agent == other.user_agent
    }

    /// Another network operator, or where operators are not known another address.
    pub(super) fn is_other_network(&self, other: &Party) -> bool {
        if self.asn == 0 || other.asn == 0 {
            self.address != other.address && self.address != 0 && other.address != 0
        } else {
            self.asn != other.asn
        }
    }

    pub(super) fn is_other_country(&self, other: &Party) -> bool {
        self.country != 0 && other.country != 0 && self.country != other.country
    }

    /// Both on one registered device with one operating system.
    pub(super) fn is_same_device(&self, other: &Party) -> bool {
        self.device != 0 && self.device == other.device && !self.is_other_system(other)
    }

    /// What `later` has is not what this had: the registered device is gone or another, the
    /// operating system is another, or a script came in.
    pub(super) fn is_other_client(&self, later: &Party) -> bool {
        (self.device != 0 && self.device != later.device)
            || self.is_other_system(later)
            || (later.is_tool && !self.is_tool)
    }

    pub(super) fn has_other_agent(&self, other: &Party) -> bool {
        self.user_agent != other.user_agent
    }

    pub(super) fn is_device_gone(&self, later: &Party) -> bool {
        self.device != 0 && later.device == 0
    }

    pub(super) fn is_other_system(&self, other: &Party) -> bool {
        let unknown = OsFamily::Unknown as u8;
        self.os != unknown && other.os != unknown && self.os != other.os
    }

    pub(super) fn is_tool(&self) -> bool {
        self.is_tool
    }

    /// Kilometres between, where both places are known.
    pub(super) fn km(&self, other: &Party) -> Option<f64> {
        let radians = |(north, east): (f32, f32)| {
            (f64::from(north).to_radians(), f64::from(east).to_radians())
        };
        let ((south, west), (north, east)) = (radians(self.point?), radians(other.point?));
        let half_height = ((north - south) / 2.0).sin();
        let half_width = ((east - west) / 2.0).sin();
        let chord = half_height.powi(2) + south.cos() * north.cos() * half_width.powi(2);
        Some(2.0 * EARTH_KM * chord.sqrt().min(1.0).asin())
    }

    /// Nobody could have gone from here to there in that time.
    pub(super) fn is_too_fast(&self, later: &Party) -> bool {
        let Some(km) = self.km(later) else { return false };
        let hours = (later.event.at_micros - self.event.at_micros) as f64 / 3_600_000_000.0;
        km > BLUR_KM && km - BLUR_KM > FASTEST_KMH * hours
    }

    /// Everything that changed, in words.
    pub(super) fn changes(&self, later: &Party) -> String {
        let changed = [
            ("address", self.address != later.address),
            ("autonomous system", self.asn != later.asn),
            ("country", self.is_other_country(later)),
            ("registered device", self.device != later.device),
            ("operating system", self.is_other_system(later)),
            ("user agent", self.has_other_agent(later)),
        ];
        let names: Vec<&str> =
            changed.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The time between, in words.
    pub(super) fn pause(&self, later: &Party) -> String {
        duration(later.event.at_micros - self.event.at_micros)
    }

    /// It stays on its device although a sign-in from there did not name it.
    pub(super) fn keep_device(&mut self, earlier: &Party) {
        if self.device == 0 {
            self.device = earlier.device;
        }
    }
}

/// A length of time as people say it.
pub(super) fn duration(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
