//! Kubernetes quantities (`resource.Quantity` of apimachinery), exact to the nano unit.

use std::{fmt, str::FromStr};

/// The number of nano units in one unit.
const NANO: i128 = 1_000_000_000;
/// The largest quantity of Kubernetes, 2^63 - 1, in nano units.
const LARGEST: i128 = 9_223_372_036_854_775_807 * NANO;

/// An amount, as Kubernetes reads it: rounded away from zero to whole nano units, capped at 2^63 - 1.
///
/// ```
/// use flare_site_config::quantity::Quantity;
/// let parse = |text: &str| text.parse::<Quantity>();
/// assert_eq!(parse("1.5Gi"), parse("1610612736"));
/// assert!(parse("500m").unwrap() < parse("1").unwrap());
/// assert!(parse("8GB").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity {
    nano: i128,
}

/// A text that is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidQuantity;

impl fmt::Display for InvalidQuantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quantity is a number with one of the suffixes n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, an exponent such as e3, or none")
    }
}

impl std::error::Error for InvalidQuantity {}

impl Quantity {
    /// Whether it is a whole number, as GPUs and other countable resources need. As in Kubernetes, `1000m` is whole.
    pub const fn is_whole(self) -> bool {
        self.nano % NANO == 0
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// The amount in nano units.
    pub const fn nano(self) -> i128 {
        self.nano
    }

    /// Whether it is a whole multiple of `unit`; false if the unit is zero.
    pub const fn is_multiple_of(self, unit: Self) -> bool {
        unit.nano != 0 && self.nano % unit.nano == 0
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let (negative, unsigned) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let suffix = unsigned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &unsigned[..unsigned.len() - suffix.len()];
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(InvalidQuantity);
        }
        let (exponent, thousands) = scale(suffix)?;
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        for _ in 0..thousands {
            multiply(&mut digits, 1024);
        }
        let places = exponent.saturating_add(9).saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
        let nano = capped_nano(&digits, places);
        Ok(Self { nano: if negative { -nano } else { nano } })
    }
}

/// The suffix as a power of ten and a power of 1024.
fn scale(suffix: &str) -> Result<(i64, u32), InvalidQuantity> {
    Ok(match suffix {
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "" => (0, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 1),
        "Mi" => (0, 2),
        "Gi" => (0, 3),
        "Ti" => (0, 4),
        "Pi" => (0, 5),
        "Ei" => (0, 6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']).ok_or(InvalidQuantity)?;
            // Like Go's ParseInt: an optional sign and at most 64 bits.
            (exponent.parse::<i64>().map_err(|_| InvalidQuantity)?, 0)
        }
    })
}

/// Multiplies a decimal number, most significant digit first, by a small factor.
fn multiply(digits: &mut Vec<u8>, factor: u32) {
    let mut carry = 0_u32;
    for digit in digits.iter_mut().rev() {
        let product = u32::from(*digit) * factor + carry;
        // A remainder modulo 10 fits into a byte.
        *digit = (product % 10) as u8;
        carry = product / 10;
    }
    let mut front = Vec::new();
    while carry > 0 {
        front.push((carry % 10) as u8);
        carry /= 10;
    }
    digits.splice(0..0, front.into_iter().rev());
}

/// The digits times ten to the power of `places`, rounded up to a whole number and capped at [`LARGEST`].
fn capped_nano(digits: &[u8], places: i64) -> i128 {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let digits = &digits[zeros..];
    if digits.is_empty() {
        return 0;
    }
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let whole_length = length.saturating_add(places);
    // LARGEST has 28 digits; 30 still fit into 128 bits.
    if whole_length > 30 {
        return LARGEST;
    }
    let kept = usize::try_from(whole_length.clamp(0, length)).unwrap_or(0);
    let mut value = digits[..kept].iter().fold(0_i128, |value, digit| value * 10 + i128::from(*digit));
    for _ in length..whole_length {
        value *= 10;
    }
    if digits[kept..].iter().any(|digit| *digit != 0) {
        value += 1;
    }
    value.min(LARGEST)
}
