//! Turns one record of a file into journal records: which store, which id, which verdict.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tradewind_model::decode::decode_json;
use tradewind_model::mapping::CsvDecoder;
use tradewind_model::validate::{Envelope, finish};
use tradewind_model::{
    Decoder, Event, FormatHash, Micros, RejectCode, Rejection, Store, StoreDirectory, StoreId,
};
use xxhash_rust::xxh3::xxh3_128;

use super::LineRejection;
use super::occurrence::{Occurrences, push_hex};
use super::split::Fault;
use crate::delivery::{Delivery, Facts};

/// Finds the store of a line by id, or by name as files of several sellers write it.
struct Stores {
    directory: Arc<dyn StoreDirectory>,
    known: HashMap<String, Option<Arc<Store>>>,
}

impl Stores {
    fn find(&mut self, named: &str) -> Result<Arc<Store>, Rejection> {
        if !self.known.contains_key(named) {
            let found = StoreId::new(named)
                .ok()
                .and_then(|id| self.directory.store(&id))
                .or_else(|| {
                    self.directory
                        .stores()
                        .into_iter()
                        .find(|store| store.name == named)
                });
            self.known.insert(named.to_owned(), found);
        }
        self.known.get(named).cloned().flatten().ok_or_else(|| {
            let shown: String = named.chars().take(60).collect();
            Rejection::new(
                RejectCode::StoreMismatch,
                "",
                format!("the line belongs to store `{shown}`, which does not exist; create the store (`tradewind key create --store {shown} --kind write`), then import such lines from a file of their own"),
            )
        })
    }
}

/// One line of a file and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) number: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) received_at: Micros,
}

/// Decodes the lines of one file in order.
pub(crate) struct LineDecoder {
    pub(crate) decoder: Decoder,
    pub(crate) format: FormatHash,
    pub(crate) file: String,
    source: String,
    store: Arc<Store>,
    /// Lines may name their own store.
    by_line: bool,
    stores: Stores,
    pub(crate) occurrences: Occurrences,
    /// The last line carried its own id, so the next one probably does.
    expects_own_id: bool,
    id: String,
}

impl LineDecoder {
    pub(crate) fn new(
        decoder: Decoder,
        format: FormatHash,
        file: &str,
        store: Arc<Store>,
        store_by_line: bool,
        directory: Arc<dyn StoreDirectory>,
    ) -> Self {
        let by_line = match &decoder {
            Decoder::Json => store_by_line,
            Decoder::Csv(csv) => csv.has_store_column(),
        };
        Self {
            expects_own_id: false,
            decoder,
            format,
            file: file.to_owned(),
            source: format!("import:{file}"),
            store,
            by_line,
            stores: Stores {
                directory,
                known: HashMap::new(),
            },
            occurrences: Occurrences::new(),
            id: String::with_capacity(48),
        }
    }

    /// Decodes a line and adds it to `delivery`, when there is one; a line that is already in the journal has none.
    pub(crate) fn take(
        &mut self,
        line: Line<'_>,
        delivery: Option<&mut Delivery>,
    ) -> Result<(), LineRejection> {
        let mut store = Arc::clone(&self.store);
        let stores = self.by_line.then_some(&mut self.stores);
        let verdict = match (line.fault, &self.decoder) {
            (Some(fault), _) => Err(Rejection::new(RejectCode::Malformed, "", fault.message())),
            (None, Decoder::Json) => json(
                line,
                &mut store,
                stores,
                &mut self.occurrences,
                &mut self.id,
            ),
            (None, Decoder::Csv(csv)) => {
                let named = stores.map_or(Ok(()), |stores| match csv.store_of(line.raw) {
                    Some(named) if !named.is_empty() => {
                        stores.find(&named).map(|found| store = found)
                    }
                    _ => Ok(()),
                });
                let own = &mut self.expects_own_id;
                named.and_then(|()| {
                    mapped(
                        &self.decoder,
                        csv,
                        line,
                        &store,
                        own,
                        &mut self.occurrences,
                        &mut self.id,
                    )
                })
            }
        };
        let facts = Facts {
            store: &store.store_id,
            source: &self.source,
            position: line.number,
            format: self.format,
            received_at: line.received_at,
            raw: line.raw,
        };
        let rejection = match verdict {
            Ok((event, given)) => {
                if let Some(delivery) = delivery {
                    delivery.event(&event, given, &facts);
                }
                return Ok(());
            }
            Err(rejection) => rejection,
        };
        let message = format!("{} line {}: {}", self.file, line.number, rejection.message);
        if let Some(delivery) = delivery {
            delivery.rejected(&rejection, &message, &facts);
        }
        Err(LineRejection {
            line: line.number,
            code: rejection.code,
            message,
        })
    }
}

/// A native JSON line: its own id when it has one, else the id of its bytes. Gives the event and the id given here.
fn json<'a>(
    line: Line<'a>,
    store: &mut Arc<Store>,
    stores: Option<&mut Stores>,
    occurrences: &mut Occurrences,
    id: &'a mut String,
) -> Result<(Event<'a>, &'a str), Rejection> {
    let draft = decode_json(line.raw)?;
    if let (Some(stores), Some(named)) = (stores, &draft.event.store_id) {
        *store = stores.find(named)?;
    }
    let mut event = finish(
        draft,
        &Envelope {
            received_at: line.received_at,
            event_id: "",
        },
        store,
    )?;
    if !event.event_id.is_empty() {
        return Ok((event, ""));
    }
    occurrences.id_of(line.raw, id);
    let id: &'a str = id;
    event.event_id = Cow::Borrowed(id);
    Ok((event, id))
}

/// A CSV record. Its id may stand in templates, so it is made before the fields are read; a record that turns out to carry
/// its own is read once more, the way a replay will read it.
fn mapped<'a>(
    decoder: &'a Decoder,
    csv: &CsvDecoder,
    line: Line<'a>,
    store: &Store,
    expects_own_id: &mut bool,
    occurrences: &mut Occurrences,
    id: &'a mut String,
) -> Result<(Event<'a>, &'a str), Rejection> {
    let envelope = |event_id| Envelope {
        received_at: line.received_at,
        event_id,
    };
    if *expects_own_id
        && let Ok(event) = decoder.decode(line.raw, &envelope(""), store)
        && !event.event_id.is_empty()
    {
        return Ok((event, ""));
    }
    match csv.dedup_key(line.raw) {
        Some(key) => {
            id.clear();
            push_hex(id, xxh3_128(&key));
        }
        None => occurrences.id_of(line.raw, id),
    }
    let id: &'a str = id;
    let event = decoder.decode(line.raw, &envelope(id), store)?;
    *expects_own_id = event.event_id != id;
    if *expects_own_id {
        return Ok((decoder.decode(line.raw, &envelope(""), store)?, ""));
    }
    Ok((event, id))
}
