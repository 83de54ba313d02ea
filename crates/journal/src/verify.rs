//! Does the log say what was written into it?

use durward_model::Timestamp;
use rusqlite::Connection;

use crate::chain::Chain;
use crate::database::COLUMNS;
use crate::error::JournalError;

/// A log whose entries agree with their chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// When the first of them began.
    pub first: Option<Timestamp>,
    /// When the last of them began.
    pub last: Option<Timestamp>,
    /// Chain of the last: noted elsewhere, it shows later that no entry up to it was touched.
    pub head: Chain,
}

/// See [`crate::Journal::verify`].
pub(crate) fn verify(
    connection: &Connection,
    noted: Option<Chain>,
) -> Result<Verified, JournalError> {
    let mut statement = connection.prepare("SELECT * FROM entry ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut verified = Verified::default();
    let mut seq = 0;
    let mut was_passed = noted.is_none_or(|noted| noted == verified.head);
    while let Some(row) = rows.next()? {
        seq += 1;
        let broken = |why: &str| Err(JournalError::Broken { seq, why: why.to_owned() });
        if row.get::<_, i64>(0)? != seq {
            return broken("it is missing");
        }
        let columns = (0..COLUMNS).map(|column| row.get_ref(column));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        verified.head = verified.head.followed_by(columns);
        if row.get_ref(COLUMNS)?.as_bytes().ok() != Some(verified.head.0.as_slice()) {
            return broken("it does not agree with its chain; it or the one before was changed");
        }
        let at = row.get(1).map(Timestamp::from_micros)?;
        verified.first.get_or_insert(at);
        verified.last = Some(at);
        verified.entries += 1;
        was_passed |= noted == Some(verified.head);
    }
    if !was_passed {
        let why = "no entry has the chain that was noted; entries at the end were removed, or \
                   entries were changed and all after them written anew";
        return Err(JournalError::Broken { seq, why: why.to_owned() });
    }
    Ok(verified)
}
