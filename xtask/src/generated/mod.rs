//! Documents generated from the code: the JSON Schemas of files, and the manual from the help texts. Verbs print them, and
//! `codegen` writes them into the checkout.

pub(crate) mod man_pages;
pub(crate) mod manual;
pub(crate) mod schema;
