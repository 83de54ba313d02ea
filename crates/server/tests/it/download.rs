//! The download dialog, and what its link gives.

use arrow_array::Array as _;
use durward_access::{Role, Scope};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::Answer;
use crate::fixture::{NON_INTERACTIVE, Server, id, interactive, record};

const EXPORT: &str = "/api/security/sign-in-logs/export";

fn filled() -> Server {
    let server = Server::start();
    let mut records = interactive(0..60);
    records.extend((100..130).map(|number| record(number, i64::from(number), NON_INTERACTIVE)));
    records[3]["properties"]["userDisplayName"] = "=1+1".into();
    records[4]["properties"]["authenticationDetails"] = serde_json::json!([]);
    server.push(&records);
    server
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The file of an explorer's address.
fn file(server: &Server, of: &str, more: &str) -> Answer {
    let answer = server.get(&format!("{EXPORT}?of={}{more}", encoded(of)));
    assert_eq!(answer.status, 200, "{of} {more}: {}", answer.text());
    answer
}

fn lines(answer: &Answer) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*answer.body);
    let cells = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader.into_records().map(|row| cells(row.unwrap())).collect()
}

/// What the explorer says it found.
fn count(server: &Server, of: &str) -> usize {
    let text = crate::page::page(server, &format!("/signins?{of}"), 200);
    let total = text.split("data-total=\"").nth(1).unwrap();
    total.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn a_file_has_the_rows_that_the_explorer_counts() {
    let server = filled();
    let mut counts = Vec::new();
    for of in [
        "t=all",
        "t=all&type=all",
        "t=all&type=all&f=status%3Dfailure",
        "t=all&type=n&q=user3",
        "t=all&f=(app%3D%22App+1%22|app%3D%22App+2%22),-code:50126",
        "t=all&f=~status%3Dfailure",
        "t=all&odata=status/errorCode%20eq%2050126",
        "t=2026-03-02T12:10:00Z..2026-03-02T12:20:00Z",
        "t=all&tenant=11111111-2222-4333-8444-555555555555",
        "t=all&tenant=99999999-2222-4333-8444-555555555555",
        "t=all&asof=2026-03-01",
        "t=all&sort=date&group=1h&cols=user",
    ] {
        let rows = lines(&file(&server, of, "&columns=id")).len() - 1;
        assert_eq!(rows, count(&server, of), "{of}");
        counts.push(rows);
    }
    assert_eq!(counts[..3], [60, 90, 22]);
    assert_eq!((counts[8], counts[9], counts[10]), (60, 0, 0));
    let all =
        lines(&file(&server, "t=all&f=status%3Dfailure", "&columns=id&rows=all&type=i&type=n"));
    assert_eq!(all.len() - 1, 90);
    let ids = format!("&columns=id&rows=selected&ids={},{},{}", id(5), id(7), id(999));
    let mut selected = lines(&file(&server, "t=all", &ids)).split_off(1).concat();
    selected.sort();
    assert_eq!(selected, [id(5), id(7)]);
    let first = lines(&file(&server, "t=all&sort=date", "&columns=id"));
    assert_eq!(first[1], [id(0)], "oldest first, as the list");
}

#[test]
fn columns_come_as_displayed_and_lists_as_asked_for() {
    let server = filled();
    let of = "t=all&cols=ip,user,authenticationDetails";
    let dialog = crate::page::page(&server, &format!("/download?{of}"), 200);
    let shown = "name=\"columns\" value=\"ipAddress,userDisplayName,authenticationDetails\"";
    assert!(dialog.contains(shown), "{dialog}");
    let columns = "&columns=ipAddress,userDisplayName,authenticationDetails";
    let plain = lines(&file(&server, of, columns));
    assert_eq!(plain[0], ["ipAddress", "userDisplayName", "authenticationDetails"]);
    let steps: Value = serde_json::from_str(&plain[1][2]).unwrap();
    assert_eq!(steps[0]["authenticationMethod"], "Password");
    let none = lines(&file(&server, of, &format!("{columns}&nested=none")));
    assert_eq!(none[0], ["ipAddress", "userDisplayName"]);
    let flat = lines(&file(&server, of, &format!("{columns}&nested=flat&sort=")));
    let at = |name: &str| flat[0].iter().position(|header| header == name).unwrap();
    let method = at("authenticationDetails/0/authenticationMethod");
    assert_eq!(
        (&*flat[1][method], &*flat[1][at("authenticationDetails/count")]),
        ("Password", "1")
    );
    let empty = flat.iter().find(|row| row[at("authenticationDetails/count")] == "0").unwrap();
    assert_eq!(empty[method], "");
    // The same in the other formats.
    let more = format!("{columns}&nested=flat&format=ndjson");
    let json = file(&server, of, &more);
    let first: Value = serde_json::from_str(json.text().lines().next().unwrap()).unwrap();
    assert_eq!(first["authenticationDetails/0/authenticationMethod"], "Password");
    assert_eq!(first["authenticationDetails/count"], 1);
    let whole = file(&server, of, &format!("{columns}&format=json")).json();
    assert_eq!(whole[0]["authenticationDetails"][0]["authenticationMethod"], "Password");
    assert_eq!(whole[0].as_object().unwrap().len(), 3);
    let bytes = file(&server, of, &format!("{columns}&nested=flat&format=parquet")).body;
    let table = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let question = table.metadata().file_metadata().key_value_metadata().unwrap();
    let question = question.iter().find(|pair| pair.key == "durward.question").unwrap();
    assert!(question.value.as_ref().unwrap().contains("t=all&cols=ip,user"));
    let rows: usize = table.build().unwrap().map(|batch| batch.unwrap().column(0).len()).sum();
    assert_eq!(rows, 60);
}

#[test]
fn cells_are_exact_unless_they_shall_be_safe() {
    let server = filled();
    let of = format!("t=all&f=id%3D{}", id(3));
    let columns = "&columns=userDisplayName,createdDateTime";
    assert_eq!(lines(&file(&server, &of, columns))[1][0], "=1+1");
    assert_eq!(lines(&file(&server, &of, &format!("{columns}&safe=true")))[1][0], "'=1+1");
    let local = lines(&file(&server, &of, &format!("{columns}&offset=330&name=my+file")));
    assert_eq!(local[0][2], "createdDateTime (UTC+05:30)");
    assert_eq!(local[1][1..], ["2026-03-02T12:03:00Z", "2026-03-02T17:33:00+05:30"]);
    let named = file(&server, &of, "&name=../my+file&format=json");
    let disposition = named.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"my-file.json\"");
    let query = named.header("x-durward-query").unwrap();
    assert!(query.starts_with("of=t%3Dall") && query.ends_with("format=json"), "{query}");
}

#[test]
fn what_cannot_be_is_refused() {
    let server = filled();
    let of = encoded("t=all");
    for (query, parameter) in [
        (format!("of={of}&filter=user:a"), "filter"),
        (format!("of={of}&rows=some"), "rows"),
        (format!("of={of}&rows=selected"), "ids"),
        (format!("of={of}&columns=nonsense"), "columns"),
        (format!("of={of}&columns=agent&nested=none"), "nested"),
        (format!("of={of}&offset=9999"), "offset"),
        (format!("of={of}&format=original&columns=id"), "columns"),
        (format!("of={of}&job=short"), "job"),
        (format!("of={}", encoded("t=yesterday")), "t"),
        (format!("of={}", encoded("nonsense=1")), "nonsense"),
    ] {
        let answer = server.get(&format!("{EXPORT}?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert_eq!(answer.json()["error"]["parameter"], parameter, "{query}");
    }
    let broken = server.get(&format!("{EXPORT}?of={}", encoded("f=nonsense:1")));
    assert_eq!(broken.status, 400);
}

#[test]
fn a_manifest_proves_the_file_to_whose_it_is() {
    let server = filled();
    let job = "job-of-this-test";
    assert_eq!(server.error(&format!("/download/progress?job={job}")).0, 404);
    assert_eq!(server.error(&format!("/download/manifest?job={job}")).0, 404);
    let answer =
        file(&server, "t=all&f=status%3Dfailure", &format!("&columns=id,status&job={job}"));
    let progress = || server.json(&format!("/download/progress?job={job}"));
    // The file may be with us a moment before the server has written down that it is.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while progress()["state"] == "running" && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let hash: String =
        Sha256::digest(&answer.body).iter().map(|byte| format!("{byte:02x}")).collect();
    let over = progress();
    assert_eq!(
        (&over["state"], &over["rows"], &over["total"]),
        (&"done".into(), &15.into(), &15.into())
    );
    assert_eq!(over["sha256"], hash);
    let manifest = server.get(&format!("/download/manifest?job={job}"));
    let disposition = manifest.header("content-disposition").unwrap();
    assert!(disposition.ends_with(".csv.manifest.json\""), "{disposition}");
    let manifest = manifest.json();
    assert_eq!((&manifest["sha256"], &manifest["rows"]), (&hash.as_str().into(), &15.into()));
    assert_eq!(manifest["bytes"], answer.body.len());
    assert_eq!(manifest["columns"], serde_json::json!(["id", "status"]));
    assert_eq!(manifest["exportedBy"]["name"], "Demo Administrator");
    assert_eq!(manifest["asked"]["of"], "t=all&f=status%3Dfailure");
}

#[test]
fn a_download_is_nobody_elses_and_has_what_its_owner_may_export() {
    let server = Server::guarded();
    server.fill(&interactive(0..30));
    let reader = server.visitor("reader", &[Role::SecurityReader], Scope::WHOLE, None);
    let helper = server.visitor("helper", &[Role::HelpdeskAdministrator], Scope::WHOLE, Some(2));
    let job = "job-of-the-reader";
    let target = format!("{EXPORT}?of=t%3Dall&columns=id&job={job}");
    let whole = reader.ask("GET", &target);
    assert_eq!(lines(&whole).len() - 1, 30, "{}", whole.text());
    let progress = format!("/download/progress?job={job}");
    assert_eq!(reader.ask("GET", &progress).status, 200);
    assert_eq!(helper.ask("GET", &progress).status, 404);
    assert_eq!(helper.ask("GET", &format!("/download/manifest?job={job}")).status, 404);
    // Who reads the log and may not export it is told so, and gets their own sign-ins.
    let dialog = helper.page("/download?t=all");
    assert!(dialog.contains("does not export"), "{dialog}");
    assert!(dialog.contains("<span data-rows=\"filtered\">4</span>"), "{dialog}");
    assert_eq!(lines(&helper.ask("GET", &format!("{EXPORT}?of=t%3Dall&columns=id"))).len() - 1, 4);
    assert!(!reader.page("/download?t=all").contains("does not export"));
}

#[test]
fn the_dialog_is_a_form_that_needs_no_script() {
    let server = filled();
    let of = "type=all&t=all&f=status%3Dfailure";
    let text = crate::page::page(&server, &format!("/download?{of}"), 200);
    assert!(text.contains(&format!("action=\"{EXPORT}\"")));
    assert!(text.contains("22 rows, about "), "{text}");
    assert!(text.contains("name=\"of\" value=\"type=all&amp;t=all&amp;f=status%3Dfailure\""));
    for (letter, rows) in
        [("i", "data-filtered=\"15\" data-all=\"60\""), ("n", "data-filtered=\"7\"")]
    {
        let part = format!("value=\"{letter}\" checked {rows}");
        assert!(text.contains(&part), "{part} in {text}");
    }
    let part = server.get(&format!("/download?{of}"));
    assert!(part.text().contains("<html"));
    let headers = [("HX-Request", "true")];
    let part = crate::client::request(server.address, "GET", "/download?t=all", &headers, b"");
    assert!(part.text().starts_with("<form") && !part.text().contains("<html"));
    crate::page::page(&server, "/download?f=nonsense:1", 400);
}
