//! JSON fields: values that are kept as minified JSON text.
//!
//! Policies and authentication steps are most of a record's bytes and repeat from record to
//! record. Their texts are interned, so what differs each time is taken out: instants and long
//! numbers become marks. A value that was met a moment ago is recognised by its bytes and not
//! read again.

use std::borrow::Cow;

use durward_model::cell::Cell;
use durward_model::field::{FIELD_SPAN, FieldId, Kind};
use durward_model::shape::{Mark, write_string};
use durward_model::time::{Style, Timestamp};

use crate::limits::JSON_DEPTH_MAX;
use crate::reading::{Habits, Spelling};
use crate::record::parts::{Keep, Source};
use crate::record::walk::{Stop, Walk, names_an_instant};
use crate::scan::{Fault, Quoted, Scanner, Token, push_canonical};

/// Recently met values of each field.
#[derive(Debug, Default)]
pub(crate) struct JsonCache {
    fields: Vec<Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    raw: Box<str>,
    /// The minified value, unless it is `raw` itself.
    minified: Option<Box<str>>,
}

impl JsonCache {
    /// Values remembered of a field. Comparing with one costs far less than reading it.
    const VALUES_MAX: usize = 8;
    /// Shorter values are read as fast as they are compared.
    const BYTES_MIN: usize = 64;
    const BYTES_MAX: usize = 64 << 10;

    /// A value that begins `text`: its length, and its minified form unless that is the same.
    fn find(&mut self, field: FieldId, text: &str) -> Option<(usize, Option<&str>)> {
        let known = self.fields.get_mut(field as usize)?;
        // A value ends with its own closing bracket, so what begins alike is the whole value.
        let position = known.iter().position(|known| text.starts_with(&*known.raw))?;
        let position = match position.checked_sub(1) {
            Some(before) => {
                known.swap(before, position);
                before
            }
            None => 0,
        };
        let found = known.get(position)?;
        Some((found.raw.len(), found.minified.as_deref()))
    }

    fn add(&mut self, field: FieldId, raw: &str, minified: Option<&str>) {
        if !(Self::BYTES_MIN..=Self::BYTES_MAX).contains(&raw.len()) {
            return;
        }
        self.fields.resize_with(FIELD_SPAN, Vec::new);
        let known = &mut self.fields[field as usize];
        known.truncate(Self::VALUES_MAX - 1);
        // New ones start in the middle: they push out others only when they come again.
        let middle = known.len() / 2;
        known.insert(middle, Known { raw: raw.into(), minified: minified.map(Box::from) });
    }
}

/// A part of a value that differs with every record.
#[derive(Debug)]
pub(crate) struct Varying {
    /// Where it was in the value.
    at: usize,
    raw: String,
    time: Option<(Timestamp, Style)>,
}

/// A JSON field with varying parts, which are put in when the record has been read.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) field: FieldId,
    /// The minified value without its varying parts.
    text: String,
    varying: Vec<Varying>,
}

impl Pending {
    /// The value with marks; their extras are added to `extras`.
    pub(crate) fn fill(
        &self,
        created: Option<Timestamp>,
        extras: &mut Vec<(Option<FieldId>, String)>,
    ) -> String {
        let mut count = 0;
        self.with(|varying, out| match varying.time {
            Some((time, style)) if Some(time) == created => {
                Mark::Time(FieldId::CreatedDateTime, style).write(out);
            }
            _ => {
                Mark::Extra(count).write(out);
                extras.push((Some(self.field), varying.raw.clone()));
                count += 1;
            }
        })
    }

    /// The value as it was, minified.
    fn plain(&self) -> String {
        self.with(|varying, out| out.push_str(&varying.raw))
    }

    fn with(&self, mut put: impl FnMut(&Varying, &mut String)) -> String {
        let mut out = String::with_capacity(self.text.len() + self.varying.len() * 40);
        let mut from = 0;
        for varying in &self.varying {
            out.push_str(self.text.get(from..varying.at).unwrap_or_default());
            put(varying, &mut out);
            from = varying.at;
        }
        out.push_str(self.text.get(from..).unwrap_or_default());
        out
    }
}

/// Copies a value, minified, leaving out its varying parts.
struct Copier<'o> {
    text: String,
    /// From where on the source is not yet in `text`.
    copied_to: usize,
    varying: Vec<Varying>,
    habits: &'o Habits,
}

impl Copier<'_> {
    fn flush(&mut self, scanner: &Scanner<'_>, to: usize) {
        self.text.push_str(scanner.slice(self.copied_to, to));
        self.copied_to = to;
    }

    fn blank(&mut self, scanner: &mut Scanner<'_>) -> Result<u8, Fault> {
        let byte = scanner.peek()?;
        if byte > b' ' {
            return Ok(byte);
        }
        self.flush(scanner, scanner.at);
        let byte = scanner.blank()?;
        self.copied_to = scanner.at;
        Ok(byte)
    }

    fn value(
        &mut self,
        scanner: &mut Scanner<'_>,
        depth: usize,
        name: Option<Quoted<'_>>,
    ) -> Result<(), Fault> {
        let close = match scanner.peek()? {
            b'{' => b'}',
            b'[' => b']',
            _ => return self.leaf(scanner, name),
        };
        if depth >= JSON_DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        scanner.at += 1;
        if self.blank(scanner)? == close {
            scanner.at += 1;
            return Ok(());
        }
        loop {
            let mut name = None;
            if close == b'}' {
                let start = scanner.at;
                let quoted = scanner.string()?;
                self.canonical(scanner, start, quoted);
                if self.blank(scanner)? != b':' {
                    return Err(scanner.wrong("a colon is expected"));
                }
                scanner.at += 1;
                self.blank(scanner)?;
                name = Some(quoted);
            }
            self.value(scanner, depth + 1, name)?;
            match self.blank(scanner)? {
                b',' => scanner.at += 1,
                byte if byte == close => {
                    scanner.at += 1;
                    return Ok(());
                }
                _ => return Err(scanner.wrong("a comma or the end of the list is expected")),
            }
            self.blank(scanner)?;
        }
    }

    fn leaf(&mut self, scanner: &mut Scanner<'_>, name: Option<Quoted<'_>>) -> Result<(), Fault> {
        let start = scanner.at;
        match scanner.token()? {
            Token::Text(quoted) => {
                let instant = match name.is_some_and(names_an_instant) && quoted.plain {
                    true => Timestamp::parse_styled(quoted.inner(), self.habits.order),
                    false => None,
                };
                match instant {
                    Some((time, style)) => {
                        let time = style.map(|style| (time, style));
                        self.vary(scanner, start, quoted.raw, time);
                    }
                    None => self.canonical(scanner, start, quoted),
                }
            }
            // Sequence numbers are clocks; codes and counts are shorter.
            Token::Number(raw) if raw.len() >= 10 && raw.bytes().all(|b| b.is_ascii_digit()) => {
                self.vary(scanner, start, raw, None);
            }
            _ => {}
        }
        Ok(())
    }

    fn vary(
        &mut self,
        scanner: &Scanner<'_>,
        start: usize,
        raw: &str,
        time: Option<(Timestamp, Style)>,
    ) {
        self.flush(scanner, start);
        self.varying.push(Varying { at: self.text.len(), raw: raw.to_owned(), time });
        self.copied_to = scanner.at;
    }

    /// Gives a string with escapes the one spelling.
    fn canonical(&mut self, scanner: &Scanner<'_>, start: usize, quoted: Quoted<'_>) {
        if quoted.plain {
            return;
        }
        self.flush(scanner, start);
        push_canonical(quoted, &mut self.text);
        self.copied_to = scanner.at;
    }
}

impl<'a> Walk<'_, 'a> {
    /// Reads an object or array that is the value of a JSON field.
    pub(crate) fn json_value<'t, K: Keep<'t, 'a>>(
        &mut self,
        source: &mut Source<'t>,
        field: FieldId,
        depth: usize,
    ) -> Result<(), Stop> {
        let start = source.scanner.at;
        let rest = source.scanner.slice(start, source.scanner.text.len());
        if let Some((length, minified)) = self.cache.find(field, rest) {
            source.scanner.at += length;
            let cell = match minified {
                Some(minified) => Cow::Owned(minified.to_owned()),
                None => K::keep(source.scanner.slice(start, start + length)),
            };
            self.set_json(source, start, field, cell, None);
            return Ok(());
        }
        let mut copier = Copier {
            text: String::new(),
            copied_to: start,
            varying: Vec::new(),
            habits: &self.habits,
        };
        copier.value(&mut source.scanner, depth, None)?;
        let end = source.scanner.at;
        let raw = source.scanner.slice(start, end);
        if copier.copied_to == start {
            // Nothing was left out: the value is minified as it stands.
            self.cache.add(field, raw, None);
            self.set_json(source, start, field, K::keep(raw), None);
            return Ok(());
        }
        copier.flush(&source.scanner, end);
        if copier.varying.is_empty() {
            self.cache.add(field, raw, Some(&copier.text));
            self.set_json(source, start, field, Cow::Owned(copier.text), None);
        } else {
            let pending = Pending { field, text: copier.text, varying: copier.varying };
            self.set_json(source, start, field, Cow::Borrowed(""), Some(pending));
        }
        Ok(())
    }

    fn has_json(&self, field: FieldId) -> bool {
        !self.row.get(field).is_null() || self.pending.iter().any(|other| other.field == field)
    }

    /// Sets a JSON field that stands in the record as JSON; a second one is kept beside it.
    fn set_json(
        &mut self,
        source: &mut Source<'_>,
        start: usize,
        field: FieldId,
        text: Cow<'a, str>,
        pending: Option<Pending>,
    ) {
        self.flush(source, start);
        source.copied_to = source.scanner.at;
        if self.has_json(field) {
            let json = pending.map_or_else(|| text.into_owned(), |pending| pending.plain());
            self.keep(json);
            return;
        }
        match pending {
            Some(pending) => self.pending.push(pending),
            None => self.row.set(field, Cell::Text(text)),
        }
        self.write(field, Spelling::Value, "");
    }

    /// Reads a JSON field that stands in the record as a string with JSON in it (quirk 3).
    pub(crate) fn json_in_text(
        &mut self,
        source: &mut Source<'_>,
        start: usize,
        field: FieldId,
        token: Token<'_>,
    ) -> Result<(), Stop> {
        let (text, exact) = match token {
            Token::Null | Token::Bool(_) => return Ok(()),
            Token::Number(_) => (Cow::Borrowed(""), false),
            Token::Text(quoted) if quoted.inner().is_empty() => return Ok(()),
            Token::Text(quoted) => quoted.decode(),
        };
        self.flush(source, start);
        source.copied_to = source.scanner.at;
        let mut scanner = Scanner::new(&text);
        let mut spelling = Spelling::Kept;
        let is_json = matches!(scanner.blank(), Ok(b'{' | b'['));
        if is_json && let Some((minified, varying)) = copy_all(scanner, &self.habits) {
            let pending = Pending { field, text: minified, varying };
            let plain = match pending.varying.is_empty() {
                true => Cow::Borrowed(&pending.text),
                false => Cow::Owned(pending.plain()),
            };
            // A second value of the field is not what the mark would write.
            let second = self.has_json(field);
            if exact && *plain == text && !second {
                spelling = Spelling::Quoted;
            }
            if !second && pending.varying.is_empty() {
                self.row.set(field, Cell::Text(pending.text.into()));
            } else if !second {
                self.pending.push(pending);
            }
        } else if !is_json && exact && field.field().kind == Kind::TextList && !self.has_json(field)
        {
            let mut list = String::from("[");
            write_string(text.trim(), &mut list);
            list.push(']');
            self.row.set(field, Cell::Text(list.into()));
        }
        self.write(field, spelling, token.raw());
        Ok(())
    }
}

/// The value minified and its varying parts, if there is one value and nothing else.
fn copy_all(mut scanner: Scanner<'_>, habits: &Habits) -> Option<(String, Vec<Varying>)> {
    let mut copier = Copier {
        text: String::with_capacity(scanner.text.len()),
        copied_to: scanner.at,
        varying: Vec::new(),
        habits,
    };
    copier.value(&mut scanner, 1, None).ok()?;
    let end = scanner.at;
    copier.flush(&scanner, end);
    (scanner.blank() == Err(Fault::End)).then_some((copier.text, copier.varying))
}
