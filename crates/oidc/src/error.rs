//! What goes wrong while signing in.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{RequestTokenError, StandardErrorResponse};

use crate::http::HttpError;

/// Of what a provider says went wrong.
const MAX_DESCRIPTION_CHARS: usize = 300;

/// What goes wrong while signing in, in words for whom it concerns.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The configuration cannot work.
    #[error("{0}")]
    Config(String),
    /// The provider cannot be reached, or talks nonsense.
    #[error("the identity provider cannot be used now: {0}")]
    Unreachable(String),
    /// The provider refuses, for example because a code was used twice.
    #[error("the identity provider refused: {code}{}{description}", if description.is_empty() { "" } else { ": " })]
    Refused {
        /// The error code of OAuth.
        code: String,
        /// In the provider's words; may be empty.
        description: String,
    },
    /// The answer is no ID token, or one that is broken.
    #[error("the identity provider sent no usable ID token")]
    Malformed,
    /// The ID token has run out.
    #[error("the ID token has expired; do the clocks agree?")]
    Expired,
    /// The ID token is from the future.
    #[error("the ID token is not valid yet; do the clocks agree?")]
    NotYetValid,
    /// The ID token is for another application.
    #[error("the ID token is for another application")]
    WrongAudience,
    /// Another issuer has issued the ID token, or has sent the browser back.
    #[error("the answer is of another issuer")]
    WrongIssuer,
    /// The person belongs to a tenant that is not accepted.
    #[error("people of this tenant may not sign in here")]
    WrongTenant,
    /// The ID token belongs to another sign-in.
    #[error("the ID token belongs to another sign-in")]
    WrongNonce,
    /// The ID token and the access token do not belong together.
    #[error("the ID token belongs to another access token")]
    WrongAccessToken,
    /// The ID token is signed with an algorithm that is not accepted, or not at all.
    #[error("the ID token is not signed with an accepted algorithm")]
    Algorithm,
    /// The key that signed the ID token is not published.
    #[error("the ID token is signed with a key that the identity provider does not publish")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    BadSignature,
}

impl From<HttpError> for OidcError {
    fn from(error: HttpError) -> OidcError {
        OidcError::Unreachable(error.to_string())
    }
}

/// What became of a request for tokens.
pub(crate) fn explain(
    error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(refusal) => OidcError::Refused {
            code: printable(refusal.error().as_ref()),
            description: refusal
                .error_description()
                .map(|text| printable(text))
                .unwrap_or_default(),
        },
        RequestTokenError::Request(error) => error.into(),
        // What could not be read may hold tokens and stays unsaid.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => OidcError::Malformed,
    }
}

/// A beginning of a foreign text on one line.
fn printable(text: &str) -> String {
    let plain = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(MAX_DESCRIPTION_CHARS).map(plain).collect()
}
