//! Writing to standard output: tables, numbers, JSON.

use std::io::{BufWriter, IsTerminal as _, Stdout, Write};

use anyhow::Result;
use serde::Serialize;

/// Widest cell of a table on a terminal, in characters.
const CELL_CHARS_MAX: usize = 40;

/// Standard output, buffered.
pub(crate) fn stdout() -> BufWriter<Stdout> {
    BufWriter::with_capacity(64 << 10, std::io::stdout())
}

/// Is somebody looking?
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Writes one line of text.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<()> {
    let mut out = stdout();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes one JSON value as a line.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let mut out = stdout();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Rows under headings: in columns of equal width for people, with tabs for programs.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<H: Into<String>>(headings: impl IntoIterator<Item = H>) -> Table {
        Table { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes it out, aligned where `aligned`.
    pub(crate) fn write(&self, out: &mut impl Write, aligned: bool) -> Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(CELL_CHARS_MAX)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                if index > 0 {
                    line.push_str(if aligned { "  " } else { "\t" });
                }
                if aligned {
                    let cell = fitted(&plain(cell));
                    let missing = widths[index].saturating_sub(cell.chars().count());
                    line.push_str(&cell);
                    line.extend(std::iter::repeat_n(' ', missing));
                } else {
                    line.push_str(&plain(cell));
                }
            }
            let end = if aligned { line.trim_end().len() } else { line.len() };
            writeln!(out, "{}", &line[..end])?;
        }
        Ok(())
    }
}

/// Without what would break a line or steer a terminal: values come from whoever signed in.
fn plain(cell: &str) -> String {
    cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn fitted(cell: &str) -> String {
    if cell.chars().count() <= CELL_CHARS_MAX {
        return cell.to_owned();
    }
    cell.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
}

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table, aligned: bool) -> String {
        let mut out = Vec::new();
        table.write(&mut out, aligned).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tables_are_aligned_for_people_and_complete_for_programs() {
        let mut table = Table::new(["User", "Code"]);
        table.row(vec!["Ana".to_owned(), "0".to_owned()]);
        table.row(vec!["x".repeat(60), "50126".to_owned()]);
        let cut = format!("{}…", "x".repeat(39));
        let gap = " ".repeat(36);
        let expected = format!("User{gap}  Code\nAna{gap}   0\n{cut}  50126\n");
        assert_eq!(written(&table, true), expected);
        assert_eq!(
            written(&table, false),
            format!("User\tCode\nAna\t0\n{}\t50126\n", "x".repeat(60))
        );
    }

    #[test]
    fn values_cannot_steer_the_terminal() {
        let mut table = Table::new(["User"]);
        table.row(vec!["a\u{1b}[31m\nb\tc\u{9b}".to_owned()]);
        assert_eq!(written(&table, true), "User\na [31m b c\n");
        assert_eq!(written(&table, false), "User\na [31m b c \n");
    }

    #[test]
    fn numbers_read_well() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [(5, "5 B"), (2048, "2.0 KiB"), (3 << 30, "3.0 GiB")] {
            assert_eq!(bytes(number), text);
        }
    }
}
