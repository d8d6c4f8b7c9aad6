//! Unquoted YAML scalars, read as FLARE's `PyYAML` reads them (YAML 1.1), and marked where YAML 1.2 reads another value.

use super::{Kind, Number};
use crate::{Meaning, Reading, Scalar, Style};

/// Reads an unquoted scalar. `0644` is an octal number, as in every Kubernetes tool, and a date is text, as in
/// Kubernetes; everything else on which the two versions differ is ambiguous.
pub(super) fn plain(text: String) -> Kind {
    let scalar = Scalar { text, style: Style::Plain };
    match scalar.reading() {
        Reading::Same(meaning) => same(meaning, scalar.text),
        Reading::Differs { yaml_1_1: Meaning::Date, .. } => Kind::Text(scalar.text),
        Reading::Differs { yaml_1_1: Meaning::Integer(octal), yaml_1_2: Meaning::Integer(_) } => integer(octal.to_string()),
        Reading::Differs { .. } => Kind::Ambiguous,
    }
}

fn same(meaning: Meaning, text: String) -> Kind {
    match meaning {
        Meaning::Null => Kind::Null,
        Meaning::Boolean(value) => Kind::Bool(value),
        Meaning::Date | Meaning::String => Kind::Text(text),
        Meaning::Integer(value) => integer(value.to_string()),
        Meaning::Float(value) if value.is_finite() || text.contains('.') => float(value),
        // A decimal integer of more than 128 bits keeps its digits; Python would print an octal or hexadecimal one differently.
        Meaning::Float(_) => {
            let digits = text.strip_prefix('+').unwrap_or(&text);
            if digits.trim_start_matches('-').starts_with('0') { Kind::Ambiguous } else { integer(digits.to_owned()) }
        }
    }
}

fn integer(text: String) -> Kind {
    Kind::Number(Number { text, integer: true })
}

fn float(value: f64) -> Kind {
    Kind::Number(Number { text: python_float(value), integer: false })
}

/// A float as Python prints it: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
fn python_float(value: f64) -> String {
    if !value.is_finite() {
        return format!("{value}").to_lowercase();
    }
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
        match plain(text.to_owned()) {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => format!("bool {value}"),
            Kind::Number(number) => format!("{} {}", if number.integer { "int" } else { "float" }, number.text),
            Kind::Text(text) => format!("text {text}"),
            _ => "ambiguous".to_owned(),
        }
    }

    /// Each row was taken from `PyYAML` 6 and the tables of YAML 1.2's core schema.
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
            ("=", "text ="),
            ("01:30", "text 01:30"),
            ("1:30.5", "ambiguous"),
            ("1.0e+999", "float inf"),
            ("123456789012345678901234567890123456789012", "int 123456789012345678901234567890123456789012"),
            ("-123456789012345678901234567890123456789012", "int -123456789012345678901234567890123456789012"),
            ("0777777777777777777777777777777777777777777777777", "ambiguous"),
            ("...x", "text ...x"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
