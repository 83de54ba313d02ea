//! Rules from files: one's own as TOML or JSON, Sigma's as YAML.

use std::path::{Path, PathBuf};

use super::model::{Rule, RuleError};
use super::sigma;

/// Files of one directory at most, and how deep it is looked into.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 16;
/// Largest file of rules.
const BYTES_MAX: u64 = 4 << 20;

/// A rule from a file, or why it is none.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file.
    pub file: PathBuf,
    /// The rule.
    pub rule: Result<Rule, RuleError>,
}

/// Reads the rules of a file, or of all files in a directory that end as rules do.
pub fn read_file(path: &Path) -> std::io::Result<Vec<Loaded>> {
    let mut files = Vec::new();
    if path.is_dir() {
        collect(path, 0, &mut files)?;
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let mut rules = Vec::new();
    for file in files {
        let size = std::fs::metadata(&file)?.len();
        let read = match size <= BYTES_MAX {
            true => read_text(&file, &std::fs::read_to_string(&file)?),
            false => {
                vec![Err(RuleError::new("file", format!("larger than {BYTES_MAX} bytes")))]
            }
        };
        rules.extend(read.into_iter().map(|rule| Loaded { file: file.clone(), rule }));
    }
    Ok(rules)
}

/// Reads the rules in a text. The ending of the name says how it is written.
pub fn read_text(name: &Path, text: &str) -> Vec<Result<Rule, RuleError>> {
    let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "toml" => vec![own(toml::from_str(text).map_err(|error| error.to_string()))],
        "json" => vec![own(serde_json::from_str(text).map_err(|error| error.to_string()))],
        _ => sigma::rules_of(text),
    }
}

fn own(read: Result<Rule, String>) -> Result<Rule, RuleError> {
    read.map_err(|reason| RuleError::new("rule", reason.trim_end()))?.check()
}

fn collect(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            collect(&path, depth + 1, files)?;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_rule = ["yml", "yaml", "toml", "json"].contains(&ending);
        if path.is_file() && is_rule && files.len() < FILES_MAX {
            files.push(path);
        }
    }
    Ok(())
}
