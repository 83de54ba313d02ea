//! Small things the pass over a record is made of.

use std::borrow::Cow;

use durward_model::field::{FIELD_SPAN, FieldId};
use durward_model::shape::Mark;
use durward_model::time::Style;

use crate::record::json::JsonCache;
use crate::scan::{Quoted, Scanner};
use crate::table::NameOrder;

/// How long texts live: those of the record itself are lent, those of JSON inside a string are
/// copied.
pub(crate) trait Keep<'t, 'a> {
    fn keep(text: &'t str) -> Cow<'a, str>;
    fn decode(quoted: Quoted<'t>) -> (Cow<'a, str>, bool);
}

pub(crate) struct Lend;
impl<'a> Keep<'a, 'a> for Lend {
    #[inline]
    fn keep(text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }
    #[inline]
    fn decode(quoted: Quoted<'a>) -> (Cow<'a, str>, bool) {
        quoted.decode()
    }
}

pub(crate) struct Copied;
impl<'t, 'a> Keep<'t, 'a> for Copied {
    fn keep(text: &'t str) -> Cow<'a, str> {
        Cow::Owned(text.to_owned())
    }
    fn decode(quoted: Quoted<'t>) -> (Cow<'a, str>, bool) {
        let (text, exact) = quoted.decode();
        (Cow::Owned(text.into_owned()), exact)
    }
}

/// The marks as text, so that they are not put together for every value.
#[derive(Debug)]
pub(crate) struct MarkTexts {
    pub(crate) values: Vec<String>,
    pub(crate) quoted: Vec<String>,
    times: Vec<(FieldId, Style, String)>,
}

impl Default for MarkTexts {
    fn default() -> MarkTexts {
        let text = |mark: Mark| {
            let mut out = String::new();
            mark.write(&mut out);
            out
        };
        let all = |mark: fn(FieldId) -> Mark| {
            let number = |n: usize| u8::try_from(n).ok().and_then(FieldId::from_number);
            let texts = (0..FIELD_SPAN).map(|n| number(n).map(mark).map(text).unwrap_or_default());
            texts.collect()
        };
        MarkTexts { values: all(Mark::Value), quoted: all(Mark::Quoted), times: Vec::new() }
    }
}

impl MarkTexts {
    /// Styles that are remembered; a file has few.
    const TIMES_MAX: usize = 16;

    pub(crate) fn time(&mut self, field: FieldId, style: Style, out: &mut String) {
        let known = self.times.iter().find(|(f, s, _)| *f == field && *s == style);
        if let Some((_, _, text)) = known {
            out.push_str(text);
            return;
        }
        let from = out.len();
        Mark::Time(field, style).write(out);
        if self.times.len() < Self::TIMES_MAX {
            self.times.push((field, style, out.get(from..).unwrap_or_default().to_owned()));
        }
    }
}

/// A text that is being read, and from where on it is not yet in the shape.
pub(crate) struct Source<'t> {
    pub(crate) scanner: Scanner<'t>,
    pub(crate) copied_to: usize,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Source { scanner: Scanner::new(text), copied_to: 0 }
    }
}

/// What is remembered from record to record.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) cache: JsonCache,
    pub(crate) marks: MarkTexts,
    pub(crate) names: NameOrder,
}
