//! Detections on small stories, each told in a few lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod alerts;
mod clients;
mod passwords;
mod places;
mod risk;
mod rules;
mod story;
mod watching;
