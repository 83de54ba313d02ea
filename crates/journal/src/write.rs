//! Entries as JSON and CSV.

use std::borrow::Cow;
use std::fmt::Write as _;

use durward_model::columns::csv::write_line;
use serde_json::{Value, json};

use crate::entry::Recorded;

/// An entry as JSON.
pub fn json(recorded: &Recorded) -> Value {
    let entry = &recorded.entry;
    json!({
        "seq": recorded.seq,
        "at": entry.at.to_rfc3339(),
        "action": entry.action.name(),
        "actor": {
            "kind": entry.actor.kind.name(),
            "id": entry.actor.id,
            "name": entry.actor.name,
            "token": entry.actor.token,
        },
        "address": entry.address,
        "route": entry.route,
        "query": entry.query,
        "target": entry.target,
        "rows": entry.rows,
        "status": entry.status,
        "requestId": entry.request_id,
        "tookMs": entry.took_ms,
        "chain": recorded.chain.to_string(),
    })
}

/// Appends an entry as one line of JSON, without its end.
pub fn write_json(recorded: &Recorded, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{}", json(recorded));
}

/// Names of the columns, as in JSON.
const HEADER: [&str; 16] = [
    "seq",
    "at",
    "action",
    "actor/kind",
    "actor/id",
    "actor/name",
    "actor/token",
    "address",
    "route",
    "query",
    "target",
    "rows",
    "status",
    "requestId",
    "tookMs",
    "chain",
];

/// Appends the first line of a CSV file (RFC 4180, CRLF).
pub fn write_csv_header(out: &mut String) {
    write_line(HEADER, out);
}

/// Appends an entry as one line of CSV. Cells that a spreadsheet would take for a formula begin
/// with an apostrophe: much in here was written by whoever asked.
pub fn write_csv(recorded: &Recorded, out: &mut String) {
    let entry = &recorded.entry;
    let cells: [Cow<'_, str>; HEADER.len()] = [
        recorded.seq.to_string().into(),
        entry.at.to_rfc3339().into(),
        entry.action.name().into(),
        entry.actor.kind.name().into(),
        harmless(&entry.actor.id),
        harmless(&entry.actor.name),
        harmless(entry.actor.token.as_deref().unwrap_or_default()),
        harmless(entry.address.as_deref().unwrap_or_default()),
        harmless(&entry.route),
        harmless(&entry.query),
        harmless(entry.target.as_deref().unwrap_or_default()),
        entry.rows.map_or(String::new(), |rows| rows.to_string()).into(),
        entry.status.to_string().into(),
        harmless(&entry.request_id),
        entry.took_ms.to_string().into(),
        recorded.chain.to_string().into(),
    ];
    write_line(cells, out);
}

fn harmless(cell: &str) -> Cow<'_, str> {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}").into(),
        false => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use durward_model::Timestamp;

    use super::*;
    use crate::{Action, Actor, ActorKind, Chain, Entry};

    fn recorded() -> Recorded {
        let actor = Actor {
            kind: ActorKind::Person,
            id: "p1".to_owned(),
            name: "=HYPERLINK(\"x\")".to_owned(),
            token: None,
        };
        let entry = Entry {
            at: Timestamp::from_micros(1_772_437_269_123_450),
            query: "filter=a,b".to_owned(),
            target: Some("-1".to_owned()),
            rows: Some(3),
            ..Entry::new(Action::ExportEnd, actor)
        };
        Recorded { seq: 7, entry, chain: Chain([0xab; 32]) }
    }

    #[test]
    fn csv_has_no_formulas() {
        let mut out = String::new();
        write_csv_header(&mut out);
        write_csv(&recorded(), &mut out);
        let chain = "ab".repeat(32);
        let expected = format!(
            "7,2026-03-02T07:41:09.12345Z,export-end,person,p1,\"'=HYPERLINK(\"\"x\"\")\",,,,\
             \"filter=a,b\",'-1,3,200,,0,{chain}"
        );
        let lines: Vec<&str> = out.split("\r\n").collect();
        assert_eq!(lines, [HEADER.join(",").as_str(), expected.as_str(), ""]);
        for cell in ["+1", "@x", "\tx", "\rx"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        assert_eq!(harmless("a=b"), "a=b");
    }

    #[test]
    fn json_has_every_member_even_those_of_nothing() {
        let mut out = String::new();
        write_json(&recorded(), &mut out);
        let read: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read, json(&recorded()));
        assert_eq!(read["actor"]["token"], Value::Null);
        let names: Vec<&str> = HEADER.iter().filter(|name| !name.contains('/')).copied().collect();
        let mut members: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
        members.retain(|name| *name != "actor");
        assert_eq!(members, names);
        for name in HEADER.iter().filter_map(|name| name.strip_prefix("actor/")) {
            assert!(read["actor"].get(name).is_some(), "{name}");
        }
    }
}
