//! Small inputs with the right answer, each made after a public report about a product of this field: sent to the built program as
//! a shop would send them, and asked for as a person would ask. One module a case.

mod old_folder;
mod support;
