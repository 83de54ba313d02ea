//! What the form of a detection says.

use std::collections::BTreeMap;

use durward_detect::{About, Choice, Parameter, Settings};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::params::Params;

use super::super::shell::Frame;

/// Days that a back-test can cover.
pub(super) const DAYS: [u32; 3] = [7, 30, 90];
const DAYS_USUAL: u32 = 30;

/// A parameter, what was entered for it, and what is wrong with that.
pub(super) struct Number {
    parameter: &'static Parameter,
    text: String,
    problem: Option<String>,
}

/// What was entered.
pub(super) struct Entered {
    pub(super) about: &'static About,
    pub(super) is_on: bool,
    pub(super) alerts: bool,
    pub(super) numbers: Vec<Number>,
    pub(super) days: u32,
}

impl Entered {
    /// What holds.
    pub(super) fn in_force(about: &'static About, settings: &Settings) -> Entered {
        let values = settings.values(about);
        Entered::with(about, settings.is_on(about), settings.alerts(about), |parameter| {
            values.number(parameter.name)
        })
    }

    /// What a choice says.
    pub(super) fn of(about: &'static About, choice: &Choice) -> Entered {
        let is_on = choice.is_on.unwrap_or(about.is_on);
        Entered::with(about, is_on, choice.alerts.unwrap_or(about.alerts), |parameter| {
            choice.values.get(parameter.name).copied().unwrap_or(parameter.default)
        })
    }

    fn with(
        about: &'static About,
        is_on: bool,
        alerts: bool,
        value: impl Fn(&Parameter) -> f64,
    ) -> Entered {
        let number = |parameter: &'static Parameter| Number {
            parameter,
            text: value(parameter).to_string(),
            problem: None,
        };
        let numbers = about.parameters.iter().map(number).collect();
        Entered { about, is_on, alerts, numbers, days: DAYS_USUAL }
    }

    /// Reads a form. What is wrong with a number is kept beside it.
    pub(super) fn read(about: &'static About, form: &Params) -> Result<Entered, ApiError> {
        let names: Vec<String> =
            about.parameters.iter().map(|one| format!("p.{}", one.name)).collect();
        let mut known = vec!["csrf", "on", "alerts", "days"];
        known.extend(names.iter().map(String::as_str));
        form.only(&known)?;
        let number = |parameter: &'static Parameter| {
            let text = form.get(&format!("p.{}", parameter.name)).unwrap_or_default();
            let problem = problem_of(parameter, text);
            Number { parameter, text: text.to_owned(), problem }
        };
        let days = form.number("days", DAYS_USUAL as usize, 90)? as u32;
        Ok(Entered {
            about,
            is_on: form.flag("on")?,
            alerts: form.flag("alerts")?,
            numbers: about.parameters.iter().map(number).collect(),
            days,
        })
    }

    /// As it would be saved; `None` while something is wrong.
    pub(super) fn choice(&self) -> Option<Choice> {
        let mut values = BTreeMap::new();
        for number in &self.numbers {
            let value: f64 = number.text.parse().ok().filter(|_| number.problem.is_none())?;
            if value != number.parameter.default {
                values.insert(number.parameter.name.to_owned(), value);
            }
        }
        Some(Choice { is_on: Some(self.is_on), alerts: Some(self.alerts), values })
    }

    /// The form; without buttons for those who may only read.
    pub(super) fn render(&self, frame: &Frame, may_change: bool, is_chosen: bool) -> Markup {
        let id = self.about.id;
        let wrong = self.numbers.iter().filter(|number| number.problem.is_some()).count();
        html! {
            @if wrong > 0 {
                p .problem role="alert" {
                    b { "✖ Not saved. " }
                    (wrong) @if wrong == 1 { " number is" } @else { " numbers are" }
                    " not possible; see below."
                }
            }
            form .settings method="post" action={ "/detections/" (id) } {
                (frame.csrf_field())
                fieldset disabled[!may_change] {
                    legend .visually-hidden { "Settings" }
                    (check("on", "On", "Looks at sign-ins as they come, and at all there are.",
                        self.is_on))
                    (check("alerts", "Makes alerts",
                        "Medium and high findings are alerts; low ones are only recorded.",
                        self.alerts))
                    @for number in &self.numbers { (number.render()) }
                }
                @if may_change {
                    div .ends {
                        button .button .primary { "Save" }
                        span .test-of {
                            button .button formaction={ "/detections/" (id) "/backtest#backtest" } {
                                "Back-test"
                            }
                            label {
                                "over "
                                select name="days" {
                                    @for days in DAYS {
                                        option value=(days) selected[days == self.days] {
                                            (days) " days"
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if may_change && is_chosen {
                form method="post" action={ "/detections/" (id) "/reset" } {
                    (frame.csrf_field())
                    button .button .small { "Back to defaults" }
                    span .muted .small { " What the configuration says holds again." }
                }
            }
        }
    }
}

fn check(name: &str, label: &str, meaning: &str, is_set: bool) -> Markup {
    html! {
        div .setting {
            label .check {
                input type="checkbox" name=(name) value="true" checked[is_set];
                b { (label) }
            }
            p .muted .small { (meaning) }
        }
    }
}

impl Number {
    fn render(&self) -> Markup {
        let Parameter { name, meaning, default, unit, range } = self.parameter;
        let is_other = self.text.parse() != Ok(*default);
        html! {
            div .setting .changed[is_other] {
                label for={ "p-" (name) } { (meaning) }
                div .value {
                    input #{ "p-" (name) } type="number" name={ "p." (name) } value=(self.text)
                        min=(range.0) max=(range.1) step="any" required inputmode="decimal"
                        aria-describedby={ "about-" (name) }
                        aria-invalid=[self.problem.as_ref().map(|_| "true")];
                    span { (unit.name()) }
                }
                p #{ "about-" (name) } .muted .small {
                    @if let Some(problem) = &self.problem {
                        b .wrong { "✖ " (problem) } " "
                    }
                    code { (name) } " · default " (default) " · " (range.0) " to " (range.1)
                    @if !unit.name().is_empty() { " " (unit.name()) }
                }
            }
        }
    }
}

fn problem_of(parameter: &Parameter, text: &str) -> Option<String> {
    let (least, most) = parameter.range;
    match text.parse::<f64>() {
        Ok(value) if (least..=most).contains(&value) => None,
        Ok(value) => Some(format!("{value} is not between {least} and {most}.")),
        Err(_) => Some("This must be a number.".to_owned()),
    }
}

/// A choice in words: `on, no alerts, minutes 30`.
pub(super) fn words(about: &About, choice: &Choice) -> String {
    let is_on = choice.is_on.unwrap_or(about.is_on);
    let alerts = choice.alerts.unwrap_or(about.alerts);
    let mut words = vec![
        if is_on { "on" } else { "off" }.to_owned(),
        if alerts { "alerts" } else { "no alerts" }.to_owned(),
    ];
    words.extend(choice.values.iter().map(|(name, value)| format!("{name} {value}")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use durward_detect::detections;

    use super::*;

    #[test]
    fn numbers_are_read_and_kept_where_they_differ() {
        let about = detections::about("password-spray").unwrap();
        let Some(first) = about.parameters.first() else { return };
        let fields = |value: f64| {
            let fields = about.parameters.iter().map(|one| {
                let value = if one.name == first.name { value } else { one.default };
                format!("p.{}={value}", one.name)
            });
            let fields: Vec<String> = fields.chain(["on=true".to_owned()]).collect();
            Params::parse(Some(&fields.join("&"))).unwrap()
        };
        let choice = Entered::read(about, &fields(first.default)).unwrap().choice().unwrap();
        assert!(choice.values.is_empty(), "{choice:?}");
        assert_eq!((choice.is_on, choice.alerts), (Some(true), Some(false)));
        let entered = Entered::read(about, &fields(first.range.1)).unwrap();
        let choice = entered.choice().unwrap();
        assert_eq!(choice.values.get(first.name), Some(&first.range.1));
        assert!(words(about, &choice).contains(first.name));
        let entered = Entered::read(about, &fields(first.range.1 + 1.0)).unwrap();
        assert!(entered.choice().is_none());
        assert!(Entered::read(about, &Params::parse(Some("p.shoe=1")).unwrap()).is_err());
    }
}
