//! Styles, scripts and pictures: files of this binary.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use durward_model::Id;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::ApiError;

pub(super) const STYLE_PATH: &str = "/assets/durward.css";
pub(super) const ICON_PATH: &str = "/assets/icon.svg";
pub(super) const THEME_PATH: &str = "/assets/theme.js";

/// Scripts of every page, in order.
pub(super) const SCRIPTS: [&str; 13] = [
    "/assets/htmx.js",
    "/assets/durward.js",
    "/assets/shell.js",
    "/assets/explorer.js",
    "/assets/filter.js",
    "/assets/rows.js",
    "/assets/table.js",
    "/assets/event.js",
    "/assets/charts.js",
    "/assets/search.js",
    "/assets/views.js",
    "/assets/live.js",
    "/assets/alerts.js",
];

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    /// Compressed, once somebody wanted it; and the tag of the text.
    made: OnceLock<(Vec<u8>, String)>,
}

/// One style sheet, kept in one file for each part of the pages.
const STYLE: &str = concat!(
    include_str!("../../assets/css/base.css"),
    include_str!("../../assets/css/page.css"),
    include_str!("../../assets/css/person.css"),
    include_str!("../../assets/css/charts.css"),
    include_str!("../../assets/css/filter.css"),
    include_str!("../../assets/css/table.css"),
    include_str!("../../assets/css/event.css"),
    include_str!("../../assets/css/overview.css"),
    include_str!("../../assets/css/entity.css"),
    include_str!("../../assets/css/attempt.css"),
    include_str!("../../assets/css/search.css"),
    include_str!("../../assets/css/views.css"),
    include_str!("../../assets/css/alerts.css"),
    include_str!("../../assets/css/risk.css"),
);

macro_rules! asset {
    ($name:literal, $kind:literal, $file:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../../assets/", $file)),
            made: OnceLock::new(),
        }
    };
    ($name:literal, $kind:literal) => {
        asset!($name, $kind, $name)
    };
}

static ASSETS: [Asset; 19] = [
    Asset {
        name: "durward.css",
        kind: "text/css; charset=utf-8",
        text: STYLE,
        made: OnceLock::new(),
    },
    asset!("icon.svg", "image/svg+xml"),
    asset!("icons.svg", "image/svg+xml"),
    asset!("world.svg", "image/svg+xml"),
    asset!("theme.js", "text/javascript; charset=utf-8"),
    asset!("htmx.js", "text/javascript; charset=utf-8", "vendor/htmx-2.0.11.min.js"),
    asset!("echarts.js", "text/javascript; charset=utf-8", "vendor/echarts-6.1.0.common.min.js"),
    asset!("durward.js", "text/javascript; charset=utf-8"),
    asset!("shell.js", "text/javascript; charset=utf-8"),
    asset!("explorer.js", "text/javascript; charset=utf-8"),
    asset!("filter.js", "text/javascript; charset=utf-8"),
    asset!("rows.js", "text/javascript; charset=utf-8"),
    asset!("table.js", "text/javascript; charset=utf-8"),
    asset!("event.js", "text/javascript; charset=utf-8"),
    asset!("charts.js", "text/javascript; charset=utf-8"),
    asset!("search.js", "text/javascript; charset=utf-8"),
    asset!("views.js", "text/javascript; charset=utf-8"),
    asset!("live.js", "text/javascript; charset=utf-8"),
    asset!("alerts.js", "text/javascript; charset=utf-8"),
];

/// `GET /assets/{name}`
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(&headers),
        None => ApiError::not_found("there is no such asset").into_response(),
    }
}

impl Asset {
    /// The asset, which browsers keep but ask about: another durward may serve the next page.
    fn answer(&'static self, headers: &HeaderMap) -> Response {
        let (packed, tag) = self.made.get_or_init(|| {
            (pack(self.text.as_bytes()), format!("\"{}\"", Id::hash(self.text.as_bytes())))
        });
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let keep = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let vary = (VARY, HeaderValue::from_static("accept-encoding"));
        if known == Some(tag.as_str()) {
            return (StatusCode::NOT_MODIFIED, [keep, vary]).into_response();
        }
        let tag = HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static("\"0\""));
        let kind = (CONTENT_TYPE, HeaderValue::from_static(self.kind));
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let takes_gzip = accepted.is_some_and(|list| list.contains("gzip"));
        let common = [keep, kind, vary, (header::ETAG, tag)];
        if takes_gzip && !packed.is_empty() {
            let encoding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (common, encoding, packed.as_slice()).into_response();
        }
        (common, self.text).into_response()
    }
}

/// Compressed as well as gzip can; empty if that fails.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).and_then(|()| packer.finish()).unwrap_or_default()
}
