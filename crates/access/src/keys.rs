//! Keys of the server, which have to stay the same from start to start.

use crate::error::Result;
use crate::secret;
use crate::store::AccessStore;

impl AccessStore {
    /// The key for a purpose, such as `cookies`; made at random when it is first asked for.
    pub fn key(&self, purpose: &str) -> Result<[u8; 32]> {
        let bytes: [u8; 32] = secret::random()?;
        self.write(|db| {
            // The first one stays, whoever made it.
            let insert = "INSERT INTO key (name, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            db.prepare_cached(insert)?.execute((purpose, &bytes))?;
            let select = "SELECT bytes FROM key WHERE name = ?1";
            Ok(db.prepare_cached(select)?.query_row([purpose], |row| row.get(0))?)
        })
    }
}
