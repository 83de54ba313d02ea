//! Where the time comes from, so that tests can choose it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Tells the time. The default is the clock of the system.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// A clock that asks this function.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// How long ago this was. A clock that was set back makes everything old, as nothing better
    /// is known about it.
    pub(crate) fn age_of(&self, then: SystemTime) -> Duration {
        self.now().duration_since(then).unwrap_or(Duration::MAX)
    }

    /// Seconds since 1970.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
