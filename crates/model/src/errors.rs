//! Sign-in error codes and the status derived from them.
//!
//! A sign-in says how it went by a number (`status/errorCode`, the digits of `AADSTS50126`). The
//! table below is data (`data/error-codes.csv`), the set of codes that mean "interrupted"
//! included. The publisher calls codes unstable, so one that is not in the table is never an
//! error: it is a failure without a name.

use std::sync::LazyLock;

mod remedy;
mod search;

pub use search::{code_in, search};

/// How a sign-in ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[repr(u8)]
pub enum Status {
    /// Every requirement was met: code 0.
    Success = 0,
    /// It was refused.
    Failure = 1,
    /// It stopped to ask the user for something and was not completed in this request.
    Interrupted = 2,
}

impl Status {
    /// All of them, in the order of their numbers.
    pub const ALL: [Status; 3] = [Status::Success, Status::Failure, Status::Interrupted];

    /// The word shown and searched for.
    pub fn name(self) -> &'static str {
        match self {
            Status::Success => "Success",
            Status::Failure => "Failure",
            Status::Interrupted => "Interrupted",
        }
    }

    /// The status of that name, in any case.
    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }
}

macro_rules! categories {
    ($( $category:ident $name:literal $summary:literal )*) => {
        /// What an error code is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Category { $( #[doc = $summary] $category, )* }

        impl Category {
            /// All of them.
            pub const ALL: &[Category] = &[$(Category::$category),*];

            /// The name in the table.
            pub fn name(self) -> &'static str {
                match self { $(Category::$category => $name,)* }
            }

            /// A few plain words.
            pub fn summary(self) -> &'static str {
                match self { $(Category::$category => $summary,)* }
            }
        }
    };
}

categories! {
    Success "success" "Completed"
    Credentials "credentials" "Wrong or expired password, secret, passcode or assertion"
    Mfa "mfa" "Second factor needed, failed or unavailable"
    ConditionalAccess "conditional_access" "Conditional Access or security defaults"
    AccountState "account_state" "Account missing, locked, disabled or restricted"
    AppConfig "app_config" "Registration of the application or the resource"
    Consent "consent" "Consent of the user or an administrator"
    Token "token" "Token, code or grant invalid or expired"
    Session "session" "Single sign-on session or sign-out"
    Interrupt "interrupt" "Expected pause in the flow"
    Device "device" "Device registration or authentication"
    Federation "federation" "External identity provider"
    Saml "saml" "SAML request or response"
    ExternalUser "external_user" "Guest or foreign account"
    KerberosSso "kerberos_sso" "Seamless single sign-on"
    OnpremAgent "onprem_agent" "Pass-through authentication agent"
    PasswordChange "password_change" "Password change or reset"
    Passwordless "passwordless" "Windows Hello, FIDO2, QR code, phone sign-in, access pass"
    Certificate "certificate" "Certificate-based authentication"
    Tenant "tenant" "Tenant discovery or national cloud"
    TenantRestriction "tenant_restriction" "Tenant restrictions or cross-tenant access"
    Risk "risk" "Blocked for risk"
    Request "request" "Malformed or unsupported protocol request"
    Service "service" "Fault or throttling of the service"
}

impl Category {
    /// The category with that [`Category::name`].
    pub fn from_name(name: &str) -> Option<Category> {
        Category::ALL.iter().copied().find(|category| category.name().eq_ignore_ascii_case(name))
    }

    /// What an administrator does about errors of this kind.
    pub fn remedy(self) -> &'static str {
        remedy::of_category(self)
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct ErrorCode {
    /// The number, without `AADSTS`.
    pub code: i64,
    /// The published name; empty where there is none.
    pub name: &'static str,
    /// What it means, in a sentence without a full stop.
    pub reason: &'static str,
    /// What it is about.
    pub category: Category,
    /// The status it gives a sign-in.
    pub status: Status,
}

impl ErrorCode {
    /// What an administrator does next: for common codes specific, else by category.
    pub fn remedy(&self) -> &'static str {
        remedy::of_code(self.code).unwrap_or_else(|| self.category.remedy())
    }
}

static TABLE: LazyLock<Vec<ErrorCode>> = LazyLock::new(|| {
    let lines = include_str!("../data/error-codes.csv").lines().skip(1);
    let mut table: Vec<ErrorCode> = lines.filter_map(parse_line).collect();
    table.sort_unstable_by_key(|entry| entry.code);
    table
});

/// The whole table, by code.
pub fn all() -> &'static [ErrorCode] {
    &TABLE
}

/// The row of a code.
pub fn lookup(code: i64) -> Option<&'static ErrorCode> {
    let index = TABLE.binary_search_by_key(&code, |entry| entry.code).ok()?;
    TABLE.get(index)
}

/// The code in `50126`, `AADSTS50126` or `AADSTS50126: …`.
pub fn parse_code(text: &str) -> Option<i64> {
    let text = text.trim();
    let (prefix, rest) = text.split_at_checked("AADSTS".len()).unwrap_or((text, ""));
    let digits = if prefix.eq_ignore_ascii_case("AADSTS") { rest } else { text };
    digits.split(':').next()?.trim().parse().ok()
}

/// The status of a sign-in with this code (STATUS-1): 0 is a success, codes that the table marks
/// are interrupted, everything else failed. A missing code is not 0: a record that does not say
/// how it went must not count as a success.
pub fn status_of(code: Option<i64>) -> Status {
    match code {
        Some(0) => Status::Success,
        Some(code) => lookup(code).map_or(Status::Failure, |entry| entry.status),
        None => Status::Failure,
    }
}

/// The codes that mean "interrupted", in order. With code 0 they say all about the status.
pub fn interrupted_codes() -> &'static [i64] {
    static CODES: LazyLock<Vec<i64>> = LazyLock::new(|| {
        let rows = TABLE.iter().filter(|entry| entry.status == Status::Interrupted);
        rows.map(|entry| entry.code).collect()
    });
    &CODES
}

/// One line `code,name,reason,category,status`; only the reason may hold commas, and is quoted
/// when it does. The file is ours and holds no quote or line break inside a value.
fn parse_line(line: &'static str) -> Option<ErrorCode> {
    let (code, rest) = line.split_once(',')?;
    let (name, rest) = rest.split_once(',')?;
    let (rest, status) = rest.rsplit_once(',')?;
    let (reason, category) = rest.rsplit_once(',')?;
    Some(ErrorCode {
        code: code.parse().ok()?,
        name,
        reason: reason.trim_matches('"'),
        category: Category::from_name(category)?,
        status: Status::from_name(status)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(all().len(), 415);
        assert_eq!(include_str!("../data/error-codes.csv").lines().count(), 416);
        assert!(all().windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(all().iter().all(|entry| !entry.reason.is_empty()));
        for (category, count) in
            [(Category::Success, 1), (Category::AppConfig, 45), (Category::Risk, 4)]
        {
            let found = all().iter().filter(|entry| entry.category == category).count();
            assert_eq!(found, count, "{category:?}");
        }
        assert_eq!(Category::ALL.len(), 24);
        let locked = lookup(50053).unwrap();
        assert_eq!((locked.name, locked.category), ("IdsLocked", Category::AccountState));
        assert!(locked.reason.contains(", or sign-in came"), "{}", locked.reason);
    }

    #[test]
    fn status_1_the_code_decides() {
        use Status::{Failure, Interrupted, Success};
        let interrupted = [
            16000, 16001, 16003, 50055, 50058, 50059, 50072, 50074, 50125, 50127, 50129, 50140,
            50143, 50144, 51006, 52004, 65001, 81010, 81012, 81014,
        ];
        assert_eq!(interrupted_codes(), interrupted);
        for code in interrupted {
            assert_eq!(status_of(Some(code)), Interrupted, "{code}");
        }
        for code in [50076, 50079, 50097, 50158, 500_121, 53003, 70043, 700_082, 123_456_789, -1] {
            assert_eq!(status_of(Some(code)), Failure, "{code}");
        }
        assert_eq!(status_of(Some(0)), Success);
        assert_eq!(status_of(None), Failure);
    }

    #[test]
    fn codes_are_read_as_people_paste_them() {
        assert_eq!(parse_code(" 50126 "), Some(50126));
        assert_eq!(parse_code("aadsts50126"), Some(50126));
        assert_eq!(parse_code("AADSTS50126: Error validating credentials"), Some(50126));
        assert_eq!(parse_code("AADSTS"), None);
        assert_eq!(parse_code("InvalidUserNameOrPassword"), None);
        assert_eq!(parse_code(""), None);
    }

    #[test]
    fn remedies_are_for_codes_of_the_table_and_specific_ones_differ_from_general_ones() {
        for code in remedy::codes() {
            let entry = lookup(code).unwrap_or_else(|| panic!("{code} is not in the table"));
            assert_ne!(entry.remedy(), entry.category.remedy());
        }
        assert!(remedy::codes().is_sorted());
        assert!(remedy::codes().count() >= 40);
        assert_eq!(lookup(20001).unwrap().remedy(), Category::Federation.remedy());
    }
}
