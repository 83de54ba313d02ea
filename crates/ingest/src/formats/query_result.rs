//! Answers of the Log Analytics query API: `{"tables":[{"columns":[…],"rows":[[…],…]}]}`.
//!
//! Each row becomes the object that an export of the same table would have, with the columns'
//! names as members; that object is the record's original.

use durward_model::shape::write_string;

use crate::scan::{Fault, Scanner};

/// The names of a table's columns, as JSON with a colon.
pub(crate) struct Columns(Vec<String>);

#[derive(serde::Deserialize)]
struct Column {
    #[serde(alias = "ColumnName")]
    name: String,
}

/// Most columns of a table; the widest has about a hundred.
const COLUMNS_MAX: usize = 4096;

/// Reads a table up to its rows: the place behind their opening bracket, and the columns. Without
/// rows, the place behind the table.
pub(crate) fn head(mut scanner: Scanner<'_>) -> Result<(usize, Option<Columns>), Fault> {
    let mut columns = None;
    let mut another = scanner.first(b'}')?;
    while another {
        let name = scanner.name()?;
        let start = scanner.at;
        if name.inner().eq_ignore_ascii_case("rows") && scanner.peek()? == b'[' {
            let columns = columns.ok_or(scanner.wrong("the columns of the table are expected"))?;
            return Ok((start + 1, Some(columns)));
        }
        scanner.skip(1)?;
        if name.inner().eq_ignore_ascii_case("columns") {
            let list: Vec<Column> = serde_json::from_str(scanner.slice(start, scanner.at))
                .map_err(|_| Fault::Syntax(start, "these are no columns of a table"))?;
            if list.len() > COLUMNS_MAX {
                return Err(Fault::Syntax(start, "a table with too many columns"));
            }
            columns = Some(Columns(list.iter().map(|column| member(&column.name)).collect()));
        }
        another = scanner.more(b'}')?;
    }
    Ok((scanner.at, None))
}

fn member(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 3);
    write_string(name, &mut out);
    out.push(':');
    out
}

impl Columns {
    /// The row that begins here as an object, if it has as many values as there are columns; and
    /// the place behind it.
    pub(crate) fn record(
        &self,
        mut scanner: Scanner<'_>,
    ) -> Result<(usize, Option<String>), Fault> {
        let mut out = String::from("{");
        let mut count = 0;
        let mut another = scanner.first(b']')?;
        while another {
            let start = scanner.at;
            scanner.skip(1)?;
            if let Some(column) = self.0.get(count) {
                if count > 0 {
                    out.push(',');
                }
                out.push_str(column);
                out.push_str(scanner.slice(start, scanner.at));
            }
            count += 1;
            another = scanner.more(b']')?;
        }
        out.push('}');
        Ok((scanner.at, (count == self.0.len()).then_some(out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_objects() {
        let text = r#"{"name":"PrimaryResult","columns":[{"name":"A","type":"string"},
            {"ColumnName":"B \"x\"","ColumnType":"dynamic"}],"rows":[["1",{"c":[2]}],["1"]]}"#;
        let (at, columns) = head(Scanner::new(text)).unwrap();
        let columns = columns.unwrap();
        let (at, record) = columns.record(Scanner { text, at }).unwrap();
        assert_eq!(record.as_deref(), Some(r#"{"A":"1","B \"x\"":{"c":[2]}}"#));
        assert_eq!(columns.record(Scanner { text, at: at + 1 }).unwrap().1, None);
        assert!(head(Scanner::new(r#"{"rows":[]}"#)).is_err());
        assert!(head(Scanner::new(r#"{"columns":7}"#)).is_err());
        let nothing = r#"{"name":"x"}"#;
        assert_eq!(head(Scanner::new(nothing)).unwrap().0, nothing.len());
    }
}
