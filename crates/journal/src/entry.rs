//! What is written down of a look.

use std::borrow::Cow;

use durward_model::Timestamp;

use crate::chain::Chain;

/// Longest question that is kept whole, in bytes.
pub const QUERY_BYTES_MAX: usize = 4096;
/// Longest of every other text that is kept whole, in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;

/// Declares an enum whose values have names that files and interfaces use: they never change.
macro_rules! named {
    ($(#[$of:meta])* $name:ident { $($(#[$meta:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$meta])* $value,)+
            /// Something that another version of durward wrote and this one does not know.
            Unknown,
        }

        impl $name {
            /// All that this version knows.
            pub const ALL: &[$name] = &[$($name::$value),+];

            /// Its name in files and interfaces.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$value => $text,)+
                    $name::Unknown => "unknown",
                }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|value| value.name() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

named! {
    /// What somebody did.
    Action {
        /// Signed in to durward, or tried to.
        SignIn = "sign-in",
        /// Signed out of durward.
        SignOut = "sign-out",
        /// Got a short-lived access token.
        Token = "token",
        /// Read a list of events.
        List = "list",
        /// Read one event.
        Read = "read",
        /// Read numbers: a count, a summary, a chart.
        Count = "count",
        /// Read groups of events.
        Group = "group",
        /// Watched events arrive.
        Tail = "tail",
        /// Began an export; written before its first byte.
        Export = "export",
        /// An export ended; says how many rows left. Has the request of its [`Action::Export`].
        ExportEnd = "export-end",
        /// Read or exported this log.
        AccessLog = "access-log",
        /// Put records in.
        Push = "push",
        /// Said of a sign-in whether it was theirs.
        Report = "report",
        /// Changed settings, accounts or tokens.
        Change = "change",
        /// Was refused.
        Denied = "denied",
    }
}

named! {
    /// What kind of somebody it was.
    ActorKind {
        /// A person, by a session or by a token of theirs.
        Person = "person",
        /// A token that belongs to nobody.
        Token = "token",
        /// An application with a token of another issuer.
        Application = "application",
        /// Whoever uses the command line on the machine of the data.
        Operator = "operator",
        /// The visitor of a demo.
        Demo = "demo",
        /// Somebody who has not shown who they are.
        Nobody = "nobody",
    }
}

/// Who it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of somebody.
    pub kind: ActorKind,
    /// Their identifier, which outlives a change of name.
    pub id: String,
    /// Their name at the time.
    pub name: String,
    /// Name of the token that was used, if one was. Never the token.
    pub token: Option<String>,
}

/// One look, or one change.
///
/// Texts longer than [`TEXT_BYTES_MAX`] ([`QUERY_BYTES_MAX`] for the question) are cut when they
/// are written, and end in a mark that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it began; when it ended, of an [`Action::ExportEnd`]. Kept to the microsecond.
    pub at: Timestamp,
    /// What they did.
    pub action: Action,
    /// Who did.
    pub actor: Actor,
    /// The IP address they came from.
    pub address: Option<String>,
    /// Template of the route, such as `/events/{id}`, or the command.
    pub route: String,
    /// What was asked: the query string, the filter, the arguments. Never with secrets in it.
    pub query: String,
    /// What it was about, if one thing: an event's identifier, the person looked up.
    pub target: Option<String>,
    /// How many rows they got, where that is known.
    pub rows: Option<u64>,
    /// The result, as HTTP has it.
    pub status: u16,
    /// Identifier of the request, the one that answers and logs carry.
    pub request_id: String,
    /// How long it took until this was written, in milliseconds.
    pub took_ms: u64,
}

impl Entry {
    /// An entry of now, about something that went well; the rest is for the caller to fill in.
    pub fn new(action: Action, actor: Actor) -> Entry {
        Entry {
            at: Timestamp::now(),
            action,
            actor,
            address: None,
            route: String::new(),
            query: String::new(),
            target: None,
            rows: None,
            status: 200,
            request_id: String::new(),
            took_ms: 0,
        }
    }
}

/// An entry as it is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number; the first is 1, and there are no gaps.
    pub seq: i64,
    /// The entry.
    pub entry: Entry,
    /// What binds it to the entry before.
    pub chain: Chain,
}

/// The text, or as much of it as may be kept and a mark that says how long it was.
pub(crate) fn bounded(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let mark = format!("… [cut, was {} bytes]", text.len());
    let mut end = bytes_max.saturating_sub(mark.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}{mark}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters_and_marked() {
        assert_eq!(bounded("ééé", 6), "ééé");
        for bytes_max in 30..40 {
            let cut = bounded(&"é".repeat(50), bytes_max).into_owned();
            assert!(cut.len() <= bytes_max && cut.len() + 1 >= bytes_max, "{bytes_max}: {cut}");
            assert!(cut.starts_with('é') && cut.ends_with("é… [cut, was 100 bytes]"), "{cut}");
        }
    }

    #[test]
    fn names_are_found_again() {
        for &action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(action));
        }
        for &kind in ActorKind::ALL {
            assert_eq!(ActorKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Action::from_name("unknown"), None);
    }
}
