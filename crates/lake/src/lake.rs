//! The lake as a whole: its tables by name, in the generation that is current.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake_core::DeltaTable;
use hashbrown::HashMap;
use parking_lot::RwLock;
use tradewind_model::StoreId;

use crate::error::{LakeError, Result};
use crate::gold::{Backlogs, GoldSession, GoldTables};
use crate::layout::{self, TableName};
use crate::maintenance::Vacuumed;
use crate::rules::CountedBy;
use crate::table::TableHandle;

/// Settings of a lake.
#[derive(Debug, Clone, Copy)]
pub struct LakeOptions {
    /// Partitions a topic of the journal whose records come in.
    pub partitions: u16,
}

/// The Delta tables under `<data-dir>/lake`.
pub struct Lake {
    root: PathBuf,
    runtime: tokio::runtime::Handle,
    options: LakeOptions,
    generation: RwLock<Generation>,
    pub(crate) gold: GoldTables,
    backlogs: tokio::sync::Mutex<Backlogs>,
    vacuumed: tokio::sync::Mutex<Vacuumed>,
    session_of_gold: tokio::sync::Mutex<GoldSession>,
}

struct Generation {
    name: String,
    counted_by: CountedBy,
    tables: HashMap<TableName, Arc<TableHandle>>,
}

impl Lake {
    /// Opens the lake of a data folder, or makes an empty one; tables appear with their first rows. `runtime` runs its
    /// input and output.
    ///
    /// # Errors
    /// [`LakeError::Storage`] when the folder cannot be made or read, [`LakeError::GoldFile`] when a file of
    /// `<data-dir>/gold` cannot be used.
    #[allow(
        clippy::unused_async,
        reason = "opening a lake on an object store will wait"
    )]
    pub async fn open(
        data_dir: &Path,
        runtime: tokio::runtime::Handle,
        options: LakeOptions,
    ) -> Result<Arc<Self>> {
        let root = data_dir.join("lake");
        std::fs::create_dir_all(&root)
            .map_err(|e| LakeError::storage(format!("making `{}`", root.display()), e))?;
        let root = root
            .canonicalize()
            .map_err(|e| LakeError::storage(format!("opening `{}`", root.display()), e))?;
        let name = layout::current_generation(&root)?;
        Self::open_generation(root, name, data_dir, runtime, options)
    }

    fn open_generation(
        root: PathBuf,
        name: String,
        data_dir: &Path,
        runtime: tokio::runtime::Handle,
        options: LakeOptions,
    ) -> Result<Arc<Self>> {
        let counted_by = CountedBy::open(&root, &name)?;
        Ok(Arc::new(Self {
            root,
            runtime,
            options,
            generation: RwLock::new(Generation {
                name,
                counted_by,
                tables: HashMap::new(),
            }),
            gold: GoldTables::load(&data_dir.join("gold"))?,
            backlogs: tokio::sync::Mutex::default(),
            vacuumed: tokio::sync::Mutex::default(),
            session_of_gold: tokio::sync::Mutex::default(),
        }))
    }

    /// The same lake with silver and gold of another generation; bronze is shared on disk.
    pub(crate) fn beside(&self, generation: &str) -> Arc<Self> {
        Arc::new(Self {
            root: self.root.clone(),
            runtime: self.runtime.clone(),
            options: self.options,
            generation: RwLock::new(Generation {
                name: generation.to_owned(),
                counted_by: self.generation.read().counted_by.clone(),
                tables: HashMap::new(),
            }),
            gold: self.gold.clone(),
            backlogs: tokio::sync::Mutex::default(),
            vacuumed: tokio::sync::Mutex::default(),
            session_of_gold: tokio::sync::Mutex::default(),
        })
    }

    /// Makes another generation the one that is read, here and after a restart.
    pub(crate) fn switch_to(&self, generation: &str) -> Result<()> {
        let mut current = self.generation.write();
        layout::set_current_generation(&self.root, generation)?;
        current.counted_by = CountedBy::open(&self.root, generation)?;
        current.name = generation.to_owned();
        current.tables.retain(|name, _| name.schema() == "bronze");
        Ok(())
    }

    /// The version of the rules ([`tradewind_stream::RULES`]) by which a store's silver and gold were counted.
    #[must_use]
    pub fn counted_by(&self, store: &StoreId) -> u32 {
        self.generation.read().counted_by.of(store)
    }

    /// Writes by which rules the stores of this generation were counted; `anew`: the store that was counted whole by today's.
    pub(crate) fn note_rules(&self, anew: Option<&StoreId>) -> Result<()> {
        let mut generation = self.generation.write();
        if let Some(store) = anew {
            generation.counted_by.counted_anew(store);
        }
        generation.counted_by.write(&self.root, &generation.name)
    }

    /// The folder of the lake.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The generation that is read now.
    #[must_use]
    pub fn generation(&self) -> String {
        self.generation.read().name.clone()
    }

    /// The runtime of the lake's input and output.
    #[must_use]
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> LakeOptions {
        self.options
    }

    /// The names of every table there can be, whether it has rows yet or not.
    #[must_use]
    pub fn tables(&self) -> Vec<TableName> {
        TableName::FIXED
            .into_iter()
            .chain(self.gold.names().map(|n| TableName::Gold(n.to_owned())))
            .collect()
    }

    /// The newest snapshot of a table, `None` while it has no rows yet. Cheap: it was taken at the last commit.
    ///
    /// # Errors
    /// [`LakeError::Table`] when the table's log cannot be read.
    pub async fn table(&self, table: &TableName) -> Result<Option<Arc<DeltaTable>>> {
        self.handle(table).newest().await
    }

    /// The columns of a table; for a gold table, those its SQL gives.
    ///
    /// # Errors
    /// [`LakeError`] when a gold definition cannot be planned or there is no such table.
    pub async fn columns(&self, table: &TableName) -> Result<arrow::datatypes::SchemaRef> {
        match table {
            TableName::Gold(name) => Box::pin(self.gold_schema(name)).await,
            fixed => crate::schema::table_schema(fixed)
                .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `{fixed}`"))),
        }
    }

    pub(crate) fn backlogs(&self) -> &tokio::sync::Mutex<Backlogs> {
        &self.backlogs
    }

    pub(crate) fn vacuumed(&self) -> &tokio::sync::Mutex<Vacuumed> {
        &self.vacuumed
    }

    pub(crate) fn session_of_gold(&self) -> &tokio::sync::Mutex<GoldSession> {
        &self.session_of_gold
    }

    pub(crate) fn handle(&self, table: &TableName) -> Arc<TableHandle> {
        if let Some(handle) = self.generation.read().tables.get(table) {
            return Arc::clone(handle);
        }
        let mut generation = self.generation.write();
        let dir = layout::table_dir(&self.root, &generation.name, table);
        Arc::clone(
            generation
                .tables
                .entry(table.clone())
                .or_insert_with(|| Arc::new(TableHandle::new(table.clone(), dir))),
        )
    }
}
