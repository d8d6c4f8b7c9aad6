//! Unquoted YAML scalars, read as FLARE's `PyYAML` reads them (YAML 1.1), and marked where YAML 1.2 reads another value.

use super::{Kind, Number};

/// Reads an unquoted scalar. `0644` is an octal number, as in every Kubernetes tool; everything else on which the two
/// versions differ is ambiguous.
pub(super) fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => return Kind::Ambiguous,
        _ => {}
    }
    // No number starts with another character, and most scalars are words.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Kind::Text(text.to_owned());
    }
    match number(text) {
        Some(number) => Kind::Number(number),
        None if is_number_1_1(text) || is_number_1_2(text) => Kind::Ambiguous,
        None => Kind::Text(text.to_owned()),
    }
}

/// A number on which both versions agree, and octals.
fn number(text: &str) -> Option<Number> {
    let (sign, digits) = split_sign(text);
    let minus = if sign == "-" { "-" } else { "" };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(Number { text: format!("{minus}inf"), integer: false });
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Number { text: "nan".to_owned(), integer: false });
    }
    let integer = |value: String| {
        let minus = if value == "0" { "" } else { minus };
        Some(Number { text: format!("{minus}{value}"), integer: true })
    };
    let radix = |digits: &str, radix| u128::from_str_radix(digits, radix).ok().and_then(|value| integer(value.to_string()));
    if all(digits, |b| b.is_ascii_digit()) {
        return match digits.strip_prefix('0') {
            Some("") => integer("0".to_owned()),
            Some(octal) => radix(octal, 8),
            None => integer(digits.to_owned()),
        };
    }
    if let Some(hex) = digits.strip_prefix("0x").filter(|hex| sign.is_empty() && all(hex, |b| b.is_ascii_hexdigit())) {
        return radix(hex, 16);
    }
    (is_float_of_both(sign, digits))
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .map(|value| Number { text: python_float(value), integer: false })
}

/// Digits with a point, and an exponent only with a sign; a leading point only without a sign (`PyYAML`).
fn is_float_of_both(sign: &str, digits: &str) -> bool {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    let exponent_fits = exponent.is_none_or(|e| {
        let (sign, digits) = split_sign(e);
        !sign.is_empty() && all(digits, |b| b.is_ascii_digit())
    });
    let Some((whole, fraction)) = mantissa.split_once('.') else { return false };
    let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let some_digit = if whole.is_empty() { sign.is_empty() && !fraction.is_empty() } else { true };
    exponent_fits && digits_only(whole) && digits_only(fraction) && some_digit
}

/// What `PyYAML` takes for a number and [`number`] did not: underscores, binary, sexagesimal.
fn is_number_1_1(text: &str) -> bool {
    let (_, digits) = split_sign(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return all(binary, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return all(hex, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if digits.contains(':') {
        let mut parts = digits.split(':');
        let first = parts
            .next()
            .is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit()) && all(p, |b| b.is_ascii_digit() || b == b'_'));
        return first
            && parts.all(|part| {
                let whole = part.split('.').next().unwrap_or(part);
                all(whole, |b| b.is_ascii_digit()) && (whole.len() == 1 || whole.len() == 2 && whole.as_bytes()[0] <= b'5')
            });
    }
    digits.contains('_') && digits.starts_with(|c: char| c.is_ascii_digit()) && is_number_1_1_without_underscores(digits)
}

fn is_number_1_1_without_underscores(digits: &str) -> bool {
    let bare: String = digits.chars().filter(|c| *c != '_').collect();
    all(&bare, |b| b.is_ascii_digit()) || is_float_of_both("", &bare)
}

/// What YAML 1.2 takes for a number and [`number`] did not: `1e3`, `-.5`, `0o17`, `08`.
fn is_number_1_2(text: &str) -> bool {
    let (_, digits) = split_sign(text);
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |b| matches!(b, b'0'..=b'7'));
    }
    // Rust's own grammar is that of YAML 1.2 but for its words, which start with a letter.
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok()
}

fn split_sign(text: &str) -> (&str, &str) {
    if text.starts_with(['+', '-']) { text.split_at(1) } else { ("", text) }
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

/// A float as Python prints it: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
fn python_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{value}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match plain(text) {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => format!("bool {value}"),
            Kind::Number(number) => format!("{} {}", if number.integer { "int" } else { "float" }, number.text),
            Kind::Text(text) => format!("text {text}"),
            _ => "ambiguous".to_owned(),
        }
    }

    /// Each row was read off `PyYAML` 6 and the tables of YAML 1.2's core schema.
    #[test]
    fn scalars_are_read_as_pyyaml_does_and_doubtful_ones_are_marked() {
        for (text, expected) in [
            ("4", "int 4"),
            ("+5", "int 5"),
            ("-0", "int 0"),
            ("0x1F", "int 31"),
            ("0644", "int 420"),
            ("1.50", "float 1.5"),
            ("1.", "float 1.0"),
            (".5", "float 0.5"),
            ("1.0e+20", "float 1e+20"),
            ("0.00001", "float 1e-05"),
            ("0.0001", "float 0.0001"),
            ("123456789012345680.0", "float 1.2345678901234568e+17"),
            (".inf", "float inf"),
            ("-.inf", "float -inf"),
            (".nan", "float nan"),
            ("True", "bool true"),
            ("~", "null"),
            ("yes", "ambiguous"),
            ("off", "ambiguous"),
            ("1_000", "ambiguous"),
            ("1e3", "ambiguous"),
            ("0o17", "ambiguous"),
            ("0b11", "ambiguous"),
            ("22:22", "ambiguous"),
            ("08", "ambiguous"),
            ("-.5", "ambiguous"),
            ("1.0e5", "ambiguous"),
            ("y", "text y"),
            ("8080:80", "text 8080:80"),
            ("2024-01-01", "text 2024-01-01"),
            ("1Gi", "text 1Gi"),
            ("-", "text -"),
            ("1.2.3", "text 1.2.3"),
            ("inf", "text inf"),
            ("--", "text --"),
            ("...x", "text ...x"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
