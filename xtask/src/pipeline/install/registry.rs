//! Which credentials of a Secret or docker config file a kubelet uses for an image.

use flare_site_config::image::registry_of;

/// Docker's names of the default registry.
const DOCKER_HUB: [&str; 4] = ["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// The registry of an image: the one that it names, otherwise Docker Hub.
pub(super) fn registry(image: &str) -> &str {
    registry_of(image).unwrap_or(DOCKER_HUB[0])
}

/// Whether a kubelet uses the credentials under a key for an image: the same host, whose parts may contain `*`, the same port, and a
/// path that is a prefix of the image's. Source: `kubernetes/pkg/credentialprovider`.
pub(super) fn holds(key: &str, image: &str) -> bool {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let registry = registry(image);
    // Older dockers appended `/v1/` or `/v2/` to the host.
    let path = if path == "v1" || path == "v2" { "" } else { path };
    let name = image.strip_prefix(registry).and_then(|rest| rest.strip_prefix('/'));
    if DOCKER_HUB.contains(&registry) {
        // A kubelet compares with `docker.io`, and takes what is under `index.docker.io` for every image there.
        let name = name.unwrap_or(image);
        return (host == "docker.io" && name.starts_with(path)) || (host == "index.docker.io" && path.is_empty());
    }
    let rest = name.unwrap_or_default();
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let (wanted_host, wanted_port) = registry.split_once(':').unwrap_or((registry, ""));
    let parts = || host.split('.').zip(wanted_host.split('.'));
    port == wanted_port
        && host.split('.').count() == wanted_host.split('.').count()
        && parts().all(|(pattern, part)| fits(pattern, part))
        && rest.starts_with(path)
}

/// Matches a part of a host with a pattern, in which `*` is any text.
fn fits(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => part
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(after, &rest[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_as_a_kubelet_takes_them() {
        for (key, image) in [
            ("registry.example.com", "registry.example.com/nvflare/nvflare:2.8.3"),
            ("https://registry.example.com/", "registry.example.com/a"),
            ("https://registry.example.com/v2/", "registry.example.com/a"),
            ("registry.example.com:5000", "registry.example.com:5000/a/b"),
            ("registry.example.com/team", "registry.example.com/team/a"),
            ("*.example.com", "eu.example.com/a"),
            ("eu-*.example.com", "eu-west.example.com/a"),
            ("https://index.docker.io/v1/", "nvflare/nvflare:2.8.3"),
            ("docker.io", "docker.io/nvflare/nvflare"),
            // As podman writes it.
            ("docker.io/nvflare", "nvflare/nvflare:2.8.3"),
            ("docker.io/nvflare", "docker.io/nvflare/nvflare"),
            ("localhost", "localhost/a"),
            // A host because of its upper case, as distribution's grammar has it.
            ("Registry", "Registry/a"),
        ] {
            assert!(holds(key, image), "{key} {image}");
        }
        for (key, image) in [
            ("registry.example.com", "registry.example.org/a"),
            ("registry.example.com", "registry.example.com:5000/a"),
            ("registry.example.com:5000", "registry.example.com/a"),
            ("registry.example.com/other", "registry.example.com/team/a"),
            ("*.example.com", "example.com/a"),
            ("*.example.com", "a.b.example.com/a"),
            ("https://index.docker.io/v1/", "registry.example.com/nvflare"),
            ("registry.example.com", "nvflare/nvflare"),
            ("docker.io/team", "nvflare/nvflare"),
            ("registry-1.docker.io", "nvflare/nvflare"),
            ("", "registry.example.com/a"),
        ] {
            assert!(!holds(key, image), "{key} {image}");
        }
    }
}
