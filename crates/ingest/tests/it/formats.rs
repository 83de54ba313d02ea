//! Every format, each told by its content.

use std::cell::Cell as Counter;
use std::io::{Read, Write};
use std::rc::Rc;

use durward_ingest::{
    Collected, Decoder, Options, Problem, Rejection, Sink, SinkError, split_lines,
};
use durward_model::time::DateOrder;
use durward_model::{Cell, EventBatch, FieldId, Log, Timestamp};

use crate::support::{Decoded, assert_same, cell, decode, decode_with, events_of, received, text};

fn record(number: usize) -> String {
    format!(
        r#"{{"time":"2026-03-02T07:44:00Z","resourceId":"/tenants/t-1/providers/Microsoft.aadiam","category":"SignInLogs","resultType":"0","properties":{{"id":"r-{number}","createdDateTime":"2026-03-02T07:41:09.1234567+00:00","userPrincipalName":"ana.ruiz@fabrikam.example","isInteractive":true}}}}"#
    )
}

fn lines(count: usize) -> String {
    (0..count).map(|number| record(number) + "\n").collect()
}

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes.as_ref()).unwrap();
    writer.finish().unwrap()
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn ids(decoded: &Decoded) -> Vec<String> {
    decoded.events.iter().map(|event| text(event, FieldId::Id)).collect()
}

#[test]
fn blob_folders_tell_the_tenant() {
    let path = "insights-logs-signinlogs/tenantId=2f3d/y=2026/m=03/d=02/h=07/m=00/PT1H.json";
    let body = r#"{"time":"2026-03-02T07:44:00Z","category":"SignInLogs","properties":{"id":"a"}}"#;
    let decoded = decode(path, format!("{body}\r\n{}\r\n", record(1)));
    assert_eq!(text(&decoded.events[0], FieldId::TenantId), "2f3d");
    assert_eq!(text(&decoded.events[1], FieldId::TenantId), "t-1");
    assert_same(&decoded.events[0].original(), body);
    let options = Options { default_tenant: Some("d-1".to_owned()), ..Options::new(received()) };
    let decoded = decode_with(options, "x.json", body);
    assert_eq!(text(&decoded.events[0], FieldId::TenantId), "d-1");
}

#[test]
fn the_query_apis_answer_gives_a_record_for_each_row() {
    let body = r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Type","type":"string"},{"name":"Id","type":"string"},{"name":"Status","type":"dynamic"},{"name":"IPAddress","type":"string"}],"rows":[["2026-03-02T07:44:00Z","SigninLogs","a","{\"errorCode\":50126}","203.0.113.7"],
        ["2026-03-02T07:45:00Z","AADManagedIdentitySignInLogs","b",null,""],["short"]]},{"name":"Empty","columns":[],"rows":[]}],"statistics":{}}"#;
    let decoded = decode("answer.json", body);
    assert_eq!(ids(&decoded), ["a", "b"]);
    assert_eq!(cell(&decoded.events[0], FieldId::ErrorCode), Cell::Int(50126));
    assert_eq!(decoded.events[1].row().log, Log::ManagedIdentity);
    assert_same(
        &decoded.events[0].original(),
        r#"{"TimeGenerated":"2026-03-02T07:44:00Z","Type":"SigninLogs","Id":"a","Status":"{\"errorCode\":50126}","IPAddress":"203.0.113.7"}"#,
    );
    let [Rejection { line, reason, .. }] = &decoded.rejections[..] else { panic!() };
    assert_eq!((*line, reason.as_str()), (Some(2), "a row with fewer or more values than columns"));
}

#[test]
fn query_result_csv_with_column_pairs() {
    let csv = "\u{feff}TenantId,\"CreatedDateTime [UTC]\",Category,Id,DeviceDetail_dynamic,DeviceDetail_string,Status_dynamic,Status_string,IsInteractive,ResultType,AuthenticationDetails,Type\r\n\
        w-1,\"4/28/2021, 2:08:45.221 PM\",SignInLogs,a,\"{\"\"browser\"\":\"\"Edge 90\"\"}\",,,\"{\"\"errorCode\"\":50126}\",TRUE,50126,\"[\r\n  {\r\n    \"\"succeeded\"\": true\r\n  }\r\n]\",SigninLogs\r\n\
        w-1,\"4/29/2021, 2:08:45.221 PM\",NonInteractiveUserSignInLogs,b,,\"{\"\"browser\"\":\"\"Chrome 1\"\"}\",{},,FALSE,0,[],AADNonInteractiveUserSignInLogs\r\n";
    let decoded = decode("query_data.csv", csv);
    assert_eq!(decoded.rejections, []);
    assert_eq!(ids(&decoded), ["a", "b"]);
    let [a, b] = &decoded.events[..] else { panic!() };
    assert_eq!(text(a, FieldId::CreatedDateTime), "2021-04-28T14:08:45.221Z");
    assert_eq!(text(a, FieldId::Browser), "Edge 90");
    assert_eq!(text(b, FieldId::Browser), "Chrome 1");
    assert_eq!(cell(a, FieldId::ErrorCode), Cell::Int(50126));
    assert_eq!(cell(a, FieldId::IsInteractive), Cell::Bool(true));
    assert_eq!(text(a, FieldId::AuthenticationDetails), r#"[{"succeeded":true}]"#);
    assert_eq!(b.row().log, Log::NonInteractiveUser);
    assert_eq!(cell(b, FieldId::TenantId), Cell::Null);
    assert_same(
        &a.original(),
        r#"{"TenantId":"w-1","CreatedDateTime [UTC]":"4/28/2021, 2:08:45.221 PM","Category":"SignInLogs","Id":"a","DeviceDetail_dynamic":"{\"browser\":\"Edge 90\"}","DeviceDetail_string":"","Status_dynamic":"","Status_string":"{\"errorCode\":50126}","IsInteractive":"TRUE","ResultType":"50126","AuthenticationDetails":"[\r\n  {\r\n    \"succeeded\": true\r\n  }\r\n]","Type":"SigninLogs"}"#,
    );
}

/// The interactive download, with the oddities of its header.
const PORTAL: &str = "\u{feff}\"Date (UTC)\",\"Request ID\",\"User agent\",\"Correlation ID\",\"User ID\",User,Username,\"User type\",\"Incoming token type\",\"Original transfer method\",Application,\"Application ID \",\"Resource ID \",\"IP address\",Location,Status,\"Sign-in error code\",\"Failure reason\",Compliant,Managed,\"Incoming token type\",\"Autonomous system  number\",Latency,\"Authentication requirement\",\"Conditional Access\",\"Managed Identity type\",\"A new column\"\n\
2026-03-02T07:41:09Z,4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200,\"Mozilla/5.0 (X11, Linux)\",c0ffee00-9a77-4c1f-8a51-6f2f3a9c1200,u-1,Ana Ruiz,ana.ruiz@fabrikam.example,Member,\"Primary Refresh Token\",Device code flow,Office,a-1,r-1,203.0.113.7,\"Vigo, Galicia, ES\",Failure,50126,\"Wrong, twice.\",true,,none,64500,186,Single-factor authentication,Not Applied,,seven\n\
2026-03-02T07:42:09Z,4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1201,,,u-1,Ana Ruiz,ana.ruiz@fabrikam.example,Guest,,,Office,a-1,r-1,,\"Vigo, ES\",Success,,,,,,,,,,,\n";

#[test]
fn portal_csv_of_the_interactive_log() {
    let decoded = decode("InteractiveSignIns_2026-03-02.csv", PORTAL);
    assert_eq!(decoded.rejections, []);
    let [first, second] = &decoded.events[..] else { panic!() };
    assert_eq!(first.row().log, Log::InteractiveUser);
    for (field, expected) in [
        (FieldId::CreatedDateTime, "2026-03-02T07:41:09Z"),
        (FieldId::Id, "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200"),
        (FieldId::CorrelationId, "c0ffee00-9a77-4c1f-8a51-6f2f3a9c1200"),
        (FieldId::UserAgent, "Mozilla/5.0 (X11, Linux)"),
        (FieldId::UserPrincipalName, "ana.ruiz@fabrikam.example"),
        (FieldId::UserType, "member"),
        (FieldId::IncomingTokenType, "primaryRefreshToken"),
        (FieldId::OriginalTransferMethod, "deviceCodeFlow"),
        (FieldId::AppId, "a-1"),
        (FieldId::ResourceId, "r-1"),
        (FieldId::City, "Vigo"),
        (FieldId::State, "Galicia"),
        (FieldId::CountryOrRegion, "ES"),
        (FieldId::ErrorCode, "50126"),
        (FieldId::FailureReason, "Wrong, twice."),
        (FieldId::IsCompliant, "true"),
        (FieldId::AutonomousSystemNumber, "64500"),
        (FieldId::ProcessingTimeInMilliseconds, "186"),
        (FieldId::AuthenticationRequirement, "singleFactorAuthentication"),
        (FieldId::ConditionalAccessStatus, "notApplied"),
    ] {
        assert_eq!(text(first, field), expected, "{field:?}");
    }
    assert_eq!(cell(second, FieldId::ErrorCode), Cell::Int(0));
    assert_eq!(cell(second, FieldId::CorrelationId), Cell::Null);
    assert_eq!(cell(second, FieldId::City), Cell::Null);
    assert_eq!(text(second, FieldId::State), "Vigo");
    let original: serde_json::Value = serde_json::from_str(&first.original()).unwrap();
    assert_eq!(original["Application ID "], "a-1");
    assert_eq!(original["Incoming token type (2)"], "none");
    assert_eq!(original["A new column"], "seven");
    assert_eq!(original.as_object().unwrap().len(), 27);
}

#[test]
fn an_exported_portal_row_is_the_same_event_again() {
    let decoded = decode("InteractiveSignIns_2026-03-02.csv", PORTAL);
    for event in &decoded.events {
        let again = decode("export.json", event.original());
        assert_eq!(again.events[0].original(), event.original());
        assert_eq!(again.events[0].row(), event.row());
        assert!(again.events[0].same_entities(event));
    }
}

#[test]
fn portal_csv_of_the_other_logs() {
    let user =
        "Date (UTC),Request ID,User ID,Username,Status\n2026-03-02T07:41:09Z,a,u,n,Failure\n";
    let workload = "Date (UTC),Request ID,Service principal ID,Service principal name,Credential key ID,Status\n2026-03-02T07:41:09Z,a,s,backup,k,Success\n";
    let managed = "Date (UTC),Request ID,Managed identity ID,Managed identity name,Managed Identity type\n2026-03-02T07:41:09Z,a,s,backup,System-assigned\n";
    for (name, csv, log) in [
        ("NonInteractiveSignIns_2026-03-02.csv", user, Log::NonInteractiveUser),
        ("ApplicationSignIns_2026-03-02.csv", workload, Log::ServicePrincipal),
        ("download (1).csv", workload, Log::ServicePrincipal),
        ("MSISignIns_2026-03-02.csv", workload, Log::ManagedIdentity),
        ("download.csv", managed, Log::ManagedIdentity),
    ] {
        let decoded = decode(name, csv);
        assert_eq!(decoded.events.len(), 1, "{name} {:?}", decoded.rejections);
        assert_eq!(decoded.events[0].row().log, log, "{name}");
        // Semicolons and tabs separate where commas are decimal points.
        for separator in [";", "\t"] {
            assert_eq!(decode(name, csv.replace(',', separator)).events.len(), 1, "{name}");
        }
    }
    let audit = "Date (UTC),CorrelationId,Service,Category,Activity,Result\n2026-03-02T07:41:09Z,c,Core Directory,UserManagement,Add user,success\n";
    let decoded = decode("AuditLogs_2026-03-02.csv", audit);
    assert_eq!(decoded.events[0].row().log, Log::Audit);
}

#[test]
fn localised_portal_csv() {
    let csv = "Date (UTC);ID de la demande;Agent utilisateur;Utilisateur;Nom d\u{2019}utilisateur;Exigence d\u{2019}authentification;Statut\n28/02/2026 07:41:09;a;x;Ana;ana@fabrikam.example;Authentification à facteur unique;Opération réussie\n";
    let decoded = decode("InteractiveSignIns_1.csv", csv);
    let [event] = &decoded.events[..] else { panic!("{:?}", decoded.rejections) };
    assert_eq!(text(event, FieldId::CreatedDateTime), "2026-02-28T07:41:09Z");
    assert_eq!(text(event, FieldId::UserPrincipalName), "ana@fabrikam.example");
    assert_eq!(
        text(event, FieldId::AuthenticationRequirement),
        "Authentification à facteur unique"
    );
    assert_eq!(cell(event, FieldId::ErrorCode), Cell::Int(0));
    let csv = "Fecha (UTC),Id. de solicitud,Usuario,Requisito de autenticación,Motivo del error,Estado\n2026-02-28T07:41:09Z,a,Ana,x,Contraseña no válida,Error\n";
    let decoded = decode("InteractiveSignIns_2.csv", csv);
    assert_eq!(text(&decoded.events[0], FieldId::FailureReason), "Contraseña no válida");
    assert_eq!(cell(&decoded.events[0], FieldId::ErrorCode), Cell::Null);
}

#[test]
fn the_order_of_day_and_month_holds_for_all_rows() {
    let row = |day: u32| format!("{day:02}/03/2026 07:41:09,r-{day},u,n\n");
    let rows: String = (1..=14).map(row).collect();
    let decoded = decode("x.csv", format!("Date (UTC),Request ID,User ID,Username\n{rows}"));
    assert_eq!(text(&decoded.events[0], FieldId::CreatedDateTime), "2026-03-01T07:41:09Z");
    assert_eq!(text(&decoded.events[13], FieldId::CreatedDateTime), "2026-03-14T07:41:09Z");
}

#[test]
fn authentication_details_in_a_file_of_their_own_are_refused() {
    let csv = "Request ID,Authentication method,Succeeded,Date (UTC)\na,Password,true,2026-03-02T07:41:09Z\n";
    for name in ["details.csv", "InteractiveSignIns_AuthDetails_2026-03-02.csv"] {
        let decoded = decode(name, csv);
        assert_eq!(decoded.summary.problem, Some(Problem::AuthenticationDetails));
        assert!(decoded.events.is_empty());
    }
}

#[test]
fn portal_json_takes_the_log_from_the_files_name() {
    let json = r#"[{"id":"a","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":false,"userId":"u"}]"#;
    let decoded = decode("NonInteractiveSignIns_2026-03-02.json", json);
    assert_eq!(decoded.events[0].row().log, Log::NonInteractiveUser);
    let decoded = decode("x.json", json);
    assert_eq!(decoded.events[0].row().log, Log::InteractiveUser);
}

#[test]
fn packed_files_are_told_by_their_first_bytes() {
    let plain = lines(3);
    let two_members = [gzip(record(0) + "\n"), gzip(record(1) + "\n" + &record(2))].concat();
    let entry = plain.as_bytes();
    for (name, bytes) in [
        ("a.json", gzip(&plain)),
        ("a.gz", plain.clone().into_bytes()),
        ("a.json.gz", two_members),
        (
            "a.zip",
            zipped(&[("x.json", entry), ("__MACOSX/x.json", b"\0\x01"), ("d/.DS_Store", b"x")]),
        ),
        ("a.zip", zipped(&[("x.json.gz", &gzip(&plain))])),
        ("a.zip", zipped(&[("inner.zip", &zipped(&[("x.json", entry)]))])),
        ("a.bin", gzip(zipped(&[("x.json", entry)]))),
        ("a.bin", gzip(gzip(&plain))),
    ] {
        let decoded = decode(name, &bytes);
        assert_eq!(decoded.rejections, [], "{name}");
        assert_eq!(ids(&decoded), ["r-0", "r-1", "r-2"], "{name}");
    }
}

#[test]
fn entries_of_an_archive_are_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs.zip");
    let body =
        br#"{"time":"2026-03-02T07:44:00Z","category":"SignInLogs","properties":{"id":"a"}}"#;
    let entries: &[(&str, &[u8])] = &[
        ("tenantId=t-7/y=2026/PT1H.json", body),
        (
            "NonInteractiveSignIns_1.csv",
            b"Date (UTC),Request ID,User ID,Username\n2026-03-02T07:41:09Z,b,u,n\n",
        ),
        ("notes.txt", b"nothing to see"),
    ];
    std::fs::write(&path, zipped(entries)).unwrap();
    let mut collected = Collected::default();
    let mut decoder = Decoder::new(Options::new(received()));
    let summary = decoder.decode_file(&path, &mut collected).unwrap();
    let events = events_of(&collected);
    assert_eq!((summary.records(), summary.sign_ins()), (2, 2));
    assert_eq!(text(&events[0], FieldId::TenantId), "t-7");
    assert_eq!(events[1].row().log, Log::NonInteractiveUser);
    assert!(collected.rejections[0].file.ends_with("logs.zip!notes.txt"));
    assert_eq!(summary.problem, Some(Problem::UnknownFormat));
}

#[test]
fn utf_16_is_read() {
    for text in [lines(3), PORTAL.trim_start_matches('\u{feff}').to_owned()] {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let (wide, plain) = (decode("x", &bytes), decode("x", &text));
        assert_eq!(ids(&wide), ids(&plain));
        assert_eq!(wide.rejections, []);
    }
}

#[test]
fn an_empty_file_has_nothing_in_it() {
    for bytes in [&b""[..], b" \n\r\n", b"\xef\xbb\xbf", b"[]", b"{\"value\":[]}", &zipped(&[])] {
        let decoded = decode("empty", bytes);
        assert_eq!((decoded.summary.records(), decoded.summary.rejected), (0, 0), "{bytes:?}");
    }
}

#[test]
fn batches_are_bounded() {
    let options = Options { batch_rows: 10, ..Options::new(received()) };
    let mut collected = Collected::default();
    Decoder::new(options).decode_bytes("x", lines(25).as_bytes(), &mut collected).unwrap();
    let sizes: Vec<_> = collected.batches.iter().map(EventBatch::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
}

#[test]
fn pieces_of_a_file_are_the_whole_and_count_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.json");
    let mut content = lines(40_000);
    content.push_str("broken\n");
    std::fs::write(&path, &content).unwrap();
    let ranges = split_lines(&path, 2).unwrap();
    assert_eq!(ranges.len(), 2);
    let mut collected = Collected::default();
    let mut decoder = Decoder::new(Options::new(received()));
    let mut records = 0;
    for range in ranges {
        records += decoder.decode_range(&path, range, &mut collected).unwrap().records();
    }
    assert_eq!(records, 40_000);
    assert_eq!(collected.rejections[0].line, Some(40_001));
}

/// A source of any length that counts what was taken from it.
struct Endless<'t> {
    piece: &'t [u8],
    at: usize,
    left: usize,
    taken: Rc<Counter<usize>>,
}

impl Read for Endless<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(self.piece.len() - self.at).min(self.left);
        out[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at = (self.at + count) % self.piece.len();
        self.left -= count;
        self.taken.set(self.taken.get() + count);
        Ok(count)
    }
}

/// Checks that what was taken from the source has been handed on, but for a window.
struct Watched {
    taken: Rc<Counter<usize>>,
    record_bytes: usize,
    records: usize,
}

impl Sink for Watched {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.records += batch.len();
        let open = self.taken.get() - self.records * self.record_bytes;
        assert!(open < 4 << 20, "{open} bytes are held");
        Ok(())
    }
    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        panic!("{rejection:?}");
    }
}

#[test]
fn ingest_2_memory_does_not_grow_with_the_file() {
    let one = record(1);
    let csv_row =
        "2026-03-02T07:41:09Z,4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200,u-1,ana@fabrikam.example\n";
    for (head, piece, tail) in [
        ("", format!("{one}\n"), ""),
        ("[", format!("{one},"), "]"),
        ("{\"@odata.context\":\"x\",\"value\":[", format!("{one},"), "]}"),
        ("{\"records\":[", format!("{one}\n,"), "]}"),
        ("Date (UTC),Request ID,User ID,Username\n", csv_row.to_owned(), ""),
    ] {
        let taken = Rc::new(Counter::new(0));
        let count = (24 << 20) / piece.len();
        let body = Endless {
            piece: piece.as_bytes(),
            at: 0,
            left: piece.len() * count,
            taken: Rc::clone(&taken),
        };
        let source = head.as_bytes().chain(body).chain(tail.as_bytes());
        let mut sink = Watched { taken, record_bytes: piece.len(), records: 0 };
        Decoder::new(Options::new(received())).decode_reader("x", source, &mut sink).unwrap();
        assert_eq!(sink.records, count, "{head}");
    }
}

#[test]
fn times_of_receipt_are_the_callers() {
    let mut decoder = Decoder::new(Options::new(received()));
    let later = Timestamp::parse("2026-05-01T00:00:00Z", DateOrder::MonthFirst).unwrap();
    decoder.set_received(later);
    let mut collected = Collected::default();
    decoder.decode_bytes("x", record(1).as_bytes(), &mut collected).unwrap();
    assert_eq!(events_of(&collected)[0].row().received, later);
}
