//! What is watched for: `[detections]`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use durward_detect::rules::Placeholders;
use durward_detect::{Choice, Lists, Names, Networks, Settings};
use serde::{Deserialize, Serialize};

/// Which detections run, with which lists and numbers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Detections {
    /// Is the log watched at all?
    pub(crate) watch: bool,
    lists: ListEntries,
    /// Values of the placeholders that Sigma rules name, by their names without the signs of
    /// percent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    placeholders: BTreeMap<String, Vec<String>>,
    /// By the detection's identifier.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_id: BTreeMap<String, Decision>,
}

/// Entries of each list; `file:/path` stands for a file with one a line.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct ListEntries {
    trusted_networks: Vec<String>,
    shared_networks: Vec<String>,
    anonymous_networks: Vec<String>,
    malicious_networks: Vec<String>,
    hosting_networks: Vec<String>,
    countries: Vec<String>,
    break_glass: Vec<String>,
    privileged: Vec<String>,
    service_accounts: Vec<String>,
}

/// What is decided about one detection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Decision {
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<bool>,
    /// Its parameters.
    #[serde(flatten)]
    values: BTreeMap<String, f64>,
}

impl Default for Detections {
    fn default() -> Detections {
        Detections {
            watch: true,
            lists: ListEntries::default(),
            placeholders: BTreeMap::new(),
            by_id: BTreeMap::new(),
        }
    }
}

impl Detections {
    /// The values of the placeholders of Sigma rules.
    pub(crate) fn placeholders(&self) -> Placeholders {
        Placeholders::new(self.placeholders.clone())
    }

    /// What the detections are told. Reads the files that lists name.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let entries = &self.lists;
        let networks = |name: &str, list: &[String]| {
            Networks::parse(list).with_context(|| format!("detections.lists.{name}"))
        };
        let names = |name: &str, list: &[String]| {
            Names::parse(list).with_context(|| format!("detections.lists.{name}"))
        };
        let mut settings = Settings::new(Lists {
            trusted_networks: networks("trusted_networks", &entries.trusted_networks)?,
            shared_networks: networks("shared_networks", &entries.shared_networks)?,
            anonymous_networks: networks("anonymous_networks", &entries.anonymous_networks)?,
            malicious_networks: networks("malicious_networks", &entries.malicious_networks)?,
            hosting_networks: networks("hosting_networks", &entries.hosting_networks)?,
            countries: names("countries", &entries.countries)?,
            break_glass: names("break_glass", &entries.break_glass)?,
            privileged: names("privileged", &entries.privileged)?,
            service_accounts: names("service_accounts", &entries.service_accounts)?,
        });
        for (id, decision) in &self.by_id {
            let Decision { on, alerts, values } = decision.clone();
            let choice = Choice { is_on: on, alerts, values };
            settings.choose(id, choice).context("detections.by_id")?;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_is_taken_over_and_checked() {
        let text = "watch = true\n[lists]\ncountries = [\"ES\"]\n\
             [by_id.legacy-protocol]\non = false\nfailures = 9\n";
        let detections: Detections = toml::from_str(text).unwrap();
        let settings = detections.settings().unwrap();
        assert_eq!(settings.choice("legacy-protocol").values["failures"], 9.0);
        assert!(settings.lists.countries.contains("es"));
        for wrong in [
            "[by_id.no-such]\non = true\n",
            "[by_id.legacy-protocol]\nno-such = 1\n",
            "[by_id.legacy-protocol]\nfailures = -1\n",
            "[lists]\ntrusted_networks = [\"office\"]\n",
        ] {
            let detections: Detections = toml::from_str(wrong).unwrap();
            assert!(detections.settings().is_err(), "{wrong}");
        }
        assert!(toml::from_str::<Detections>("[lists]\nno_such = []\n").is_err());
    }
}
