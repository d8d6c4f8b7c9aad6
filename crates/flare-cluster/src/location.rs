//! Where a kubeconfig and a context lead, as far as their files say: two spellings of one cluster are seen to be one without asking it.

use flare_diagnostic::Diagnostic;
use http::Uri;

use crate::{Access, ClusterEnvironment, connect::configuration};

/// The API server to which a kubeconfig and a context lead. Equal ones are one server, unless what is at the address chooses the cluster by the
/// user's credential, as some access proxies do; unequal ones may be one cluster that has several addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerLocation {
    scheme: String,
    host: String,
    port: u16,
    path: String,
    /// Host and port of the proxy through which it is reached.
    proxy: Option<String>,
    /// The name in the TLS handshake, by which a proxy may choose the cluster.
    tls_server_name: Option<String>,
}

/// Reads which API server the user names, and sends nothing. No credential plug-in is run.
///
/// # Errors
///
/// `KUBECONFIG_INVALID` and `CONTEXT_NOT_FOUND`, as [`connect`](crate::connect()).
pub async fn locate(access: &Access, environment: &ClusterEnvironment) -> Result<ServerLocation, Diagnostic> {
    let (config, endpoint) = configuration(access, environment).await?;
    Ok(ServerLocation { proxy: endpoint.proxy, tls_server_name: config.tls_server_name, ..of_address(&config.cluster_url) })
}

/// The location at an address, however it is spelled.
fn of_address(address: &Uri) -> ServerLocation {
    let scheme = address.scheme_str().unwrap_or("https").to_ascii_lowercase();
    let port = address.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
    ServerLocation {
        scheme,
        host: address.host().unwrap_or_default().to_ascii_lowercase(),
        port,
        path: address.path().trim_end_matches('/').to_owned(),
        proxy: None,
        tls_server_name: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_spelled() {
        let of = |address: &str| of_address(&address.parse().expect("an address"));
        for (one, other, is_one) in [
            ("https://10.0.0.1", "https://10.0.0.1:443/", true),
            ("https://K8s.Example.com:6443", "https://k8s.example.com:6443/", true),
            ("http://127.0.0.1:80", "http://127.0.0.1", true),
            ("https://10.0.0.1:6443", "https://10.0.0.1", false),
            ("https://10.0.0.1:6443", "http://10.0.0.1:6443", false),
            ("https://rancher/k8s/clusters/a", "https://rancher/k8s/clusters/b", false),
            ("https://rancher/k8s/clusters/a/", "https://rancher/k8s/clusters/a", true),
        ] {
            assert_eq!(of(one) == of(other), is_one, "{one} {other}");
        }
    }
}
