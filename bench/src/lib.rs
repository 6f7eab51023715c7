//! Measures parts of Tradewind alone: decode, de-duplication and operators, without journal, lake, HTTP and files.
//!
//! [`shards`] prepares input the way the product's door does (decode, validate, route), [`run`] measures what the product's
//! operator threads do with it, [`samples`] makes single events for the kernels. Comparisons of the whole program with its
//! peers are scripts beside this crate; they use the binary like anybody else.

pub mod run;
pub mod samples;
pub mod shards;
