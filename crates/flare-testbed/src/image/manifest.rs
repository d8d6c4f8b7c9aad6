//! The configuration and the manifest of an image, by the OCI image specification 1.0.

use serde_json::{Value, json};

use super::{layer::digest, store::Stored};

/// An image: layers, the lowest first, and how its program is started.
#[derive(Debug)]
pub(super) struct Image<'a> {
    pub(super) layers: &'a [Stored],
    pub(super) settings: Settings<'a>,
}

/// How the program of an image is started.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    pub(super) command: &'a [&'a str],
    /// `NAME=value`.
    pub(super) environment: &'a [&'a str],
}

impl Image<'_> {
    /// The configuration, as bytes whose digest names it.
    pub(super) fn configuration(&self) -> Vec<u8> {
        let layers: Vec<_> = self.layers.iter().map(|stored| &stored.layer.digest).collect();
        let configuration = json!({
            "created": "2026-01-01T00:00:00Z",
            "architecture": architecture(),
            "os": "linux",
            "config": {"Env": self.settings.environment, "Cmd": self.settings.command},
            // The layers are not compressed, so these are their digests too.
            "rootfs": {"type": "layers", "diff_ids": layers},
        });
        configuration.to_string().into_bytes()
    }

    /// The manifest, as bytes whose digest names the image.
    pub(super) fn manifest(&self) -> Vec<u8> {
        let configuration = self.configuration();
        let part = |kind: &str, digest: &str, size: u64| -> Value {
            json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size})
        };
        let layers = self.layers.iter().map(|stored| part("layer.v1.tar", &stored.layer.digest, stored.layer.size));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part("config.v1+json", &digest(&configuration), configuration.len() as u64),
            "layers": layers.collect::<Vec<_>>(),
        });
        manifest.to_string().into_bytes()
    }
}

/// The name of the machine's architecture in images.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Image, Settings};
    use crate::image::{
        layer::{Layer, digest},
        store::Stored,
    };

    #[test]
    fn manifest_and_configuration_name_each_other_and_the_layers() {
        let layers = ["a", "b"]
            .map(|content| Stored { layer: Layer { digest: digest(content.as_bytes()), size: 7 }, file: content.into() });
        let image = Image { layers: &layers, settings: Settings { command: &["/bin/sh"], environment: &["A=b"] } };
        let manifest: Value = serde_json::from_slice(&image.manifest()).unwrap();
        let configuration: Value = serde_json::from_slice(&image.configuration()).unwrap();
        assert_eq!(manifest["config"]["digest"], digest(&image.configuration()));
        assert_eq!(manifest["config"]["size"], image.configuration().len());
        let a = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        assert_eq!(manifest["layers"][0]["digest"], a);
        assert_eq!(configuration["rootfs"]["diff_ids"][0], a);
        assert_eq!(manifest["layers"][1]["mediaType"], "application/vnd.oci.image.layer.v1.tar");
        assert_eq!(configuration["config"]["Cmd"][0], "/bin/sh");
    }
}
