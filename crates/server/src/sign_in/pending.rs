//! What lies between two steps of a sign-in, in an encrypted cookie.
//!
//! Nothing is kept here meanwhile, so that strangers who begin and never end cost nothing. The
//! cookie proves only what it says: that a password was right (a code is still asked for), or
//! that this browser began a sign-in at the provider.

use cookie::{Cookie, CookieJar, Key};
use durward_model::Timestamp;
use durward_model::time::SECOND_MICROS;
use serde_json::{Value, json};

/// How long somebody may take to type a code, in seconds.
const CODE_SECONDS: i64 = 5 * 60;
/// How long somebody may take at the provider, in seconds.
const PROVIDER_SECONDS: i64 = 10 * 60;
/// Name that the encryption is bound to; that of the cookie differs by host.
const NAME: &str = "signing-in";

/// A sign-in under way.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pending {
    /// The password was right; a code is to follow.
    Code {
        /// Identifier of the person.
        person: String,
        /// Where to go in the end.
        return_to: String,
        /// What the records of one sign-in have in common.
        correlation: String,
    },
    /// The browser was sent to the provider.
    Provider {
        /// Comes back with the browser.
        state: String,
        /// Comes back in the token.
        nonce: String,
        /// Proves that we began it.
        verifier: String,
        /// Where to go in the end.
        return_to: String,
    },
}

impl Pending {
    /// How long it may stay so.
    pub(super) fn seconds(&self) -> i64 {
        match self {
            Pending::Code { .. } => CODE_SECONDS,
            Pending::Provider { .. } => PROVIDER_SECONDS,
        }
    }

    /// The value of the cookie.
    pub(super) fn seal(&self, key: &Key, now: Timestamp) -> String {
        let mut content = match self {
            Pending::Code { person, return_to, correlation } => {
                json!({ "code": person, "return": return_to, "correlation": correlation })
            }
            Pending::Provider { state, nonce, verifier, return_to } => {
                json!({ "state": state, "nonce": nonce, "verifier": verifier, "return": return_to })
            }
        };
        content["until"] = (now.micros / SECOND_MICROS + self.seconds()).into();
        let mut jar = CookieJar::new();
        jar.private_mut(key).add(Cookie::new(NAME, content.to_string()));
        jar.get(NAME).map(|cookie| cookie.value().to_owned()).unwrap_or_default()
    }

    /// What a cookie of ours says, if its time is not over.
    pub(super) fn open(value: String, key: &Key, now: Timestamp) -> Option<Pending> {
        let cookie = CookieJar::new().private(key).decrypt(Cookie::new(NAME, value))?;
        let content: Value = serde_json::from_str(cookie.value()).ok()?;
        let text = |name: &str| content[name].as_str().map(str::to_owned);
        if content["until"].as_i64()? <= now.micros / SECOND_MICROS {
            return None;
        }
        let return_to = text("return")?;
        match text("code") {
            Some(person) => {
                Some(Pending::Code { person, return_to, correlation: text("correlation")? })
            }
            None => Some(Pending::Provider {
                state: text("state")?,
                nonce: text("nonce")?,
                verifier: text("verifier")?,
                return_to,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * SECOND_MICROS)
    }

    fn code() -> Pending {
        Pending::Code {
            person: "p1".to_owned(),
            return_to: "/signins".to_owned(),
            correlation: "c1".to_owned(),
        }
    }

    #[test]
    fn what_is_sealed_is_opened_in_time_and_by_nobody_else() {
        let key = Key::generate();
        let provider = Pending::Provider {
            state: "s".to_owned(),
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
            return_to: "/".to_owned(),
        };
        for (pending, seconds) in [(code(), CODE_SECONDS), (provider, PROVIDER_SECONDS)] {
            let sealed = pending.seal(&key, at(1000));
            let open = |key: &Key, now| Pending::open(sealed.clone(), key, at(now));
            assert!(open(&key, 1000 + seconds - 1) == Some(pending));
            assert!(open(&key, 1000 + seconds).is_none(), "over");
            assert!(open(&Key::generate(), 1000).is_none(), "another key");
            assert!(!sealed.contains("p1"), "{sealed}");
        }
    }

    #[test]
    fn a_cookie_that_was_changed_is_none() {
        let key = Key::generate();
        let sealed = code().seal(&key, at(1000));
        for index in [0, sealed.len() / 2, sealed.len() - 5] {
            let mut changed = sealed.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Pending::open(changed, &key, at(1000)).is_none(), "{index}");
        }
        assert!(Pending::open(String::new(), &key, at(1000)).is_none());
    }
}
