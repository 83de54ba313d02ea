//! What administrators chose in the pages, over the configuration.

use std::collections::BTreeMap;

use super::{Book, BookError, Module, Result};
use crate::settings::{Choice, Settings};

pub(super) const SCHEMA: Module = Module { name: "choices", steps: &[FIRST] };

// Every change is a row; the newest of a detection holds. `body` is NULL where the configuration
// is to hold again.
const FIRST: &str = "
CREATE TABLE choice (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    detection TEXT NOT NULL,
    body TEXT,
    by TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX choice_detection ON choice (detection, number);
";

/// A change of what a detection does.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceChange {
    /// What it was changed to; `None` for back to the configuration.
    pub choice: Option<Choice>,
    /// Who did it.
    pub by: String,
    /// When, µs since 1970.
    pub at_micros: i64,
}

impl Book {
    /// Changes what a detection does; `None` for back to the configuration.
    pub fn choose(
        &self,
        detection: &str,
        choice: Option<&Choice>,
        by: &str,
        now_micros: i64,
    ) -> Result<()> {
        let mut check = Settings::default();
        let refused = |error: crate::SettingError| BookError::Invalid(error.to_string());
        check.choose(detection, choice.cloned().unwrap_or_default()).map_err(refused)?;
        let body = choice.map(serde_json::to_string).transpose()?;
        self.write(|db| {
            let statement = "INSERT INTO choice (detection, body, by, at) VALUES (?1, ?2, ?3, ?4)";
            db.execute(statement, (detection, body, by, now_micros))?;
            Ok(())
        })
    }

    /// What was chosen and holds, by detection.
    pub fn choices(&self) -> Result<BTreeMap<String, Choice>> {
        self.read(|db| {
            let statement = "SELECT detection, body FROM choice WHERE number IN \
                 (SELECT max(number) FROM choice GROUP BY detection) AND body IS NOT NULL";
            let mut statement = db.prepare_cached(statement)?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
            let parsed = rows.map(|row| {
                let (detection, body): (String, String) = row?;
                Ok((detection, serde_json::from_str(&body)?))
            });
            parsed.collect()
        })
    }

    /// All changes of a detection, newest first; at most a hundred.
    pub fn choice_history(&self, detection: &str) -> Result<Vec<ChoiceChange>> {
        self.read(|db| {
            let statement = "SELECT body, by, at FROM choice WHERE detection = ?1 \
                 ORDER BY number DESC LIMIT 100";
            let mut statement = db.prepare_cached(statement)?;
            let rows = statement.query_map([detection], |row| {
                Ok((
                    row.get::<_, Option<String>>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            })?;
            let parsed = rows.map(|row| {
                let (body, by, at_micros) = row?;
                let choice = body.map(|body| serde_json::from_str::<Choice>(&body)).transpose()?;
                Ok(ChoiceChange { choice, by, at_micros })
            });
            parsed.collect()
        })
    }

    /// The configuration with what was chosen over it.
    pub fn settings(&self, configured: &Settings) -> Result<Settings> {
        let mut settings = configured.clone();
        for (detection, choice) in self.choices()? {
            // What was chosen for a detection or parameter that is gone does not matter any more.
            if settings.choose(&detection, choice).is_err() {
                tracing::warn!(detection, "what was chosen for this detection is not possible");
            }
        }
        Ok(settings)
    }
}
