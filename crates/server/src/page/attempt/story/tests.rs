//! Shapes of attempts and their verdicts.

use durward_model::errors::{self, Status};
use durward_model::{Log, Timestamp};

use super::super::marks::{Mark, Sign};
use super::{Attempt, AuthStep, Named, Request, fold};

/// A request so many seconds after the first.
fn request(at: i64, code: i64) -> Request {
    let known = errors::lookup(code);
    Request {
        id: format!("r{at}-{code}"),
        created: Timestamp::from_micros(1_772_452_800_000_000 + at * 1_000_000),
        user: Named { id: "u1".to_owned(), name: "Maria".to_owned() },
        principal: "maria@x.example".to_owned(),
        app: Named { id: "a1".to_owned(), name: "Outlook".to_owned() },
        ip: "203.0.113.9".to_owned(),
        status: errors::status_of(Some(code)),
        code: Some(code),
        reason: known.filter(|_| code != 0).map(|known| known.reason.to_owned()),
        ..Request::empty()
    }
}

fn silent(at: i64, code: i64) -> Request {
    Request { log: Log::NonInteractiveUser, ..request(at, code) }
}

fn step(requirement: &str, method: &str, succeeded: bool) -> AuthStep {
    AuthStep {
        method: method.to_owned(),
        succeeded: Some(succeeded),
        result: String::new(),
        requirement: requirement.to_owned(),
    }
}

fn password(succeeded: bool) -> AuthStep {
    step("Primary authentication", "Password", succeeded)
}

fn second(succeeded: bool) -> AuthStep {
    step("Multi-factor authentication", "Mobile app notification", succeeded)
}

fn with(request: Request, steps: &[AuthStep]) -> Request {
    Request { steps: steps.to_vec(), ..request }
}

fn attempt(requests: &[Request]) -> Attempt {
    fold(requests.to_vec()).unwrap()
}

fn signs(story: &[Mark]) -> Vec<(Sign, Status)> {
    story.iter().map(|mark| (mark.sign, mark.status)).collect()
}

/// Title and status of the verdict.
fn verdict(requests: &[Request]) -> (String, Status) {
    let verdict = attempt(requests).verdict;
    (verdict.title, verdict.status)
}

use Sign::{Account, Device, Password, Policy, Question, Renewal, SecondFactor, Token};
use Status::{Failure, Interrupted, Success};

#[test]
fn interrupted_for_a_second_factor_and_then_in() {
    let asked = with(request(0, 50074), &[password(true), second(false)]);
    let done = with(request(30, 0), &[password(true), second(true)]);
    // The order in which they are given does not matter.
    let attempt = attempt(&[done, asked]);
    assert_eq!(
        signs(&attempt.story),
        [
            (Password, Success),
            (SecondFactor, Interrupted),
            (SecondFactor, Success),
            (Token, Success)
        ]
    );
    assert_eq!((attempt.verdict.title.as_str(), attempt.verdict.status), ("Signed in", Success));
    let sentence = &attempt.verdict.sentence;
    assert!(sentence.contains("after 1 request for a second factor"), "{sentence}");
    assert!(sentence.contains("A second factor was given"), "{sentence}");
    assert_eq!(attempt.duration_micros(), 30_000_000);
}

#[test]
fn refused_second_factor_and_then_in() {
    let refused = with(request(0, 500_121), &[password(true), second(false)]);
    let done = with(request(30, 0), &[password(true), second(true)]);
    assert_eq!(
        signs(&attempt(&[refused, done]).story),
        [(Password, Success), (SecondFactor, Failure), (SecondFactor, Success), (Token, Success)]
    );
}

#[test]
fn gave_up_at_the_second_factor() {
    assert_eq!(verdict(&[request(0, 50074)]), ("Gave up at MFA".to_owned(), Interrupted));
    assert_eq!(verdict(&[request(0, 50076)]), ("Gave up at MFA".to_owned(), Interrupted));
    let story = attempt(&[request(0, 50074)]).story;
    // Without steps, the question for a second factor says that the first was right.
    assert_eq!(signs(&story), [(Password, Success), (SecondFactor, Interrupted)]);
}

#[test]
fn second_factors_that_fail() {
    for (details, title) in [
        ("MFA denied; user declined the authentication", "MFA denied"),
        ("MFA denied; user did not respond to mobile app notification", "MFA not answered"),
        ("MFA denied; Fraud Code Entered", "MFA reported as fraud"),
        ("", "MFA failed"),
    ] {
        let request = Request { details: details.to_owned(), ..request(0, 500_121) };
        assert_eq!(verdict(&[request]), (title.to_owned(), Failure), "{details}");
    }
}

#[test]
fn stay_signed_in_is_a_question_on_the_way() {
    let asked = with(request(0, 50140), &[password(true)]);
    let done = with(request(4, 0), &[password(true)]);
    let in_at_last = attempt(&[asked.clone(), done]);
    assert_eq!(
        signs(&in_at_last.story),
        [(Password, Success), (Question, Interrupted), (Token, Success)]
    );
    assert_eq!(in_at_last.verdict.status, Success);
    assert_eq!(verdict(&[asked]), ("Left at “Stay signed in?”".to_owned(), Interrupted));
}

#[test]
fn a_token_fetched_in_the_background_ends_an_interruption() {
    let title = verdict(&[request(0, 50140), silent(3, 0)]);
    assert_eq!(title, ("Signed in".to_owned(), Success));
    // But one from before does not.
    assert_eq!(verdict(&[silent(0, 0), request(3, 50074)]).1, Interrupted);
}

#[test]
fn blocked_by_a_policy() {
    let blocked = Request {
        policy: Some("Block legacy authentication".to_owned()),
        ..with(request(9, 53003), &[password(true)])
    };
    let blocked = attempt(&[request(0, 50126), blocked]);
    assert_eq!(blocked.verdict.title, "Blocked by Block legacy authentication");
    assert!(blocked.verdict.sentence.contains("after 1 wrong password"));
    assert_eq!(
        signs(&blocked.story),
        [(Password, Failure), (Password, Success), (Policy, Failure)]
    );
    // Who may not see policies still sees that one blocked.
    assert_eq!(verdict(&[request(0, 53003)]).0, "Blocked by Conditional Access");
}

#[test]
fn wrong_password_then_right() {
    let wrong = |at| with(request(at, 50126), &[password(false)]);
    let done = with(request(40, 0), &[password(true)]);
    let in_at_last = attempt(&[wrong(0), wrong(10), wrong(20), done]);
    assert_eq!(
        signs(&in_at_last.story),
        [(Password, Failure), (Password, Success), (Token, Success)]
    );
    assert_eq!(in_at_last.story[0].times, 3);
    assert!(in_at_last.verdict.sentence.contains("after 3 wrong passwords"));
    assert!(in_at_last.verdict.todo.is_some(), "three failures deserve a look");
    assert_eq!(verdict(&[wrong(0), wrong(9)]), ("Wrong password".to_owned(), Failure));
}

#[test]
fn expired_password() {
    let expired = with(request(0, 50055), &[password(true)]);
    let alone = attempt(std::slice::from_ref(&expired));
    assert_eq!(alone.verdict.title, "Stopped at an expired password");
    assert_eq!(signs(&alone.story), [(Password, Success), (Question, Interrupted)]);
    assert_eq!(verdict(&[expired, request(120, 0)]).0, "Signed in");
}

#[test]
fn silent_renewals_only() {
    let renewed = attempt(&[silent(0, 0), silent(60, 0), silent(120, 0)]);
    assert_eq!(renewed.verdict.title, "Silent renewals only");
    assert_eq!(signs(&renewed.story), [(Renewal, Success)]);
    assert_eq!(renewed.story[0].times, 3);
    let refused = attempt(&[silent(0, 0), silent(60, 700_082)]);
    assert_eq!(
        (refused.verdict.title.as_str(), refused.verdict.status),
        ("Silent renewal refused", Failure)
    );
}

#[test]
fn several_users_under_one_identifier() {
    let other = Request {
        user: Named { id: "u2".to_owned(), name: "Ines".to_owned() },
        principal: "ines@x.example".to_owned(),
        ..request(5, 50126)
    };
    let mixed = attempt(&[request(0, 0), other]);
    assert_eq!(mixed.verdict.title, "2 users");
    assert!(mixed.verdict.sentence.contains("Maria: signed in; Ines: wrong password"));
    assert_eq!(mixed.verdict.status, Interrupted, "neither this nor that");
    let status = |index: usize| mixed.by_user[index].1.status;
    assert_eq!((status(0), status(1)), (Success, Failure));
}

#[test]
fn one_user_whose_identifier_came_later() {
    let early = Request {
        user: Named { id: String::new(), name: "maria@x.example".to_owned() },
        ..request(0, 50126)
    };
    let one = attempt(&[early, request(9, 0)]);
    assert_eq!(one.users.len(), 1);
    assert_eq!(one.users[0].named, Named { id: "u1".to_owned(), name: "Maria".to_owned() });
    assert!(one.by_user.is_empty() && one.verdict.title == "Signed in");
}

#[test]
fn device_code() {
    let by_code = |at, code| Request { protocol: "deviceCode".to_owned(), ..request(at, code) };
    let done = attempt(&[by_code(0, 50199), by_code(12, 0)]);
    assert_eq!(done.verdict.title, "Signed in by device code");
    assert!(done.verdict.todo.unwrap().contains("make sure that the user started this"));
}

#[test]
fn other_endings() {
    for (code, title, status, sign) in [
        (50053, "Account locked", Failure, Account),
        (50057, "Account disabled", Failure, Account),
        (53000, "Device not accepted", Failure, Device),
        (65001, "Stopped for consent", Interrupted, Question),
        (16001, "Still interrupted", Interrupted, Question),
        (987_654, "Failed with 987654", Failure, Sign::Other),
    ] {
        let attempt = attempt(&[request(0, code)]);
        assert_eq!((attempt.verdict.title.as_str(), attempt.verdict.status), (title, status));
        assert_eq!(attempt.story[0].sign, sign, "{code}");
    }
}

#[test]
fn a_pause_without_meaning_does_not_hide_the_end() {
    assert_eq!(verdict(&[request(0, 50126), request(5, 50058)]).0, "Wrong password");
    // Having been let in once, a question afterwards takes nothing back.
    assert_eq!(verdict(&[request(0, 0), request(5, 50140)]).0, "Signed in");
    // But a refusal does.
    assert_eq!(verdict(&[request(0, 0), request(5, 53003)]).1, Failure);
}

#[test]
fn applications_sign_in_too() {
    let app = |code| Request { log: Log::ServicePrincipal, ..request(0, code) };
    assert_eq!(signs(&attempt(&[app(0)]).story), [(Token, Success)]);
    assert_eq!(verdict(&[app(7_000_215)]).1, Failure);
    assert!(fold(Vec::new()).is_none());
}
