//! What can go wrong with people, tokens and sessions.

use std::io;
use std::path::PathBuf;

use crate::password::WeakPassword;

/// Something was refused, or could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The directory or the file cannot be made or protected.
    #[error("cannot use {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be read or written.
    #[error("cannot read or write the database of accounts: {0}")]
    Database(#[from] rusqlite::Error),
    /// A newer durward wrote it.
    #[error(
        "the database of accounts has layout {found}, and this version of durward knows \
         layouts up to {known}: use the newer version"
    )]
    TooNew {
        /// The layout found.
        found: usize,
        /// The newest known.
        known: usize,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// A password could not be hashed.
    #[error("cannot hash a password: {0}")]
    Hash(String),
    /// A password is too easily guessed.
    #[error("{0}")]
    WeakPassword(#[from] WeakPassword),
    /// What was asked for cannot be, for the reason given in words.
    #[error("{0}")]
    Invalid(String),
    /// The name is in use.
    #[error("the name `{0}` is taken")]
    NameTaken(String),
    /// There is no such person, or they have no account here of the kind needed.
    #[error("there is no such person")]
    NoSuchPerson,
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
}

impl AccessError {
    /// Is it the asker's doing, so that the words are for them?
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            AccessError::WeakPassword(_)
                | AccessError::Invalid(_)
                | AccessError::NameTaken(_)
                | AccessError::NoSuchPerson
                | AccessError::Disabled
        )
    }
}

/// A result with an [`AccessError`].
pub(crate) type Result<T> = std::result::Result<T, AccessError>;
