//! The form of a rule.

use durward_detect::Level;
use durward_detect::rules::{Rule, RuleError, Schedule};
use durward_model::Log;
use durward_model::columns::text::log_label;
use maud::{Markup, html};

use super::super::shell::Frame;
use super::draft::{Draft, SHAPES, name_of};

/// Days that a back-test can cover.
const DAYS: [u32; 3] = [7, 30, 90];
/// What rules are usually counted by.
const ENTITIES: [&str; 8] = ["user", "ip", "app", "resource", "sp", "device", "country", "tenant"];

/// What the form is drawn with.
pub(super) struct Form<'p> {
    pub(super) draft: &'p Draft,
    pub(super) problem: Option<&'p RuleError>,
    /// Names of channels.
    pub(super) channels: &'p [String],
    pub(super) may_change: bool,
    /// Its back-test has ended well.
    pub(super) is_tried: bool,
    /// There is such a rule, so that what it finds was tried.
    pub(super) is_kept: bool,
}

impl Form<'_> {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        let draft = self.draft;
        html! {
            @if let Some(problem) = self.problem {
                p .problem role="alert" {
                    b { "✖ Not done. " } (label_of(&problem.field)) ": " (problem.reason) "."
                }
            }
            form #rule-form method="post" action="/rules" {
                (frame.csrf_field())
                input type="hidden" name="id" value=(draft.id());
                input type="hidden" name="test" value=(draft.test());
                fieldset .plain disabled[!self.may_change] {
                    legend .visually-hidden { "Rule" }
                    (self.about())
                    div data-tested {
                        (self.source())
                        (self.shape())
                    }
                    (self.delivery())
                }
                @if self.may_change { (self.ends()) }
            }
        }
    }

    fn is_wrong(&self, fields: &[&str]) -> Option<&'static str> {
        self.problem.filter(|problem| fields.contains(&problem.field.as_str())).map(|_| "true")
    }

    fn about(&self) -> Markup {
        let draft = self.draft;
        let severity = Level::from_name(draft.get("severity")).unwrap_or(Level::Medium);
        html! {
            div .narrow {
                label .grow { span { "Name" }
                    input name="name" value=(draft.get("name")) required maxlength="200"
                        autocomplete="off" aria-invalid=[self.is_wrong(&["name", "id"])];
                }
                label { span { "Severity" }
                    select name="severity" {
                        @for level in Level::ALL {
                            option value=(level.name()) selected[level == severity] {
                                (level.name())
                                @if level == Level::Low { ": recorded, no alert" }
                            }
                        }
                    }
                }
                label .check {
                    input type="checkbox" name="enabled" value="true"
                        checked[draft.is_set("enabled")];
                    "On"
                }
            }
            label .block { span { "What it is for" }
                textarea name="description" rows="2" maxlength="4000" {
                    (draft.get("description"))
                }
            }
        }
    }

    fn source(&self) -> Markup {
        let draft = self.draft;
        let is_sigma = draft.get("source") == "sigma";
        let wrong = self.is_wrong(&["source.text", "source.yaml", "source.logs"]);
        html! {
            h3 { "Which records match" }
            input type="hidden" name="source" value=(if is_sigma { "sigma" } else { "filter" });
            @if is_sigma {
                label .block { span { "Sigma rule" }
                    // A line break right after the tag is not part of the text.
                    textarea .mono name="yaml" rows="14" spellcheck="false" aria-invalid=[wrong] {
                        "\n" (draft.get("yaml"))
                    }
                }
            } @else {
                label .block { span { "Filter, as in the explorer; empty for every sign-in" }
                    textarea .mono name="text" rows="3" spellcheck="false" aria-invalid=[wrong]
                        placeholder="status:failure client:legacy" {
                        "\n" (draft.get("text"))
                    }
                }
                div .narrow {
                    label { span { "Written as" }
                        select name="language" {
                            option value="search" { "Search" }
                            option value="odata" selected[draft.get("language") == "odata"] {
                                "OData"
                            }
                        }
                    }
                    fieldset {
                        legend { "In the logs; none for all sign-ins" }
                        @for log in Log::SIGN_INS {
                            label .check {
                                input type="checkbox" name={ "l." (log.name()) } value="true"
                                    checked[draft.is_set(&format!("l.{}", log.name()))];
                                (log_label(log))
                            }
                        }
                    }
                }
            }
        }
    }

    fn shape(&self) -> Markup {
        let draft = self.draft;
        let chosen = draft.get("shape");
        let needed = |field: &str| {
            let shapes = SHAPES.iter().filter(|(.., fields)| fields.split(' ').any(|f| f == field));
            shapes.map(|(name, ..)| *name).collect::<Vec<_>>().join(" ")
        };
        let field = |name: &str, label: &str, wrong: &[&str], placeholder: &str| {
            html! {
                label data-shapes=(needed(name)) { span { (label) }
                    input name=(name) value=(draft.get(name)) autocomplete="off" spellcheck="false"
                        placeholder=(placeholder) list=[(name == "per" || name == "of").then_some("entities")]
                        aria-invalid=[self.is_wrong(wrong)];
                }
            }
        };
        let windows = ["shape.window", "shape.learning", "shape.within", "shape.for"];
        html! {
            h3 { "What they must look like together" }
            div .narrow {
                label { span { "Shape" }
                    select #shape name="shape" {
                        @for (name, label, _) in SHAPES {
                            option value=(name) selected[name == chosen] { (label) }
                        }
                    }
                }
                (field("per", "Entity: counted by", &["shape.per"], "user"))
                (field("of", "Different values of / new value of", &["shape.of"], "country"))
                (field("at_least", "At least", &["shape.at_least"], "5"))
                (field("window", "Within (30m, 2h, 14d)", &windows, "1h"))
            }
            div .narrow {
                (field("first", "First (filter)", &["shape.first"], "status:failure"))
                (field("then", "Then (filter)", &["shape.then"], "status:success"))
            }
            datalist #entities { @for name in ENTITIES { option value=(name) {} } }
            h3 { "What is one finding" }
            div .narrow {
                label .check data-shapes="any-match" {
                    input type="checkbox" name="same_attempt" value="true"
                        checked[draft.is_set("same_attempt")];
                    "One for all records of an attempt"
                }
                label { span { "At most one about an entity in … hours" }
                    input type="number" name="hours" min="1" max="720" value=(draft.get("hours"))
                        placeholder="no limit"
                        aria-invalid=[self.is_wrong(&["suppress.same_entity_hours"])];
                }
            }
        }
    }

    fn delivery(&self) -> Markup {
        let draft = self.draft;
        let mut channels = self.channels.to_vec();
        channels.extend(draft.channels().into_iter().filter(|one| !self.channels.contains(one)));
        html! {
            h3 { "When it is looked at, and who is told" }
            div .narrow {
                label { span { "Every … minutes; empty for as records come in" }
                    input type="number" name="minutes" min="1" max="1440"
                        value=(draft.get("minutes")) placeholder="as they come"
                        aria-invalid=[self.is_wrong(&["schedule.minutes"])];
                }
                fieldset {
                    legend { "Channels" }
                    @if channels.is_empty() {
                        span .muted { "none are " a href="/alerts/channels" { "configured" } }
                    }
                    @for channel in &channels {
                        label .check {
                            input type="checkbox" name={ "d." (channel) } value="true"
                                checked[draft.is_set(&format!("d.{channel}"))];
                            (channel)
                        }
                    }
                }
            }
        }
    }

    fn ends(&self) -> Markup {
        html! {
            div .ends {
                button .button formaction="/rules/backtest" { "Back-test" }
                label { "over "
                    select name="days" {
                        @for days in DAYS {
                            option value=(days) selected[days == 90] { (days) " days" }
                        }
                    }
                }
                (save_button(self.is_tried || self.is_kept, false))
                @if !self.is_tried && !self.is_kept {
                    span .muted .small { "A back-test comes before the first save." }
                }
            }
        }
    }
}

/// The button that saves; `swapped` where a script puts it in the place of the one there is.
pub(super) fn save_button(may_save: bool, swapped: bool) -> Markup {
    html! {
        button #save-rule .button .primary form="rule-form" disabled[!may_save]
            hx-swap-oob=[swapped.then_some("true")] { "Save" }
    }
}

/// A part of a rule in words.
fn label_of(field: &str) -> &str {
    match field {
        "id" | "name" => "Name",
        "source.text" => "Filter",
        "source.yaml" => "Sigma rule",
        "source.logs" => "Logs",
        "shape.per" => "Entity",
        "shape.of" => "Value",
        "shape.at_least" => "At least",
        "shape.window" | "shape.learning" | "shape.within" | "shape.for" => "Within",
        "shape.first" => "First",
        "shape.then" => "Then",
        "suppress.same_entity_hours" => "Hours",
        "schedule.minutes" => "Minutes",
        "backtest" => "Back-test",
        other => other,
    }
}

/// A rule in a few words.
pub(super) fn words(rule: &Rule) -> String {
    let when = match rule.schedule {
        Schedule::Stream => "as records come".to_owned(),
        Schedule::Every { minutes } => format!("every {minutes} min"),
    };
    let mut words = vec![
        if rule.enabled { "on" } else { "off" }.to_owned(),
        rule.severity.name().to_owned(),
        name_of(&rule.shape).to_owned(),
        when,
    ];
    if !rule.deliver.is_empty() {
        words.push(format!("to {}", rule.deliver.join(", ")));
    }
    words.join(", ")
}
