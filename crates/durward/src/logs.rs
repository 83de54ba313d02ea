//! Logs as the command line names them.

use clap::ValueEnum;
use durward_model::Log;

/// What `--type` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogArg {
    /// Interactive user sign-ins
    #[value(alias = "interactiveUser", alias = "user")]
    Interactive,
    /// Non-interactive user sign-ins
    #[value(alias = "nonInteractiveUser", alias = "noninteractive")]
    NonInteractive,
    /// Service principal sign-ins
    #[value(alias = "servicePrincipal", alias = "sp")]
    ServicePrincipal,
    /// Managed identity sign-ins
    #[value(alias = "managedIdentity", alias = "mi")]
    ManagedIdentity,
    /// Audit records
    Audit,
    /// Provisioning records
    Provisioning,
    /// Risk records
    Risk,
    /// Records of any other category
    Other,
    /// Every log
    All,
}

impl LogArg {
    fn logs(self) -> &'static [Log] {
        match self {
            LogArg::Interactive => &[Log::InteractiveUser],
            LogArg::NonInteractive => &[Log::NonInteractiveUser],
            LogArg::ServicePrincipal => &[Log::ServicePrincipal],
            LogArg::ManagedIdentity => &[Log::ManagedIdentity],
            LogArg::Audit => &[Log::Audit],
            LogArg::Provisioning => &[Log::Provisioning],
            LogArg::Risk => &[Log::Risk],
            LogArg::Other => &[Log::Other],
            LogArg::All => &Log::ALL,
        }
    }
}

/// The logs that were named, or `unless_named` where none was.
pub(crate) fn chosen(named: &[LogArg], unless_named: &[Log]) -> Vec<Log> {
    if named.is_empty() {
        return unless_named.to_vec();
    }
    let is_named = |log: &Log| named.iter().any(|arg| arg.logs().contains(log));
    Log::ALL.into_iter().filter(is_named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_logs_come_in_their_own_order_once() {
        let two = [LogArg::ManagedIdentity, LogArg::Interactive, LogArg::Interactive];
        assert_eq!(chosen(&two, &Log::ALL), [Log::InteractiveUser, Log::ManagedIdentity]);
        assert_eq!(chosen(&[LogArg::All], &[]), Log::ALL);
        assert_eq!(chosen(&[], &Log::SIGN_INS), Log::SIGN_INS);
    }
}
