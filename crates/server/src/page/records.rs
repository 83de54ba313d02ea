//! Records of logs that are not about sign-ins: audit, provisioning, risk and whatever else came
//! in the same files. The store keeps them whole, as they came; what the columns show is read from
//! the record itself.

mod one;
mod read;

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_access::Right;
use durward_journal::Action;
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{ListRequest, Order, Position, Reader, cursor};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::{Params, encode};
use crate::routes::{Endpoint, endpoint, right};

use super::scope::{self, Scope};
use super::shell::{self, Frame};
use super::state::grouped;
use super::{answer, page_of, scope_parameters, words};
use read::Record;

/// Rows of a page.
const PAGE_ROWS: usize = 50;
/// Records that one page looks through for a text, in steps.
const SCANNED_MAX: usize = 2000;
const BATCH: usize = 250;
/// How far back the list goes, unless the address says otherwise.
const RANGE: &str = "30d";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let audit = right(&[Right::ReadAudit], Action::List);
    let audit_one = right(&[Right::ReadAudit], Action::Read);
    let provisioning = right(&[Right::ReadProvisioning], Action::List);
    let provisioning_one = right(&[Right::ReadProvisioning], Action::Read);
    let list = |what: &'static str| {
        page_of(what)
            .parameters(&[
                Parameter::query("log", "audit (default), risk or other"),
                Parameter::query("q", "Only records whose text contains this"),
                Parameter::query("after", "Where the page before ended"),
            ])
            .parameters(&scope_parameters())
    };
    let one = |what: &'static str| {
        page_of(what)
            .parameters(&[Parameter::path("id", "Identifier of the record")])
            .parameters(&scope_parameters())
    };
    let get_of = |place: Place| {
        get(move |app, asking, frame, uri| list_page(place, app, asking, frame, uri))
    };
    vec![
        endpoint(Method::GET, "/audit", audit, get_of(Place::Audit), list("Audit logs")),
        endpoint(
            Method::GET,
            "/provisioning",
            provisioning,
            get_of(Place::Provisioning),
            list("Provisioning logs"),
        ),
        endpoint(Method::GET, "/audit/{id}", audit_one, get(one::audit), one("One audit record")),
        endpoint(
            Method::GET,
            "/provisioning/{id}",
            provisioning_one,
            get(one::provisioning),
            one("One provisioning record"),
        ),
    ]
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Audit,
    Provisioning,
}

impl Place {
    fn path(self) -> &'static str {
        match self {
            Place::Audit => "/audit",
            Place::Provisioning => "/provisioning",
        }
    }

    /// What it is called; also its entry in the navigation.
    fn title(self) -> &'static str {
        match self {
            Place::Audit => "Audit logs",
            Place::Provisioning => "Provisioning logs",
        }
    }

    /// The logs it shows, the first of them unless another is asked for.
    fn logs(self) -> &'static [Log] {
        match self {
            Place::Audit => &[Log::Audit, Log::Risk, Log::Other],
            Place::Provisioning => &[Log::Provisioning],
        }
    }

    fn href(self, id: &str) -> String {
        let mut href = format!("{}/", self.path());
        encode(id, &mut href);
        href
    }
}

/// What is asked.
struct Asked {
    place: Place,
    log: Log,
    scope: Scope,
    text: String,
    after: Option<Position>,
    hash: u64,
}

impl Asked {
    fn parse(place: Place, uri: &Uri) -> Result<Asked, ApiError> {
        let params = Params::parse(uri.query())?;
        params.only(&[&scope::PARAMS[..], &["log", "q", "after"]].concat())?;
        let scope = Scope::parse(&params, RANGE)?;
        let log = match params.get("log") {
            None => place.logs()[0],
            Some(name) => {
                let log = Log::from_name(name).filter(|log| place.logs().contains(log));
                log.ok_or_else(|| {
                    let names: Vec<&str> = place.logs().iter().map(|log| log.name()).collect();
                    let message = format!("'log' must be one of: {}", names.join(", "));
                    ApiError::bad_request(message).parameter("log")
                })?
            }
        };
        let text = params.get("q").unwrap_or_default().to_owned();
        let tenant = scope.tenant.as_deref().unwrap_or_default();
        let hash = cursor::question(&["records", log.name(), &scope.range, tenant]);
        let after = params.get("after").map(|token| Position::from_token(token, hash));
        let after = after.transpose().map_err(|error| {
            ApiError::bad_request(format!("Invalid cursor: {error}")).parameter("after")
        })?;
        Ok(Asked { place, log, scope, text, after, hash })
    }

    fn href(&self, scope: &Scope, log: Log, after: Option<Position>) -> String {
        let after = after.map(|position| position.to_token(self.hash));
        let mut more = Vec::new();
        if log != self.place.logs()[0] {
            more.push(("log", log.name()));
        }
        if !self.text.is_empty() {
            more.push(("q", self.text.as_str()));
        }
        if let Some(after) = &after {
            more.push(("after", after));
        }
        scope.href(self.place.path(), &more)
    }
}

/// What a page shows.
struct Shown {
    /// Records of each log of the place, whenever.
    totals: Vec<(Log, u64)>,
    /// Records of the range.
    count: u64,
    rows: Vec<Record>,
    /// Records that were looked through.
    scanned: usize,
    oldest: Option<Timestamp>,
    next: Option<Position>,
}

async fn list_page(
    place: Place,
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Arc::new(Asked::parse(place, &uri)?);
    let now = Timestamp::now();
    let shared = asked.clone();
    let shown = app.ask(&caller, move |reader| look(reader, &shared, now)).await?;
    let rows = shown.rows.len();
    Ok(Looked::rows(rows).on(answer(render(&frame, &asked, &shown, now))))
}

fn look(reader: &Reader, asked: &Asked, now: Timestamp) -> Result<Shown, ApiError> {
    let mut totals = Vec::new();
    for log in asked.place.logs() {
        totals.push((*log, reader.total(&[*log])?));
    }
    let filter = asked.scope.filter(now);
    let mut shown = Shown {
        totals,
        count: reader.count(&filter, &[asked.log])?,
        rows: Vec::new(),
        scanned: 0,
        oldest: None,
        next: None,
    };
    let mut request = ListRequest {
        filter,
        logs: vec![asked.log],
        order: Order::NewestFirst,
        limit: if asked.text.is_empty() { PAGE_ROWS } else { BATCH },
        after: asked.after,
    };
    let needle = asked.text.to_lowercase();
    loop {
        let page = reader.list(&request)?;
        for (event, row) in reader.events(&page.rows)?.iter().zip(&page.rows) {
            shown.scanned += 1;
            shown.oldest = Some(event.row().created);
            if needle.is_empty() || event.original().to_lowercase().contains(&needle) {
                shown.rows.push(Record::of(event));
            }
            if shown.rows.len() == PAGE_ROWS {
                shown.next = Some(reader.position(*row)?);
                let is_last = page.next.is_none() && Some(row) == page.rows.last();
                if is_last {
                    shown.next = None;
                }
                return Ok(shown);
            }
        }
        shown.next = page.next;
        if page.next.is_none() || shown.scanned >= SCANNED_MAX {
            return Ok(shown);
        }
        request.after = page.next;
    }
}

fn render(frame: &Frame, asked: &Asked, shown: &Shown, now: Timestamp) -> Markup {
    let place = asked.place;
    let total: u64 = shown.totals.iter().map(|(_, total)| total).sum();
    let body = html! {
        main #main .records {
            div .heading { h1 { (place.title()) } }
            @if total == 0 {
                (nothing_yet(place))
            } @else {
                (tabs(asked, shown))
                (filter(asked))
                section .panel aria-label="Records" {
                    @if shown.rows.is_empty() { (nothing_found(asked, shown)) } @else {
                        (table(asked, shown, now))
                    }
                    (footer(asked, shown, now))
                }
            }
        }
    };
    let href = |scope: &Scope| asked.href(scope, asked.log, None);
    shell::page(frame, place.title(), &body, &shell::controls(&asked.scope, now, &href))
}

/// A tab for each log that has records, if there are several.
fn tabs(asked: &Asked, shown: &Shown) -> Markup {
    let with: Vec<_> =
        shown.totals.iter().filter(|(log, total)| *total > 0 || *log == asked.log).collect();
    html! {
        @if with.len() > 1 {
            nav .tabs aria-label="Log" {
                @for (log, total) in with {
                    a href=(asked.href(&asked.scope, *log, None))
                        aria-current=[(*log == asked.log).then_some("page")] {
                        (label(*log)) span .count { (grouped(*total)) }
                    }
                }
            }
        }
    }
}

fn label(log: Log) -> &'static str {
    match log {
        Log::Audit => "Directory",
        other => durward_model::columns::text::log_label(other),
    }
}

fn filter(asked: &Asked) -> Markup {
    html! {
        form .narrow action=(asked.place.path()) method="get" role="search" {
            @for (name, value) in asked.scope.pairs() {
                input type="hidden" name=(name) value=(value);
            }
            @if asked.log != asked.place.logs()[0] {
                input type="hidden" name="log" value=(asked.log.name());
            }
            label .grow {
                span { "Text anywhere in the record" }
                input type="search" name="q" value=(asked.text) autocomplete="off"
                    spellcheck="false" placeholder="name, activity, identifier …";
            }
            button .button .primary type="submit" { "Filter" }
            @if !asked.text.is_empty() {
                @let plain = Asked { text: String::new(), scope: asked.scope.clone(), ..*asked };
                a .quiet href=(plain.href(&plain.scope, plain.log, None)) { "Reset" }
            }
        }
    }
}

fn table(asked: &Asked, shown: &Shown, now: Timestamp) -> Markup {
    let columns = read::columns(asked.log);
    html! {
        div .scroll tabindex="-1" {
            table .list .roomy {
                thead {
                    tr {
                        th scope="col" { "Date (" span .zone { "UTC" } ")" }
                        @for (label, _) in columns { th scope="col" { (label) } }
                    }
                }
                tbody {
                    @for record in &shown.rows {
                        tr .row {
                            td {
                                a href=(asked.place.href(&record.id)) {
                                    (words::time(record.created, now))
                                }
                            }
                            @for (label, value) in columns {
                                td { (cell(label, &value(record))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A value of a column; a status with its icon.
fn cell(label: &str, value: &str) -> Markup {
    if label == "Status" {
        return status(value);
    }
    html! { @if !value.is_empty() { span .clip title=(value) { (value) } } }
}

/// A result as these logs write it, with the icon of what it means.
fn status(value: &str) -> Markup {
    use durward_model::errors::Status;
    let known = match value.to_ascii_lowercase().as_str() {
        "success" | "0" => Some(Status::Success),
        "failure" | "timeout" => Some(Status::Failure),
        "skipped" | "warning" => Some(Status::Interrupted),
        _ => None,
    };
    html! {
        @match known {
            Some(status) => span .pill .(words::status_class(status)) {
                span aria-hidden="true" { (words::icon(status)) } " " (read::capitalised(value))
            },
            None => (value),
        }
    }
}

fn footer(asked: &Asked, shown: &Shown, now: Timestamp) -> Markup {
    html! {
        footer .foot {
            span {
                @if asked.text.is_empty() {
                    b { (grouped(shown.count)) }
                    (if shown.count == 1 { " record, " } else { " records, " })
                    (asked.scope.label().to_lowercase())
                } @else {
                    (searched(shown, now))
                }
            }
            nav aria-label="Pages" {
                @if asked.after.is_some() {
                    a .button href=(asked.href(&asked.scope, asked.log, None)) { "Newest" }
                }
                @if let Some(next) = shown.next {
                    a .button rel="next" href=(asked.href(&asked.scope, asked.log, Some(next))) {
                        (if asked.text.is_empty() { "Older ▶" } else { "Search on ▶" })
                    }
                }
            }
        }
    }
}

/// How far a search for a text got: it reads record by record, so a page reads a part only.
fn searched(shown: &Shown, now: Timestamp) -> Markup {
    html! {
        b { (shown.rows.len()) } " found in the " (grouped(shown.scanned as u64))
        " records looked through"
        @if let Some(oldest) = shown.oldest.filter(|_| shown.next.is_some()) {
            ", back to " (words::time(oldest, now)) ". The text of these records has no index: a
             page looks through a part of them"
        }
        "."
    }
}

fn nothing_found(asked: &Asked, shown: &Shown) -> Markup {
    html! {
        div .empty {
            h2 { "No records match" }
            p .muted {
                @if shown.count == 0 {
                    "There are none in this range: " (asked.scope.label().to_lowercase()) "."
                } @else if shown.next.is_some() {
                    "None of those looked through so far has this text."
                } @else {
                    "None of the " (grouped(shown.count)) " records of this range has this text."
                }
            }
            @if asked.scope.range != "all" {
                a .button href=(asked.href(&asked.scope.at("all"), asked.log, None)) {
                    "Search all time"
                }
            }
        }
    }
}

/// How such records get in.
fn nothing_yet(place: Place) -> Markup {
    let (what, category) = match place {
        Place::Audit => ("directory audits", "AuditLogs"),
        Place::Provisioning => ("provisioning records", "ProvisioningLogs"),
    };
    html! {
        section .panel .empty .welcome {
            h2 { "No " (what) " yet" }
            p .muted {
                "They come in the same ways as sign-ins, and are kept as they came."
            }
            div .ways {
                div {
                    h2 { "Import files" }
                    p {
                        "Downloads of the portal as JSON, Graph pages, blobs of diagnostic
                         settings."
                    }
                    pre { "durward import FOLDER…" }
                }
                div {
                    h2 { "Push records" }
                    p {
                        "Tick " code { (category) } " in the diagnostic setting that already sends
                         the sign-ins, and push what it gives."
                    }
                    pre { "POST /api/ingest/diagnostic" }
                }
            }
        }
    }
}

/// The record of an event, where it is one of these logs.
fn record(event: &Event, place: Place) -> Option<Record> {
    place.logs().contains(&event.row().log).then(|| Record::of(event))
}

/// The tenant of an event.
fn tenant(event: &Event) -> String {
    event.cell(FieldId::TenantId).to_string()
}
