//! Marks of a story: a sign for what was asked, and how it went.

use durward_model::Log;
use durward_model::errors::{Category, Status};
use maud::{Markup, html};

use super::super::words;
use super::story::{AuthStep, Request};

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Password,
    /// A first factor that is no password: a key, a certificate, the face.
    Passkey,
    SecondFactor,
    Policy,
    Device,
    Account,
    /// A question to the user, or a page shown to them.
    Question,
    Token,
    /// A token renewed without the user.
    Renewal,
    Other,
}

impl Sign {
    /// Its drawing, in strokes on 16 by 16.
    fn path(self) -> &'static str {
        match self {
            Sign::Password => {
                "M9 8.5 14 13.5m-2-2 1.5-1.5M9.5 6a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0Z"
            }
            Sign::Passkey => "M13 10V7A5 5 0 0 0 3 7v3m7 1V7a2 2 0 0 0-4 0v6m2-6v7",
            Sign::SecondFactor => {
                "M5 1.5h6a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-11a1 1 0 0 1 1-1Zm2 11h2"
            }
            Sign::Policy => "M8 1.5l5.5 2v4c0 3.5-2.5 5.8-5.5 7-3-1.2-5.5-3.5-5.5-7v-4Z",
            Sign::Device => "M3.5 3h9v7h-9Zm-2 9.5h13",
            Sign::Account => {
                "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm-5.5 6c.5-3 2.7-4.5 5.5-4.5s5 1.5 5.5 4.5"
            }
            Sign::Question => "M2 3h12v8H8l-3 3v-3H2Z",
            Sign::Token => {
                "M1.5 4.5h13v2.2a1.4 1.4 0 0 0 0 2.6v2.2h-13V9.3a1.4 1.4 0 0 0 0-2.6Zm8.5 0v7"
            }
            Sign::Renewal => "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
            Sign::Other => "M8 2l6.5 11.5h-13Zm0 4.5v3.5m0 1.8v.4",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) sign: Sign,
    pub(super) status: Status,
    /// The same in words.
    pub(super) words: String,
    /// How often in a row.
    pub(super) times: usize,
}

impl Mark {
    fn new(sign: Sign, status: Status, words: impl Into<String>) -> Mark {
        Mark { sign, status, words: words.into(), times: 1 }
    }

    pub(super) fn is_like(&self, other: &Mark) -> bool {
        (self.sign, self.status) == (other.sign, other.status)
    }

    pub(super) fn render(&self) -> Markup {
        let times = if self.times > 1 { format!(", {} times", self.times) } else { String::new() };
        let label = format!("{}{times}", self.words);
        // A token is the end, and needs no tick.
        let has_tick =
            !matches!(self.sign, Sign::Token | Sign::Renewal) || self.status != Status::Success;
        html! {
            span .mark .(words::status_class(self.status)) role="img" aria-label=(label)
                title=(label) {
                svg .glyph viewBox="0 0 16 16" aria-hidden="true" { path d=(self.sign.path()); }
                @if has_tick { span .tick { (words::icon(self.status)) } }
                @if self.times > 1 { span .times { "×" (self.times) } }
            }
        }
    }
}

/// Most marks that are drawn of one story.
const MARKS_MAX: usize = 12;

/// The story in a line.
pub(super) fn render(story: &[Mark]) -> Markup {
    let shown = &story[..story.len().min(MARKS_MAX)];
    html! {
        span .story {
            @for (index, mark) in shown.iter().enumerate() {
                @if index > 0 { span .then aria-hidden="true" { "→" } }
                (mark.render())
            }
            @if story.len() > shown.len() {
                span .muted { "and " (story.len() - shown.len()) " more" }
            }
        }
    }
}

/// What was already told of an attempt: each request repeats the steps before it.
#[derive(Debug, Default)]
pub(super) struct Told {
    succeeded: Vec<Sign>,
}

impl Told {
    /// What a request adds to the story.
    pub(super) fn marks(&mut self, request: &Request) -> Vec<Mark> {
        let mut marks = Vec::new();
        for step in &request.steps {
            let Some(mark) = mark_of_step(step, request) else { continue };
            if mark.status == Status::Success && self.succeeded.contains(&mark.sign) {
                continue;
            }
            marks.push(mark);
        }
        let ending = mark_of_code(request);
        // Where a step says what the code says, the step says it better.
        if !marks.iter().any(|mark| mark.is_like(&ending)) {
            if ending.sign == Sign::SecondFactor && request.steps.is_empty() {
                self.imply_password(&mut marks);
            }
            marks.push(ending);
        }
        for mark in &marks {
            match mark.status {
                Status::Success => self.succeeded.push(mark.sign),
                // Who is asked anew has to answer anew.
                _ => self.succeeded.retain(|sign| *sign != mark.sign),
            }
        }
        marks
    }

    /// The second factor is asked for once the first was right, whether or not steps say so.
    fn imply_password(&self, marks: &mut Vec<Mark>) {
        let first = [Sign::Password, Sign::Passkey];
        if !first.iter().any(|sign| self.succeeded.contains(sign)) {
            marks.push(Mark::new(Sign::Password, Status::Success, "First factor accepted"));
        }
    }
}

/// Codes that ask for a second factor rather than refuse one.
const ASKED: [i64; 4] = [50072, 50074, 50076, 50079];

fn mark_of_step(step: &AuthStep, request: &Request) -> Option<Mark> {
    let said = format!("{} {}", step.method, step.result).to_ascii_lowercase();
    if said.contains("previously satisfied") || said.contains("claim in the token") {
        return None;
    }
    let succeeded = step.succeeded?;
    let requirement = step.requirement.to_ascii_lowercase();
    let is_second = requirement.contains("multi") || requirement.contains("secondary");
    let is_password = step.method.to_ascii_lowercase().contains("password");
    let (sign, what) = match (is_second, is_password) {
        (true, _) => (Sign::SecondFactor, "Second factor"),
        (_, true) => (Sign::Password, "Password"),
        _ if step.method.is_empty() => return None,
        _ => (Sign::Passkey, "First factor"),
    };
    let was_asked = is_second && request.code.is_some_and(|code| ASKED.contains(&code));
    let (status, how) = match succeeded {
        true => (Status::Success, "accepted"),
        false if was_asked => (Status::Interrupted, "asked for"),
        false => (Status::Failure, "refused"),
    };
    let method = match step.method.as_str() {
        "" | "Password" => String::new(),
        method => format!(" ({method})"),
    };
    let result = match step.result.trim_end_matches('.') {
        result if status == Status::Failure && !result.is_empty() => format!(": {result}"),
        _ => String::new(),
    };
    Some(Mark::new(sign, status, format!("{what} {how}{method}{result}")))
}

/// What the result of a request says.
fn mark_of_code(request: &Request) -> Mark {
    let app = request.app.label();
    if request.status == Status::Success {
        return match request.is_silent() {
            true => Mark::new(Sign::Renewal, Status::Success, format!("Silent token for {app}")),
            false => Mark::new(Sign::Token, Status::Success, format!("Token issued for {app}")),
        };
    }
    let code = request.code.unwrap_or_default();
    let asked = ASKED.contains(&code);
    let status = if asked { Status::Interrupted } else { request.status };
    let reason = request.reason.clone().unwrap_or_else(|| "No reason given".to_owned());
    let reason = reason.trim_end_matches('.');
    let words = match &request.policy {
        Some(policy) => format!("{code}: {reason} (policy {policy})"),
        None => format!("{code}: {reason}"),
    };
    Mark::new(sign_of(code, request), status, words)
}

fn sign_of(code: i64, request: &Request) -> Sign {
    if request.is_silent() {
        return match request.category() {
            Some(Category::ConditionalAccess) => Sign::Policy,
            _ => Sign::Renewal,
        };
    }
    match code {
        50053 => return Sign::Account,
        50126 | 50056 => return Sign::Password,
        50072 | 50074 | 50076 | 50079 | 500_121 => return Sign::SecondFactor,
        53000 | 53001 | 50097 | 50129 => return Sign::Device,
        _ => {}
    }
    match request.category() {
        Some(Category::Credentials) if request.status == Status::Interrupted => Sign::Question,
        Some(Category::Credentials) if request.log != Log::InteractiveUser => Sign::Passkey,
        Some(Category::Credentials) => Sign::Password,
        Some(Category::Passwordless | Category::Certificate) => Sign::Passkey,
        Some(Category::Mfa) => Sign::SecondFactor,
        Some(Category::ConditionalAccess | Category::Risk | Category::TenantRestriction) => {
            Sign::Policy
        }
        Some(Category::Device) => Sign::Device,
        Some(Category::AccountState | Category::ExternalUser) => Sign::Account,
        Some(
            Category::Interrupt | Category::Consent | Category::Session | Category::PasswordChange,
        ) => Sign::Question,
        _ => Sign::Other,
    }
}
