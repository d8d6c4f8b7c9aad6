//! Whole pages, read by a parser that works as browsers do.

mod documents;
mod hostile;
mod pages;
mod parsed;
