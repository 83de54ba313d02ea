//! `durward user`: local accounts, for places without an OpenID provider.
//!
//! An account is made without a password. Its owner chooses one by a link that works once.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use durward_access::{AccessStore, LinkPurpose, NewPerson, Person, Role};
use durward_journal::Action;
use durward_model::Timestamp;
use serde_json::json;

use super::reach::Reach;
use crate::cli::Common;
use crate::{data, operator, output};

/// People listed at most.
const LISTED_MAX: usize = 10_000;

/// What to do with accounts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make an account; prints the link by which its owner chooses a password
    Add(Add),
    /// List the people there are, those of the OpenID provider included
    List,
    /// Print a new link to choose a password
    Link {
        /// Name of the account
        name: String,
        /// Address at which people reach durward
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7400")]
        url: String,
    },
    /// Give an account other roles, in place of those it has
    Roles {
        /// Name of the account
        name: String,
        /// Roles, by commas, such as "Security Reader"; none takes all away
        #[arg(value_delimiter = ',')]
        roles: Vec<String>,
    },
    /// Keep somebody out: sessions and tokens end at once
    Disable {
        /// Name of the account
        name: String,
    },
    /// Let somebody in again
    Enable {
        /// Name of the account
        name: String,
    },
    /// Remove an account
    Remove {
        /// Name of the account
        name: String,
    },
    /// Remove the authenticator app of an account whose owner has lost it
    ResetAuthenticator {
        /// Name of the account
        name: String,
    },
}

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// What they sign in as, such as maria@contoso.example
    name: String,
    /// Their name for people
    #[arg(long, value_name = "NAME", default_value = "")]
    display_name: String,
    /// A role, such as "Security Reader"; can be given several times
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Their object ID in Entra, by which My sign-ins finds their sign-ins
    #[arg(long, value_name = "GUID")]
    object_id: Option<String>,
    /// The tenant of that object ID
    #[arg(long, value_name = "GUID")]
    home_tenant: Option<String>,
    #[command(flatten)]
    reach: Reach,
    /// Address at which people reach durward
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7400")]
    url: String,
}

/// Does it.
pub(crate) fn run(command: &Command, common: &Common) -> Result<()> {
    let dir = data::dir(common.data.as_deref())?;
    let store = AccessStore::open(&dir).context("opening the accounts of the data directory")?;
    let change = |what: &str| operator::record(&dir, Action::Change, "user", what, None);
    match command {
        Command::Add(args) => add(args, &store, &dir, common.json),
        Command::List => list(&store, common.json),
        Command::Link { name, url } => {
            let person = find(&store, name)?;
            change(&format!("link for {name}"))?;
            output::line(link(&store, &person, url)?)
        }
        Command::Roles { name, roles } => {
            let person = find(&store, name)?;
            let roles = roles_of(roles)?;
            store.set_roles(&person.id, &roles, &person.scope)?;
            change(&format!("roles of {name}: {}", names(&roles)))?;
            warn_if_locked_out(&store)
        }
        Command::Disable { name } => {
            store.set_disabled(&find(&store, name)?.id, true)?;
            change(&format!("disable {name}"))?;
            warn_if_locked_out(&store)
        }
        Command::Enable { name } => {
            store.set_disabled(&find(&store, name)?.id, false)?;
            change(&format!("enable {name}"))
        }
        Command::Remove { name } => {
            store.delete_person(&find(&store, name)?.id, Timestamp::now())?;
            change(&format!("remove {name}"))?;
            warn_if_locked_out(&store)
        }
        Command::ResetAuthenticator { name } => {
            store.remove_totp(&find(&store, name)?.id)?;
            change(&format!("remove the authenticator of {name}"))
        }
    }
}

fn add(args: &Add, store: &AccessStore, dir: &Path, is_json: bool) -> Result<()> {
    let new = NewPerson {
        name: args.name.clone(),
        display_name: args.display_name.clone(),
        object_id: args.object_id.clone(),
        tenant_id: args.home_tenant.clone(),
        roles: roles_of(&args.role)?,
        scope: args.reach.scope(),
        password: None,
    };
    let person = store.create_local(&new, Timestamp::now())?;
    let what = format!("add {} ({})", person.name, names(&person.roles));
    operator::record(dir, Action::Change, "user add", &what, None)?;
    let link = link(store, &person, &args.url)?;
    match is_json {
        true => output::json(&json!({ "id": person.id, "name": person.name, "link": link })),
        false => output::line(format_args!(
            "{} can choose a password, once, within a day:\n{link}",
            person.name
        )),
    }
}

fn link(store: &AccessStore, person: &Person, url: &str) -> Result<String> {
    let purpose = LinkPurpose::SetPassword(person.id.clone());
    let secret = store.create_link(&purpose, Timestamp::now())?;
    Ok(format!("{}/welcome/{secret}", url.trim_end_matches('/')))
}

fn find(store: &AccessStore, name: &str) -> Result<Person> {
    store.person_by_name(name)?.ok_or_else(|| {
        anyhow!("there is no account `{name}`; `durward user list` shows what there is")
    })
}

fn roles_of(given: &[String]) -> Result<Vec<Role>> {
    let role = |name: &String| {
        Role::from_name(name).ok_or_else(|| {
            anyhow!("`{name}` is no role; roles are {}", Role::ALL.map(Role::name).join(", "))
        })
    };
    given.iter().filter(|name| !name.trim().is_empty()).map(role).collect()
}

fn names(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}

fn warn_if_locked_out(store: &AccessStore) -> Result<()> {
    if store.administrators()? > 0 {
        return Ok(());
    }
    output::line(
        "No local account is a Global Administrator any more; `durward user add` makes one.",
    )
}

fn list(store: &AccessStore, is_json: bool) -> Result<()> {
    let people = store.people(LISTED_MAX)?;
    if people.len() == LISTED_MAX && !is_json {
        bail!("there are more than {LISTED_MAX} people; use --json and a database tool");
    }
    let seen = |person: &Person| person.last_sign_in.map(Timestamp::to_rfc3339);
    if is_json {
        for person in &people {
            output::json(&json!({
                "id": person.id,
                "name": person.name,
                "displayName": person.display_name,
                "issuer": person.issuer,
                "roles": person.roles,
                "scope": person.scope,
                "objectId": person.object_id,
                "disabled": person.disabled,
                "hasPassword": person.has_password,
                "hasAuthenticator": person.has_totp,
                "lastSignIn": seen(person),
            }))?;
        }
        return Ok(());
    }
    let mut table = output::Table::new(["Name", "From", "State", "Roles", "Last sign-in"]);
    for person in &people {
        let state = match (person.disabled, person.is_local(), person.has_password) {
            (true, ..) => "disabled",
            (false, true, false) => "no password yet",
            (false, true, true) if person.has_totp => "password and authenticator",
            (false, true, true) => "password",
            (false, false, _) => "by provider",
        };
        table.row(vec![
            person.name.clone(),
            person.issuer.clone(),
            state.to_owned(),
            names(&person.roles),
            seen(person).unwrap_or_default(),
        ]);
    }
    let mut out = output::stdout();
    table.write(&mut out, output::is_terminal())?;
    Ok(std::io::Write::flush(&mut out)?)
}
