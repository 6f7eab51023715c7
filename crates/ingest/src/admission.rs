//! Whether a request may come in: the limits of a request and the order in which overload sheds (J4).

/// What one request may ask for, and when the door closes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most items in one request.
    pub max_items: usize,
    /// The most bytes in one item; larger ones are rejected one by one.
    pub max_item_bytes: usize,
    /// Requests without transactions are refused while more bytes than this wait to become durable.
    pub shed_clickstream_bytes: usize,
    /// Every request is refused while more bytes than this wait to become durable.
    pub shed_all_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_items: 50_000,
            max_item_bytes: 1 << 20,
            shed_clickstream_bytes: 24 << 20,
            shed_all_bytes: 48 << 20,
        }
    }
}

/// The decision about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may be written.
    Accept,
    /// It must come again later; nothing of it was written.
    Shed {
        /// Seconds to wait before trying again.
        retry_after_s: u32,
    },
}

/// Decides from facts alone: clickstream is shed at a lower mark than requests that carry transactions. The wait grows
/// from one second at the mark to ten at twice the mark.
#[must_use]
pub fn admit(pending_bytes: usize, limits: &Limits, has_transactions: bool) -> Admission {
    let mark = if has_transactions {
        limits.shed_all_bytes
    } else {
        limits.shed_clickstream_bytes.min(limits.shed_all_bytes)
    };
    if pending_bytes <= mark {
        return Admission::Accept;
    }
    let over = (pending_bytes - mark).saturating_mul(9) / mark.max(1);
    Admission::Shed {
        retry_after_s: 1 + u32::try_from(over.min(9)).unwrap_or(9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j4_clickstream_is_shed_before_transactions() {
        let limits = Limits {
            shed_clickstream_bytes: 100,
            shed_all_bytes: 200,
            ..Limits::default()
        };
        assert_eq!(admit(100, &limits, false), Admission::Accept);
        assert_eq!(
            admit(101, &limits, false),
            Admission::Shed { retry_after_s: 1 }
        );
        assert_eq!(admit(101, &limits, true), Admission::Accept);
        assert_eq!(
            admit(201, &limits, true),
            Admission::Shed { retry_after_s: 1 }
        );
        assert_eq!(
            admit(400, &limits, true),
            Admission::Shed { retry_after_s: 10 }
        );
        assert_eq!(
            admit(usize::MAX, &limits, false),
            Admission::Shed { retry_after_s: 10 }
        );
    }

    #[test]
    fn j4_marks_set_the_wrong_way_round_still_shed_clickstream_first() {
        let limits = Limits {
            shed_clickstream_bytes: 300,
            shed_all_bytes: 200,
            ..Limits::default()
        };
        for pending in 0..500 {
            let click = admit(pending, &limits, false) == Admission::Accept;
            let sale = admit(pending, &limits, true) == Admission::Accept;
            assert!(sale || !click, "at {pending}");
        }
    }
}
