//! Detections on small stories, each told in a few lines.

mod accounts;
mod alerts;
mod clients;
mod passwords;
mod places;
mod risk;
mod rules;
mod story;
mod watching;
