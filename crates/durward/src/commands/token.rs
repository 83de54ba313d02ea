//! `durward token`: tokens for programs.
//!
//! Works on the data directory, before the first start and while a server runs on it; a server
//! learns of a new or revoked token with the next request.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use durward_access::{AccessStore, NewToken, Token};
use durward_journal::Action;
use durward_model::Timestamp;
use serde_json::json;

use super::reach::Reach;
use crate::cli::Common;
use crate::{data, operator, output};

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it; it is shown this once
    Create(Create),
    /// List the tokens there are
    List,
    /// Revoke a token, by its name or identifier, at once
    Revoke {
        /// Name or identifier
        token: String,
    },
}

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// What it is for; names it in lists and in the access log
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it allows, by commas: read, ingest, metrics, access-log, or permissions of Microsoft
    /// Graph such as AuditLog.Read.All
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
    scope: Vec<String>,
    #[command(flatten)]
    reach: Reach,
    /// How long it holds: 12h, 90d, or never
    #[arg(long, value_name = "TIME", default_value = "365d")]
    expires: String,
}

/// Does it.
pub(crate) fn run(command: &Command, common: &Common) -> Result<()> {
    let dir = data::dir(common.data.as_deref())?;
    let store = AccessStore::open(&dir).context("opening the tokens of the data directory")?;
    match command {
        Command::Create(args) => create(args, &store, &dir, common.json),
        Command::List => list(&store, common.json),
        Command::Revoke { token } => revoke(token, &store, &dir),
    }
}

fn create(args: &Create, store: &AccessStore, dir: &Path, is_json: bool) -> Result<()> {
    let now = Timestamp::now();
    let new = NewToken {
        name: args.name.clone(),
        permissions: args.scope.iter().map(|scope| scope.trim().to_owned()).collect(),
        scope: args.reach.scope(),
        owner: None,
        expires: expiry(&args.expires, now)?,
    };
    let (token, secret) = store.create_token(&new, now)?;
    let what = format!("create token {} ({})", token.name, token.permissions.join(","));
    operator::record(dir, Action::Change, "token create", &what, None)?;
    match is_json {
        true => output::json(&json!({ "id": token.id, "name": token.name, "token": secret })),
        false => output::line(secret),
    }
}

/// When something that holds for so long ends.
fn expiry(text: &str, now: Timestamp) -> Result<Option<Timestamp>> {
    if text == "never" {
        return Ok(None);
    }
    let span = crate::config::parse_span(text);
    let Some(span) = span.filter(|span| *span >= Duration::from_secs(60)) else {
        bail!("--expires: `{text}` is not a length of time such as 12h or 90d, nor `never`");
    };
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Ok(Some(Timestamp::from_micros(now.micros.saturating_add(micros))))
}

fn list(store: &AccessStore, is_json: bool) -> Result<()> {
    let now = Timestamp::now();
    let time = |time: Option<Timestamp>| time.map(Timestamp::to_rfc3339);
    let tokens = store.tokens(None)?;
    if is_json {
        for token in &tokens {
            output::json(&json!({
                "id": token.id,
                "name": token.name,
                "scope": token.permissions,
                "limits": token.scope,
                "owner": token.owner,
                "created": token.created.to_rfc3339(),
                "expires": time(token.expires),
                "lastUsed": time(token.last_used),
                "state": state(token, now),
            }))?;
        }
        return Ok(());
    }
    let mut table =
        output::Table::new(["Name", "State", "Scope", "Limits", "Expires", "Last used", "ID"]);
    for token in &tokens {
        let limits = [&token.scope.tenants, &token.scope.applications, &token.scope.users];
        let limits: Vec<&str> = limits.into_iter().flatten().map(String::as_str).collect();
        table.row(vec![
            token.name.clone(),
            state(token, now).to_owned(),
            token.permissions.join(","),
            limits.join(","),
            time(token.expires).unwrap_or_else(|| "never".to_owned()),
            time(token.last_used).unwrap_or_default(),
            token.id.clone(),
        ]);
    }
    let mut out = output::stdout();
    table.write(&mut out, output::is_terminal())?;
    Ok(std::io::Write::flush(&mut out)?)
}

fn state(token: &Token, now: Timestamp) -> &'static str {
    match () {
        () if token.revoked.is_some() => "revoked",
        () if token.expires.is_some_and(|expires| expires <= now) => "expired",
        () => "valid",
    }
}

fn revoke(token: &str, store: &AccessStore, dir: &Path) -> Result<()> {
    if !store.revoke_token(token, Timestamp::now())? {
        bail!("there is no valid token named `{token}`; `durward token list` shows what there is");
    }
    operator::record(dir, Action::Change, "token revoke", &format!("revoke token {token}"), None)?;
    output::line(format_args!("{token} is revoked"))
}
