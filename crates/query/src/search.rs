//! The short way to write a filter, for people: `status:failure user:maria ip:10.0.0.0/8`.
//!
//! | written | means |
//! | --- | --- |
//! | `user:maria` | a part of the value (identifiers, codes, countries and other fixed values: the whole) |
//! | `user:maria*`, `user:*@x.example` | begins, ends |
//! | `country=US`, `country!=US` | the whole value; `!=` also holds where there is no value |
//! | `code:50126,50053` | any of these |
//! | `code:50000..50999`, `time:2026-03-01..2026-03-07` | a range, both ends included |
//! | `time>=2026-03-01`, `time>=-24h`, `latency>500` | compared |
//! | `device:""`, `device:*` | has no value; has any |
//! | `city:"New Yo"*`, `city:*"k City"` | begins, ends, where the text needs quotes |
//! | `app:"say ""hi"""` | a quote inside quotes is written twice |
//! | `client:legacy`, `client:modern` | all clients of legacy, of modern authentication |
//! | `-country:US` | not |
//! | `maria`, `"Azure Portal"` | name, username, application, address or identifier |
//! | `a b`, `a OR b` | both; any (`OR` binds less than a blank) |
//!
//! Names are those of the table in `aliases` and all of the field catalogue, in any case.
//! Relative times (`-24h`, `-30m`, `-7d`, `-2w`) count back from the `now` that is passed in.

use std::net::IpAddr;

use durward_model::errors::{Status, parse_code};
use durward_model::time::{DAY_MICROS, DateOrder, HOUR_MICROS, SECOND_MICROS};
use durward_model::{FieldId, Kind, Log, Timestamp};
use ipnet::IpNet;

use crate::aliases::{self, FREE_IDS, FREE_TEXT, Meaning};
pub use crate::aliases::{LEGACY_CLIENTS, MODERN_CLIENTS, properties};
use crate::filter::{Expr, Filter, Op, Property, Value};
use crate::fold::guid;
pub use crate::print::term as print;

/// Longest search, in bytes: a pasted list of a thousand names fits.
pub const LENGTH_MAX: usize = 32 * 1024;
/// Most terms and values in one search.
pub const TERMS_MAX: usize = 1000;

/// What is wrong with a search, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at position {position})")]
pub struct SearchError {
    /// In characters from 0.
    pub position: usize,
    message: String,
}

/// One term of a search, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Term<'a> {
    /// Is there a `-` before it?
    pub negated: bool,
    /// Name and symbol; `None` for a word that stands alone.
    pub field: Option<(&'a str, &'static str)>,
    /// With their quotes and stars.
    pub values: Vec<&'a str>,
    filter: Filter,
}

/// Reads a search. Blank text finds everything.
pub fn parse_search(text: &str, now: Timestamp) -> Result<Filter, SearchError> {
    let alternatives = terms(text, now)?.into_iter();
    let filters = |terms: Vec<Term<'_>>| terms.into_iter().map(|term| term.filter).collect();
    Ok(Expr::any_of(alternatives.map(|terms| conjunction(filters(terms))).collect()))
}

/// The terms of a search: what stands between `OR`s, at least one list of them.
pub fn terms(text: &str, now: Timestamp) -> Result<Vec<Vec<Term<'_>>>, SearchError> {
    if text.len() > LENGTH_MAX {
        let message = format!("the search is longer than {LENGTH_MAX} bytes");
        return Err(SearchError { position: LENGTH_MAX, message });
    }
    let mut reader = Reader { text, at: 0, now, terms: 0 };
    let (mut alternatives, mut all) = (Vec::new(), Vec::new());
    while reader.skip_blanks() {
        if reader.take_or() {
            if all.is_empty() || !reader.skip_blanks() {
                return Err(reader.error("OR needs something on both sides"));
            }
            alternatives.push(std::mem::take(&mut all));
            continue;
        }
        all.push(reader.term()?);
    }
    alternatives.push(all);
    Ok(alternatives)
}

fn conjunction(these: Vec<Filter>) -> Filter {
    these.into_iter().fold(Filter::All, Filter::and)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    now: Timestamp,
    terms: usize,
}

/// A value as it was written.
struct Written {
    text: String,
    quoted: bool,
    /// Is there a star before, after the quotes?
    stars: (bool, bool),
    /// In bytes.
    at: usize,
}

const SYMBOLS: [&str; 7] = ["!=", ">=", "<=", ":", "=", ">", "<"];

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Is there more after the blanks?
    fn skip_blanks(&mut self) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        !self.rest().is_empty()
    }

    fn error(&self, message: impl Into<String>) -> SearchError {
        self.error_at(self.at, message)
    }

    fn error_at(&self, byte: usize, message: impl Into<String>) -> SearchError {
        let position = self.text[..byte.min(self.text.len())].chars().count();
        SearchError { position, message: message.into() }
    }

    fn take_or(&mut self) -> bool {
        let Some(tail) = self.rest().strip_prefix("OR") else { return false };
        let alone = tail.is_empty() || tail.starts_with(char::is_whitespace);
        if alone {
            self.at += 2;
        }
        alone
    }

    fn term(&mut self) -> Result<Term<'a>, SearchError> {
        let negated = self.rest().starts_with('-') && !self.rest()[1..].starts_with(' ');
        if negated {
            self.at += 1;
        }
        let start = self.at;
        let meaning = self.name_and_symbol()?;
        let values_at = self.at;
        let (mut values, mut from) = (Vec::new(), values_at);
        let filter = match &meaning {
            Some((meaning, symbol)) => {
                let mut these = vec![self.value_test(meaning, symbol)?];
                while self.rest().starts_with(',') {
                    values.push(&self.text[from..self.at]);
                    self.at += 1;
                    from = self.at;
                    these.push(self.value_test(meaning, symbol)?);
                }
                // `a!=1,2` is neither, not one of both.
                if *symbol == "!=" { conjunction(these) } else { Expr::any_of(these) }
            }
            None => {
                let word = self.value(false)?;
                self.free_text(&word)?
            }
        };
        values.push(&self.text[from..self.at]);
        let name = |symbol: &str| &self.text[start..values_at - symbol.len()];
        let field = meaning.map(|(_, symbol)| (name(symbol), symbol));
        Ok(Term { negated, field, values, filter: if negated { filter.not() } else { filter } })
    }

    /// `name:`, `name>=`, …; `None` where no name with a symbol is next.
    fn name_and_symbol(&mut self) -> Result<Option<(Meaning, &'static str)>, SearchError> {
        let rest = self.rest();
        let belongs = |b: &u8| b.is_ascii_alphanumeric() || b"_/.".contains(b);
        let name = &rest[..rest.bytes().take_while(belongs).count()];
        let symbol = SYMBOLS.into_iter().find(|symbol| rest[name.len()..].starts_with(symbol));
        let Some(symbol) = symbol.filter(|_| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        else {
            return Ok(None);
        };
        if let Some(meaning) = aliases::meaning(name) {
            self.at += name.len() + symbol.len();
            return Ok(Some((meaning, symbol)));
        }
        // `fe80::1` looks like a name with a symbol.
        let word = rest.split(char::is_whitespace).next().unwrap_or_default();
        if network(word).is_some() {
            return Ok(None);
        }
        Err(self.error(format!("there is no field '{name}'; a text with '{symbol}' needs quotes")))
    }

    /// A quoted text, or everything up to a blank (or a comma, inside a list of values).
    fn value(&mut self, in_list: bool) -> Result<Written, SearchError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.error(format!("more than {TERMS_MAX} terms")));
        }
        let at = self.at;
        let rest = self.rest();
        let star_before = rest.starts_with("*\"");
        if let Some(quoted) = rest[usize::from(star_before)..].strip_prefix('"') {
            let Some((text, length)) = unquoted(quoted) else {
                return Err(self.error("the text has no closing quote"));
            };
            self.at += usize::from(star_before) + 1 + length;
            let star_after = self.rest().starts_with('*');
            self.at += usize::from(star_after);
            return Ok(Written { text, quoted: true, stars: (star_before, star_after), at });
        }
        let end = rest.find(|c: char| c.is_whitespace() || (in_list && c == ','));
        let text = &rest[..end.unwrap_or(rest.len())];
        if text.is_empty() {
            return Err(self.error("a value is expected"));
        }
        self.at += text.len();
        Ok(Written { text: text.to_owned(), quoted: false, stars: (false, false), at })
    }

    fn value_test(&mut self, meaning: &Meaning, symbol: &str) -> Result<Filter, SearchError> {
        let value = self.value(true)?;
        if let Some(filter) = clients(meaning, symbol, &value) {
            return Ok(filter);
        }
        let (these, whole) = match meaning {
            Meaning::Status => return self.status(symbol, &value),
            Meaning::Log => return self.log(symbol, &value),
            Meaning::Time(field) => return self.time(*field, symbol, &value),
            Meaning::Address => return self.address(symbol, &value),
            Meaning::AnyOf(these) => (these, false),
            Meaning::Exactly(these) => (these, true),
        };
        if value.text.is_empty() || (value.text == "*" && !value.quoted) {
            let empty = these.iter().map(|of| Filter::test(of.clone(), Op::Empty)).collect();
            let wanted = value.text.is_empty() != (symbol == "!=");
            let all = conjunction(empty);
            return Ok(if wanted { all } else { all.not() });
        }
        let equal = if symbol == "!=" { "=" } else { symbol };
        let mut tests = Vec::with_capacity(these.len());
        let mut first_error = None;
        for of in these {
            match self.test(of, equal, whole, &value) {
                Ok(test) => tests.push(test),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if tests.is_empty() => Err(error),
            _ if symbol == "!=" => Ok(Expr::any_of(tests).not()),
            _ => Ok(Expr::any_of(tests)),
        }
    }

    /// A test of one property; `symbol` is not `!=`.
    fn test(
        &self,
        of: &Property,
        symbol: &str,
        whole: bool,
        value: &Written,
    ) -> Result<Filter, SearchError> {
        let kind = match of {
            Property::Field(field) => field.field().kind,
            _ => Kind::ObjectList,
        };
        let op = match kind {
            Kind::Int => return self.int(of, symbol, value),
            Kind::Float => {
                let float = value.text.parse().ok().filter(|float: &f64| float.is_finite());
                compared(symbol, self.read(float.map(Value::Float), value, "a number")?)
            }
            Kind::Bool => {
                let truth = match value.text.to_ascii_lowercase().as_str() {
                    "true" | "yes" => Some(true),
                    "false" | "no" => Some(false),
                    _ => None,
                };
                compared(symbol, self.read(truth.map(Value::Bool), value, "yes or no")?)
            }
            Kind::Id => match value.text.strip_suffix('*').filter(|_| !value.quoted) {
                Some(prefix) => Op::StartsWith(prefix.to_owned()),
                None if value.stars == (false, true) => Op::StartsWith(value.text.clone()),
                None => compared(symbol, Value::Text(value.text.clone())),
            },
            Kind::Enum(_) if symbol == ":" && !has_wildcard(value) => {
                Op::Eq(Value::Text(value.text.replace('-', "")))
            }
            _ => self.text_op(symbol, whole, value)?,
        };
        Filter::checked(of.clone(), op).map_err(|e| self.error_at(value.at, e.to_string()))
    }

    fn read<T>(&self, read: Option<T>, value: &Written, wanted: &str) -> Result<T, SearchError> {
        read.ok_or_else(|| self.error_at(value.at, format!("'{}' is not {wanted}", value.text)))
    }

    fn text_op(&self, symbol: &str, whole: bool, value: &Written) -> Result<Op, SearchError> {
        let text = value.text.clone();
        if symbol != ":" {
            return Ok(compared(symbol, Value::Text(text)));
        }
        if !has_wildcard(value) {
            return Ok(if whole { Op::Eq(Value::Text(text)) } else { Op::Contains(text) });
        }
        if value.quoted {
            return Ok(match value.stars {
                (true, false) => Op::EndsWith(text),
                (false, true) => Op::StartsWith(text),
                _ => Op::Contains(text),
            });
        }
        let inner = text.trim_matches('*');
        if inner.contains('*') {
            return Err(self.error_at(value.at, "a * only works at the beginning or the end"));
        }
        Ok(match (text.starts_with('*'), text.ends_with('*')) {
            (true, false) => Op::EndsWith(inner.to_owned()),
            (false, true) => Op::StartsWith(inner.to_owned()),
            _ => Op::Contains(inner.to_owned()),
        })
    }

    fn int(&self, of: &Property, symbol: &str, value: &Written) -> Result<Filter, SearchError> {
        let number = |text: &str| parse_code(text).map(Value::Int);
        let checked = |op| {
            Filter::checked(of.clone(), op).map_err(|e| self.error_at(value.at, e.to_string()))
        };
        if let Some((from, to)) = value.text.split_once("..").filter(|_| symbol == ":") {
            let from = self.read(number(from), value, "a range of whole numbers")?;
            let to = self.read(number(to), value, "a range of whole numbers")?;
            return Ok(checked(Op::Ge(from))?.and(checked(Op::Le(to))?));
        }
        checked(compared(symbol, self.read(number(&value.text), value, "a whole number")?))
    }

    fn status(&self, symbol: &str, value: &Written) -> Result<Filter, SearchError> {
        let status = match value.text.to_ascii_lowercase().as_str() {
            "ok" | "succeeded" => Some(Status::Success),
            "failed" | "fail" => Some(Status::Failure),
            "interrupt" => Some(Status::Interrupted),
            word => Status::from_name(word),
        };
        let status = self.read(status, value, "success, failure or interrupted")?;
        self.word(Property::Status, symbol, status.name(), value)
    }

    fn log(&self, symbol: &str, value: &Written) -> Result<Filter, SearchError> {
        let log = match value.text.to_ascii_lowercase().replace('-', "").as_str() {
            "interactive" | "user" => Some(Log::InteractiveUser),
            "noninteractive" => Some(Log::NonInteractiveUser),
            "sp" | "service" => Some(Log::ServicePrincipal),
            "mi" | "managed" | "msi" => Some(Log::ManagedIdentity),
            word => Log::from_name(word),
        };
        let wanted = "interactive, noninteractive, sp, mi, audit, provisioning, risk or other";
        let log = self.read(log, value, wanted)?;
        self.word(Property::Log, symbol, log.name(), value)
    }

    fn word(
        &self,
        of: Property,
        symbol: &str,
        word: &str,
        value: &Written,
    ) -> Result<Filter, SearchError> {
        let word = Value::Text(word.to_owned());
        match symbol {
            ":" | "=" => Ok(Filter::test(of, Op::Eq(word))),
            "!=" => Ok(Filter::test(of, Op::Ne(word))),
            _ => Err(self.error_at(value.at, "only :, = and != work here")),
        }
    }

    fn address(&self, symbol: &str, value: &Written) -> Result<Filter, SearchError> {
        let of = || Property::Field(FieldId::IpAddress);
        let test = if value.text.is_empty() {
            Filter::test(of(), Op::Empty)
        } else if value.text == "*" {
            Filter::test(of(), Op::Empty).not()
        } else if let Some(net) = network(&value.text) {
            Filter::test(of(), Op::Cidr(net))
        } else if value.text.contains('/') {
            let message = format!("'{}' is not a network such as 10.0.0.0/8", value.text);
            return Err(self.error_at(value.at, message));
        } else {
            let text_symbol = if symbol == "!=" { "=" } else { symbol };
            Filter::test(of(), self.text_op(text_symbol, false, value)?)
        };
        match symbol {
            ":" | "=" => Ok(test),
            "!=" => Ok(test.not()),
            _ => Err(self.error_at(value.at, "addresses cannot be compared; use a network")),
        }
    }

    fn time(&self, field: FieldId, symbol: &str, value: &Written) -> Result<Filter, SearchError> {
        let test = |op: fn(Value) -> Op, time| Filter::field(field, op(Value::Time(time)));
        if value.text == "*" {
            return Ok(Filter::field(field, Op::Empty).not());
        }
        let wanted = "a time such as 2026-03-01, 2026-03-01T08:00 or -24h";
        let span = |text: &str| self.read(span(text, self.now), value, wanted);
        if let Some((from, to)) = value.text.split_once("..").filter(|_| symbol == ":") {
            return Ok(test(Op::Ge, span(from)?.0).and(test(Op::Lt, span(to)?.1)));
        }
        let (from, to) = span(&value.text)?;
        Ok(match symbol {
            ">=" => test(Op::Ge, from),
            ">" => test(Op::Ge, to),
            "<" => test(Op::Lt, from),
            "<=" => test(Op::Lt, to),
            "!=" => test(Op::Ge, from).and(test(Op::Lt, to)).not(),
            _ => test(Op::Ge, from).and(test(Op::Lt, to)),
        })
    }

    /// A word on its own.
    fn free_text(&self, word: &Written) -> Result<Filter, SearchError> {
        if word.text.is_empty() {
            return Ok(Filter::All);
        }
        if let Some(net) = network(&word.text).filter(|_| !word.quoted) {
            return Ok(Filter::field(FieldId::IpAddress, Op::Cidr(net)));
        }
        let mut these = Vec::new();
        for &field in FREE_TEXT {
            these.push(Filter::field(field, self.text_op(":", false, word)?));
        }
        if let Some(guid) = guid(&word.text) {
            for &field in FREE_IDS {
                these.push(Filter::field(field, Op::Eq(Value::Text(guid.clone()))));
            }
        }
        Ok(Expr::Or(these))
    }
}

fn has_wildcard(value: &Written) -> bool {
    if value.quoted { value.stars != (false, false) } else { value.text.contains('*') }
}

/// The text up to the closing quote, where `""` stands for one quote, and how many bytes that
/// took with the closing quote.
fn unquoted(after_quote: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut rest = after_quote;
    loop {
        let (part, tail) = rest.split_once('"')?;
        text.push_str(part);
        match tail.strip_prefix('"') {
            Some(tail) => {
                text.push('"');
                rest = tail;
            }
            None => return Some((text, after_quote.len() - tail.len())),
        }
    }
}

/// `client:legacy` and `client:modern`.
fn clients(meaning: &Meaning, symbol: &str, value: &Written) -> Option<Filter> {
    let of = Property::Field(FieldId::ClientAppUsed);
    let is_client = matches!(meaning, Meaning::AnyOf(these) if *these == [of.clone()]);
    if !is_client || value.quoted || !matches!(symbol, ":" | "=" | "!=") {
        return None;
    }
    let names = match value.text.as_str() {
        "legacy" => LEGACY_CLIENTS,
        "modern" => MODERN_CLIENTS,
        _ => return None,
    };
    let values = names.iter().map(|name| Value::Text((*name).to_owned())).collect();
    let filter = Filter::test(of, Op::In(values));
    Some(if symbol == "!=" { filter.not() } else { filter })
}

fn compared(symbol: &str, value: Value) -> Op {
    match symbol {
        ">" => Op::Gt(value),
        ">=" => Op::Ge(value),
        "<" => Op::Lt(value),
        "<=" => Op::Le(value),
        _ => Op::Eq(value),
    }
}

/// An address, or a network such as `10.0.0.0/8`.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address)
}

/// The span of time that a text names: a day, a minute, or the microsecond of an instant. Texts
/// are those that a filter takes: `2026-03-01`, `2026-03-01T08:00`, `-24h`, `now`.
pub fn span(text: &str, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let length = |from: Timestamp, micros: i64| {
        Some((from, Timestamp::from_micros(from.micros.checked_add(micros)?)))
    };
    if text == "now" {
        return length(now, 1);
    }
    if let Some(back) = text.strip_prefix('-') {
        let unit = back.chars().last()?;
        let count: i64 = back.strip_suffix(unit)?.parse().ok()?;
        let micros = match unit {
            'm' => 60 * SECOND_MICROS,
            'h' => HOUR_MICROS,
            'd' => DAY_MICROS,
            'w' => 7 * DAY_MICROS,
            _ => return None,
        };
        let from = now.micros.checked_sub(count.checked_mul(micros)?)?;
        return length(Timestamp::from_micros(from), 1);
    }
    let time = Timestamp::parse(text, DateOrder::MonthFirst)?;
    match text.len() {
        ..=10 => length(time, DAY_MICROS),
        11..=16 => length(time, 60 * SECOND_MICROS),
        // The next instant there is, so that `time=` finds exactly this one.
        _ if time.nanos < 999 => Some((time, Timestamp { nanos: time.nanos + 1, ..time })),
        _ => length(Timestamp::from_micros(time.micros), 1).map(|(_, to)| (time, to)),
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
