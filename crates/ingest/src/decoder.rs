//! From files, streams and request bodies to batches of events.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use durward_model::time::Timestamp;

use crate::feed::Feed;
use crate::files::{is_authentication_details, log_of_name, tenant_of};
use crate::formats::csv_file::{self, CsvFile};
use crate::formats::json_stream::JsonStream;
use crate::formats::packed::{self, Meter, is_clutter, is_gzip, is_zip};
use crate::formats::unicode::Utf16Reader;
use crate::limits::{BATCH_ROWS, INNER_ZIP_BYTES_MAX, PACKED_LAYERS_MAX};
use crate::record::{FileContext, RecordDecoder};
use crate::sink::{Batcher, DecodeError, Problem, Sink, Summary};

/// What a decoder needs to be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// When the records were received.
    pub received: Timestamp,
    /// The tenant of records that do not name theirs; none leaves it empty.
    pub default_tenant: Option<String>,
    /// The only tenants whose records are taken; those of others are rejected. None means all.
    pub only_tenants: Vec<String>,
    /// Rows of a batch at most.
    pub batch_rows: usize,
}

impl Options {
    /// Options for records received at that time.
    pub fn new(received: Timestamp) -> Options {
        Options { received, default_tenant: None, only_tenants: Vec::new(), batch_rows: BATCH_ROWS }
    }
}

/// Reads sign-in records, whatever they are wrapped in. One decoder for each thread; it may read
/// any number of files one after the other and keeps what it learned of their layout.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    records: RecordDecoder,
}

/// A source of bytes that is already inside some packed layers.
struct Layer<'m> {
    depth: usize,
    meter: Option<&'m Meter>,
}

impl Decoder {
    /// A decoder.
    pub fn new(options: Options) -> Decoder {
        Decoder { options, records: RecordDecoder::new() }
    }

    /// Sets when the records that come next were received.
    pub fn set_received(&mut self, received: Timestamp) {
        self.options.received = received;
    }

    /// Reads a file; its format is recognised by its content.
    ///
    /// # Errors
    /// When the file cannot be read or the sink refuses. What is wrong with the content is
    /// rejected, not an error.
    pub fn decode_file(
        &mut self,
        path: &Path,
        sink: &mut dyn Sink,
    ) -> Result<Summary, DecodeError> {
        let name = path.to_string_lossy().into_owned();
        let failed = |source| DecodeError::Io { file: name.clone(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mut head = Vec::new();
        (&mut file).take(4).read_to_end(&mut head).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut out = self.batcher(sink, &name);
        if is_zip(&head) {
            let length = file.metadata().map_err(failed)?.len();
            let meter = Meter::new(length);
            let layer = Layer { depth: 0, meter: Some(&meter) };
            self.archive(BufReader::new(file), &layer, &mut out)?;
        } else {
            self.stream(&mut file, &Layer { depth: 0, meter: None }, &mut out)?;
        }
        out.flush()?;
        Ok(out.summary)
    }

    /// Reads a piece of a file of JSON Lines, as [`crate::split_lines`] cuts it.
    ///
    /// # Errors
    /// As [`Decoder::decode_file`].
    pub fn decode_range(
        &mut self,
        path: &Path,
        range: Range<u64>,
        sink: &mut dyn Sink,
    ) -> Result<Summary, DecodeError> {
        let length = std::fs::metadata(path).map_or(0, |data| data.len());
        if range.start == 0 && range.end >= length {
            return self.decode_file(path, sink);
        }
        let name = path.to_string_lossy().into_owned();
        let failed = |source| DecodeError::Io { file: name.clone(), source };
        let mut file = File::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        let mut out = self.batcher(sink, &name);
        out.begin_at(path, range.start);
        let mut part = file.take(range.end.saturating_sub(range.start));
        self.stream(&mut part, &Layer { depth: 0, meter: None }, &mut out)?;
        out.flush()?;
        Ok(out.summary)
    }

    /// Reads a stream; `name` stands for it in rejections and may tell a tenant or log as a
    /// file's name does.
    ///
    /// # Errors
    /// As [`Decoder::decode_file`].
    pub fn decode_reader(
        &mut self,
        name: &str,
        mut reader: impl Read,
        sink: &mut dyn Sink,
    ) -> Result<Summary, DecodeError> {
        let mut out = self.batcher(sink, name);
        self.stream(&mut reader, &Layer { depth: 0, meter: None }, &mut out)?;
        out.flush()?;
        Ok(out.summary)
    }

    /// Reads bytes, such as the body of a request.
    ///
    /// # Errors
    /// As [`Decoder::decode_file`].
    pub fn decode_bytes(
        &mut self,
        name: &str,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<Summary, DecodeError> {
        self.decode_reader(name, bytes, sink)
    }

    fn batcher<'s>(&self, sink: &'s mut dyn Sink, name: &str) -> Batcher<'s> {
        Batcher::new(sink, self.options.batch_rows, self.options.received, name)
    }

    fn context(&self, name: &str) -> FileContext {
        FileContext {
            tenant: tenant_of(name).map(str::to_owned).or(self.options.default_tenant.clone()),
            only_tenants: self.options.only_tenants.clone(),
            log_hint: log_of_name(name),
            ..FileContext::default()
        }
    }

    /// Reads a stream of whatever it turns out to be.
    fn stream(
        &mut self,
        reader: &mut dyn Read,
        layer: &Layer<'_>,
        out: &mut Batcher<'_>,
    ) -> Result<(), DecodeError> {
        let mut feed = Feed::new(reader);
        feed.fill(4);
        if is_gzip(feed.window()) {
            return self.gzip(&mut feed, layer, out);
        }
        if is_zip(feed.window()) {
            return self.inner_archive(&mut feed, layer, out);
        }
        let little_endian = match feed.window() {
            [0xff, 0xfe, ..] => Some(true),
            [0xfe, 0xff, ..] => Some(false),
            _ => None,
        };
        let Some(little_endian) = little_endian else { return self.text(&mut feed, layer, out) };
        feed.advance(2);
        let mut text = Utf16Reader::new(feed, little_endian);
        let reader: &mut dyn Read = &mut text;
        self.text(&mut Feed::new(reader), layer, out)
    }

    fn gzip(
        &mut self,
        feed: &mut Feed<&mut dyn Read>,
        layer: &Layer<'_>,
        out: &mut Batcher<'_>,
    ) -> Result<(), DecodeError> {
        if layer.depth >= PACKED_LAYERS_MAX {
            return out.problem(Problem::NestedArchive);
        }
        let own = Meter::new(0);
        // Inside another layer, what counts is the size of the outermost data.
        let meter = layer.meter.unwrap_or(&own).clone();
        let packed = own.packed(feed);
        let mut reader = meter.unpacked(flate2::read::MultiGzDecoder::new(packed));
        self.stream(&mut reader, &Layer { depth: layer.depth + 1, meter: Some(&meter) }, out)
    }

    /// Reads an archive that is not a file of its own; it has to be held in memory.
    fn inner_archive(
        &mut self,
        feed: &mut Feed<&mut dyn Read>,
        layer: &Layer<'_>,
        out: &mut Batcher<'_>,
    ) -> Result<(), DecodeError> {
        if layer.depth >= PACKED_LAYERS_MAX {
            return out.problem(Problem::NestedArchive);
        }
        let mut bytes = Vec::new();
        if let Err(error) = feed.take(INNER_ZIP_BYTES_MAX + 1).read_to_end(&mut bytes) {
            return self.failed(error, layer, out);
        }
        if bytes.len() as u64 > INNER_ZIP_BYTES_MAX {
            return out.problem(Problem::NestedArchive);
        }
        let own = Meter::new(bytes.len() as u64);
        let meter = layer.meter.unwrap_or(&own).clone();
        let layer = Layer { depth: layer.depth, meter: Some(&meter) };
        self.archive(Cursor::new(bytes), &layer, out)
    }

    fn archive<R: Read + Seek>(
        &mut self,
        mut reader: R,
        layer: &Layer<'_>,
        out: &mut Batcher<'_>,
    ) -> Result<(), DecodeError> {
        if let Err(problem) = packed::check_entry_count(&mut reader) {
            return out.problem(problem);
        }
        let mut archive = match zip::ZipArchive::new(reader) {
            Ok(archive) => archive,
            Err(error) => return out.problem(Problem::Compression(error.to_string())),
        };
        let archive_name = out.file.clone();
        for index in 0..archive.len() {
            let mut entry = match archive.by_index(index) {
                Ok(entry) => entry,
                Err(zip::result::ZipError::UnsupportedArchive(what))
                    if what.contains("assword") =>
                {
                    out.problem(Problem::Encrypted)?;
                    continue;
                }
                Err(error) => {
                    out.problem(Problem::Compression(error.to_string()))?;
                    continue;
                }
            };
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if entry.is_dir() || is_clutter(&name) {
                continue;
            }
            out.file = format!("{archive_name}!{name}");
            match layer.meter {
                Some(meter) => {
                    let layer = Layer { depth: layer.depth + 1, meter: Some(meter) };
                    self.stream(&mut meter.unpacked(&mut entry), &layer, out)?;
                }
                None => self.stream(&mut entry, layer, out)?,
            }
            out.file.clone_from(&archive_name);
            if out.summary.problem == Some(Problem::CompressionBomb) {
                break;
            }
        }
        Ok(())
    }

    /// Reads text, which is JSON or CSV.
    fn text(
        &mut self,
        feed: &mut Feed<&mut dyn Read>,
        layer: &Layer<'_>,
        out: &mut Batcher<'_>,
    ) -> Result<(), DecodeError> {
        feed.fill(3);
        if feed.window().starts_with(b"\xef\xbb\xbf") {
            feed.advance(3);
        }
        let file = self.context(&out.file);
        if is_authentication_details(&out.file) {
            return out.problem(Problem::AuthenticationDetails);
        }
        let first = loop {
            let blanks = feed.window().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            feed.advance(blanks);
            if let Some(&byte) = feed.window().first() {
                break Some(byte);
            }
            if !feed.more() {
                break None;
            }
        };
        let fault = match first {
            None => feed.take_fault(),
            Some(b'{' | b'[') => {
                JsonStream::new(&mut self.records, &file, out).run(feed)?;
                feed.take_fault()
            }
            Some(_) => {
                feed.fill(1);
                match csv_file::recognise(feed.window()) {
                    Some(header) => CsvFile::run(feed, header, &mut self.records, file, out)?,
                    None => {
                        out.problem(Problem::UnknownFormat)?;
                        feed.take_fault()
                    }
                }
            }
        };
        match fault {
            Some(error) => self.failed(error, layer, out),
            None => Ok(()),
        }
    }

    /// A source that failed: damaged if it is compressed, else unreadable.
    fn failed(
        &self,
        error: std::io::Error,
        layer: &Layer<'_>,
        out: &mut Batcher<'_>,
    ) -> Result<(), DecodeError> {
        if layer.depth > 0 {
            return out.problem(packed::problem_of(&error));
        }
        Err(DecodeError::Io { file: out.file.clone(), source: error })
    }
}
