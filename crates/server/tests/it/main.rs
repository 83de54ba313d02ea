//! The server over real connections, on a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access_log;
mod account;
mod alert_pages;
mod attempt;
mod client;
mod deliver;
mod detection_pages;
mod download;
mod edge;
mod entity;
mod errors;
mod event;
mod export;
mod filter;
mod fixture;
mod graph;
mod limits;
mod live;
mod me;
mod openapi;
mod overview;
mod page;
mod push;
mod records;
mod rest;
mod risk;
mod risk_pages;
mod roles;
mod rule_pages;
mod search;
mod sign_in;
mod table;
mod tls;
mod views;
mod visitor;
