//! Decisions: the page that asks whether one is meant, and the change itself.
//!
//! Ticked rows lead to a page (with the script: a dialog) that says what follows and takes a
//! note; its form makes the change, by the same functions as Graph's actions. Decisions are
//! durward's own: nothing is written back to the source of the log.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_access::Right;
use durward_detect::SubjectKind;
use durward_detect::risk::Decision;
use maud::{Markup, html};

use crate::access::{Asking, Caller, Looked, gate};
use crate::app::App;
use crate::error::ApiError;
use crate::graph;
use crate::page::answer;
use crate::page::shell::{self, Frame};
use crate::params::{Params, query_string};
use crate::risk::{RiskSight, run};

use super::subjects;

/// What sign-ins are called where kinds of subjects are.
pub(super) const SIGN_IN: &str = "signIn";
/// Most rows that are decided about at once: what a page has, and some more.
const IDS_MAX: usize = 100;
/// Longest note, in letters.
const NOTE_MAX: usize = 500;

/// What is to be decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    SignIns,
    Subjects(SubjectKind),
}

impl About {
    fn of(name: &str) -> Option<About> {
        match SubjectKind::from_name(name) {
            Some(kind @ (SubjectKind::User | SubjectKind::Workload | SubjectKind::Agent)) => {
                Some(About::Subjects(kind))
            }
            _ => (name == SIGN_IN).then_some(About::SignIns),
        }
    }

    fn decisions(self) -> &'static [Decision] {
        match self {
            About::SignIns => &Decision::ALL,
            About::Subjects(kind) => subjects::decisions(kind),
        }
    }

    fn right(self) -> Right {
        match self {
            About::SignIns | About::Subjects(SubjectKind::User) => Right::DecideUserRisk,
            About::Subjects(_) => Right::DecideWorkloadRisk,
        }
    }

    /// What so many of them are called.
    fn name(self, count: usize) -> &'static str {
        let (one, many) = match self {
            About::SignIns => ("sign-in", "sign-ins"),
            About::Subjects(SubjectKind::User) => ("user", "users"),
            About::Subjects(SubjectKind::Agent) => ("agent", "agents"),
            About::Subjects(_) => ("workload identity", "workload identities"),
        };
        if count == 1 { one } else { many }
    }
}

/// The label of a decision.
pub(super) fn label(decision: Decision, kind: &str) -> &'static str {
    match (decision, kind) {
        (Decision::ConfirmCompromised, "user") => "Confirm user compromised",
        (Decision::ConfirmCompromised, SIGN_IN) => "Confirm sign-in compromised",
        (Decision::ConfirmCompromised, _) => "Confirm compromised",
        (Decision::ConfirmSafe, "user") => "Confirm user safe",
        (Decision::ConfirmSafe, SIGN_IN) => "Confirm sign-in safe",
        (Decision::ConfirmSafe, _) => "Confirm safe",
        (Decision::Dismiss, "user") => "Dismiss user risk",
        (Decision::Dismiss, _) => "Dismiss risk",
    }
}

/// What follows from a decision.
fn consequence(decision: Decision) -> &'static str {
    match decision {
        Decision::ConfirmCompromised => {
            "The risk becomes high, in the state Confirmed compromised, until it is settled."
        }
        Decision::ConfirmSafe => {
            "What is known until now counts as no attack; the state becomes Confirmed safe. \
             What is found later counts again."
        }
        Decision::Dismiss => {
            "What is known until now is put aside; the state becomes Dismissed. What is found \
             later counts again."
        }
    }
}

/// The buttons of a list whose rows have a [`tick`]. `back`: where one returns to.
pub(super) fn buttons(kind: &str, decisions: &[Decision], back: &str) -> Markup {
    html! {
        input type="hidden" name="kind" value=(kind);
        input type="hidden" name="back" value=(back);
        div .decide role="group" aria-label="Decide about the ticked rows" {
            span .muted { "Ticked rows:" }
            @for decision in decisions {
                button .button .small type="submit" name="decision" value=(decision.name())
                    data-dialog=(label(*decision, kind)) {
                    (label(*decision, kind))
                }
            }
        }
    }
}

/// The box that chooses a row.
pub(super) fn tick(id: &str, name: &str) -> Markup {
    html! {
        label {
            input type="checkbox" name="id" value=(id);
            span .visually-hidden { "Select " (name) }
        }
    }
}

/// The buttons of one subject's or sign-in's own page.
pub(super) fn form_of_one(kind: &str, decisions: &[Decision], id: &str, back: &str) -> Markup {
    html! {
        form .decide-one method="get" action="/protection/decide" data-dialog="Confirm" {
            input type="hidden" name="kind" value=(kind);
            input type="hidden" name="back" value=(back);
            input type="hidden" name="id" value=(id);
            @for decision in decisions {
                button .button type="submit" name="decision" value=(decision.name())
                    data-dialog=(label(*decision, kind)) {
                    (label(*decision, kind))
                }
            }
        }
    }
}

/// May this caller decide about subjects of a kind, or sign-ins?
pub(super) fn may(caller: &Caller, kind: &str) -> bool {
    About::of(kind).is_some_and(|about| caller.may(about.right()))
}

/// What a form says.
struct Form {
    about: About,
    kind: String,
    decision: Decision,
    ids: Vec<String>,
    note: String,
    back: String,
}

impl Form {
    fn read(params: &Params, caller: &Caller) -> Result<Form, ApiError> {
        const KNOWN: [&str; 6] = ["csrf", "kind", "decision", "id", "note", "back"];
        let unknown = params.0.iter().find(|(name, _)| !KNOWN.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            let message = format!("there is no parameter '{name}'");
            return Err(ApiError::bad_request(message).parameter(name));
        }
        let wrong = |name: &'static str, message: &str| {
            ApiError::bad_request(message.to_owned()).parameter(name)
        };
        let kind = params.get("kind").unwrap_or_default();
        let about = About::of(kind)
            .ok_or_else(|| wrong("kind", "'kind' must be user, workload, agent or signIn"))?;
        let decision = params.get("decision").and_then(Decision::from_name);
        let decision = decision.filter(|one| about.decisions().contains(one)).ok_or_else(|| {
            wrong(
                "decision",
                "'decision' must be confirmCompromised, confirmSafe or dismiss, as \
                               far as there is one for this kind",
            )
        })?;
        let mut ids: Vec<String> = Vec::new();
        for (_, id) in params.0.iter().filter(|(name, id)| name == "id" && !id.is_empty()) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        if ids.len() > IDS_MAX {
            return Err(wrong("id", "at most 100 can be decided about at once"));
        }
        let note = params.get("note").unwrap_or_default().to_owned();
        if note.chars().count() > NOTE_MAX {
            return Err(wrong("note", "a note has at most 500 letters"));
        }
        if !caller.may(about.right()) {
            let message =
                format!("your roles do not let you decide about the risk of {}", about.name(2));
            return Err(ApiError::new(axum::http::StatusCode::FORBIDDEN, "Forbidden", message));
        }
        Ok(Form {
            about,
            kind: kind.to_owned(),
            decision,
            ids,
            note,
            back: back(params.get("back")),
        })
    }

    /// Names that can be read, where the book knows them.
    fn names(
        &self,
        book: &durward_detect::Book,
        sight: &RiskSight,
    ) -> Result<Vec<String>, ApiError> {
        let About::Subjects(kind) = self.about else { return Ok(self.ids.clone()) };
        let name = |id: &String| {
            let found = graph::find_risky_subject(book, sight, kind, id)?;
            Ok(found.map_or_else(
                || id.clone(),
                |subject| {
                    let mask = sight.mask(&subject.key, &subject.name);
                    let display = &subject.facts.display_name;
                    mask.map_or_else(
                        || id.clone(),
                        |mask| sight.show(&subject.key, &subject.name, display, mask).display_name,
                    )
                },
            ))
        };
        self.ids.iter().map(name).collect()
    }
}

/// Where to return to: a page of ours about protection, or its front page.
fn back(given: Option<&str>) -> String {
    let own = given.filter(|path| {
        let is_ours = ["/protection", "/signins/"].iter().any(|place| path.starts_with(place));
        is_ours && !path.contains(['\\', '\n', '\r'])
    });
    own.unwrap_or("/protection").to_owned()
}

/// `GET /protection/decide`
pub(super) async fn confirm(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let form = Arc::new(Form::read(&Params::parse(uri.query())?, &caller)?);
    let (asked, sight) = (form.clone(), RiskSight::by(&caller, form.about.right()));
    let names = run(&app, move |book| asked.names(book, &sight)).await?;
    let content = question(&frame, &form, &names);
    let looked = Looked::rows(names.len());
    if headers.contains_key("hx-request") {
        return Ok(looked.on(answer(content)));
    }
    let title = label(form.decision, &form.kind);
    let body = html! {
        main #main .dialog-page {
            div .heading { h1 { (title) } }
            section .panel .part { (content) }
        }
    };
    Ok(looked.on(answer(shell::page(&frame, title, &body, &html! {}))))
}

fn question(frame: &Frame, form: &Form, names: &[String]) -> Markup {
    const NAMED_MAX: usize = 20;
    if form.ids.is_empty() {
        return html! {
            p { b { "Nothing is ticked." } " Tick the rows to decide about first." }
            p .choices { a .button href=(form.back) { "Back" } }
        };
    }
    let title = label(form.decision, &form.kind);
    html! {
        p { (title) ": " b { (names.len()) " " (form.about.name(names.len())) } }
        ul .named {
            @for name in names.iter().take(NAMED_MAX) { li { (name) } }
            @if names.len() > NAMED_MAX { li { "and " (names.len() - NAMED_MAX) " more" } }
        }
        p { (consequence(form.decision)) }
        p .muted {
            "The decision is kept here, with your name. Entra ID is not told: act there too, for "
            "instance by revoking sessions and resetting the password."
        }
        form .narrow .decision method="post" action="/protection/decide" {
            (frame.csrf_field())
            input type="hidden" name="kind" value=(form.kind);
            input type="hidden" name="decision" value=(form.decision.name());
            input type="hidden" name="back" value=(form.back);
            @for id in &form.ids { input type="hidden" name="id" value=(id); }
            label {
                span { "Note (why; may stay empty)" }
                textarea name="note" rows="3" maxlength=(NOTE_MAX) autofocus {}
            }
            div .choices-row {
                button .button .primary type="submit" { (title) }
                a .button href=(form.back) { "Cancel" }
            }
        }
    }
}

/// `POST /protection/decide`
pub(super) async fn decide(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = Form::read(&gate::form(&headers, body).await?, &caller)?;
    if form.ids.is_empty() {
        return Err(ApiError::bad_request("nothing is ticked").parameter("id"));
    }
    let (count, back) = (form.ids.len(), form.back.clone());
    let what = (form.ids, form.note);
    let looked = match form.about {
        About::SignIns => graph::decide_about_sign_ins(&app, &caller, form.decision, what).await?,
        About::Subjects(kind) => {
            graph::decide_about(&app, &caller, kind, form.decision, what).await?
        }
    };
    let joint = if back.contains('?') { '&' } else { '?' };
    let done = query_string([("done", count.to_string().as_str())]);
    let back = if back.starts_with("/signins/") { back } else { format!("{back}{joint}{done}") };
    Ok(looked.on(gate::redirect(&back)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_pages_of_ours_only() {
        for (given, wanted) in [
            (Some("/protection/users?level=high"), "/protection/users?level=high"),
            (Some("//evil.example/"), "/protection"),
            (Some("https://evil.example/protection"), "/protection"),
            (Some("/protection\\evil"), "/protection"),
            (None, "/protection"),
        ] {
            assert_eq!(back(given), wanted, "{given:?}");
        }
    }
}
