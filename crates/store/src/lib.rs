//! The log store: what is acknowledged stays, once, and is found fast.
//!
//! ```text
//! append → write-ahead log (synced) → hot chunks → sealed Parquet files, by log and UTC day
//!                                         └──────── one view ────────┘
//! ```
//!
//! `docs/format.md` describes the bytes on disk; `ARCHITECTURE.md` names the invariants that
//! assertions and tests here refer to (LOG-, VIEW-, SEAL-, REV-, ENT-, ROLL-, SORT-).

mod append;
mod cache;
mod chunk;
mod compact;
pub mod delta;
mod entities;
mod entity_file;
mod error;
pub mod files;
mod frame;
mod handles;
mod lock;
mod maintain;
mod merge;
mod open;
mod options;
mod rollup;
mod schema;
mod seal;
mod sealed;
mod state;
mod status;
mod store;
mod tail;
mod view;
pub mod wal;

pub use append::{Appended, LogCounts};
pub use chunk::Chunk;
pub use compact::Compacted;
pub use entities::EntityTable;
pub use entity_file::{column_name, entities_schema};
pub use error::{AppendError, OpenError, StoreError};
pub use maintain::RemovedDay;
pub use options::StoreOptions;
pub use rollup::{Count, DIMENSIONS, Rollup};
pub use schema::table_schema;
pub use state::Joined;
pub use status::{LogStatus, Status};
pub use store::Store;
pub use view::{RollupParts, RowRef, View};
