//! What a query looks at, and how much of it.
//!
//! A caller who may see everything looks at the view as it is. For others two views stand side by
//! side: *what there is*, which decides what rows they may see, and *what they see*, the same rows
//! with masked entities under the same keys. Everything that is asked or answered (filters, groups,
//! counts, their order) comes from the second, so that no answer can depend on what a mask hides
//! (SIGHT-2).

use durward_model::Log;
use durward_store::View;

use crate::engine::Engine;
use crate::filter::Filter;

/// What a query looks at.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Keeps what it worked out about the entities of `view`.
    pub(crate) engine: &'a Engine,
    pub(crate) view: &'a View,
    /// Which rows; `None` for all.
    pub(crate) limit: Option<Limit<'a>>,
}

/// Which rows a caller may see.
#[derive(Clone, Copy)]
pub(crate) struct Limit<'a> {
    /// Keeps what it worked out about the entities of `view`.
    pub(crate) engine: &'a Engine,
    /// What there is; the rows are the same as those that are seen.
    pub(crate) view: &'a View,
    /// Bit n for the log numbered n.
    pub(crate) logs: u8,
    /// What the rows fulfil, as they are.
    pub(crate) filter: &'a Filter,
}

impl<'a> Seen<'a> {
    /// Everything.
    pub(crate) fn all(engine: &'a Engine, view: &'a View) -> Seen<'a> {
        Seen { engine, view, limit: None }
    }

    /// Can rows of this log be seen?
    pub(crate) fn shows(self, log: Log) -> bool {
        self.limit.is_none_or(|limit| limit.logs & (1 << log as u8) != 0)
    }

    /// Are logs seen wholly or not at all?
    pub(crate) fn shows_whole_logs(self) -> bool {
        self.limit.is_none_or(|limit| *limit.filter == Filter::All)
    }

    /// The view as it is.
    pub(crate) fn rows(self) -> &'a View {
        self.limit.map_or(self.view, |limit| limit.view)
    }
}
