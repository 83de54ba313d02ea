//! Microsoft Graph's interface.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client;
use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, id, ids, interactive, record,
};

const BETA: &str = "/beta/auditLogs/signIns";

/// The path and query of a link of this server.
fn target_of(server: &Server, link: &Value) -> Option<String> {
    let link = link.as_str()?;
    let base = format!("http://{}", server.address);
    Some(link.strip_prefix(&base).unwrap_or_else(|| panic!("{link} is absolute")).to_owned())
}

/// All identifiers, page by page; `between` runs after each page.
fn page_through(server: &Server, first: &str, mut between: impl FnMut(usize)) -> Vec<String> {
    let (mut found, mut next, mut pages) = (Vec::new(), Some(first.to_owned()), 0);
    while let Some(target) = next {
        let page = server.json(&target);
        found.extend(ids(&page));
        next = target_of(server, &page["@odata.nextLink"]);
        pages += 1;
        assert!(pages < 1000, "the list has no end");
        between(pages);
    }
    found
}

#[test]
fn interactive_sign_ins_are_listed_newest_first_unless_the_filter_asks_for_others() {
    let server = Server::start();
    server.push(&interactive(0..5));
    server.push(&[record(100, 999, NON_INTERACTIVE), record(101, 998, SERVICE_PRINCIPAL)]);
    for version in ["v1.0", "beta"] {
        let answer = server.get(&format!("/{version}/auditLogs/signIns"));
        assert_eq!(answer.header("odata-version"), Some("4.0"));
        let page = answer.json();
        assert_eq!(ids(&page), [4, 3, 2, 1, 0].map(id));
        let context = page["@odata.context"].as_str().unwrap();
        assert!(context.ends_with(&format!("/{version}/$metadata#auditLogs/signIns")));
        assert_eq!(page["@odata.nextLink"], Value::Null);
        assert_eq!(page["value"][0]["signInEventTypes"].is_array(), version == "beta");
    }
    let typed = |filter: &str| {
        let filter = filter.replace(' ', "%20");
        ids(&server.json(&format!("{BETA}?&$filter=signInEventTypes/any(t:%20{filter})")))
    };
    assert_eq!(typed("t eq 'nonInteractiveUser'"), [id(100)]);
    assert_eq!(typed("t ne 'interactiveUser'"), [id(100), id(101)]);
    let oldest = server.json(&format!("{BETA}?$orderby=createdDateTime%20asc&$top=2"));
    assert_eq!(ids(&oldest), [0, 1].map(id));
    let counted = server.json(&format!("{BETA}?$count=true&$top=1&$filter=status/errorCode+ne+0"));
    assert_eq!((&counted["@odata.count"], ids(&counted)), (&2.into(), vec![id(3)]));
}

#[test]
fn page_1_what_was_there_is_listed_once_while_new_data_arrives() {
    let server = Server::start();
    server.push(&interactive(0..95));
    let mut number = 1000;
    let found = page_through(&server, &format!("{BETA}?$top=10"), |pages| {
        // Newer ones, and late ones whose place was passed or is still to come.
        let late = [10_000, 90 * 60 - 7, 30, -500].map(|seconds| {
            number += 1;
            record(number, seconds + pages as i64, INTERACTIVE)
        });
        if pages < 12 {
            server.push(&late);
        }
        if pages == 4 {
            server.store.seal().unwrap();
        }
        if pages == 7 {
            server.store.seal().unwrap();
            server.store.compact().unwrap();
        }
    });
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "nothing is listed twice");
    assert!((0..95).all(|number| distinct.contains(&id(number))), "nothing is missed");

    let all = server.json(&format!("{BETA}?$select=id"));
    let oldest_first = format!("{BETA}?$top=7&$orderby=createdDateTime%20asc");
    let mut reversed = page_through(&server, &oldest_first, |_| {});
    reversed.reverse();
    assert_eq!(ids(&all), reversed);
}

#[test]
fn links_carry_everything_that_was_asked() {
    let server = Server::start();
    server.push(&interactive(0..40));
    let filter = "startswith(userPrincipalName,'user1')%20or%20appDisplayName%20eq%20'App%202'";
    let first = format!("{BETA}?$filter={filter}&$top=3&$select=id,appDisplayName&$count=true");
    let page = server.json(&first);
    let next = target_of(&server, &page["@odata.nextLink"]).unwrap();
    for part in ["$filter=", "$top=3", "$select=", "$count=true", "$skiptoken="] {
        assert_eq!(next.matches(part).count(), 1, "{part} in {next}");
    }
    let second = server.json(&next);
    assert_eq!(second["@odata.count"], page["@odata.count"]);
    assert_eq!(second["value"][0].as_object().unwrap().len(), 2);
    let all = page_through(&server, &first, |_| {});
    assert_eq!(all.len() as u64, page["@odata.count"].as_u64().unwrap());
    // The JavaScript client appends links over http whole to its own base address.
    let appended = format!("/v1.0/http://{}{next}", server.address);
    assert_eq!(ids(&server.json(&appended)), ids(&second));
    // Graph's own links are written so.
    let lower = next.replace("auditLogs/signIns", "auditlogs/signins");
    assert_eq!(ids(&server.json(&lower)), ids(&second));
}

#[test]
fn every_documented_error() {
    let server = Server::start();
    server.push(&interactive(0..3));
    let bad = (400, "BadRequest".to_owned());
    for query in [
        "$filter=nonsense%20eq%201",
        "$filter=createdDateTime%20ge%20'2026-03-01T00:00:00Z'",
        "$filter=status/errorCode%20eq%20'50126'",
        "$filter=isInteractive%20eq%205",
        "$filter=userPrincipalName%20eq%20",
        "$filter=((((id%20eq%20'x')))",
        "$filter=id%20eq%20'%ff'",
        "$top=5000",
        "$top=0",
        "$top=ten",
        "$skip=10",
        "$search=x",
        "$expand=x",
        "$skiptoken=null",
        "$skiptoken=5f0c_1",
        "$orderby=userPrincipalName",
        "$select=nonsense",
        "$count=maybe",
        "$top=1&$top=2",
    ] {
        assert_eq!(server.error(&format!("{BETA}?{query}")), bad, "{query}");
    }
    let deep = format!("{}id eq 'x'{}", "(".repeat(5000), ")".repeat(5000)).replace(' ', "%20");
    assert_eq!(server.error(&format!("{BETA}?$filter={deep}")), bad);
    assert_eq!(server.error("/v1.0/auditLogs/signIns?$select=signInEventTypes"), bad, "beta only");
    let page = server.json(&format!("{BETA}?$top=1"));
    let link = target_of(&server, &page["@odata.nextLink"]).unwrap();
    let foreign = link.replace("$top=1", "$top=1&$filter=status/errorCode%20eq%200");
    assert_eq!(server.error(&foreign), bad, "a token of another question");
    let message = server.get(&format!("{BETA}?$filter=nonsense%20eq%201")).json();
    let message = &message["error"];
    assert!(message["message"].as_str().unwrap().contains("nonsense"), "{message}");
    assert_eq!((&message["position"], &message["property"]), (&0.into(), &"nonsense".into()));
    // Names without a $ are no options; an empty option is none.
    assert_eq!(ids(&server.json(&format!("{BETA}?top=1&$filter="))).len(), 3);
}

#[test]
fn one_sign_in() {
    let server = Server::start();
    server.push(&interactive(0..2));
    let known = id(0x1);
    for target in [
        format!("{BETA}/{known}"),
        format!("/BETA/auditlogs/SIGNINS/{}", known.to_uppercase()),
        format!("{BETA}('{known}')"),
    ] {
        let one = server.json(&target);
        assert_eq!(one["id"], known.as_str(), "{target}");
        assert!(one["@odata.context"].as_str().unwrap().ends_with("#auditLogs/signIns/$entity"));
        assert_eq!(one["crossTenantAccessType"], "unknownFutureValue");
    }
    let target = format!("{BETA}/{known}?$select=id,crossTenantAccessType");
    let wish = [("Prefer", "return=minimal, include-unknown-enum-members")];
    let answer = client::request(server.address, "GET", &target, &wish, &[]);
    assert_eq!(answer.header("preference-applied"), Some("include-unknown-enum-members"));
    let one = answer.json();
    assert_eq!(one["crossTenantAccessType"], "passthrough");
    assert_eq!(one.as_object().unwrap().len(), 3);
    let missing = (404, "ResourceNotFound".to_owned());
    assert_eq!(server.error(&format!("{BETA}/{}", id(77))), missing);
}

#[test]
fn grouped_sign_ins() {
    let server = Server::start();
    let records: Vec<_> =
        (0..120).map(|number| record(number, i64::from(number) * 60, NON_INTERACTIVE)).collect();
    server.push(&records);
    server.push(&interactive(1000..1010));
    let function = "/beta/auditLogs/getSummarizedNonInteractiveSignIns";
    for window in ["h1", "h6", "d1"] {
        let first = format!("{function}(aggregationWindow='{window}')?$top=7");
        let (mut next, mut sum, mut seen) = (Some(first), 0, BTreeSet::new());
        while let Some(target) = next {
            let page = server.json(&target);
            for group in page["value"].as_array().unwrap() {
                sum += group["signInCount"].as_u64().unwrap();
                assert!(seen.insert(group["id"].as_str().unwrap().to_owned()), "{group}");
                assert_eq!(
                    server.json(&format!("{BETA}/{}", group["id"].as_str().unwrap()))["ipAddress"],
                    group["ipAddress"]
                );
            }
            next = target_of(&server, &page["@odata.nextLink"]);
        }
        assert_eq!(sum, 120, "{window}");
    }
    let filtered =
        format!("{function}(aggregationWindow='d1')?$filter=ipAddress%20eq%20'203.0.113.1'");
    let page = server.json(&filtered);
    let all = page["value"].as_array().unwrap();
    assert!(!all.is_empty() && all.iter().all(|group| group["ipAddress"] == "203.0.113.1"));
    assert_eq!(server.error(&format!("{function}(aggregationWindow='h2')")).0, 400);
    assert_eq!(server.error(&format!("{function}(aggregationWindow='h1')?$top=2000")).0, 400);
    let empty = server.json("/beta/auditLogs/getSummarizedMSISignIns(aggregationWindow=%27d1%27)");
    assert_eq!(empty["value"].as_array().unwrap().len(), 0);
    assert_eq!(server.error(&function.replace("beta", "v1.0")).0, 404, "beta only");
}
