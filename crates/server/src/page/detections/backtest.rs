//! What a detection would have found with other numbers.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_detect::{About, Choice, Finding, Fold, FoldError, Level, Settings, detections};
use durward_model::Timestamp;
use durward_model::time::DAY_MICROS;
use durward_store::View;
use maud::{Markup, html};

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::backtest::{Came, Fired, Job, Stopped, TIME_MAX, Tried, WHOLE};
use crate::error::ApiError;
use crate::params::{Params, query_string};
use crate::risk::RiskSight;

use super::super::alerts::marks::{self, Seen, changed};
use super::super::answer;
use super::super::charts::{Series, Shape, TimeChart};
use super::super::scope::Scope;
use super::super::shell::Frame;
use super::super::state::grouped;
use super::form::Entered;
use super::{about_of, form, in_force, wrong};

/// What is usual is learned from so long a time before the range.
const LEARNED_MICROS: i64 = 90 * DAY_MICROS;
/// Findings that are shown.
const SAMPLES_MAX: usize = 20;

/// What a back-test tries, if it is one of this detection, and over how many days.
pub(super) fn tried(job: &Job, about: &About) -> Option<(Choice, u32)> {
    match &job.tried {
        Tried::Detection { id, choice, days } if id == about.id => Some((choice.clone(), *days)),
        _ => None,
    }
}

/// `POST /detections/{id}/backtest`
pub(super) async fn begin(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let about = about_of(&id)?;
    let entered = Entered::read(about, &gate::form(&headers, body).await?)?;
    let Some(choice) = entered.choice() else {
        return wrong(&app, &caller, &frame, about, &entered).await;
    };
    let work = Work {
        about,
        before: in_force(&app).await?,
        choice: choice.clone(),
        days: entered.days,
        sight: RiskSight::of(&caller),
        view: app.store.view(),
        to_micros: Timestamp::now().micros,
    };
    let tried = Tried::Detection { id: id.clone(), choice: choice.clone(), days: entered.days };
    let test = app.backtests.start(&caller, tried, move |job| work.run(job))?;
    let what = format!("{} days: {}", entered.days, form::words(about, &choice));
    Ok(changed(&id, what, to_test(&format!("/detections/{id}"), &test)))
}

/// The page on which a back-test is shown.
pub(in crate::page) fn to_test(page: &str, test: &str) -> Response {
    redirect(&format!("{page}?{}#backtest", query_string([("test", test)])))
}

/// `GET /detections/{id}/backtest`
pub(super) async fn watch(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["test"])?;
    let about = about_of(&id)?;
    let test = params.get("test").unwrap_or_default();
    if !headers.contains_key("hx-request") {
        return Ok(to_test(&format!("/detections/{id}"), test));
    }
    let job = app.backtests.get(test, &caller).ok_or_else(gone)?;
    tried(&job, about).ok_or_else(gone)?;
    let href = format!("/detections/{id}/backtest");
    let is_over = job.came().is_some();
    let page = panel(&frame, &job, &href, Timestamp::now());
    // Looking how far it is shows nothing yet.
    let looked = Looked { target: Some(id), is_nothing: !is_over, ..Looked::default() };
    Ok(looked.on(answer(page)))
}

/// `POST /detections/{id}/backtest/cancel`
pub(super) async fn cancel(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    about_of(&id)?;
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "test"])?;
    let test = form.get("test").unwrap_or_default();
    if !app.backtests.cancel(test, &caller) {
        return Err(gone());
    }
    Ok(changed(&id, "cancelled".to_owned(), to_test(&format!("/detections/{id}"), test)))
}

pub(in crate::page) fn gone() -> ApiError {
    ApiError::not_found("this back-test is not kept any more; begin it again")
}

/// What a back-test works with.
struct Work {
    about: &'static About,
    before: Settings,
    choice: Choice,
    days: u32,
    sight: RiskSight,
    view: Arc<View>,
    to_micros: i64,
}

impl Work {
    fn run(self, job: &Job) -> Result<Came, Stopped> {
        let mut after = self.before.clone();
        let failed = |why: &dyn std::fmt::Display| Stopped::Failed(why.to_string());
        after.choose(self.about.id, self.choice.clone()).map_err(|error| failed(&error))?;
        let value = |settings: &Settings| {
            let values = settings.values(self.about);
            let numbers = self.about.parameters.iter().map(|one| values.number(one.name));
            numbers.collect::<Vec<f64>>()
        };
        let is_other = value(&after) != value(&self.before);
        let share = if is_other { WHOLE / 2 } else { WHOLE };
        let (entered, seen) = self.fire(&after, job, (0, share))?;
        let in_force = match is_other {
            true => Some(self.fire(&self.before, job, (share, WHOLE))?.0),
            false => None,
        };
        Ok(Came::Detection { first_day: self.first_day(), entered, in_force, seen })
    }

    fn first_day(&self) -> i64 {
        self.to_micros.div_euclid(DAY_MICROS) - i64::from(self.days) + 1
    }

    /// Looks at history with the detection alone.
    fn fire(
        &self,
        settings: &Settings,
        job: &Job,
        (from, to): (u32, u32),
    ) -> Result<(Fired, u64), Stopped> {
        let first_micros = self.first_day() * DAY_MICROS;
        let begin = first_micros - LEARNED_MICROS;
        let Some(detection) = detections::make_one(self.about.id, settings) else {
            return Err(Stopped::Failed("there is no such detection".to_owned()));
        };
        let mut fold = Fold::with(Arc::new(settings.clone()), vec![detection]).begin_at(begin);
        let oldest = self.view.chunks.iter().map(|chunk| chunk.min_micros()).min();
        let begin = begin.max(oldest.unwrap_or(begin));
        let length = (self.to_micros - begin).max(1) as f64;
        let mut progress = |at: i64, _: u64| {
            let done = ((at - begin) as f64 / length).clamp(0.0, 1.0);
            job.advance(from + (f64::from(to - from) * done) as u32);
            job.stop().is_none()
        };
        fold.advance(&self.view, self.to_micros, &mut progress).map_err(|error| match error {
            FoldError::Stopped => job.stop().unwrap_or(Stopped::Cancelled),
            other => Stopped::Failed(other.to_string()),
        })?;
        let mut found = fold.take_found();
        found
            .retain(|one| one.found_micros >= first_micros && Seen::of(one, &self.sight).is_some());
        Ok((self.count(found), fold.seen()))
    }

    fn count(&self, mut found: Vec<Finding>) -> Fired {
        let mut fired = Fired { per_day: vec![[0; 3]; self.days as usize], ..Fired::default() };
        for one in &found {
            let day = one.found_micros.div_euclid(DAY_MICROS) - self.first_day();
            let place = usize::try_from(day).ok().and_then(|day| fired.per_day.get_mut(day));
            if let Some(place) = place {
                place[one.level as usize] += 1;
            }
        }
        fired.ids = found.iter().map(|one| one.id).collect();
        found.sort_by_key(|one| std::cmp::Reverse((one.found_micros, one.id)));
        found.truncate(SAMPLES_MAX);
        fired.samples = found;
        fired
    }
}

/// How far a back-test is, or what came of it. `href` is where its panel is asked for.
pub(super) fn panel(frame: &Frame, job: &Job, href: &str, now: Timestamp) -> Markup {
    let came = match unfinished(frame, job, href) {
        Ok(came) => came,
        Err(panel) => return panel,
    };
    let (Came::Detection { first_day, entered, in_force, seen }, Tried::Detection { days, .. }) =
        (came, &job.tried)
    else {
        return html! {};
    };
    html! {
        section #backtest .panel .part aria-labelledby="backtest-title" {
            h2 #backtest-title { "Back-test: the last " (days) " days" }
            p role="status" {
                b { (findings(entered.total())) }
                " with the numbers as entered (" (levels(&entered)) "), "
                (weekly(entered.total(), *days)) " a week."
                @if let Some(before) = &in_force {
                    " With those in force: " b { (grouped(before.total())) }
                    " (" (levels(before)) ")."
                    (compared(&entered.ids, &before.ids))
                } @else { " These are the numbers in force." }
            }
            (chart("backtest-chart", "Findings with the numbers as entered", first_day, &entered))
            @if let Some(before) = &in_force {
                h3 { "With the numbers in force" }
                (chart("backtest-before", "Findings with the numbers in force", first_day, before))
            }
            h3 { "The newest" }
            (samples(&entered, frame, now))
            p .muted .small {
                "From " (grouped(seen)) " sign-ins; what is usual was learned from the 90 days
                 before the range, as far as there are any."
            }
        }
    }
}

fn samples(fired: &Fired, frame: &Frame, now: Timestamp) -> Markup {
    let sight = frame.viewer.as_deref().map(RiskSight::of);
    let seen = fired.samples.iter().filter_map(|one| Seen::of(one, sight.as_ref()?));
    let seen: Vec<Seen> = seen.collect();
    html! {
        @if seen.is_empty() { p .muted { "Nothing would have been found." } }
        @else { (marks::findings(&seen, false, now)) }
    }
}

/// The result, or the panel that says that there is none (yet).
pub(in crate::page) fn unfinished(frame: &Frame, job: &Job, href: &str) -> Result<Came, Markup> {
    let said = |what: Markup| {
        html! {
            section #backtest .panel .part aria-labelledby="backtest-title" {
                h2 #backtest-title { "Back-test" }
                (what)
            }
        }
    };
    match job.came() {
        Some(Ok(came)) => Ok(came),
        Some(Err(stopped)) => Err(said(html! {
            p .problem role="alert" {
                @match stopped {
                    Stopped::Cancelled => "It was stopped.",
                    Stopped::TooSlow => {
                        "It took longer than " (TIME_MAX.as_secs()) " seconds. Choose fewer days."
                    }
                    Stopped::Failed(why) => { b { "✖ It failed: " } (why) }
                }
            }
        })),
        None => Err(running(frame, job, href)),
    }
}

fn running(frame: &Frame, job: &Job, href: &str) -> Markup {
    let again = format!("{href}?{}", query_string([("test", job.id.as_str())]));
    let percent = job.progress() * 100 / WHOLE;
    html! {
        section #backtest .panel .part aria-labelledby="backtest-title" aria-busy="true"
            data-quiet hx-get=(again) hx-trigger="every 1s" hx-swap="outerHTML" {
            h2 #backtest-title { "Back-test" }
            p { "Looking at the log … " (percent) " %" }
            progress max="100" value=(percent) aria-labelledby="backtest-title" {}
            div .ends {
                form method="post" action={ (href) "/cancel" } {
                    (frame.csrf_field())
                    input type="hidden" name="test" value=(job.id);
                    button .button .small { "Cancel" }
                }
                a .small href=(again) { "Look how far it is" }
            }
        }
    }
}

fn levels(fired: &Fired) -> String {
    let levels = Level::ALL.into_iter().rev();
    let parts = levels.map(|level| format!("{} {}", grouped(fired.at(level)), level.name()));
    parts.collect::<Vec<_>>().join(", ")
}

/// So many findings.
pub(in crate::page) fn findings(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "finding" } else { "findings" })
}

/// So many a week, with one decimal where there are few.
fn weekly(total: u64, days: u32) -> String {
    let weekly = total as f64 * 7.0 / f64::from(days.max(1));
    if weekly < 10.0 { format!("{weekly:.1}") } else { format!("{weekly:.0}") }
}

fn compared(entered: &BTreeSet<durward_model::Id>, before: &BTreeSet<durward_model::Id>) -> String {
    let new = entered.difference(before).count() as u64;
    let gone = before.difference(entered).count() as u64;
    format!(" {} would be new, {} would be gone.", grouped(new), grouped(gone))
}

fn chart(id: &'static str, title: &str, first_day: i64, fired: &Fired) -> Markup {
    let series = Level::ALL.into_iter().rev().map(|level| Series {
        name: level.name().to_owned(),
        class: marks::chart_class(level),
        values: fired.per_day.iter().map(|day| day[level as usize]).collect(),
    });
    days(id, title, first_day, series.collect())
}

/// Numbers by day; a bar leads to the sign-ins of its day.
pub(in crate::page) fn days(
    id: &'static str,
    title: &str,
    first_day: i64,
    series: Vec<Series>,
) -> Markup {
    let chart = TimeChart {
        id,
        title: title.to_owned(),
        shape: Shape::Bars,
        first_micros: first_day * DAY_MICROS,
        bin_micros: DAY_MICROS,
        series,
    };
    chart.render(&Scope::default(), &|scope: &Scope| scope.href("/signins", &[("type", "all")]))
}
