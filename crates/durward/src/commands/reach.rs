//! How far a token or a role reaches: arguments that commands share.

use durward_access::Scope;

/// What part of the log a grant is limited to; all of it where nothing is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Reach {
    /// Only for this tenant; can be given several times
    #[arg(long, value_name = "ID")]
    tenant: Vec<String>,
    /// Only sign-ins to this application (its client ID); can be given several times
    #[arg(long, value_name = "ID")]
    application: Vec<String>,
    /// Only sign-ins of this user (object ID or user principal name); can be given several times
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
}

impl Reach {
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            tenants: self.tenant.clone(),
            applications: self.application.clone(),
            users: self.user.clone(),
        }
    }
}
