//! Undoing `Content-Encoding`, never past a limit: a small body that unpacks to gigabytes stops at the limit's last byte.

use std::io::{self, Read};

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932).
    Brotli,
}

impl Encoding {
    /// The word for `Content-Encoding` by which a body that is called plain is packed, going by its first bytes.
    #[must_use]
    pub fn betrayed_by(body: &[u8]) -> Option<&'static str> {
        if body.starts_with(&[0x1f, 0x8b]) {
            Some("gzip")
        } else if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some("zstd")
        } else {
            None
        }
    }

    /// The encoding of a `Content-Encoding` header; `None` when it is not one of ours, or more than one.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }
}

/// Why a body could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// It unpacks to more than the limit.
    #[error("the body unpacks to more than {limit} bytes")]
    TooLarge {
        /// The most bytes accepted.
        limit: usize,
    },
    /// Its bytes are not what the header says, or end early.
    #[error("the body is not valid {encoding}: {reason}")]
    Corrupt {
        /// The encoding named in the header.
        encoding: &'static str,
        /// What the decoder said.
        reason: String,
    },
}

/// The window a zstd frame may ask for: 2^23 bytes (8 MiB), what RFC 8878 tells decoders to support.
const ZSTD_WINDOW_LOG: u32 = 23;
const BROTLI_BUFFER: usize = 16 * 1024;

/// Unpacks a body to at most `limit` bytes.
///
/// # Errors
/// [`DecompressError`].
pub fn decompress(
    body: Vec<u8>,
    encoding: Encoding,
    limit: usize,
) -> Result<Vec<u8>, DecompressError> {
    let packed = body.as_slice();
    let corrupt = |e: io::Error| DecompressError::Corrupt {
        encoding: encoding.name(),
        reason: e.to_string(),
    };
    match encoding {
        Encoding::Identity if body.len() > limit => Err(DecompressError::TooLarge { limit }),
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_up_to(
            flate2::read::MultiGzDecoder::new(packed),
            encoding,
            limit,
            packed.len(),
        ),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(corrupt)?;
            read_up_to(decoder, encoding, limit, packed.len())
        }
        Encoding::Brotli => read_up_to(
            brotli::Decompressor::new(packed, BROTLI_BUFFER),
            encoding,
            limit,
            packed.len(),
        ),
    }
}

fn read_up_to(
    reader: impl Read,
    encoding: Encoding,
    limit: usize,
    packed: usize,
) -> Result<Vec<u8>, DecompressError> {
    // Clickstream packs about six to one; a wrong guess costs a reallocation.
    let mut out = Vec::with_capacity(packed.saturating_mul(6).min(limit));
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match reader.take(one_more).read_to_end(&mut out) {
        Ok(_) if out.len() > limit => Err(DecompressError::TooLarge { limit }),
        Ok(_) => Ok(out),
        Err(e) => Err(DecompressError::Corrupt {
            encoding: encoding.name(),
            reason: e.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn pack(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                w.write_all(plain).unwrap();
                w.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(plain, 1).unwrap(),
            Encoding::Brotli => {
                let mut w = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 20);
                w.write_all(plain).unwrap();
                w.into_inner()
            }
        }
    }

    const ALL: [Encoding; 4] = [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Zstd,
        Encoding::Brotli,
    ];

    #[test]
    fn what_was_packed_comes_out() {
        let plain = b"{\"type\":\"page_viewed\"}\n".repeat(1_000);
        for encoding in ALL {
            assert_eq!(
                decompress(pack(encoding, &plain), encoding, plain.len()).unwrap(),
                plain,
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = vec![0_u8; 64 << 20];
        for encoding in ALL {
            let packed = pack(encoding, &bomb);
            let found = decompress(packed, encoding, 1 << 20);
            assert!(
                matches!(found, Err(DecompressError::TooLarge { .. })),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn torn_and_foreign_bytes_are_corrupt() {
        let plain: Vec<u8> = (0..40_000_u32)
            .flat_map(|i| (i * 2_654_435_761).to_le_bytes())
            .collect();
        for encoding in &ALL[1..] {
            let mut torn = pack(*encoding, &plain);
            torn.truncate(torn.len() / 2);
            assert!(
                matches!(
                    decompress(torn, *encoding, 1 << 20),
                    Err(DecompressError::Corrupt { .. })
                ),
                "{encoding:?}"
            );
            let foreign = b"this is not packed at all".to_vec();
            assert!(
                matches!(
                    decompress(foreign, *encoding, 1 << 20),
                    Err(DecompressError::Corrupt { .. })
                ),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn stacked_and_unknown_encodings_are_not_ours() {
        assert_eq!(Encoding::from_header("GZIP"), Some(Encoding::Gzip));
        assert_eq!(Encoding::from_header("gzip, br"), None);
        assert_eq!(Encoding::from_header("deflate"), None);
    }
}
