//! What the dialogs of the filter are asked, besides the state of the explorer.

use axum::http::header::{HeaderName, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::page::answer;
use crate::page::shell::{self, Frame};
use crate::page::state::State;
use crate::params::Params;

/// Number of a pill, and of a term of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(pub(super) usize, pub(super) usize);

impl Place {
    /// In addresses.
    pub(super) fn text(self) -> String {
        if self.1 == 0 { self.0.to_string() } else { format!("{}.{}", self.0, self.1) }
    }

    fn parse(text: &str) -> Option<Place> {
        let (pill, term) = text.split_once('.').unwrap_or((text, "0"));
        Some(Place(pill.parse().ok()?, term.parse().ok()?))
    }
}

/// Parameters of the dialogs themselves.
pub(super) const OWN: [&str; 15] = [
    "edit", "or", "join", "field", "op", "not", "value", "values", "from", "to", "prefix", "find",
    "country", "state", "text",
];

/// A state and what is asked about it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) state: State,
    pub(super) own: Params,
}

impl Asked {
    pub(super) fn parse(uri: &Uri) -> Result<Asked, ApiError> {
        let all = Params::parse(uri.query())?;
        let (own, rest): (Vec<_>, Vec<_>) =
            all.0.into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
        let rest = Params(rest);
        rest.only(&State::params())?;
        Ok(Asked { state: State::parse(&rest)?, own: Params(own) })
    }

    /// The term that is edited, if it is there.
    pub(super) fn edited(&self) -> Option<Place> {
        let place = Place::parse(self.own.get("edit")?)?;
        self.state.pills.0.get(place.0)?.terms.get(place.1)?;
        Some(place)
    }

    /// The pill that the term becomes an alternative of, or that another is joined with.
    pub(super) fn pill(&self, name: &str) -> Option<usize> {
        let index = self.own.get(name)?.parse().ok()?;
        self.state.pills.0.get(index).map(|_| index)
    }

    /// All values of a name.
    pub(super) fn every(&self, name: &str) -> impl Iterator<Item = &str> {
        let of = move |pair: &&(String, String)| pair.0 == name && !pair.1.is_empty();
        self.own.0.iter().filter(of).map(|(_, value)| value.as_str())
    }

    /// The state without the pill that is edited: what values are suggested within.
    pub(super) fn others(&self) -> State {
        let edited = self.edited().map(|place| place.0).or(self.pill("or"));
        self.state.with(|state| {
            if let Some(index) = edited {
                state.pills.0.remove(index);
            }
        })
    }

    /// What says which term it is about, for the dialog's next step.
    pub(super) fn which(&self) -> Vec<(&'static str, String)> {
        let edit = self.edited().map(|place| ("edit", place.text()));
        let or = self.pill("or").map(|index| ("or", index.to_string()));
        edit.into_iter().chain(or).collect()
    }

    /// The dialog for a field.
    pub(super) fn href_of_field(&self, name: &str) -> String {
        let which = self.which();
        let mut more: Vec<(&str, &str)> =
            which.iter().map(|(name, value)| (*name, value.as_str())).collect();
        more.push(("field", name));
        href(&self.state, &more)
    }
}

/// The dialog of a state: see [`OWN`] for what more can be said.
pub(super) fn href(state: &State, more: &[(&str, &str)]) -> String {
    state.href_of("/signins/filter", more)
}

/// The state as fields of a form.
pub(super) fn hidden(state: &State) -> Markup {
    html! {
        @for (name, value) in state.with(|_| ()).pairs() {
            input type="hidden" name=(name) value=(value);
        }
    }
}

/// Does a script ask, for a part of the page?
pub(super) fn is_part(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// A dialog: alone for the script that shows it, else as a page of its own.
pub(super) fn dialog(
    frame: &Frame,
    headers: &HeaderMap,
    state: &State,
    title: &str,
    content: &Markup,
    status: StatusCode,
) -> Response {
    if is_part(headers) {
        // What is wrong is said in the dialog, which scripts show for good answers only.
        return answer(html! { (content) });
    }
    let body = html! {
        main #main .dialog-page {
            p { a href=(state.href()) { "← Sign-in logs" } }
            section .panel { (content) }
        }
    };
    (status, answer(shell::page(frame, title, &body, &html! {}))).into_response()
}

/// On to a state: by an event that the script follows, else by a redirect.
pub(super) fn go(headers: &HeaderMap, state: &State) -> Response {
    const TRIGGER: HeaderName = HeaderName::from_static("hx-trigger");
    let href = state.href();
    if is_part(headers) {
        let event = serde_json::json!({ "durward:visit": { "href": href } }).to_string();
        let event = HeaderValue::from_str(&event).unwrap_or(HeaderValue::from_static("{}"));
        return (StatusCode::NO_CONTENT, [(TRIGGER, event)]).into_response();
    }
    let href = HeaderValue::from_str(&href).unwrap_or(HeaderValue::from_static("/signins"));
    (StatusCode::SEE_OTHER, [(LOCATION, href)]).into_response()
}

/// Parameters of a dialog, for the description.
pub(super) fn parameters() -> Vec<crate::openapi::Parameter> {
    use crate::openapi::Parameter;
    let mut all = super::super::explorer_parameters();
    all.extend([
        Parameter::query("edit", "Number of the pill to change, from 0; .1 for its second term"),
        Parameter::query("or", "Number of the pill that the term becomes an alternative of"),
        Parameter::query("field", "Name of a field"),
        Parameter::query("prefix", "Only values with this text"),
        Parameter::query("value", "A value that is chosen; may be given more than once"),
    ]);
    all
}
