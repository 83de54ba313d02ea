//! Events as time goes by.

use crate::moment::{Moment, SECOND};
use crate::stream::{EventInfo, Events};
use crate::tenant::Tenant;
use std::sync::Arc;

/// The tenant from some moment on, without an end.
///
/// A sign-in is due the moment it is created, and is published at most 20 s later instead of
/// minutes, so that somebody who watches sees what happens. Starting at the end of a range that
/// [`Tenant::events`] gave continues it without a gap or a repetition. No clock is read: the
/// caller says what time it is, and may let it run faster.
pub struct Live {
    events: Events,
}

impl Live {
    const LAG_MAX: i64 = 20 * SECOND;

    /// Live events from `now` on.
    pub fn new(tenant: &Arc<Tenant>, now: Moment) -> Live {
        let forever = Moment(i64::MAX);
        Live { events: Events::new(Arc::clone(tenant), now..forever).lag_max(Live::LAG_MAX) }
    }

    /// Writes records in this shape instead of the diagnostic one.
    #[must_use]
    pub fn shape(mut self, shape: crate::Shape) -> Live {
        self.events = self.events.shape(shape);
        self
    }

    /// When the next event happens. (May take a moment where a new day has to be planned.)
    pub fn next_due(&mut self) -> Option<Moment> {
        self.events.next_due()
    }

    /// Appends the next event to `out` if it has happened by `now`.
    pub fn write_due(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<EventInfo> {
        if self.events.next_due()? > now {
            return None;
        }
        self.events.write_next(out)
    }
}
