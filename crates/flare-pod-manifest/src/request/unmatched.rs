//! Keys of a job's meta data that match nothing: FLARE ignores them silently, and the job runs with less than
//! its author asked for, or not at all. Each is a warning; images in such places are kept for the error
//! "no image".

mod deployed;

use flare_diagnostic::{closest, shown};
use flare_names::Target;

use deployed::Deployed;

use super::{
    k8s_block::{self, modes},
    specs::{ReadContext, Specs},
};
use crate::{
    document::{KeyValue, Kind, Node, join},
    job_file::META_KEYS,
    warnings::Warnings,
};

/// Keys of `resource_spec` blocks: the portable ones, and those that resource managers of sites read.
const RESOURCE_KEYS: [&str; 4] = ["num_of_gpus", "num_of_cpus", "memory", "mem_per_gpu_in_GiB"];

/// Warns about every key that matches nothing. Returns the places of images that are ignored.
pub(super) fn check(meta: &Node, specs: &Specs<'_>, view: ReadContext<'_>, warnings: &mut Warnings<'_>) -> Vec<String> {
    let deployed = Deployed::read(meta.get_non_null("deploy_map"));
    let mut check = Check { specs, view, deployed, warnings, images: Vec::new() };
    check.meta(meta);
    check.deploy_map(meta);
    check.launcher_spec();
    check.resource_spec();
    check.images
}

struct Check<'check, 'node, 'text> {
    specs: &'check Specs<'node>,
    view: ReadContext<'check>,
    deployed: Deployed<'node>,
    warnings: &'check mut Warnings<'text>,
    images: Vec<String>,
}

impl<'node> Check<'_, 'node, '_> {
    fn warn(&mut self, entry: &KeyValue, message: impl Into<String>, hint: &str) {
        self.warnings.at(entry.key_offset, message, hint);
    }

    fn meta(&mut self, meta: &Node) {
        for entry in meta.entries().iter().filter(|entry| !META_KEYS.contains(&entry.key.as_str())) {
            let path = join(self.view.path, &entry.key);
            if entry.key == "image" || modes(self.view.target).contains(&entry.key.as_str()) {
                self.images_in(&entry.value, &path, &entry.key);
                self.warn(
                    entry,
                    format!("`{path}` is not read: launchers read `launcher_spec`"),
                    "move it to `launcher_spec.default.k8s`",
                );
            } else if let Some(known) = closest(&entry.key, META_KEYS).filter(|known| meta.get(known).is_none()) {
                self.warn(entry, format!("`{path}` is not read"), &format!("did you mean `{known}`?"));
            }
        }
    }

    fn deploy_map(&mut self, meta: &'node Node) {
        let Some(map) = meta.get_non_null("deploy_map") else { return };
        let path = join(self.view.path, "deploy_map");
        self.images_of_deploy_map(map, &path, 0);
        let site = self.specs.site;
        if !self.deployed.holds(site) {
            let message = format!("the job is not deployed at the site `{}`: `{path}` does not name it", shown(site));
            self.warnings.at(
                map.offset,
                message,
                "FLARE starts the job at the sites of `deploy_map` only: add the site, or `@ALL`",
            );
        }
    }

    fn images_of_deploy_map(&mut self, node: &Node, path: &str, depth: usize) {
        if depth > 8 {
            return;
        }
        if let Kind::List(items) = &node.kind {
            for item in items {
                self.images_of_deploy_map(item, path, depth + 1);
            }
        }
        for entry in node.entries() {
            let path = join(path, &entry.key);
            // The keys of the first level are names of apps.
            if depth > 0 && matches!(entry.key.as_str(), "image" | "k8s" | "docker" | "slurm") {
                let message = format!("`{path}` is not read: `deploy_map` says where a job runs, not in which image");
                self.warn(entry, message, "set `launcher_spec.<site>.k8s.image`");
                self.images_in(&entry.value, &path, &entry.key);
            } else {
                self.images_of_deploy_map(&entry.value, &path, depth + 1);
            }
        }
    }

    fn launcher_spec(&mut self) {
        let Some(spec) = self.specs.launcher else { return };
        for entry in spec.entries() {
            let path = join(&self.specs.path_of("launcher_spec"), &entry.key);
            if entry.key == self.specs.site || entry.key == "default" {
                self.modes(&entry.value, &path);
            } else if let Some((message, hint)) = self.never_launched(entry, &path) {
                self.warn(entry, message, &hint);
                self.images_below(&entry.value, &path);
            }
        }
    }

    /// Why a key of `launcher_spec` cannot be another site.
    fn never_launched(&self, entry: &KeyValue, path: &str) -> Option<(String, String)> {
        let key = entry.key.as_str();
        if key.starts_with('@') {
            return Some((format!("`{path}` matches no site"), "write `default` for a block of all sites".to_owned()));
        }
        if k8s_block::is_misspelt_default(entry, self.view.target) {
            let message = format!(
                "the key `{}` of launcher_spec looks like a misspelt `default`; it counts as the name of a site",
                shown(key)
            );
            return Some((message, "write `default` for a block of all sites".to_owned()));
        }
        self.not_this_site(key, path)
    }

    /// A name that is meant for this site but does not match it.
    fn not_this_site(&self, key: &str, path: &str) -> Option<(String, String)> {
        let site = self.specs.site;
        if key != "server" && self.view.server_name == Some(key) {
            let message = format!("`{path}` matches no site: FLARE looks for the server's block under `server`");
            return Some((message, "write `server` for it".to_owned()));
        }
        if is_same_but_for_case(key, site) {
            let message = format!("`{path}` does not match the site `{}`: names are compared letter by letter", shown(site));
            return Some((message, format!("write `{}`", shown(site))));
        }
        if !self.deployed.holds(key) {
            let message = format!("`{path}` matches no site of `deploy_map`");
            return Some((message, "use the names of `deploy_map`; the server's is `server`".to_owned()));
        }
        None
    }

    fn modes(&mut self, block: &Node, path: &str) {
        for mode in block.entries() {
            let key = mode.key.as_str();
            let path = join(path, key);
            if key == "k8s" {
                self.k8s_keys(&mode.value, &path);
            } else if modes(self.view.target).contains(&key) {
                self.images_in(&mode.value, &path, key);
            } else if k8s_block::KEYS.contains(&key) {
                self.warn(mode, format!("`{path}` is not read: it stands beside `k8s`"), "move it into the `k8s` block");
                self.images_in(&mode.value, &path, key);
            } else if closest(key, ["k8s"]).is_some() || matches!(key, "kubernetes" | "kube") {
                self.warn(mode, format!("`{path}` is not a launcher mode, and FLARE passes over it"), "did you mean `k8s`?");
                self.images_in(&mode.value, &path, key);
            } else if key == "slurm"
                && let Some(first) = Target::first_with(|release| release.slurm)
            {
                self.warn(mode, format!("`{path}` is a launcher mode of FLARE {first} and later"), "");
            } else {
                let known = modes(self.view.target).join("`, `");
                self.warn(
                    mode,
                    format!("`{path}` is not a launcher mode, and FLARE passes over it"),
                    &format!("use one of `{known}`"),
                );
                self.images_in(&mode.value, &path, key);
            }
        }
    }

    fn k8s_keys(&mut self, block: &Node, path: &str) {
        for entry in block.entries() {
            if let Some((message, hint)) = k8s_block::unknown_key(&entry.key, path, self.view.target) {
                self.warn(entry, message, &hint);
            }
        }
    }

    fn resource_spec(&mut self) {
        let Some(spec) = self.specs.resource else { return };
        for entry in spec.entries() {
            let path = join(&self.specs.path_of("resource_spec"), &entry.key);
            let portable = entry.key == "@default" && self.view.target.capabilities().portable_resources;
            if entry.key == self.specs.site || portable {
                self.resources(&entry.value, &path, entry.key == self.specs.site);
            } else if let Some((message, hint)) = self.never_resourced(&entry.key, &path) {
                self.warn(entry, message, &hint);
                self.images_below(&entry.value, &path);
            }
        }
    }

    fn never_resourced(&self, key: &str, path: &str) -> Option<(String, String)> {
        if key == "default" || key.starts_with('@') {
            let target = self.view.target;
            let hint = if target.capabilities().portable_resources {
                "write `@default` for a block of all sites".to_owned()
            } else {
                format!("FLARE {target} has no block for all sites here: name each site")
            };
            return Some((format!("`{path}` matches no site"), hint));
        }
        self.not_this_site(key, path)
    }

    fn resources(&mut self, block: &Node, path: &str, is_site: bool) {
        for entry in block.entries() {
            let key = entry.key.as_str();
            let path = join(path, key);
            if key == "k8s" && is_site {
                if self.specs.reads_older_place() {
                    self.k8s_keys(&entry.value, &path);
                } else {
                    self.warn(
                        entry,
                        format!("`{path}` is not read, since `launcher_spec` has a block for Kubernetes"),
                        "move it there",
                    );
                }
            } else if key == "image" || key == "k8s" {
                self.warn(
                    entry,
                    format!("`{path}` is not read"),
                    "set it in `launcher_spec`, in the `k8s` block of `default` or of the site",
                );
                self.images_in(&entry.value, &path, key);
            } else if modes(self.view.target).contains(&key) || RESOURCE_KEYS.contains(&key) {
                self.images_in(&entry.value, &path, key);
            } else if let Some(known) = closest(key, RESOURCE_KEYS).filter(|known| block.get(known).is_none()) {
                self.warn(entry, format!("`{path}` is not read"), &format!("did you mean `{known}`?"));
            }
        }
    }

    /// Adds the images of a block of modes that is ignored.
    fn images_below(&mut self, block: &Node, path: &str) {
        for mode in block.entries() {
            self.images_in(&mode.value, &join(path, &mode.key), &mode.key);
        }
    }

    /// Adds an image that is a value itself or in a block.
    fn images_in(&mut self, node: &Node, path: &str, key: &str) {
        if key == "image" && node.text().is_some_and(|image| !image.is_empty()) {
            self.images.push(path.to_owned());
        } else if node.get("image").is_some_and(|image| image.text().is_some_and(|image| !image.is_empty())) {
            self.images.push(join(path, "image"));
        }
    }
}

/// Whether two names differ only in upper and lower case, `-` and `_`.
fn is_same_but_for_case(left: &str, right: &str) -> bool {
    let folded = |name: &str| name.to_lowercase().replace('_', "-");
    left != right && folded(left) == folded(right)
}
