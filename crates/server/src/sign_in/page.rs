//! The pages of signing in: one panel each, a sentence for what is wrong, forms that work without
//! script and that password managers understand.

use maud::{Markup, html};

use super::attempt::NAME_CHARS_MAX;
use crate::page::Frame;
use crate::params;

/// What these pages are called.
pub(super) const TITLE: &str = "Sign in";

/// A page with one panel.
pub(super) fn panel(title: &str, body: &Markup) -> Markup {
    html! {
        main #main .door {
            section .panel aria-labelledby="title" {
                h1 #title { (title) }
                (body)
            }
        }
    }
}

/// What is wrong. Announced by screen readers, and tied to the fields it is about.
pub(super) fn problem(problem: Option<&str>) -> Markup {
    html! { @if let Some(problem) = problem { p #problem .problem role="alert" { (problem) } } }
}

/// The form for a name and a password, and the way to the provider.
pub(super) struct SignIn<'a> {
    /// Name of the provider, if there is one.
    pub(super) provider: Option<&'a str>,
    /// Where to go in the end.
    pub(super) return_to: &'a str,
    /// What was typed before.
    pub(super) name: &'a str,
    /// What was wrong with it.
    pub(super) problem: Option<&'a str>,
}

/// `/sign-in`
pub(super) fn sign_in(frame: &Frame, content: &SignIn<'_>) -> Markup {
    let SignIn { provider, return_to, name, problem } = *content;
    let to_provider =
        format!("/sign-in/provider?{}", params::query_string([("return", return_to)]));
    let described = problem.map(|_| "problem");
    // Who has failed goes on with the password; who comes first, with what there is first.
    let starts_with_name = name.is_empty() && provider.is_none();
    panel(
        TITLE,
        &html! {
            (self::problem(problem))
            @if let Some(provider) = provider {
                a .button .primary .wide href=(to_provider) { "Sign in with " (provider) }
                p .or { "or with an account of durward's own" }
            }
            form method="post" action="/sign-in" {
                (frame.csrf_field())
                input type="hidden" name="return" value=(return_to);
                label for="name" { "Name" }
                input #name name="name" value=(name) required maxlength=(NAME_CHARS_MAX)
                    autocomplete="username" autocapitalize="none" spellcheck="false"
                    aria-describedby=[described] autofocus[starts_with_name];
                label for="password" { "Password" }
                input #password name="password" type="password" required
                    autocomplete="current-password" aria-describedby=[described]
                    autofocus[!name.is_empty()];
                button .button .wide .primary[provider.is_none()] { "Sign in" }
            }
        },
    )
}

/// `/sign-in/code`
pub(super) fn code(frame: &Frame, problem: Option<&str>) -> Markup {
    let described = problem.map(|_| "problem");
    panel(
        "One more step",
        &html! {
            (self::problem(problem))
            form method="post" action="/sign-in/code" {
                (frame.csrf_field())
                label for="code" { "Code of your authenticator app" }
                input #code .code name="code" required inputmode="numeric" maxlength="9"
                    autocomplete="one-time-code" aria-describedby=[described] autofocus;
                button .button .primary .wide { "Sign in" }
            }
            details {
                summary { "The app is not at hand" }
                form method="post" action="/sign-in/code" {
                    (frame.csrf_field())
                    label for="recovery" { "Recovery code" }
                    input #recovery .code name="recovery" required maxlength="40" autocomplete="off"
                        autocapitalize="none" spellcheck="false";
                    p .muted { "Each works once. Without any, an administrator can reset the account." }
                    button .button .wide { "Sign in with a recovery code" }
                }
            }
            p .links { a href="/sign-in" { "Sign in as somebody else" } }
        },
    )
}

/// `/signed-out`
pub(super) fn signed_out() -> Markup {
    panel(
        "Signed out",
        &html! {
            p { "You are signed out of durward." }
            a .button .wide href="/sign-in" { "Sign in" }
        },
    )
}

/// On the way to the provider, to sign out there too.
pub(super) fn to_provider(url: &str) -> Markup {
    panel(
        "Signed out of durward",
        &html! {
            p { "Your provider is next." }
            a .button .primary .wide href=(url) { "Sign out there too" }
        },
    )
}

/// For somebody whose account is disabled, and who has shown that it is theirs.
pub(super) fn disabled() -> Markup {
    sorry("Your account is disabled here. An administrator of durward can enable it.")
}

/// Something in the way, and the way back.
pub(super) fn sorry(what: &str) -> Markup {
    panel(
        "You are not signed in",
        &html! {
            (problem(Some(what)))
            a .button .wide href="/sign-in" { "Back to signing in" }
        },
    )
}

/// A provider that did not say which groups somebody is in.
pub(super) fn too_many_groups(return_to: &str) -> Markup {
    panel(
        "You are signed in",
        &html! {
            p role="status" {
                "You are in so many groups that the provider did not list them, so durward cannot \
                 know the roles that depend on them. Ask an administrator to send app roles, or only \
                 the groups that are assigned to durward."
            }
            a .button .primary .wide href=(return_to) { "Go on" }
        },
    )
}

/// The fields of a new password, twice.
pub(super) fn new_password(described: Option<&str>) -> Markup {
    let shortest = durward_access::PASSWORD_CHARS_MIN;
    html! {
        label for="password" { "Password" }
        input #password name="password" type="password" required minlength=(shortest)
            autocomplete="new-password" aria-describedby=(described.unwrap_or("rule"));
        p #rule .muted { "At least " (shortest) " characters. A few words are fine." }
        label for="again" { "The same password again" }
        input #again name="again" type="password" required minlength=(shortest)
            autocomplete="new-password";
    }
}
