//! `durward error`: what a sign-in error code means and what to do about it.

use anyhow::{Result, bail};
use durward_model::errors::{self, Category, ErrorCode};
use serde_json::{Value, json};

use crate::cli::Common;
use crate::{bad_usage, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The code (50126, AADSTS50126), any text with one in it, or words to look for
    #[arg(value_name = "CODE|WORDS")]
    text: Vec<String>,
    /// Only codes of this category; without a value to look for, all of them
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
}

/// Explains a code, or lists those that words find; without either, the categories.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let text = args.text.join(" ");
    let category = args.category.as_deref().map(category_of).transpose()?;
    if text.trim().is_empty() && category.is_none() {
        return categories(common);
    }
    if let Some(code) = errors::code_in(&text) {
        return explain(code, common);
    }
    let found = errors::search(&text, category);
    if found.is_empty() {
        return Err(bad_usage(format!(
            "there is no error code in `{text}`, and none has these words; try AADSTS50126 or \
             fewer words"
        )));
    }
    list(&found, common)
}

fn category_of(name: &str) -> Result<Category> {
    Category::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Category::ALL.iter().map(|category| category.name()).collect();
        bad_usage(format!("there is no category `{name}`; there are: {}", names.join(", ")))
    })
}

fn explain(code: i64, common: &Common) -> Result<()> {
    let Some(entry) = errors::lookup(code) else {
        bail!(
            "AADSTS{code} is not in the table; sign-ins with it count as {}",
            errors::status_of(Some(code)).name()
        );
    };
    if common.json {
        return output::json(&object(entry));
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

fn object(entry: &ErrorCode) -> Value {
    json!({
        "code": entry.code,
        "name": entry.name,
        "reason": entry.reason,
        "category": entry.category.name(),
        "status": entry.status.name(),
        "remedy": entry.remedy(),
    })
}

/// One line a code, the best first.
fn list(found: &[&ErrorCode], common: &Common) -> Result<()> {
    for entry in found {
        if common.json {
            output::json(&object(entry))?;
            continue;
        }
        let ErrorCode { code, status, reason, .. } = entry;
        output::line(format_args!("{code:<8} {:<12} {reason}", status.name()))?;
    }
    Ok(())
}

fn categories(common: &Common) -> Result<()> {
    for category in Category::ALL {
        let (name, summary) = (category.name(), category.summary());
        let count = errors::search("", Some(*category)).len();
        if common.json {
            output::json(&json!({ "category": name, "summary": summary, "codes": count }))?;
        } else {
            output::line(format_args!("{name:<20} {count:>3}  {summary}"))?;
        }
    }
    Ok(())
}
