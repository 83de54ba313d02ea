//! What the workspace depends on: one version of what must agree, a reason for everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Crates of which two versions would mean two incompatible kinds of the same value, or twice
/// the code for nothing. A name ending in `*` stands for all that begin with it.
const ONE_VERSION: &[&str] = &["arrow*", "parquet", "tokio", "hyper", "axum"];

/// Fails if the lock file has two versions of something that must have one.
pub(crate) fn check_lock_file(root: &Path) -> Result<()> {
    let path = root.join("Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let doubled = doubled(&text);
    if !doubled.is_empty() {
        bail!("more than one version in Cargo.lock of: {}", doubled.join("; "));
    }
    println!("one version each of {}", ONE_VERSION.join(", "));
    Ok(())
}

/// `name a, b` for every crate of [`ONE_VERSION`] that is there more than once. All of arrow's
/// crates count as one: they must have one version between them.
fn doubled(lock: &str) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim_start_matches(" = ").trim_matches('"'))
        };
        let (Some(name), Some(version)) = (value("name"), value("version")) else { continue };
        let rule = ONE_VERSION.iter().find(|rule| match rule.strip_suffix('*') {
            Some(prefix) => name == prefix || name.starts_with(&format!("{prefix}-")),
            None => name == **rule,
        });
        if let Some(rule) = rule {
            versions.entry(rule).or_default().insert(version);
        }
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several
        .map(|(name, versions)| {
            format!("{name} {}", versions.into_iter().collect::<Vec<_>>().join(", "))
        })
        .collect()
}

/// Fails if a direct dependency of any crate here has no line in `docs/dependencies.md`, or the
/// page has a line for something that is not used.
pub(crate) fn check_page(root: &Path) -> Result<()> {
    let path = root.join("docs/dependencies.md");
    let page = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let (page, shipped) = page.split_once("\n## Shipped to the browser\n").unwrap_or((&page, ""));
    for file in fs::read_dir(root.join("crates/server/assets/vendor"))? {
        let name = format!("`vendor/{}`", file?.file_name().to_string_lossy());
        if !shipped.contains(&name) {
            bail!("docs/dependencies.md does not say where {name} comes from");
        }
    }
    let used = direct_dependencies(root)?;
    let explained = explained(page);
    let missing: Vec<_> = used.difference(&explained).map(String::as_str).collect();
    if !missing.is_empty() {
        bail!("docs/dependencies.md has no line for: {}", missing.join(", "));
    }
    let stale: Vec<_> = explained.difference(&used).map(String::as_str).collect();
    if !stale.is_empty() {
        bail!("docs/dependencies.md explains what is not used: {}", stale.join(", "));
    }
    println!("{} direct dependencies, each with its reason", used.len());
    Ok(())
}

/// Names in the first column of the page's table, and those of its line about tests, which reads
/// `For tests only: name (reason), name (reason)`. One row may explain crates that come together.
fn explained(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" |").next());
    let cells = cells.filter(|cell| *cell != "crate" && !cell.starts_with("---"));
    let mut names: BTreeSet<String> =
        cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim().to_owned()).collect();
    if let Some(line) = page.lines().find_map(|line| line.strip_prefix("For tests only: ")) {
        let items = line.split("), ").filter_map(|item| item.split(" (").next());
        names.extend(items.map(|name| name.trim().to_owned()));
    }
    names
}

/// What the manifests of the workspace name, other crates of the workspace left out.
fn direct_dependencies(root: &Path) -> Result<BTreeSet<String>> {
    let mut manifests = vec![];
    for entry in fs::read_dir(root.join("crates"))? {
        manifests.push(entry?.path().join("Cargo.toml"));
    }
    manifests.push(root.join("fuzz/Cargo.toml"));
    let mut names = BTreeSet::new();
    for manifest in manifests.into_iter().filter(|path| path.exists()) {
        names.extend(dependencies_in(&fs::read_to_string(&manifest)?));
    }
    names.retain(|name| !name.starts_with("durward") && name != "xtask");
    Ok(names)
}

/// The names under `[dependencies]` and its kin in one manifest. Ours keep one dependency a line.
fn dependencies_in(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.trim_end_matches(']').ends_with("dependencies");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_of_one_crate_are_found() {
        let package = |name: &str, version: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n")
        };
        let one = package("arrow-array", "59.3.0") + &package("arrow-schema", "59.3.0");
        assert!(doubled(&one).is_empty());
        let two = one.clone() + &package("arrow-buffer", "58.0.0");
        assert_eq!(doubled(&two), ["arrow* 58.0.0, 59.3.0"]);
        let other = one + &package("syn", "1.0.0") + &package("syn", "2.0.0");
        assert!(doubled(&other).is_empty(), "only what is listed must agree");
        let hyper = package("hyper", "1.0.0") + &package("hyper-util", "0.1.0");
        assert!(doubled(&hyper).is_empty(), "another crate with a longer name");
    }

    #[test]
    fn manifests_and_the_page_are_read() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde.workspace = true\n# why\n\
                        toml = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\nlibc = { version = \"0.2\" }\n\
                        [lints]\nworkspace = true\n";
        assert_eq!(dependencies_in(manifest), ["serde", "toml", "libc"]);
        let page = "# D\n| crate | why |\n| --- | --- |\n| arrow-array, arrow-schema | rows |\n\
                    | toml | c |\n\nFor tests only: insta (golden), tempfile (folders).\n";
        let names: Vec<_> = explained(page).into_iter().collect();
        assert_eq!(names, ["arrow-array", "arrow-schema", "insta", "tempfile", "toml"]);
    }
}
