//! What a plain scalar means in YAML 1.2 (core schema) and in YAML 1.1 as `PyYAML` reads it.

use crate::{Node, NodeContent, Scalar, Style, shown};

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

/// The readings of one scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// YAML 1.1 and 1.2 agree.
    Same(Meaning),
    /// They differ.
    Differs {
        /// What `PyYAML`, and so FLARE itself, reads.
        yaml_1_1: Meaning,
        /// What the core schema of YAML 1.2 says.
        yaml_1_2: Meaning,
    },
}

impl Scalar {
    /// The meaning in both versions of YAML.
    pub fn reading(&self) -> Reading {
        let (yaml_1_1, yaml_1_2) = (self.legacy_meaning(), self.meaning());
        if yaml_1_1 == yaml_1_2 || both_not_a_number(yaml_1_1, yaml_1_2) {
            Reading::Same(yaml_1_2)
        } else {
            Reading::Differs { yaml_1_1, yaml_1_2 }
        }
    }

    /// What it means in YAML 1.2, core schema.
    pub fn meaning(&self) -> Meaning {
        if self.style == Style::Quoted {
            return Meaning::String;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" => Meaning::Boolean(true),
            "false" | "False" | "FALSE" => Meaning::Boolean(false),
            text => core_integer(text).or_else(|| core_float(text)).unwrap_or(Meaning::String),
        }
    }

    /// What `PyYAML` reads, which follows YAML 1.1.
    pub fn legacy_meaning(&self) -> Meaning {
        if self.style == Style::Quoted {
            return Meaning::String;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Meaning::Boolean(true),
            "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Meaning::Boolean(false),
            text => legacy_integer(text)
                .or_else(|| legacy_float(text))
                .or_else(|| is_date(text).then_some(Meaning::Date))
                .unwrap_or(Meaning::String),
        }
    }

    /// What this is, for messages: its kind and its text.
    pub fn describe(&self) -> String {
        let text = shown(&self.text);
        match self.meaning() {
            Meaning::Null => "null".to_owned(),
            Meaning::Boolean(_) => format!("the boolean `{text}`"),
            Meaning::Integer(_) | Meaning::Float(_) => format!("the number `{text}`"),
            Meaning::Date | Meaning::String => format!("the string `{text}`"),
        }
    }
}

impl Node {
    /// Whether the value is null, which is the same as leaving its key out (defect 28).
    pub fn is_null(&self) -> bool {
        matches!(&self.content, NodeContent::Scalar(scalar) if scalar.meaning() == Meaning::Null)
    }
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

fn both_not_a_number(one: Meaning, other: Meaning) -> bool {
    matches!((one, other), (Meaning::Float(one), Meaning::Float(other)) if one.is_nan() && other.is_nan())
}

/// An integer of at most 128 bits, otherwise the nearest float: no value that is read needs more.
fn integer(negative: bool, digits: &str, radix: u32) -> Option<Meaning> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let Ok(value) = i128::from_str_radix(digits, radix) else {
        return Some(Meaning::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
    };
    Some(Meaning::Integer(if negative { -value } else { value }))
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    }
}

fn core_integer(text: &str) -> Option<Meaning> {
    if let Some(digits) = text.strip_prefix("0o") {
        return integer(false, digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return integer(false, digits, 16);
    }
    let (negative, digits) = sign(text);
    integer(negative, digits, 10)
}

fn special_float(text: &str) -> Option<Meaning> {
    let (negative, unsigned) = sign(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => Some(Meaning::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => Some(Meaning::Float(f64::NAN)),
        _ => None,
    }
}

fn core_float(text: &str) -> Option<Meaning> {
    if let Some(special) = special_float(text) {
        return Some(special);
    }
    let (_, unsigned) = sign(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(sign(exponent).1)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if number { text.parse().ok().map(Meaning::Float) } else { None }
}

/// Integers of `PyYAML`: binary, octal with a leading 0, decimal, hexadecimal, base 60; `_` is skipped.
fn legacy_integer(text: &str) -> Option<Meaning> {
    let (negative, unsigned) = sign(text);
    let first = unsigned.bytes().next()?;
    if !first.is_ascii_digit() {
        return None;
    }
    let plain = unsigned.replace('_', "");
    if let Some(digits) = plain.strip_prefix("0b") {
        return integer(negative, digits, 2);
    }
    if let Some(digits) = plain.strip_prefix("0x") {
        return integer(negative, digits, 16);
    }
    if unsigned == "0" {
        return Some(Meaning::Integer(0));
    }
    if first == b'0' {
        return integer(negative, if plain.len() == 1 { "0" } else { &plain[1..] }, 8);
    }
    if unsigned.contains(':') {
        return base_60(negative, unsigned);
    }
    integer(negative, &plain, 10)
}

fn base_60(negative: bool, unsigned: &str) -> Option<Meaning> {
    let mut parts = unsigned.split(':');
    let mut value = parts.next()?.replace('_', "").parse::<i128>().ok()?;
    for part in parts {
        let digit = part.parse::<i128>().ok().filter(|digit| *digit < 60 && part.len() <= 2 && !part.starts_with('+'))?;
        value = value.checked_mul(60)?.checked_add(digit)?;
    }
    Some(Meaning::Integer(if negative { -value } else { value }))
}

/// Floats of `PyYAML`: a `.` is needed, and a sign in the exponent; `_` is skipped.
fn legacy_float(text: &str) -> Option<Meaning> {
    if let Some(special) = special_float(text) {
        return Some(special);
    }
    let (signed, unsigned) = (text.starts_with(['-', '+']), sign(text).1);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let starts_with_digit = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    if whole.contains(':') {
        // Base 60 with a fraction: only that it is a number matters, not its value.
        let number = exponent.is_none() && digits(fraction) && base_60(false, whole).is_some();
        return number.then_some(Meaning::Float(f64::NAN));
    }
    let mantissa_fits = if whole.is_empty() {
        !signed && starts_with_digit(fraction) && digits(fraction)
    } else {
        starts_with_digit(whole) && digits(whole) && digits(fraction)
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent.starts_with(['-', '+']) && exponent.len() > 1 && exponent.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    });
    if mantissa_fits && exponent_fits { text.replace('_', "").parse().ok().map(Meaning::Float) } else { None }
}

/// Dates and times of `PyYAML`: `2026-01-01`, `2026-1-1T10:00:00`. A lone `=`, which `PyYAML` refuses, counts too.
fn is_date(text: &str) -> bool {
    if text == "=" {
        return true;
    }
    let mut rest = text;
    let mut number = |least: usize, most: usize, end: Option<char>| {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let fits = (least..=most).contains(&length);
        rest = &rest[length..];
        match end {
            Some(end) => match rest.strip_prefix(end) {
                Some(after) => {
                    rest = after;
                    fits
                }
                None => false,
            },
            None => fits,
        }
    };
    if !(number(4, 4, Some('-')) && number(1, 2, Some('-')) && number(1, 2, None)) {
        return false;
    }
    if rest.is_empty() {
        return text.len() == 10;
    }
    rest.starts_with(['T', 't', ' ', '\t'])
        && rest.trim_start_matches(['T', 't', ' ', '\t']).starts_with(|c: char| c.is_ascii_digit())
        && rest.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Second column: what `yaml.safe_load` of `PyYAML` 6 gives; third: the core schema.
    #[test]
    fn readings_are_those_of_pyyaml_and_of_the_core_schema() {
        use Meaning::{Boolean, Date, Float, Integer, Null, String};
        let table: &[(&str, Meaning, Meaning)] = &[
            ("", Null, Null),
            ("~", Null, Null),
            ("null", Null, Null),
            ("yes", Boolean(true), String),
            ("Off", Boolean(false), String),
            ("yEs", String, String),
            ("y", String, String),
            ("n", String, String),
            ("true", Boolean(true), Boolean(true)),
            ("8102", Integer(8102), Integer(8102)),
            ("-1", Integer(-1), Integer(-1)),
            ("+7", Integer(7), Integer(7)),
            ("0644", Integer(420), Integer(644)),
            ("0o17", String, Integer(15)),
            ("0x1F", Integer(31), Integer(31)),
            ("-0x1F", Integer(-31), String),
            ("0b11", Integer(3), String),
            ("089", String, Integer(89)),
            ("1_000", Integer(1000), String),
            ("1:30", Integer(90), String),
            ("1:99", String, String),
            ("1e3", String, Float(1000.0)),
            ("4212e12", String, Float(4212e12)),
            ("1.0e3", String, Float(1000.0)),
            ("1.0e+3", Float(1000.0), Float(1000.0)),
            ("1.", Float(1.0), Float(1.0)),
            (".5", Float(0.5), Float(0.5)),
            ("-.5", String, Float(-0.5)),
            ("1.5.2", String, String),
            (".inf", Float(f64::INFINITY), Float(f64::INFINITY)),
            ("2026-01-01", Date, String),
            ("2026-1-1", String, String),
            ("2026-1-1T10:00:00", Date, String),
            ("=", Date, String),
            ("8Gi", String, String),
            ("-", String, String),
            (".", String, String),
            ("_", String, String),
            ("00", Integer(0), Integer(0)),
            ("0_7", Integer(7), String),
            ("1__0", Integer(10), String),
            ("1_.5", Float(1.5), String),
            ("._5", String, String),
            ("0x", String, String),
            ("1:2:3", Integer(3723), String),
            ("01:30", String, String),
            ("+.nan", String, String),
            ("-.inf", Float(f64::NEG_INFINITY), Float(f64::NEG_INFINITY)),
        ];
        for (text, yaml_1_1, yaml_1_2) in table {
            let scalar = Scalar { text: (*text).to_owned(), style: Style::Plain };
            assert_eq!(scalar.legacy_meaning(), *yaml_1_1, "YAML 1.1: {text}");
            assert_eq!(scalar.meaning(), *yaml_1_2, "YAML 1.2: {text}");
            let quoted = Scalar { text: (*text).to_owned(), style: Style::Quoted };
            assert_eq!(quoted.reading(), Reading::Same(String), "quoted: {text}");
        }
    }
}
