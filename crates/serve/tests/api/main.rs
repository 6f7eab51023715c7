//! The API through a real client and a real socket; what lies behind it is in memory (see `harness`).

mod access;
mod events;
mod harness;
mod journal;
mod live;
mod secrecy;
mod site;
mod sql;
mod views;
