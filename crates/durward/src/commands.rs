//! The commands, one module each: its arguments and what it does.

pub(crate) mod access_log;
pub(crate) mod compact;
pub(crate) mod demo;
pub(crate) mod error;
pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod import;
mod reach;
pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod verify;
