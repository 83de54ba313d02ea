//! What the address of My sign-ins says.

use durward_model::errors::Status;
use durward_model::{FieldId, Log};
use durward_query::{Expr, Filter, Op, Order, Property, Value, cursor};
use maud::{Markup, html};

use super::words;
use crate::error::ApiError;
use crate::params::{Params, query_string};
use crate::question::Question;

/// Parameters of the page; its forms have them as fields.
pub(super) const PARAMS: [&str; 4] = ["show", "q", "background", "older"];
/// Longest text to search for, in characters.
pub(super) const TEXT_CHARS_MAX: usize = 200;
/// Most words of it that count.
const WORDS_MAX: usize = 20;

/// What cards show, as fields to search.
const SHOWN: [FieldId; 8] = [
    FieldId::AppDisplayName,
    FieldId::ResourceDisplayName,
    FieldId::City,
    FieldId::State,
    FieldId::CountryOrRegion,
    FieldId::Browser,
    FieldId::OperatingSystem,
    FieldId::IpAddress,
];

/// Which outcomes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    All,
    Successful,
    Unsuccessful,
}

impl Show {
    pub(super) const ALL: [Show; 3] = [Show::All, Show::Successful, Show::Unsuccessful];

    /// In addresses.
    fn name(self) -> &'static str {
        match self {
            Show::All => "all",
            Show::Successful => "successful",
            Show::Unsuccessful => "unsuccessful",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Show::All => "All",
            Show::Successful => "Successful",
            Show::Unsuccessful => "Unsuccessful",
        }
    }

    fn filter(self) -> Filter {
        match self {
            Show::All => Filter::All,
            Show::Successful => is(Status::Success),
            Show::Unsuccessful => is(Status::Success).not(),
        }
    }
}

fn is(status: Status) -> Filter {
    Filter::test(Property::Status, Op::Eq(Value::Text(status.name().to_owned())))
}

/// What the address says.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) show: Show,
    pub(super) text: String,
    /// With the sign-ins that applications did on their own?
    pub(super) background: bool,
    /// Cursor of the page before.
    pub(super) older: Option<String>,
}

impl Address {
    pub(super) fn parse(params: &Params) -> Result<Address, ApiError> {
        let name = params.get("show").unwrap_or("all");
        let show = Show::ALL.into_iter().find(|show| show.name() == name).ok_or_else(|| {
            let message = "'show' must be all, successful or unsuccessful";
            ApiError::bad_request(message).parameter("show")
        })?;
        let text: String =
            params.get("q").unwrap_or_default().chars().take(TEXT_CHARS_MAX).collect();
        Ok(Address {
            show,
            text,
            background: params.flag("background")?,
            older: params.get("older").map(str::to_owned),
        })
    }

    /// The values that differ from the usual ones.
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = Vec::new();
        if self.show != Show::All {
            pairs.push(("show", self.show.name()));
        }
        if !self.text.is_empty() {
            pairs.push(("q", self.text.as_str()));
        }
        if self.background {
            pairs.push(("background", "true"));
        }
        if let Some(older) = &self.older {
            pairs.push(("older", older.as_str()));
        }
        pairs
    }

    pub(super) fn href(&self) -> String {
        match query_string(self.pairs()) {
            query if query.is_empty() => "/me".to_owned(),
            query => format!("/me?{query}"),
        }
    }

    /// Another address, on its first page unless the change says where.
    pub(super) fn with(&self, change: impl FnOnce(&mut Address)) -> Address {
        let mut other = Address { older: None, ..self.clone() };
        change(&mut other);
        other
    }

    /// These of the values, as hidden fields of a form.
    pub(super) fn fields(&self, names: &[&str]) -> Markup {
        html! {
            @for (name, value) in self.pairs() {
                @if names.contains(&name) { input type="hidden" name=(name) value=(value); }
            }
        }
    }

    /// What to ask for; whose, the reader's sight says.
    pub(super) fn question(&self) -> Result<Question, ApiError> {
        let mut logs = vec![Log::InteractiveUser];
        if self.background {
            logs.push(Log::NonInteractiveUser);
        }
        let words = self.text.split_whitespace().take(WORDS_MAX).map(word);
        let background = if self.background { "background" } else { "" };
        Ok(Question {
            logs,
            filter: words.fold(self.show.filter(), Filter::and),
            from: None,
            to: None,
            order: Order::NewestFirst,
            hash: cursor::question(&["me", self.show.name(), &self.text, background]),
        })
    }
}

/// A card shows this word.
fn word(word: &str) -> Filter {
    // "Vigo, ES" is what the card says.
    let bare = word.trim_matches(|mark: char| matches!(mark, ',' | '·' | '"' | '“' | '”'));
    if bare.is_empty() {
        return Filter::All;
    }
    let contains = |field| Filter::field(field, Op::Contains(bare.to_owned()));
    let mut any: Vec<Filter> = SHOWN.into_iter().map(contains).collect();
    let lower = bare.to_lowercase();
    let says = |status: &Status| {
        words::outcome(*status).to_lowercase().split(' ').any(|part| part.starts_with(&lower))
    };
    any.extend(Status::ALL.into_iter().filter(says).map(is));
    Expr::Or(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(query: &str) -> Address {
        Address::parse(&Params::parse(Some(query)).unwrap()).unwrap()
    }

    #[test]
    fn an_address_reads_back_and_changes_go_to_the_first_page() {
        let all = address("older=abc&q=Vigo+on&show=successful&background=true");
        let href = "/me?show=successful&q=Vigo%20on&background=true&older=abc";
        assert_eq!(all.href(), href);
        assert_eq!(address(href.split_once('?').unwrap().1).href(), href);
        let other = all.with(|it| it.show = Show::All);
        assert_eq!(other.href(), "/me?q=Vigo%20on&background=true");
        assert_eq!(address("").href(), "/me");
    }

    #[test]
    fn cursors_belong_to_what_was_asked() {
        let hashes = ["", "q=a", "show=successful", "background=true"]
            .map(|query| address(query).question().unwrap().hash);
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{index}");
        }
    }
}
