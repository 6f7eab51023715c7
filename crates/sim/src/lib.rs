//! A client outside the program that tries to make it lose or double something, and counts.
//!
//! It drives the real binary: starts and kills processes, sends events over HTTP, imports files, asks SQL. Nothing of
//! Tradewind is linked in, so what it counts does not depend on the code under test. [`crash`] holds the scenarios; a
//! [`ledger::Ledger`] remembers what was sent and acknowledged and compares it with what the lake holds afterwards
//! (J1, J3, S1, L2). Everything listens on 127.0.0.1 on free ports, works in temporary folders and has a time limit.

pub mod binary;
pub mod chance;
pub mod crash;
pub mod faulty_disk;
pub mod histories;
pub mod http;
pub mod lake;
pub mod ledger;
pub mod recorder;
pub mod server;
pub mod shoppers;
pub mod steps;
