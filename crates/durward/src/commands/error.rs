//! `durward error`: what a sign-in error code means and what to do about it.

use anyhow::{Result, bail};
use durward_model::errors;
use serde_json::json;

use crate::cli::Common;
use crate::{bad_usage, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The code (50126, AADSTS50126) or any text with one in it
    #[arg(required = true, value_name = "CODE")]
    text: Vec<String>,
}

/// Explains the code.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let text = args.text.join(" ");
    let Some(code) = code_in(&text) else {
        return Err(bad_usage(format!("there is no error code in `{text}`; try AADSTS50126")));
    };
    let Some(entry) = errors::lookup(code) else {
        bail!(
            "AADSTS{code} is not in the table; sign-ins with it count as {}",
            errors::status_of(Some(code)).name()
        );
    };
    if common.json {
        return output::json(&json!({
            "code": entry.code,
            "name": entry.name,
            "reason": entry.reason,
            "category": entry.category.name(),
            "status": entry.status.name(),
            "remedy": entry.remedy(),
        }));
    }
    let name = if entry.name.is_empty() { String::new() } else { format!("  {}", entry.name) };
    output::line(format_args!(
        "{}{name}\n{}.\n\nStatus    {}\nCategory  {}\nTo do     {}",
        entry.code,
        entry.reason,
        entry.status.name(),
        entry.category.summary(),
        entry.remedy(),
    ))
}

/// The code in a text: the number after `AADSTS`, else the text itself if it is a number, else
/// the first number in it that is a code.
fn code_in(text: &str) -> Option<i64> {
    if let Some(code) = errors::parse_code(text) {
        return Some(code);
    }
    let upper = text.to_ascii_uppercase();
    if let Some((_, rest)) = upper.split_once("AADSTS") {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return rest[..digits].parse().ok();
    }
    let numbers = text.split(|letter: char| !letter.is_ascii_digit());
    // Short numbers are more likely to be anything else.
    let long = numbers.filter(|digits| digits.len() >= 5).filter_map(|digits| digits.parse().ok());
    long.into_iter().find(|code| errors::lookup(*code).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_what_people_paste() {
        for (text, code) in [
            ("50126", Some(50126)),
            ("AADSTS50126", Some(50126)),
            ("aadsts700016: Application with identifier 'x' was not found", Some(700_016)),
            ("error (AADSTS50076) Trace ID: 1234567890", Some(50076)),
            ("{\"errorCode\":50053,\"failureReason\":\"…\"}", Some(50053)),
            ("Request 4b1d0c5e at 12345678 failed with 53003", Some(53003)),
            ("AADSTS", None),
            ("no code here, only 42", None),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }
}
