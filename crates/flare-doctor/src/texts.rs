//! Decisions that depend on a sentence of a container runtime or of the API server, because Kubernetes provides nothing else: why an image
//! was not pulled, and why a pod of a `ReplicaSet` was refused.
//!
//! Two other modules read the texts of other programs, and no decision depends on a text of flare-kube's own: `registered` reads FLARE's
//! log, its only sign of a registration, and `online::judgement` the reasons of `OpenSSL`, as far as they have no code.
//!
//! An unknown text counts as a transient fault, and is waited for.

/// Why a pull fails permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullFault {
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

/// The meaning of a text about a failed pull; `None` for a transient fault.
pub(crate) fn pull_fault(text: &str) -> Option<PullFault> {
    let text = text.to_ascii_lowercase();
    if PASSING_PULLS.iter().any(|passing| text.contains(passing)) {
        return None;
    }
    PULLS.iter().find(|(known, _)| text.contains(known)).map(|(_, fault)| *fault)
}

/// Why a container cannot be created or started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartFault {
    /// The image does not run the command.
    Command,
    /// The memory limit is too low even for the start.
    Memory,
    /// The kubelet does not know something yet that the pod names, as after its own start.
    Passing,
}

/// Texts of runtimes (runc, crun) and of the kubelet, in lower case; the first match counts.
const STARTS: &[(&str, StartFault)] = &[
    ("oom-killed", StartFault::Memory),
    ("memory limit too low", StartFault::Memory),
    ("executable file", StartFault::Command),
    ("exec format error", StartFault::Command),
    ("services have not yet been read", StartFault::Passing),
    ("failed to sync secret cache", StartFault::Passing),
    ("failed to sync configmap cache", StartFault::Passing),
];

/// The meaning of a text about a container that was not started; `None` if it is unknown.
pub(crate) fn start_fault(text: &str) -> Option<StartFault> {
    let text = text.to_ascii_lowercase();
    STARTS.iter().find(|(known, _)| text.contains(known)).map(|(_, fault)| *fault)
}

/// Why the API server refuses a pod permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The namespace's Pod Security level.
    PodSecurity,
    /// A `ResourceQuota` is used up.
    QuotaUsedUp,
    /// A `ResourceQuota` counts what the pod does not set.
    QuotaNeedsValues,
    /// A `LimitRange`.
    LimitRange,
    /// The pod's `ServiceAccount` does not exist.
    NoServiceAccount,
    /// Its priority class does not exist.
    NoPriorityClass,
    /// The pod breaks a rule of Kubernetes itself.
    Invalid,
    /// Another admission rule, such as a webhook's.
    Admission,
}

/// Texts of the API server's own admission plugins; the first match counts.
const REFUSALS: &[(&str, Refusal)] = &[
    ("violates PodSecurity", Refusal::PodSecurity),
    ("exceeded quota", Refusal::QuotaUsedUp),
    ("failed quota", Refusal::QuotaNeedsValues),
    ("error looking up service account", Refusal::NoServiceAccount),
    ("no PriorityClass with name", Refusal::NoPriorityClass),
    ("usage per Container is", Refusal::LimitRange),
    ("usage per Pod is", Refusal::LimitRange),
    ("max limit to request ratio", Refusal::LimitRange),
    ("denied the request", Refusal::Admission),
    (" is invalid: ", Refusal::Invalid),
    (" is forbidden: ", Refusal::Admission),
];

/// The meaning of a text about a refused pod; `None` for a transient fault, such as a webhook that does not answer.
pub(crate) fn refusal(text: &str) -> Option<Refusal> {
    // A terminating namespace and a quota without status are transient.
    const PASSING: [&str; 3] = ["being terminated", "status unknown for quota", "failed calling webhook"];
    if PASSING.iter().any(|passing| text.contains(passing)) {
        return None;
    }
    REFUSALS.iter().find(|(known, _)| text.contains(known)).map(|(_, refusal)| *refusal)
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

    #[test]
    fn what_keeps_a_container_from_its_start() {
        for (text, expected) in [
            (
                "container create failed: executable file `/opt/python` not found: No such file or directory",
                Some(StartFault::Command),
            ),
            (
                "exec: \"/opt/python\": stat /opt/python: no such file or directory; executable file not found in $PATH",
                Some(StartFault::Command),
            ),
            ("failed to create containerd task: container init was OOM-killed (memory limit too low?)", Some(StartFault::Memory)),
            ("services have not yet been read at least once, cannot construct envvars", Some(StartFault::Passing)),
            ("failed to sync secret cache: timed out waiting for the condition", Some(StartFault::Passing)),
            ("couldn't find key a in Secret fl/b", None),
        ] {
            assert_eq!(start_fault(text), expected, "{text}");
        }
    }

    /// Texts of Kubernetes 1.34.
    #[test]
    fn what_a_refused_pod_means() {
        use Refusal::*;
        let cases: &[(&str, Option<Refusal>)] = &[
            (
                "pods \"site-1-7d\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
                Some(PodSecurity),
            ),
            (
                "pods \"site-1-7d\" is forbidden: exceeded quota: team, requested: requests.memory=8Gi, used: requests.memory=0, limited: \
                 requests.memory=4Gi",
                Some(QuotaUsedUp),
            ),
            (
                "pods \"site-1-7d\" is forbidden: failed quota: team: must specify limits.memory for: site-1",
                Some(QuotaNeedsValues),
            ),
            ("pods \"site-1-7d\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 8Gi", Some(LimitRange)),
            ("pods \"a\" is forbidden: [minimum cpu usage per Pod is 1, but request is 100m]", Some(LimitRange)),
            (
                "pods \"a\" is forbidden: memory max limit to request ratio per Container is 2, but provided ratio is 4.000000",
                Some(LimitRange),
            ),
            (
                "pods \"a\" is forbidden: error looking up service account default/site-1: serviceaccount \"site-1\" not found",
                Some(NoServiceAccount),
            ),
            ("pods \"a\" is forbidden: no PriorityClass with name high was found", Some(NoPriorityClass)),
            (
                "Pod \"a\" is invalid: spec.containers[0].resources.requests: Invalid value: \"8Gi\": must be less than or equal to memory \
                 limit of 1Gi",
                Some(Invalid),
            ),
            (
                "admission webhook \"validation.gatekeeper.sh\" denied the request: [registry] image is not allowed",
                Some(Admission),
            ),
            ("pods \"a\" is forbidden: unable to create new content in namespace fl because it is being terminated", None),
            ("pods \"a\" is forbidden: status unknown for quota: team, resources: pods", None),
            ("Internal error occurred: failed calling webhook \"x\": context deadline exceeded", None),
            ("etcdserver: request timed out", None),
        ];
        for (text, expected) in cases {
            assert_eq!(refusal(text), *expected, "{text}");
        }
    }
}
