//! Questions about sign-ins, and exact answers.
//!
//! Every way to ask ends in one [`filter::Filter`]: OData ([`odata`]), the short form for people
//! ([`search`]), filters built in code. An [`Engine`] answers for a view of the store: lists page
//! by page ([`list`]), sorted lists ([`sorted`]), counts, groups of repeating sign-ins ([`group`]), counts by anything
//! ([`aggregate`]), summaries from rollups ([`summary`]), single events ([`lookup`]).
//!
//! Fast because of the store's layout rather than of cleverness here: a filter is evaluated over
//! the few entities, not over rows ([`keyset`]); rows are integers; values to group by are
//! numbered once ([`values`]); time prunes chunks and ends lists early ([`plan`], [`scan`]).
//!
//! A caller who may not see everything asks through a [`Reader`], which knows their [`Sight`].
//!
//! Every query has a [`Budget`]. Nothing in here writes.

pub mod aggregate;
mod aliases;
mod budget;
mod columns;
pub mod cursor;
mod dimensions;
mod engine;
mod error;
pub mod facet;
pub mod filter;
pub mod fold;
pub mod group;
mod group_key;
mod history;
mod json_filter;
mod json_test;
mod keyset;
pub mod list;
pub mod lookup;
mod mask;
pub mod matcher;
mod mix;
pub mod odata;
mod odata_scope;
mod odata_text;
mod offset;
mod plan;
mod print;
pub mod property;
mod pseudonym;
mod reader;
mod scalar;
mod scan;
pub mod search;
mod seen;
pub mod sight;
pub mod sorted;
mod sorted_rows;
pub mod summary;
mod tally;
mod values;

pub use aggregate::{AggregateRequest, AggregateRow, Dimension, DimensionValue};
pub use budget::Budget;
pub use cursor::{CursorError, Order, Position};
pub use engine::{Engine, EngineOptions};
pub use error::QueryError;
pub use facet::Facet;
pub use filter::{Expr, Filter, Op, Property, Value};
pub use group::{
    GroupKey, GroupPage, GroupPosition, GroupRequest, GroupRow, GroupValue, Grouping, Window,
};
pub use json_filter::JsonFilter;
pub use list::{ListRequest, Page};
pub use mask::Mask;
pub use matcher::Predicate;
pub use odata::{Dialect, ODataError, parse_filter, parse_orderby, parse_select};
pub use reader::Reader;
pub use search::{SearchError, parse_search};
pub use sight::{Pseudonyms, Sight, SightGrant, Tail};
pub use sorted::{SortKey, SortedRequest};
pub use summary::{Summary, SummaryRequest};
