//! What is looked at beside the detections: rules of one's own, and what the log says of risk.

use std::ops::Range;

use arrow_array::Array as _;
use durward_model::time::DAY_MICROS;
use durward_query::Engine;
use durward_store::{Joined, View};

use super::{RECEIVED_MARGIN_MICROS, WatchError};
use crate::book::{Book, Circumstances, Recorded};
use crate::fold::FoldError;
use crate::risk::{RiskWatch, mark_of, set_mark};
use crate::rules::{Ground, Looker, Placeholders, revise};

/// Rules look no farther back than this for what has joined: whoever wants more runs them over
/// history.
const BACK_MICROS: i64 = 30 * DAY_MICROS;
/// Where rules begin on a log that they were never run on.
const BEGIN_MICROS: i64 = DAY_MICROS;
/// Names the instant up to which rules have looked.
const MARK: &str = "rules";

pub(super) struct Beside {
    engine: Engine,
    rules: Looker,
    risk: RiskWatch,
    /// Rules have looked at everything before this instant, µs; `None` for never.
    looked_micros: Option<i64>,
    /// What came while nobody watched was looked for.
    is_caught_up: bool,
}

impl Beside {
    pub(super) fn new(book: &Book, placeholders: Placeholders) -> Result<Beside, WatchError> {
        Ok(Beside {
            engine: Engine::new(),
            rules: Looker::new(placeholders),
            risk: RiskWatch::default(),
            looked_micros: book.read(|db| mark_of(db, MARK))?,
            is_caught_up: false,
        })
    }

    /// Something joined the log.
    pub(super) fn doubt(&mut self, joined: Joined) {
        let oldest = [joined.sign_in_micros, joined.other_micros].into_iter().flatten().min();
        if let (Some(looked), Some(oldest)) = (&mut self.looked_micros, oldest) {
            *looked = oldest.min(*looked);
        }
    }

    pub(super) fn look(
        &mut self,
        book: &Book,
        view: &View,
        circumstances: &Circumstances<'_>,
    ) -> Result<Recorded, WatchError> {
        let now = circumstances.now_micros;
        if let Some(looked) = self.looked_micros.filter(|_| !self.is_caught_up) {
            let received = looked - RECEIVED_MARGIN_MICROS;
            let missed = oldest_received(view, received, now - BACK_MICROS..looked)?;
            self.looked_micros = Some(missed.unwrap_or(looked));
        }
        self.is_caught_up = true;
        let from = self.looked_micros.unwrap_or(now - BEGIN_MICROS).max(now - BACK_MICROS);
        let mut recorded = Recorded::default();
        if from < now {
            let ground = Ground { engine: &self.engine, view };
            let looked = self.rules.look(book, ground, from, now)?;
            recorded = book.record(&looked.found, circumstances)?;
            let revised = revise(book, ground, &looked, circumstances)?;
            recorded.changed += revised.changed;
            recorded.withdrawn = revised.withdrawn;
            book.write(|db| set_mark(db, MARK, now))?;
            self.looked_micros = Some(now);
        }
        while self.risk.refresh(book, view, now)?.has_more {}
        Ok(recorded)
    }
}

/// The oldest record of a range of time that was received after an instant (µs).
fn oldest_received(
    view: &View,
    received_micros: i64,
    range: Range<i64>,
) -> Result<Option<i64>, WatchError> {
    let mut oldest = None;
    for chunk in &view.chunks {
        if chunk.min_micros() >= range.end || chunk.max_micros() < range.start {
            continue;
        }
        let received = chunk.received().map_err(FoldError::from)?;
        let created = chunk.created().map_err(FoldError::from)?;
        let rows = (0..received.len())
            .filter(|&row| received.is_valid(row) && received.value(row) > received_micros);
        let of_chunk = rows.map(|row| created.value(row)).filter(|at| range.contains(at)).min();
        oldest = oldest.into_iter().chain(of_chunk).min();
    }
    Ok(oldest)
}
