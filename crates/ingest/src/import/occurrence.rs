//! Ids for lines that carry none: the hash of the line's bytes and how many equal lines came before it in the file.
//!
//! Equal lines in one file so stay separate events. Memory: eight bytes and a little more for each line that needed an id.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_128;

/// Passes on a number that already is a hash.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*b);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Seen = HashSet<u64, BuildHasherDefault<AlreadyHashed>>;

/// Several sets, so that growing one copies a small part of the whole.
const SHARDS: usize = 32;

/// Counts equal lines of one file.
pub(crate) struct Occurrences {
    seen: Vec<Seen>,
    repeats: HashMap<u64, u32, BuildHasherDefault<AlreadyHashed>>,
    used: bool,
}

impl Occurrences {
    pub(crate) fn new() -> Self {
        Self {
            seen: vec![Seen::default(); SHARDS],
            repeats: HashMap::default(),
            used: false,
        }
    }

    /// Whether any line was counted.
    pub(crate) fn used(&self) -> bool {
        self.used
    }

    /// Counts a line and gives how many equal ones came before, with the line's hash.
    pub(crate) fn count(&mut self, line: &[u8]) -> (u128, u32) {
        self.used = true;
        let hash = xxh3_128(line);
        #[allow(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        let (low, high) = (hash as u64, (hash >> 64) as u64);
        if self.seen[high as usize % SHARDS].insert(low) {
            return (hash, 0);
        }
        let repeats = self.repeats.entry(low).or_insert(0);
        *repeats += 1;
        (hash, *repeats)
    }

    /// Counts a line and writes its id into `id`.
    pub(crate) fn id_of(&mut self, line: &[u8], id: &mut String) {
        let (hash, before) = self.count(line);
        id.clear();
        push_hex(id, hash);
        id.push('-');
        push_number(id, before);
    }
}

/// Appends 32 hexadecimal digits.
pub(crate) fn push_hex(out: &mut String, value: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for shift in (0..32).rev() {
        let digit = usize::try_from((value >> (shift * 4)) & 0xf).unwrap_or(0);
        out.push(char::from(DIGITS[digit]));
    }
}

fn push_number(out: &mut String, value: u32) {
    if value < 10 {
        out.push(char::from(b'0' + u8::try_from(value).unwrap_or(0)));
    } else {
        out.push_str(&value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_get_different_ids_in_order() {
        let mut first = Occurrences::new();
        let mut id = String::new();
        let ids: Vec<String> = ["a", "b", "a", "a"]
            .iter()
            .map(|line| {
                first.id_of(line.as_bytes(), &mut id);
                id.clone()
            })
            .collect();
        assert_eq!(ids[0], format!("{:032x}-0", xxh3_128(b"a")));
        assert_eq!(ids[2], format!("{:032x}-1", xxh3_128(b"a")));
        assert_eq!(ids[3], format!("{:032x}-2", xxh3_128(b"a")));
        assert!(ids[1].ends_with("-0"));
    }
}
