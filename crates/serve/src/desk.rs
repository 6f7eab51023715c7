//! Reads views for requests and live streams: one computation for all who ask the same thing at the same moment.
//!
//! Views are computed on blocking threads, no more at once than there are cores, and kept rendered until the store's
//! generation moves on or a second has passed, whichever is first.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tradewind_model::{Clock, Micros, StoreId};

use crate::access::StoreScope;
use crate::answers::ViewEnvelope;
use crate::error::Refusal;
use crate::live::{LiveViews, ViewAnswer, ViewName, ViewRequest};
use crate::period::{Interval, Span, WindowEnd, window_end};
use crate::views::Time;

/// How long a rendered view stays good while nothing changed: windows slide, so not for ever.
const GOOD_FOR: i64 = Micros::SECOND;
/// Rendered views kept before the oldest are dropped.
const MOST_KEPT: usize = 256;

/// A view as an address asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) name: ViewName,
    pub(crate) span: Span,
    pub(crate) interval: Option<Interval>,
    pub(crate) compare: bool,
    pub(crate) limit: usize,
}

/// A view as JSON.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The whole answer.
    pub(crate) json: String,
    /// Where `"data"` begins in it: what lies before changes with the clock, what follows only with the figures.
    figures_at: usize,
}

impl Rendered {
    /// The figures and those compared with.
    pub(crate) fn figures(&self) -> &str {
        &self.json[self.figures_at..]
    }
}

#[derive(Default)]
struct Slot {
    kept: Option<Kept>,
}

struct Kept {
    generation: u64,
    read_at: Micros,
    rendered: Arc<Rendered>,
}

/// Whether a kept view may be given again.
fn still_good(kept_generation: u64, read_at: Micros, generation: u64, now: Micros) -> bool {
    kept_generation == generation && (0..GOOD_FOR).contains(&now.0.saturating_sub(read_at.0))
}

type Slots = HashMap<(StoreId, Asked), Arc<tokio::sync::Mutex<Slot>>>;

/// Where views are read.
pub(crate) struct ViewDesk {
    live: Arc<dyn LiveViews>,
    clock: Arc<dyn Clock>,
    slots: parking_lot::Mutex<Slots>,
    cores: Arc<Semaphore>,
}

impl ViewDesk {
    pub(crate) fn new(live: Arc<dyn LiveViews>, clock: Arc<dyn Clock>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            live,
            clock,
            slots: parking_lot::Mutex::default(),
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    pub(crate) fn live(&self) -> &dyn LiveViews {
        &*self.live
    }

    /// The view, rendered now or kept from a moment ago.
    pub(crate) async fn read(
        &self,
        scope: &StoreScope,
        asked: Asked,
    ) -> Result<Arc<Rendered>, Refusal> {
        let slot = self.slot(scope, asked);
        // Whoever comes second waits here for the first one's answer instead of computing it again.
        let mut slot = slot.lock().await;
        let (generation, now) = (self.live.generation(scope), self.clock.now());
        if let Some(kept) = &slot.kept
            && still_good(kept.generation, kept.read_at, generation, now)
        {
            return Ok(Arc::clone(&kept.rendered));
        }
        let rendered = Arc::new(self.compute(scope, asked, now).await?);
        slot.kept = Some(Kept {
            generation,
            read_at: now,
            rendered: Arc::clone(&rendered),
        });
        Ok(rendered)
    }

    async fn compute(
        &self,
        scope: &StoreScope,
        asked: Asked,
        now: Micros,
    ) -> Result<Rendered, Refusal> {
        let core = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|e| Refusal::internal("read a view", &e))?;
        let (live, scope) = (Arc::clone(&self.live), scope.clone());
        let work = move || {
            let _core = core;
            let end = window_end(now, live.facts(&scope).newest_event);
            let request = ViewRequest {
                name: asked.name,
                period: asked.span.period(end),
                interval: asked.interval,
                compare: asked.compare,
                limit: asked.limit,
            };
            let answer = live.view(&scope, &request)?;
            render(&scope, asked.name, end, &answer)
                .map_err(|e| Refusal::internal("write a view as JSON", &e))
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Refusal::internal("read a view", &e))?
    }

    fn slot(&self, scope: &StoreScope, asked: Asked) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock();
        if slots.len() >= MOST_KEPT {
            // Those nobody is reading at this moment.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry((scope.store_id().clone(), asked)).or_default())
    }
}

/// Writes the answer of `GET /v1/views/NAME`.
fn render(
    scope: &StoreScope,
    name: ViewName,
    end: WindowEnd,
    answer: &ViewAnswer,
) -> Result<Rendered, serde_json::Error> {
    let store = scope.store();
    let envelope = ViewEnvelope {
        view: name.name().to_owned(),
        store: store.store_id.to_string(),
        from: Time(answer.from),
        to: Time(answer.to),
        previous_from: answer.previous.as_ref().map(|p| Time(p.from)),
        previous_to: answer.previous.as_ref().map(|p| Time(p.to)),
        timezone: store.zone.name().to_owned(),
        currency: store.currency.clone(),
        watermark: answer.watermark.map(Time),
        stale: end.stale,
    };
    let mut json = serde_json::to_string(&envelope)?;
    json.pop();
    let figures_at = json.len();
    json.push_str(",\"data\":");
    json.push_str(&serde_json::to_string(&answer.data)?);
    json.push_str(",\"previous\":");
    json.push_str(&serde_json::to_string(
        &answer.previous.as_ref().map(|p| &p.data),
    )?);
    json.push('}');
    Ok(Rendered { json, figures_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_view_is_good_until_something_changed_or_a_second_passed() {
        let at = Micros(5 * Micros::SECOND);
        assert!(still_good(7, at, 7, at));
        assert!(still_good(7, at, 7, at.plus(Micros::SECOND - 1)));
        assert!(!still_good(7, at, 7, at.plus(Micros::SECOND)));
        assert!(!still_good(7, at, 8, at));
        assert!(!still_good(7, at, 7, at.plus(-1)), "the clock was set back");
    }
}
