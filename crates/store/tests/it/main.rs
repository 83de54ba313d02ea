//! The store as its users see it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod edges;
mod faults;
mod fixture;
mod lifecycle;
mod model;
mod power;
mod rows;
mod threads;
