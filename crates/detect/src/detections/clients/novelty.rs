//! What of a sign-in its user has never used before today.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::detection::Context;
use crate::finding::Finding;
use crate::profile::{Stop, Trait};
use crate::sighting::Sighting;

/// How long a user must have been watched before "new" says much.
const WATCHED_MICROS: i64 = 7 * DAY_MICROS;

/// What of a sign-in is new for its user. It is kept with what it led to, for afterwards nothing of
/// it is new any more.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Novelty {
    /// The autonomous system (where it is not known, the network of the address), and it is
    /// neither one of the organisation's nor one that people share.
    pub(super) network: bool,
    /// The country, under the same condition.
    pub(super) country: bool,
    /// There is no registered device, or not one that this user has used.
    pub(super) device: bool,
    /// The system and browser.
    pub(super) client: bool,
    /// The network is the organisation's, or shared by its people.
    pub(super) is_shared: bool,
    /// The user has been watched long enough to know.
    pub(super) is_watched: bool,
}

impl Novelty {
    /// Compares with what the user did before.
    pub(super) fn of(sighting: &Sighting<'_>, context: &Context<'_>) -> Novelty {
        let (at, network, device) = (sighting.at_micros, sighting.network, sighting.device);
        let is_shared = is_shared(sighting, context);
        let Some(profile) = context.profiles.user(sighting) else {
            return Novelty {
                network: !is_shared,
                country: !is_shared && network.country != 0,
                device: true,
                client: true,
                is_shared,
                is_watched: false,
            };
        };
        let knows_network = if network.asn == 0 {
            profile.knew(Trait::Prefix, network.prefix, at)
        } else {
            profile.knew(Trait::Asn, u64::from(network.asn), at)
        };
        let knows_country = profile.knew(Trait::Country, network.country, at);
        // Asking for ways out is not cheap, and only says more of what is new.
        let is_shared = is_shared
            || (!(knows_network && knows_country)
                && context.profiles.is_egress(&Stop::of(sighting)));
        Novelty {
            network: !is_shared && !knows_network,
            country: !is_shared && !knows_country,
            device: device.device == 0 || !profile.knew(Trait::Device, device.device, at),
            client: !profile.knew(Trait::Client, device.client, at),
            is_shared,
            is_watched: profile.age_micros(at) >= WATCHED_MICROS,
        }
    }

    /// Neither the network nor the device is one this user has used.
    pub(super) fn is_stranger(self) -> bool {
        self.network && self.device
    }

    /// Adds what of this speaks against a finding.
    pub(super) fn speak(self, mut finding: Finding) -> Finding {
        if self.is_shared {
            finding = finding.against("The address is the organisation's or shared by its people.");
        } else if !self.network {
            finding = finding.against("The user has signed in from this network before.");
        }
        if !self.device {
            finding = finding.against("The user has used this registered device before.");
        }
        if !self.is_watched {
            finding = finding.against("This user has been watched for less than 7 days.");
        }
        finding
    }
}

/// Is the address the organisation's, or one behind which many of its people are?
pub(super) fn is_shared(sighting: &Sighting<'_>, context: &Context<'_>) -> bool {
    let network = sighting.network;
    network.is_trusted
        || network.is_shared
        || context.profiles.address(sighting).is_some_and(|one| one.is_shared(sighting.at_micros))
}

/// The autonomous system as people write it.
pub(super) fn system(asn: u32) -> String {
    if asn == 0 { "not known".to_owned() } else { format!("AS{asn}") }
}
