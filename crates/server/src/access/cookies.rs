//! Cookies: names, attributes, reading and setting.
//!
//! Over HTTPS a cookie's name begins with `__Host-`, which binds it to this host, this scheme and
//! all paths. On loopback over plain HTTP there is no such protection, and cookies are shared by
//! all ports of a machine, so the port is part of the name.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use cookie::{Cookie, SameSite};

use crate::client::Client;

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The session.
    Session,
    /// A sign-in that has begun.
    SigningIn,
    /// A browser that an account has signed in from before.
    Device,
}

impl Purpose {
    fn name(self, client: &Client) -> String {
        let name = match self {
            Purpose::Session => "session",
            Purpose::SigningIn => "signing-in",
            Purpose::Device => "device",
        };
        match client.is_secure {
            true => format!("__Host-durward-{name}"),
            false => {
                let port = client.host.rsplit_once(':').map_or("80", |(_, port)| port);
                format!("durward-{name}-{port}")
            }
        }
    }
}

/// The value of a cookie of a request.
pub(crate) fn get(headers: &HeaderMap, client: &Client, purpose: Purpose) -> Option<String> {
    let name = purpose.name(client);
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut all = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let found = all.find(|cookie| cookie.name() == name)?;
    Some(found.value().to_owned()).filter(|value| !value.is_empty())
}

/// Has the answer set a cookie that lasts so many seconds; `None` for as long as the browser runs.
pub(crate) fn set(
    headers: &mut HeaderMap,
    client: &Client,
    purpose: Purpose,
    value: &str,
    seconds: Option<i64>,
) {
    let mut cookie = Cookie::build((purpose.name(client), value.to_owned()))
        .path("/")
        .http_only(true)
        .secure(client.is_secure)
        // Lax: a link from elsewhere, and the provider's redirect back, find the session.
        .same_site(SameSite::Lax);
    if let Some(seconds) = seconds {
        cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
    }
    if let Ok(value) = HeaderValue::from_str(&cookie.build().to_string()) {
        headers.append(SET_COOKIE, value);
    }
}

/// Has the answer remove a cookie.
pub(crate) fn clear(headers: &mut HeaderMap, client: &Client, purpose: Purpose) {
    set(headers, client, purpose, "", Some(0));
}
