//! Programs that run while the checks do: an OpenID provider, and durward with TLS, accounts,
//! tokens and generated data.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::Place;
use crate::process::{cargo, run};

/// Something that runs until it is dropped.
struct Running(Child);

impl Running {
    /// Starts a program and gives the first line that it writes.
    fn start(command: &mut Command) -> Result<(Running, String)> {
        // The pipe to its input tells it that we have gone, should nobody else.
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let stdout = child.stdout.take();
        let running = Running(child);
        let mut line = String::new();
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout);
            lines.read_line(&mut line)?;
            // What comes later is not looked at, but must not fill the pipe.
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        }
        Ok((running, line))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The text of a member of a line of JSON whose texts need no escapes.
fn member(line: &str, name: &str) -> Result<String> {
    let (_, rest) = line
        .split_once(&format!("\"{name}\":\""))
        .with_context(|| format!("no `{name}` in {line:?}"))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

/// A certified OpenID provider.
pub(super) struct Provider {
    _running: Running,
    pub(super) issuer: String,
    client_id: String,
    client_secret: String,
}

impl Provider {
    pub(super) fn start(scripts: &Path, modules: &Path) -> Result<Provider> {
        let mut command = Command::new("node");
        command.arg(scripts.join("oidc_provider.cjs")).env("NODE_PATH", modules);
        let (running, line) = Running::start(&mut command)?;
        Ok(Provider {
            _running: running,
            issuer: member(&line, "issuer")?,
            client_id: member(&line, "client_id")?,
            client_secret: member(&line, "client_secret")?,
        })
    }

    /// The part of the configuration that has people sign in there.
    fn section(&self, secret_file: &Path) -> Result<String> {
        fs::write(secret_file, &self.client_secret)?;
        Ok(format!(
            "[access.provider]\nname = \"Test provider\"\nissuer = {:?}\nclient_id = {:?}\n\
             client_secret_file = {secret_file:?}\n\
             [[access.bearer]]\nissuer = {:?}\naudiences = [\"api://durward\"]\n\
             [[access.roles]]\nclaim = \"roles\"\nvalue = \"Durward.GlobalAdministrator\"\n\
             role = \"Global Administrator\"\n\
             [[access.roles]]\nclaim = \"roles\"\nvalue = \"Durward.SecurityReader\"\n\
             role = \"Security Reader\"\n",
            self.issuer, self.client_id, self.issuer,
        ))
    }
}

/// A server with generated data.
pub(super) struct Server {
    _running: Running,
    pub(super) url: String,
    certificate: PathBuf,
    /// Names of environment variables and the secrets that the scripts find there.
    secrets: Vec<(&'static str, String)>,
}

impl Server {
    pub(super) fn start(place: &Place, root: &Path, provider: Option<&Provider>) -> Result<Server> {
        run(cargo().current_dir(root).args(["build", "--locked", "--quiet", "-p", "durward"]))?;
        let (generated, data) = (place.scratch.join("generated"), place.scratch.join("data"));
        let size = ["--seed", "11", "--users", "60", "--days", "3", "--noise"];
        run(Command::new(&place.durward).arg("generate").arg(&generated).args(size))?;
        run(Command::new(&place.durward).arg("import").arg(&generated).arg("--data").arg(&data))?;
        let (certificate, key) = certificate(&place.scratch)?;
        // Sealed soon, so that what is pushed shows up in the table within seconds.
        let mut text = format!(
            "[server]\ntls = {{ certificate = {certificate:?}, key = {key:?} }}\n\
             [store]\nseal_after = \"1s\"\n"
        );
        if let Some(provider) = provider {
            text.push_str(&provider.section(&place.scratch.join("client-secret"))?);
        }
        let config = place.scratch.join("durward.toml");
        fs::write(&config, text)?;
        let mut secrets = Vec::new();
        for (variable, name, scope) in [
            ("DURWARD_TOKEN", "everything", "read,ingest"),
            ("DURWARD_TOKEN_PLAIN", "plain", "AuditLog.Read.All"),
            ("DURWARD_TOKEN_INGEST", "ingest", "ingest"),
        ] {
            let arguments = ["token", "create", "--name", name, "--scope", scope];
            secrets.push((variable, said(place, &arguments, &data)?));
        }
        let mut command = Command::new(&place.durward);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0"]);
        command.arg("--data").arg(&data).arg("--config").arg(&config);
        let (running, line) = Running::start(&mut command)?;
        let Ok(url) = member(&line, "url") else { bail!("durward serve said {line:?}") };
        println!("durward serves at {url}");
        // While it runs, as an administrator would.
        let role = ["--role", "Global Administrator", "--url", &url, "--json"];
        let add = [&["user", "add", "ada@contoso.example"], &role[..]].concat();
        secrets.push(("DURWARD_LINK", member(&said(place, &add, &data)?, "link")?));
        Ok(Server { _running: running, url, certificate, secrets })
    }

    /// What scripts need to reach the server: secrets, and whom to trust.
    pub(super) fn environment(&self) -> Vec<(&str, &str)> {
        let certificate = self.certificate.to_str().unwrap_or_default();
        let trust = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
        let trust = trust.into_iter().map(|name| (name, certificate));
        let secrets = self.secrets.iter().map(|(name, secret)| (*name, secret.as_str()));
        trust.chain(secrets).collect()
    }
}

/// What a command of durward prints.
fn said(place: &Place, arguments: &[&str], data: &Path) -> Result<String> {
    let output = Command::new(&place.durward).args(arguments).arg("--data").arg(data).output()?;
    if !output.status.success() {
        bail!("durward {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A certificate for this machine that only those trust who are told to.
fn certificate(scratch: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (scratch.join("certificate.pem"), scratch.join("key.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args(["-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"]);
    command.arg(&key).arg("-out").arg(&certificate).stderr(Stdio::null());
    run(&mut command).context("making a certificate with openssl")?;
    Ok((certificate, key))
}

/// The demo: a tenant of its own in which everybody is an administrator.
pub(super) struct Demo {
    _running: Running,
    pub(super) url: String,
}

impl Demo {
    /// Starts it; it goes on filling its log for a while.
    pub(super) fn start(place: &Place) -> Result<Demo> {
        let mut command = Command::new(&place.durward);
        command.args(["demo", "--json", "--listen", "127.0.0.1:0", "--days", "30", "--data"]);
        command.arg(place.scratch.join("demo"));
        let (running, line) = Running::start(&mut command)?;
        let url = member(&line, "url")?;
        println!("the demo is at {url}");
        Ok(Demo { _running: running, url })
    }
}
