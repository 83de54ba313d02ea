//! x
pub mod cursor;
pub mod filter;
pub mod fold;
mod aliases;
mod json_test;
pub mod search;
pub mod matcher;
pub mod odata;
mod odata_text;
mod scalar;
