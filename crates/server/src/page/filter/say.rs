//! Terms in words, and terms made of what a form says.

use durward_model::columns::{Operator, text};
use durward_model::{Kind, Log, errors};
use durward_query::search;

use super::super::link::quoted;
use super::pills::Term;
use super::subject::{Subject, Values};

/// What a form's operator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Of(Operator),
    /// From one value to another, both included.
    Between,
}

impl Choice {
    /// In addresses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Choice::Of(operator) => operator.name(),
            Choice::Between => "between",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Choice::Of(operator) => operator.label(),
            Choice::Between => "between",
        }
    }

    /// All that can be asked of a field.
    pub(super) fn all(subject: &Subject) -> Vec<Choice> {
        let mut all: Vec<Choice> = subject.operators.iter().copied().map(Choice::Of).collect();
        if subject.has_order() {
            all.push(Choice::Between);
        }
        all
    }

    pub(super) fn from_name(name: &str, subject: &Subject) -> Option<Choice> {
        Choice::all(subject).into_iter().find(|choice| choice.name() == name)
    }

    /// In a pill.
    fn words(self, negated: bool) -> &'static str {
        match (self, negated) {
            (Choice::Of(Operator::Equal | Operator::In), false) => "is",
            (Choice::Of(Operator::Contains), true) => "does not contain",
            (Choice::Of(Operator::StartsWith), true) => "does not start with",
            (Choice::Of(Operator::EndsWith), true) => "does not end with",
            (Choice::Of(Operator::InNetwork), false) => "in",
            (Choice::Of(Operator::InNetwork), true) => "not in",
            (Choice::Of(Operator::IsEmpty), true) => "is not empty",
            (Choice::Of(Operator::Less), true) => "not <",
            (Choice::Of(Operator::LessOrEqual), true) => "not ≤",
            (Choice::Of(Operator::Greater), true) => "not >",
            (Choice::Of(Operator::GreaterOrEqual), true) => "not ≥",
            (Choice::Between, true) => "not between",
            (choice, _) => choice.label(),
        }
    }
}

/// What a term says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) choice: Choice,
    /// Is it the opposite that is asked?
    pub(super) negated: bool,
    /// Without quotes; of a range both ends.
    pub(super) values: Vec<String>,
}

/// Values that a pill has room for.
const SHOWN_MAX: usize = 3;

impl Said {
    pub(super) fn of(term: &Term, subject: &Subject) -> Said {
        let values: Vec<Value> = term.values.iter().map(|value| Value::of(value)).collect();
        let first = values.first().cloned().unwrap_or_default();
        let of = |operator| (Choice::Of(operator), false);
        let (choice, opposite) = match term.symbol {
            "<" => of(Operator::Less),
            "<=" => of(Operator::LessOrEqual),
            ">" => of(Operator::Greater),
            ">=" => of(Operator::GreaterOrEqual),
            symbol if first.text.is_empty() => {
                (Choice::Of(Operator::IsEmpty), (symbol == "!=") != first.is_star)
            }
            "!=" if is_network(subject, &first) => (Choice::Of(Operator::InNetwork), true),
            _ if is_network(subject, &first) => of(Operator::InNetwork),
            "!=" => of(Operator::NotEqual),
            "=" => of(Operator::Equal),
            _ if subject.has_order() && first.text.contains("..") => (Choice::Between, false),
            _ => of(match (first.before, first.after) {
                (false, true) => Operator::StartsWith,
                (true, false) => Operator::EndsWith,
                (true, true) => Operator::Contains,
                _ if is_branch(subject, term) => Operator::Equal,
                _ if subject.finds_parts() => Operator::Contains,
                _ => Operator::Equal,
            }),
        };
        let spelled = |text: String| match subject.kind {
            Kind::Enum(members) => members.canonical(&text).map_or(text, str::to_owned),
            _ => text,
        };
        let mut texts: Vec<String> = values.into_iter().map(|value| spelled(value.text)).collect();
        if choice == Choice::Between {
            texts = texts[0].splitn(2, "..").map(str::to_owned).collect();
        }
        if choice == Choice::Of(Operator::IsEmpty) {
            texts.clear();
        }
        Said { choice, negated: term.negated != opposite, values: texts }.settled()
    }

    /// "Is", said the other way round, is "is not".
    fn settled(mut self) -> Said {
        self.choice = match self.choice {
            Choice::Of(Operator::Equal | Operator::In) if self.negated => {
                Choice::Of(Operator::NotEqual)
            }
            Choice::Of(Operator::NotEqual) if self.negated => Choice::Of(Operator::Equal),
            _ => return self,
        };
        self.negated = false;
        self
    }

    /// The operator in words.
    pub(super) fn verb(&self) -> &'static str {
        self.choice.words(self.negated)
    }

    /// The values in words: the first few, and all where there are more.
    pub(super) fn object(&self, subject: &Subject) -> (String, Option<String>) {
        let labels: Vec<String> = self.values.iter().map(|value| label(subject, value)).collect();
        if self.choice == Choice::Between {
            return (labels.join(" and "), None);
        }
        match labels.len().checked_sub(SHOWN_MAX) {
            None | Some(0) => (labels.join(", "), None),
            Some(more) => (
                format!("{} + {more} more", labels[..SHOWN_MAX].join(", ")),
                Some(labels.join(", ")),
            ),
        }
    }

    /// The term that says it; what is wrong, where none does.
    pub(super) fn term(&self, subject: &Subject) -> Result<Term, &'static str> {
        let part = |value: &String, before: &str, after: &str| {
            format!("{before}\"{}\"{after}", value.replace('"', "\"\""))
        };
        let whole = || self.values.iter().map(|value| written(subject, value)).collect();
        let (symbol, values): (_, Vec<String>) = match self.choice {
            Choice::Of(Operator::IsEmpty) => ("=", vec!["\"\"".to_owned()]),
            _ if self.values.is_empty() => return Err("Choose or type a value"),
            Choice::Of(Operator::Equal | Operator::In) => ("=", whole()),
            Choice::Of(Operator::NotEqual) => ("!=", whole()),
            Choice::Of(Operator::Contains) => {
                let star = if subject.finds_parts() { "" } else { "*" };
                (":", self.values.iter().map(|value| part(value, star, star)).collect())
            }
            Choice::Of(Operator::StartsWith) => {
                (":", self.values.iter().map(|value| part(value, "", "*")).collect())
            }
            Choice::Of(Operator::EndsWith) => {
                (":", self.values.iter().map(|value| part(value, "*", "")).collect())
            }
            Choice::Of(Operator::InNetwork) => (":", whole()),
            Choice::Between => match self.values.as_slice() {
                [from, to] => (":", vec![quoted(&format!("{from}..{to}"))]),
                _ => return Err("Give both ends of the range"),
            },
            Choice::Of(operator) => (compared(operator), whole().into_iter().take(1).collect()),
        };
        let mut term = Term { negated: self.negated, name: subject.name.clone(), symbol, values };
        term.settle();
        Ok(term)
    }
}

fn compared(operator: Operator) -> &'static str {
    match operator {
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        _ => ">=",
    }
}

impl Term {
    /// `-a=1` is written `a!=1`, and `-a!=1` `a=1`.
    fn settle(&mut self) {
        self.symbol = match self.symbol {
            "=" if self.negated => "!=",
            // `a!=1,2` is neither, and its opposite is either.
            "!=" if self.negated => "=",
            _ => return,
        };
        self.negated = false;
    }

    /// The opposite.
    pub(super) fn turned(&self) -> Term {
        let mut term = Term { negated: !self.negated, ..self.clone() };
        term.settle();
        term
    }
}

/// A value as it was written, taken apart.
#[derive(Clone, Debug, Default)]
struct Value {
    text: String,
    /// Is there a star before, after it?
    before: bool,
    after: bool,
    /// Is it nothing but a star?
    is_star: bool,
}

impl Value {
    fn of(written: &str) -> Value {
        if written == "*" {
            return Value { is_star: true, ..Value::default() };
        }
        let before = written.starts_with('*');
        let after = written.len() > 1 && written.ends_with('*');
        let inner = &written[usize::from(before)..written.len() - usize::from(after)];
        let quoted = inner.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
        let text = quoted.map_or_else(|| inner.to_owned(), |inner| inner.replace("\"\"", "\""));
        Value { text, before, after, is_star: false }
    }
}

fn is_network(subject: &Subject, value: &Value) -> bool {
    subject.is_address() && value.text.contains('/')
}

/// Names for all clients of legacy or of modern authentication.
pub(super) const BRANCHES: [(&str, &str, &[&str]); 2] = [
    ("modern", "any modern", search::MODERN_CLIENTS),
    ("legacy", "any legacy", search::LEGACY_CLIENTS),
];

/// Is it a pill such as `client:legacy`?
fn is_branch(subject: &Subject, term: &Term) -> bool {
    is_client(subject)
        && term.values.iter().all(|value| BRANCHES.iter().any(|(name, ..)| name == value))
}

pub(super) fn is_client(subject: &Subject) -> bool {
    subject.column.is_some_and(|column| column.name == "clientAppUsed")
}

/// A value as it is written in a term.
fn written(subject: &Subject, value: &str) -> String {
    if is_client(subject) && BRANCHES.iter().any(|(name, ..)| *name == value) {
        return value.to_owned();
    }
    quoted(value)
}

/// A value in words.
pub(super) fn label(subject: &Subject, value: &str) -> String {
    if is_client(subject)
        && let Some((_, label, _)) = BRANCHES.iter().find(|(name, ..)| *name == value)
    {
        return (*label).to_owned();
    }
    match (subject.values, subject.kind) {
        (Values::Status, _) => {
            let status = errors::Status::from_name(value);
            status.map_or_else(|| value.to_owned(), |status| status.name().to_owned())
        }
        (Values::Log, _) => Log::from_name(value)
            .map_or_else(|| value.to_owned(), |log| text::log_label(log).into()),
        (_, Kind::Enum(members)) => text::member_label(members, value),
        (_, Kind::Bool) => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" => "Yes".to_owned(),
            "false" | "no" => "No".to_owned(),
            _ => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// What a value means, where it does not say it itself.
pub(super) fn meaning(subject: &Subject, value: &str) -> Option<&'static str> {
    subject.column.filter(|column| column.name == "status/errorCode")?;
    errors::lookup(value.parse().ok()?).map(|entry| entry.reason)
}

/// The values of a pasted list: between lines, tabs, semicolons and commas, if not in quotes.
pub(super) fn pasted(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            '\n' | '\r' | '\t' | ';' | ',' if !quoted => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = values.last_mut() {
            last.push(letter);
        }
    }
    let plain = values.iter().map(|value| Value::of(value.trim()).text_or(value.trim()));
    let mut unique: Vec<String> = Vec::new();
    for value in plain.filter(|value| !value.is_empty()) {
        if !unique.contains(&value) {
            unique.push(value);
        }
    }
    unique
}

impl Value {
    /// Without quotes, but with the stars that it was pasted with.
    fn text_or(self, written: &str) -> String {
        if self.before || self.after || self.is_star { written.to_owned() } else { self.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::filter::Pills;

    fn term(text: &str) -> Term {
        Pills::parse(text).unwrap().0.remove(0).terms.remove(0)
    }

    #[track_caller]
    fn check(text: &str, words: &str) {
        let term = term(text);
        let subject = Subject::of(&term.name).unwrap();
        let said = Said::of(&term, &subject);
        let shown = format!("{} {} {}", subject.label, said.verb(), said.object(&subject).0);
        assert_eq!(shown.trim_end(), words, "{text}");
        let again = said.term(&subject).unwrap();
        let now = durward_model::Timestamp::now();
        let filter = |term: &Term| search::parse_search(&term.text(), now).unwrap();
        assert_eq!(Said::of(&again, &subject), said, "{text} as {}", again.text());
        let both = [&again, &term].map(|term| {
            let printed = search::print(&filter(term), now).unwrap_or_default();
            printed.replace("notapplied", "notApplied")
        });
        assert_eq!(both[0], both[1]);
    }

    #[test]
    fn pills_in_words() {
        check("status=failure,interrupted", "Status is Failure, Interrupted");
        check("status!=success", "Status is not Success");
        check("country!=DE", "Country is not DE");
        check("-location/countryOrRegion=DE", "Country is not DE");
        check("code:50126", "Error code is 50126");
        check("code:50000..50999", "Error code between 50000 and 50999");
        check("latency>=500", "Latency ≥ 500");
        check("-latency>500", "Latency not > 500");
        check("ip:10.0.0.0/8", "IP address in 10.0.0.0/8");
        check("ip!=\"2001:db8::/32\"", "IP address not in 2001:db8::/32");
        check("ip=203.0.113.9", "IP address is 203.0.113.9");
        check("user:maria", "User contains maria");
        check("-app:Teams", "Application does not contain Teams");
        check("userDisplayName:\"Maria S\"*", "User starts with Maria S");
        check("upn:*@x.example", "Username ends with @x.example");
        check("-upn:*@x.example", "Username does not end with @x.example");
        check("location/city:\"say \"\"hi\"\"\"", "City contains say \"hi\"");
        check("deviceDetail/deviceId=\"\"", "Device ID is empty");
        check("deviceDetail/deviceId:*", "Device ID is not empty");
        check("client:legacy", "Client app is any legacy");
        check("clientAppUsed=IMAP4", "Client app is IMAP4");
        check("ca:not-applied", "Conditional Access is Not applied");
        check("conditionalAccessStatus=notApplied", "Conditional Access is Not applied");
        check("compliant:yes", "Compliant is Yes");
        check("policy:MFA", "Policy contains MFA");
        check("app=a,b,c,d,e", "Application is a, b, c + 2 more");
    }

    #[test]
    fn opposites() {
        for (text, opposite) in [
            ("status=failure,interrupted", "status!=failure,interrupted"),
            ("status!=failure", "status=failure"),
            ("ip:10.0.0.0/8", "-ip:10.0.0.0/8"),
            ("-user:maria", "user:maria"),
            ("latency>5", "-latency>5"),
        ] {
            assert_eq!(term(text).turned().text(), opposite);
        }
    }

    #[test]
    fn lists_are_pasted_in_any_shape() {
        assert_eq!(pasted("a\r\nb;c\td, e,,a"), ["a", "b", "c", "d", "e"]);
        assert_eq!(pasted("\"Silva, Maria\"\n\"say \"\"hi\"\"\""), ["Silva, Maria", "say \"hi\""]);
        assert!(pasted(" \n ").is_empty());
    }
}
