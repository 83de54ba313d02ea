//! Adding Sigma rules as they are published: what each of them is, a try over the past, and then
//! those that were chosen.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_detect::rules::{Rule, Verdict, read_text};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::backtest::{Came, Job, Tried};
use crate::error::ApiError;
use crate::params::Params;
use crate::risk::{refused, run};

use super::super::alerts::marks::{self, changed};
use super::super::answer;
use super::super::detections::{gone, to_test, unfinished};
use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::test::{per_week, start};
use super::{TAKEN, compiled, whole};

/// Rules of one text at most.
const RULES_MAX: usize = 500;
const DAYS: u32 = 90;

/// One rule of a text.
struct Read {
    /// `None` where it is refused.
    rule: Option<Rule>,
    says: Says,
}

/// What becomes of it.
enum Says {
    Loaded,
    CannotFire(String),
    Refused(String),
}

fn read(app: &App, yaml: &str) -> Vec<Read> {
    let all = read_text(Path::new("rules.yml"), yaml);
    let one = |rule: Result<Rule, _>| {
        let refused = |why: String| Read { rule: None, says: Says::Refused(why) };
        let rule: Rule = match rule {
            Ok(rule) => rule,
            Err(error) => return refused(reason(&error)),
        };
        if TAKEN.contains(&rule.id.as_str()) {
            return refused(format!("its identifier {} is taken by a page", rule.id));
        }
        let says = match compiled(app, &rule) {
            Err(error) => return Read { rule: Some(rule), says: Says::Refused(reason(&error)) },
            Ok(ready) => match ready.sigma().map(|sigma| sigma.verdict().clone()) {
                Some(Verdict::CannotFire(why)) => Says::CannotFire(why),
                _ => Says::Loaded,
            },
        };
        Read { rule: Some(rule), says }
    };
    all.into_iter().take(RULES_MAX).map(one).collect()
}

fn reason(error: &durward_detect::rules::RuleError) -> String {
    match error.field.as_str() {
        "source.yaml" => error.reason.clone(),
        _ => error.to_string(),
    }
}

/// `GET /rules/import`
pub(super) async fn show(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["test"])?;
    let content = match params.get("test") {
        None => form(&frame, "", None),
        Some(test) => {
            let job = app.backtests.get(test, &caller).ok_or_else(gone)?;
            result(&frame, &job)
        }
    };
    Ok(Looked::default().on(answer(page(&frame, &content))))
}

/// `POST /rules/import`: the report.
pub(super) async fn report(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let (form_of, yaml) = text_of(&headers, body).await?;
    form_of.only(&["csrf", "yaml"])?;
    let (read, known) = with_known(&app, &yaml).await?;
    let content = form(&frame, &yaml, Some((&read, &known)));
    let page = answer(page(&frame, &content));
    Ok(changed("rules", format!("read {} Sigma rules", read.len()), page))
}

async fn text_of(headers: &HeaderMap, body: Body) -> Result<(Params, String), ApiError> {
    let form = gate::large_form(headers, body).await?;
    let yaml = form.0.iter().find(|(name, _)| name == "yaml");
    let yaml = yaml.map(|(_, yaml)| yaml.replace("\r\n", "\n")).unwrap_or_default();
    Ok((form, yaml))
}

/// The rules of a text, and the identifiers of those that there are.
async fn with_known(app: &Arc<App>, yaml: &str) -> Result<(Vec<Read>, Vec<String>), ApiError> {
    let (yaml, shared) = (yaml.to_owned(), app.clone());
    run(app, move |book| {
        let known = book.rules().map_err(refused)?;
        let known = known.into_iter().map(|stored| stored.rule.id).collect();
        Ok((read(&shared, &yaml), known))
    })
    .await
}

/// `POST /rules/import/backtest`: of those that were chosen, `r.NUMBER=true`.
pub(super) async fn begin(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let (form, yaml) = text_of(&headers, body).await?;
    let (read, _) = with_known(&app, &yaml).await?;
    let chosen = chosen(&form, read.len());
    let rules = read.into_iter().zip(chosen).filter(|(_, is_chosen)| *is_chosen);
    let usable = rules.filter(|(one, _)| !matches!(one.says, Says::Refused(_)));
    let rules: Vec<Rule> = usable.filter_map(|(one, _)| one.rule).collect();
    if rules.is_empty() {
        return Err(ApiError::bad_request("no rule is chosen: tick those to be tried"));
    }
    let what = format!("{DAYS} days: {} Sigma rules", rules.len());
    let test = begin_with(&app, &caller, rules)?;
    Ok(changed("rules", what, to_test("/rules/import", &test)))
}

fn begin_with(app: &Arc<App>, caller: &Caller, rules: Vec<Rule>) -> Result<String, ApiError> {
    start(app, caller, rules, DAYS)
}

fn chosen(form: &Params, count: usize) -> Vec<bool> {
    (0..count).map(|number| form.get(&format!("r.{number}")) == Some("true")).collect()
}

/// `POST /rules/import/save`: of those that were tried.
pub(super) async fn save(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let form = gate::form(&headers, body).await?;
    let job = app.backtests.get(form.get("test").unwrap_or_default(), &caller);
    let job = job.ok_or_else(gone)?;
    let (Tried::Rules(rules), Some(Ok(Came::Rules(came)))) = (&job.tried, job.came()) else {
        return Err(ApiError::bad_request("the back-test has not ended; wait for it"));
    };
    let is_on = form.flag("on")?;
    let chosen = chosen(&form, rules.len());
    let tried = rules.iter().zip(came).zip(chosen);
    let saved = tried.filter(|((_, came), is_chosen)| *is_chosen && came.is_ok());
    let saved: Vec<Rule> =
        saved.map(|((rule, _), _)| Rule { enabled: is_on, ..rule.clone() }).collect();
    if saved.is_empty() {
        return Err(ApiError::bad_request("no rule is chosen: tick those to be added"));
    }
    let ids: Vec<String> = saved.iter().map(|rule| rule.id.clone()).collect();
    let (by, now) = (caller.name(), Timestamp::now().micros);
    run(&app, move |book| {
        saved.iter().try_for_each(|rule| book.put_rule(rule, &by, now).map_err(refused))
    })
    .await?;
    app.detect.wake();
    let what = format!("added {}", ids.join(", "));
    Ok(changed("rules", what, redirect("/rules")))
}

fn page(frame: &Frame, content: &Markup) -> Markup {
    let body = html! {
        main #main .desk .rules .import {
            p .crumbs { a href="/rules" { "Rules" } " / " }
            div .heading {
                div {
                    h1 { "Add Sigma rules" }
                    p .muted {
                        "As they are published, one or many, for the sign-in, audit and risk logs
                         of Azure."
                    }
                }
            }
            (content)
        }
    };
    shell::page(frame, "Add Sigma rules", &body, &marks::zone())
}

fn form(frame: &Frame, yaml: &str, read: Option<(&[Read], &[String])>) -> Markup {
    html! {
        section .panel .part {
            form method="post" action="/rules/import" {
                (frame.csrf_field())
                label .block { span { "Sigma YAML; several rules with a line --- between them" }
                    textarea #sigma-text .mono name="yaml" rows="12" spellcheck="false" required {
                        "\n" (yaml)
                    }
                }
                label #sigma-files .block hidden { span { "or files" }
                    input type="file" multiple accept=".yml,.yaml";
                }
                div .ends { button .button .primary { "Read" } }
                @if let Some((read, known)) = read { (reported(read, known)) }
            }
        }
    }
}

fn reported(read: &[Read], known: &[String]) -> Markup {
    let count = |is: fn(&Says) -> bool| read.iter().filter(|one| is(&one.says)).count();
    let loaded = count(|says| matches!(says, Says::Loaded));
    let mute = count(|says| matches!(says, Says::CannotFire(_)));
    html! {
        h2 { "What was read" }
        @if read.is_empty() { p .problem role="alert" { "There is no rule in it." } }
        @else {
            p role="status" {
                (loaded) " can be used, " (mute) " can never fire, "
                (read.len() - loaded - mute) " are refused."
            }
            table .list .cards .report {
                thead {
                    tr {
                        th scope="col" { span .visually-hidden { "Choose" } }
                        th scope="col" { "Rule" }
                        th scope="col" { "Severity" }
                        th scope="col" { "Report" }
                    }
                }
                tbody {
                    @for (number, one) in read.iter().enumerate() { (line(number, one, known)) }
                }
            }
            @if loaded + mute > 0 {
                div .ends {
                    button .button .primary formaction="/rules/import/backtest" {
                        "Back-test those that are ticked, over " (DAYS) " days"
                    }
                }
            }
        }
    }
}

fn line(number: usize, one: &Read, known: &[String]) -> Markup {
    let name = one
        .rule
        .as_ref()
        .map_or_else(|| format!("Document {}", number + 1), |rule| rule.name.clone());
    let is_usable = !matches!(one.says, Says::Refused(_));
    html! {
        tr .row .off[!is_usable] {
            td {
                @if is_usable {
                    label .check {
                        input type="checkbox" name={ "r." (number) } value="true"
                            aria-label={ "Choose " (name) }
                            checked[matches!(one.says, Says::Loaded)];
                    }
                }
            }
            td .name {
                (name)
                @if one.rule.as_ref().is_some_and(|rule| known.contains(&rule.id)) {
                    " " span .chip-of { "replaces the one there is" }
                }
            }
            td data-label="Severity" {
                @if let Some(rule) = &one.rule { (marks::level(rule.severity)) }
            }
            td data-label="Report" .told {
                @match &one.says {
                    Says::Loaded => "✔ Loaded",
                    Says::CannotFire(why) => { b { "◐ Cannot fire" } " because " (why) }
                    Says::Refused(why) => {
                        b .failed { "✖ Refused" } " because " (why)
                    }
                }
            }
        }
    }
}

/// What the rules would have found, and the form that adds them.
pub(super) fn result(frame: &Frame, job: &Job) -> Markup {
    let came = match unfinished(frame, job, "/rules/backtest") {
        Ok(Came::Rules(came)) => came,
        Ok(_) => return html! {},
        Err(panel) => return panel,
    };
    let Tried::Rules(rules) = &job.tried else { return html! {} };
    html! {
        section #backtest .panel .part aria-labelledby="backtest-title" {
            h2 #backtest-title { "Back-test: the last " (DAYS) " days" }
            form method="post" action="/rules/import/save" {
                (frame.csrf_field())
                input type="hidden" name="test" value=(job.id);
                table .list .cards .report {
                    thead {
                        tr {
                            th scope="col" { span .visually-hidden { "Add" } }
                            th scope="col" { "Rule" }
                            th scope="col" .number { "Matching records" }
                            th scope="col" .number { "Findings" }
                            th scope="col" .number { "Expected a week" }
                        }
                    }
                    tbody {
                        @for (number, (rule, came)) in rules.iter().zip(&came).enumerate() {
                            tr .row {
                                td {
                                    label .check {
                                        input type="checkbox" name={ "r." (number) } value="true"
                                            checked[came.is_ok()] disabled[came.is_err()]
                                            aria-label={ "Add " (rule.name) };
                                    }
                                }
                                td .name {
                                    (rule.name)
                                    @if let Err(why) = came { span .says .failed { "✖ " (why) } }
                                }
                                @match came {
                                    Ok(test) => {
                                        td data-label="Matching records" .number { (grouped(test.matches)) }
                                        td data-label="Findings" .number { (grouped(test.total)) }
                                        td data-label="Expected a week" .number { (per_week(test.per_week)) }
                                    }
                                    Err(_) => { td {} td {} td {} }
                                }
                            }
                        }
                    }
                }
                div .ends {
                    label .check {
                        input type="checkbox" name="on" value="true" checked; "Switch them on"
                    }
                    button .button .primary { "Add those that are ticked" }
                }
            }
        }
    }
}
