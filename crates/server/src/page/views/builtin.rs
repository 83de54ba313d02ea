//! Views that everybody has: layouts of columns, and filters worth a name.

use durward_model::Log;

use crate::page::filter::Pills;
use crate::page::state::{State, Tab, column};

/// Columns that everybody can choose: a name, and their names in addresses. `who` stands for
/// whoever signs in, in the log that is shown. Without any: those of the log's own.
const LAYOUTS: [(&str, &[&str]); 4] = [
    ("Entra", &[]),
    ("Classic", &["date", "who", "app", "status", "riskEventTypes_v2", "mfa"]),
    (
        "Compact",
        &[
            "date",
            "who",
            "app",
            "status",
            "ip",
            "loc",
            "client",
            "deviceDetail/displayName",
            "mfaResult",
            "appliedConditionalAccessPolicies",
        ],
    ),
    (
        "Investigation",
        &["date", "who", "app", "status", "ip", "loc", "deviceDetail/displayName", "mfa", "ca"],
    ),
];

/// A filter that everybody has.
struct Known {
    name: &'static str,
    /// Of one log; `None` for all.
    log: Option<Log>,
    /// As in addresses; empty for the range that is shown.
    range: &'static str,
    pills: &'static str,
    /// One row a value of this column.
    by: &'static str,
}

const fn known(name: &'static str, pills: &'static str) -> Known {
    Known { name, log: Some(Log::InteractiveUser), range: "", pills, by: "" }
}

const FILTERS: [Known; 11] = [
    Known { log: None, range: "24h", ..known("Failures last 24 h", "status=failure") },
    Known { log: None, ..known("Legacy authentication", "client=legacy") },
    Known { log: None, ..known("Blocked by Conditional Access", "ca=failure") },
    known("MFA denied or not completed", "code=500121,50074,50076,50072,50079,50158"),
    Known { by: "ip", ..known("Password spray suspects", "code=50126,50053,50034") },
    Known { by: "upn", ..known("Brute force suspects", "code=50126,50053") },
    Known {
        log: None,
        ..known(
            "Guest and partner access",
            "(usertype=guest|crosstenant=b2bCollaboration,b2bDirectConnect,serviceProvider)",
        )
    },
    Known {
        log: None,
        ..known(
            "Device code and authentication transfer",
            "(protocol=deviceCode,authenticationTransfer|\
             transfer=deviceCodeFlow,authenticationTransfer)",
        )
    },
    Known { log: None, ..known("Flagged for review", "flagged=true") },
    Known { log: None, ..known("Interrupted only", "status=interrupted") },
    Known {
        log: Some(Log::ServicePrincipal),
        ..known("Service principals with secrets", "clientCredentialType=clientSecret")
    },
];

/// Whoever signs in, in one log or in all.
fn who(log: Option<Log>) -> &'static str {
    match log {
        Some(Log::InteractiveUser | Log::NonInteractiveUser) => "user",
        Some(_) => "sp",
        None => "actor",
    }
}

/// What is shown, in each layout.
pub(super) fn layouts(state: &State) -> Vec<(&'static str, State)> {
    let log = state.tab.0;
    let layout = |(name, columns): &(&'static str, &[&str])| {
        let named = |short: &&str| column(if *short == "who" { who(log) } else { short });
        let columns = columns.iter().filter_map(named).filter(|column| column.in_log(log));
        let columns: Vec<_> = columns.collect();
        let shown = state.with(|state| {
            state.columns = Some(columns).filter(|columns| !columns.is_empty());
            state.pinned = 0;
        });
        (*name, shown)
    };
    LAYOUTS.iter().map(layout).collect()
}

/// Each filter that everybody has, in the columns, zone and tenant of what is shown.
pub(super) fn filters(state: &State) -> Vec<(&'static str, State)> {
    let filter = |known: &Known| {
        let shown = state.with(|state| {
            state.tab = Tab(known.log);
            state.text.clear();
            state.odata.clear();
            state.pills = Pills::parse(known.pills).unwrap_or_default();
            state.by = column(known.by);
            state.window = None;
            state.sort = None;
            state.as_of = None;
            if !known.range.is_empty() {
                state.scope = state.scope.at(known.range);
            }
        });
        (known.name, shown)
    };
    FILTERS.iter().map(filter).collect()
}

#[cfg(test)]
mod tests {
    use durward_model::Timestamp;

    use super::*;
    use crate::params::Params;

    #[test]
    fn every_layout_and_filter_reads_back_and_can_be_asked() {
        for tab in Tab::ALL {
            let query = format!("type={}&t=7d&q=maria&cols=ip&pin=1", tab.letter());
            let state = State::parse(&Params::parse(Some(&query)).unwrap()).unwrap();
            for (name, shown) in layouts(&state).into_iter().chain(filters(&state)) {
                let href = shown.href();
                let query = href.split_once('?').unwrap().1;
                let again = State::parse(&Params::parse(Some(query)).unwrap()).unwrap();
                assert_eq!(again.href(), href, "{name}");
                assert!(again.question(Timestamp::now()).is_ok(), "{name}");
            }
            assert!(layouts(&state).iter().all(|(_, shown)| shown.text == "maria"));
            let columns = layouts(&state).into_iter().map(|(_, shown)| shown.columns().len());
            let most = columns.max().unwrap();
            assert!(most >= 5, "{most} in {}", tab.label());
        }
        assert!(FILTERS.iter().all(|known| known.by.is_empty() || column(known.by).is_some()));
        let known = FILTERS.iter().all(|known| Pills::parse(known.pills).is_ok());
        assert!(known);
    }
}
