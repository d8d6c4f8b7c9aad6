//! Which proxy is used for the API server, decided as kubectl (Go's `net/http`) does.
//!
//! kube 5 compares `NO_PROXY` with the proxy's address instead of the server's, and fails on lists that Go accepts.

use std::net::IpAddr;

use http::Uri;

use crate::ClusterEnvironment;

/// The proxy for a server: the kubeconfig's, otherwise the environment's, unless `NO_PROXY` names the server.
pub(crate) fn proxy_for(server: &Uri, of_kubeconfig: Option<&str>, environment: &ClusterEnvironment) -> Option<String> {
    if let Some(proxy) = of_kubeconfig.filter(|proxy| !proxy.is_empty()) {
        return Some(proxy.to_owned());
    }
    let secure = server.scheme_str() != Some("http");
    let of_environment = if secure { &environment.https_proxy } else { &environment.http_proxy };
    let proxy = of_environment.as_deref().filter(|proxy| !proxy.is_empty())?;
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if is_direct(&host, port, environment.no_proxy.as_deref().unwrap_or_default()) {
        return None;
    }
    // Go takes `host:port` for an address of the scheme `http`.
    Some(if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") })
}

/// Whether a host is reached without a proxy: always for this machine, otherwise if the list names it.
fn is_direct(host: &str, port: u16, list: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let entries = list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| entry == "*" || matches(&entry, host, port, address))
}

/// Whether one entry matches: a network, or an address or a domain with an optional port.
fn matches(entry: &str, host: &str, port: u16, address: Option<IpAddr>) -> bool {
    if let Some((network, length)) = entry.split_once('/') {
        let (Some(address), Ok(network), Ok(length)) = (address, network.parse::<IpAddr>(), length.parse::<u32>()) else {
            return false;
        };
        return in_network(address, network, length);
    }
    let (name, of_port) = match entry.rsplit_once(':') {
        Some((name, digits)) if entry.parse::<IpAddr>().is_err() => match digits.parse::<u16>() {
            Ok(port) => (name, Some(port)),
            Err(_) => return false,
        },
        _ => (entry, None),
    };
    if of_port.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let Ok(wanted) = name.parse::<IpAddr>() {
        return address == Some(wanted);
    }
    // `.a.b` and `*.a.b` mean only subdomains; `a.b` also means itself.
    let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
    let domain = below.unwrap_or(name);
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') || (rest.is_empty() && below.is_none()))
}

fn in_network(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (u128::from(address.to_bits()), u128::from(network.to_bits()), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let shift = |value: u128| value.checked_shr(width - length).unwrap_or(0);
    length <= width && shift(address) == shift(network)
}

/// A proxy's host and port, without user name and password.
pub(crate) fn shown(proxy: &Uri) -> String {
    let port = proxy.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", proxy.host().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(server: &str, no_proxy: &str) -> Option<String> {
        let environment = ClusterEnvironment {
            https_proxy: Some("http://proxy.example:3128".into()),
            no_proxy: Some(no_proxy.into()),
            ..ClusterEnvironment::default()
        };
        proxy_for(&server.parse().expect("a URL"), None, &environment)
    }

    #[test]
    fn no_proxy_is_compared_with_the_server() {
        let direct = [
            ("https://127.0.0.1:6443", ""),
            ("https://localhost:6443", ""),
            ("https://[::1]:6443", ""),
            ("https://10.1.2.3:6443", "10.0.0.0/8,"),
            ("https://10.1.2.3:6443", " , 10.1.2.3"),
            ("https://10.1.2.3:6443", "10.1.2.3:6443"),
            ("https://[fd00::5]:6443", "fd00::/16"),
            ("https://[fd00::5]:6443", "fd00::5"),
            ("https://api.Example.com:6443", "example.com"),
            ("https://example.com:6443", "example.com"),
            ("https://api.example.com:6443", ".example.com"),
            ("https://api.example.com:6443", "*.example.com"),
            ("https://api.example.com", "example.com:443"),
            ("https://api.example.com", "*"),
            ("https://10.1.2.3", "0.0.0.0/0"),
        ];
        for (server, list) in direct {
            assert_eq!(chosen(server, list), None, "{server} with NO_PROXY={list}");
        }
        let by_proxy = [
            ("https://10.1.2.3:6443", "proxy.example"),
            ("https://10.1.2.3:6443", "11.0.0.0/8"),
            ("https://10.1.2.3:6443", "10.1.2.3:443"),
            ("https://10.1.2.3:6443", "10.0.0.0/99"),
            ("https://example.com:6443", ".example.com"),
            ("https://notexample.com:6443", "example.com"),
            ("https://api.example.com:6443", "api.example.com:x"),
        ];
        for (server, list) in by_proxy {
            assert!(chosen(server, list).is_some(), "{server} with NO_PROXY={list}");
        }
    }

    #[test]
    fn the_proxy_of_the_kubeconfig_holds_in_any_case() {
        let environment = ClusterEnvironment { no_proxy: Some("*".into()), ..ClusterEnvironment::default() };
        let server = "https://127.0.0.1:6443".parse().expect("a URL");
        assert_eq!(proxy_for(&server, Some("socks5://bastion:1080"), &environment).as_deref(), Some("socks5://bastion:1080"));
        assert_eq!(proxy_for(&server, Some(""), &environment), None);
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        assert_eq!(shown(&"http://user:secret@proxy.example:3128".parse().expect("a URL")), "proxy.example:3128");
    }
}
