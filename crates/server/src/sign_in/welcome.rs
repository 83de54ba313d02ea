//! One-time links: they make the first administrator, or set a password.
//!
//! Looking at a link does not use it up, because programs that scan mail look at links before
//! people do. Posting its form does, and then it works no longer, whatever came of it.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use durward_access::{
    AccessError, AccessStore, LinkPurpose as For, NewPerson, PasswordHash, Permit, Person, Role,
};
use durward_journal::Action;
use durward_model::Timestamp;
use maud::{Markup, html};

use super::attempt::{NAME_CHARS_MAX, Outcome, Subject, Way};
use super::page::{new_password, panel, problem, sorry};
use super::session::{self, Arrival};
use super::{SECRET_BYTES_MAX, Visit, actor, in_words, retry_after, typed};
use crate::access::gate::{self, redirect};
use crate::error::ApiError;
use crate::page::Frame;
use crate::params::Params;

const ROUTE: &str = "/welcome/{link}";
const TITLE: &str = "Welcome";
const OVER: &str = "This link was used before, or is too old. Ask for another one.";

/// `GET /welcome/{link}`
pub(crate) async fn show(visit: Visit, Path(link): Path<String>) -> Result<Response, ApiError> {
    Ok(match look(&visit, &link).await? {
        Some((_, person)) => {
            let content = Content { person: person.as_ref(), ..Content::default() };
            visit.page(StatusCode::OK, TITLE, &form(&visit.frame, &link, &content))
        }
        None => over(&visit),
    })
}

fn over(visit: &Visit) -> Response {
    visit.page(StatusCode::GONE, TITLE, &sorry(OVER))
}

/// What the link is for, and for whom.
async fn look(visit: &Visit, link: &str) -> Result<Option<(For, Option<Person>)>, ApiError> {
    if link.len() > SECRET_BYTES_MAX {
        return Ok(None);
    }
    let link = link.to_owned();
    let found = visit.ask(move |store| {
        let Some(purpose) = store.peek_link(&link, Timestamp::now())? else { return Ok(None) };
        let person = match &purpose {
            For::FirstAdministrator => None,
            For::SetPassword(person) => store.person(person)?,
        };
        Ok(Some((purpose, person)))
    });
    found.await?.map_err(|error| ApiError::internal(&error))
}

/// What the form shows.
#[derive(Default)]
struct Content<'a> {
    /// Whose password is set; nobody's where the first account is made.
    person: Option<&'a Person>,
    name: &'a str,
    display_name: &'a str,
    problem: Option<&'a str>,
}

fn form(frame: &Frame, link: &str, content: &Content<'_>) -> Markup {
    let Content { person, name, display_name, problem } = *content;
    let described = problem.map(|_| "problem");
    let title = if person.is_some() { "Set your password" } else { "The first administrator" };
    let shown = if person.is_some() { "Set the password" } else { "Make the account" };
    panel(
        title,
        &html! {
            (self::problem(problem))
            form method="post" action={ "/welcome/" (link) } {
                (frame.csrf_field())
                @match person {
                    Some(person) => {
                        p { "For the account " b { (person.name) } "." }
                        // Lets password managers know whose it is.
                        input type="text" name="name" value=(person.name) autocomplete="username"
                            readonly hidden;
                    }
                    None => {
                        p .muted {
                            "Nobody can sign in to this durward yet. This account may do everything, \
                             and can make others."
                        }
                        label for="name" { "Name to sign in with" }
                        input #name name="name" value=(name) required maxlength=(NAME_CHARS_MAX)
                            autocomplete="username" autocapitalize="none" spellcheck="false"
                            aria-describedby=[described] autofocus;
                        label for="display" { "What people call you" }
                        input #display name="display" value=(display_name) maxlength="100"
                            autocomplete="name";
                    }
                }
                (new_password(described))
                button .button .primary .wide { (shown) }
            }
        },
    )
}

/// `POST /welcome/{link}`
pub(crate) async fn accept(
    visit: Visit,
    Path(link): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = gate::form(&headers, body).await?;
    // Hashing is dear, so it takes a link that works; whoever guesses links is slowed.
    let account = format!("link {}", visit.client.address);
    let attempt = match visit.admit(&account, None, (Subject::default(), Way::Link)) {
        Ok(attempt) => attempt,
        Err(seconds) => {
            let what = format!("There were too many attempts. Try again {}.", in_words(seconds));
            let page = visit.page(StatusCode::TOO_MANY_REQUESTS, TITLE, &sorry(&what));
            return Ok(retry_after(page, seconds));
        }
    };
    let Some((purpose, person)) = look(&visit, &link).await? else { return Ok(over(&visit)) };
    let throttle = &visit.app.access.throttle;
    throttle.withdrawn(attempt);
    let again = |link: &str, status, problem: &str| {
        let content = Content {
            person: person.as_ref(),
            name: typed(&fields, "name"),
            display_name: typed(&fields, "display"),
            problem: Some(problem),
        };
        visit.page(status, TITLE, &form(&visit.frame, link, &content))
    };
    if typed(&fields, "password") != typed(&fields, "again") {
        let problem = "The two passwords are not the same.";
        return Ok(again(&link, StatusCode::BAD_REQUEST, problem));
    }
    let Some(permit) = visit.app.access.hasher.try_enter(false) else {
        let problem = "Too many people are signing in at this moment. Try again.";
        return Ok(retry_after(again(&link, StatusCode::SERVICE_UNAVAILABLE, problem), 3));
    };
    let given = Given::of(&fields, link.clone(), purpose, person.as_ref());
    let done = visit.ask(move |store| given.keep(store, &permit, Timestamp::now())).await?;
    match done {
        Ok(Kept::Done(person)) => welcome(&visit, &person).await,
        Ok(Kept::Over) => Ok(over(&visit)),
        Ok(Kept::Refused(link, why)) => {
            Ok(again(&link, StatusCode::BAD_REQUEST, &sentence(&why.to_string())))
        }
        Err(why) => Ok(again(&link, StatusCode::BAD_REQUEST, &sentence(&why.to_string()))),
    }
}

/// What was typed, and what it is for.
struct Given {
    link: String,
    purpose: For,
    name: String,
    display_name: String,
    password: String,
}

/// What came of it.
enum Kept {
    /// The account is there, or has its new password.
    Done(Box<Person>),
    /// Somebody else was faster.
    Over,
    /// What was typed cannot be; another link takes the place of the one that is used up.
    Refused(String, AccessError),
}

impl Given {
    fn of(fields: &Params, link: String, purpose: For, person: Option<&Person>) -> Given {
        let name = person.map_or(typed(fields, "name"), |person| &person.name);
        Given {
            link,
            purpose,
            name: name.trim().to_owned(),
            display_name: typed(fields, "display").to_owned(),
            password: typed(fields, "password").to_owned(),
        }
    }

    fn keep(
        &self,
        store: &AccessStore,
        permit: &Permit,
        now: Timestamp,
    ) -> Result<Kept, AccessError> {
        let hash = permit.hash(&self.name, &self.password)?;
        // What it was for when it was looked at may have changed.
        if store.take_link(&self.link, now)?.as_ref() != Some(&self.purpose) {
            return Ok(Kept::Over);
        }
        match self.change(store, hash, now) {
            Ok(person) => Ok(Kept::Done(Box::new(person))),
            Err(why) if why.is_refusal() => {
                Ok(Kept::Refused(store.create_link(&self.purpose, now)?, why))
            }
            Err(error) => Err(error),
        }
    }

    fn change(
        &self,
        store: &AccessStore,
        hash: PasswordHash,
        now: Timestamp,
    ) -> Result<Person, AccessError> {
        match &self.purpose {
            For::FirstAdministrator => {
                let new = NewPerson {
                    name: self.name.clone(),
                    display_name: self.display_name.clone(),
                    roles: vec![Role::GlobalAdministrator],
                    password: Some(hash),
                    ..NewPerson::default()
                };
                store.create_local(&new, now)
            }
            For::SetPassword(id) => {
                store.set_password(id, Some(&hash))?;
                store.person(id)?.ok_or(AccessError::NoSuchPerson)
            }
        }
    }
}

/// The link has done its work. It stands for a password, but not for a code.
async fn welcome(visit: &Visit, person: &Person) -> Result<Response, ApiError> {
    visit.record(Action::Change, actor(person), ROUTE, Some(person.name.clone())).await?;
    if person.has_totp {
        visit.tell(Subject::person(person), Way::Link, Outcome::CodeNeeded);
        return Ok(redirect("/sign-in"));
    }
    let arrival = Arrival {
        person,
        way: Way::Link,
        id_token: None,
        correlation: visit.ids.request.clone(),
        route: ROUTE,
    };
    session::begin(visit, arrival, redirect("/account/authenticator")).await
}

/// A fragment as a sentence.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
    sentence.push('.');
    sentence
}
