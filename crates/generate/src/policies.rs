//! Conditional Access: the tenant's policies and their evaluation.
//!
//! A sign-in is reduced to a [`Context`]; the same context always gives the same evaluation, as in
//! reality, where the same list of policies repeats over thousands of records. The planner asks
//! [`Policies::demands`] what a sign-in must do, so that results and evaluation agree.

use crate::apps::{App, ENGINEERING_APPS, first_invented};
use crate::devices::Platform;
use crate::dice::{Dice, Guid, Topic};

/// Bits of the groups a person can be in.
pub(crate) mod group {
    pub(crate) const GUEST: u8 = 1;
    pub(crate) const ADMIN: u8 = 2;
    pub(crate) const ENGINEER: u8 = 4;
    pub(crate) const LEGACY_EXCEPTION: u8 = 8;
    pub(crate) const SERVICE: u8 = 16;
    pub(crate) const BREAK_GLASS: u8 = 32;
}

/// Risk of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Risk {
    None,
    Low,
    Medium,
    High,
}

/// Where a request comes from as policies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Where {
    Trusted,
    /// A country of the named location "countries we work in".
    Usual,
    Elsewhere,
    /// A country of the blocked list.
    BlockedCountry,
}

/// Everything policies look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Context {
    /// Bit n: the application condition of policy n matches.
    pub(crate) apps: u64,
    pub(crate) groups: u8,
    pub(crate) platform: Platform,
    pub(crate) place: Where,
    pub(crate) legacy: bool,
    pub(crate) device_code: bool,
    pub(crate) compliant: bool,
    pub(crate) risk: Risk,
}

/// What enabled policies ask of a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demands {
    pub(crate) block: bool,
    pub(crate) mfa: bool,
    pub(crate) compliant: bool,
    pub(crate) frequency: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    On,
    ReportOnly,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppScope {
    All,
    Office,
    Admin,
    /// Invented applications from this number on, so many.
    Range(u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Block,
    Mfa,
    Compliant,
    /// Only controls of the session.
    Session,
    /// An approved application: never met, used report-only.
    ApprovedApp,
    /// A stronger method than most people have: never met, used report-only.
    Strength,
}

/// One policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) id: Guid,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) apps: AppScope,
    /// Any of these groups; 0 is everybody.
    pub(crate) include: u8,
    /// None of these groups.
    pub(crate) exclude: u8,
    pub(crate) phones_only: bool,
    pub(crate) untrusted_only: bool,
    pub(crate) blocked_countries: bool,
    pub(crate) legacy_only: bool,
    pub(crate) device_code_only: bool,
    /// Applies at this risk only.
    pub(crate) risk: Option<Risk>,
    pub(crate) grant: Grant,
    pub(crate) frequency: bool,
}

/// Flags of conditions, as the records number them.
pub(crate) mod condition {
    pub(crate) const APPLICATION: u32 = 1;
    pub(crate) const USERS: u32 = 2;
    pub(crate) const PLATFORM: u32 = 4;
    pub(crate) const LOCATION: u32 = 8;
    pub(crate) const CLIENT_TYPE: u32 = 16;
    pub(crate) const SIGN_IN_RISK: u32 = 32;
    pub(crate) const FLOWS: u32 = 32_768;
}

impl Policy {
    /// The conditions met, and the one that was not, if any; evaluation stops there.
    pub(crate) fn conditions(&self, number: usize, context: &Context) -> (u32, u32) {
        if self.state == State::Off {
            return (0, 0);
        }
        let user = (self.include == 0 || context.groups & self.include != 0)
            && context.groups & self.exclude == 0;
        let place = !(self.blocked_countries && context.place != Where::BlockedCountry
            || self.untrusted_only && context.place == Where::Trusted);
        let checks = [
            (condition::APPLICATION, true, context.apps >> number & 1 == 1),
            (condition::USERS, true, user),
            (condition::PLATFORM, self.phones_only, context.platform.is_phone()),
            (condition::LOCATION, self.untrusted_only || self.blocked_countries, place),
            (condition::CLIENT_TYPE, self.legacy_only, context.legacy),
            (condition::SIGN_IN_RISK, self.risk.is_some(), self.risk == Some(context.risk)),
            (condition::FLOWS, self.device_code_only, context.device_code),
        ];
        let mut met = 0;
        for (flag, configured, holds) in checks {
            if configured && !holds {
                return (met, flag);
            }
            if configured {
                met |= flag;
            }
        }
        (met, 0)
    }

    fn applies(&self, number: usize, context: &Context) -> bool {
        self.state != State::Off && self.conditions(number, context).1 == 0
    }

    /// Is its grant control met by a sign-in in this context that has (not) done MFA?
    pub(crate) fn is_met(&self, context: &Context, mfa: bool) -> bool {
        match self.grant {
            Grant::Session => true,
            Grant::Mfa => mfa,
            Grant::Compliant => context.compliant,
            Grant::Block | Grant::ApprovedApp | Grant::Strength => false,
        }
    }
}

/// The policies of a tenant. Masks of policies have 64 bits.
#[derive(Debug)]
pub(crate) struct Policies {
    pub(crate) list: Vec<Policy>,
}

impl Policies {
    /// The first `count` of the twelve policies.
    pub(crate) fn new(seed: u64, count: usize) -> Policies {
        let mut list = core(&mut Dice::new(seed, Topic::Policy, 0, 0));
        list.truncate(count);
        Policies { list }
    }

    /// Bit n: the application condition of policy n matches this application.
    pub(crate) fn application_mask(&self, app: &App, number: u16) -> u64 {
        self.list.iter().enumerate().fold(0, |mask, (at, policy)| {
            let matches = match policy.apps {
                AppScope::All => true,
                AppScope::Office => app.office,
                AppScope::Admin => app.admin,
                AppScope::Range(from, count) => (from..from + count).contains(&number),
            };
            mask | u64::from(matches) << at
        })
    }

    /// What the enabled policies ask for.
    pub(crate) fn demands(&self, context: &Context) -> Demands {
        let mut demands = Demands::default();
        for (number, policy) in self.list.iter().enumerate() {
            if policy.state == State::On && policy.applies(number, context) {
                demands.block |= policy.grant == Grant::Block;
                demands.mfa |= policy.grant == Grant::Mfa;
                demands.compliant |= policy.grant == Grant::Compliant;
                demands.frequency |= policy.frequency;
            }
        }
        demands
    }
}

fn blank(dice: &mut Dice, grant: Grant) -> Policy {
    Policy {
        id: dice.guid(),
        name: String::new(),
        state: State::On,
        apps: AppScope::All,
        include: 0,
        exclude: 0,
        phones_only: false,
        untrusted_only: false,
        blocked_countries: false,
        legacy_only: false,
        device_code_only: false,
        risk: None,
        grant,
        frequency: false,
    }
}

fn core(dice: &mut Dice) -> Vec<Policy> {
    let mut policy = |name: &str, grant| Policy { name: name.to_owned(), ..blank(dice, grant) };
    let no_people = group::BREAK_GLASS | group::SERVICE;
    vec![
        Policy {
            exclude: no_people | group::GUEST,
            untrusted_only: true,
            ..policy("CA001 Require MFA outside the offices", Grant::Mfa)
        },
        Policy {
            exclude: group::LEGACY_EXCEPTION | group::BREAK_GLASS,
            legacy_only: true,
            ..policy("CA002 Block legacy authentication", Grant::Block)
        },
        Policy {
            include: group::ADMIN,
            exclude: group::BREAK_GLASS,
            frequency: true,
            ..policy("CA003 Require MFA for administrators", Grant::Mfa)
        },
        Policy {
            apps: AppScope::Range(first_invented(), ENGINEERING_APPS),
            include: group::ENGINEER,
            ..policy("CA004 Engineering tools only on compliant devices", Grant::Compliant)
        },
        Policy {
            exclude: group::BREAK_GLASS,
            blocked_countries: true,
            ..policy("CA005 Block countries we do not work in", Grant::Block)
        },
        Policy { include: group::GUEST, ..policy("CA006 Require MFA for guests", Grant::Mfa) },
        Policy {
            exclude: no_people,
            risk: Some(Risk::High),
            ..policy("CA007 Block high sign-in risk", Grant::Block)
        },
        Policy {
            exclude: no_people,
            risk: Some(Risk::Medium),
            ..policy("CA008 Require MFA at medium sign-in risk", Grant::Mfa)
        },
        Policy {
            state: State::ReportOnly,
            apps: AppScope::Office,
            phones_only: true,
            ..policy("CA009 Approved apps on phones", Grant::ApprovedApp)
        },
        Policy {
            state: State::ReportOnly,
            device_code_only: true,
            ..policy("CA010 Block device code flow", Grant::Block)
        },
        Policy {
            state: State::ReportOnly,
            apps: AppScope::Admin,
            include: group::ADMIN,
            ..policy("CA011 Phishing-resistant MFA for portals", Grant::Strength)
        },
        Policy { state: State::Off, ..policy("CA012 Token protection on Windows", Grant::Session) },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            apps: u64::MAX,
            groups: 0,
            platform: Platform::Windows,
            place: Where::Usual,
            legacy: false,
            device_code: false,
            compliant: true,
            risk: Risk::None,
        }
    }

    #[test]
    fn demands_follow_the_context() {
        let policies = Policies::new(1, 12);
        let ask = |context: Context| policies.demands(&context);
        assert_eq!(ask(context()), Demands { mfa: true, ..Demands::default() });
        assert_eq!(ask(Context { place: Where::Trusted, ..context() }), Demands::default());
        let admin = Context { groups: group::ADMIN, place: Where::Trusted, ..context() };
        assert!(ask(admin).mfa && ask(admin).frequency);
        assert!(ask(Context { place: Where::BlockedCountry, ..context() }).block);
        assert!(ask(Context { risk: Risk::High, ..context() }).block);
        let mail = Context { legacy: true, ..context() };
        assert!(ask(mail).block);
        let groups = group::LEGACY_EXCEPTION | group::SERVICE;
        assert!(!ask(Context { groups, ..mail }).block);
        let engineer = Context { groups: group::ENGINEER, compliant: false, ..context() };
        assert!(ask(engineer).compliant);
        // A report-only policy asks for nothing.
        assert!(!ask(Context { device_code: true, ..context() }).block);
    }

    #[test]
    fn evaluation_stops_at_the_first_condition_that_fails() {
        let policies = Policies::new(1, 12);
        let conditions =
            |number: usize, context| policies.list[number].conditions(number, &context);
        assert_eq!(conditions(0, Context { apps: 0, ..context() }), (0, 1));
        assert_eq!(conditions(0, Context { groups: group::GUEST, ..context() }), (1, 2));
        assert_eq!(conditions(0, Context { place: Where::Trusted, ..context() }), (3, 8));
        assert_eq!(conditions(0, context()), (11, 0));
        assert_eq!(conditions(11, context()), (0, 0));
    }
}
