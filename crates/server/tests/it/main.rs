//! The server over real connections, on a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access_log;
mod account;
mod client;
mod edge;
mod export;
mod fixture;
mod graph;
mod limits;
mod me;
mod openapi;
mod page;
mod push;
mod rest;
mod roles;
mod sign_in;
mod tls;
mod visitor;
