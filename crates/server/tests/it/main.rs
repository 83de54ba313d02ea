//! The server over real connections, on a real store.

mod client;
mod edge;
mod export;
mod fixture;
mod graph;
mod openapi;
mod page;
mod push;
mod rest;
