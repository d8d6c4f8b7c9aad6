//! Strings: names, images, paths and fixed words.

use std::marker::PhantomData;

use flare_diagnostic::closest;
use flare_names::{ClaimName, InvalidName, NamespaceName, PullSecretName, ServiceName, Target};
use flare_yaml::{Content, Meaning, Node, Style, quote, shown};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Reader, Shape};
use crate::{
    config::InternalSecurity,
    image::{ImageError, ImageReference},
};

impl Reader {
    /// A string that is not empty.
    ///
    /// An unquoted scalar is one where FLARE itself (YAML 1.1) reads a string: so `1e3` is, and `no`, `8102` and
    /// `2026-01-01` are not.
    pub(crate) fn text<'node>(&mut self, node: &'node Node, path: &str) -> Option<&'node str> {
        self.text_or_hint(node, path, None)
    }

    /// As [`Reader::text`], with a hint of its own for a scalar that is no string: quotes do not help where one of a few
    /// words is due.
    fn text_or_hint<'node>(&mut self, node: &'node Node, path: &str, own_hint: Option<&str>) -> Option<&'node str> {
        let Content::Scalar(scalar) = &node.content else {
            return self.refuse(node, format!("`{path}` must be a string, not {}", node.describe()), "write a single value");
        };
        if scalar.text.is_empty() && scalar.style == Style::Quoted {
            return self.refuse(node, format!("`{path}` is empty"), "give it a value, or remove the key");
        }
        let text = shown(&scalar.text);
        let what = match (scalar.legacy_meaning(), scalar.meaning()) {
            (Meaning::String, _) => return Some(&scalar.text),
            (legacy, Meaning::String) => format!("the unquoted `{text}`, which YAML 1.1 reads as {}", legacy.describe()),
            _ => scalar.describe(),
        };
        let hint = match scalar.meaning() {
            _ if own_hint.is_some() => own_hint.unwrap_or_default().to_owned(),
            Meaning::Null => "give it a value, or remove it".to_owned(),
            _ => format!("put it in quotes: `{}`", quote(&text)),
        };
        self.refuse(node, format!("`{path}` must be a string, not {what}"), hint)
    }
}

/// `runtime`: the one word `k8s`.
pub(crate) struct Runtime;

impl Shape for Runtime {
    type Output = ();

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<()> {
        let text = reader.text_or_hint(node, path, Some("set `runtime: k8s`"))?;
        if text == "k8s" {
            return Some(());
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

/// `parent.internal_connection_security`.
pub(crate) struct Security;

impl Shape for Security {
    type Output = InternalSecurity;

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<InternalSecurity> {
        let words = [InternalSecurity::Clear, InternalSecurity::Mtls];
        let text = reader.text_or_hint(node, path, Some("use `clear` or `mtls`"))?;
        if let Some(word) = words.into_iter().find(|word| word.as_str() == text) {
            return Some(word);
        }
        let hint = flare_diagnostic::did_you_mean(text, words.map(InternalSecurity::as_str));
        reader.refuse(node, format!("`{path}` must be `clear` or `mtls`, not `{}`", shown(text)), hint)
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "enum": ["clear", "mtls"]})
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
kubernetes_names!(NamespaceName, ServiceName, ClaimName, PullSecretName);

/// A name of one kind.
pub(crate) struct Name<N>(PhantomData<N>);

impl<N: KubernetesName> Shape for Name<N> {
    type Output = N;

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<N> {
        let text = reader.text(node, path)?;
        if let Ok(name) = N::take(text.to_owned()) {
            return Some(name);
        }
        let repaired = text.to_ascii_lowercase().replace(['_', ' '], "-");
        let hint = match N::take(repaired) {
            Ok(_) => format!("did you mean `{}`?", text.to_ascii_lowercase().replace(['_', ' '], "-")),
            Err(_) => format!("use a name such as `{}`", N::EXAMPLE),
        };
        reader.refuse(node, format!("`{path}`: `{}` is no {}: {}", shown(text), N::KIND, N::RULE), hint)
    }

    fn schema(_: &[Target]) -> Schema {
        N::json_schema(&mut SchemaGenerator::default())
    }
}

/// A list of names of one kind; an empty one stays an empty one.
pub(crate) struct Names<N>(PhantomData<N>);

impl<N: KubernetesName> Shape for Names<N> {
    type Output = Vec<N>;

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Vec<N>> {
        let Content::Sequence(items) = &node.content else {
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

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<ImageReference> {
        let text = reader.text(node, path)?;
        match text.parse::<ImageReference>() {
            Ok(image) => Some(image),
            Err(error) => {
                let hint = match error {
                    ImageError::UpperCase => format!("did you mean `{}`?", shown(&text.to_ascii_lowercase())),
                    ImageError::DigestLength { .. } | ImageError::Digest => {
                        "copy the digest whole, as the registry shows it: `sha256:` and 64 digits".to_owned()
                    }
                    _ => "use `[registry[:port]/]repository[:tag][@digest]`, for example `registry.example.com/nvflare:2.8.3`"
                        .to_owned(),
                };
                reader.refuse(node, format!("`{path}`: `{}` is not an image reference: {error}", shown(text)), hint)
            }
        }
    }

    fn schema(_: &[Target]) -> Schema {
        // Lengths of known digest algorithms and the grammar of tag and repository; the parser checks the rest.
        json_schema!({
            "type": "string", "minLength": 1,
            "pattern": "^(\\[[0-9A-Fa-f:]+\\](:[0-9]+)?/|[0-9A-Za-z][0-9A-Za-z.-]*(:[0-9]+)?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}|(?!sha(256|384|512):)[A-Za-z][A-Za-z0-9]*([+._-][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}))?$"
        })
    }
}

/// A path in a container, taken as it is.
pub(crate) struct Path;

impl Shape for Path {
    type Output = String;

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<String> {
        reader.text(node, path).map(str::to_owned)
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

/// Where the workspace is mounted: absolute, in its shortest form, not `/`, without `:` and control characters.
pub(crate) struct MountPath;

impl Shape for MountPath {
    type Output = String;

    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<String> {
        let text = reader.text(node, path)?;
        let value = shown(text);
        if let Some(bad) = text.chars().find(|c| *c == ':' || c.is_control()) {
            let message = format!("`{path}`: `{value}` holds `{}`, which a mount path may not", bad.escape_debug());
            return reader.refuse(node, message, "remove the character");
        }
        if !text.starts_with('/') {
            return reader.refuse(node, format!("`{path}`: `{value}` is not absolute"), "begin it with `/`");
        }
        let shortest = shortest(text);
        if shortest == "/" {
            return reader.refuse(
                node,
                format!("`{path}` may not be `/`"),
                "use a folder of its own, for example `/var/tmp/nvflare/workspace`",
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

/// An absolute path without `.`, `..`, empty parts and slash at the end.
fn shortest(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
