//! What shapes look like, and how layouts are found.

use durward_model::cell::Cell;

use super::*;

fn row<'a>(decoder: &mut RecordDecoder, text: &'a str) -> Row<'a> {
    let mut row = Row::default();
    let verdict = decoder.decode(text, &FileContext::default(), &mut row);
    assert_eq!(verdict, Ok(Verdict::Record { length: text.len() }), "{text}");
    row
}

fn shape(decoder: &mut RecordDecoder, text: &str) -> String {
    row(decoder, text).get(FieldId::Shape).to_string()
}

const GRAPH: &str = r#"{"id":"a-1","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":true,"userType":"Member","rank":7,"status":{"errorCode":0},"agent":{ "agentType": "x" },"mfaDetail":null}"#;

#[test]
fn a_shape_is_the_record_without_its_values() {
    let mut decoder = RecordDecoder::new();
    assert_eq!(
        shape(&mut decoder, GRAPH),
        "{\"id\":\u{1}v0\u{2},\"createdDateTime\":\u{1}t1,Tz0\u{2},\"isInteractive\":\u{1}v150\u{2},\
         \"userType\":\"Member\",\"rank\":\u{1}x0\u{2},\"status\":{\"errorCode\":\u{1}v110\u{2}},\
         \"agent\":\u{1}v43\u{2},\"mfaDetail\":null}"
    );
}

#[test]
fn records_of_one_source_share_a_shape() {
    let mut decoder = RecordDecoder::new();
    let other = GRAPH.replace("a-1", "b-2").replace(":7,", ":8,").replace("07:41", "09:30");
    let other = other.replace("\"errorCode\":0", "\"errorCode\":50126");
    assert_eq!(shape(&mut decoder, GRAPH), shape(&mut decoder, &other));
}

#[test]
fn texts_with_json_share_a_shape_too() {
    let mut decoder = RecordDecoder::new();
    let record = |code: u32| {
        format!(
            r#"{{"TimeGenerated":"2026-03-02T07:41:09Z","Type":"SigninLogs","Id":"a","DurationMs":1,"Status":"{{\"errorCode\":{code}}}"}}"#
        )
    };
    let shapes = [record(0), record(50126)].map(|record| shape(&mut decoder, &record));
    assert_eq!(shapes[0], shapes[1]);
    assert!(
        shapes[0].ends_with("\"Status\":\u{1}j\u{2}{\"errorCode\":\u{1}v110\u{2}}\u{1}k\u{2}}")
    );
}

#[test]
fn layouts_may_change_from_record_to_record() {
    let mut decoder = RecordDecoder::new();
    let diagnostic = r#"{"category":"SignInLogs","resourceId":"/tenants/t-1/x","properties":{"id":"d","createdDateTime":"2026-03-02T07:41:09Z","resourceId":"r-1"}}"#;
    let table = r#"{"Type":"SigninLogs","ResourceId":"/tenants/t-2/x","CreatedDateTime":"2026-03-02T07:41:09Z","Id":"l","ResourceIdentity":"r-2","DurationMs":0}"#;
    let graph = r#"{"id":"g","createdDateTime":"2026-03-02T07:41:09Z","isInteractive":true,"resourceId":"r-3"}"#;
    for _ in 0..2 {
        for (text, id, resource) in [
            (diagnostic, "d", "r-1"),
            (table, "l", "r-2"),
            (graph, "g", "r-3"),
            (table, "l", "r-2"),
        ] {
            let row = row(&mut decoder, text);
            assert_eq!(*row.get(FieldId::Id), Cell::text(id));
            assert_eq!(*row.get(FieldId::ResourceId), Cell::text(resource));
        }
    }
}

#[test]
fn an_identifier_is_made_of_the_record_and_is_not_in_the_shape() {
    let mut decoder = RecordDecoder::new();
    let plain =
        r#"{"createdDateTime":"2026-03-02T07:41:09Z","isInteractive":true,"userId":"\u00e9"}"#;
    let spaced =
        plain.replace(':', " : ").replace("07 : 41 : 09", "07:41:09").replace("\\u00e9", "é");
    let first = row(&mut decoder, plain).get(FieldId::Id).to_string();
    assert_eq!(first, row(&mut decoder, &spaced).get(FieldId::Id).to_string());
    assert_eq!(first.len(), 36);
    assert!(!shape(&mut decoder, plain).contains("\"id\""));
    assert_ne!(first, row(&mut decoder, &plain.replace("09Z", "10Z")).get(FieldId::Id).to_string());
}

#[test]
fn a_value_met_before_is_recognised() {
    let mut decoder = RecordDecoder::new();
    let record = |id: &str, list: &str| {
        format!(
            r#"{{"id":"{id}","createdDateTime":"2026-03-02T07:41:09Z","appliedConditionalAccessPolicies":{list}}}"#
        )
    };
    let plain = format!("[{{\"displayName\":\"{}\"}}]", "x".repeat(100));
    let spaced = plain.replace(':', " : ");
    let longer = plain.replace(']', ",{}]");
    for _ in 0..3 {
        for list in [&plain, &spaced, &longer] {
            let text = record("a", list);
            let row = row(&mut decoder, &text);
            let found = row.get(FieldId::AppliedConditionalAccessPolicies);
            assert_eq!(found.to_string(), list.replace(" : ", ":"));
        }
    }
}
