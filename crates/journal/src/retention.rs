//! What may be deleted: a pure decision over facts about blocks.

use tradewind_model::{Micros, Offset};

/// How long and how much of a partition is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionPolicy {
    /// Keep at least this long after reception, µs; `None` keeps for ever.
    pub max_age: Option<i64>,
    /// Keep at most this many stored bytes a partition; `None` has no limit.
    pub max_bytes: Option<u64>,
}

/// What retention knows of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFacts {
    /// Its first offset.
    pub first: Offset,
    /// Its records.
    pub count: u32,
    /// Its stored size.
    pub bytes: u64,
    /// When its newest record came in.
    pub newest: Micros,
}

impl BlockFacts {
    /// The offset after its last record.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.first + u64::from(self.count)
    }
}

/// How many blocks from the front may be deleted. `floor` is the lowest offset that any consumer or the lake still needs:
/// no block that reaches past it is deleted, whatever the policy says.
#[must_use]
pub fn deletable(
    blocks: &[BlockFacts],
    policy: &RetentionPolicy,
    floor: Offset,
    now: Micros,
) -> usize {
    let mut kept_bytes: u64 = blocks.iter().map(|b| b.bytes).sum();
    let mut count = 0;
    for block in blocks {
        let too_old = policy
            .max_age
            .is_some_and(|age| block.newest.plus(age) < now);
        let too_many = policy.max_bytes.is_some_and(|limit| kept_bytes > limit);
        if block.end() > floor || !(too_old || too_many) {
            break;
        }
        kept_bytes -= block.bytes;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> Vec<BlockFacts> {
        (0..5)
            .map(|i| BlockFacts {
                first: i * 10,
                count: 10,
                bytes: 100,
                newest: Micros(i64::try_from(i).unwrap() * 1_000),
            })
            .collect()
    }

    #[test]
    fn age_and_size_delete_from_the_front() {
        let by_age = RetentionPolicy {
            max_age: Some(2_000),
            max_bytes: None,
        };
        assert_eq!(deletable(&blocks(), &by_age, u64::MAX, Micros(4_500)), 3);
        let by_size = RetentionPolicy {
            max_age: None,
            max_bytes: Some(250),
        };
        assert_eq!(deletable(&blocks(), &by_size, u64::MAX, Micros(0)), 3);
        assert_eq!(
            deletable(
                &blocks(),
                &RetentionPolicy::default(),
                u64::MAX,
                Micros(i64::MAX)
            ),
            0
        );
    }

    #[test]
    fn nothing_a_consumer_needs_is_deleted() {
        let all = RetentionPolicy {
            max_age: Some(0),
            max_bytes: Some(0),
        };
        assert_eq!(deletable(&blocks(), &all, 25, Micros(i64::MAX)), 2);
        assert_eq!(deletable(&blocks(), &all, 0, Micros(i64::MAX)), 0);
    }
}
