//! HTTP: Microsoft Graph's interface, our own, push, and pages.
//!
//! ```text
//! request → path (one spelling) → edge (identifiers, guard, headers, errors, counts) → handler
//!                                                        handler → App::ask → query → store
//! ```
//!
//! - [`bind`] listens and [`Bound::serve`] answers; on loopback only, since there is no access
//!   control yet. `guard` says what protects against other sites in a local browser.
//! - `routes` is the table of everything there is; OpenAPI's description is made from it.
//! - `graph`, `rest`, `export`, `push`, `health` and `page` are the families of endpoints. They
//!   hold no state: what is asked is in the address, what is known is in the store.
//! - Everything is bounded: bodies, memory for bodies, questions at once, time for an answer,
//!   what an export has in memory.

mod app;
mod config;
mod edge;
mod error;
mod export;
mod graph;
mod guard;
mod health;
mod metrics;
mod openapi;
mod page;
mod params;
mod path;
mod push;
mod question;
mod rest;
mod routes;
mod serve;

pub use config::{PORT, ServerConfig};
pub use export::{ExportWriter, Format as ExportFormat};
pub use guard::NotLoopback;
pub use openapi::document as openapi_document;
pub use serve::{BindError, Bound, bind};
