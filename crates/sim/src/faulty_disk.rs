//! A disk that fails on order, for the real binary: a small library preloaded into it fails the calls a test asks for, or kills
//! the process at exactly one of them.

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

/// A call the process can be killed at. The numbers are those of `faults/faulty_disk.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Call {
    /// Writing into a file.
    Write = 1,
    /// Making a file durable.
    Sync = 2,
    /// Putting a file in its place.
    Rename = 4,
    /// Deleting a file.
    Unlink = 8,
}

/// One instant to be killed at.
#[derive(Debug, Clone, Copy)]
pub struct Instant<'o> {
    /// At one of these calls,
    pub calls: &'o [Call],
    /// on files whose path contains this,
    pub part: &'o str,
    /// and that this was written into, unless it is empty:
    pub content: &'o str,
    /// at so many of them, from 1,
    pub nth: u64,
    /// when it is done, or before.
    pub after: bool,
}

/// The order and the library that follows it.
#[derive(Debug, Clone)]
pub struct FaultyDisk {
    library: PathBuf,
    order: PathBuf,
}

const ORDER_BYTES: usize = 192;
const STEPS_AT: u64 = 16;
const PART_AT: usize = 32;
const CONTENT_AT: usize = 128;

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
        let file = self.quiet()?;
        put_text::<{ CONTENT_AT - PART_AT }>(&file, part, PART_AT)?;
        file.write_all_at(&per_thousand.to_le_bytes(), 4)?;
        let bits = faults.iter().fold(0, |bits, fault| bits | *fault as u32);
        file.write_all_at(&bits.to_le_bytes(), 0)?;
        Ok(())
    }

    /// The process is killed with SIGKILL at this instant, once.
    ///
    /// # Errors
    /// When the order cannot be written.
    pub fn kill_at(&self, instant: &Instant<'_>) -> Result<()> {
        let file = self.quiet()?;
        put_text::<{ CONTENT_AT - PART_AT }>(&file, instant.part, PART_AT)?;
        put_text::<{ ORDER_BYTES - CONTENT_AT }>(&file, instant.content, CONTENT_AT)?;
        file.write_all_at(&u32::from(instant.after).to_le_bytes(), STEPS_AT + 4)?;
        file.write_all_at(&instant.nth.to_le_bytes(), STEPS_AT + 8)?;
        let bits = instant
            .calls
            .iter()
            .fold(0, |bits, call| bits | *call as u32);
        file.write_all_at(&bits.to_le_bytes(), STEPS_AT)?;
        Ok(())
    }

    /// The order's file, with nothing ordered while it is being changed.
    fn quiet(&self) -> Result<std::fs::File> {
        let file = std::fs::OpenOptions::new().write(true).open(&self.order)?;
        file.write_all_at(&0_u32.to_le_bytes(), 0)?;
        file.write_all_at(&0_u32.to_le_bytes(), STEPS_AT)?;
        Ok(file)
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

fn put_text<const ROOM: usize>(file: &std::fs::File, text: &str, at: usize) -> Result<()> {
    let mut bytes = [0; ROOM];
    ensure!(text.len() < ROOM, "`{text}` is too long");
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    file.write_all_at(&bytes, at as u64)?;
    Ok(())
}
