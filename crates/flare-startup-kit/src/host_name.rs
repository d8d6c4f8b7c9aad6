//! Host names: which of them a certificate covers, and which of them mean the local machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names of the local machine in `/etc/hosts` of common distributions, besides those that end with `.localhost`.
const OWN_NAMES: [&str; 8] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost4.localdomain4",
    "localhost6",
    "localhost6.localdomain6",
    "ip6-localhost",
    "ip6-loopback",
];

/// Whether one of a certificate's names (DNS names and IP addresses of its subject alternative name) covers a host.
///
/// By RFC 6125: case and a dot at the end are ignored; `*` stands for exactly one whole first label, and never for a whole
/// second-level domain (`*.com`); an IP address is compared as an address, with or without the brackets of a URL.
pub fn certificate_covers(names: &[String], host: &str) -> bool {
    let host = bare(host);
    match host.parse::<IpAddr>() {
        Ok(address) => names.iter().any(|name| bare(name).parse() == Ok(address)),
        Err(_) => names.iter().any(|name| matches(bare(name), host)),
    }
}

/// Whether a host is the local machine, in any spelling: `localhost`, 127.0.0.0/8, `::1`, the unspecified address.
///
/// Inside a pod that is the pod itself. Source: RFC 6761 (`.localhost`), and the spellings of an `IPv4` address that the C library
/// accepts (`127.1`, `0x7f000001`).
pub fn is_own_machine(host: &str) -> bool {
    let host = bare(host).to_ascii_lowercase();
    let host = host.split('%').next().unwrap_or_default();
    if OWN_NAMES.contains(&host) || host.ends_with(".localhost") {
        return true;
    }
    match host.parse::<Ipv6Addr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified() || address.to_ipv4_mapped().is_some_and(is_own_address),
        Err(_) => ipv4_of_c_library(host).is_some_and(is_own_address),
    }
}

fn is_own_address(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

/// A host without the brackets of an `IPv6` address and without the dot at the end.
fn bare(host: &str) -> &str {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn matches(name: &str, host: &str) -> bool {
    let Some(parent) = name.strip_prefix("*.") else { return name.eq_ignore_ascii_case(host) };
    let Some((label, rest)) = host.split_once('.') else { return false };
    !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
}

/// An `IPv4` address as `inet_aton` reads it: one to four numbers, decimal, octal or hexadecimal, the last of which fills the rest.
fn ipv4_of_c_library(text: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u32> = text.split('.').map(c_number).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    let filled = u32::try_from(first.len()).ok().filter(|filled| *filled < 4)? * 8;
    if first.iter().any(|number| *number > 255) || u64::from(*last) >= 1 << (32 - filled) {
        return None;
    }
    let above = first.iter().zip([24, 16, 8]).fold(0, |address, (number, shift)| address | (number << shift));
    Some(Ipv4Addr::from_bits(above | last))
}

fn c_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_as_rfc_6125_says() {
        let table = [
            ("server1.example.com", "server1.example.com", true),
            ("Server1.Example.COM", "server1.example.com", true),
            ("server1.example.com", "server1.example.com.", true),
            ("server1", "SERVER1.", true),
            ("server1", "server10", false),
            ("*.example.com", "server1.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "example", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.2", "10.0.0.1", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("::1", "[::1]", true),
            ("*.0.0.1", "10.0.0.1", false),
        ];
        for (name, host, expected) in table {
            assert_eq!(certificate_covers(&[name.to_owned()], host), expected, "{name} {host}");
        }
    }

    #[test]
    fn every_spelling_of_the_own_machine_is_known() {
        for own in [
            "localhost",
            "LocalHost.",
            "fl.localhost",
            "localhost.localdomain",
            "ip6-localhost",
            "127.0.0.1",
            "127.255.3.4",
            "127.1",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7F000001",
            "2130706433",
            "0",
            "0.0.0.0",
            "::",
            "::1",
            "[::1]",
            "0:0:0:0:0:0:0:1",
            "::1%lo",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
        ] {
            assert!(is_own_machine(own), "{own}");
        }
        for other in [
            "",
            ".",
            "localhost.example.com",
            "notlocalhost",
            "server1",
            "128.0.0.1",
            "10.127.0.1",
            "127.0.0.1.nip.io",
            "127.0.0.256",
            "1.127.0.0.1",
            "0127.0.0.1",
            "0x",
            "08.0.0.1",
            "4294967296",
            "::2",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_own_machine(other), "{other}");
        }
    }
}
