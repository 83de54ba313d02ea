//! What the user sees when a sign-in ends with an error code, in our own words.

use durward_model::errors::{Category, ErrorCode};

/// What the user sees.
pub(super) fn by_user(entry: &ErrorCode) -> &'static str {
    let index = BY_CODE.binary_search_by_key(&entry.code, |(code, _)| *code);
    match index.ok().and_then(|index| BY_CODE.get(index)) {
        Some((_, text)) => text,
        None => of_category(entry.category),
    }
}

/// By code.
static BY_CODE: &[(i64, &str)] = &[
    (50011, "A page that says that the reply address does not match."),
    (50034, "The sign-in page says that there is no such account."),
    (50053, "A message that the account is locked for a while, even with the right password."),
    (50055, "A page that asks for a new password."),
    (50057, "A message that the account is disabled."),
    (50058, "Nothing: it happens in the background, and the sign-in page comes next."),
    (50072, "A page that more information is needed, and the set-up of a second factor."),
    (50074, "A prompt for the second factor."),
    (50076, "A prompt for the second factor, or in applications without one an error."),
    (50079, "A page that more information is needed, and the set-up of a second factor."),
    (50097, "Nothing as a rule: the browser or application proves the device."),
    (50105, "A message that an administrator has to assign them to the application."),
    (50126, "The sign-in page says that the account or the password is incorrect."),
    (50140, "The question whether to stay signed in."),
    (50144, "A page that asks for a new password."),
    (50173, "A sign-in page: the session ended."),
    (53000, "A page that the device has to meet the organisation's rules, with steps."),
    (53001, "A page that the device has to be joined to the organisation."),
    (53002, "A page that the application cannot be used, and which ones can."),
    (53003, "A page that they cannot get there from here: the sign-in was right, but not allowed."),
    (53004, "A page that the set-up of a second factor was stopped for risk."),
    (65001, "A page that asks for permissions, or that an administrator has to approve."),
    (65004, "Back to the application, which says that the permissions were declined."),
    (70043, "A sign-in page: the session is older than the organisation allows."),
    (70044, "A sign-in page: the session is older than the organisation allows."),
    (500_121, "A message that the second factor was not verified, and another try."),
    (700_016, "A page that the application was not found in the directory."),
    (700_082, "A sign-in page, after a long time without use."),
];

fn of_category(category: Category) -> &'static str {
    match category {
        Category::Success => "The application.",
        Category::Credentials => {
            "A message that what they entered is wrong; of secrets and certificates of \
             applications users see nothing but the application's own error."
        }
        Category::Mfa => "A prompt for the second factor, or a message that it did not work.",
        Category::ConditionalAccess | Category::Risk => {
            "A page that access is blocked or needs more, with an error number at its end."
        }
        Category::AccountState => "A message that this account cannot sign in.",
        Category::AppConfig | Category::Request | Category::Saml => {
            "An error page with the code: nothing that they can mend themselves."
        }
        Category::Consent => "A page about permissions, or that an administrator has to approve.",
        Category::Token | Category::Session => {
            "As a rule a sign-in page; in the background nothing."
        }
        Category::Interrupt => "One more page of the sign-in, which then goes on.",
        Category::Device => "A request to register or update the device, or nothing.",
        Category::Federation => "An error page, often of the other identity provider.",
        Category::ExternalUser => "A message that their account is not in this organisation.",
        Category::KerberosSso => "A sign-in page instead of being signed in without one.",
        Category::OnpremAgent => "A message that the sign-in did not work, though all was right.",
        Category::PasswordChange => "A page about the new password, with what is wrong with it.",
        Category::Passwordless => "A message to use another way to sign in.",
        Category::Certificate => "A message that the certificate was not accepted.",
        Category::Tenant => "An error page that the organisation was not found.",
        Category::TenantRestriction => {
            "A page that the organisation does not allow access to the other one from here."
        }
        Category::Service => "An error page; trying again mostly helps.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use durward_model::errors;

    #[test]
    fn every_code_has_a_sentence() {
        assert!(BY_CODE.is_sorted_by_key(|(code, _)| *code));
        for (code, text) in BY_CODE {
            let entry = errors::lookup(*code).unwrap();
            assert_eq!(by_user(entry), *text);
        }
        assert!(errors::all().iter().all(|entry| by_user(entry).ends_with('.')));
    }
}
