//! Small inputs with the right answer, each made after a public report about a product of this field: sent to the built program as
//! a shop would send them, and asked for as a person would ask. One module a case.

mod case_05_refunds;
mod case_08_float_artefact;
mod case_09_spreadsheets;
mod case_13_empty_carts;
mod case_16_conversion;
mod case_30_ids_and_times;
mod case_32_quantities;
mod case_33_pages;
mod old_folder;
mod support;
