//! File layers for tests: a disk that loses power, and a disk that fills up.
//!
//! Ordinary code rather than `#[cfg(test)]`, since the tests of several crates use it.

mod crash;
mod disk;
mod full;

pub use crash::{CrashFiles, Survival};
pub use full::FullDisk;
