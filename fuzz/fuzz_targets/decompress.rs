//! Packed bodies: never more than the limit, and what was packed comes out.
#![no_main]

#[path = "../../crates/serve/src/decompress.rs"]
#[allow(dead_code)]
mod decompress;

use std::io::Write as _;

use decompress::{DecompressError, Encoding, decompress as unpack};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 10;

fn pack(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Identity => plain.to_vec(),
        Encoding::Gzip => {
            let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            w.write_all(plain).expect("memory");
            w.finish().expect("memory")
        }
        Encoding::Zstd => zstd::encode_all(plain, 1).expect("memory"),
        Encoding::Brotli => {
            let mut w = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 18);
            w.write_all(plain).expect("memory");
            w.into_inner()
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else {
        return;
    };
    let encoding = match first % 4 {
        0 => Encoding::Identity,
        1 => Encoding::Gzip,
        2 => Encoding::Zstd,
        _ => Encoding::Brotli,
    };
    if first & 0x80 != 0 {
        let found = unpack(pack(encoding, body), encoding, LIMIT);
        if body.len() > LIMIT {
            assert!(matches!(found, Err(DecompressError::TooLarge { .. })));
        } else {
            assert_eq!(found.expect("packed by us"), body);
        }
        return;
    }
    if let Ok(plain) = unpack(body.to_vec(), encoding, LIMIT) {
        assert!(plain.len() <= LIMIT);
    }
});
