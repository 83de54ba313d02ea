//! What there is to be allowed, and which role allows it: the one table.
//!
//! Everything that gives something out asks [`Role::allows`]: pages, Graph, our own interface,
//! exports, tokens. Roles are Entra's, with Entra's rights where Entra has them.

use std::fmt;

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Right {
    /// Read one's own sign-ins.
    ReadOwn,
    /// Read the sign-ins of users, interactive and not.
    ReadUserSignIns,
    /// Read the sign-ins of service principals and managed identities.
    ReadWorkloadSignIns,
    /// Read audit records, and records of logs that durward does not know.
    ReadAudit,
    /// Read provisioning records.
    ReadProvisioning,
    /// Read risk records.
    ReadRisk,
    /// See which Conditional Access policies applied to a sign-in, and why.
    ReadConditionalAccess,
    /// Take away more than a page at a time.
    Export,
    /// Push records in.
    Ingest,
    /// Read who looked at what.
    ReadAccessLog,
    /// Read the counters of the server.
    ReadMetrics,
    /// Manage accounts and the tokens of others.
    ManageAccess,
    /// Decide about the risk of users and their sign-ins.
    DecideUserRisk,
    /// Decide about the risk of service principals and agents.
    DecideWorkloadRisk,
    /// Work on alerts: states, notes, suppressions.
    WorkAlerts,
    /// Decide which detections run, with which numbers, and write rules.
    ChangeDetections,
}

impl Right {
    /// All rights, in the order of their numbers.
    pub const ALL: [Right; 16] = [
        Right::ReadOwn,
        Right::ReadUserSignIns,
        Right::ReadWorkloadSignIns,
        Right::ReadAudit,
        Right::ReadProvisioning,
        Right::ReadRisk,
        Right::ReadConditionalAccess,
        Right::Export,
        Right::Ingest,
        Right::ReadAccessLog,
        Right::ReadMetrics,
        Right::ManageAccess,
        Right::DecideUserRisk,
        Right::DecideWorkloadRisk,
        Right::WorkAlerts,
        Right::ChangeDetections,
    ];

    /// In words, to follow "may" or "the right to".
    pub fn words(self) -> &'static str {
        match self {
            Right::ReadOwn => "read their own sign-ins",
            Right::ReadUserSignIns => "read the sign-ins of users",
            Right::ReadWorkloadSignIns => "read the sign-ins of applications",
            Right::ReadAudit => "read audit records",
            Right::ReadProvisioning => "read provisioning records",
            Right::ReadRisk => "read risk records",
            Right::ReadConditionalAccess => "see Conditional Access details",
            Right::Export => "export",
            Right::Ingest => "push records",
            Right::ReadAccessLog => "read the access log",
            Right::ReadMetrics => "read metrics",
            Right::ManageAccess => "manage access",
            Right::DecideUserRisk => "decide about the risk of users",
            Right::DecideWorkloadRisk => "decide about the risk of applications",
            Right::WorkAlerts => "work on alerts",
            Right::ChangeDetections => "change detections and rules",
        }
    }

    /// The roles that allow it, the least powerful first.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().rev().filter(move |role| role.allows(self))
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u16);

impl Rights {
    /// No right at all.
    pub const NONE: Rights = Rights(0);

    /// A set of these.
    pub const fn of(rights: &[Right]) -> Rights {
        let (mut bits, mut index) = (0, 0);
        while index < rights.len() {
            bits |= 1 << rights[index] as u16;
            index += 1;
        }
        Rights(bits)
    }

    /// Is this right in it?
    pub const fn has(self, right: Right) -> bool {
        self.0 & (1 << right as u16) != 0
    }

    /// Rights that are in both.
    #[must_use]
    pub const fn both(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }

    /// Rights that are in either.
    #[must_use]
    pub const fn either(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// Rights that are in this, and not in the other.
    #[must_use]
    pub const fn without(self, other: Rights) -> Rights {
        Rights(self.0 & !other.0)
    }

    /// Is it empty?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }
}

/// A role, named as in Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Everything.
    GlobalAdministrator,
    /// Everything but the accounts of durward.
    SecurityAdministrator,
    /// Reads everything but Conditional Access details; decides about risk.
    SecurityOperator,
    /// Reads everything.
    SecurityReader,
    /// Reads everything.
    GlobalReader,
    /// Reads the logs without Conditional Access details and risk records.
    ReportsReader,
    /// Sees Conditional Access details where another role shows the sign-in.
    ConditionalAccessAdministrator,
    /// Looks up the sign-ins of users, without exports.
    HelpdeskAdministrator,
    /// Anyone who can sign in: their own sign-ins.
    User,
}

impl Role {
    /// All roles, the most powerful first.
    pub const ALL: [Role; 9] = [
        Role::GlobalAdministrator,
        Role::SecurityAdministrator,
        Role::SecurityOperator,
        Role::SecurityReader,
        Role::GlobalReader,
        Role::ReportsReader,
        Role::ConditionalAccessAdministrator,
        Role::HelpdeskAdministrator,
        Role::User,
    ];

    /// Entra's display name.
    pub const fn name(self) -> &'static str {
        match self {
            Role::GlobalAdministrator => "Global Administrator",
            Role::SecurityAdministrator => "Security Administrator",
            Role::SecurityOperator => "Security Operator",
            Role::SecurityReader => "Security Reader",
            Role::GlobalReader => "Global Reader",
            Role::ReportsReader => "Reports Reader",
            Role::ConditionalAccessAdministrator => "Conditional Access Administrator",
            Role::HelpdeskAdministrator => "Helpdesk Administrator",
            Role::User => "User",
        }
    }

    /// The role of that name: `Security Reader`, `security-reader` or `SecurityReader`.
    pub fn from_name(name: &str) -> Option<Role> {
        let letters = |text: &str| -> String {
            let kept = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '_'));
            kept.collect::<String>().to_ascii_lowercase()
        };
        let name = letters(name);
        Role::ALL.into_iter().find(|role| letters(role.name()) == name)
    }

    /// May somebody with this role do that?
    pub const fn allows(self, right: Right) -> bool {
        self.rights().has(right)
    }

    /// The table.
    pub const fn rights(self) -> Rights {
        use Right::*;
        const LOGS: Rights = Rights::of(&[
            ReadOwn,
            ReadUserSignIns,
            ReadWorkloadSignIns,
            ReadAudit,
            ReadProvisioning,
            Export,
        ]);
        const MORE: Rights = LOGS.either(Rights::of(&[ReadRisk, ReadMetrics]));
        const READER: Rights = MORE.either(Rights::of(&[ReadConditionalAccess]));
        const DECIDE: Rights = Rights::of(&[DecideUserRisk, DecideWorkloadRisk, WorkAlerts]);
        const SECURITY: Rights =
            READER.either(DECIDE).either(Rights::of(&[Ingest, ReadAccessLog, ChangeDetections]));
        match self {
            Role::GlobalAdministrator => SECURITY.either(Rights::of(&[ManageAccess])),
            Role::SecurityAdministrator => SECURITY,
            Role::SecurityOperator => MORE.either(DECIDE),
            Role::SecurityReader | Role::GlobalReader => READER,
            Role::ReportsReader => LOGS,
            Role::ConditionalAccessAdministrator => Rights::of(&[ReadOwn, ReadConditionalAccess]),
            Role::HelpdeskAdministrator => Rights::of(&[ReadOwn, ReadUserSignIns]),
            Role::User => Rights::of(&[ReadOwn]),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Role {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Role::from_name(&name).ok_or_else(|| {
            let names = Role::ALL.map(Role::name).join(", ");
            serde::de::Error::custom(format!("`{name}` is no role; roles are {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_as_the_documentation_says() {
        // GA, SA, SO, SR, GR, RR, CA, HD, user
        for (right, row) in [
            (Right::ReadOwn, "yyyyyyyyy"),
            (Right::ReadUserSignIns, "yyyyyy-y-"),
            (Right::ReadWorkloadSignIns, "yyyyyy---"),
            (Right::ReadAudit, "yyyyyy---"),
            (Right::ReadProvisioning, "yyyyyy---"),
            (Right::ReadRisk, "yyyyy----"),
            (Right::ReadConditionalAccess, "yy-yy-y--"),
            (Right::Export, "yyyyyy---"),
            (Right::Ingest, "yy-------"),
            (Right::ReadAccessLog, "yy-------"),
            (Right::ReadMetrics, "yyyyy----"),
            (Right::ManageAccess, "y--------"),
            (Right::DecideUserRisk, "yyy------"),
            (Right::DecideWorkloadRisk, "yyy------"),
            (Right::WorkAlerts, "yyy------"),
            (Right::ChangeDetections, "yy-------"),
        ] {
            let have = Role::ALL.map(|role| if role.allows(right) { 'y' } else { '-' });
            assert_eq!(have.iter().collect::<String>(), row, "{right:?}");
        }
    }

    #[test]
    fn roles_are_found_by_any_spelling() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert_eq!(Role::from_name(&role.name().replace(' ', "-").to_lowercase()), Some(role));
        }
        assert_eq!(Role::from_name("Reader"), None);
        assert_eq!(Right::ReadAccessLog.roles().last(), Some(Role::GlobalAdministrator));
    }
}
