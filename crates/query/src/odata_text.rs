//! The words, symbols and literals of an OData filter.

use durward_model::Timestamp;
use durward_model::time::DateOrder;

use crate::filter::Value;
use crate::fold::guid;
use crate::odata::{ErrorKind, ODataError};

/// A place in the text of a filter.
pub(crate) struct Text<'a> {
    text: &'a str,
    at: usize,
}

/// A literal: text, or anything else.
pub(crate) enum Literal {
    Text(String),
    Value(Value),
}

impl<'a> Text<'a> {
    pub(crate) fn new(text: &'a str) -> Text<'a> {
        Text { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest().is_empty()
    }

    /// Where the next word or symbol begins, in bytes.
    fn byte(&mut self) -> usize {
        self.skip_blanks();
        self.at
    }

    /// Where the next word or symbol begins, in characters from 0.
    pub(crate) fn position(&mut self) -> usize {
        let byte = self.byte();
        self.text[..byte].chars().count()
    }

    /// Goes back to a position.
    pub(crate) fn back_to(&mut self, position: usize) {
        self.at = self.text.char_indices().nth(position).map_or(self.text.len(), |(at, _)| at);
    }

    pub(crate) fn error(&mut self, kind: ErrorKind, message: impl Into<String>) -> ODataError {
        ODataError::new(kind, self.position(), message)
    }

    pub(crate) fn syntax(&mut self, message: &str) -> ODataError {
        self.error(ErrorKind::Syntax, message)
    }

    /// Takes this symbol if it is next.
    pub(crate) fn symbol(&mut self, symbol: char) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    pub(crate) fn expect(&mut self, symbol: char) -> Result<(), ODataError> {
        if self.symbol(symbol) {
            return Ok(());
        }
        Err(self.syntax(&format!("'{symbol}' is expected")))
    }

    /// Takes this word, in any case, if it is next and ends there.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let before = self.byte();
        let found = self.any_word().eq_ignore_ascii_case(word);
        if !found {
            self.at = before;
        }
        found
    }

    /// Takes the next run of letters; empty if there is none.
    pub(crate) fn any_word(&mut self) -> &'a str {
        self.skip_blanks();
        self.run(|byte| byte.is_ascii_alphabetic())
    }

    /// Takes a path: names joined by `/` (or `.`), beginning with a letter or `_`.
    pub(crate) fn path(&mut self) -> Option<String> {
        self.skip_blanks();
        let first = self.rest().bytes().next()?;
        if !first.is_ascii_alphabetic() && first != b'_' {
            return None;
        }
        let path =
            self.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.' | b'$'));
        Some(path.to_owned())
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().take_while(|&byte| belongs(byte)).count();
        self.at += length;
        &rest[..length]
    }

    /// Takes a literal.
    pub(crate) fn literal(&mut self) -> Result<Literal, ODataError> {
        self.skip_blanks();
        if self.rest().starts_with('\'') {
            return self.quoted();
        }
        let start = self.position();
        let bare = self.run(|b| b.is_ascii_alphanumeric() || b"-+:._".contains(&b));
        // `microsoft.graph.riskLevel'high'`: a member of an enumeration with its type.
        if self.rest().starts_with('\'') && bare.contains('.') {
            return self.quoted();
        }
        if let Some(guid) = guid(bare).filter(|_| bare.contains('-')) {
            return Ok(Literal::Text(guid));
        }
        let value = match bare {
            "null" => Some(Value::Null),
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ if bare.as_bytes().get(4) == Some(&b'-') => {
                Timestamp::parse(bare, DateOrder::MonthFirst).map(Value::Time)
            }
            _ => number(bare),
        };
        value.map(Literal::Value).ok_or_else(|| {
            let message = match bare {
                "" => "a value is expected".to_owned(),
                _ => format!("'{bare}' is no value; texts need single quotes"),
            };
            ODataError::new(ErrorKind::Syntax, start, message)
        })
    }

    /// `'text'`, where `''` stands for one quote.
    fn quoted(&mut self) -> Result<Literal, ODataError> {
        let start = self.position();
        let mut text = String::new();
        let mut rest = self.rest().get(1..).unwrap_or_default();
        loop {
            let Some((part, tail)) = rest.split_once('\'') else {
                let message = "the text has no closing quote";
                return Err(ODataError::new(ErrorKind::Syntax, start, message));
            };
            text.push_str(part);
            match tail.strip_prefix('\'') {
                Some(tail) => {
                    text.push('\'');
                    rest = tail;
                }
                None => {
                    self.at = self.text.len() - tail.len();
                    return Ok(Literal::Text(text));
                }
            }
        }
    }
}

/// `1`, `-1`, `1.5`, `1e3`; not `inf` or `nan`.
fn number(text: &str) -> Option<Value> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"-+.eE".contains(&b));
    if !plain || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let int = text.parse().ok().map(Value::Int);
    int.or_else(|| text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float))
}
