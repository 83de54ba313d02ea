//! How a sign-in request can end.

/// A result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Outcome {
    Success,
    WrongPassword,
    UnknownUser,
    Locked,
    ExpiredPassword,
    Disabled,
    MfaInterrupt,
    MfaRequired,
    MfaDenied,
    MfaTimeout,
    NoSession,
    StaySignedIn,
    ConfirmApp,
    Blocked,
    DeviceNotCompliant,
    FrequencyToken,
    FrequencySession,
    InactiveToken,
    RevokedToken,
    NoConsent,
    DeclinedConsent,
    NotAssigned,
    WrongSecret,
    ExpiredSecret,
    NoResource,
}

/// The code, its reason in our own words, and additional details where records carry them.
pub(crate) struct Meaning {
    pub(crate) code: i64,
    pub(crate) reason: &'static str,
    pub(crate) details: Option<&'static str>,
}

impl Outcome {
    pub(crate) fn meaning(self) -> Meaning {
        let (code, reason, details) = match self {
            Outcome::Success => (0, "", None),
            Outcome::WrongPassword => (50126, "The user name or the password is wrong.", None),
            Outcome::UnknownUser => (50034, "There is no account of that name.", None),
            Outcome::Locked => (
                50053,
                "Too many wrong passwords: the account is locked for a while for this location.",
                None,
            ),
            Outcome::ExpiredPassword => (50055, "The password has expired.", None),
            Outcome::Disabled => (50057, "The account is disabled.", None),
            Outcome::MfaInterrupt => (
                50074,
                "Strong authentication is required and has not been done yet.",
                Some("MFA required in Azure AD"),
            ),
            Outcome::MfaRequired => (
                50076,
                "A policy or a new place means that a second factor is needed for this resource.",
                Some("MFA required in Azure AD"),
            ),
            Outcome::MfaDenied => (
                500_121,
                "The second factor was requested and not given.",
                Some("MFA denied; user declined the authentication"),
            ),
            Outcome::MfaTimeout => (
                500_121,
                "The second factor was requested and not given.",
                Some("MFA denied; user did not respond to mobile app notification"),
            ),
            Outcome::NoSession => (50058, "A silent sign-in found no session to use.", None),
            Outcome::StaySignedIn => {
                (50140, "The question whether to stay signed in was shown.", None)
            }
            Outcome::ConfirmApp => (50199, "The user has to confirm the application.", None),
            Outcome::Blocked => (53003, "Conditional Access blocked the request.", None),
            Outcome::DeviceNotCompliant => {
                (53000, "Conditional Access needs a compliant device.", None)
            }
            Outcome::FrequencyToken => {
                (70043, "The token is older than the sign-in frequency allows.", None)
            }
            Outcome::FrequencySession => {
                (70044, "The session is older than the sign-in frequency allows.", None)
            }
            Outcome::InactiveToken => {
                (700_082, "The refresh token lapsed through inactivity.", None)
            }
            Outcome::RevokedToken => {
                (50173, "The grant was revoked; the user has to sign in again.", None)
            }
            Outcome::NoConsent => (65001, "Nobody has consented to the application yet.", None),
            Outcome::DeclinedConsent => (65004, "The user refused consent.", None),
            Outcome::NotAssigned => (50105, "The user is not assigned to the application.", None),
            Outcome::WrongSecret => (7_000_215, "The client secret is wrong.", None),
            Outcome::ExpiredSecret => (7_000_222, "The client secrets have expired.", None),
            Outcome::NoResource => (500_011, "The resource is not known in the tenant.", None),
        };
        Meaning { code, reason, details }
    }

    /// Did Conditional Access get as far as judging the request?
    pub(crate) fn reaches_policies(self) -> bool {
        !matches!(
            self,
            Outcome::WrongPassword
                | Outcome::UnknownUser
                | Outcome::Locked
                | Outcome::ExpiredPassword
                | Outcome::Disabled
                | Outcome::NoSession
                | Outcome::InactiveToken
                | Outcome::RevokedToken
                | Outcome::WrongSecret
                | Outcome::ExpiredSecret
                | Outcome::NoResource
        )
    }
}
