//! What a plain scalar means, and numbers as both versions of YAML write them.

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meaning {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number; infinities and not-a-number included.
    Float(f64),
    /// A date, which only YAML 1.1 has.
    Date,
    /// A string.
    String,
}

impl Meaning {
    /// In words, for messages about two readings.
    pub fn describe(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Date => "a date".to_owned(),
            Self::String => "a string".to_owned(),
        }
    }
}

/// An integer of at most 128 bits, otherwise the nearest float: no value that is read needs more.
pub(crate) fn integer(negative: bool, digits: &str, radix: u32) -> Option<Meaning> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let Ok(value) = i128::from_str_radix(digits, radix) else {
        return Some(Meaning::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
    };
    Some(Meaning::Integer(if negative { -value } else { value }))
}

pub(crate) fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    }
}

/// Infinities and not-a-number.
pub(crate) fn special_float(text: &str) -> Option<Meaning> {
    let (negative, unsigned) = sign(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => Some(Meaning::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => Some(Meaning::Float(f64::NAN)),
        _ => None,
    }
}
