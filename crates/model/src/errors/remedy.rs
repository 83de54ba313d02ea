//! What an administrator does next about an error code.
//!
//! A sentence or two for each category and, where the code says more than its category, for the
//! codes that fill real logs.

use super::Category;

/// What to do about errors of a category.
pub(super) fn of_category(category: Category) -> &'static str {
    match category {
        Category::Success => "Nothing to do.",
        Category::Credentials => {
            "Check which password, secret or assertion was presented and whether it has expired. \
             Many of these from one address or over many accounts is an attack, not a typo."
        }
        Category::Mfa => {
            "Open the authentication steps to see which method was asked for and how it ended, \
             and check the methods the user has registered."
        }
        Category::ConditionalAccess => {
            "Open the policies of this sign-in and find the one that failed; change the policy or \
             what the user comes with (device, application, place)."
        }
        Category::AccountState => {
            "Look the account up in the directory: does it exist, is it enabled, unlocked and \
             allowed to sign in now?"
        }
        Category::AppConfig => {
            "Compare the request with the application's registration: identifier, reply addresses, \
             credentials, assignments, and whether it is enabled in this tenant."
        }
        Category::Consent => {
            "Review what the application asks for; grant consent for the organisation if it is \
             trusted, or leave it refused."
        }
        Category::Token => {
            "The client has to get new tokens, usually by signing in again. Frequent repeats from \
             one application point at its token handling."
        }
        Category::Session => {
            "Usually settled by signing in again. If it repeats, clear the browser's session or \
             look at sign-in frequency and session policies."
        }
        Category::Interrupt => {
            "A normal pause: the user was asked for something. Act only if the user never gets \
             further; look at later events with the same correlation ID."
        }
        Category::Device => {
            "Check that the device is registered, that its registration is healthy, and that the \
             client supports device authentication."
        }
        Category::Federation => {
            "Look at the federated identity provider: is it reachable, did it refuse the user, and \
             do its certificates and claims match the federation settings?"
        }
        Category::Saml => {
            "Compare the application's SAML request with its single sign-on settings: identifier, \
             reply address, signing and name format."
        }
        Category::ExternalUser => {
            "Invite the account as a guest or have the user pick an account of the right tenant; \
             check whether the invitation was redeemed."
        }
        Category::KerberosSso => {
            "Check the seamless sign-on set-up: the computer account and its key, the ticket's \
             encryption, and that the user signs in as the person logged on to the device."
        }
        Category::OnpremAgent => {
            "Check the pass-through authentication agents: running, up to date, and able to reach \
             both the service and a domain controller."
        }
        Category::PasswordChange => {
            "Have the user try again with a password that meets the policy; check self-service \
             reset, write-back and the on-premises connection."
        }
        Category::Passwordless => {
            "Check the user's registered method and the policy of that method; registering it \
             anew often helps."
        }
        Category::Certificate => {
            "Check the certificate's chain, revocation list, validity and user mapping against the \
             trusted authorities set for the tenant."
        }
        Category::Tenant => {
            "Check the tenant name or domain in the request, and that the client uses the \
             endpoints of the cloud the tenant lives in."
        }
        Category::TenantRestriction => {
            "A policy between tenants stopped this. Review cross-tenant access settings on both \
             sides, and tenant restrictions on the network."
        }
        Category::Risk => {
            "Investigate the user's risk before letting them in; then dismiss or remediate it."
        }
        Category::Request => {
            "The application sent a request the service does not accept; give its developer the \
             code with the request and correlation IDs."
        }
        Category::Service => {
            "Usually passes by itself: retry, and check the service's health page. Open a case \
             with the request ID and time if it stays."
        }
    }
}

/// What to do about one code, where there is more to say than for its category.
pub(super) fn of_code(code: i64) -> Option<&'static str> {
    let index = BY_CODE.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    BY_CODE.get(index).map(|(_, text)| *text)
}

/// The codes that [`of_code`] knows.
#[cfg(test)]
pub(super) fn codes() -> impl Iterator<Item = i64> {
    BY_CODE.iter().map(|(code, _)| *code)
}

/// By code.
static BY_CODE: &[(i64, &str)] = &[
    (16000, "Have the user choose or add an account of this tenant; for outsiders, invite them."),
    (
        50011,
        "Add the reply address of the request to the application's registration, exactly as \
        sent, or correct it in the application.",
    ),
    (
        50020,
        "Invite the person as a guest, or send them to sign in with an account of this tenant; \
        a private window avoids the wrong session.",
    ),
    (
        50034,
        "Usually a mistyped name. Many different unknown names from one address is somebody \
        looking for valid accounts: consider blocking the address.",
    ),
    (
        50053,
        "Wait for the lockout to end or reset the password after confirming who tried. Check \
        the address: sign-ins from addresses known as malicious get this code too.",
    ),
    (50055, "The user changes the password at the next prompt; reset it if they cannot."),
    (
        50056,
        "Give the account a password, or check that it is meant to sign in by federation or \
        without one.",
    ),
    (
        50057,
        "Enable the account if that is intended. Attempts on an account disabled for a leaver \
        deserve a look at where they come from.",
    ),
    (
        50058,
        "Expected noise of silent single sign-on: the client asks the user next. Look only if \
        prompts repeat, often because third-party cookies are blocked.",
    ),
    (
        50059,
        "The client must name a tenant or the user must type a full user name; check the \
        address the application sends users to.",
    ),
    (
        50072,
        "The user has to register a second factor; help them at the registration page, or \
        issue a temporary access pass.",
    ),
    (
        50074,
        "The second factor was asked for and not completed in this request. Look at the next \
        event of the same correlation ID; alone after a correct password it may mean a stolen one.",
    ),
    (
        50076,
        "The client must ask again interactively so that the second factor can be done; \
        applications without a prompt need another way to sign in.",
    ),
    (
        50079,
        "Have the user register for multifactor authentication, or have the federated provider \
        send the claim that it was done.",
    ),
    (
        50088,
        "Too many calls or messages to this number: wait, and check for somebody triggering \
        prompts on purpose. Offer a method other than the telephone.",
    ),
    (50089, "The sign-in page was left open too long; start again."),
    (
        50097,
        "Expected where device state is asked for: the client proves the device next. If it \
        cannot, check the device's registration and the browser's support.",
    ),
    (
        50105,
        "Assign the user, or a group they are in, to the application, or turn off its \
        requirement for assignment.",
    ),
    (
        50126,
        "One or two are typing errors: offer a reset. Several accounts from one address is a \
        password spray; many on one account is guessing. Check for a success afterwards.",
    ),
    (
        50127,
        "Have the user install the broker application (the authenticator or company portal) \
        and try again.",
    ),
    (50129, "Register the device first: add it under the work account in the device's settings."),
    (
        50131,
        "Open the Conditional Access result; device state, suspicious activity or a policy \
        decision stopped it.",
    ),
    (50132, "The user signs in again; the password was changed or has expired since."),
    (50133, "The session was revoked after a password change: sign in again on this client."),
    (50135, "Treat the password as known to others: have it changed and review recent sign-ins."),
    (50140, "Expected: the user was asked whether to stay signed in."),
    (
        50144,
        "The on-premises password has expired; change it there or by self-service with \
        write-back.",
    ),
    (
        50158,
        "Look at the external control or the identity provider of the user's home: the demand \
        was handed over to it and did not come back satisfied.",
    ),
    (
        50173,
        "The grant was withdrawn, mostly by a password change or an administrator: the user \
        signs in again.",
    ),
    (
        51004,
        "The account is not in this directory: check the name and the tenant, or whether it was \
        deleted or not yet synchronised.",
    ),
    (
        53000,
        "Have the user open device management and fix what makes the device non-compliant, or \
        enrol it.",
    ),
    (53001, "Use a device joined to the domain; check its synchronisation if it should be one."),
    (53002, "Use one of the applications the policy approves."),
    (
        53003,
        "Open the Conditional Access result of this event and find the policy that blocked; it \
        says whether place, device, application or risk decided.",
    ),
    (
        53004,
        "Clear up the user's risk first; then let them register from a trusted place, or issue \
        a temporary access pass.",
    ),
    (
        65001,
        "Grant the application the permissions it asks for, for the organisation or the user, \
        after checking that it is genuine.",
    ),
    (65004, "The user declined. If the application is wanted, explain or grant consent for them."),
    (70008, "The client signs in again; the grant expired or was revoked."),
    (70043, "Expected under a sign-in frequency policy: the user signs in again."),
    (70044, "Expected under a sign-in frequency policy: the session was too old."),
    (80012, "The on-premises account has logon hours; change them or wait."),
    (90072, "The account is foreign to the tenant of the resource: invite it, or use another one."),
    (90094, "An administrator has to grant consent; review what the application asks for."),
    (90095, "Look for the user's request among the consent requests, and decide it."),
    (
        500_011,
        "The resource is not known in this tenant: correct its identifier or add its service \
        principal, or use the tenant that has it.",
    ),
    (
        500_121,
        "Read the additional details: denied, no answer, or a wrong number. A user who did \
        not start the sign-in has a stolen password: reset it and revoke sessions.",
    ),
    (530_032, "Find the security policy of the tenant that blocks this kind of request."),
    (
        530_035,
        "Move the client to modern authentication; security defaults block legacy protocols.",
    ),
    (
        700_016,
        "The application is not in this tenant: check its identifier and the tenant in the \
        address, or have an administrator add it.",
    ),
    (
        700_027,
        "The certificate or key that signed the assertion is not the one registered: upload \
        the public part or correct the client.",
    ),
    (700_082, "Expected after long inactivity: the user signs in again."),
    (
        7_000_112,
        "The application is disabled in this tenant. Enable it only if that was a mistake.",
    ),
    (
        7_000_215,
        "Put the secret's value, not its ID, into the client. Repeats after a rotation name \
        a forgotten client; from new addresses they are guessing.",
    ),
    (7_000_222, "Create a new secret or, better, a certificate, and roll it out to the client."),
];
