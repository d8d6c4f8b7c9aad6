//! Why an image was not pulled: a decision that depends on sentences of container runtimes and registries, because Kubernetes reports nothing
//! else. An unknown text counts as a transient fault, and is waited for.

/// Why a pull fails permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullFault {
    /// The registry has no such image or tag.
    NotThere,
    /// It does not allow access with these credentials.
    NotAllowed,
    /// It has none for the node's platform.
    Platform,
    /// The node does not trust the registry, or the registry does not use TLS.
    NotTrusted,
    /// The object is not an image.
    NoImage,
}

/// Texts of containerd, CRI-O and Docker's runtime, in lower case, with their meaning; the first match counts. Registries that
/// hide inaccessible images answer as if the image did not exist, so `NotAllowed` covers both.
const PULLS: &[(&str, PullFault)] = &[
    ("no match for platform", PullFault::Platform),
    ("no matching manifest for", PullFault::Platform),
    ("no image found in image index for", PullFault::Platform),
    ("no image found in manifest list for", PullFault::Platform),
    ("pull access denied", PullFault::NotAllowed),
    ("insufficient_scope", PullFault::NotAllowed),
    ("authorization failed", PullFault::NotAllowed),
    ("failed to authorize", PullFault::NotAllowed),
    ("no basic auth credentials", PullFault::NotAllowed),
    ("authentication required", PullFault::NotAllowed),
    ("unauthorized", PullFault::NotAllowed),
    ("access forbidden", PullFault::NotAllowed),
    ("403 forbidden", PullFault::NotAllowed),
    ("requested access to the resource is denied", PullFault::NotAllowed),
    ("x509: certificate", PullFault::NotTrusted),
    ("server gave http response to https client", PullFault::NotTrusted),
    ("manifest unknown", PullFault::NotThere),
    ("manifest_unknown", PullFault::NotThere),
    ("name unknown", PullFault::NotThere),
    ("name_unknown", PullFault::NotThere),
    ("repository name not known", PullFault::NotThere),
    // Harbor's sentences as containerd's and Docker's clients quote them.
    ("unknown: artifact ", PullFault::NotThere),
    ("unknown: repository ", PullFault::NotThere),
    ("code = notfound", PullFault::NotThere),
    (": not found", PullFault::NotThere),
    ("unsupported manifest media type", PullFault::NoImage),
    ("unsupported media type", PullFault::NoImage),
    ("invalid reference format", PullFault::NoImage),
    ("invalid tar header", PullFault::NoImage),
];

/// Texts that are never permanent, whatever else the message contains: rate limits, a token service that is down, a broken connection
/// to the registry or to its token service.
const PASSING_PULLS: &[&str] = &[
    "toomanyrequests",
    "429 too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway",
    "dial tcp",
    "i/o timeout",
    "tls handshake timeout",
    "connection reset",
    "context deadline exceeded",
    "no such host",
    "server misbehaving",
    ": eof",
];

/// The meaning of a kubelet's message about a failed pull; `None` for a transient fault, and for a text that is unknown.
pub fn pull_fault(text: &str) -> Option<PullFault> {
    let text = text.to_ascii_lowercase();
    if PASSING_PULLS.iter().any(|passing| text.contains(passing)) {
        return None;
    }
    PULLS.iter().find(|(known, _)| text.contains(known)).map(|(_, fault)| *fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts as the runtimes write them.
    #[test]
    fn what_a_failed_pull_means() {
        use PullFault::*;
        let cases: &[(&str, Option<PullFault>)] = &[
            // containerd 1.7 and 2.1, Docker Hub.
            (
                "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/nvflare/nvflare:9.9\": failed to resolve \
                 reference \"docker.io/nvflare/nvflare:9.9\": docker.io/nvflare/nvflare:9.9: not found",
                Some(NotThere),
            ),
            (
                "failed to pull and unpack image \"docker.io/library/nvflair:1\": failed to resolve reference \
                 \"docker.io/library/nvflair:1\": pull access denied, repository does not exist or may require authorization: server \
                 message: insufficient_scope: authorization failed",
                Some(NotAllowed),
            ),
            // containerd, a registry with a password.
            (
                "failed to pull and unpack image \"registry.example.com/private/a:1\": failed to resolve reference \
                 \"registry.example.com/private/a:1\": pull access denied, repository does not exist or may require authorization: \
                 authorization failed: no basic auth credentials",
                Some(NotAllowed),
            ),
            // containerd, nvcr.io.
            (
                "rpc error: code = Unknown desc = failed to pull and unpack image \"nvcr.io/a/b:1\": failed to resolve reference \
                 \"nvcr.io/a/b:1\": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to \
                 https://nvcr.io/proxy_auth?scope=repository: 401 Unauthorized",
                Some(NotAllowed),
            ),
            // containerd 2, a mirror with a password.
            (
                "failed to pull and unpack image \"private.example.com/a:1\": failed to resolve reference \"private.example.com/a:1\": \
                 pulling from host 127.0.0.1:5001 failed with status code [manifests 1]: 401 Unauthorized",
                Some(NotAllowed),
            ),
            // CRI-O.
            ("reading manifest 9.9 in docker.io/nvflare/nvflare: manifest unknown", Some(NotThere)),
            (
                "reading manifest latest in quay.io/a/b: unauthorized: access to the requested resource is not authorized",
                Some(NotAllowed),
            ),
            (
                "choosing image instance: no image found in image index for architecture arm64, variant \"v8\", OS linux",
                Some(Platform),
            ),
            // cri-dockerd.
            (
                "Error response from daemon: manifest for nvflare/nvflare:9.9 not found: manifest unknown: manifest unknown",
                Some(NotThere),
            ),
            (
                "choosing an image from manifest list docker://a:1: no image found in manifest list for architecture arm64, OS linux",
                Some(Platform),
            ),
            // Docker, Harbor.
            ("Error response from daemon: unknown: artifact team/a:9 not found", Some(NotThere)),
            ("no match for platform in manifest: not found", Some(Platform)),
            (
                "failed to do request: Head \"https://registry.lab:5000/v2/a/manifests/1\": tls: failed to verify certificate: x509: \
                 certificate signed by unknown authority",
                Some(NotTrusted),
            ),
            ("http: server gave HTTP response to HTTPS client", Some(NotTrusted)),
        ];
        for (text, expected) in cases {
            assert_eq!(pull_fault(text), *expected, "{text}");
        }
    }

    #[test]
    fn trouble_of_a_registry_that_passes_is_no_fault() {
        for text in [
            "failed to do request: Head \"https://nvcr.io/v2/\": dial tcp 10.0.0.1:443: i/o timeout",
            "dial tcp: lookup registry.lab on 10.96.0.10:53: no such host",
            "dial tcp 172.31.255.2:5000: connect: connection refused",
            "toomanyrequests: You have reached your unauthenticated pull rate limit. unauthorized users may pull again later",
            "failed to fetch oauth token: unexpected status: 503 Service Unavailable",
            "net/http: TLS handshake timeout",
            // containerd, whose token service is not reached.
            "failed to authorize: failed to fetch anonymous token: Get \"https://auth.docker.io/token\": dial tcp 10.0.0.1:443: i/o timeout",
            "failed to authorize: failed to fetch oauth token: Post \"https://auth.docker.io/token\": EOF",
            "failed to authorize: failed to fetch oauth token: unexpected status: 504 Gateway Timeout",
            "failed to authorize: failed to fetch anonymous token: read tcp 10.0.0.2:1->10.0.0.1:443: read: connection reset by peer",
            "",
        ] {
            assert_eq!(pull_fault(text), None, "{text}");
        }
    }
}
