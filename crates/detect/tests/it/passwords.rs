//! Guessing passwords.

use crate::story::{LAGOS, SignIn, habit, user};

mod brute_force;
mod disabled_account;
mod distributed_guessing;
mod distributed_spray;
mod lockout_watch;
mod password_spray;
mod revoked_token_reuse;
mod seamless_sso_spray;
mod slow_spray;
mod success_after_failures;
mod user_enumeration;

const STRANGER: &str = "203.0.113.7";

/// The name of a member of the staff.
fn name(number: i64) -> String {
    format!("u{number}")
}

/// The ordinary life of so many people for so many days, all in one office network.
fn staff(people: i64, days: i64) -> Vec<SignIn> {
    (0..people).flat_map(|number| habit(&name(number), days)).collect()
}

/// A stranger tries somebody, with a browser and no known device.
fn strange(name: &str, at_micros: i64, code: i64) -> SignIn {
    user(name, at_micros).from(STRANGER).asn(64511).at(LAGOS).code(code)
}
