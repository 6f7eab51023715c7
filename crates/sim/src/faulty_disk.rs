//! A disk that fails on order, for the real binary: a small library preloaded into it fails the calls a test asks for.

use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// What goes wrong. The numbers are those of `faults/faulty_disk.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// Making a file durable fails.
    SyncFails = 1,
    /// A write fails, nothing of it is written.
    WriteFails = 2,
    /// A write writes less than it was given, and says so: no error.
    WriteIsShort = 4,
    /// No space is left.
    DiskIsFull = 8,
    /// A file cannot be put in its place.
    RenameFails = 16,
    /// Half of a write is written, then it fails.
    WriteIsTorn = 32,
}

/// The order and the library that follows it.
#[derive(Debug, Clone)]
pub struct FaultyDisk {
    library: PathBuf,
    order: PathBuf,
}

const ORDER_BYTES: usize = 128;
const PART_AT: usize = 16;

impl FaultyDisk {
    /// Builds the library into `folder` with the C compiler; nothing fails yet.
    ///
    /// # Errors
    /// When there is no C compiler, or it does not take the source.
    pub fn build(folder: &Path) -> Result<Self> {
        let package = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let library = folder.join("faulty_disk.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
            .arg(&library)
            .arg(Path::new(&package).join("faults/faulty_disk.c"))
            .arg("-ldl")
            .output()
            .context("no C compiler `cc`: make setup installs one")?;
        ensure!(
            built.status.success(),
            "cc: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        let order = folder.join("faulty_disk.order");
        std::fs::write(&order, [0; ORDER_BYTES])?;
        Ok(Self { library, order })
    }

    /// What the program under test must be started with.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, PathBuf)> {
        vec![
            ("LD_PRELOAD".to_owned(), self.library.clone()),
            ("FAULTY_DISK".to_owned(), self.order.clone()),
        ]
    }

    /// From now on `per_thousand` of these calls fail on files whose path contains `part`.
    ///
    /// # Errors
    /// When the order cannot be written.
    pub fn order(&self, faults: &[Fault], per_thousand: u32, part: &str) -> Result<()> {
        ensure!(part.len() < ORDER_BYTES - PART_AT, "`{part}` is too long");
        let file = std::fs::OpenOptions::new().write(true).open(&self.order)?;
        // Nothing while the order is being changed.
        file.write_all_at(&0_u32.to_le_bytes(), 0)?;
        let mut text = [0; ORDER_BYTES - PART_AT];
        text[..part.len()].copy_from_slice(part.as_bytes());
        file.write_all_at(&text, PART_AT as u64)?;
        file.write_all_at(&per_thousand.to_le_bytes(), 4)?;
        let bits = faults.iter().fold(0, |bits, fault| bits | *fault as u32);
        file.write_all_at(&bits.to_le_bytes(), 0)?;
        Ok(())
    }

    /// From now on everything works.
    ///
    /// # Errors
    /// When the order cannot be written.
    pub fn heal(&self) -> Result<()> {
        self.order(&[], 0, "")
    }

    /// Calls that failed so far.
    ///
    /// # Errors
    /// When the order cannot be read.
    pub fn hits(&self) -> Result<u64> {
        let mut bytes = [0; ORDER_BYTES];
        std::fs::File::open(&self.order)?.read_exact(&mut bytes)?;
        let mut count = [0; 8];
        count.copy_from_slice(&bytes[8..16]);
        Ok(u64::from_le_bytes(count))
    }
}
