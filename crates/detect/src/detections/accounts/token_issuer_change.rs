//! Tokens by an issuer that the tenant never had.

use durward_model::FieldId;
use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_of;
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "token-issuer-change",
    title: "New token issuer",
    summary: "A sign-in was vouched for by an issuer that no sign-in of the tenant had before. \
              Whoever adds a federation, or steals the key of one, signs in as anybody.",
    risk_event_type: "tokenIssuerAnomaly",
    techniques: &["T1606.002", "T1484.002"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &["tokenIssuerName", "tokenIssuerType"],
    learning: "`learning` days of the tenant",
    method: &[
        "The token issuers of people's successes are remembered per tenant, by name, or by type \
         where there is no name.",
        "One that is new after `learning` days is found, once.",
        "A federation service is medium. Microsoft's own issuers, the one that steps in during \
         outages included, are low.",
    ],
    against: &[
        "A new federation server, or one that was renamed.",
        "An acquired company's domain.",
    ],
    tuning: "Nothing to tune: an issuer is new only once.",
    response: &[
        "Ask whether a federation was added, and look for changed domain federation settings in \
         the directory's audit log.",
        "If nobody did: treat it as forged tokens, remove the federation, and revoke sessions of \
         everybody who signed in through it.",
    ],
    parameters: &[Parameter {
        name: "learning",
        meaning: "A tenant watched for so many days has shown its issuers",
        default: 14.0,
        unit: Unit::Days,
        range: (1.0, 90.0),
    }],
    is_on: true,
    alerts: true,
};

/// Tenants watched at a time.
const TENANTS_MAX: usize = 10_000;
/// Issuers remembered of a tenant.
const ISSUERS_MAX: usize = 64;

/// Issuers of a tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Issuers {
    first_micros: i64,
    touched_micros: i64,
    known: Vec<u64>,
}

impl Touched for Issuers {
    fn touched_micros(&self) -> i64 {
        self.touched_micros
    }
}

#[derive(Debug)]
struct TokenIssuerChange {
    learning_micros: i64,
    /// Microsoft's own: the usual one and the one that steps in.
    own: [u64; 2],
    tenants: Keyed<Issuers>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(TokenIssuerChange {
        learning_micros: values.micros("learning"),
        own: ["AzureAD", "AzureADBackupAuth"].map(key_of),
        tenants: Keyed::new(TENANTS_MAX),
    })
}

impl Detection for TokenIssuerChange {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, issuer) = (sighting.at_micros, sighting.token.issuer);
        if issuer == 0 || !sighting.is(Class::USER) {
            return;
        }
        // Nearly always nothing is new; once a day is enough to say that the tenant is alive.
        let known = self.tenants.get(sighting.tenant).filter(|one| one.known.contains(&issuer));
        if known.is_some_and(|one| at - one.touched_micros < DAY_MICROS) {
            return;
        }
        let issuers = self.tenants.entry(sighting.tenant);
        issuers.touched_micros = at;
        if issuers.known.contains(&issuer) {
            return;
        }
        if issuers.known.is_empty() {
            issuers.first_micros = at;
        }
        let is_learning = at - issuers.first_micros < self.learning_micros;
        let others = issuers.known.len();
        if others >= ISSUERS_MAX {
            issuers.known.remove(0);
        }
        issuers.known.push(issuer);
        if is_learning {
            return;
        }
        let is_own = self.own.contains(&issuer);
        let level = if is_own { Level::Low } else { Level::Medium };
        let watched = (at - issuers.first_micros) / DAY_MICROS;
        let name = sighting.text(FieldId::TokenIssuerName);
        let kind = sighting.text(FieldId::TokenIssuerType);
        let shown = if name.is_empty() { &kind } else { &name };
        let sentence = format!(
            "{} signed in from {} with a token of the issuer {shown}, which the tenant never had \
             before.",
            sighting.user_name(),
            sighting.place(),
        );
        let subject = Subject::tenant(sighting);
        let occurrence = issuer.to_le_bytes();
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Issuer", shown.to_string())
            .fact("Type", kind.to_string())
            .fact("Issuers so far", format!("{others} in {watched} d"));
        if is_own {
            finding = finding.against("It is an issuer of Microsoft's own.");
        }
        context.found(finding);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.tenants
    }
}
