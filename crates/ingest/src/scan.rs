//! A JSON tokenizer that lends its tokens from the text it reads.
//!
//! Records are not turned into a tree: most of a record is written back as it stands, so what is
//! needed are the places of its tokens. Everything that is read is checked; text this scanner
//! accepts is JSON for any other reader, apart from lone surrogates, which it lets pass inside
//! strings and [`Quoted::decode`] reports.

use std::borrow::Cow;

use crate::limits::JSON_DEPTH_MAX;

/// Why scanning stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text ended inside a value.
    End,
    /// This is not JSON, at this byte.
    Syntax(usize, &'static str),
    /// Nested deeper than [`JSON_DEPTH_MAX`].
    TooDeep,
}

/// A string token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'t> {
    /// The token with its quotes.
    pub(crate) raw: &'t str,
    /// Has it no escapes?
    pub(crate) plain: bool,
}

impl<'t> Quoted<'t> {
    /// The token without its quotes.
    pub(crate) fn inner(&self) -> &'t str {
        self.raw.get(1..self.raw.len() - 1).unwrap_or_default()
    }

    /// The text it stands for, and whether that is exact: a lone surrogate is no character, and
    /// U+FFFD is put in its place.
    pub(crate) fn decode(&self) -> (Cow<'t, str>, bool) {
        if self.plain { (Cow::Borrowed(self.inner()), true) } else { unescape(self.inner()) }
    }
}

/// A value that has no members.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token<'t> {
    Text(Quoted<'t>),
    Number(&'t str),
    Bool(bool),
    Null,
}

impl<'t> Token<'t> {
    /// The token as it stands in the text.
    pub(crate) fn raw(&self) -> &'t str {
        match self {
            Token::Text(quoted) => quoted.raw,
            Token::Number(raw) => raw,
            Token::Bool(true) => "true",
            Token::Bool(false) => "false",
            Token::Null => "null",
        }
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'t> {
    pub(crate) text: &'t str,
    pub(crate) at: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Scanner { text, at: 0 }
    }

    /// The byte here.
    #[inline]
    pub(crate) fn peek(&self) -> Result<u8, Fault> {
        self.text.as_bytes().get(self.at).copied().ok_or(Fault::End)
    }

    /// What is between two places that lie beside ASCII characters.
    #[inline]
    pub(crate) fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Skips white space and gives the byte after it.
    #[inline]
    pub(crate) fn blank(&mut self) -> Result<u8, Fault> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(Fault::End)
    }

    /// A fault at this place.
    pub(crate) fn wrong(&self, what: &'static str) -> Fault {
        Fault::Syntax(self.at, what)
    }

    /// Reads a string; the place is at its first quote.
    pub(crate) fn string(&mut self) -> Result<Quoted<'t>, Fault> {
        if self.peek()? != b'"' {
            return Err(self.wrong("a string is expected"));
        }
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut plain = true;
        self.at += 1;
        loop {
            self.at = next_special(bytes, self.at);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(Quoted { raw: self.slice(start, self.at), plain });
                }
                b'\\' => {
                    plain = false;
                    self.escape()?;
                }
                _ => return Err(self.wrong("a control character is inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek()?.is_ascii_hexdigit() {
                        return Err(self.wrong("an escape needs four hexadecimal digits"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.wrong("this escape does not exist")),
        }
        Ok(())
    }

    /// Reads a value that has no members; the place is at its first byte.
    pub(crate) fn token(&mut self) -> Result<Token<'t>, Fault> {
        match self.peek()? {
            b'"' => self.string().map(Token::Text),
            b'-' | b'0'..=b'9' => self.number().map(Token::Number),
            b't' => self.word("true").map(|()| Token::Bool(true)),
            b'f' => self.word("false").map(|()| Token::Bool(false)),
            b'n' => self.word("null").map(|()| Token::Null),
            _ => Err(self.wrong("a value is expected")),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else if word.as_bytes().starts_with(rest) {
            Err(Fault::End)
        } else {
            Err(self.wrong("a value is expected"))
        }
    }

    fn number(&mut self) -> Result<&'t str, Fault> {
        let start = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Ok(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Ok(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.slice(start, self.at))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !self.peek()?.is_ascii_digit() {
            return Err(self.wrong("a digit is expected"));
        }
        while self.peek().is_ok_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    /// After a member or item: true if another one follows, false if `close` ended the list.
    /// Skips white space on both sides.
    #[inline]
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Fault> {
        match self.blank()? {
            b',' => {
                self.at += 1;
                self.blank()?;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.wrong("a comma or the end of the list is expected")),
        }
    }

    /// After an opening bracket: true if there is a first item, false if `close` followed.
    #[inline]
    pub(crate) fn first(&mut self, close: u8) -> Result<bool, Fault> {
        self.at += 1;
        if self.blank()? == close {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads a member's name and its colon, and skips white space before the value.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Quoted<'t>, Fault> {
        let name = self.string()?;
        if self.blank()? != b':' {
            return Err(self.wrong("a colon is expected"));
        }
        self.at += 1;
        self.blank()?;
        Ok(name)
    }

    /// Skips a value of any kind; `depth` is how deep it lies.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        let close = match self.peek()? {
            b'{' => b'}',
            b'[' => b']',
            _ => return self.token().map(|_| ()),
        };
        if depth >= JSON_DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        let mut another = self.first(close)?;
        while another {
            if close == b'}' {
                self.name()?;
            }
            self.skip(depth + 1)?;
            another = self.more(close)?;
        }
        Ok(())
    }
}

/// The place of the next quote, backslash or control character, or the end of the text.
#[inline]
fn next_special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    // Eight bytes at a time: a byte is zero exactly where subtracting one borrows into its high
    // bit. Borrows only spoil bytes above the first hit, and only the first hit is used.
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let hits = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hits = hits & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

fn unescape(inner: &str) -> (Cow<'_, str>, bool) {
    let mut out = String::with_capacity(inner.len());
    let mut exact = true;
    let mut rest = inner;
    while let Some((plain, tail)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut letters = tail.chars();
        match letters.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let (letter, length) = unicode_escape(tail);
                exact &= letter.is_some();
                out.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = tail.get(length..).unwrap_or_default();
                continue;
            }
            Some(letter) => out.push(letter),
            None => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    (Cow::Owned(out), exact)
}

/// The character of `uXXXX` or of a pair `uXXXX\uXXXX`, and how many bytes that took.
fn unicode_escape(tail: &str) -> (Option<char>, usize) {
    let unit = |from: usize| {
        let digits = tail.get(from..from + 4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(1) else { return (None, tail.len().min(5)) };
    if !(0xd800..0xdc00).contains(&first) {
        return (char::from_u32(first), 5);
    }
    match (tail.get(5..7), unit(7)) {
        (Some("\\u"), Some(second @ 0xdc00..=0xdfff)) => {
            (char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)), 11)
        }
        _ => (None, 5),
    }
}

/// The value as minified JSON with strings in one spelling, so that the same value gives the same
/// text however it was written. Numbers stay as they are.
pub(crate) fn minify(text: &str) -> Result<String, Fault> {
    let mut scanner = Scanner::new(text);
    let mut out = String::with_capacity(text.len());
    scanner.blank()?;
    minify_value(&mut scanner, 0, &mut out)?;
    match scanner.blank() {
        Err(Fault::End) => Ok(out),
        _ => Err(scanner.wrong("something follows the value")),
    }
}

fn minify_value(scanner: &mut Scanner<'_>, depth: usize, out: &mut String) -> Result<(), Fault> {
    let (open, close) = match scanner.peek()? {
        b'{' => ('{', b'}'),
        b'[' => ('[', b']'),
        _ => {
            match scanner.token()? {
                Token::Text(quoted) => push_canonical(quoted, out),
                token => out.push_str(token.raw()),
            }
            return Ok(());
        }
    };
    if depth >= JSON_DEPTH_MAX {
        return Err(Fault::TooDeep);
    }
    out.push(open);
    let mut another = scanner.first(close)?;
    while another {
        if close == b'}' {
            push_canonical(scanner.name()?, out);
            out.push(':');
        }
        minify_value(scanner, depth + 1, out)?;
        another = scanner.more(close)?;
        if another {
            out.push(',');
        }
    }
    out.push(char::from(close));
    Ok(())
}

/// Appends a string token in the spelling of [`durward_model::shape::write_string`].
pub(crate) fn push_canonical(quoted: Quoted<'_>, out: &mut String) {
    if quoted.plain {
        out.push_str(quoted.raw);
        return;
    }
    match quoted.decode() {
        (text, true) => durward_model::shape::write_string(&text, out),
        // No text can stand for a lone surrogate: its spelling is the value.
        (_, false) => out.push_str(quoted.raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_takes_is_taken_and_nothing_else() {
        for text in [
            "{}",
            "[]",
            "{\"a\":1}",
            "[1,2.5,-0,1e5,1E-2,true,false,null,\"x\"]",
            " [ 1 , 2 ] ",
            "{\"a\":{\"b\":[{}]}}",
            "\"\\u00e9\\n\\/\"",
            "\"日本\"",
            "",
            "{",
            "[1",
            "[1,]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[01]",
            "[1.]",
            "[.5]",
            "[+1]",
            "[1e]",
            "[tru]",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a\tb\"",
            "\"a",
            "[1]]",
            "nul",
            "[nulll]",
            "{\"a\":1,}",
            "[-]",
            "\"12345678\u{1}\"",
            "\"1234567\\",
            "[\"\u{7f}\"]",
        ] {
            let ours = minify(text).is_ok();
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
            assert_eq!(ours, theirs, "{text:?}");
        }
    }

    #[test]
    fn strings_have_one_spelling() {
        assert_eq!(
            minify(r#"{ "\u0041\/" : "\u00e9\ud83d\ude00\u0001" }"#).unwrap(),
            r#"{"A/":"é😀\u0001"}"#
        );
        assert_eq!(minify(r#"["\ud800x"]"#).unwrap(), r#"["\ud800x"]"#);
        let mut scanner = Scanner::new(r#""\ud800x""#);
        let (text, exact) = scanner.string().unwrap().decode();
        assert_eq!((text.as_ref(), exact), ("\u{fffd}x", false));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(minify(&nested(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(minify(&nested(JSON_DEPTH_MAX + 1)), Err(Fault::TooDeep));
        assert_eq!(Scanner::new(&nested(100_000)).skip(0), Err(Fault::TooDeep));
    }

    #[test]
    fn a_cut_text_ends_early_and_is_not_wrong() {
        let text = r#"{"a":[true,null,"x\u00e9y",-1.5e3],"b":{}}"#;
        for cut in 0..text.len() {
            assert_eq!(Scanner::new(&text[..cut]).skip(0), Err(Fault::End), "{}", &text[..cut]);
        }
    }
}
