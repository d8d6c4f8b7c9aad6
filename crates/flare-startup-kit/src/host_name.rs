//! Whether a certificate's names cover a host, by RFC 6125: case does not count, `*` stands for one whole first label,
//! an IP address is compared as an address.

use std::net::IpAddr;

/// Whether one of the names covers the host.
pub(crate) fn covered(names: &[String], host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => names.iter().any(|name| name.parse() == Ok(address)),
        Err(_) => names.iter().any(|name| matches(name.strip_suffix('.').unwrap_or(name), host)),
    }
}

fn matches(name: &str, host: &str) -> bool {
    let Some(parent) = name.strip_prefix("*.") else { return name.eq_ignore_ascii_case(host) };
    let Some((label, rest)) = host.split_once('.') else { return false };
    !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
}

#[cfg(test)]
mod tests {
    #[test]
    fn hosts_are_matched_as_rfc_6125_says() {
        let table = [
            ("server1.example.com", "server1.example.com", true),
            ("Server1.Example.COM", "server1.example.com", true),
            ("server1.example.com", "server1.example.com.", true),
            ("*.example.com", "server1.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "example", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.2", "10.0.0.1", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("*.0.0.1", "10.0.0.1", false),
        ];
        for (name, host, expected) in table {
            assert_eq!(super::covered(&[name.to_owned()], host), expected, "{name} {host}");
        }
    }
}
