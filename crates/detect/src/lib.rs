//! Detections, risk, rules and alerts over the sign-in log.
//!
//! A [`Fold`] shows every sign-in, in the order of time, to every [`Detection`]; what these find
//! ([`Finding`]) is a function of the log alone, so watching and looking back give the same.
//! [`detections`] has one module a detection. What is usual for whom is in [`profile`].

pub mod alerts;
pub mod book;
pub mod class;
pub mod detection;
pub mod detections;
pub mod facts;
pub mod finding;
mod fold;
pub mod keyed;
pub mod lists;
pub mod profile;
pub mod risk;
pub mod rules;
pub mod settings;
mod sighting;
mod slices;

mod watch;
pub mod window;

pub use book::{Book, BookError};
pub use class::Class;
pub use detection::{About, Context, Detection, Parameter, Timing, Unit};
pub use finding::{EventRef, Fact, Finding, Level, Subject, SubjectKind};
pub use fold::{Fold, FoldError, Progress, history};
pub use lists::{ListError, Lists, Names, Networks};
pub use settings::{Choice, SettingError, Settings, Values};
pub use sighting::Sighting;
pub use watch::{Watch, WatchError, WatchStatus, Watcher};
