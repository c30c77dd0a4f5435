//! Compressed bodies: gzip, zstd and deflate, with the limit applied while the output grows.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, ZlibDecoder};
use flate2::read::MultiGzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};

/// The content codings of OTLP that burgee reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Zstd,
    /// The zlib format (RFC 1950), which is what HTTP and gRPC call deflate.
    Deflate,
}

impl Encoding {
    pub const ALL: [Encoding; 4] = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Deflate];

    /// Reads a `content-encoding` or `grpc-encoding` value, in any case; an empty one means identity. `x-gzip` is gzip
    /// (RFC 9110, 8.4.1.3), and `zlib` is what the Collector also calls deflate.
    pub fn from_header(value: &[u8]) -> Option<Encoding> {
        let value = value.trim_ascii();
        let named = NAMES.iter().find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|&(_, encoding)| encoding)
    }

    /// The header value.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
            Encoding::Deflate => "deflate",
        }
    }
}

/// Every word that is understood.
const NAMES: [(&str, Encoding); 7] = [
    ("", Encoding::Identity),
    ("identity", Encoding::Identity),
    ("gzip", Encoding::Gzip),
    ("x-gzip", Encoding::Gzip),
    ("zstd", Encoding::Zstd),
    ("deflate", Encoding::Deflate),
    ("zlib", Encoding::Deflate),
];

/// Why a compressed body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError<E> {
    #[error("larger than the limit of {limit} bytes after decompression")]
    TooLarge { limit: usize },
    /// Reading it would take more memory than its output.
    #[error("zstd data with a window of more than 8 MiB; compress it with a smaller window or a lower level")]
    Window,
    #[error("not valid {0} data")]
    Corrupt(&'static str),
    /// Whoever was asked for room had none.
    #[error("no memory for it")]
    Refused(E),
}

/// Decompresses `body` into at most `limit` bytes.
///
/// Several gzip members (RFC 1952, 2.2) or zstd frames (RFC 8878, 3) in a row are one body. A window of zstd may have
/// 8 MiB (RFC 9659). What stands after the end of the data is an error. Deflate data without a zlib head are read all
/// the same, since some senders never had one.
///
/// `grow` is asked before the output takes more memory than before, with the whole size it may come to have; so the
/// memory is charged before it is used.
pub fn decompress<E>(
    encoding: Encoding,
    body: &[u8],
    limit: usize,
    grow: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u8>, DecompressError<E>> {
    let corrupt = DecompressError::Corrupt(encoding.name());
    let whole = |rest: &[u8]| if rest.is_empty() { Ok(()) } else { Err(()) };
    let (out, end) = match encoding {
        Encoding::Identity => (fill(body, body.len(), limit, grow)?, Ok(())),
        Encoding::Gzip => (fill(MultiGzDecoder::new(body), body.len(), limit, grow)?, Ok(())),
        Encoding::Zstd => {
            let Ok(mut decoder) = zstd::Decoder::with_buffer(body) else { return Err(corrupt) };
            if decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).is_err() {
                return Err(corrupt);
            }
            (fill(decoder, body.len(), limit, grow)?, Ok(()))
        }
        Encoding::Deflate if has_zlib_head(body) => {
            let mut decoder = ZlibDecoder::new(body);
            let out = fill(&mut decoder, body.len(), limit, grow)?;
            (out, whole(decoder.into_inner()))
        }
        Encoding::Deflate => {
            let mut decoder = DeflateDecoder::new(body);
            let out = fill(&mut decoder, body.len(), limit, grow)?;
            (out, whole(decoder.into_inner()))
        }
    };
    match out {
        Ok(out) if end.is_ok() => Ok(out),
        Err(error) if error.to_string().contains(ZSTD_WINDOW_ERROR) => Err(DecompressError::Window),
        _ => Err(corrupt),
    }
}

/// [`decompress`] for gzip.
pub fn gunzip<E>(
    body: &[u8],
    limit: usize,
    grow: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u8>, DecompressError<E>> {
    decompress(Encoding::Gzip, body, limit, grow)
}

/// Reads all of `source`; the inner result is what the decoder had to say.
fn fill<E>(
    mut source: impl Read,
    body_len: usize,
    limit: usize,
    mut grow: impl FnMut(usize) -> Result<(), E>,
) -> Result<std::io::Result<Vec<u8>>, DecompressError<E>> {
    let mut out = Vec::new();
    let mut filled = 0;
    loop {
        if filled == out.len() {
            // one byte more than the limit tells "just fits" from "too large"
            let size =
                (out.len() * 2).max(body_len.saturating_mul(3)).max(MIN_STEP).min(limit.saturating_add(1));
            if size == out.len() {
                return Err(DecompressError::TooLarge { limit });
            }
            grow(size).map_err(DecompressError::Refused)?;
            out.resize(size, 0);
        }
        match source.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) => return Ok(Err(error)),
        }
    }
    if filled > limit {
        return Err(DecompressError::TooLarge { limit });
    }
    out.truncate(filled);
    Ok(Ok(out))
}

/// The two bytes of RFC 1950, 2.2: method 8, and a multiple of 31.
fn has_zlib_head(body: &[u8]) -> bool {
    matches!(*body, [cmf, flags, ..] if cmf & 0xf == 8 && u16::from_be_bytes([cmf, flags]).is_multiple_of(31))
}

/// Compresses the pieces of a body, one after the other, into one gzip member, zstd frame or zlib stream, at a level
/// that favours speed.
pub fn compress<'a>(encoding: Encoding, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    compress_at(encoding, None, pieces)
}

/// [`compress`] at a level of the encoding's own: 0 to 9, for zstd 1 to 19, above which receivers need not read it.
pub fn compress_at<'a>(
    encoding: Encoding,
    level: Option<u32>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let deflate = level.map_or(Compression::fast(), |level| Compression::new(level.min(9)));
    match encoding {
        Encoding::Identity => pieces.into_iter().fold(Vec::new(), |mut out, piece| {
            out.extend_from_slice(piece);
            out
        }),
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), deflate);
            write_all(&mut encoder, pieces);
            encoder.finish().expect(TO_MEMORY)
        }
        Encoding::Zstd => {
            let level = level.and_then(|level| i32::try_from(level.min(19)).ok());
            let encoder = zstd::Encoder::new(Vec::new(), level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL));
            let mut encoder = encoder.expect("these are levels");
            write_all(&mut encoder, pieces);
            encoder.finish().expect(TO_MEMORY)
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), deflate);
            write_all(&mut encoder, pieces);
            encoder.finish().expect(TO_MEMORY)
        }
    }
}

/// [`compress`] for gzip.
pub fn gzip<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    compress(Encoding::Gzip, pieces)
}

fn write_all<'a>(encoder: &mut impl Write, pieces: impl IntoIterator<Item = &'a [u8]>) {
    for piece in pieces {
        encoder.write_all(piece).expect(TO_MEMORY);
    }
}

const TO_MEMORY: &str = "writing to a Vec does not fail";
const MIN_STEP: usize = 4096;
/// 8 MiB, which RFC 9659 lets every sender of `content-encoding: zstd` count on, and no more.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// What the library says of a larger one; its errors have no codes to compare.
const ZSTD_WINDOW_ERROR: &str = "too much memory";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(encoding: Encoding, body: &[u8]) -> Result<Vec<u8>, DecompressError<()>> {
        decompress(encoding, body, 1 << 20, |_| Ok(()))
    }

    const COMPRESSED: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate];

    #[test]
    fn what_was_compressed_comes_back() {
        let text = b"a flag, a variant, ".repeat(500);
        for encoding in Encoding::ALL {
            let body = compress(encoding, text.chunks(700));
            assert_eq!(read(encoding, &body).as_deref(), Ok(&text[..]), "{encoding:?}");
            assert_eq!(Encoding::from_header(encoding.name().to_uppercase().as_bytes()), Some(encoding));
        }
        assert_eq!(Encoding::from_header(b" X-GZip "), Some(Encoding::Gzip));
        assert_eq!(Encoding::from_header(b"br"), None);
        assert_eq!(Encoding::from_header(b"gzip, gzip"), None);
    }

    #[test]
    fn raw_deflate_is_read_though_it_should_have_a_head() {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"no head").expect(TO_MEMORY);
        let body = encoder.finish().expect(TO_MEMORY);
        assert_eq!(read(Encoding::Deflate, &body).as_deref(), Ok(&b"no head"[..]));
    }

    #[test]
    fn members_in_a_row_are_one_body_and_anything_else_after_the_end_is_an_error() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let body = [compress(encoding, [&b"one"[..]]), compress(encoding, [&b"two"[..]])].concat();
            assert_eq!(read(encoding, &body).as_deref(), Ok(&b"onetwo"[..]), "{encoding:?}");
        }
        for encoding in COMPRESSED {
            let body = [&compress(encoding, [&b"one"[..]])[..], b"junk"].concat();
            assert_eq!(read(encoding, &body), Err(DecompressError::Corrupt(encoding.name())));
        }
    }

    #[test]
    fn a_cut_or_changed_body_is_corrupt() {
        for encoding in COMPRESSED {
            let body = compress(encoding, [&b"some text to compress"[..]]);
            for end in 0..body.len() {
                let cut = read(encoding, &body[..end]);
                // nothing at all is a zstd body of no frames
                let none = encoding == Encoding::Zstd && end == 0;
                assert!(cut.is_err() || none, "{encoding:?} cut at {end}: {cut:?}");
            }
            assert!(read(encoding, b"nothing like it").is_err(), "{encoding:?}");
        }
    }

    #[test]
    fn the_limit_holds_while_the_output_grows() {
        for encoding in COMPRESSED {
            let bomb = compress(encoding, std::iter::repeat_n(&[0; 1 << 16][..], 1024));
            let mut asked = Vec::new();
            let limit = 100_000;
            let out = decompress(encoding, &bomb, limit, |bytes| {
                asked.push(bytes);
                Ok::<(), ()>(())
            });
            assert_eq!(out, Err(DecompressError::TooLarge { limit }), "{encoding:?}");
            assert_eq!(asked.last(), Some(&(limit + 1)), "{encoding:?}: never more memory than that");
            let refused =
                decompress(encoding, &bomb, limit, |bytes| if bytes > 50_000 { Err(7) } else { Ok(()) });
            assert_eq!(refused, Err(DecompressError::Refused(7)));
        }
    }

    #[test]
    fn a_window_of_more_than_8_mib_is_named() {
        for (log, fits) in [(23, true), (24, false), (27, false)] {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("a level");
            encoder.window_log(log).expect("a window");
            // more than the window, or the frame would ask for less
            let text = vec![1; (1 << log) + 1];
            encoder.write_all(&text).expect(TO_MEMORY);
            let body = encoder.finish().expect(TO_MEMORY);
            let out = decompress(Encoding::Zstd, &body, 1 << 28, |_| Ok::<(), ()>(()));
            assert_eq!(
                out.map(|out| out.len()),
                if fits { Ok(text.len()) } else { Err(DecompressError::Window) }
            );
        }
    }
}
