//! Strings: names, images, paths and fixed words.

use std::marker::PhantomData;

use flare_diagnostic::closest;
use flare_names::{
    ClaimName, InvalidName, NamespaceName, PriorityClassName, PullSecretName, RuntimeClassName, ServiceName, Target, path_parts,
};
use flare_yaml::{Meaning, Node, NodeContent, Scalar, Style, quote, shown};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{ConfigReader, Shape};
use crate::{
    choices::Kubernetes,
    image::{ImageError, ImageReference},
};

impl ConfigReader {
    /// A string that is not empty.
    ///
    /// An unquoted scalar counts as a string if FLARE itself (YAML 1.1) reads one: `1e3` does, `no`, `8102` and
    /// `2026-01-01` do not. For one that does not, `hint` returns what to do: quotes help only if the quoted text
    /// would be accepted, see [`in_quotes`].
    pub(super) fn text<'node>(
        &mut self,
        node: &'node Node,
        path: &str,
        hint: impl FnOnce(&Scalar) -> String,
    ) -> Option<&'node str> {
        let NodeContent::Scalar(scalar) = &node.content else {
            return self.refuse(node, format!("`{path}` must be a string, not {}", node.describe()), "write a single value");
        };
        if scalar.text.is_empty() && scalar.style == Style::Quoted {
            return self.refuse(node, format!("`{path}` is empty"), "give it a value, or remove the key");
        }
        let what = match (scalar.legacy_meaning(), scalar.meaning()) {
            (Meaning::String, _) => return Some(&scalar.text),
            (legacy, Meaning::String) => {
                format!("the unquoted `{}`, which YAML 1.1 reads as {}", shown(&scalar.text), legacy.describe())
            }
            _ => scalar.describe(),
        };
        let hint = match scalar.meaning() {
            Meaning::Null => "give it a value, or remove it".to_owned(),
            _ => hint(scalar),
        };
        self.refuse(node, format!("`{path}` must be a string, not {what}"), hint)
    }
}

/// Whether a scalar is a word such as `no`, which only YAML 1.1 does not read as a string.
fn is_word(scalar: &Scalar) -> bool {
    scalar.meaning() == Meaning::String
}

/// The hint for a text that only lacks quotes.
pub(super) fn in_quotes(text: &str) -> String {
    format!("put it in quotes: `{}`", quote(&shown(text)))
}

/// `runtime`: the one word `k8s`.
pub(crate) struct Runtime;

impl Shape for Runtime {
    type Output = Kubernetes;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Kubernetes> {
        let text = reader.text(node, path, |_| "set `runtime: k8s`".to_owned())?;
        if text == "k8s" {
            return Some(Kubernetes);
        }
        let hint = match text {
            "docker" | "slurm" => "set `runtime: k8s`; `nvflare deploy prepare` prepares for other runtimes",
            _ if closest(text, ["k8s"]).is_some() => "did you mean `k8s`?",
            _ => "set `runtime: k8s`",
        };
        reader.refuse(node, format!("`{path}` must be `k8s`, not `{}`", shown(text)), hint)
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "const": "k8s"})
    }
}

/// A kind of Kubernetes name.
pub(crate) trait KubernetesName: Sized + JsonSchema {
    const KIND: &'static str;
    const RULE: &'static str;
    const EXAMPLE: &'static str;
    fn take(text: String) -> Result<Self, InvalidName>;
}

macro_rules! kubernetes_names {
    ($($name:ident),+) => {$(
        impl KubernetesName for $name {
            const KIND: &'static str = $name::KIND;
            const RULE: &'static str = $name::RULE;
            const EXAMPLE: &'static str = $name::EXAMPLE;
            fn take(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
    )+};
}
kubernetes_names!(NamespaceName, ServiceName, ClaimName, PullSecretName, RuntimeClassName, PriorityClassName);

/// A default that is a name.
pub(crate) fn name<N: KubernetesName>(text: &'static str) -> N {
    N::take(text.to_owned()).expect("a literal that is a name, which the tests read")
}

/// A name of one kind.
pub(crate) struct Name<N>(PhantomData<N>);

impl<N: KubernetesName> Shape for Name<N> {
    type Output = N;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<N> {
        let example = || format!("use a name such as `{}`", N::EXAMPLE);
        let is_name = |text: &str| N::take(text.to_owned()).is_ok();
        let text = reader.text(node, path, |scalar| if is_name(&scalar.text) { in_quotes(&scalar.text) } else { example() })?;
        if let Ok(name) = N::take(text.to_owned()) {
            return Some(name);
        }
        let repaired = text.to_ascii_lowercase().replace(['_', ' '], "-");
        let hint = if is_name(&repaired) { format!("did you mean `{repaired}`?") } else { example() };
        reader.refuse(node, format!("`{path}`: `{}` is not a {}: {}", shown(text), N::KIND, N::RULE), hint)
    }

    fn schema(_: &[Target]) -> Schema {
        N::json_schema(&mut SchemaGenerator::default())
    }
}

/// A list of names of one kind; an empty list stays empty.
pub(crate) struct Names<N>(PhantomData<N>);

impl<N: KubernetesName> Shape for Names<N> {
    type Output = Vec<N>;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Vec<N>> {
        let NodeContent::Sequence(items) = &node.content else {
            let hint = "write a list: `[name]`, or a line `- name` for each";
            return reader.refuse(node, format!("`{path}` must be a list of names, not {}", node.describe()), hint);
        };
        let names: Vec<_> =
            items.iter().enumerate().map(|(index, item)| Name::<N>::read(item, &format!("{path}[{index}]"), reader)).collect();
        names.into_iter().collect()
    }

    fn schema(targets: &[Target]) -> Schema {
        json_schema!({"type": "array", "items": Name::<N>::schema(targets)})
    }
}

/// An image reference.
pub(crate) struct Image;

impl Shape for Image {
    type Output = ImageReference;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<ImageReference> {
        let text = reader.text(node, path, |scalar| {
            let is_image = is_word(scalar) && scalar.text.parse::<ImageReference>().is_ok();
            if is_image { in_quotes(&scalar.text) } else { IMAGE_FORM.to_owned() }
        })?;
        let error = match text.parse::<ImageReference>() {
            Ok(image) => return Some(image),
            Err(error) => error,
        };
        if may_hold_password(text) {
            let message = format!("`{path}` is not an image reference: what stands before an `@` may be a user and a password");
            let hint = "leave them out, and name a Secret with registry credentials in `image_pull_secrets`";
            return reader.refuse(node, message, hint);
        }
        let message = format!("`{path}`: `{}` is not an image reference: {error}", shown(text));
        reader.refuse(node, message, image_hint(text, error))
    }

    fn schema(_: &[Target]) -> Schema {
        // The lengths of known digest algorithms and the grammar of tag and repository; the parser checks the rest.
        json_schema!({
            "type": "string", "minLength": 1,
            "pattern": "^(\\[[0-9A-Fa-f:]+\\](:[0-9]+)?/|[0-9A-Za-z][0-9A-Za-z.-]*(:[0-9]+)?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}|(?!sha(256|384|512):)[A-Za-z][A-Za-z0-9]*([+._-][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}))?$"
        })
    }
}

const IMAGE_FORM: &str = "use `[registry[:port]/]repository[:tag][@digest]`, for example `registry.example.com/nvflare:2.8.3`";

/// Whether an invalid image reference contains an `@` that does not begin a digest, so that it must not be shown.
fn may_hold_password(text: &str) -> bool {
    let is_digest = |text: &str| ["sha256:", "sha384:", "sha512:"].iter().any(|algorithm| text.starts_with(algorithm));
    text.split('@').skip(1).any(|part| !is_digest(part))
}

fn image_hint(text: &str, error: ImageError) -> String {
    match error {
        ImageError::UpperCase => {
            // The tag keeps its case: `RC` and `rc` are different tags.
            let behind_slash = text.rfind('/').map_or(0, |at| at + 1);
            let end = text[behind_slash..].find([':', '@']).map_or(text.len(), |at| behind_slash + at);
            let repaired = format!("{}{}", text[..end].to_ascii_lowercase(), &text[end..]);
            let is_image = repaired.parse::<ImageReference>().is_ok();
            if is_image { format!("did you mean `{}`?", shown(&repaired)) } else { IMAGE_FORM.to_owned() }
        }
        ImageError::DigestLength { .. } | ImageError::Digest => {
            "copy the digest whole, as the registry shows it: `sha256:` and 64 digits".to_owned()
        }
        _ if text.contains("://") => "leave out everything up to `://`".to_owned(),
        _ => IMAGE_FORM.to_owned(),
    }
}

/// A path in a container, kept as written.
pub(crate) struct Path;

impl Shape for Path {
    type Output = String;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<String> {
        let example = "write the path of a file in the container, for example `/usr/local/bin/python3`";
        let hint = |scalar: &Scalar| if is_word(scalar) { in_quotes(&scalar.text) } else { example.to_owned() };
        reader.text(node, path, hint).map(str::to_owned)
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

/// Where the workspace is mounted: absolute, in its shortest form, not `/`, without `:` and control characters.
pub(crate) struct MountPath;

impl Shape for MountPath {
    type Output = String;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<String> {
        let hint = |_: &Scalar| "write an absolute path, for example `/var/tmp/nvflare/workspace`".to_owned();
        let text = reader.text(node, path, hint)?;
        let value = shown(text);
        if let Some(bad) = text.chars().find(|c| *c == ':' || c.is_control()) {
            let message = format!("`{path}`: `{value}` holds `{bad}`, which a mount path may not");
            return reader.refuse(node, message, "remove the character");
        }
        if !text.starts_with('/') {
            return reader.refuse(node, format!("`{path}`: `{value}` is not absolute"), "begin it with `/`");
        }
        let shortest = format!("/{}", path_parts(text).names.join("/"));
        if shortest == "/" {
            return reader.refuse(
                node,
                format!("`{path}` may not be `/`"),
                "use a directory of its own, for example `/var/tmp/nvflare/workspace`",
            );
        }
        if shortest != text {
            let message = format!("`{path}`: `{value}` is not in its shortest form");
            return reader.refuse(node, message, format!("write `{}`", shown(&shortest)));
        }
        Some(text.to_owned())
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "pattern": "^(/(?!\\.{1,2}(/|$))[^/:\\u0000-\\u001f\\u007f-\\u009f]+)+$"})
    }
}
