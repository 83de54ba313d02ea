//! What an explorer's address says.

use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use durward_model::{Log, Timestamp};
use durward_query::{Filter, Order, Position, SearchError, cursor, search};

use crate::error::ApiError;
use crate::params::{self, Params, query_string};
use crate::question::Question;

/// Which tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tab(pub(super) Option<Log>);

impl Tab {
    /// The tabs in order; the last has all logs.
    pub(super) const ALL: [Tab; 5] = [
        Tab(Some(Log::InteractiveUser)),
        Tab(Some(Log::NonInteractiveUser)),
        Tab(Some(Log::ServicePrincipal)),
        Tab(Some(Log::ManagedIdentity)),
        Tab(None),
    ];

    /// In addresses.
    pub(super) fn letter(self) -> &'static str {
        match self.0 {
            Some(Log::InteractiveUser) => "i",
            Some(Log::NonInteractiveUser) => "n",
            Some(Log::ServicePrincipal) => "s",
            Some(Log::ManagedIdentity) => "m",
            _ => "all",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self.0 {
            Some(log) => durward_model::columns::text::log_label(log),
            None => "All",
        }
    }

    pub(super) fn logs(self) -> Vec<Log> {
        self.0.map_or(Log::SIGN_INS.to_vec(), |log| vec![log])
    }
}

/// Ranges of time to choose from: in addresses, as a label, how long.
pub(super) const RANGES: [(&str, &str, Option<i64>); 5] = [
    ("1h", "1 hour", Some(HOUR_MICROS)),
    ("24h", "24 hours", Some(DAY_MICROS)),
    ("7d", "7 days", Some(7 * DAY_MICROS)),
    ("30d", "30 days", Some(30 * DAY_MICROS)),
    ("all", "All", None),
];

/// Where in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Newest,
    /// Behind this cursor.
    Older(String),
    /// Before this cursor.
    Newer(String),
}

/// What an explorer's address says.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) tab: Tab,
    pub(super) range: String,
    pub(super) text: String,
    pub(super) local: bool,
    pub(super) place: Place,
}

impl State {
    pub(super) fn parse(params: &Params) -> Result<State, ApiError> {
        let letter = params.get("type").unwrap_or("i");
        let tab = Tab::ALL
            .into_iter()
            .find(|tab| tab.letter() == letter || tab.0.is_some_and(|log| log.name() == letter));
        let tab = tab.ok_or_else(|| {
            ApiError::bad_request("'type' must be i, n, s, m or all").parameter("type")
        })?;
        let place = match (params.get("older"), params.get("newer")) {
            (Some(cursor), _) => Place::Older(cursor.to_owned()),
            (None, Some(cursor)) => Place::Newer(cursor.to_owned()),
            (None, None) => Place::Newest,
        };
        Ok(State {
            tab,
            range: params.get("t").unwrap_or("24h").to_owned(),
            text: params.get("q").unwrap_or_default().to_owned(),
            local: params.get("tz") == Some("local"),
            place,
        })
    }

    /// The range of time: from, to.
    pub(super) fn span(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
        if let Some((_, _, length)) = RANGES.iter().find(|(name, ..)| *name == self.range) {
            let from = length.map(|length| Timestamp::from_micros(now.micros - length));
            return Ok((from, None));
        }
        let read = |text: &str| params::instant(text, now);
        if let Some((from, to)) = self.range.split_once("..")
            && let (Some(from), Some(to)) = (read(from), read(to))
        {
            return Ok((Some(from), Some(to)));
        }
        if let Some(length) = params::duration(&self.range) {
            return Ok((Some(Timestamp::from_micros(now.micros.saturating_sub(length))), None));
        }
        let message = "'t' must be 24h, 7d, 30d, all, or two times with .. between them";
        Err(ApiError::bad_request(message).parameter("t"))
    }

    /// What is asked; `Err` inside for a filter that cannot be read.
    pub(super) fn question(
        &self,
        now: Timestamp,
    ) -> Result<Result<Question, SearchError>, ApiError> {
        let (from, to) = self.span(now)?;
        let hash = cursor::question(&["page", self.tab.letter(), &self.range, &self.text]);
        let (logs, order) = (self.tab.logs(), Order::NewestFirst);
        let question = |filter: Filter| Question { logs, filter, from, to, order, hash };
        Ok(search::parse_search(&self.text, now).map(question))
    }

    /// The cursor of the place, read.
    pub(super) fn position(&self, question: &Question) -> Result<Option<Position>, ApiError> {
        match &self.place {
            Place::Newest => Ok(None),
            Place::Older(cursor) | Place::Newer(cursor) => question.position(Some(cursor)),
        }
    }

    /// The address of this state.
    pub(super) fn href(&self) -> String {
        let mut pairs = vec![("type", self.tab.letter()), ("t", self.range.as_str())];
        if !self.text.is_empty() {
            pairs.push(("q", &self.text));
        }
        if self.local {
            pairs.push(("tz", "local"));
        }
        match &self.place {
            Place::Newest => {}
            Place::Older(cursor) => pairs.push(("older", cursor)),
            Place::Newer(cursor) => pairs.push(("newer", cursor)),
        }
        format!("/signins?{}", query_string(pairs))
    }

    /// The same question with one thing changed, at its newest rows.
    pub(super) fn with(&self, change: impl FnOnce(&mut State)) -> State {
        let mut state = State { place: Place::Newest, ..self.clone() };
        change(&mut state);
        state
    }

    /// The address of an export of everything listed.
    pub(super) fn export_href(&self, format: &str) -> String {
        let mut pairs = vec![("format", format), ("type", self.tab.letter())];
        let from;
        match self.range.split_once("..") {
            Some((first, last)) => pairs.extend([("from", first), ("to", last)]),
            None if self.range == "all" => {}
            None => {
                from = format!("-{}", self.range);
                pairs.push(("from", &from));
            }
        }
        if !self.text.is_empty() {
            pairs.push(("filter", &self.text));
        }
        format!("/api/security/sign-in-logs/export?{}", query_string(pairs))
    }

    /// The range in words.
    pub(super) fn range_label(&self) -> String {
        match RANGES.iter().find(|(name, ..)| *name == self.range) {
            Some(("all", ..)) => "of all time".to_owned(),
            Some((_, label, _)) => format!("in the last {label}"),
            None => "in this range".to_owned(),
        }
    }
}

/// An address that finds one value of one field in all logs and times.
pub(super) fn filter_href(name: &str, value: &str) -> Option<String> {
    // The short form has no way to write a quote inside quotes.
    if value.is_empty() || value.contains('"') {
        return None;
    }
    let text = format!("{name}=\"{value}\"");
    let pairs = [("type", "all"), ("t", "all"), ("q", text.as_str())];
    Some(format!("/signins?{}", query_string(pairs)))
}

/// How long ago, in one unit.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.micros - then.micros) / SECOND_MICROS;
    match seconds {
        ..0 => "in the future".to_owned(),
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// With a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back() {
        let params = Params::parse(Some("type=n&t=7d&q=status%3Afailure+a&tz=local&older=abc"));
        let state = State::parse(&params.unwrap()).unwrap();
        let href = state.href();
        assert_eq!(href, "/signins?type=n&t=7d&q=status:failure%20a&tz=local&older=abc");
        let query = href.split_once('?').map(|(_, query)| query);
        let again = State::parse(&Params::parse(query).unwrap()).unwrap();
        assert_eq!(again.href(), href);
        assert_eq!(
            state.with(|state| state.range = "all".into()).href(),
            "/signins?type=n&t=all&q=status:failure%20a&tz=local"
        );
    }

    #[test]
    fn numbers_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_339_663, "1,339,663")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn ranges() {
        let state = |range: &str| State {
            tab: Tab(None),
            range: range.to_owned(),
            text: String::new(),
            local: false,
            place: Place::Newest,
        };
        let now = Timestamp::from_micros(1_772_000_000_000_000);
        assert_eq!(state("all").span(now).unwrap(), (None, None));
        assert_eq!(state("24h").span(now).unwrap().0.unwrap().micros, now.micros - DAY_MICROS);
        assert!(state("2026-03-01..2026-03-02").span(now).unwrap().1.is_some());
        assert!(state("yesterday").span(now).is_err());
    }
}
