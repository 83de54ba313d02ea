//! Looking at sign-ins one after the other: the same code for what happens now and for history.
//!
//! What is found is a function of the log and of nothing else (FOLD-1): not of when a record
//! came, how often, or in which company. Records do come late, twice and changed; so a fold has a
//! *settled* part, behind which nothing is expected any more, and a *branch* ahead of it. When
//! something joins the log before the end of the branch, the branch is taken back and looked at
//! anew. What joins before the settled part makes the watcher begin at an older saved state.

use std::sync::Arc;

use durward_model::Id;
use durward_model::time::DAY_MICROS;
use durward_store::{StoreError, View};
use hashbrown::HashSet;

use crate::class::Class;
use crate::detection::{Context, Detection, TICK_MICROS};
use crate::detections;
use crate::facts::Facts;
use crate::finding::Finding;
use crate::keyed::{Keyed, State as _, Touched};
use crate::profile::{FORGET_MICROS, Profiles};
use crate::settings::Settings;
use crate::sighting::{Row, Sighting};
use crate::slices;

/// Why a fold stopped.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Saved state could not be read or written.
    #[error("the saved state of the detections: {0}")]
    State(#[from] postcard::Error),
    /// Whoever asked does not want to know any more.
    #[error("stopped before the end")]
    Stopped,
}

/// Detections with their state, at a point of the log.
pub struct Fold {
    settings: Arc<Settings>,
    facts: Facts,
    detections: Vec<(Class, Box<dyn Detection>)>,
    profiles: Profiles,
    /// Sign-ins and ticks before this instant were shown, µs since 1970.
    at_micros: i64,
    /// The next moment of the grid.
    next_tick_micros: i64,
    /// `at_micros` when the branch began.
    settled_micros: Option<i64>,
    /// Told by the sign-in or moment that is being looked at.
    found: Vec<Finding>,
    /// The last telling of every finding.
    told: Keyed<Told>,
    /// What was told since somebody asked.
    news: Vec<Id>,
    /// Sign-ins shown.
    seen: u64,
}

/// Findings remembered, to know what stays when a part of the log is looked at again.
const FINDINGS_MAX: usize = 200_000;

/// A finding as told last.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Told(Option<Box<Finding>>);

impl Touched for Told {
    fn touched_micros(&self) -> i64 {
        self.0.as_ref().map_or(i64::MIN, |finding| finding.told_micros)
    }
}

impl std::fmt::Debug for Fold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fold").field("at_micros", &self.at_micros).finish_non_exhaustive()
    }
}

/// How far a fold has come: the instant (µs) and the sign-ins looked at so far. `false` stops it.
pub type Progress<'a> = &'a mut dyn FnMut(i64, u64) -> bool;

impl Fold {
    /// At the beginning of time, with the detections that are on.
    pub fn new(settings: Arc<Settings>) -> Fold {
        let detections = detections::make(&settings);
        Fold::with(settings, detections)
    }

    /// With these detections only, whatever the settings say.
    pub fn with(settings: Arc<Settings>, detections: Vec<Box<dyn Detection>>) -> Fold {
        Fold {
            facts: Facts::new(settings.lists.clone()),
            detections: detections.into_iter().map(|one| (one.about().wants, one)).collect(),
            profiles: Profiles::default(),
            at_micros: i64::MIN,
            next_tick_micros: i64::MIN,
            settled_micros: None,
            found: Vec::new(),
            told: Keyed::new(FINDINGS_MAX),
            news: Vec::new(),
            seen: 0,
            settings,
        }
    }

    /// From an instant (µs) on instead of the beginning of time: nothing before it is looked at.
    #[must_use]
    pub fn begin_at(mut self, micros: i64) -> Fold {
        self.at_micros = micros;
        self
    }

    /// Up to which instant (µs, excluded) the log was looked at.
    pub fn at_micros(&self) -> i64 {
        self.at_micros
    }

    /// How many sign-ins were looked at.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Looks at everything in the view from where it is up to an instant (µs, excluded).
    pub fn advance(
        &mut self,
        view: &View,
        to_micros: i64,
        progress: Progress<'_>,
    ) -> Result<(), FoldError> {
        self.facts.extend(view);
        let slices = slices::slices_of(view, self.at_micros, to_micros);
        std::thread::scope(|scope| {
            // One slice ahead: reading and looking take about the same time.
            let read =
                |&(from, to): &(i64, i64)| scope.spawn(move || slices::rows_of(view, from, to));
            let mut next = slices.first().map(read);
            for number in 0..slices.len() {
                let Some(reading) = next.take() else { break };
                let rows =
                    reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                next = slices.get(number + 1).map(read);
                self.see_all(&rows, view);
                if !progress(slices[number].1, self.seen) {
                    return Err(FoldError::Stopped);
                }
            }
            Ok(())
        })?;
        self.tick_until(to_micros);
        self.at_micros = self.at_micros.max(to_micros);
        Ok(())
    }

    fn see_all(&mut self, rows: &[Row], view: &View) {
        for row in rows {
            if row.at_micros >= self.next_tick_micros {
                self.tick_until(row.at_micros);
            }
            let sighting = Sighting::new(row, &self.facts, view);
            let mut context = Context {
                profiles: &self.profiles,
                lists: &self.settings.lists,
                found: &mut self.found,
            };
            for (wants, detection) in &mut self.detections {
                if sighting.class.any(*wants) {
                    detection.see(&sighting, &mut context);
                }
            }
            self.profiles.saw(&sighting);
            if !self.found.is_empty() {
                self.note_found(row.at_micros);
            }
        }
        self.seen += rows.len() as u64;
    }

    /// Lets every moment of the grid up to an instant (µs, included) pass.
    fn tick_until(&mut self, to_micros: i64) {
        if self.next_tick_micros == i64::MIN {
            // Nothing was shown yet, so there is nothing that could have been missed.
            self.next_tick_micros = tick_after(to_micros);
        }
        while self.next_tick_micros <= to_micros {
            let tick = self.next_tick_micros;
            let mut context = Context {
                profiles: &self.profiles,
                lists: &self.settings.lists,
                found: &mut self.found,
            };
            for (_, detection) in &mut self.detections {
                detection.tick(tick, &mut context);
            }
            self.note_found(tick);
            if tick.rem_euclid(DAY_MICROS) == 0 && self.settled_micros.is_none() {
                let before = tick - FORGET_MICROS;
                self.profiles.prune(before);
                self.told.prune(before);
                self.detections.iter_mut().for_each(|(_, one)| one.state().prune(before));
            }
            self.next_tick_micros += TICK_MICROS;
        }
    }

    /// From now on everything can be taken back.
    pub fn branch(&mut self) {
        self.settled_micros = Some(self.at_micros);
        self.profiles.branch();
        self.told.branch();
        self.detections.iter_mut().for_each(|(_, one)| one.state().branch());
    }

    /// Back to where [`Fold::branch`] was called; findings since then are gone.
    pub fn rollback(&mut self) {
        if let Some(settled) = self.settled_micros.take() {
            self.at_micros = settled;
            self.next_tick_micros = tick_after(settled);
            self.profiles.rollback();
            self.told.rollback();
            self.detections.iter_mut().for_each(|(_, one)| one.state().rollback());
            self.news.clear();
        }
    }

    /// Remembers what was just told; a finding was found when it was told first.
    fn note_found(&mut self, at_micros: i64) {
        for mut finding in self.found.drain(..) {
            let told = &mut self.told.entry(key_of(finding.id)).0;
            finding.found_micros = told.as_ref().map_or(at_micros, |first| first.found_micros);
            finding.told_micros = at_micros;
            self.news.push(finding.id);
            *told = Some(Box::new(finding));
        }
    }

    /// What was told since the last call, each once and as told last, in the order of first being
    /// told.
    pub fn take_found(&mut self) -> Vec<Finding> {
        let mut seen = HashSet::new();
        let news = std::mem::take(&mut self.news);
        let news = news.into_iter().filter(|id| seen.insert(*id));
        news.filter_map(|id| self.told(id).cloned()).collect()
    }

    /// A finding as told last.
    pub fn told(&self, id: Id) -> Option<&Finding> {
        self.told.get(key_of(id))?.0.as_deref()
    }

    /// The settled state as bytes. Only while there is no branch.
    pub fn save(&mut self) -> Result<Vec<u8>, FoldError> {
        assert!(self.settled_micros.is_none(), "only what is settled is saved");
        let mut bytes = postcard::to_allocvec(&(self.at_micros, self.detections.len() as u32))?;
        self.profiles.save(&mut bytes)?;
        self.told.save(&mut bytes)?;
        for (_, detection) in &mut self.detections {
            let id = postcard::to_allocvec(detection.about().id)?;
            bytes.extend(id);
            detection.state().save(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Takes over what [`Fold::save`] gave, of a fold with the same settings.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), FoldError> {
        let ((at_micros, count), rest): ((i64, u32), _) = postcard::take_from_bytes(bytes)?;
        if count as usize != self.detections.len() {
            return Err(postcard::Error::DeserializeBadEncoding.into());
        }
        let rest = self.profiles.load(rest)?;
        let mut rest = self.told.load(rest)?;
        for (_, detection) in &mut self.detections {
            let (id, state): (String, _) = postcard::take_from_bytes(rest)?;
            if id != detection.about().id {
                return Err(postcard::Error::DeserializeBadEncoding.into());
            }
            rest = detection.state().load(state)?;
        }
        (self.at_micros, self.settled_micros) = (at_micros, None);
        self.next_tick_micros = tick_after(at_micros);
        self.news.clear();
        Ok(())
    }

    /// How many values are remembered: a measure of memory.
    pub fn size(&mut self) -> usize {
        let detections = self.detections.iter_mut().map(|(_, one)| one.state().size());
        detections.sum::<usize>() + self.profiles.size()
    }
}

/// The first moment of the grid after an instant; none yet where nothing was shown.
fn tick_after(micros: i64) -> i64 {
    if micros == i64::MIN { micros } else { (micros.div_euclid(TICK_MICROS) + 1) * TICK_MICROS }
}

fn key_of(id: Id) -> u64 {
    let Id([a, b, c, d, e, f, g, h, ..]) = id;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Looks at a part of history, with nothing known before it, and gives what was found in it.
pub fn history(
    view: &View,
    settings: Arc<Settings>,
    to_micros: i64,
    progress: Progress<'_>,
) -> Result<Vec<Finding>, FoldError> {
    let mut fold = Fold::new(settings);
    fold.advance(view, to_micros, progress)?;
    Ok(fold.take_found())
}
