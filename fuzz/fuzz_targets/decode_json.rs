//! Native JSON: whatever the bytes, the decoder neither panics nor takes what is not JSON, and what it takes comes out of
//! [`tradewind_ingest::event_to_json`] as an event that decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradewind_model::validate::Envelope;
use tradewind_model::{Decoder, Micros, Store, StoreId};

fuzz_target!(|raw: &[u8]| {
    let decoder = Decoder::from_definition(Decoder::JSON).expect("the format is known");
    let store = Store::new(StoreId::new("s").expect("an id"));
    let envelope = Envelope {
        received_at: Micros(1_795_000_000_000_000),
        event_id: "given",
    };
    let Ok(event) = decoder.decode(raw, &envelope, &store) else {
        return;
    };
    // Whatever the numbers are: those of unknown fields are kept as text, however large.
    assert!(
        serde_json::from_slice::<serde::de::IgnoredAny>(raw).is_ok()
            && raw.trim_ascii_start().first() == Some(&b'{'),
        "taken, but no JSON object"
    );
    let (mut first, mut second) = (Vec::new(), Vec::new());
    tradewind_ingest::event_to_json(&event, &mut first);
    let again = decoder
        .decode(&first, &envelope, &store)
        .unwrap_or_else(|e| {
            panic!(
                "`{}` does not decode again: {e:?}",
                String::from_utf8_lossy(&first)
            )
        });
    // Fields without a column of their own are text, which the writer may spell in another way; below it is held to its own.
    let mut spelt = again.clone();
    spelt.properties = event.properties.clone();
    assert_eq!(event, spelt, "a field changed or was dropped");
    tradewind_ingest::event_to_json(&again, &mut second);
    assert_eq!(
        String::from_utf8_lossy(&first),
        String::from_utf8_lossy(&second)
    );
});
