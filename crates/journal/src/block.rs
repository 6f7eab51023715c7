//! The layout of a block: the records one append puts into one partition.
//!
//! ```text
//! magic  "TWB2"                       4 bytes
//! crc32  of the block's key and of    4 bytes, little endian (CRC-32/ISO-HDLC); of blocks marked "TWB1", older ones, without
//!        everything after it          the key
//! count  records                      4 bytes, little endian
//! newest received_at, µs              8 bytes, little endian
//! size   of the body uncompressed     4 bytes, little endian
//! body   zstd                         the rest
//! ```
//! The body starts with three dictionaries (stores, sources, formats: count, then length-prefixed entries), then the records:
//! kind, dictionary numbers, position, received_at as the difference to the record before, event_id, verdict when rejected, raw
//! bytes. Integers are LEB128. A block does not hold its offsets: they are its place in the log, the key, which its checksum proves.

use std::cell::RefCell;

use tradewind_model::{FormatHash, Micros, Offset, RejectCode, StoreId};

use zstd::bulk::{Compressor, Decompressor};

use crate::record::{NewRecord, Record, RecordKind};
use crate::varint::{self, Cursor};

const MAGIC: &[u8; 4] = b"TWB2";
/// Blocks whose checksum says nothing of their key.
const KEYLESS: &[u8; 4] = b"TWB1";
/// What both marks begin with.
const MARK: &[u8; 3] = b"TWB";
const HEADER: usize = 24;
/// No block may unpack to more; a larger size in a header is damage.
const MAX_BODY: usize = 256 << 20;
const LEVEL: i32 = 1;

thread_local! {
    // Setting zstd up costs as much as a small block; each thread does it once.
    static COMPRESSOR: RefCell<Compressor<'static>> = RefCell::new(Compressor::new(LEVEL).unwrap_or_default());
    static DECOMPRESSOR: RefCell<Decompressor<'static>> = RefCell::default();
}

/// Collects records for one partition.
#[derive(Debug, Clone, Default)]
pub struct BlockBuilder {
    stores: Vec<StoreId>,
    sources: Vec<String>,
    formats: Vec<FormatHash>,
    records: Vec<u8>,
    count: u32,
    last_received: i64,
    newest: i64,
}

fn index_of<T: PartialEq<Q>, Q: ?Sized>(
    list: &mut Vec<T>,
    item: &Q,
    make: impl FnOnce() -> T,
) -> u64 {
    // Nearly always the last one; dictionaries of a block are short.
    let found = list
        .iter()
        .rposition(|have| have == item)
        .unwrap_or_else(|| {
            list.push(make());
            list.len() - 1
        });
    found as u64
}

impl BlockBuilder {
    /// Adds a record.
    pub fn push(&mut self, record: &NewRecord<'_>) {
        let store = index_of(&mut self.stores, record.store, || record.store.clone());
        let source = index_of(&mut self.sources, record.source, || {
            record.source.to_owned()
        });
        let format = index_of(&mut self.formats, &record.format, || record.format);
        let out = &mut self.records;
        out.push(match record.kind {
            RecordKind::Original => 0,
            RecordKind::Copy => 1,
            RecordKind::Rejected { .. } => 2,
        });
        varint::put(out, store);
        varint::put(out, source);
        varint::put(out, format);
        varint::put(out, record.position);
        varint::put_signed(out, record.received_at.0.wrapping_sub(self.last_received));
        self.last_received = record.received_at.0;
        self.newest = self.newest.max(record.received_at.0);
        varint::put_bytes(out, record.event_id.as_bytes());
        if let RecordKind::Rejected { code, message } = record.kind {
            varint::put_bytes(out, code.name().as_bytes());
            varint::put_bytes(out, message.as_bytes());
        }
        varint::put_bytes(out, record.raw);
        self.count += 1;
    }

    /// Records so far.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes collected, uncompressed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn newest(&self) -> Micros {
        Micros(self.newest)
    }

    /// The stored form, to be sealed with [`seal`].
    pub(crate) fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::with_capacity(self.records.len() + 128);
        varint::put(&mut body, self.stores.len() as u64);
        for store in &self.stores {
            varint::put_bytes(&mut body, store.as_str().as_bytes());
        }
        varint::put(&mut body, self.sources.len() as u64);
        for source in &self.sources {
            varint::put_bytes(&mut body, source.as_bytes());
        }
        varint::put(&mut body, self.formats.len() as u64);
        for format in &self.formats {
            body.extend_from_slice(&format.0.to_le_bytes());
        }
        body.extend_from_slice(&self.records);
        let mut out = Vec::with_capacity(HEADER + body.len() / 2);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.newest.to_le_bytes());
        out.extend_from_slice(
            &u32::try_from(body.len())
                .map_err(std::io::Error::other)?
                .to_le_bytes(),
        );
        out.append(&mut COMPRESSOR.with_borrow_mut(|zstd| zstd.compress(&body))?);
        Ok(out)
    }
}

/// Writes the checksum of a block that gets the place `key`.
pub(crate) fn seal(stored: &mut [u8], key: &[u8; 11]) {
    let crc = checksum(stored, key);
    if let Some(place) = stored.get_mut(4..8) {
        place.copy_from_slice(&crc.to_le_bytes());
    }
}

fn checksum(stored: &[u8], key: &[u8; 11]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    if !stored.starts_with(KEYLESS) {
        crc.update(key);
    }
    crc.update(stored.get(8..).unwrap_or_default());
    crc.finalize()
}

/// A whole block among other bytes, its checksum proven.
pub(crate) struct StoredBlock {
    pub(crate) key: [u8; 11],
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) count: u32,
    pub(crate) newest: Micros,
}

/// The blocks that stand anywhere in `bytes`, each behind its key.
pub(crate) fn find(bytes: &[u8]) -> impl Iterator<Item = StoredBlock> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + memchr::memmem::find(bytes.get(from..)?, MARK)?;
            from = at + MARK.len();
            if let Some(block) = stored_at(bytes, at) {
                from = at + block.len;
                return Some(block);
            }
        }
    })
}

fn stored_at(bytes: &[u8], at: usize) -> Option<StoredBlock> {
    let key: [u8; 11] = bytes.get(at.checked_sub(11)?..at)?.try_into().ok()?;
    let stored = bytes.get(at..)?;
    if !stored.starts_with(MAGIC) && !stored.starts_with(KEYLESS) {
        return None;
    }
    let word = |at: usize| Some(u32::from_le_bytes(*stored.get(at..)?.first_chunk()?));
    let frame = zstd::zstd_safe::find_frame_compressed_size(stored.get(HEADER..)?).ok()?;
    let len = HEADER.checked_add(frame)?;
    let newest = i64::from_le_bytes(*stored.get(12..)?.first_chunk()?);
    (checksum(stored.get(..len)?, &key) == word(4)?).then_some(StoredBlock {
        key,
        at,
        len,
        count: word(8)?,
        newest: Micros(newest),
    })
}

/// A block read back, its checksum proven.
#[derive(Debug)]
pub struct Block {
    first: Offset,
    count: u32,
    stores: Vec<StoreId>,
    sources: Vec<String>,
    formats: Vec<FormatHash>,
    body: Vec<u8>,
    records_at: usize,
}

impl Block {
    /// Proves and unpacks stored bytes.
    pub(crate) fn decode(key: &[u8; 11], stored: &[u8]) -> Result<Self, String> {
        let [_, _, _, first @ ..] = *key;
        let first = Offset::from_be_bytes(first);
        let header = stored
            .get(..HEADER)
            .ok_or_else(|| format!("the block has only {} bytes", stored.len()))?;
        if &header[..4] != MAGIC && &header[..4] != KEYLESS {
            return Err("the block does not start with its mark".to_owned());
        }
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let found = checksum(stored, key);
        if found != word(4) {
            return Err(format!(
                "the block's checksum is {found:08x}, it was written as {:08x}",
                word(4)
            ));
        }
        let size = word(20) as usize;
        if size > MAX_BODY {
            return Err(format!("the block claims {size} bytes"));
        }
        let body = DECOMPRESSOR
            .with_borrow_mut(|zstd| zstd.decompress(&stored[HEADER..], size))
            .map_err(|e| format!("the block does not unpack: {e}"))?;
        Self::parse(first, word(8), body)
            .ok_or_else(|| "the block's dictionaries are cut short".to_owned())
    }

    fn parse(first: Offset, count: u32, body: Vec<u8>) -> Option<Self> {
        let mut cursor = Cursor(&body);
        let stores = (0..cursor.unsigned()?)
            .map(|_| StoreId::new(cursor.text()?).ok())
            .collect::<Option<Vec<_>>>()?;
        let sources = (0..cursor.unsigned()?)
            .map(|_| cursor.text().map(str::to_owned))
            .collect::<Option<Vec<_>>>()?;
        let formats = (0..cursor.unsigned()?)
            .map(|_| {
                let (head, rest) = cursor.0.split_at_checked(16)?;
                cursor.0 = rest;
                Some(FormatHash(u128::from_le_bytes(head.try_into().ok()?)))
            })
            .collect::<Option<Vec<_>>>()?;
        let records_at = body.len() - cursor.0.len();
        Some(Self {
            first,
            count,
            stores,
            sources,
            formats,
            body,
            records_at,
        })
    }

    /// The offset of its first record.
    #[must_use]
    pub fn first(&self) -> Offset {
        self.first
    }

    /// The offset after its last record.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.first + u64::from(self.count)
    }

    /// Its records, in order.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut cursor = Cursor(&self.body[self.records_at..]);
        let mut received = 0i64;
        let mut offset = self.first;
        std::iter::from_fn(move || {
            if cursor.0.is_empty() {
                return None;
            }
            let record = self.next_record(&mut cursor, &mut received, offset);
            debug_assert!(record.is_some(), "a proven block holds whole records");
            offset += 1;
            record
        })
    }

    fn next_record<'a>(
        &'a self,
        cursor: &mut Cursor<'a>,
        received: &mut i64,
        offset: Offset,
    ) -> Option<Record<'a>> {
        let kind = cursor.byte()?;
        let entry = |n: u64| usize::try_from(n).ok();
        let store = self.stores.get(entry(cursor.unsigned()?)?)?;
        let source = self.sources.get(entry(cursor.unsigned()?)?)?;
        let format = *self.formats.get(entry(cursor.unsigned()?)?)?;
        let position = cursor.unsigned()?;
        *received = received.wrapping_add(cursor.signed()?);
        let event_id = cursor.text()?;
        let kind = match kind {
            0 => RecordKind::Original,
            1 => RecordKind::Copy,
            2 => RecordKind::Rejected {
                code: RejectCode::from_name(cursor.text()?)?,
                message: cursor.text()?,
            },
            _ => return None,
        };
        let raw = cursor.bytes()?;
        Some(Record {
            offset,
            kind,
            store,
            source,
            position,
            format,
            received_at: Micros(*received),
            event_id,
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(raws: &[Vec<u8>]) -> BlockBuilder {
        let store = StoreId::new("s1").unwrap();
        let mut builder = BlockBuilder::default();
        for (i, raw) in raws.iter().enumerate() {
            let kind = match i % 3 {
                0 => RecordKind::Original,
                1 => RecordKind::Copy,
                _ => RecordKind::Rejected {
                    code: RejectCode::Malformed,
                    message: "why",
                },
            };
            builder.push(&NewRecord {
                kind,
                store: &store,
                source: if i % 2 == 0 { "http" } else { "import:x.csv" },
                position: i as u64,
                format: FormatHash(i as u128 % 2),
                received_at: Micros(1_700_000_000_000_000 - i as i64 * 7),
                event_id: "",
                raw,
            });
        }
        builder
    }

    const KEY: [u8; 11] = [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 100];

    fn sealed(raws: &[Vec<u8>]) -> Vec<u8> {
        let mut stored = block(raws).encode().unwrap();
        seal(&mut stored, &KEY);
        stored
    }

    #[test]
    fn blocks_are_found_among_other_bytes() {
        let one = sealed(&[b"a".to_vec()]);
        let bytes = [b"TWB2 noise".as_slice(), &KEY, &one, b"TWB", &KEY, &one].concat();
        let found: Vec<(usize, usize)> = find(&bytes).map(|b| (b.at, b.len)).collect();
        assert_eq!(found, [(21, one.len()), (21 + one.len() + 14, one.len())]);
    }

    proptest! {
        #[test]
        fn j3_what_comes_out_is_what_went_in(raws in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..40)) {
            let stored = sealed(&raws);
            let read = Block::decode(&KEY, &stored).unwrap();
            prop_assert_eq!(read.end(), 100 + raws.len() as u64);
            let got: Vec<_> = read.records().collect();
            prop_assert_eq!(got.len(), raws.len());
            for (i, record) in got.iter().enumerate() {
                prop_assert_eq!(record.offset, 100 + i as u64);
                prop_assert_eq!(record.raw, raws[i].as_slice());
                prop_assert_eq!(record.received_at.0, 1_700_000_000_000_000 - i as i64 * 7);
            }
        }

        #[test]
        fn a_flipped_bit_is_found(raws in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..10), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            // The key counts: a block must not turn up in another place.
            let mut whole = KEY.to_vec();
            whole.extend(sealed(&raws));
            let at = at.index(whole.len());
            whole[at] ^= 1 << bit;
            let (key, stored) = whole.split_first_chunk().unwrap();
            prop_assert!(Block::decode(key, stored).is_err());
            prop_assert_eq!(find(&whole).count(), 0);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Block::decode(&KEY, &bytes);
            prop_assert_eq!(find(&bytes).count(), 0);
        }
    }
}
