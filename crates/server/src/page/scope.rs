//! What every page about many sign-ins is asked with: a range of time, a zone to write times in,
//! and a tenant. It is part of every address, so that a way through pages keeps it.

use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use durward_model::{FieldId, Timestamp};
use durward_query::{Filter, Op, Value};

use crate::error::ApiError;
use crate::params::{self, Params, query_string};

const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;

/// Ranges to choose from: in addresses, in words, how long (`None`: all of time).
pub(super) const RANGES: [(&str, &str, Option<i64>); 9] = [
    ("15m", "Last 15 minutes", Some(15 * MINUTE_MICROS)),
    ("1h", "Last hour", Some(HOUR_MICROS)),
    ("4h", "Last 4 hours", Some(4 * HOUR_MICROS)),
    ("24h", "Last 24 hours", Some(DAY_MICROS)),
    ("7d", "Last 7 days", Some(7 * DAY_MICROS)),
    ("30d", "Last 30 days", Some(30 * DAY_MICROS)),
    ("90d", "Last 90 days", Some(90 * DAY_MICROS)),
    ("1y", "Last year", Some(365 * DAY_MICROS)),
    ("all", "All time", None),
];

/// In which zone times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Zone {
    /// As stored.
    #[default]
    Utc,
    /// The viewer's; their browser knows it.
    Local,
}

/// Range, zone and tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// As in the address: `24h`, `all`, or two instants with `..` between them.
    pub(super) range: String,
    pub(super) zone: Zone,
    /// Only this tenant's.
    pub(super) tenant: Option<String>,
}

/// Names of the parameters that [`Scope::parse`] reads.
pub(super) const PARAMS: [&str; 3] = ["t", "tz", "tenant"];

impl Default for Scope {
    fn default() -> Self {
        Scope { range: "24h".to_owned(), zone: Zone::Utc, tenant: None }
    }
}

impl Scope {
    /// Reads a scope; `range` where the address names none.
    pub(super) fn parse(params: &Params, range: &str) -> Result<Scope, ApiError> {
        let zone = match params.get("tz").unwrap_or("utc") {
            "utc" => Zone::Utc,
            "local" => Zone::Local,
            _ => return Err(ApiError::bad_request("'tz' must be utc or local").parameter("tz")),
        };
        let scope = Scope {
            range: params.get("t").unwrap_or(range).to_owned(),
            zone,
            tenant: params.get("tenant").map(str::to_owned),
        };
        scope.span(Timestamp::now())?;
        Ok(scope)
    }

    /// From (included) and to (not included); `None` where the range has no such end. A range
    /// that counts back from now has no end, so that clocks that run ahead hide nothing.
    pub(super) fn span(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
        let back = |length: i64| Timestamp::from_micros(now.micros.saturating_sub(length));
        if let Some((_, _, length)) = RANGES.iter().find(|(name, ..)| *name == self.range) {
            return Ok((length.map(back), None));
        }
        let read = |text: &str| params::instant(text, now);
        if let Some((from, to)) = self.range.split_once("..")
            && let (Some(from), Some(to)) = (read(from), read(to))
            && from <= to
        {
            return Ok((Some(from), Some(to)));
        }
        if let Some(length) = params::duration(&self.range) {
            return Ok((Some(back(length)), None));
        }
        let message = "'t' must be 15m, 1h, 24h, 7d, 30d, all or the like, or two times with .. \
                       between them";
        Err(ApiError::bad_request(message).parameter("t"))
    }

    /// The range with both ends, µs: where it has none, those of what there is (`bounds`).
    pub(super) fn ends(&self, now: Timestamp, bounds: Option<(i64, i64)>) -> (i64, i64) {
        let (from, to) = self.span(now).unwrap_or_default();
        let (oldest, newest) = bounds.unwrap_or((now.micros - DAY_MICROS, now.micros));
        let to = to.map_or(now.micros.max(newest) + 1, |to| to.micros);
        let from = from.map_or(oldest, |from| from.micros);
        (from.min(to - 1), to)
    }

    /// What events of range and tenant fulfil.
    pub(super) fn filter(&self, now: Timestamp) -> Filter {
        let (from, to) = self.span(now).unwrap_or_default();
        let created = |op| Filter::field(FieldId::CreatedDateTime, op);
        let mut filter = self.tenant_filter();
        if let Some(from) = from {
            filter = filter.and(created(Op::Ge(Value::Time(from))));
        }
        if let Some(to) = to {
            filter = filter.and(created(Op::Lt(Value::Time(to))));
        }
        filter
    }

    /// What events of the tenant fulfil, whenever.
    pub(super) fn tenant_filter(&self) -> Filter {
        self.tenant.as_ref().map_or(Filter::All, |tenant| {
            Filter::field(FieldId::TenantId, Op::Eq(Value::Text(tenant.clone())))
        })
    }

    /// The scope as parameters of an address; what is as it would be without is left out.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("t", self.range.clone())];
        if self.zone == Zone::Local {
            pairs.push(("tz", "local".to_owned()));
        }
        if let Some(tenant) = &self.tenant {
            pairs.push(("tenant", tenant.clone()));
        }
        pairs
    }

    /// The address of a path in this scope, with more parameters.
    pub(super) fn href(&self, path: &str, more: &[(&str, &str)]) -> String {
        let own = self.pairs();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        format!("{path}?{}", query_string(own.chain(more.iter().copied())))
    }

    /// The same with another range.
    pub(super) fn at(&self, range: impl Into<String>) -> Scope {
        Scope { range: range.into(), ..self.clone() }
    }

    /// The range in words.
    pub(super) fn label(&self) -> String {
        match RANGES.iter().find(|(name, ..)| *name == self.range) {
            Some((_, label, _)) => (*label).to_owned(),
            None => self.range.replace("..", " – ").replace('T', " "),
        }
    }

    /// As long a span as this one, just before (`steps` -1) or after it (1).
    pub(super) fn moved(&self, now: Timestamp, steps: i64) -> Option<Scope> {
        let (from, to) = self.span(now).ok()?;
        let (from, to) = (from?.micros, to.unwrap_or(now).micros);
        let step = (to - from).saturating_mul(steps);
        Some(self.between(from.saturating_add(step), to.saturating_add(step)))
    }

    /// Twice as long a span with the same middle.
    pub(super) fn widened(&self, now: Timestamp) -> Option<Scope> {
        let (from, to) = self.span(now).ok()?;
        let (from, to) = (from?.micros, to.unwrap_or(now).micros);
        let half = (to - from) / 2;
        Some(self.between(from.saturating_sub(half), to.saturating_add(half)))
    }

    /// The same for a span, µs.
    pub(super) fn between(&self, from: i64, to: i64) -> Scope {
        let [from, to] = [from, to].map(|micros| Timestamp::from_micros(micros).to_rfc3339());
        self.at(format!("{from}..{to}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(range: &str) -> Scope {
        Scope { range: range.to_owned(), ..Scope::default() }
    }

    #[test]
    fn ranges() {
        let now = Timestamp::from_micros(1_772_000_000_000_000);
        assert_eq!(scope("all").span(now).unwrap(), (None, None));
        assert_eq!(scope("24h").span(now).unwrap().0.unwrap().micros, now.micros - DAY_MICROS);
        assert!(scope("2026-03-01..2026-03-02").span(now).unwrap().1.is_some());
        assert!(scope("2026-03-02..2026-03-01").span(now).is_err());
        assert!(scope("yesterday").span(now).is_err());
        let moved = scope("2026-03-01..2026-03-02").moved(now, -1).unwrap();
        assert_eq!(moved.range, "2026-02-28T00:00:00Z..2026-03-01T00:00:00Z");
        let wide = scope("2026-03-02..2026-03-04").widened(now).unwrap();
        assert_eq!(wide.range, "2026-03-01T00:00:00Z..2026-03-05T00:00:00Z");
    }

    #[test]
    fn addresses_keep_what_differs() {
        let params = Params::parse(Some("t=7d&tz=local&tenant=abc")).unwrap();
        let scope = Scope::parse(&params, "24h").unwrap();
        assert_eq!(scope.href("/map", &[("a", "b")]), "/map?t=7d&tz=local&tenant=abc&a=b");
        assert_eq!(Scope::default().href("/map", &[]), "/map?t=24h");
        let none = Params::parse(None).unwrap();
        assert_eq!(Scope::parse(&none, "30d").unwrap().range, "30d");
    }
}
