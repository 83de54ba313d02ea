//! Detections on small stories, each told in a few lines.

mod accounts;
mod clients;
mod passwords;
mod places;
mod story;
