//! How the bytes of a journal record become an event again, named by content so that bronze can be replayed years later.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::decode::decode_json;
use crate::event::Event;
use crate::mapping::{CsvDecoder, MappingError};
use crate::store::Store;
use crate::validate::{Draft, Envelope, Rejection, finish};

/// The content hash of a decoder's definition (XXH3-128): the same bytes always mean the same decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FormatHash(pub u128);

impl FormatHash {
    /// The hash of a definition.
    #[must_use]
    pub fn of(definition: &str) -> Self {
        Self(xxh3_128(definition.as_bytes()))
    }
}

impl fmt::Display for FormatHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A definition that no decoder can be made of.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The definition is none this version knows.
    #[error("record format `{0}` is unknown to this version; a newer Tradewind wrote it")]
    Unknown(String),
    /// The definition holds a mapping that cannot be used.
    #[error("the mapping of a record format cannot be used")]
    Mapping(#[from] MappingError),
}

/// Decodes the raw bytes of records of one format.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// Native JSON, one object per record.
    Json,
    /// One CSV record, read by a mapping.
    Csv(Box<CsvDecoder>),
}

impl Decoder {
    /// The definition of native JSON.
    pub const JSON: &'static str = "tradewind-json/1";
    const CSV_PREFIX: &'static str = "tradewind-csv/1\n";
    /// Of headers with a line end in a name: the header's length in bytes stands before it.
    const LONG_CSV_PREFIX: &'static str = "tradewind-csv/2\n";

    /// A decoder from its stored definition.
    ///
    /// # Errors
    /// [`FormatError`] when the definition is unknown or broken.
    pub fn from_definition(definition: &str) -> Result<Self, FormatError> {
        if definition == Self::JSON {
            return Ok(Self::Json);
        }
        if let Some(rest) = definition.strip_prefix(Self::CSV_PREFIX)
            && let Some((header, mapping)) = rest.split_once('\n')
        {
            return Ok(Self::Csv(Box::new(CsvDecoder::new(mapping, header)?)));
        }
        if let Some(rest) = definition.strip_prefix(Self::LONG_CSV_PREFIX)
            && let Some((length, rest)) = rest.split_once('\n')
            && let Ok(length) = length.parse()
            && let Some((header, mapping)) = rest.split_at_checked(length)
            && let Some(mapping) = mapping.strip_prefix('\n')
        {
            return Ok(Self::Csv(Box::new(CsvDecoder::new(mapping, header)?)));
        }
        Err(FormatError::Unknown(definition.chars().take(40).collect()))
    }

    /// The text that makes this decoder again with [`Self::from_definition`].
    #[must_use]
    pub fn definition(&self) -> String {
        match self {
            Self::Json => Self::JSON.to_owned(),
            Self::Csv(csv) if csv.header().contains('\n') => format!(
                "{}{}\n{}\n{}",
                Self::LONG_CSV_PREFIX,
                csv.header().len(),
                csv.header(),
                csv.mapping_text()
            ),
            Self::Csv(csv) => format!(
                "{}{}\n{}",
                Self::CSV_PREFIX,
                csv.header(),
                csv.mapping_text()
            ),
        }
    }

    /// Reads the fields of a record.
    ///
    /// # Errors
    /// [`Rejection`] when the bytes are not of the format at all.
    pub fn draft<'a>(&'a self, raw: &'a [u8], event_id: &'a str) -> Result<Draft<'a>, Rejection> {
        match self {
            Self::Json => decode_json(raw),
            Self::Csv(csv) => csv.draft(raw, event_id),
        }
    }

    /// Reads and checks a record: the one way from bytes to an event, at the door and in every replay.
    ///
    /// # Errors
    /// [`Rejection`] with the first thing that is wrong.
    pub fn decode<'a>(
        &'a self,
        raw: &'a [u8],
        envelope: &Envelope<'a>,
        store: &Store,
    ) -> Result<Event<'a>, Rejection> {
        finish(self.draft(raw, envelope.event_id)?, envelope, store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_makes_its_decoder_again() {
        const MAPPING: &str = "[columns]\nwhen = \"time\"\nwhat = \"type\"\n";
        for header in [
            "when,what,total",
            "when,what,\"the\ntotal\"",
            "when,\"a\r\n\nb\",what",
        ] {
            let decoder = Decoder::Csv(Box::new(CsvDecoder::new(MAPPING, header).unwrap()));
            let definition = decoder.definition();
            let again = Decoder::from_definition(&definition).unwrap();
            assert_eq!(again.definition(), definition, "{header}");
        }
        for broken in [
            "tradewind-csv/2\n",
            "tradewind-csv/2\n99\na\nb",
            "tradewind-csv/2\nx\na\nb",
        ] {
            assert!(Decoder::from_definition(broken).is_err(), "{broken}");
        }
    }
}
