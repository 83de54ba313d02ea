//! Other people's programs against a live durward: the Graph SDKs, engines that read Delta
//! tables, a browser.
//!
//! What they need is installed below the target directory and kept there; packages of the system
//! are installed where this runs as root. Where a program cannot be had its checks are left out
//! with a note, except in CI (`CI` is set), where that is a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::{Tally, cargo, exists, run};

mod live;

/// Where everything of these checks is.
struct Place {
    /// `crates/durward/tests/external`.
    scripts: PathBuf,
    /// Kept between runs.
    tools: PathBuf,
    /// Made anew for every run.
    scratch: PathBuf,
    durward: PathBuf,
}

/// Names under which a Chromium is installed.
const CHROMIUMS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs all checks with other programs.
pub(crate) fn run_all(tally: &mut Tally, root: &Path) {
    let place = match place(root) {
        Ok(place) => place,
        Err(error) => return tally.step("other programs", |_| Err(error)),
    };
    install_packages();
    let python = prepared(tally, "Python", python(&place));
    let node = prepared(tally, "Node.js", node(&place));
    let chromium = CHROMIUMS.into_iter().find(|name| exists(name));
    let chromium = prepared(tally, "Chromium", chromium.context("no Chromium is installed"));

    let mut provider = None;
    if let Some(modules) = &node {
        tally.step("a certified OpenID provider", |_| {
            let test =
                ["test", "--locked", "--quiet", "-p", "durward-oidc", "--test", "it", "real::"];
            run(cargo().current_dir(root).args(test).env("DURWARD_NODE_MODULES", modules))?;
            provider = Some(live::Provider::start(&place.scripts, modules)?);
            Ok(())
        });
    }
    let mut server = None;
    tally.step("a live durward", |_| {
        server = Some(live::Server::start(&place, root, provider.as_ref())?);
        Ok(())
    });
    let Some(server) = server else { return };
    if let Some(python) = &python {
        let mut alerts = Command::new(python);
        alerts.arg(place.scripts.join("alerts.py")).arg(&place.durward);
        alerts.arg(place.scratch.join("alerts")).env("PYTHONDONTWRITEBYTECODE", "1");
        tally.step("delivery of alerts", |_| run(&mut alerts));
    }
    let generated = place.scratch.join("generated");
    let script = |program: &Path, name: &str| {
        let mut command = Command::new(program);
        command.arg(place.scripts.join(name)).arg(&server.url).arg(&generated);
        command.env("PYTHONDONTWRITEBYTECODE", "1").envs(server.environment());
        command
    };
    if let Some(python) = &python {
        tally.step("Graph SDK for Python", |_| run(&mut script(python, "graph_sdk.py")));
    }
    if let Some(modules) = &node {
        let script = |name: &str| {
            let mut command = script(Path::new("node"), name);
            command.env("NODE_PATH", modules);
            command
        };
        tally.step("Graph client for JavaScript", |_| run(&mut script("graph_client.cjs")));
        if let Some(chromium) = chromium {
            let chromium = full_path(chromium);
            tally.step("browser", |_| run(script("browser.cjs").arg(&chromium)));
            browse(tally, &place, modules, &chromium);
            if let Some(provider) = &provider {
                let mut sign_in = script("sign_in.cjs");
                tally.step("sign-in in a browser", |_| {
                    run(sign_in.arg(&chromium).arg(&provider.issuer))
                });
            }
        }
    }
    // Last, because it adds events that the others do not expect.
    if let Some(python) = &python {
        let data = place.scratch.join("data");
        tally.step("Delta table in other engines", |_| run(script(python, "delta.py").arg(data)));
    }
}

/// The pages of the demo in a browser.
fn browse(tally: &mut Tally, place: &Place, modules: &Path, chromium: &Path) {
    let mut demo = None;
    tally.step("the demo", |_| {
        demo = Some(live::Demo::start(place)?);
        Ok(())
    });
    let Some(demo) = demo else { return };
    for (what, name) in [("every page", "pages.cjs"), ("the explorer", "explorer.cjs")] {
        let mut command = Command::new("node");
        command.arg(place.scripts.join(name)).arg(&demo.url);
        command.arg(place.tools.join("pictures")).arg(chromium).env("NODE_PATH", modules);
        tally.step(what, |_| run(&mut command));
    }
}

/// What could be prepared; a failure in CI, a note elsewhere.
fn prepared<T>(tally: &mut Tally, name: &str, result: Result<T>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    if in_ci() {
        tally.step(name, |_| Err(error));
    } else {
        println!("\nskipped: the checks that need {name}: {error:#}");
    }
    None
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

fn place(root: &Path) -> Result<Place> {
    let own = std::env::current_exe().context("where is this program?")?;
    let target = own.ancestors().nth(2).context("this program is not in a target directory")?;
    let tools = target.join("external");
    let scratch = tools.join("run");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("removing {}", scratch.display()))?;
    }
    fs::create_dir_all(&scratch).with_context(|| format!("making {}", scratch.display()))?;
    let durward = target.join("debug").join(format!("durward{}", std::env::consts::EXE_SUFFIX));
    Ok(Place { scripts: root.join("crates/durward/tests/external"), tools, scratch, durward })
}

/// Installs what is missing with the system's package manager, where that is possible without
/// asking anybody. What is still missing afterwards shows where it is needed.
fn install_packages() {
    let mut missing: Vec<&str> = Vec::new();
    let venv = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !venv.is_ok_and(|output| output.status.success()) {
        missing.extend(["python3", "python3-venv"]);
    }
    if !exists("node") || !exists("npm") {
        missing.extend(["nodejs", "npm"]);
    }
    if !CHROMIUMS.into_iter().any(exists) {
        missing.push("chromium");
    }
    if !exists("openssl") {
        missing.push("openssl");
    }
    if missing.is_empty() || !exists("apt-get") || !is_root() {
        return;
    }
    println!("\n== installing {}", missing.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        if let Err(error) = run(command.stdin(Stdio::null()).stdout(Stdio::null())) {
            println!("{error:#}");
        }
    };
    apt(&["-qq", "update"]);
    let mut arguments = vec!["-qq", "install", "-y", "--no-install-recommends"];
    arguments.extend(missing);
    apt(&arguments);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The Python of an environment with what `requirements.txt` lists.
fn python(place: &Place) -> Result<PathBuf> {
    let wanted = place.scripts.join("requirements.txt");
    let home = place.tools.join("python");
    let python = home.join("bin/python");
    if is_current(&home, &[&wanted]) && exists(&python.to_string_lossy()) {
        return Ok(python);
    }
    println!("\n== installing Python packages");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    let arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(&python).args(arguments).arg(&wanted))?;
    stamp(&home, &[&wanted])?;
    Ok(python)
}

/// The modules that `package.json` lists.
fn node(place: &Place) -> Result<PathBuf> {
    let wanted = ["package.json", "package-lock.json"].map(|name| place.scripts.join(name));
    let home = place.tools.join("node");
    let modules = home.join("node_modules");
    if !exists("node") {
        bail!("Node.js is not installed");
    }
    let files: Vec<&Path> = wanted.iter().map(PathBuf::as_path).collect();
    if is_current(&home, &files) && modules.is_dir() {
        return Ok(modules);
    }
    println!("\n== installing Node.js modules");
    fs::create_dir_all(&home)?;
    for file in &files {
        fs::copy(file, home.join(file.file_name().unwrap_or_default()))?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
    run(Command::new("npm").args(arguments).arg(&home).stdin(Stdio::null()))?;
    stamp(&home, &files)?;
    Ok(modules)
}

/// Was this made from files that read as they do now?
fn is_current(home: &Path, from: &[&Path]) -> bool {
    let wanted = contents(from).ok();
    wanted.is_some() && fs::read(home.join("made-from")).ok() == wanted
}

fn stamp(home: &Path, from: &[&Path]) -> Result<()> {
    Ok(fs::write(home.join("made-from"), contents(from)?)?)
}

fn contents(files: &[&Path]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for file in files {
        all.extend(fs::read(file).with_context(|| format!("reading {}", file.display()))?);
    }
    Ok(all)
}

/// Where the shell would find a program.
fn full_path(program: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|p| p.is_file());
    found.unwrap_or_else(|| program.into())
}
