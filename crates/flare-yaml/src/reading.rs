//! What a plain scalar means in YAML 1.2 (core schema) and in YAML 1.1 as `PyYAML` reads it.

use crate::{
    Node, NodeContent, Scalar, Style,
    legacy::{is_date, legacy_float, legacy_integer},
    meaning::{Meaning, integer, sign, special_float},
    shown,
};

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

impl Scalar {
    /// As [`Self::describe`], but as what FLARE itself takes it for: `no` is a boolean there.
    pub fn describe_as_read_by_flare(&self) -> String {
        match self.reading() {
            Reading::Same(_) | Reading::Differs { yaml_1_1: Meaning::String, .. } => self.describe(),
            Reading::Differs { yaml_1_1, .. } => {
                format!("the unquoted `{}`, which YAML 1.1 reads as {}", shown(&self.text), yaml_1_1.describe())
            }
        }
    }
}

impl Node {
    /// Whether the value is null, which is the same as leaving its key out (defect 28).
    pub fn is_null(&self) -> bool {
        matches!(&self.content, NodeContent::Scalar(scalar) if scalar.meaning() == Meaning::Null)
    }
}

fn both_not_a_number(one: Meaning, other: Meaning) -> bool {
    matches!((one, other), (Meaning::Float(one), Meaning::Float(other)) if one.is_nan() && other.is_nan())
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
