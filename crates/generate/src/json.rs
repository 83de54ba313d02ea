//! Writes JSON straight into a byte buffer. Keys are literals of this crate and need no escapes.

use crate::dice::Guid;

/// An object being written. Members appear in the order of the calls.
pub(crate) struct Object<'b> {
    pub(crate) out: &'b mut Vec<u8>,
    empty: bool,
}

impl<'b> Object<'b> {
    /// Starts an object.
    pub(crate) fn open(out: &'b mut Vec<u8>) -> Object<'b> {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Ends it.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    /// Writes the key; the caller appends the value to `out`.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A text member.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        write_text(self.key(key), value);
    }

    /// A text member, or null.
    pub(crate) fn text_or_null(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key).extend_from_slice(json.as_bytes());
    }

    /// A whole number.
    pub(crate) fn int(&mut self, key: &str, value: i64) {
        write_int(self.key(key), value);
    }

    /// true or false.
    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// A GUID in quotes.
    pub(crate) fn guid(&mut self, key: &str, value: Guid) {
        let out = self.key(key);
        out.push(b'"');
        value.write(out);
        out.push(b'"');
    }

    /// A nested object.
    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        let mut inner = Object::open(self.key(key));
        write(&mut inner);
        inner.close();
    }
}

/// Appends a quoted, escaped text.
pub(crate) fn write_text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&value.as_bytes()[from..at]);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
        from = at + 1;
    }
    out.extend_from_slice(&value.as_bytes()[from..]);
    out.push(b'"');
}

/// Appends a whole number.
pub(crate) fn write_int(out: &mut Vec<u8>, value: i64) {
    let mut text = [0_u8; 20];
    let mut at = text.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        text[at] = b'-';
    }
    out.extend_from_slice(&text[at..]);
}

/// Appends `[…]` with `write` called for each item and commas between.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.text("a", "Zo\u{eb} \"x\" \\ \n");
        object.int("b", i64::MIN);
        object.object("c", |inner| inner.text_or_null("d", None));
        write_list(object.key("e"), [1, 0, -7], write_int);
        object.close();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expect = serde_json::json!({
            "a": "Zo\u{eb} \"x\" \\ \n", "b": i64::MIN, "c": {"d": null}, "e": [1, 0, -7]
        });
        assert_eq!(value, expect);
    }
}
