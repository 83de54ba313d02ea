//! Spellings of Graph addresses.
//!
//! Graph takes the segments of a path in any case, writes `signins` in its own links, and has
//! functions and keys in brackets. Routes here have one spelling; a path is brought into it
//! before it is routed.
//!
//! One client needs more help: `@microsoft/microsoft-graph-client` takes apart only links that
//! begin with `https://`. A link over `http` it appends whole to its own base address, so that
//! `/beta/http://127.0.0.1:7400/beta/auditLogs/signIns` is asked for. The inner address is what
//! is meant.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Segments of Graph paths, as routes have them.
const SEGMENTS: &[&str] = &[
    "v1.0",
    "beta",
    "auditLogs",
    "signIns",
    "getSummarizedNonInteractiveSignIns",
    "getSummarizedServicePrincipalSignIns",
    "getSummarizedMSISignIns",
    "identityProtection",
    "riskyUsers",
    "riskyServicePrincipals",
    "riskyAgents",
    "riskDetections",
    "servicePrincipalRiskDetections",
    "agentRiskDetections",
    "history",
    "confirmCompromised",
    "confirmSafe",
    "dismiss",
];
/// Collections whose members have a key in brackets.
const KEYED: &[&str] = &[
    "signIns",
    "riskyUsers",
    "riskyServicePrincipals",
    "riskyAgents",
    "riskDetections",
    "servicePrincipalRiskDetections",
    "agentRiskDetections",
    "history",
];

/// The path as routes have it; `None` if it is so already or is none of Graph's.
fn canonical(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_version =
        |text: &str| ["v1.0", "beta"].iter().any(|version| version.eq_ignore_ascii_case(text));
    if !segments.first().is_some_and(|first| is_version(first)) {
        return None;
    }
    if let [_, "http:", _host, rest @ ..] = segments.as_slice()
        && rest.first().is_some_and(|first| is_version(first))
    {
        segments = rest.to_vec();
    }
    let mut wanted = String::with_capacity(path.len());
    for segment in segments {
        wanted.push('/');
        match segment.split_once('(') {
            // `signIns('id')` is `signIns/id`; a function keeps its brackets.
            Some((name, rest)) if KEYED.iter().any(|one| one.eq_ignore_ascii_case(name)) => {
                let key = rest.strip_suffix(')').unwrap_or(rest);
                let key = key.strip_prefix('\'').or(key.strip_prefix("%27")).unwrap_or(key);
                let key = key.strip_suffix('\'').or(key.strip_suffix("%27")).unwrap_or(key);
                wanted.push_str(spelling(name));
                wanted.push('/');
                wanted.push_str(key);
            }
            Some((name, rest)) => {
                wanted.push_str(spelling(name));
                wanted.push('(');
                wanted.push_str(rest);
            }
            None => wanted.push_str(spelling(segment)),
        }
    }
    (wanted != path).then_some(wanted)
}

fn spelling(segment: &str) -> &str {
    SEGMENTS.iter().find(|known| known.eq_ignore_ascii_case(segment)).copied().unwrap_or(segment)
}

/// Brings a request's address into the spelling that routes have.
pub(crate) fn normalise<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    let uri = request.uri();
    if let Some(path) = canonical(uri.path()) {
        let text = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        if let Ok(wanted) = text.parse::<PathAndQuery>() {
            let mut parts = uri.clone().into_parts();
            parts.path_and_query = Some(wanted);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn graph_paths_have_one_spelling() {
        for (path, wanted) in [
            ("/V1.0/auditlogs/signins", "/v1.0/auditLogs/signIns"),
            ("/beta/auditLogs/signins/AbC", "/beta/auditLogs/signIns/AbC"),
            ("/beta/auditLogs/signIns('AbC')", "/beta/auditLogs/signIns/AbC"),
            ("/beta/auditLogs/signIns(%27AbC%27)/", "/beta/auditLogs/signIns/AbC"),
            (
                "/v1.0/identityprotection/riskyusers('AbC')/History",
                "/v1.0/identityProtection/riskyUsers/AbC/history",
            ),
            ("/beta/http://127.0.0.1:7400/v1.0/auditLogs/signIns", "/v1.0/auditLogs/signIns"),
            (
                "/beta/auditlogs/getsummarizedmsisignins(aggregationWindow='h1')",
                "/beta/auditLogs/getSummarizedMSISignIns(aggregationWindow='h1')",
            ),
        ] {
            assert_eq!(canonical(path).as_deref(), Some(wanted));
        }
        for path in ["/beta/auditLogs/signIns", "/", "/API/x", "/betamax/SIGNINS"] {
            assert_eq!(canonical(path), None, "{path}");
        }
    }
}
