//! The sign-ins that an alert rests on, as far as its reader may see them.

use durward_detect::alerts::AlertDetails;
use durward_model::{Event, FieldId, Id, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};

use crate::error::ApiError;

/// Sign-ins that are shown.
const EVENTS_MAX: usize = 100;

/// Which sign-ins are asked for.
pub(super) struct Wanted {
    ids: Vec<Id>,
    first_micros: i64,
    last_micros: i64,
}

/// Sign-ins, newest first.
pub(super) struct Evidence {
    pub(super) events: Vec<Event>,
    /// How many findings name altogether.
    pub(super) named: usize,
}

impl Wanted {
    pub(super) fn of(details: &AlertDetails) -> Wanted {
        let attached = details.findings.iter().filter(|one| one.detached_micros.is_none());
        let findings = attached.filter_map(|one| one.finding.as_ref());
        let mut events: Vec<_> =
            findings.flat_map(|finding| finding.events.iter().copied()).collect();
        events.sort_unstable();
        events.dedup();
        let at = |event: Option<&durward_detect::EventRef>| event.map_or(0, |one| one.at_micros);
        Wanted {
            first_micros: at(events.first()),
            last_micros: at(events.last()),
            ids: events.iter().map(|event| event.id).collect(),
        }
    }
}

pub(super) fn look(reader: &Reader, wanted: &Wanted) -> Result<Evidence, ApiError> {
    let named = wanted.ids.len();
    if named == 0 {
        return Ok(Evidence { events: Vec::new(), named });
    }
    let newest = &wanted.ids[named.saturating_sub(EVENTS_MAX)..];
    let ids = newest.iter().map(|id| Value::Text(id.to_string())).collect();
    let within = Filter::between(
        Timestamp::from_micros(wanted.first_micros),
        Timestamp::from_micros(wanted.last_micros + 1),
    );
    let request = ListRequest {
        filter: within.and(Filter::field(FieldId::Id, Op::In(ids))),
        logs: Log::SIGN_INS.to_vec(),
        order: Order::NewestFirst,
        limit: EVENTS_MAX,
        after: None,
    };
    let rows = reader.list(&request)?.rows;
    Ok(Evidence { events: reader.events(&rows)?, named })
}
