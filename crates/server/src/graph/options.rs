//! OData's system query options as Graph treats them.

use crate::error::ApiError;
use crate::params::Params;

/// The options of a request. Names without a `$` are none and are ignored, as Graph ignores them.
#[derive(Clone, Debug)]
pub(super) struct Options(Params);

impl Options {
    /// Reads the options. Those that are not `known`, and those given twice, are refused.
    pub(super) fn parse(query: Option<&str>, known: &[&str]) -> Result<Options, ApiError> {
        let params = Params::parse(query)?;
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in params.0.iter().filter(|(name, _)| name.starts_with('$')) {
            let name = name.to_ascii_lowercase();
            if name == "$skip" {
                let message = "Query option 'Skip' is not allowed. Follow @odata.nextLink instead.";
                return Err(ApiError::bad_request(message));
            }
            if !known.contains(&name.as_str()) {
                let message = format!(
                    "Query option '{name}' is not supported here. Supported are {}.",
                    known.join(", ")
                );
                return Err(ApiError::bad_request(message));
            }
            if seen.contains(&name) {
                let message = format!("Query option '{name}' was specified more than once.");
                return Err(ApiError::bad_request(message));
            }
            seen.push(name);
        }
        Ok(Options(params))
    }

    /// The value of an option; `None` where it is missing or blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Names and values as they were given.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `$top`: 1 to 1000.
    pub(super) fn top(&self, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.get("$top") else { return Ok(most) };
        match text.parse::<usize>() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => {
                let message = format!(
                    "Invalid page size specified: '{text}'. Must be between 1 and {most} inclusive."
                );
                Err(ApiError::bad_request(message))
            }
        }
    }

    /// An option that is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let message = format!("Invalid value '{other}' for {name}: must be true or false.");
                Err(ApiError::bad_request(message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["$top", "$count"];

    #[test]
    fn options_as_graph_takes_them() {
        let read = |query: &str| Options::parse(Some(query), &KNOWN);
        assert_eq!(read("&$top=5").unwrap().top(1000).unwrap(), 5);
        assert_eq!(read("%24TOP=5").unwrap().top(1000).unwrap(), 5);
        assert_eq!(read("top=5").unwrap().top(1000).unwrap(), 1000, "no option without $");
        assert!(read("$count=TRUE").unwrap().flag("$count").unwrap());
        for query in ["$skip=10", "$search=x", "$expand=y", "$top=1&$top=2", "$filter=x"] {
            assert!(read(query).is_err(), "{query}");
        }
        for top in ["0", "1001", "5000", "-1", "ten", "1.5"] {
            assert!(read(&format!("$top={top}")).unwrap().top(1000).is_err(), "{top}");
        }
        assert!(read("$count=maybe").unwrap().flag("$count").is_err());
    }
}
