//! My sign-ins: somebody's own history, and nobody else's, for a small screen first.
//!
//! Whatever else a viewer may read, this page asks with their own sight only. They can say of
//! each sign-in whether it was theirs; what they say is kept, and shown to those who look into it.

mod address;
mod card;
mod words;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_access::{Feedback, Verdict};
use durward_model::{Event, FieldId, Timestamp};
use maud::{Markup, html};

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked, Who};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::rest;

use super::shell::Frame;
use super::{answer, shell};
use address::{Address, Show};

/// What the page is called.
const TITLE: &str = "My sign-ins";
/// Cards of a page.
const PAGE_CARDS: usize = 20;

/// `GET /me`
pub(crate) async fn me(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&address::PARAMS)?;
    let address = Address::parse(&params)?;
    if caller.own().is_none() {
        let looked = Looked { is_nothing: true, ..Looked::default() };
        return Ok(looked.on(answer(shell::page(&frame, TITLE, &unknown(&caller), &html! {}))));
    }
    let question = address.question()?;
    let after = question.position(address.older.as_deref())?;
    let person = caller.person().map(|person| person.id.clone());
    let shared = app.clone();
    let shown = app.ask_as(&caller, caller.own_sight(), move |reader| {
        let (events, next) = question.events(reader, after, PAGE_CARDS)?;
        let older = next.map(|next| next.to_token(question.hash));
        let said = match person {
            Some(person) => said_by(&shared, &person, &events)?,
            None => Vec::new(),
        };
        Ok(Shown { events, older, said })
    });
    let shown = shown.await?;
    let page = render(&frame, &caller, &address, &shown, Timestamp::now());
    Ok(Looked::rows(shown.events.len()).on(answer(page)))
}

/// What a page shows.
struct Shown {
    events: Vec<Event>,
    older: Option<String>,
    /// What the viewer said of them.
    said: Vec<Feedback>,
}

/// What somebody said of these sign-ins. Blocks.
fn said_by(app: &App, person: &str, events: &[Event]) -> Result<Vec<Feedback>, ApiError> {
    let ids: Vec<String> = events.iter().map(|event| event.cell(FieldId::Id).to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let said = app.access.store.feedback_of(&ids);
    let mut said = said.map_err(|error| ApiError::internal(&error))?;
    said.retain(|feedback| feedback.person == person);
    Ok(said)
}

/// `POST /me/feedback`
pub(crate) async fn feedback(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    let address = Address::parse(&form)?;
    let verdict = match form.get("verdict") {
        Some("mine") => Verdict::Mine,
        Some("not-mine") => Verdict::NotMine,
        _ => {
            let message = "'verdict' must be mine or not-mine";
            return Err(ApiError::bad_request(message).parameter("verdict"));
        }
    };
    let asked = form.get("id").unwrap_or_default().to_owned();
    let tenant = form.get("tenant").map(str::to_owned);
    let found = app.ask_as(&caller, caller.own_sight(), move |reader| {
        rest::find(reader, tenant.as_deref(), &asked)
    });
    let (id, tenant) = key(&found.await?);
    let Some(person) = caller.person().map(|person| person.id.clone()) else {
        return Err(ApiError::not_found("there is nobody here whose sign-ins these are"));
    };
    let looked = Looked {
        target: Some(id.clone()),
        query: Some(format!("verdict={}", form.get("verdict").unwrap_or_default())),
        ..Looked::default()
    };
    let mut to = address.href();
    to.push('#');
    crate::params::encode(&id, &mut to);
    let written = app.access.try_run(move |access| {
        access.store.record_feedback(&person, &tenant, &id, verdict, Timestamp::now())
    });
    written.await?.map_err(|refused| ApiError::bad_request(refused.to_string()))?;
    Ok(looked.on(redirect(&to)))
}

/// What names an event: its identifier and its tenant.
fn key(event: &Event) -> (String, String) {
    (event.cell(FieldId::Id).to_string(), event.cell(FieldId::TenantId).to_string())
}

fn render(
    frame: &Frame,
    caller: &Caller,
    address: &Address,
    shown: &Shown,
    now: Timestamp,
) -> Markup {
    let body = html! {
        main #main .me {
            div .heading { h1 { (TITLE) } }
            (tabs(address))
            (search(address))
            @if shown.events.is_empty() { (nothing(address)) }
            @for event in &shown.events {
                (card::card(frame, caller, address, event, &shown.said, now))
            }
            footer .ends {
                @if address.older.is_some() {
                    a .button href=(address.with(|it| it.older = None).href()) { "Newest" }
                }
                @if let Some(older) = &shown.older {
                    @let older = Some(older.clone());
                    a .button rel="next" href=(address.with(|it| it.older = older).href()) {
                        "Older"
                    }
                }
                @let other = address.with(|it| it.background = !it.background);
                a .quiet href=(other.href()) {
                    @if address.background { "Hide background sign-ins" }
                    @else { "Also show background sign-ins" }
                }
            }
            p .muted .small {
                "Places are guessed from the network. Mobile networks and VPNs often show another
                 city, or even another country, than the one you were in."
                @if address.background {
                    " Background sign-ins are those that an application did for you without
                     asking."
                }
            }
        }
    };
    let controls = html! { a #zone .button href="?" hidden data-local="true" { "Local" } };
    shell::page(frame, TITLE, &body, &controls)
}

fn tabs(address: &Address) -> Markup {
    html! {
        nav .tabs aria-label="Outcome" {
            @for show in Show::ALL {
                @let href = address.with(|it| it.show = show).href();
                a href=(href) aria-current=[(show == address.show).then_some("page")] {
                    (show.label())
                }
            }
        }
    }
}

fn search(address: &Address) -> Markup {
    html! {
        form .filter action="/me" method="get" role="search" {
            (address.fields(&["show", "background"]))
            div .field {
                span .glass aria-hidden="true" { "⌕" }
                input type="search" name="q" value=(address.text) autocomplete="off"
                    maxlength=(address::TEXT_CHARS_MAX) aria-label="Search"
                    placeholder="Application, place, browser …";
            }
            button .button type="submit" { "Search" }
        }
    }
}

fn nothing(address: &Address) -> Markup {
    let is_narrowed = !address.text.is_empty() || address.show != Show::All;
    html! {
        section .panel .empty {
            h2 { "No sign-ins" }
            p .muted {
                @if is_narrowed { "None of your sign-ins is like that." }
                @else { "There is no sign-in of yours in the log." }
            }
            @if is_narrowed {
                p .choices {
                    @let all = address.with(|it| { it.text.clear(); it.show = Show::All; });
                    a .button href=(all.href()) { "Show all" }
                }
            }
        }
    }
}

/// For people of whom it is not known who they are in the log.
fn unknown(caller: &Caller) -> Markup {
    let is_local = caller.person().is_some_and(durward_access::Person::is_local);
    let is_demo = matches!(caller.who, Who::Demo);
    html! {
        main #main .single {
            section .panel .empty {
                h1 { "Your sign-ins cannot be found yet" }
                @if is_demo {
                    p .muted {
                        "The demo administrator is nobody in the directory, so there are no
                         sign-ins of their own to show."
                    }
                } @else {
                    p .muted {
                        "durward does not know which user of the directory you are. An
                         administrator can change that:"
                    }
                    @if is_local {
                        p .muted {
                            "your account here needs the object ID that your user has in Microsoft
                             Entra, and the ID of its tenant."
                        }
                    } @else {
                        p .muted {
                            "the provider you sign in at has to send the object ID of your user
                             (the claim " code { "oid" } ", unless another one is configured)."
                        }
                    }
                }
            }
        }
    }
}
