//! Values that Kubernetes refuses or misunderstands, although FLARE's launcher passes them on.

use flare_site_config::{image::ImageReference, quantity::Quantity};

use crate::document::{Kind, Node};

/// What is wrong with a value, as the rest of a sentence that begins with its key, and the hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub(crate) what: String,
    pub(crate) hint: String,
}

impl Doubt {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// The resource that a quantity measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Cpu,
    Memory,
    EphemeralStorage,
    Gpu,
}

impl Resource {
    /// An amount that no node has, so that it must be in the wrong place or unit.
    const fn absurd(self) -> (&'static str, &'static str) {
        match self {
            Self::Cpu => ("512", "write cores, or thousandths of a core with `m`: `2` or `2000m`"),
            Self::Memory | Self::EphemeralStorage => ("1Pi", "write an amount such as `8Gi`"),
            Self::Gpu => ("128", "write the number of GPUs of one pod"),
        }
    }

    const fn is_bytes(self) -> bool {
        matches!(self, Self::Memory | Self::EphemeralStorage)
    }
}

const FORM: &str = "write a number with a suffix such as `m`, `Mi` or `Gi`, or none: `2`, `500m`, `8Gi`";

/// What is wrong with an amount, if anything. An amount that requests nothing is always accepted.
pub(crate) fn quantity(node: &Node, resource: Resource) -> Option<Doubt> {
    if node.is_falsy() {
        return None;
    }
    let Some(amount) = amount(node) else {
        return Some(Doubt::new("is not a Kubernetes quantity: Kubernetes refuses the pod", form_of(node)));
    };
    let absurd = resource.absurd();
    let at_most: Quantity = absurd.0.parse().ok()?;
    if amount.is_negative() {
        return Some(Doubt::new("is negative: Kubernetes refuses the pod", "write an amount above 0, or leave the key out"));
    }
    if resource == Resource::Gpu && !amount.is_whole() {
        return Some(Doubt::new(
            "is not a whole number: Kubernetes refuses the pod",
            "GPUs are given out whole: write `1`, `2`, …",
        ));
    }
    if resource.is_bytes() && amount < "1Mi".parse().ok()? {
        return Some(Doubt::new(
            "is less than 1Mi, since a number without a suffix counts bytes and `m` thousandths",
            "write `8Gi` or `512Mi`",
        ));
    }
    if amount > at_most {
        return Some(Doubt::new(
            format!("is more than {}, which no node offers: the pod would stay pending", absurd.0),
            absurd.1,
        ));
    }
    None
}

/// The form to write an amount in. Docker's and metric units of bytes are the usual mistakes.
fn form_of(node: &Node) -> &'static str {
    let unit = node.text().map(|text| text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim());
    match unit {
        Some("GB" | "gb" | "g" | "Gb" | "GiB" | "gib" | "gi") => "write `Gi`",
        Some("MB" | "mb" | "Mb" | "MiB" | "mib" | "mi") => "write `Mi`",
        _ => FORM,
    }
}

fn amount(node: &Node) -> Option<Quantity> {
    match &node.kind {
        Kind::Text(text) => text.parse().ok(),
        Kind::Number(number) => number.text.parse().ok(),
        _ => None,
    }
}

/// A request above its limit; `None` if one of the two is not a quantity, which is reported elsewhere.
pub(crate) fn request_above_limit(request: &Node, limit: &Node) -> Option<Doubt> {
    if request.is_falsy() || limit.is_falsy() || amount(request)? <= amount(limit)? {
        return None;
    }
    Some(Doubt::new("is above its limit: Kubernetes refuses the pod", "ask for at most the limit"))
}

/// What is wrong with an image reference. The text is not shown: it may contain a password.
pub(crate) fn image(text: &str) -> Option<Doubt> {
    if text.is_empty() {
        return None;
    }
    let error = text.parse::<ImageReference>().err()?;
    let hint = if holds_credentials(text) {
        "name the image alone; credentials for a registry stand in a Secret that `image_pull_secrets` names"
    } else {
        "write `registry/repository:tag`, as `docker pull` takes it"
    };
    Some(Doubt::new(format!("is not an image reference, so the container cannot start: {error}"), hint))
}

/// Whether the text may contain `user:password@` before a registry.
fn holds_credentials(text: &str) -> bool {
    text.split_once('@').is_some_and(|(before, after)| before.contains(':') && !after.starts_with("sha"))
}

/// A name that Kubernetes refuses; `rule` is the name type's own.
pub(crate) fn name<T, E>(made: Result<T, E>, kind: &str, rule: &str) -> Option<Doubt> {
    made.err()?;
    Some(Doubt::new(format!("is not a valid {kind}: Kubernetes refuses the pod"), format!("use {rule}")))
}

/// What is wrong with the name of a variable, in any supported Kubernetes.
pub(crate) fn variable(name: &str) -> Option<Doubt> {
    let fits = |c: char| c.is_ascii_graphic() && c != '=';
    if !name.is_empty() && name.chars().all(fits) {
        return None;
    }
    Some(Doubt::new("is not the name of a variable: Kubernetes refuses the pod", "use letters, digits and `_`, no digit first"))
}

/// What is wrong with a number of seconds of a pod's spec.
pub(crate) fn seconds(node: &Node, least: i64) -> Option<Doubt> {
    let seconds = match &node.kind {
        Kind::Number(number) if number.integer => number.text.parse::<i64>().ok(),
        _ => None,
    };
    if seconds.is_some_and(|seconds| (least..=i64::from(i32::MAX)).contains(&seconds)) {
        return None;
    }
    let what = format!("is not a whole number of seconds, {least} or more: Kubernetes refuses the pod");
    Some(Doubt::new(what, "write the seconds, or leave the key out"))
}

/// What is wrong with a mount path.
pub(crate) fn mount_path(path: &str) -> Option<Doubt> {
    if !crate::path::is_absolute(path) {
        return Some(Doubt::new("is not an absolute path, which container runtimes refuse", "begin it with `/`"));
    }
    if path.contains(':') {
        return Some(Doubt::new("holds a `:`: Kubernetes refuses the pod", "leave the colon out"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt_of(json: &str, resource: Resource) -> String {
        let mut findings = crate::document::Findings::new("f", json);
        let node = crate::document::from_json(json, &mut findings).expect("the row is JSON");
        quantity(&node, resource).map(|doubt| doubt.what).unwrap_or_default()
    }

    #[test]
    fn quantities_that_kubernetes_refuses_or_misunderstands_are_doubted() {
        for (json, resource, expected) in [
            ("\"2\"", Resource::Cpu, ""),
            ("2", Resource::Cpu, ""),
            ("0.5", Resource::Cpu, ""),
            ("null", Resource::Cpu, ""),
            ("0", Resource::Gpu, ""),
            ("\"two\"", Resource::Cpu, "is not a Kubernetes quantity"),
            ("-1", Resource::Cpu, "is negative"),
            ("\"2000\"", Resource::Cpu, "is more than 512"),
            ("\"8Gi\"", Resource::Memory, ""),
            ("\"8GB\"", Resource::Memory, "is not a Kubernetes quantity"),
            ("\"8 Gi\"", Resource::Memory, "is not a Kubernetes quantity"),
            ("16", Resource::Memory, "is less than 1Mi"),
            ("\"512m\"", Resource::Memory, "is less than 1Mi"),
            ("\"2Ei\"", Resource::EphemeralStorage, "is more than 1Pi"),
            ("\"-1Gi\"", Resource::EphemeralStorage, "is negative"),
            ("1", Resource::Gpu, ""),
            ("\"4\"", Resource::Gpu, ""),
            ("1.5", Resource::Gpu, "is not a whole number"),
            ("\"500m\"", Resource::Gpu, "is not a whole number"),
            ("-2", Resource::Gpu, "is negative"),
            ("1000", Resource::Gpu, "is more than 128"),
            ("true", Resource::Gpu, "is not a Kubernetes quantity"),
            ("[1]", Resource::Gpu, "is not a Kubernetes quantity"),
            ("\"all\"", Resource::Gpu, "is not a Kubernetes quantity"),
        ] {
            let found = doubt_of(json, resource);
            assert!(if expected.is_empty() { found.is_empty() } else { found.starts_with(expected) }, "{json}: {found}");
        }
    }

    #[test]
    fn no_doubt_about_an_image_shows_a_password() {
        for text in ["user:s3cret@registry.example.com/a/b:1", "https://user:s3cret@registry/a", "a b", "A/B:1", "a:b:c", "repo:"]
        {
            let doubt = image(text).expect("it is not a reference");
            assert!(!format!("{doubt:?}").contains("s3cret"), "{text}");
        }
        for text in
            ["", "a", "registry:5000/a/b:1.2", "a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000"]
        {
            assert_eq!(image(text), None, "{text}");
        }
    }
}
