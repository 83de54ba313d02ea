//! Everything that must hold before a change goes in: `cargo xtask test`.

use std::path::Path;

use crate::process::{Tally, cargo, run, run_seeing, test_counts};
use crate::{audit, dependencies, docs, external};

/// Which parts to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// All.
    All,
    /// Without what needs Python, Node.js and a browser.
    Rust,
    /// Only those.
    External,
}

/// Runs the parts, prints how many checks and tests passed, and tells whether all did.
pub(crate) fn run_parts(parts: Parts, root: &Path) -> bool {
    let mut tally = Tally::default();
    if parts != Parts::External {
        rust(&mut tally, root);
    }
    if parts != Parts::Rust {
        external::run_all(&mut tally, root);
    }
    tally.finish()
}

fn rust(tally: &mut Tally, root: &Path) {
    tally.step("format", |_| run(cargo().current_dir(root).args(["fmt", "--all", "--check"])));
    tally.step("generated pages", |_| docs::check());
    tally.step("lock file", |_| dependencies::check_lock_file(root));
    tally.step("reasons for dependencies", |_| dependencies::check_page(root));
    audit::run_all(tally, root);
    tally.step("lints", |_| {
        let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--quiet"];
        run(cargo().current_dir(root).args(arguments).args(["--", "--deny", "warnings"]))
    });
    tally.step("tests", |tally| {
        let arguments = ["test", "--workspace", "--locked", "--no-fail-fast"];
        run_seeing(cargo().current_dir(root).args(arguments), |line| {
            if let Some((passed, failed)) = test_counts(line) {
                tally.add(passed, failed);
            }
        })
    });
}
