//! What the administrator decides: which detections run, with which numbers and lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use xxhash_rust::xxh3::xxh3_64;

use crate::alerts::Routes;
use crate::detection::{About, Unit};
use crate::detections;
use crate::finding::Level;
use crate::lists::Lists;

/// A setting that cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    /// There is no such detection.
    #[error("there is no detection {0:?}")]
    Detection(String),
    /// The detection has no such parameter.
    #[error("{detection:?} has no parameter {name:?}; it has {known}")]
    Parameter {
        /// The detection.
        detection: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The value is outside of what makes sense.
    #[error("{detection:?}: {name} = {value} is not between {least} and {most}")]
    Range {
        /// The detection.
        detection: String,
        /// The parameter.
        name: String,
        /// The value.
        value: String,
        /// The least value.
        least: String,
        /// The largest value.
        most: String,
    },
}

/// What is decided about one detection.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choice {
    /// On or off; as the detection says where nothing is decided.
    pub is_on: Option<bool>,
    /// Whether its findings make alerts; as the detection says where nothing is decided.
    pub alerts: Option<bool>,
    /// Parameters that differ from their defaults.
    pub values: BTreeMap<String, f64>,
}

/// What the administrator decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    choices: BTreeMap<String, Choice>,
    /// Networks, countries and accounts that matter.
    pub lists: Arc<Lists>,
    /// Who is told of alerts. Not part of the fingerprint: what is found does not depend on it.
    pub routes: Arc<Routes>,
}

impl Settings {
    /// With these lists, everything else as it is.
    pub fn new(lists: Lists) -> Settings {
        Settings { lists: Arc::new(lists), ..Settings::default() }
    }

    /// Decides about a detection.
    pub fn choose(&mut self, detection: &str, choice: Choice) -> Result<(), SettingError> {
        let about = detections::about(detection)
            .ok_or_else(|| SettingError::Detection(detection.to_owned()))?;
        for (name, value) in &choice.values {
            check(about, name, *value)?;
        }
        self.choices.insert(detection.to_owned(), choice);
        Ok(())
    }

    /// What was decided about a detection.
    pub fn choice(&self, detection: &str) -> Choice {
        self.choices.get(detection).cloned().unwrap_or_default()
    }

    /// Is the detection on?
    pub fn is_on(&self, about: &About) -> bool {
        self.choices.get(about.id).and_then(|choice| choice.is_on).unwrap_or(about.is_on)
    }

    /// Do its findings make alerts?
    pub fn alerts(&self, about: &About) -> bool {
        self.choices.get(about.id).and_then(|choice| choice.alerts).unwrap_or(about.alerts)
    }

    /// The numbers of a detection.
    pub fn values(&self, about: &'static About) -> Values<'_> {
        Values { about, chosen: self.choices.get(about.id).map(|choice| &choice.values) }
    }

    /// Differs when the same history may give other findings.
    pub fn fingerprint(&self) -> u64 {
        let mut text = format!("{:?} {:?} {}", self.choices, self.lists, env!("CARGO_PKG_VERSION"));
        for about in detections::all() {
            text.push_str(about.id);
            for parameter in about.parameters {
                text.push_str(&format!(" {}={}", parameter.name, parameter.default));
            }
        }
        xxh3_64(text.as_bytes())
    }
}

fn check(about: &About, name: &str, value: f64) -> Result<(), SettingError> {
    let Some(parameter) = about.parameters.iter().find(|one| one.name == name) else {
        let known: Vec<&str> = about.parameters.iter().map(|one| one.name).collect();
        return Err(SettingError::Parameter {
            detection: about.id.to_owned(),
            name: name.to_owned(),
            known: known.join(", "),
        });
    };
    let (least, most) = parameter.range;
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingError::Range {
        detection: about.id.to_owned(),
        name: name.to_owned(),
        value: value.to_string(),
        least: least.to_string(),
        most: most.to_string(),
    })
}

/// The numbers of one detection.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    about: &'static About,
    chosen: Option<&'a BTreeMap<String, f64>>,
}

impl Values<'_> {
    /// A number as it is.
    ///
    /// # Panics
    /// If the detection does not say that it has this parameter.
    pub fn number(&self, name: &str) -> f64 {
        let parameter = self.about.parameters.iter().find(|one| one.name == name);
        let Some(parameter) = parameter else {
            panic!("{} says nothing of a parameter {name}", self.about.id)
        };
        self.chosen.and_then(|chosen| chosen.get(name)).copied().unwrap_or(parameter.default)
    }

    /// A count.
    pub fn count(&self, name: &str) -> usize {
        self.number(name).max(0.0) as usize
    }

    /// A length of time, µs, from minutes, hours or days as the parameter says.
    pub fn micros(&self, name: &str) -> i64 {
        let parameter = self.about.parameters.iter().find(|one| one.name == name);
        let unit = match parameter.map(|one| one.unit) {
            Some(Unit::Hours) => HOUR_MICROS,
            Some(Unit::Days) => DAY_MICROS,
            _ => 60 * SECOND_MICROS,
        };
        (self.number(name) * unit as f64) as i64
    }

    /// The level that the detection usually has.
    pub fn level(&self) -> Level {
        self.about.level
    }
}
