//! Sessions: a visitor's events with the same client session id, or none, without a longer pause than allowed.
//!
//! Events of a visitor that carry no session id belong together while no pause reaches 30 minutes. Events with a client
//! session id belong together while that id is not silent for 24 hours. Both are session windows that merge: an event that
//! comes out of order may join two sessions, and the result is the same in any order of arrival. A session is final once
//! the watermark has left it behind by the pause and the allowed lateness; only then its state is dropped.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tradewind_model::{Date, Micros, Step};

use crate::operators::{Facts, Owed, Surroundings, Timers};
use crate::panes::{Pane, Panes};
use crate::rows::{DerivedRow, DerivedTable, SessionRow};
use crate::state::{Changes, Identity, StateError, StateTable, Table, decode, identity};

/// When a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// A pause of this length ends a session without client id, µs.
    pub inactivity: i64,
    /// A client session id silent for this long begins a new session, µs.
    pub client_silence: i64,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            inactivity: 30 * Micros::MINUTE,
            client_silence: 24 * Micros::HOUR,
        }
    }
}

/// Sessions of one pane in one partition, by the session's start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPane {
    /// Sessions begun.
    pub sessions: i64,
    /// Of them with a single event.
    pub bounces: i64,
    /// Σ last − first event, µs.
    pub duration: i64,
    /// Events in them.
    pub events: i64,
    /// Of them that reached each [`Step`].
    pub steps: [i64; 4],
}

impl Pane for SessionPane {
    fn merge(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.bounces += other.bounces;
        self.duration += other.duration;
        self.events += other.events;
        for i in 0..4 {
            self.steps[i] += other.steps[i];
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Session {
    start: Micros,
    end: Micros,
    events: i64,
    views: i64,
    /// Bit n: [`Step`] n was reached.
    steps: u8,
    /// Its row has not been handed out since it changed.
    changed: bool,
}

/// The sessions of one visitor and one session id that may still change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    visitor: Box<str>,
    session_id: Option<Box<str>>,
    /// In order of time, further apart than the pause; most often one.
    #[serde(serialize_with = "write_few", deserialize_with = "read_few")]
    sessions: SmallVec<[Session; 1]>,
}

fn write_few<S: serde::Serializer>(
    sessions: &SmallVec<[Session; 1]>,
    to: S,
) -> Result<S::Ok, S::Error> {
    sessions.as_slice().serialize(to)
}

fn read_few<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SmallVec<[Session; 1]>, D::Error> {
    Vec::<Session>::deserialize(from).map(|sessions| sessions.into_iter().collect())
}

impl Group {
    fn owes_rows(&self) -> bool {
        self.sessions.iter().any(|s| s.changed)
    }
}

/// The operator's state for one store in one partition.
#[derive(Debug)]
pub struct Sessions {
    rules: SessionRules,
    groups: Table<Group>,
    timers: Timers<Identity>,
    /// Groups with sessions whose rows wait to be handed out: every one with a changed session is among them.
    owed: Owed,
    /// Answers.
    pub panes: Panes<SessionPane>,
}

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub fn new(rules: SessionRules, panes: Panes<SessionPane>) -> Self {
        Self {
            rules,
            groups: Table::default(),
            timers: Timers::default(),
            owed: Owed::default(),
            panes,
        }
    }

    fn gap(&self, group: &Group) -> i64 {
        if group.session_id.is_some() {
            self.rules.client_silence
        } else {
            self.rules.inactivity
        }
    }

    /// Takes an event of a visitor into its session.
    pub fn apply(&mut self, facts: &Facts<'_, '_>, around: &mut Surroundings<'_>) {
        let event = facts.event;
        if !event.event_type.is_by_visitor() {
            return;
        }
        let Some(visitor) = event.visitor() else {
            return;
        };
        let session_id = event.session_id.as_deref();
        let key = identity(&[visitor, session_id.unwrap_or_default()]);
        let gap = if session_id.is_some() {
            self.rules.client_silence
        } else {
            self.rules.inactivity
        };
        let (group, is_new) = self.groups.entry(key, || Group {
            visitor: visitor.into(),
            session_id: session_id.map(Into::into),
            sessions: SmallVec::new(),
        });
        if is_new {
            self.timers.set(event.time.plus(gap), key);
        }
        if !group.owes_rows() {
            self.owed.push(key);
        }
        if join(group, facts, gap, &mut self.panes, around) {
            // Rows were removed: the one that stands for them must not come later.
            hand_out_group(group, |_| true, around);
        }
    }

    /// Hands out the rows of the sessions that changed since they were handed out last, of `budget` groups at most; takes from
    /// the budget what it used.
    pub fn hand_out(&mut self, budget: &mut usize, around: &mut Surroundings<'_>) {
        let groups = &mut self.groups;
        while let Some(key) = self
            .owed
            .next(budget, |key| groups.get(key).is_some_and(Group::owes_rows))
        {
            if let Some(group) = groups.get_mut(key) {
                hand_out_group(group, |_| true, around);
            }
        }
    }

    /// Drops what no event on time can change any more. `horizon` is the watermark less the allowed lateness.
    pub fn advance(&mut self, horizon: Micros, around: &mut Surroundings<'_>) {
        while let Some(key) = self.timers.due(horizon) {
            let Some(group) = self.groups.get(key) else {
                continue;
            };
            let gap = self.gap(group);
            let next = group
                .sessions
                .iter()
                .map(|s| s.end.plus(gap))
                .filter(|end| *end >= horizon)
                .min();
            if let Some(group) = self.groups.get_mut(key) {
                hand_out_group(group, |s| s.end.plus(gap) < horizon, around);
                group.sessions.retain(|s| s.end.plus(gap) >= horizon);
            }
            match next {
                Some(next) => self.timers.set(next, key),
                None => {
                    self.groups.remove(key);
                }
            }
        }
        self.panes.advance(horizon);
    }

    /// Groups whose rows wait to be handed out, at most.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Sessions that may still change.
    #[must_use]
    pub fn open(&self) -> usize {
        self.groups.len()
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        let groups = &self.groups;
        let owes = |key| groups.get(key).is_some_and(Group::owes_rows);
        self.owed.prune(groups.len(), owes);
        self.groups.save(StateTable::Sessions, changes);
        self.panes.save(changes);
    }

    /// Takes a group from a checkpoint.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let key = Identity::of_key(StateTable::Sessions, key)?;
        let group: Group = decode(StateTable::Sessions, value)?;
        let gap = self.gap(&group);
        if let Some(first) = group.sessions.iter().map(|s| s.end.plus(gap)).min() {
            self.timers.set(first, key);
        }
        if group.owes_rows() {
            self.owed.push(key);
        }
        self.groups.restore(key, group);
        Ok(())
    }
}

/// Puts the event into the group, joining every session it touches, and moves answers from before to after. Whether rows were
/// removed.
fn join(
    group: &mut Group,
    facts: &Facts<'_, '_>,
    gap: i64,
    panes: &mut Panes<SessionPane>,
    around: &mut Surroundings<'_>,
) -> bool {
    let event = facts.event;
    let time = event.time;
    let step = event.event_type.step().filter(|_| !facts.repeats);
    let mut merged = Session {
        start: time,
        end: time,
        events: 1,
        views: i64::from(event.event_type.is_view()),
        steps: step.map_or(0, |step| 1 << step as u8),
        changed: true,
    };
    // Sessions within reach are neighbours: those that end less than a pause before and start less than a pause after.
    let from = group.sessions.partition_point(|s| s.end.plus(gap) <= time);
    let to = from + group.sessions[from..].partition_point(|s| s.start < time.plus(gap));
    for i in from..to {
        let session = &group.sessions[i];
        contribute(panes, session, -1);
        merged.start = merged.start.min(session.start);
        merged.end = merged.end.max(session.end);
        merged.events += session.events;
        merged.views += session.views;
        merged.steps |= session.steps;
    }
    contribute(panes, &merged, 1);
    let mut removed = false;
    for session in &group.sessions[from..to] {
        // A session is known by its start.
        if session.start != merged.start {
            let (id, start) = (group.session_id.as_deref(), session.start);
            let key = session_key(&group.visitor, id, start);
            around.remove(DerivedTable::Sessions, &key, around.store.zone.date(start));
            removed = true;
        }
    }
    if to - from == 1 {
        group.sessions[from] = merged;
    } else {
        group.sessions.drain(from..to);
        group.sessions.insert(from, merged);
    }
    removed
}

/// Puts the rows of the changed sessions that `which` picks.
fn hand_out_group(
    group: &mut Group,
    which: impl Fn(&Session) -> bool,
    around: &mut Surroundings<'_>,
) {
    for i in 0..group.sessions.len() {
        if group.sessions[i].changed && which(&group.sessions[i]) {
            group.sessions[i].changed = false;
            let session = &group.sessions[i];
            let key = session_key(&group.visitor, group.session_id.as_deref(), session.start);
            let date = around.store.zone.date(session.start);
            around.put(
                DerivedTable::Sessions,
                &key,
                date,
                DerivedRow::Session(row(group, session, &key, date)),
            );
        }
    }
}

fn session_key(visitor: &str, session_id: Option<&str>, start: Micros) -> String {
    format!("{visitor}/{}@{}", session_id.unwrap_or_default(), start.0)
}

fn contribute(panes: &mut Panes<SessionPane>, session: &Session, sign: i64) {
    let pane = panes.at(session.start);
    pane.sessions += sign;
    pane.bounces += sign * i64::from(session.events == 1);
    pane.duration += sign * (session.end.0 - session.start.0);
    pane.events += sign * session.events;
    for step in Step::ALL {
        pane.steps[step as usize] += sign * i64::from(session.steps >> step as u8 & 1);
    }
}

fn row(group: &Group, session: &Session, key: &str, date: Date) -> SessionRow {
    let reached = |step: Step| session.steps >> step as u8 & 1 == 1;
    SessionRow {
        session_key: key.to_owned(),
        date,
        visitor: group.visitor.to_string(),
        session_id: group.session_id.as_deref().map(str::to_owned),
        started_at: session.start,
        ended_at: session.end,
        events: session.events,
        views: session.views,
        viewed: reached(Step::View),
        carted: reached(Step::Cart),
        checked_out: reached(Step::Checkout),
        purchased: reached(Step::Purchase),
    }
}
