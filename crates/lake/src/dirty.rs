//! Which (store, date) of a table changed between two versions, read from its Delta log.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use deltalake_core::kernel::Action;
use deltalake_core::logstore::{LogStoreRef, get_actions};

use crate::error::{LakeError, Result};
use crate::files::partition_of_values;
use crate::groups::PartitionKey;

/// What changed between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// These partitions.
    Partitions(BTreeSet<PartitionKey>),
    /// The log no longer tells; everything the table has may have changed.
    Unknown,
}

/// The partitions whose rows changed in the given versions; compaction changes none.
pub(crate) async fn changed(log: &LogStoreRef, versions: RangeInclusive<u64>) -> Result<Changed> {
    let mut partitions = BTreeSet::new();
    for version in versions {
        let wrong = |e| LakeError::table(format!("reading version {version} of a table's log"), e);
        let Some(bytes) = log.read_commit_entry(version).await.map_err(wrong)? else {
            return Ok(Changed::Unknown);
        };
        for action in get_actions(version, &bytes).map_err(wrong)? {
            match action {
                Action::Add(add) if add.data_change => {
                    partitions.extend(partition_of_values(&add.partition_values))
                }
                Action::Remove(remove) if remove.data_change => match &remove.partition_values {
                    Some(values) => partitions.extend(partition_of_values(values)),
                    None => return Ok(Changed::Unknown),
                },
                _ => {}
            }
        }
    }
    Ok(Changed::Partitions(partitions))
}
