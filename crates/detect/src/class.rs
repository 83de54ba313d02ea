//! What a sign-in is, in bits: the cheap first question of every detection.

/// A set of properties of a sign-in. A detection names those of which it wants to see any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(u32);

impl Class {
    /// Nothing.
    pub const NONE: Class = Class(0);
    /// Code 0.
    pub const SUCCESS: Class = Class(1);
    /// The password was right, though something else was still asked for or refused: proof that
    /// whoever signs in knows it.
    pub const RIGHT_PASSWORD: Class = Class(1 << 1);
    /// The password was wrong.
    pub const WRONG_PASSWORD: Class = Class(1 << 2);
    /// Locked by smart lockout, or blocked by built-in protections (50053).
    pub const LOCKED: Class = Class(1 << 3);
    /// There is no such user.
    pub const UNKNOWN_USER: Class = Class(1 << 4);
    /// The account is disabled.
    pub const DISABLED: Class = Class(1 << 5);
    /// A second factor was asked for and not given yet.
    pub const MFA_ASKED: Class = Class(1 << 6);
    /// A second factor was refused, wrong or not answered.
    pub const MFA_FAILED: Class = Class(1 << 7);
    /// Conditional Access said no.
    pub const POLICY_BLOCK: Class = Class(1 << 8);
    /// A revoked session or token was used.
    pub const REVOKED: Class = Class(1 << 9);
    /// A workload's secret, certificate or assertion was refused.
    pub const BAD_SECRET: Class = Class(1 << 10);
    /// Seamless single sign-on failed (codes that begin with 81).
    pub const SEAMLESS_SSO: Class = Class(1 << 11);
    /// Any failure.
    pub const FAILED: Class = Class(1 << 12);
    /// Any interruption.
    pub const INTERRUPTED: Class = Class(1 << 13);
    /// A person's sign-in, interactive or not.
    pub const USER: Class = Class(1 << 14);
    /// In the interactive log.
    pub const INTERACTIVE: Class = Class(1 << 15);
    /// A service principal's sign-in.
    pub const PRINCIPAL: Class = Class(1 << 16);
    /// A managed identity's sign-in.
    pub const IDENTITY: Class = Class(1 << 17);
    /// By a client that knows no modern authentication.
    pub const LEGACY: Class = Class(1 << 18);
    /// By a device code, or in a session that began with one.
    pub const DEVICE_CODE: Class = Class(1 << 19);
    /// User name and password sent by a program (ROPC).
    pub const ROPC: Class = Class(1 << 20);
    /// With a user agent that only tools and scripts have.
    pub const TOOL: Class = Class(1 << 21);
    /// The source itself sees a risk.
    pub const SOURCE_RISK: Class = Class(1 << 22);
    /// By or for an agent.
    pub const AGENT: Class = Class(1 << 23);
    /// The user refused the second factor or reported it as fraud.
    pub const USER_DENIED: Class = Class(1 << 24);
    /// From an address on the list of anonymous or malicious networks.
    pub const LISTED_NETWORK: Class = Class(1 << 25);
    /// Everything.
    pub const ANY: Class = Class(u32::MAX);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Class) -> Class {
        Class(self.0 | other.0)
    }

    /// Is any of these in it?
    pub const fn any(self, of: Class) -> bool {
        self.0 & of.0 != 0
    }

    /// Are all of these in it?
    pub const fn all(self, of: Class) -> bool {
        self.0 & of.0 == of.0
    }

    pub(crate) fn add_if(&mut self, other: Class, holds: bool) {
        if holds {
            self.0 |= other.0;
        }
    }
}

/// What a sign-in error code says. `interactive` decides whether a prompt for more proves that
/// the password was entered.
pub(crate) fn of_code(code: i64) -> Class {
    let (right, mfa) = (Class::RIGHT_PASSWORD, Class::MFA_ASKED);
    match code {
        0 => Class::SUCCESS,
        50126 | 50056 | 50064 | 80002 | 80005 => Class::WRONG_PASSWORD,
        50053 => Class::LOCKED,
        50034 => Class::UNKNOWN_USER,
        50057 => Class::DISABLED,
        50074 | 50076 | 50158 => right.and(mfa),
        50072 | 50079 | 50055 | 50144 | 50125 | 50140 | 50142 | 50135 | 50199 => right,
        500121 => right.and(Class::MFA_FAILED),
        53003 | 53000..=53002 | 53004 | 530031..=530039 | 50005 | 50131 | 50097 | 50155 => {
            Class::POLICY_BLOCK
        }
        50173 | 50132 | 50133 => Class::REVOKED,
        7000215 | 7000222 | 700023 | 700024 | 700027 | 7000211 | 7000212 | 7000213 => {
            Class::BAD_SECRET
        }
        81000..=81999 => Class::SEAMLESS_SSO,
        _ => Class::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_is_known_of_the_password() {
        for (code, right, wrong) in
            [(0, false, false), (50126, false, true), (50074, true, false), (53003, false, false)]
        {
            let class = of_code(code);
            assert_eq!(class.any(Class::RIGHT_PASSWORD), right, "{code}");
            assert_eq!(class.any(Class::WRONG_PASSWORD), wrong, "{code}");
        }
        assert!(of_code(81010).any(Class::SEAMLESS_SSO));
        assert!(of_code(500121).all(Class::RIGHT_PASSWORD.and(Class::MFA_FAILED)));
    }
}
