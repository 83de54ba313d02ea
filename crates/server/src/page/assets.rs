//! Styles, script and icon.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use durward_model::Id;

pub(crate) const STYLE_PATH: &str = "/assets/durward.css";
pub(crate) const SCRIPT_PATH: &str = "/assets/durward.js";
pub(crate) const ICON_PATH: &str = "/assets/icon.svg";

const STYLE: &str = include_str!("../../assets/durward.css");
const SCRIPT: &str = include_str!("../../assets/durward.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// `GET /assets/durward.css`
pub(crate) async fn style(headers: HeaderMap) -> Response {
    asset(STYLE, "text/css; charset=utf-8", &headers)
}

/// `GET /assets/durward.js`
pub(crate) async fn script(headers: HeaderMap) -> Response {
    asset(SCRIPT, "text/javascript; charset=utf-8", &headers)
}

/// `GET /assets/icon.svg`
pub(crate) async fn icon(headers: HeaderMap) -> Response {
    asset(ICON, "image/svg+xml", &headers)
}

/// An asset, which browsers keep but ask about: another durward may serve the next page.
fn asset(text: &'static str, kind: &'static str, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", Id::hash(text.as_bytes()));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let keep = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if known == Some(tag.as_str()) {
        return (StatusCode::NOT_MODIFIED, [keep]).into_response();
    }
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"0\""));
    let kind = (CONTENT_TYPE, HeaderValue::from_static(kind));
    ([keep, kind, (header::ETAG, tag)], text).into_response()
}
