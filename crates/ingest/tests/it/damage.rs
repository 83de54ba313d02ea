//! Input that is wrong: what can be read is read, the rest is told, nothing runs away (INGEST-1).

use std::io::Write;
use std::time::{Duration, Instant};

use durward_ingest::{Problem, Rejection};
use durward_model::FieldId;

use crate::support::{decode, text};

fn good(id: &str) -> String {
    format!(r#"{{"id":"{id}","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":true}}"#)
}

fn ids_and_lines(input: impl AsRef<[u8]>) -> (Vec<String>, Vec<(Option<u64>, String)>) {
    let decoded = decode("x.json", input);
    let ids = decoded.events.iter().map(|event| text(event, FieldId::Id)).collect();
    let told = decoded.rejections.into_iter().map(|Rejection { line, reason, .. }| (line, reason));
    (ids, told.collect())
}

#[test]
fn ingest_1_a_damaged_record_costs_only_itself() {
    let (a, b) = (good("a"), good("b"));
    for (damaged, reason) in [
        (r#"{"id":"x","#, "a string is expected"),
        (r#"{"id":"x""#, "a comma or } is expected"),
        (r#"{"id":"cut"#, "a control character is inside a string"),
        (r#"{"id":{"x":1"#, "a comma or } is expected"),
        (r#"{"id":"x","n":01}"#, "a comma or } is expected"),
        (r#"{"id":"x","n":nul}"#, "a value is expected"),
        (r#"{"id":"\x"}"#, "this escape does not exist"),
        (r#"{id:1}"#, "a string is expected"),
        ("hello, world", "an object is expected"),
        ("42", "an object is expected"),
        ("\"text\"", "an object is expected"),
    ] {
        let (ids, told) = ids_and_lines(format!("{a}\n{damaged}\n{b}\n"));
        assert_eq!(ids, ["a", "b"], "{damaged}");
        assert_eq!(told, [(Some(2), reason.to_owned())], "{damaged}");
        let (ids, told) = ids_and_lines(format!("[\n{a},\n{damaged},\n{b}\n]"));
        assert_eq!(ids, ["a", "b"], "{damaged}");
        assert_eq!(told[0].0, Some(3), "{damaged}");
    }
}

#[test]
fn ingest_1_a_balanced_wrong_record_on_one_line_costs_only_itself() {
    let (a, b) = (good("a"), good("b"));
    let (ids, told) = ids_and_lines(format!(r#"[{a},{{"n":01}},7,"x",{b}]"#));
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(told.len(), 3);
}

#[test]
fn invalid_utf_8_costs_only_its_record() {
    let mut input = Vec::new();
    for piece in [good("a").as_bytes(), b"\n{\"id\":\"\xff\xfe\",\"x\":{}}\n", good("b").as_bytes()]
    {
        input.extend_from_slice(piece);
    }
    let (ids, told) = ids_and_lines(&input);
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(told, [(Some(2), "the text is not valid UTF-8".to_owned())]);
    let csv = b"Date (UTC),Request ID,User ID,Username\n2026-03-02T07:41:09Z,a,\xff,n\n2026-03-02T07:41:09Z,b,u,n\n";
    let decoded = decode("x.csv", csv);
    assert_eq!(decoded.events.len(), 1);
    assert_eq!(decoded.rejections[0].field.as_deref(), Some("User ID"));
    assert_eq!(decoded.rejections[0].line, Some(2));
}

#[test]
fn objects_that_are_no_records_are_told() {
    for (input, field, reason) in [
        (r#"{"name":"x"}"#, None, "an object that is no log record: it has no time"),
        (r#"{}"#, None, "an object that is no log record: it has no time"),
        (
            r#"{"category":"SignInLogs","properties":{"id":"a"}}"#,
            Some("createdDateTime"),
            "a sign-in without a time",
        ),
        (
            r#"{"id":"a","isInteractive":true,"createdDateTime":"noon"}"#,
            Some("createdDateTime"),
            "a sign-in without a time",
        ),
        (r#"{"category":"AuditLogs"}"#, Some("time"), "a record without a time"),
    ] {
        let decoded = decode("x.json", input);
        let [rejection] = &decoded.rejections[..] else { panic!("{input}") };
        assert_eq!((rejection.field.as_deref(), rejection.reason.as_str()), (field, reason));
        assert_eq!(rejection.excerpt, input);
    }
}

#[test]
fn a_cut_file_gives_what_is_whole() {
    let array = format!("[{},{}", good("a"), r#"{"id":"b""#);
    let (ids, told) = ids_and_lines(&array);
    assert_eq!(ids, ["a"]);
    assert_eq!(told[0].1, "the record is cut off");
    let (ids, told) = ids_and_lines(format!("{{\"value\":[{}", good("a")));
    assert_eq!((ids.len(), told[0].1.as_str()), (1, "the file ends inside a list"));
}

#[test]
fn deep_nesting_and_large_records_are_refused() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let (ids, told) = ids_and_lines(format!("{deep}\n{}", good("a")));
    assert_eq!(ids, ["a"]);
    assert_eq!(told, [(Some(1), "the record is nested deeper than 64".to_owned())]);
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(5 << 20));
    for input in [format!("{large}\n{}", good("a")), format!("[{large},{}]", good("a"))] {
        let (ids, told) = ids_and_lines(input);
        assert_eq!(ids, ["a"]);
        assert_eq!(told, [(Some(1), "a record of more than 1 MiB".to_owned())]);
    }
    let lists = "[".repeat(1000);
    let decoded = decode("x.json", lists);
    assert_eq!(decoded.summary.problem, Some(Problem::NestedContainers));
}

#[test]
fn a_quote_that_does_not_end_stops_the_file_and_not_the_machine() {
    let head = "Date (UTC),Request ID,User ID,Username\n2026-03-02T07:41:09Z,a,u,n\n";
    let decoded = decode("x.csv", format!("{head}x,\"{}", "y\n".repeat(3 << 20)));
    assert_eq!(decoded.events.len(), 1);
    assert_eq!(decoded.summary.problem, Some(Problem::EndlessRow));
}

#[test]
fn damaged_compression_gives_what_came_before() {
    let body: String = (0..20_000).map(|n| good(&format!("id-{}", n * 7919)) + "\n").collect();
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(body.as_bytes()).unwrap();
    let packed = writer.finish().unwrap();
    let decoded = decode("x.json.gz", &packed[..packed.len() / 2]);
    assert!(decoded.events.len() > 1000, "{}", decoded.events.len());
    assert!(matches!(decoded.summary.problem, Some(Problem::Compression(_))));
    for bytes in [&b"\x1f\x8b"[..], b"\x1f\x8bxxxxxxxxxxxxxxxx", b"PK\x03\x04", b"PK\x05\x06xx"] {
        let decoded = decode("x", bytes);
        assert!(matches!(decoded.summary.problem, Some(Problem::Compression(_))), "{bytes:?}");
    }
}

#[test]
fn bombs_are_stopped_quickly() {
    let bomb = |layers: u32| {
        let mut bytes = Vec::new();
        for layer in 0..layers {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            if layer == 0 {
                let line = format!("{}{}\n", good("a"), " ".repeat(64 << 10));
                for _ in 0..1000 {
                    writer.write_all(line.as_bytes()).unwrap();
                }
            } else {
                writer.write_all(&bytes).unwrap();
            }
            bytes = writer.finish().unwrap();
        }
        bytes
    };
    for layers in [1, 2] {
        let started = Instant::now();
        let decoded = decode("x.gz", bomb(layers));
        assert_eq!(decoded.summary.problem, Some(Problem::CompressionBomb), "{layers}");
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    assert_eq!(decode("x.gz", bomb(3)).summary.problem, Some(Problem::NestedArchive));
}

#[test]
fn archives_with_too_many_entries_are_refused() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for number in 0..10_001 {
        writer.start_file(number.to_string(), options).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(decode("x.zip", bytes).summary.problem, Some(Problem::TooManyEntries));
}

#[test]
fn unknown_content_is_refused_as_a_whole() {
    for bytes in [&b"\0\x01\x02\x03"[..], b"hello", b"<xml/>", b"a,b,c\n1,2,3\n", b"%PDF-1.7"] {
        let decoded = decode("x.json", bytes);
        assert_eq!(decoded.summary.problem, Some(Problem::UnknownFormat), "{bytes:?}");
        assert_eq!(decoded.rejections.len(), 1);
        assert_eq!(decoded.rejections[0].line, None);
    }
}

#[test]
fn members_beyond_count_do_not_cost_square_time() {
    let members: String = (0..40_000).map(|n| format!(",\"member{n}\":\"{n}\"")).collect();
    let input = good("a").replace('}', &format!("{members}}}"));
    assert!(input.len() < 1 << 20);
    let decoded = decode("x.json", &input);
    assert_eq!(decoded.events.len(), 1);
    let original = decoded.events[0].original();
    assert_eq!(original.len(), input.len());
}
