//! What rules would have found.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_detect::rules::{Backtest, Compiled, Ground, Rule, backtest};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::gate;
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::backtest::{Came, Job, Stopped, Tried, WHOLE};
use crate::error::ApiError;
use crate::params::Params;
use crate::risk::RiskSight;

use super::super::alerts::marks::{self, Seen, changed};
use super::super::answer;
use super::super::charts::Series;
use super::super::detections::{days, findings, gone, to_test, unfinished};
use super::super::shell::Frame;
use super::super::state::grouped;
use super::draft::Draft;
use super::{compiled, form, href, import, whole, wrong};

/// The panel's own address.
const HREF: &str = "/rules/backtest";

/// The rule that is tried, where it is one.
pub(super) fn rule_of(job: &Job) -> Option<Rule> {
    match &job.tried {
        Tried::Rules(rules) if rules.len() == 1 => rules.first().cloned(),
        _ => None,
    }
}

/// The rule that was tried, once that has ended well.
pub(super) fn tried(job: &Job) -> Option<Rule> {
    match job.came() {
        Some(Ok(Came::Rules(came))) if came.iter().all(Result::is_ok) => rule_of(job),
        _ => None,
    }
}

/// Begins to try rules.
pub(super) fn start(
    app: &Arc<App>,
    caller: &Caller,
    rules: Vec<Rule>,
    days: u32,
) -> Result<String, ApiError> {
    let sight = RiskSight::of(caller);
    let (engine, view) = (app.engine.clone(), app.store.view());
    let placeholders = app.detect.placeholders.clone();
    let to_micros = Timestamp::now().micros;
    let all = rules.clone();
    app.backtests.start(caller, Tried::Rules(rules), move |job| {
        let ground = Ground { engine: &engine, view: &view };
        let mut came = Vec::with_capacity(all.len());
        for (number, rule) in all.iter().enumerate() {
            if let Some(stopped) = job.stop() {
                return Err(stopped);
            }
            let one = Compiled::new(rule.clone(), &placeholders).map_err(|e| e.to_string());
            let one = one.and_then(|rule| {
                backtest(ground, &rule, to_micros, days).map_err(|error| error.to_string())
            });
            came.push(one.map(|mut one| {
                one.samples.retain(|sample| Seen::of(sample, &sight).is_some());
                one
            }));
            job.advance((number as u32 + 1) * WHOLE / all.len().max(1) as u32);
        }
        job.stop().filter(|stopped| *stopped == Stopped::Cancelled).map_or(Ok(()), Err)?;
        Ok(Came::Rules(came))
    })
}

/// `POST /rules/backtest`
pub(super) async fn begin(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let draft = Draft::read(gate::large_form(&headers, body).await?)?;
    let days = draft.days()?;
    let rule = match draft.rule().and_then(|rule| compiled(&app, &rule).map(|_| rule)) {
        Ok(rule) => rule,
        Err(problem) => return wrong(&app, &caller, &frame, draft, problem).await,
    };
    let page = if draft.id().is_empty() { "/rules/new".to_owned() } else { href(&rule.id) };
    let what = format!("{days} days: {}", form::words(&rule));
    let target = format!("rule:{}", rule.id);
    // A new rule stays one: its identifier follows from its name when it is saved.
    let rule = Rule { id: draft.id().to_owned(), ..rule };
    let test = start(&app, &caller, vec![rule], days)?;
    Ok(changed(&target, what, to_test(&page, &test)))
}

/// `GET /rules/backtest`
pub(super) async fn watch(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["test"])?;
    let job = app.backtests.get(params.get("test").unwrap_or_default(), &caller);
    let job = job.ok_or_else(gone)?;
    if !headers.contains_key("hx-request") {
        return Ok(to_test(&page_of(&job), &job.id));
    }
    let looked = Looked { is_nothing: job.came().is_none(), ..Looked::default() };
    let panel = match rule_of(&job) {
        Some(_) => html! {
            (panel(&frame, &job, Timestamp::now()))
            @if tried(&job).is_some() { (form::save_button(true, true)) }
        },
        None => import::result(&frame, &job),
    };
    Ok(looked.on(answer(panel)))
}

/// The page that shows a back-test.
fn page_of(job: &Job) -> String {
    match rule_of(job) {
        Some(rule) if rule.id.is_empty() => "/rules/new".to_owned(),
        Some(rule) => href(&rule.id),
        None => "/rules/import".to_owned(),
    }
}

/// `POST /rules/backtest/cancel`
pub(super) async fn cancel(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "test"])?;
    let job = app.backtests.get(form.get("test").unwrap_or_default(), &caller);
    let job = job.ok_or_else(gone)?;
    app.backtests.cancel(&job.id, &caller);
    let page = to_test(&page_of(&job), &job.id);
    Ok(changed("rule", "back-test cancelled".to_owned(), page))
}

/// How far it is, or what came of it.
pub(super) fn panel(frame: &Frame, job: &Job, now: Timestamp) -> Markup {
    let came = match unfinished(frame, job, HREF) {
        Ok(Came::Rules(came)) => came,
        Ok(_) => return html! {},
        Err(panel) => return panel,
    };
    html! {
        section #backtest .panel .part aria-labelledby="backtest-title" {
            h2 #backtest-title { "Back-test" }
            @for one in &came {
                @match one {
                    Ok(one) => (result(frame, one, now)),
                    Err(why) => p .problem role="alert" { b { "✖ It could not be run. " } (why) },
                }
            }
        }
    }
}

fn result(frame: &Frame, test: &Backtest, now: Timestamp) -> Markup {
    let first_day = test.per_day.first().map_or(0, |(day, _)| *day);
    let values = test.per_day.iter().map(|(_, count)| *count).collect();
    let series = vec![Series { name: "Findings".to_owned(), class: "c0", values }];
    let sight = frame.viewer.as_deref().map(RiskSight::of);
    let seen = test.samples.iter().filter_map(|one| Seen::of(one, sight.as_ref()?));
    let seen: Vec<Seen> = seen.collect();
    html! {
        p role="status" {
            b { (findings(test.total)) } " in " (test.per_day.len()) " days, from "
            (grouped(test.matches)) " matching records. "
            b { (per_week(test.per_week)) " a week" } " are to be expected."
            @if test.is_cut { " There are more than the chart shows." }
        }
        (days("backtest-chart", "Findings by day", first_day, series))
        h3 { "The newest" }
        @if seen.is_empty() { p .muted { "Nothing would have been found." } }
        @else { (marks::findings(&seen, false, now)) }
    }
}

/// With one decimal where there are few.
pub(super) fn per_week(count: f64) -> String {
    if count < 10.0 { format!("{count:.1}") } else { grouped(count.round() as u64) }
}
