//! Bounds of everything a decoder does, with the reason for each.

/// Largest record, in bytes. The largest seen in real files is 18 kB; Event Hubs carries at most
/// 1 MiB in one message.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Deepest nesting of JSON. Real records nest nine deep.
pub const JSON_DEPTH_MAX: usize = 64;

/// Most entries of one zip archive. A portal download has one, an exported container one an hour.
pub const ZIP_ENTRIES_MAX: u64 = 10_000;

/// Largest archive inside another archive, in bytes: it has to be held in memory.
pub const INNER_ZIP_BYTES_MAX: u64 = 64 << 20;

/// Packed layers: a gzip in a zip is read, a gzip in that is not.
pub const PACKED_LAYERS_MAX: usize = 2;

/// Decompressed bytes allowed for each compressed byte. Logs reach 60; deflate's limit is 1032.
pub const COMPRESSION_RATIO_MAX: u64 = 200;

/// Decompressed bytes that are always allowed, so that small files of repeated text pass.
pub const COMPRESSION_FREE_BYTES: u64 = 16 << 20;

/// Bytes read from a source at once. Half of a core's cache, so that a window is read from there.
pub const WINDOW_BYTES: usize = 512 << 10;

/// Containers inside containers (`[{"records":[…]}]`); deeper ones are refused.
pub const CONTAINER_DEPTH_MAX: usize = 6;

/// Unknown objects are taken apart this deep; what is below is kept as one value.
pub const UNKNOWN_DEPTH_MAX: usize = 6;

/// Unknown objects with more members than this are kept as one value: their member names are
/// likely data, and each set of names would be a shape of its own.
pub const UNKNOWN_MEMBERS_MAX: usize = 32;

/// Constants of a source up to this length are kept in the shape, longer text beside the event.
pub const LITERAL_BYTES_MAX: usize = 256;

/// Part of a rejected record that is shown, in bytes.
pub const EXCERPT_BYTES_MAX: usize = 400;

/// Rows of CSV that are held back until the order of day and month is known, in bytes.
pub const DATE_SCAN_BYTES_MAX: usize = 16 << 20;

/// Files below one folder.
pub const FOLDER_FILES_MAX: usize = 1_000_000;

/// Folders inside folders. Blob folders nest seven deep.
pub const FOLDER_DEPTH_MAX: usize = 32;

/// Rows of a batch, unless the caller says otherwise.
pub const BATCH_ROWS: usize = 4096;

/// Size of a batch in memory, in bytes, above which it is handed on early.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
