//! Rules of one's own: a filter, or a Sigma rule, with a shape.
//!
//! What a rule finds in a range of time is a function of the log, of the range and of the rule
//! (RULE-1): the newest records, all of history and a back-test are looked at by the same code,
//! and what looks at consecutive ranges find is what one look at all of them finds.

mod backtest;
mod compile;
mod key;
mod model;
mod revise;
mod rows;
mod run;
mod shape;
mod shelf;
mod shipped;
pub mod sigma;
mod tell;
mod text;

pub use backtest::{Backtest, backtest};
pub use compile::Compiled;
pub use model::{Language, Rule, RuleError, Schedule, Shape, Source, Span, Suppress};
pub(crate) use revise::revise;
pub use rows::Ground;
pub use run::{LookError, Looked, Looker, run, run_all};
pub(crate) use shelf::SCHEMA;
pub use shelf::{RuleChange, StoredRule};
pub use shipped::{Shipped, shipped};
pub use sigma::{Placeholders, Sigma, Verdict};
pub use text::{Loaded, read_file, read_text};
