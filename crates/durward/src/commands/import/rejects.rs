//! The file of what could not be read, made when there is something to put into it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use durward_ingest::{Rejection, RejectsWriter};
use durward_model::Timestamp;

/// Where rejections go.
pub(super) struct Rejects {
    path: PathBuf,
    writer: Option<RejectsWriter<BufWriter<File>>>,
    count: u64,
}

impl Rejects {
    /// Rejections go to `path`, else to a file of this moment in the data directory.
    pub(super) fn new(path: Option<&Path>, data: &Path) -> Rejects {
        let in_data = || {
            let now = Timestamp::now().micros;
            data.join("rejects").join(format!("{now}-{}.jsonl", std::process::id()))
        };
        Rejects { path: path.map_or_else(in_data, Path::to_owned), writer: None, count: 0 }
    }

    /// Writes one.
    pub(super) fn write(&mut self, rejection: &Rejection) -> std::io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let file = File::create(&self.path)?;
                none.insert(RejectsWriter::new(BufWriter::new(file)))
            }
        };
        writer.write(rejection)?;
        self.count += 1;
        Ok(())
    }

    /// How many there were, and where they are if there were any.
    pub(super) fn finish(self) -> Result<(u64, Option<PathBuf>)> {
        let Some(writer) = self.writer else { return Ok((0, None)) };
        let saved = || -> std::io::Result<()> {
            let mut buffered = writer.into_inner();
            buffered.flush()?;
            buffered.get_ref().sync_all()
        };
        saved().with_context(|| format!("writing {}", self.path.display()))?;
        Ok((self.count, Some(self.path)))
    }
}
