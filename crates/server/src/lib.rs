//! HTTP: Microsoft Graph's interface, our own, push, and pages.
//!
//! ```text
//! request → path (one spelling) → edge (identifiers, guard, headers, errors, counts) → handler
//!                                                        handler → App::ask → query → store
//! ```
//!
//! - [`bind`] listens and [`Bound::serve`] answers, off loopback only with protection. `guard`
//!   says when, and what protects against other sites in a browser; `connections`, `tls`,
//!   `client` and `limits` are what a request meets before that.
//! - `routes` is the table of everything there is; OpenAPI's description is made from it.
//! - `graph`, `rest`, `export`, `push`, `health` and `page` are the families of endpoints. They
//!   hold no state: what is asked is in the address, what is known is in the store.
//! - `sign_in` lets people in, and programs; `access` says who is who and may do what.
//! - Everything is bounded: bodies, memory for bodies, questions at once, time for an answer,
//!   what an export has in memory.

mod access;
mod access_log;
mod alerts;
mod app;
mod backtest;
mod client;
mod config;
mod connections;
mod deliver;
mod detect;
mod edge;
mod error;
mod export;
mod graph;
mod guard;
mod health;
mod limits;
mod metrics;
mod openapi;
mod page;
mod params;
mod path;
mod push;
mod question;
mod reported;
mod rest;
mod risk;
mod routes;
mod serve;
mod sign_in;
mod tls;

pub use access::{AccessOptions, SignInProvider};
pub use config::{
    BadPublicUrl, CallerLimits, PORT, ProxyHeader, PublicUrl, ServerConfig, TlsFiles,
};
pub use deliver::{
    ChannelConfig, ChannelError, DeliverOptions, Email, Pace, SmtpTls, Syslog, SyslogVia, Template,
    Transport, Webhook, check_channel,
};
pub use detect::DetectOptions;
pub use export::{ExportWriter, Format as ExportFormat};
pub use guard::ListenRefused;
pub use openapi::document as openapi_document;
pub use serve::{BindError, Bound, bind};
pub use tls::TlsError;
