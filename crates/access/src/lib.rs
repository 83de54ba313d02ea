//! Who may do what: roles and rights, people, tokens and sessions.
//!
//! [`right`] is the table of roles and rights; [`grant`] says over what part of the log somebody
//! has them; [`permission`] maps what tokens carry. [`AccessStore`] keeps accounts, passwords,
//! codes, tokens, sessions, links and saved views in a database that several processes use at once; it takes
//! the time as a parameter and caches nothing, so that what is revoked anywhere stops everywhere.
//! [`Throttle`] and [`Hasher`] bound what guessing achieves and costs. Nothing in here knows HTTP.

mod devices;
mod error;
mod feedback;
pub mod grant;
mod hasher;
mod keys;
mod links;
mod password;
mod people;
pub mod permission;
pub mod right;
mod schema;
mod secret;
mod sessions;
mod store;
#[cfg(test)]
mod testing;
mod throttle;
mod tokens;
mod totp;
mod views;

pub use devices::DEVICE_LIFE;
pub use error::AccessError;
pub use feedback::{Feedback, Verdict};
pub use grant::{Assignment, Grant, Mask, Rules, Scope, allow};
pub use hasher::{Hasher, Permit};
pub use links::{LINK_LIFE, LinkPurpose};
pub use password::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PasswordCheck, PasswordHash, WeakPassword,
};
pub use people::{Federated, LOCAL, NewPerson, Person};
pub use right::{Right, Rights, Role};
pub use secret::random_secret;
pub use sessions::{NewSession, Session, SessionLimits};
pub use store::AccessStore;
pub use throttle::{Attempt, Decision, Throttle};
pub use tokens::{NewToken, Token, is_own_token};
pub use totp::{RECOVERY_CODES, TotpEnrolment};
pub use views::{NewView, Saved, SavedView};
