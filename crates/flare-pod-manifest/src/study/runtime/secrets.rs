//! What a study takes from Secrets: variables and files.

use flare_diagnostic::shown;
use flare_names::{SecretKey, SecretName};

use super::Reader;
use crate::{
    acceptable::{self, Doubt},
    document::{KeyValue, Node, join},
    path,
    study::{
        content::{SecretEnv, SecretMount},
        entries::{check_name, nonempty},
    },
};

impl Reader<'_> {
    pub(super) fn secret_env(&mut self, entry: &KeyValue, path: &str) -> Option<SecretEnv> {
        self.variable(entry);
        if !self.is_mapping(&entry.value, path) {
            return None;
        }
        self.findings.only(&entry.value, path, &["source", "key"]);
        let secret = nonempty(&entry.value, path, "source", &mut self.findings);
        let key = nonempty(&entry.value, path, "key", &mut self.findings);
        self.doubt(&entry.value, path, "source", secret_name);
        self.doubt(&entry.value, path, "key", secret_key);
        Some(SecretEnv { name: entry.key.clone(), secret: secret?, key: key? })
    }

    pub(super) fn secret_mount(&mut self, entry: &KeyValue, path: &str) -> Option<SecretMount> {
        check_name(entry, "secret mount", &mut self.findings);
        let node = &entry.value;
        if !self.is_mapping(node, path) {
            return None;
        }
        self.findings.only(node, path, &["source", "mount_path", "mode", "items"]);
        if let Some(mode) = node.get("mode").filter(|mode| mode.text() != Some("ro")) {
            self.findings.wrong(mode, &join(path, "mode"), "`ro`: Secrets are mounted read-only");
        }
        let secret = nonempty(node, path, "source", &mut self.findings);
        let mount_path = nonempty(node, path, "mount_path", &mut self.findings);
        if let (Some(mount_path), Some(node)) = (&mount_path, node.get("mount_path"))
            && !path::is_absolute(mount_path)
        {
            self.findings.wrong(node, &join(path, "mount_path"), "an absolute path");
        }
        self.doubt(node, path, "source", secret_name);
        self.doubt(node, path, "mount_path", |path| acceptable::mount_path(path).filter(|_| path::is_absolute(path)));
        let items = self.items(node, &join(path, "items"));
        Some(SecretMount { name: entry.key.clone(), secret: secret?, mount_path: mount_path?, items })
    }

    fn items(&mut self, mount: &Node, path: &str) -> Vec<(String, String)> {
        let Some(items) = mount.get_non_null("items") else { return Vec::new() };
        if !self.is_mapping(items, path) {
            return Vec::new();
        }
        if items.entries().is_empty() {
            self.findings.at(items.offset, format!("`{path}` must not be empty"), Some("leave it out to mount the whole Secret"));
        }
        let mut read = |entry: &KeyValue| {
            let key = shown(&entry.key);
            if !entry.key_is_text || entry.key.is_empty() {
                self.findings.at(
                    entry.key_offset,
                    format!("`{key}` in `{path}` is not the key of a Secret"),
                    Some("put it in quotes"),
                );
            }
            let file = entry.value.text().filter(|file| !file.is_empty());
            if file.is_none() {
                self.findings.wrong(&entry.value, &join(path, &entry.key), "a non-empty string");
            }
            Some((entry.key.clone(), file?.to_owned()))
        };
        items.entries().iter().filter_map(&mut read).collect()
    }
}

fn secret_name(text: &str) -> Option<Doubt> {
    acceptable::name(SecretName::new(text), SecretName::KIND, SecretName::RULE)
}

fn secret_key(text: &str) -> Option<Doubt> {
    acceptable::name(SecretKey::new(text), SecretKey::KIND, SecretKey::RULE)
}
