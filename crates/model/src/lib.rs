//! The sign-in event: what it is made of, before anything reads or stores it.
//!
//! Everything in here is a pure function of its input. No I/O, no locks; the clock only in
//! [`time::Timestamp::now`].
//!
//! - [`field`] is the catalogue: one entry a field, from which schemas, filters, columns, CSV
//!   headers and the reference page are derived.
//! - [`batch`] holds decoded events by column; [`event`] is one event with all its values.
//! - [`shape`] remembers how a record was written, so that the original can be given back.

pub mod batch;
pub mod cell;
pub mod columns;
pub mod enums;
pub mod errors;
pub mod event;
pub mod field;
pub mod graph;
pub mod id;
pub mod shape;
pub mod time;

pub use batch::{EventBatch, Row};
pub use cell::{Cell, OwnedCell};
pub use event::Event;
pub use field::{Field, FieldId, Group, Kind, Log};
pub use id::Id;
pub use time::Timestamp;
