//! The pills of the filter bar, as they stand in an address: `f=status=failure,-app:Teams`.
//!
//! A pill is a term of the short form (see [`search`]), or several of which any will do. Pills
//! are separated by commas; a part that does not begin like a term is one more value of the term
//! before it. `(a:1|b:2)` is a group of alternatives, and `~` before a pill turns it off without
//! taking it away.
//!
//! A term about a field that a log does not have asks nothing of that log's events: pills stay
//! when the tab changes, and count again where their field exists.

use durward_model::{Log, Timestamp};
use durward_query::property::fields_of_whole;
use durward_query::{Expr, Filter, Property, SearchError, search};

/// One test of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) struct Term {
    pub(in crate::page) negated: bool,
    /// As the short form knows it: `user`, `status`, or a field of the catalogue.
    pub(in crate::page) name: String,
    /// `:`, `=`, `!=`, `>`, `>=`, `<`, `<=`
    pub(in crate::page) symbol: &'static str,
    /// As written, quotes included.
    pub(in crate::page) values: Vec<String>,
}

/// A term, or several of which any will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) struct Pill {
    pub(in crate::page) disabled: bool,
    pub(in crate::page) terms: Vec<Term>,
}

/// All pills; every one that is on must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::page) struct Pills(pub(in crate::page) Vec<Pill>);

const SYMBOLS: [&str; 7] = ["!=", ">=", "<=", ":", "=", ">", "<"];

/// Most pills of one address.
pub(in crate::page) const PILLS_MAX: usize = 200;

impl Term {
    /// Reads the beginning of a term, up to its first value.
    fn read(text: &str) -> Option<Term> {
        let (negated, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let belongs = |b: &u8| b.is_ascii_alphanumeric() || b"_/.".contains(b);
        let name = &rest[..rest.bytes().take_while(belongs).count()];
        let symbol = SYMBOLS.into_iter().find(|symbol| rest[name.len()..].starts_with(symbol))?;
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let value = rest[name.len() + symbol.len()..].to_owned();
        Some(Term { negated, name: name.to_owned(), symbol, values: vec![value] })
    }

    /// A term of a search; `None` for a word that stands alone.
    fn of(term: &search::Term<'_>) -> Option<Term> {
        let (name, symbol) = term.field?;
        let values = term.values.iter().map(|value| contained(value)).collect();
        Some(Term { negated: term.negated, name: name.to_owned(), symbol, values })
    }

    /// Does this log have what is tested? `None` stands for all logs in one list. What is no
    /// field at all is said to be there, so that its mistake shows.
    pub(in crate::page) fn is_in(&self, log: Option<Log>) -> bool {
        let Some(log) = log else { return true };
        let properties = search::properties(&self.name);
        let has = |of: &Property| match of {
            Property::Field(field) | Property::Member(field, _) => field.field().in_log(log),
            Property::Whole(prefix) => fields_of_whole(prefix).any(|field| field.in_log(log)),
            Property::Status | Property::Log => true,
        };
        properties.is_empty() || properties.iter().any(has)
    }

    /// The term in the short form.
    pub(in crate::page) fn text(&self) -> String {
        let sign = if self.negated { "-" } else { "" };
        format!("{sign}{}{}{}", self.name, self.symbol, self.values.join(","))
    }
}

impl Pill {
    pub(in crate::page) fn of(term: Term) -> Pill {
        Pill { disabled: false, terms: vec![term] }
    }

    /// As in an address.
    pub(in crate::page) fn text(&self) -> String {
        let terms: Vec<String> = self.terms.iter().map(Term::text).collect();
        let off = if self.disabled { "~" } else { "" };
        match terms.as_slice() {
            [only] => format!("{off}{only}"),
            _ => format!("{off}({})", terms.join("|")),
        }
    }

    /// Does this log have any of what is tested?
    pub(in crate::page) fn is_in(&self, log: Option<Log>) -> bool {
        self.terms.iter().any(|term| term.is_in(log))
    }

    /// What events of a log (`None`: of all) have to fulfil, whether the pill is on or off.
    pub(in crate::page) fn filter(
        &self,
        log: Option<Log>,
        now: Timestamp,
    ) -> Result<Filter, SearchError> {
        let mut filters = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            let filter = search::parse_search(&term.text(), now)?;
            if term.is_in(log) {
                filters.push(filter);
            }
        }
        Ok(if filters.is_empty() { Filter::All } else { Expr::any_of(filters) })
    }
}

impl Pills {
    /// Reads pills. What is no term at all comes back as the error.
    pub(in crate::page) fn parse(text: &str) -> Result<Pills, String> {
        let mut pills = Pills::default();
        for part in split(text, ',') {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let (disabled, rest) = match part.strip_prefix('~') {
                Some(rest) => (true, rest),
                None => (false, part),
            };
            if let Some(group) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                let mut terms = Vec::new();
                for term in split(group, '|') {
                    let mut parts = split(term, ',').into_iter();
                    let mut term =
                        parts.next().and_then(Term::read).ok_or_else(|| term.to_owned())?;
                    term.values.extend(parts.map(str::to_owned));
                    terms.push(term);
                }
                pills.0.push(Pill { disabled, terms });
            } else if let Some(term) = Term::read(rest) {
                pills.0.push(Pill { disabled, terms: vec![term] });
            } else if let Some(last) = pills.0.last_mut().and_then(|pill| pill.terms.last_mut()) {
                last.values.push(part.to_owned());
            } else {
                return Err(part.to_owned());
            }
            if pills.0.len() > PILLS_MAX {
                return Err(format!("more than {PILLS_MAX} filters"));
            }
        }
        Ok(pills)
    }

    /// As in an address.
    pub(in crate::page) fn text(&self) -> String {
        self.0.iter().map(Pill::text).collect::<Vec<_>>().join(",")
    }

    /// What events of a log (`None`: of all) have to fulfil. An error names the pill that cannot
    /// be read.
    pub(in crate::page) fn filter(
        &self,
        log: Option<Log>,
        now: Timestamp,
    ) -> Result<Filter, (usize, SearchError)> {
        let mut all = Filter::All;
        for (index, pill) in self.0.iter().enumerate().filter(|(_, pill)| !pill.disabled) {
            all = all.and(pill.filter(log, now).map_err(|error| (index, error))?);
        }
        Ok(all)
    }

    /// Takes the terms out of free text: pills, and what remains of the text. `OR` joins terms to
    /// one pill if there is nothing else; text that is wrong or says more stays as it is.
    pub(in crate::page) fn from_search(text: &str, now: Timestamp) -> (Pills, String) {
        let as_it_is = || (Pills::default(), text.to_owned());
        let Ok(alternatives) = search::terms(text, now) else { return as_it_is() };
        if let [all] = alternatives.as_slice() {
            let mut pills = Pills::default();
            let mut words = Vec::new();
            for term in all {
                match Term::of(term) {
                    Some(term) => pills.0.push(Pill::of(term)),
                    None if term.negated => words.push(format!("-{}", term.values.join(","))),
                    None => words.push(term.values.join(",")),
                }
            }
            return (pills, words.join(" "));
        }
        let alone = |terms: &Vec<search::Term<'_>>| match terms.as_slice() {
            [only] => Term::of(only),
            _ => None,
        };
        match alternatives.iter().map(alone).collect() {
            Some(terms) => (Pills(vec![Pill { disabled: false, terms }]), String::new()),
            None => as_it_is(),
        }
    }

    /// The pills that are on, in the short form.
    pub(in crate::page) fn search(&self) -> Option<String> {
        let on: Vec<&Pill> = self.0.iter().filter(|pill| !pill.disabled).collect();
        // The short form has no brackets: alternatives can only stand alone.
        match on.as_slice() {
            [only] => {
                let terms: Vec<String> = only.terms.iter().map(Term::text).collect();
                Some(terms.join(" OR "))
            }
            pills if pills.iter().all(|pill| pill.terms.len() == 1) => {
                let terms: Vec<String> = pills.iter().map(|pill| pill.terms[0].text()).collect();
                Some(terms.join(" "))
            }
            _ => None,
        }
    }
}

/// A value as it can stand in a pill: in quotes if it has what ends a value there.
fn contained(value: &str) -> String {
    if value.starts_with(['"', '*']) || !value.contains(['(', ')', '|', '"']) {
        return value.to_owned();
    }
    super::super::link::quoted(value)
}

/// Parts between separators that stand outside of quotes and of brackets around a whole part.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut inside) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        let begins = || text[start..at].trim_start().trim_start_matches('~').is_empty();
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted && begins() => inside = true,
            ')' if !quoted => inside = false,
            c if c == separator && !quoted && !inside => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pills_read_back_as_they_were_written() {
        for (text, count) in [
            ("", 0),
            ("status=failure,interrupted,ip:10.0.0.0/8,-app:Teams", 3),
            ("~code:50126,50053", 1),
            ("(user:maria|ip:203.0.113.9,198.51.100.7),status=failure", 2),
            ("app=\"a, (b)\",country!=DE", 2),
            ("latency>=500", 1),
        ] {
            let pills = Pills::parse(text).unwrap();
            assert_eq!((pills.0.len(), pills.text().as_str()), (count, text), "{text}");
            assert!(pills.filter(None, Timestamp::now()).is_ok(), "{text}");
        }
        assert_eq!(Pills::parse("nonsense").unwrap_err(), "nonsense");
        let off = Pills::parse("~code:50126").unwrap();
        assert_eq!(off.filter(None, Timestamp::now()).unwrap(), Filter::All);
        let (index, _) = Pills::parse("code:1,user:a,code:b")
            .unwrap()
            .filter(None, Timestamp::now())
            .unwrap_err();
        assert_eq!(index, 2);
    }

    #[test]
    fn a_field_that_a_log_lacks_asks_nothing_of_it() {
        let now = Timestamp::now();
        let filter = |text: &str, log| Pills::parse(text).unwrap().filter(log, now).unwrap();
        let workloads = Some(Log::ServicePrincipal);
        assert_eq!(filter("userId=a", workloads), Filter::All);
        assert_eq!(filter("-user:a,status=failure", workloads), filter("status=failure", None));
        assert_eq!(filter("(user:a|code=5)", workloads), filter("code=5", None));
        assert_ne!(filter("userId=a", Some(Log::InteractiveUser)), Filter::All);
        assert_ne!(filter("userId=a", None), Filter::All);
        let wrong = Pills::parse("userId=a,nothing=b").unwrap();
        assert_eq!(wrong.filter(workloads, now).unwrap_err().0, 1, "no field is no excuse");
    }

    #[test]
    fn terms_of_free_text_become_pills() {
        for (text, pills, rest) in [
            ("maria", "", "maria"),
            ("maria status:failure -app:Teams,Word", "status:failure,-app:Teams,Word", "maria"),
            ("-maria \"b c\"", "", "-maria \"b c\""),
            ("code>=5 city:Fo(o", "code>=5,city:\"Fo(o\"", ""),
            ("city:\"New Y\"*", "city:\"New Y\"*", ""),
            ("status:failure OR country:DE", "(status:failure|country:DE)", ""),
            ("status:failure OR maria", "", "status:failure OR maria"),
            ("a b OR c:d", "", "a b OR c:d"),
            ("code:abc", "", "code:abc"),
        ] {
            let (found, left) = Pills::from_search(text, Timestamp::now());
            assert_eq!((found.text().as_str(), left.as_str()), (pills, rest), "{text}");
            assert_eq!(Pills::parse(pills).unwrap(), found, "{text}");
        }
    }
}
