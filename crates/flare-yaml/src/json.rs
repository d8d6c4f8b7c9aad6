//! JSON as text: checked, with the reason and the place of a fault, and taken apart without loss.

mod fault;
mod object;
mod reasons;
mod scanner;

pub use fault::Fault;
pub use object::{Kind, Object, elements, equals, is_true, is_truthy, lookup, members, write};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The bytes as text, without checking that it is JSON. Fails if they are not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| Fault::encoding(bytes, error.valid_up_to()))
}

/// Checks that the whole text is one JSON value, and returns it without the space around it. Numbers and escapes for which
/// Rust has no type (`1e400`, half a surrogate pair) are valid JSON.
///
/// ```
/// let fault = flare_yaml::json::check("{\"a\": NaN}").unwrap_err();
/// assert_eq!(fault.reason, "`NaN`, `Infinity` and `-Infinity` are not JSON");
/// assert_eq!(fault.hint, "write a number, or `null` where there is none");
/// assert_eq!((fault.position.line, fault.position.column), (1, 7));
/// ```
pub fn check(text: &str) -> Result<&str, Fault> {
    from_text::<&RawValue>(text).map(RawValue::get)
}

/// The value of a JSON text, or the reason and the place if it has none.
pub fn from_text<'text, T: Deserialize<'text>>(text: &'text str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::find(text, &error))
}
