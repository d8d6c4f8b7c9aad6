//! What is generated from the code itself: the JSON Schemas of files, and the manual out of the help texts. Verbs print it, and
//! `codegen` checks it in.

pub(crate) mod man_pages;
pub(crate) mod manual;
pub(crate) mod schema;
