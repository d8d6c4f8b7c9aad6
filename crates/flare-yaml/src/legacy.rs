//! Plain scalars of YAML 1.1, as `PyYAML` reads them.

use crate::meaning::{Meaning, integer, sign, special_float};

/// Integers of `PyYAML`: binary, octal with a leading 0, decimal, hexadecimal, base 60; `_` is skipped.
pub(crate) fn legacy_integer(text: &str) -> Option<Meaning> {
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
pub(crate) fn legacy_float(text: &str) -> Option<Meaning> {
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
pub(crate) fn is_date(text: &str) -> bool {
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
