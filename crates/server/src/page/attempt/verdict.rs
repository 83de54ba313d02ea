//! One verdict for an attempt: how it ended, in a plain sentence, and what to do about it.

use durward_model::errors::{self, Category, Status};

use super::story::{Request, User};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: Status,
    /// In a few words.
    pub(super) title: String,
    /// In a sentence or two.
    pub(super) sentence: String,
    pub(super) todo: Option<String>,
}

/// Codes of pauses that say nothing of how an attempt went: no session yet, pick an account.
const NOISE: [i64; 5] = [16000, 16001, 50058, 50097, 50129];

/// The verdict for requests of one user, in order of time.
pub(super) fn of(requests: &[&Request]) -> Verdict {
    let seen: Vec<&Request> = requests.iter().copied().filter(|r| !r.is_silent()).collect();
    if seen.is_empty() {
        return silent(requests);
    }
    let (index, end) = ending(&seen, requests);
    let before = before(&seen[..index]);
    let mut verdict = match end.status {
        Status::Success => signed_in(end, &before, requests),
        _ => stopped(end, &before),
    };
    if requests.iter().any(|r| r.protocol.eq_ignore_ascii_case("deviceCode")) {
        verdict.title.push_str(match verdict.status {
            Status::Success => " by device code",
            _ => " (device code)",
        });
        verdict.todo = Some(
            "A device code lets whoever shows it sign in as whoever types it: make sure that the \
             user started this on that device, and block the flow where nobody needs it."
                .to_owned(),
        );
    }
    verdict
}

/// Which request was the end of it, and how many of those that the user saw came before.
fn ending<'r>(seen: &[&'r Request], all: &[&'r Request]) -> (usize, &'r Request) {
    let last = seen.len() - 1;
    if seen[last].status != Status::Interrupted {
        return (last, seen[last]);
    }
    let success = |r: &&Request| r.status == Status::Success;
    if let Some(index) = seen.iter().rposition(success) {
        return (index, seen[index]);
    }
    // The token may have been fetched in the background, after the last question.
    let later = |r: &&&Request| r.is_silent() && r.created >= seen[last].created && success(r);
    if let Some(token) = all.iter().find(later) {
        return (seen.len(), token);
    }
    let telling = |r: &&Request| !r.code.is_some_and(|code| NOISE.contains(&code));
    let index = seen.iter().rposition(telling).unwrap_or(last);
    (index, seen[index])
}

fn signed_in(end: &Request, before: &str, all: &[&Request]) -> Verdict {
    let factor = match second_factor(all) {
        Some(true) => " A second factor was given.",
        Some(false) => " The second factor was satisfied by an earlier one.",
        None => "",
    };
    let failures = all.iter().filter(|r| r.status == Status::Failure && !r.is_silent()).count();
    let todo = (failures >= 3).then(|| {
        "Several failures before a success: ask the user whether it was them, and look at the \
         address."
            .to_owned()
    });
    Verdict {
        status: Status::Success,
        title: "Signed in".to_owned(),
        sentence: format!("{} signed in to {}{before}.{factor}", who(end), end.app.label()),
        todo,
    }
}

/// Was a second factor given now (`true`), or by a claim of an earlier one?
fn second_factor(all: &[&Request]) -> Option<bool> {
    let mut answer = None;
    for step in all.iter().flat_map(|request| &request.steps) {
        if !step.requirement.to_ascii_lowercase().contains("multi") || step.succeeded != Some(true)
        {
            continue;
        }
        if !step.method.eq_ignore_ascii_case("previously satisfied") {
            return Some(true);
        }
        answer = Some(false);
    }
    answer
}

fn stopped(end: &Request, before: &str) -> Verdict {
    let code = end.code.unwrap_or_default();
    let known = errors::lookup(code);
    let title = title(end);
    let reason = end.reason.as_deref().unwrap_or("the record gives no reason");
    let reason = reason.trim_end_matches('.');
    let details = match end.details.trim().trim_end_matches('.') {
        "" => String::new(),
        details => format!(" ({details})"),
    };
    let status = match code {
        // Nothing was refused: the second factor was asked for and never came.
        50076 | 50079 => Status::Interrupted,
        _ => end.status,
    };
    let policy = match &end.policy {
        Some(policy) => format!(" The policy that was not met: {policy}."),
        None => String::new(),
    };
    Verdict {
        status,
        title,
        sentence: format!(
            "{} did not get into {}{before}: {code}, {reason}{details}.{policy}",
            who(end),
            end.app.label()
        ),
        todo: known.map(|known| known.remedy().to_owned()),
    }
}

/// How an attempt that ended with this request went, in a few words.
fn title(end: &Request) -> String {
    let code = end.code.unwrap_or_default();
    let details = end.details.to_ascii_lowercase();
    let words = match code {
        50126 | 50056 => "Wrong password",
        50055 | 50144 => "Stopped at an expired password",
        50053 => "Account locked",
        50057 => "Account disabled",
        50034 | 51004 => "No such account",
        50074 | 50076 => "Gave up at MFA",
        50072 | 50079 => "Stopped at registering for MFA",
        500_121 if details.contains("fraud") => "MFA reported as fraud",
        500_121 if details.contains("not respond") => "MFA not answered",
        500_121 if details.contains("declined") || details.contains("denied") => "MFA denied",
        500_121 => "MFA failed",
        50140 => "Left at “Stay signed in?”",
        53000 | 53001 => "Device not accepted",
        65001 | 90094 | 90095 => "Stopped for consent",
        65004 => "Consent declined",
        50105 => "Not assigned to the application",
        _ => "",
    };
    if !words.is_empty() {
        return words.to_owned();
    }
    match (end.category(), end.status, &end.policy) {
        (Some(Category::ConditionalAccess), _, Some(policy)) => format!("Blocked by {policy}"),
        (Some(Category::ConditionalAccess), ..) => "Blocked by Conditional Access".to_owned(),
        (Some(Category::Risk), ..) => "Blocked for risk".to_owned(),
        (_, Status::Interrupted, _) => "Still interrupted".to_owned(),
        (Some(category), ..) => format!("Failed: {}", category.summary().to_lowercase()),
        (None, ..) => format!("Failed with {code}"),
    }
}

/// What went wrong before the end, as the rest of a sentence.
fn before(requests: &[&Request]) -> String {
    let mut counts = [0; 5];
    for request in requests {
        let kind = match (request.code.unwrap_or_default(), request.status) {
            (50126, _) => 0,
            (500_121, _) => 1,
            (50072 | 50074 | 50076 | 50079, _) => 2,
            (_, Status::Failure) => 3,
            (_, Status::Interrupted) => 4,
            (_, Status::Success) => continue,
        };
        counts[kind] += 1;
    }
    let [wrong, refused, asked, failed, interrupted] = counts;
    let parts = [
        (wrong, "wrong password", "wrong passwords"),
        (refused, "refused second factor", "refused second factors"),
        (asked, "request for a second factor", "requests for a second factor"),
        (failed, "other failure", "other failures"),
        (interrupted, "interruption", "interruptions"),
    ];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => format!(" after {last}"),
        Some((last, rest)) => format!(" after {} and {last}", rest.join(", ")),
    }
}

/// Requests that the user saw nothing of.
fn silent(requests: &[&Request]) -> Verdict {
    let failed = requests.iter().filter(|r| r.status != Status::Success).count();
    let total = requests.len();
    let count = match total {
        1 => "One request".to_owned(),
        total => format!("{total} requests"),
    };
    let last = requests.last();
    let refused = last.filter(|last| last.status != Status::Success);
    let Some(refused) = refused else {
        let rest = match failed {
            0 => String::new(),
            failed => format!(" {failed} of them did not succeed, the last one did."),
        };
        return Verdict {
            status: Status::Success,
            title: "Silent renewals only".to_owned(),
            sentence: format!("{count} in the background; the user was asked nothing.{rest}"),
            todo: None,
        };
    };
    let code = refused.code.unwrap_or_default();
    let reason = refused.reason.as_deref().unwrap_or("no reason given").trim_end_matches('.');
    Verdict {
        status: refused.status,
        title: "Silent renewal refused".to_owned(),
        sentence: format!(
            "{count} in the background; the last was refused: {code}, {reason}. The client has to \
             ask the user next."
        ),
        todo: errors::lookup(code).map(|known| known.remedy().to_owned()),
    }
}

/// The verdict for several users under one identifier.
pub(super) fn of_several(users: &[(User, Verdict)]) -> Verdict {
    let each: Vec<String> = users
        .iter()
        .take(USERS_NAMED)
        .map(|(user, verdict)| format!("{}: {}", user.named.label(), verdict.title.to_lowercase()))
        .collect();
    let more = match users.len() - each.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let all = |status| users.iter().all(|(_, verdict)| verdict.status == status);
    let status = Status::ALL.into_iter().find(|status| all(*status));
    Verdict {
        status: status.unwrap_or(Status::Interrupted),
        title: format!("{} users", users.len()),
        sentence: format!(
            "The correlation ID comes from the client; this one was used by {} users. {}{more}.",
            users.len(),
            each.join("; ")
        ),
        todo: Some(
            "Judge each user alone. Many users under one correlation ID from one address is a \
             shared kiosk at best and a script at worst."
                .to_owned(),
        ),
    }
}

/// Users named in a sentence at most.
const USERS_NAMED: usize = 5;

fn who(request: &Request) -> &str {
    match request.user.label() {
        "" => "Somebody unknown",
        name => name,
    }
}
