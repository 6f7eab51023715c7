//! The checkpoint in memory: each write whole or not at all, with deaths before and after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tradewind_model::{Offset, TopicPartition};
use tradewind_stream::checkpoint::{CheckpointError, CheckpointStore, CheckpointWrite, EachEntry};
use tradewind_stream::rows::DerivedChange;
use tradewind_stream::state::split_key;

use crate::dice::{Dice, Fate};

/// What survives the process.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub offsets: BTreeMap<TopicPartition, Offset>,
    pub pending: Vec<DerivedChange>,
}

/// The process's side.
pub struct MemoryCheckpoints {
    pub disk: Arc<Mutex<Disk>>,
    pub dice: Dice,
}

impl CheckpointStore for MemoryCheckpoints {
    fn offsets(&self) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
        self.dice.may_die(100);
        Ok(self.disk.lock().offsets.clone())
    }

    fn load(
        &self,
        partition: TopicPartition,
        each: &mut EachEntry<'_>,
    ) -> Result<(), CheckpointError> {
        let disk = self.disk.lock();
        let of_partition = partition.to_bytes();
        for (key, value) in disk.state.range(of_partition.to_vec()..) {
            if !key.starts_with(&of_partition) {
                break;
            }
            each(key, value)?;
        }
        Ok(())
    }

    fn pending(&self) -> Result<Vec<DerivedChange>, CheckpointError> {
        Ok(self.disk.lock().pending.clone())
    }

    fn write(&self, write: &CheckpointWrite) -> Result<(), CheckpointError> {
        // In one atomic write two different changes of a key have no order.
        let mut changes = BTreeMap::new();
        for (key, value) in &write.state {
            let before = changes.insert(key, value);
            assert!(
                before.is_none_or(|before| before == value),
                "{:?} changes twice in one write",
                split_key(key)
            );
        }
        if self.dice.fate(8, 60) == Fate::Fails {
            return Err(CheckpointError::Storage("no space left".to_owned()));
        }
        {
            let mut disk = self.disk.lock();
            for (key, value) in &write.state {
                match value {
                    Some(value) => drop(disk.state.insert(key.clone(), value.clone())),
                    None => drop(disk.state.remove(key)),
                }
            }
            disk.offsets.extend(write.offsets.iter().copied());
            disk.pending.extend_from_slice(&write.pending);
        }
        // Durable, though the answer says otherwise; or the last that the process did.
        if self.dice.fate(30, 60) == Fate::Fails {
            return Err(CheckpointError::Storage("the answer was lost".to_owned()));
        }
        Ok(())
    }

    fn keep_pending(&self, rows: &[&DerivedChange]) -> Result<(), CheckpointError> {
        if self.dice.fate(8, 60) == Fate::Fails {
            return Err(CheckpointError::Storage("no space left".to_owned()));
        }
        self.disk.lock().pending = rows.iter().map(|row| (*row).clone()).collect();
        if self.dice.fate(30, 60) == Fate::Fails {
            return Err(CheckpointError::Storage("the answer was lost".to_owned()));
        }
        Ok(())
    }
}
