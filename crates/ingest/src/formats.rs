//! The formats records come in, recognised by content.

pub(crate) mod csv_file;
pub(crate) mod dates;
pub(crate) mod extent;
pub(crate) mod headers;
pub(crate) mod json_stream;
pub(crate) mod packed;
pub(crate) mod query_result;
pub(crate) mod unicode;
