//! Alerts: what somebody should look at, and what became of it.

pub(in crate::page) mod marks;
