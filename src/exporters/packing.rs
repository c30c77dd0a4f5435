//! From a batch to the body of a request: the keys `compression`, `compression_params` and `encoding`.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Notes, Problem};
use crate::component::{Batch, beside};
use crate::otlp::compression::{Encoding, compress_at};
use crate::otlp::{Payload, Signal, json};

/// The key `compression`: every word that the Collector knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    #[default]
    Gzip,
    Zstd,
    Zlib,
    Deflate,
    /// Not in burgee, as is said.
    Snappy,
    /// Not in burgee, as is said.
    XSnappyFramed,
    /// Not in burgee, as is said.
    Lz4,
    #[serde(alias = "")]
    None,
}

/// The key `compression_params`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionParams {
    /// -1 is the default of the method, which favours speed; gzip, zlib and deflate have 0 to 9, zstd 1 to 19.
    pub level: Option<i32>,
}

/// The key `encoding` of `otlp_http`, and `format` of `file`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    #[default]
    Proto,
    Json,
}

/// What makes bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packer {
    pub format: BodyFormat,
    pub encoding: Encoding,
    level: Option<u32>,
    /// What the encoding is called in the request; `None` if it need not be.
    pub name: Option<&'static str>,
}

/// The body of a request that carries a batch.
pub(super) struct Packed {
    pub chunks: Vec<Bytes>,
    /// Of all chunks together.
    pub bytes: usize,
}

impl Compression {
    /// What makes such bodies, if `known` has this compression.
    pub(super) fn build(
        self,
        params: &CompressionParams,
        format: BodyFormat,
        known: &[Compression],
        notes: &mut Notes,
    ) -> Option<Packer> {
        let (encoding, name) = match self {
            Compression::Gzip => (Encoding::Gzip, Some("gzip")),
            Compression::Zstd => (Encoding::Zstd, Some("zstd")),
            Compression::Deflate => (Encoding::Deflate, Some("deflate")),
            // the word of the Collector, which sends the same bytes under both names
            Compression::Zlib => (Encoding::Deflate, Some("zlib")),
            Compression::None => (Encoding::Identity, None),
            Compression::Snappy | Compression::XSnappyFramed | Compression::Lz4 => (Encoding::Identity, None),
        };
        if !known.contains(&self) {
            let names: Vec<_> = known.iter().map(|known| known.key()).collect();
            let problem = Problem::new(&["compression"], format!("\"{}\" is not in burgee", self.key()));
            notes.problems.push(problem.with_help(format!("there are {}", names.join(", "))));
            return None;
        }
        let level = notes.take(self.level(params))?;
        Some(Packer { format, encoding, level, name })
    }

    fn level(self, params: &CompressionParams) -> Result<Option<u32>, Problem> {
        let levels = match self {
            Compression::Gzip | Compression::Zlib | Compression::Deflate => 0..=9,
            Compression::Zstd => 1..=19,
            _ => 0..=0,
        };
        // 0 is "not said" for zstd in the Collector
        let unsaid = |level: i32| level == -1 || level == 0 && *levels.start() == 1;
        match params.level {
            None => Ok(None),
            Some(level) if unsaid(level) => Ok(None),
            Some(level) => match u32::try_from(level).ok().filter(|level| levels.contains(level)) {
                Some(level) => Ok(Some(level)),
                None => {
                    let (least, most) = (levels.start(), levels.end());
                    let message = format!("({level}) is no level of {}", self.key());
                    let problem = Problem::new(&["compression_params", "level"], message);
                    Err(problem.with_help(format!("write {least} to {most}, or -1 for the default")))
                }
            },
        }
    }

    /// As it is written in the configuration.
    fn key(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Zlib => "zlib",
            Compression::Deflate => "deflate",
            Compression::Snappy => "snappy",
            Compression::XSnappyFramed => "x-snappy-framed",
            Compression::Lz4 => "lz4",
            Compression::None => "none",
        }
    }
}

impl Packer {
    /// The batch as it goes over the wire. As protobuf and uncompressed, no byte is copied. Larger batches are worked on
    /// beside the runtime, so that no worker is held for long; `None` if the runtime ends meanwhile.
    pub async fn pack(self, batch: &Batch) -> Option<Packed> {
        if self.format == BodyFormat::Proto && self.encoding == Encoding::Identity {
            return Some(Packed { chunks: batch.body().collect(), bytes: batch.bytes() });
        }
        let (signal, payloads) = (batch.signal(), batch.payloads().cloned().collect::<Vec<_>>());
        let body = if batch.bytes() <= INLINE_BYTES_MAX {
            self.body(signal, &payloads)
        } else {
            beside(move || self.body(signal, &payloads)).await.ok()?
        };
        Some(Packed { bytes: body.len(), chunks: vec![body.into()] })
    }

    /// One buffer for all payloads.
    pub fn body(self, signal: Signal, payloads: &[Payload]) -> Vec<u8> {
        let compress =
            |pieces: &mut dyn Iterator<Item = &[u8]>| compress_at(self.encoding, self.level, pieces);
        match self.format {
            BodyFormat::Proto => compress(&mut payloads.iter().map(|payload| &payload.bytes()[..])),
            BodyFormat::Json => {
                let json = json::write(signal, payloads);
                if self.encoding == Encoding::Identity {
                    json
                } else {
                    compress(&mut std::iter::once(&json[..]))
                }
            }
        }
    }
}

/// At about 200 MB/s this takes a third of a millisecond: less than it would take to hand it over under load.
const INLINE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn built(compression: Compression, level: Option<i32>, known: &[Compression]) -> Result<Packer, String> {
        let mut notes = Notes::default();
        let packer = compression.build(&CompressionParams { level }, BodyFormat::Proto, known, &mut notes);
        packer.ok_or_else(|| notes.problems[0].to_string())
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        let known = [Compression::Gzip, Compression::Zstd, Compression::None];
        for compression in
            [Compression::Snappy, Compression::XSnappyFramed, Compression::Lz4, Compression::Zlib]
        {
            let problem = built(compression, None, &known).expect_err("not known");
            assert!(problem.ends_with("is not in burgee; there are gzip, zstd, none"), "{problem}");
        }
    }

    #[test]
    fn a_level_is_one_of_its_compression() {
        let known = [Compression::Gzip, Compression::Zstd];
        for (compression, level, taken) in [
            (Compression::Gzip, Some(9), Some(9)),
            (Compression::Gzip, Some(0), Some(0)),
            (Compression::Gzip, Some(-1), None),
            (Compression::Zstd, Some(0), None),
            (Compression::Zstd, Some(19), Some(19)),
        ] {
            assert_eq!(built(compression, level, &known).expect("a level").level, taken);
        }
        for (compression, level) in
            [(Compression::Gzip, 10), (Compression::Gzip, -2), (Compression::Zstd, 20)]
        {
            let problem = built(compression, Some(level), &known).expect_err("no level");
            assert!(
                problem.starts_with(&format!("compression_params.level ({level}) is no level of")),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_higher_level_makes_less_of_it() {
        let text: Vec<u8> = (0..20_000_u32)
            .flat_map(|n| format!("span {} of service {}\n", n * 7919 % 1009, n % 13).into_bytes())
            .collect();
        for (encoding, low, high) in
            [(Encoding::Gzip, 1, 9), (Encoding::Deflate, 1, 9), (Encoding::Zstd, 1, 19)]
        {
            let at = |level| compress_at(encoding, Some(level), [&text[..]]).len();
            assert!(at(high) < at(low), "{encoding:?}");
        }
    }
}
