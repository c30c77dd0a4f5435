//! Compressed bodies: gzip, with the limit applied while the output grows.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// The content codings of OTLP that burgee reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// Reads a `content-encoding` or `grpc-encoding` value; an empty one means identity.
    pub fn from_header(value: &[u8]) -> Option<Encoding> {
        match value.trim_ascii() {
            b"" => Some(Encoding::Identity),
            value if value.eq_ignore_ascii_case(b"identity") => Some(Encoding::Identity),
            value if value.eq_ignore_ascii_case(b"gzip") => Some(Encoding::Gzip),
            _ => None,
        }
    }

    /// The header value.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
        }
    }
}

/// Why a compressed body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError<E> {
    #[error("larger than the limit of {limit} bytes after decompression")]
    TooLarge { limit: usize },
    #[error("not valid {0} data")]
    Corrupt(&'static str),
    /// Whoever was asked for room had none.
    #[error("no memory for it")]
    Refused(E),
}

/// Decompresses gzip (several members in a row are one body, RFC 1952 §2.2) into at most `limit` bytes.
///
/// `grow` is asked before the output takes more memory than before, with the whole size it may come to have; so the
/// memory is charged before it is used.
pub fn gunzip<E>(
    body: &[u8],
    limit: usize,
    mut grow: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u8>, DecompressError<E>> {
    let mut decoder = MultiGzDecoder::new(body);
    let mut out = Vec::new();
    let mut filled = 0;
    loop {
        if filled == out.len() {
            // one byte more than the limit tells "just fits" from "too large"
            let size =
                (out.len() * 2).max(body.len().saturating_mul(3)).max(MIN_STEP).min(limit.saturating_add(1));
            if size == out.len() {
                return Err(DecompressError::TooLarge { limit });
            }
            grow(size).map_err(DecompressError::Refused)?;
            out.resize(size, 0);
        }
        match decoder.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(_) => return Err(DecompressError::Corrupt("gzip")),
        }
    }
    if filled > limit {
        return Err(DecompressError::TooLarge { limit });
    }
    out.truncate(filled);
    Ok(out)
}

/// Compresses the pieces of a body, one after the other, into one gzip member.
pub fn gzip<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in pieces {
        encoder.write_all(piece).expect("writing to a Vec does not fail");
    }
    encoder.finish().expect("writing to a Vec does not fail")
}

const MIN_STEP: usize = 4096;
