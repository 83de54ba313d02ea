//! The description of the interface.

use std::path::Path;

use crate::client;
use crate::fixture::Server;

/// Set to write the file anew after a wanted change.
const UPDATE: &str = "DURWARD_UPDATE_GOLDEN";

#[test]
fn the_contract_is_the_one_in_the_golden_file() {
    let served = Server::start().json("/api/openapi.json");
    assert_eq!(served, durward_server::openapi_document());
    let path = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
        .join("tests/golden/openapi.json");
    let text = serde_json::to_string_pretty(&served).unwrap() + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(golden == text, "the interface changed; if that is wanted, run with {UPDATE}=1");
}

#[test]
fn everything_described_is_served() {
    let server = Server::start();
    let document = durward_server::openapi_document();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 15, "{}", paths.len());
    for (path, operations) in paths {
        let target = path
            .replace("{id}", "00000001-0000-4000-8000-000000000000")
            .replace("{function}", "getSummarizedMSISignIns(aggregationWindow='h1')")
            // A stream that is given never ends.
            .replace("/signins/live", "/signins/live?t=never");
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let answer = client::request(server.address, &method, &target, &[], &[]);
            assert_ne!(answer.status, 405, "{method} {path}");
            // In an error of the interface, or in a page.
            let nowhere = answer.status == 404 && answer.text().contains("there is nothing at");
            assert!(!nowhere, "{method} {path}");
        }
    }
}
