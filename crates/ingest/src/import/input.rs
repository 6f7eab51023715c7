//! The files of an import: plain, gzip, zstd or zip, told apart by their first bytes and read as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tradewind_model::mapping::encoding_of;

use super::{ImportError, ImportFormat, encoding};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
    ZipMember { index: usize, size: u64 },
}

/// One stream of lines: a file, or one member of a zip archive.
#[derive(Debug, Clone)]
pub struct Input {
    path: PathBuf,
    name: String,
    packing: Packing,
    stored_bytes: u64,
    encoding: Option<&'static encoding_rs::Encoding>,
}

impl Input {
    /// The inputs in a file: one, or one for each file inside a zip archive.
    ///
    /// # Errors
    /// [`ImportError::Unreadable`] when the file cannot be opened, or is an archive that cannot be read.
    pub fn of(path: &Path) -> Result<Vec<Self>, ImportError> {
        let unreadable = |source: io::Error| ImportError::Unreadable {
            file: path.display().to_string(),
            source,
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let facts = file.metadata().map_err(unreadable)?;
        if facts.is_dir() {
            return Err(unreadable(io::Error::other(
                "it is a folder; name the files in it",
            )));
        }
        let mut magic = Vec::with_capacity(4);
        (&mut file)
            .take(4)
            .read_to_end(&mut magic)
            .map_err(unreadable)?;
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        );
        let packing = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
            b"PK\x03\x04" | b"PK\x05\x06" => return Self::members(path, &name).map_err(unreadable),
            _ => Packing::Plain,
        };
        Ok(vec![Self {
            path: path.to_owned(),
            name,
            packing,
            stored_bytes: facts.len(),
            encoding: None,
        }])
    }

    fn members(path: &Path, name: &str) -> io::Result<Vec<Self>> {
        let mut archive =
            zip::ZipArchive::new(BufReader::new(File::open(path)?)).map_err(io::Error::other)?;
        let mut members = Vec::new();
        for index in 0..archive.len() {
            // The raw view needs no support for the member's compression, so that only reading it can fail.
            let member = archive.by_index_raw(index).map_err(io::Error::other)?;
            let inside = member.name().to_owned();
            let hidden = inside.starts_with("__MACOSX/")
                || inside
                    .rsplit('/')
                    .next()
                    .is_some_and(|n| n.starts_with('.'));
            if member.is_dir() || hidden {
                continue;
            }
            let size = member.size();
            let packing = Packing::ZipMember { index, size };
            members.push(Self {
                path: path.to_owned(),
                name: format!("{name}/{inside}"),
                packing,
                stored_bytes: size,
                encoding: None,
            });
        }
        if members.is_empty() {
            return Err(io::Error::other("the archive holds no file"));
        }
        Ok(members)
    }

    /// The name in messages and in the records' source: the file name, with the member's path inside an archive.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same input, read in the encoding that is named, or else in that of the mapping.
    ///
    /// # Errors
    /// [`ImportError::UnknownEncoding`].
    pub(crate) fn decoded(
        &self,
        format: &ImportFormat,
        named: Option<&str>,
    ) -> Result<Self, ImportError> {
        let of_mapping = match format {
            ImportFormat::Csv { mapping, .. } => encoding_of(mapping),
            ImportFormat::Ndjson => None,
        };
        let encoding = match named.map(str::to_owned).or(of_mapping) {
            Some(name) => {
                Some(encoding::named(&name).ok_or(ImportError::UnknownEncoding { name })?)
            }
            None => None,
        };
        Ok(Self {
            encoding,
            ..self.clone()
        })
    }

    /// Bytes that [`Self::read`] counts up to.
    #[must_use]
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Opens the input and hands its uncompressed stream to `work`, in UTF-8; `count` follows the stored bytes read.
    pub(crate) fn read<T>(
        &self,
        count: &AtomicU64,
        work: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<T, ImportError> {
        let unreadable = |source: io::Error| ImportError::Unreadable {
            file: self.name.clone(),
            source,
        };
        let work = |stream: &mut dyn Read| encoding::as_utf8(stream, self.encoding, work);
        let file = File::open(&self.path).map_err(unreadable)?;
        match self.packing {
            Packing::Plain => Ok(work(&mut Counted { inner: file, count })),
            Packing::Gzip => {
                let counted = BufReader::with_capacity(128 << 10, Counted { inner: file, count });
                Ok(work(&mut flate2::bufread::MultiGzDecoder::new(counted)))
            }
            Packing::Zstd => {
                let counted = BufReader::with_capacity(128 << 10, Counted { inner: file, count });
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(counted).map_err(unreadable)?;
                Ok(work(&mut decoder))
            }
            Packing::ZipMember { index, .. } => {
                let other = |e: zip::result::ZipError| unreadable(io::Error::other(e));
                let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(other)?;
                let member = archive.by_index(index).map_err(other)?;
                Ok(work(&mut Counted {
                    inner: member,
                    count,
                }))
            }
        }
    }
}

/// Counts what passes.
struct Counted<'a, R> {
    inner: R,
    count: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
