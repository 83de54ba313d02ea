//! What an explorer's address says, and addresses that say something else.

use durward_model::columns::{self, Column};
use durward_model::time::SECOND_MICROS;
use durward_model::{FieldId, Log, Timestamp};
use durward_query::{Dialect, Filter, Op, Order, SearchError, Value, Window};
use durward_query::{cursor, odata, search};

use crate::error::ApiError;
use crate::params::{self, Params, query_string};
use crate::question::Question;

use super::filter::Pills;
use super::scope::{self, Scope};

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

    fn parse(text: &str) -> Option<Tab> {
        let is = |tab: &Tab| tab.letter() == text || tab.0.is_some_and(|log| log.name() == text);
        Tab::ALL.into_iter().find(is)
    }
}

/// How the list is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    /// Events, or groups of events.
    #[default]
    Rows,
    /// One row an attempt.
    Attempts,
    /// On a map.
    Map,
}

impl View {
    pub(super) const ALL: [View; 3] = [View::Rows, View::Attempts, View::Map];

    pub(super) fn name(self) -> &'static str {
        match self {
            View::Rows => "rows",
            View::Attempts => "attempts",
            View::Map => "map",
        }
    }
}

/// The order of the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    pub(super) column: &'static Column,
    pub(super) descending: bool,
}

impl Sort {
    /// Is it by the time of the event?
    pub(super) fn is_by_time(self) -> bool {
        self.column.name == "createdDateTime"
    }
}

/// What an explorer's address says.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) tab: Tab,
    /// Free text in the short form.
    pub(super) text: String,
    pub(super) pills: Pills,
    /// More of the filter, in OData.
    pub(super) odata: String,
    /// Chosen columns; `None` for those of the tab.
    pub(super) columns: Option<Vec<&'static Column>>,
    /// How many of the first columns stay in sight.
    pub(super) pinned: usize,
    /// `None` for newest first.
    pub(super) sort: Option<Sort>,
    /// Identical events of a window as one row.
    pub(super) window: Option<Window>,
    /// One row a value of this column.
    pub(super) by: Option<&'static Column>,
    pub(super) view: View,
    /// Number of the first row, from 0.
    pub(super) at: u64,
    /// Where the page before ended, for lists that cannot begin at any row: groups.
    pub(super) after: Option<String>,
    /// Only what had been received by then: a list that does not change.
    pub(super) as_of: Option<Timestamp>,
    /// The event that is open beside the list.
    pub(super) row: Option<String>,
    /// The tab of the event that is open.
    pub(super) pane: Option<String>,
}

/// Parameters of the explorer's address, besides those of the scope.
pub(super) const PARAMS: [&str; 15] = [
    "type", "q", "f", "odata", "cols", "pin", "sort", "group", "by", "view", "at", "after", "asof",
    "row", "tab",
];

/// What is wrong with the filter of an address.
#[derive(Clone, Debug)]
pub(super) enum FilterError {
    /// In the free text.
    Text(SearchError),
    /// In a pill.
    Pill(SearchError),
    /// In the OData filter.
    OData(String),
}

impl std::fmt::Display for FilterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FilterError::Text(error) | FilterError::Pill(error) => error.fmt(f),
            FilterError::OData(error) => f.write_str(error),
        }
    }
}

/// Short names of columns in addresses.
const SHORT: [(&str, &str); 14] = [
    ("date", "createdDateTime"),
    ("user", "userDisplayName"),
    ("upn", "userPrincipalName"),
    ("app", "appDisplayName"),
    ("resource", "resourceDisplayName"),
    ("sp", "servicePrincipalName"),
    ("ip", "ipAddress"),
    ("loc", "location"),
    ("country", "location/countryOrRegion"),
    ("code", "status/errorCode"),
    ("client", "clientAppUsed"),
    ("ca", "conditionalAccessStatus"),
    ("mfa", "authenticationRequirement"),
    ("asn", "autonomousSystemNumber"),
];

/// A column by its short name or its name in the catalogue.
pub(super) fn column(name: &str) -> Option<&'static Column> {
    let long = SHORT.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
    columns::by_name(long.unwrap_or(name))
}

/// The name of a column in addresses.
pub(super) fn short_name(column: &Column) -> &'static str {
    SHORT.iter().find(|(_, long)| *long == column.name).map_or(column.name, |(short, _)| short)
}

impl State {
    pub(super) fn parse(params: &Params) -> Result<State, ApiError> {
        let bad = |name: &str, message: String| ApiError::bad_request(message).parameter(name);
        let named = |name: &str, text: &str| {
            column(text).ok_or_else(|| bad(name, format!("there is no column '{text}'")))
        };
        let tab = Tab::parse(params.get("type").unwrap_or("i"))
            .ok_or_else(|| bad("type", "'type' must be i, n, s, m or all".to_owned()))?;
        let pills = Pills::parse(params.get("f").unwrap_or_default()).map_err(|part| {
            bad("f", format!("'f' holds filters such as status:failure; this is none: {part}"))
        })?;
        let list = |text: &str| -> Result<Vec<&'static Column>, ApiError> {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            let mut all: Vec<&'static Column> = Vec::new();
            for name in names {
                let column = named("cols", name)?;
                if !all.iter().any(|other| other.name == column.name) {
                    all.push(column);
                }
            }
            Ok(all)
        };
        let sort = params.get("sort").map(|text| -> Result<Sort, ApiError> {
            let descending = text.starts_with('-');
            let column = named("sort", text.trim_start_matches('-'))?;
            Ok(Sort { column, descending })
        });
        let window = params.get("group").filter(|text| *text != "off").map(|text| {
            let message = "'group' must be off, 1h, 6h or 24h".to_owned();
            Window::from_name(text).ok_or_else(|| bad("group", message))
        });
        let view = params.get("view").map_or(Ok(View::Rows), |text| {
            let found = View::ALL.into_iter().find(|view| view.name() == text);
            found.ok_or_else(|| bad("view", "'view' must be rows, attempts or map".to_owned()))
        });
        let number = |name: &str| {
            params.get(name).map_or(Ok(0_u64), |text| {
                text.parse().map_err(|_| bad(name, format!("'{name}' must be a whole number")))
            })
        };
        let as_of = params.get("asof").map(|text| {
            params::instant(text, Timestamp::now())
                .ok_or_else(|| bad("asof", "'asof' must be a time".to_owned()))
        });
        let owned = |name: &str| params.get(name).map(str::to_owned);
        Ok(State {
            scope: Scope::parse(params, "24h")?,
            tab,
            text: owned("q").unwrap_or_default(),
            pills,
            odata: owned("odata").unwrap_or_default(),
            columns: params.get("cols").map(list).transpose()?.filter(|list| !list.is_empty()),
            pinned: usize::try_from(number("pin")?).unwrap_or(0),
            sort: sort.transpose()?.filter(|sort| !(sort.is_by_time() && sort.descending)),
            window: window.transpose()?,
            by: params.get("by").map(|name| named("by", name)).transpose()?,
            view: view?,
            at: number("at")?,
            after: owned("after"),
            as_of: as_of.transpose()?,
            row: owned("row"),
            pane: owned("tab"),
        })
    }

    /// All parameters that an explorer's address can have.
    pub(super) fn params() -> Vec<&'static str> {
        PARAMS.into_iter().chain(scope::PARAMS).collect()
    }

    /// The columns to show, in order.
    pub(super) fn columns(&self) -> Vec<&'static Column> {
        self.columns.clone().unwrap_or_else(|| columns::defaults(self.tab.0))
    }

    /// What events have to fulfil, apart from range, tenant and time of receipt.
    pub(super) fn filter(&self, now: Timestamp) -> Result<Filter, FilterError> {
        let text = search::parse_search(&self.text, now).map_err(FilterError::Text)?;
        let pills = self.pills.filter(self.tab.0, now).map_err(|(_, e)| FilterError::Pill(e))?;
        let filter = text.and(pills);
        if self.odata.is_empty() {
            return Ok(filter);
        }
        let more = odata::parse_filter(&self.odata, Dialect::Own);
        Ok(filter.and(more.map_err(|error| FilterError::OData(error.to_string()))?))
    }

    /// What is asked.
    pub(super) fn question(&self, now: Timestamp) -> Result<Question, FilterError> {
        // A list that does not change has a range that does not move on.
        let now = self.as_of.unwrap_or(now);
        let mut filter = self.filter(now)?.and(self.scope.tenant_filter());
        if let Some(as_of) = self.as_of {
            filter =
                filter.and(Filter::field(FieldId::ReceivedDateTime, Op::Le(Value::Time(as_of))));
        }
        let (from, to) = self.scope.span(now).unwrap_or_default();
        let oldest_first = self.sort.is_some_and(|sort| sort.is_by_time() && !sort.descending);
        let order = if oldest_first { Order::OldestFirst } else { Order::NewestFirst };
        let hash = cursor::question(&["page", &self.href()]);
        Ok(Question { logs: self.tab.logs(), filter, from, to, order, hash })
    }

    /// Everything the address says, as parameters.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("type", self.tab.letter().to_owned())];
        pairs.extend(self.scope.pairs());
        let mut put = |name: &'static str, text: String| {
            if !text.is_empty() {
                pairs.push((name, text));
            }
        };
        put("q", self.text.clone());
        put("f", self.pills.text());
        put("odata", self.odata.clone());
        let names = |columns: &Vec<&'static Column>| {
            columns.iter().map(|column| short_name(column)).collect::<Vec<_>>().join(",")
        };
        put("cols", self.columns.as_ref().map(names).unwrap_or_default());
        put("pin", if self.pinned > 0 { self.pinned.to_string() } else { String::new() });
        put(
            "sort",
            self.sort.map_or_else(String::new, |sort| {
                format!("{}{}", if sort.descending { "-" } else { "" }, short_name(sort.column))
            }),
        );
        put("group", self.window.map_or("", window_name).to_owned());
        put("by", self.by.map_or("", |column| short_name(column)).to_owned());
        put("view", if self.view == View::Rows { "" } else { self.view.name() }.to_owned());
        put("at", if self.at > 0 { self.at.to_string() } else { String::new() });
        put("after", self.after.clone().unwrap_or_default());
        put("asof", self.as_of.map(Timestamp::to_rfc3339).unwrap_or_default());
        put("row", self.row.clone().unwrap_or_default());
        put("tab", self.pane.clone().unwrap_or_default());
        pairs
    }

    fn query(&self) -> String {
        let pairs = self.pairs();
        query_string(pairs.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// The address of this state.
    pub(super) fn href(&self) -> String {
        format!("/signins?{}", self.query())
    }

    /// An address below the explorer's, such as `/signins/rows`, for this state.
    pub(super) fn href_of(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut href = format!("{path}?{}", self.query());
        if !more.is_empty() {
            href.push('&');
            href.push_str(&query_string(more.iter().copied()));
        }
        href
    }

    /// The same question with one thing changed, at its first rows and with no event open.
    pub(super) fn with(&self, change: impl FnOnce(&mut State)) -> State {
        let mut state = State { at: 0, after: None, row: None, pane: None, ..self.clone() };
        change(&mut state);
        state
    }

    /// The same with one more pill, written as in [`super::link`].
    pub(super) fn and(&self, term: &str) -> State {
        self.with(|state| {
            if let Ok(more) = Pills::parse(term) {
                state
                    .pills
                    .0
                    .extend(more.0.into_iter().filter(|pill| !self.pills.0.contains(pill)));
            }
        })
    }

    /// The range in words.
    pub(super) fn range_label(&self) -> String {
        self.scope.label().to_lowercase()
    }
}

pub(super) fn window_name(window: Window) -> &'static str {
    match window {
        Window::H1 => "1h",
        Window::H6 => "6h",
        Window::D1 => "24h",
    }
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

    fn state(query: &str) -> State {
        State::parse(&Params::parse(Some(query)).unwrap()).unwrap()
    }

    #[test]
    fn an_address_reads_back() {
        let query = "type=n&t=7d&tz=local&q=maria&f=status%3Dfailure,-app:Teams&cols=date,user&pin=1\
                     &sort=ip&group=6h&view=attempts&at=50&asof=2026-03-01T00:00:00Z&row=abc&tab=ca";
        let href = state(query).href();
        let again = state(href.split_once('?').unwrap().1);
        assert_eq!(again.href(), href);
        for part in ["type=n", "t=7d", "q=maria", "cols=date%2Cuser", "sort=ip", "group=6h"] {
            assert!(href.contains(part), "{part} in {href}");
        }
        let other = again.with(|state| state.scope = state.scope.at("all")).href();
        assert!(other.contains("t=all") && !other.contains("at=") && !other.contains("row="));
        assert_eq!(
            state("sort=-date").href(),
            "/signins?type=i&t=24h",
            "what is usual is not said"
        );
    }

    #[test]
    fn filters_are_put_together() {
        let now = Timestamp::now();
        assert_eq!(state("").filter(now).unwrap(), Filter::All);
        assert!(matches!(state("q=a:").filter(now), Err(FilterError::Text(_))));
        assert!(matches!(state("f=code:1,user:a,code:b").filter(now), Err(FilterError::Pill(_))));
        assert!(matches!(state("odata=x%20eq").filter(now), Err(FilterError::OData(_))));
        let both = state("f=code:50126").and("code:50126").and("country=DE");
        assert_eq!(both.pills.text(), "code:50126,country=DE");
    }

    #[test]
    fn numbers_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_339_663, "1,339,663")] {
            assert_eq!(grouped(number), text);
        }
    }
}
