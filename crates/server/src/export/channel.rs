//! From a blocking writer to the body of an answer.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Part;

/// Bytes of one part.
const PART_BYTES: usize = 64 << 10;
/// Parts that may wait to be sent: with what is being written, all the memory an export holds.
const PARTS_MAX: usize = 8;
/// A client that takes nothing for so long is given up, so that it does not hold a thread.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Writes parts into a channel, and waits while it is full.
pub(crate) struct ChannelWriter {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Part>,
    runtime: Handle,
}

/// Ends an answer with an error.
pub(crate) struct Failing(mpsc::Sender<Part>, Handle);

impl ChannelWriter {
    /// A writer, and what reads from it. To be called within a runtime; the writer itself is for
    /// blocking threads.
    pub(crate) fn new() -> (ChannelWriter, mpsc::Receiver<Part>) {
        let (sender, receiver) = mpsc::channel(PARTS_MAX);
        let buffer = Vec::with_capacity(PART_BYTES * 2);
        (ChannelWriter { buffer, sender, runtime: Handle::current() }, receiver)
    }

    /// The way to end the answer with an error. The answer does not end before this is dropped.
    pub(crate) fn failing(&self) -> Failing {
        Failing(self.sender.clone(), self.runtime.clone())
    }
}

impl Failing {
    /// Cuts the answer off.
    pub(crate) fn fail(self, error: io::Error) {
        // A client that has gone needs not be told.
        let _ = send(&self.1, &self.0, Err(error));
    }
}

fn send(runtime: &Handle, sender: &mpsc::Sender<Part>, part: Part) -> io::Result<()> {
    let sent = runtime.block_on(tokio::time::timeout(STALL_MAX, sender.send(part)));
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(PART_BYTES * 2));
        send(&self.runtime, &self.sender, Ok(Bytes::from(part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_writer_never_runs_ahead_of_its_reader() {
        let (mut writer, mut receiver) = ChannelWriter::new();
        let written = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = written.clone();
        let thread = tokio::task::spawn_blocking(move || {
            for _ in 0..1000 {
                writer.write_all(&[7; 10_000]).unwrap();
                count.fetch_add(10_000, std::sync::atomic::Ordering::SeqCst);
            }
            writer.flush().unwrap();
        });
        let mut read = 0;
        while let Some(part) = receiver.recv().await {
            read += part.unwrap().len();
            // What was taken, what waits in the channel, what is on its way and in the buffer.
            let ahead = written.load(std::sync::atomic::Ordering::SeqCst).saturating_sub(read);
            assert!(ahead <= (PARTS_MAX + 3) * PART_BYTES * 2, "{ahead}");
        }
        assert_eq!(read, 10_000_000);
        thread.await.unwrap();
    }

    #[tokio::test]
    async fn a_writer_stops_when_nobody_reads() {
        let (mut writer, receiver) = ChannelWriter::new();
        drop(receiver);
        let thread = tokio::task::spawn_blocking(move || writer.write_all(&[0; PART_BYTES]));
        assert_eq!(thread.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
