//! How far a damaged record reaches.
//!
//! Reading goes on behind a record that could not be read. This finds the place: it follows the
//! structure of JSON on bytes, without looking into texts and numbers, so that it also works on
//! invalid UTF-8 and over the edges of a window.

use crate::limits::JSON_DEPTH_MAX;

/// Where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// After that many bytes.
    Ends(usize),
    /// Not in these bytes.
    Open,
    /// The structure itself is damaged.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    NameOrEnd,
    Name,
    Colon,
    CommaOrEnd,
    Scalar,
    Text { name: bool },
    Escape { name: bool },
}

/// Follows one value through as many pieces as it takes.
#[derive(Debug)]
pub(crate) struct Follower {
    /// For each open bracket: is it an object?
    objects: Vec<bool>,
    state: State,
}

impl Follower {
    pub(crate) fn new() -> Follower {
        Follower { objects: Vec::with_capacity(JSON_DEPTH_MAX), state: State::Value }
    }

    /// Follows the value into the next piece.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Extent {
        for (at, &byte) in bytes.iter().enumerate() {
            match self.step(byte) {
                Some(true) if self.objects.is_empty() => return Extent::Ends(at + 1),
                Some(_) => {}
                None => return Extent::Broken,
            }
        }
        Extent::Open
    }

    /// Takes one byte: true if it closed a bracket, `None` if it cannot stand here.
    fn step(&mut self, byte: u8) -> Option<bool> {
        match self.state {
            State::Escape { name } => self.state = State::Text { name },
            State::Text { name } => match byte {
                b'\\' => self.state = State::Escape { name },
                b'"' if name => self.state = State::Colon,
                b'"' => self.state = State::CommaOrEnd,
                // No text goes over the end of a line, so a cut one ends there.
                b'\n' => return None,
                _ => {}
            },
            State::Scalar if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => {}
            State::Scalar => {
                self.state = State::CommaOrEnd;
                return self.step(byte);
            }
            _ if byte.is_ascii_whitespace() => {}
            State::Colon => {
                self.state = State::Value;
                return (byte == b':').then_some(false);
            }
            State::Name | State::NameOrEnd if byte == b'"' => {
                self.state = State::Text { name: true };
            }
            State::NameOrEnd if byte == b'}' => return self.close(true),
            State::Name | State::NameOrEnd => return None,
            State::ValueOrEnd if byte == b']' => return self.close(false),
            State::Value | State::ValueOrEnd => return self.value(byte),
            State::CommaOrEnd => match byte {
                b',' if *self.objects.last()? => self.state = State::Name,
                b',' => self.state = State::Value,
                b'}' => return self.close(true),
                b']' => return self.close(false),
                _ => return None,
            },
        }
        Some(false)
    }

    fn value(&mut self, byte: u8) -> Option<bool> {
        self.state = match byte {
            b'{' | b'[' if self.objects.len() >= JSON_DEPTH_MAX => return None,
            b'{' => {
                self.objects.push(true);
                State::NameOrEnd
            }
            b'[' => {
                self.objects.push(false);
                State::ValueOrEnd
            }
            b'"' if !self.objects.is_empty() => State::Text { name: false },
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if !self.objects.is_empty() => State::Scalar,
            _ => return None,
        };
        Some(false)
    }

    fn close(&mut self, object: bool) -> Option<bool> {
        self.state = State::CommaOrEnd;
        (self.objects.pop()? == object).then_some(true)
    }
}

/// Where to go on behind a damaged object that began at this column: at the next line with an
/// object no further to the right, or nowhere in these bytes.
pub(crate) fn next_object(bytes: &[u8], column: usize) -> Option<usize> {
    let mut from = 0;
    while let Some(newline) = bytes.get(from..)?.iter().position(|byte| *byte == b'\n') {
        from += newline + 1;
        let line = bytes.get(from..)?;
        let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if blanks <= column && line.get(blanks) == Some(&b'{') {
            return Some(from);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_is_found_in_any_pieces() {
        let text = br#"{"a":[1,{"b":"x\"}]"},null,-1.5e3,true],"c":{}} {"next":1}"#;
        let end = text.iter().position(|byte| *byte == b' ').unwrap();
        for cut in 0..end {
            let mut follower = Follower::new();
            assert_eq!(follower.follow(&text[..cut]), Extent::Open, "{cut}");
            assert_eq!(follower.follow(&text[cut..]), Extent::Ends(end - cut), "{cut}");
        }
    }

    #[test]
    fn damage_is_seen_where_the_next_line_begins() {
        for text in [
            "{\"a\":{\"b\":1\n{\"c\":2}",
            "{\"a\":\"cut\n{\"c\":2}",
            "{\"a\":1,\n{\"c\":2}",
            "{\"a\"\n{\"c\":2}",
            "{]",
            "[}",
            "{\"a\":1]",
            "hello",
            "{a:1}",
            "{\"a\" 1}",
            "7",
        ] {
            assert_eq!(Follower::new().follow(text.as_bytes()), Extent::Broken, "{text}");
        }
        let deep = "[".repeat(JSON_DEPTH_MAX + 1);
        assert_eq!(Follower::new().follow(deep.as_bytes()), Extent::Broken);
    }

    #[test]
    fn reading_goes_on_at_the_next_object_of_the_same_indent() {
        assert_eq!(next_object(b"{\"a\":\n{\"b\":1}", 0), Some(6));
        assert_eq!(next_object(b"{\n \"a\": [\n  {\n  }\n ]\n},\n{}", 0), Some(24));
        assert_eq!(next_object(b"{\n \"a\": [\n  {\n", 0), None);
        assert_eq!(next_object(b"", 0), None);
    }
}
