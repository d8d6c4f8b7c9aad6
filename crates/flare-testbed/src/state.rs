//! The state directory of one cluster: everything that it writes, and the record of how it was started.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use flare_diagnostic::Faults;
use flare_file_tree::resolved;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{ClusterName, Context, UpOptions, fault::disk, options::Provider};

/// The path of the state directory for the cluster's own processes: short, since paths of sockets have at most 107 bytes.
pub(crate) const INSIDE: &str = "/run/flare-kube";

/// The directory of the registries' images, in the state directory.
pub(crate) const REGISTRY_DIRECTORY: &str = "registry";

/// [`StateDirectory::kubectl`], in the state directory.
const KUBECTL: &str = "bin/kubectl";

/// The path of the cache directory for the cluster's own processes.
const CACHE_INSIDE: &str = "/run/flare-kube-cache";

/// The state directory of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct StateDirectory {
    /// With all links resolved, so that paths can be compared.
    root: PathBuf,
    name: ClusterName,
}

/// The record of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its provider.
    pub(crate) provider: Provider,
    /// Its kubeconfig; outside the state directory only if the user named it.
    pub(crate) kubeconfig: PathBuf,
    /// Its address as seen from this machine, if it has its own.
    pub(crate) address: Option<std::net::Ipv4Addr>,
    /// The components of a cluster from source, besides its init process.
    #[serde(alias = "parts")]
    pub(crate) components: Vec<String>,
    /// The requested options.
    pub(crate) options: UpOptions,
}

impl StateDirectory {
    /// The directory of a cluster, which need not exist.
    pub(crate) fn of(context: &Context<'_>, name: &ClusterName) -> Self {
        let cache = resolved(&std::path::absolute(context.cache).unwrap_or_else(|_| context.cache.to_owned()));
        Self { root: cache.join("clusters").join(name.as_str()), name: name.clone() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The cache directory, which contains the state directory.
    pub(crate) fn cache(&self) -> &Path {
        self.root.ancestors().nth(2).expect("the directory is made of the cache directory and two names")
    }

    /// A program's path as the cluster's own processes see it.
    pub(crate) fn inside(&self, program: &Path) -> PathBuf {
        let path = resolved(program);
        path.strip_prefix(self.cache()).map_or_else(|_| program.to_owned(), |rest| Path::new(CACHE_INSIDE).join(rest))
    }

    /// The name of the cluster's control group in every hierarchy. Clusters of the same name in two caches have different groups.
    pub(crate) fn control_group(&self) -> String {
        let digest = Sha256::digest(self.root.as_os_str().as_encoded_bytes());
        let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("flare-kube-{}-{short}", self.name)
    }

    /// The user's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    /// A kubectl for the user, of the cluster's own version. Its directory contains nothing else and can be put on `PATH`.
    pub(crate) fn kubectl(&self) -> PathBuf {
        self.root.join(KUBECTL)
    }

    /// Writes [`Self::kubectl`]: a script that calls the program that all of Kubernetes is built into.
    pub(crate) fn write_kubectl(&self, hyperkube: &Path) -> Result<(), Faults> {
        // In single quotes a shell reads everything literally except the quote itself.
        let quoted = hyperkube.to_string_lossy().replace('\'', r"'\''");
        self.write(KUBECTL, format!("#!/bin/sh\nexec '{quoted}' kubectl \"$@\"\n"))?;
        let path = self.kubectl();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(|error| disk("written", &path, &error).into())
    }

    /// The API server's audit log.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.root.join("log/audit.log")
    }

    /// The root directory of the cluster's registry.
    pub(crate) fn registry(&self) -> PathBuf {
        self.root.join(REGISTRY_DIRECTORY)
    }

    /// Makes a directory below the root that only its owner can access, with its parents.
    pub(crate) fn make(&self, directory: &str) -> Result<PathBuf, Faults> {
        let path = self.root.join(directory);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|error| disk("made", &path, &error))?;
        Ok(path)
    }

    /// Writes a file below the root that only its owner can read.
    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) -> Result<(), Faults> {
        let path = self.root.join(file);
        if let Some((directory, _)) = file.rsplit_once('/') {
            self.make(directory)?;
        }
        let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut opened| opened.write_all(content.as_ref()));
        written.map_err(|error| disk("written", &path, &error).into())
    }

    /// Writes the record.
    pub(crate) fn write_record(&self, record: &Record) -> Result<(), Faults> {
        let text = serde_json::to_string_pretty(record).expect("a record has only string keys");
        self.write("cluster.json", text)
    }

    /// The record, if it can be read.
    pub(crate) fn record(&self) -> Option<Record> {
        let text = fs::read(self.root.join("cluster.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Removes the directory; returns whether there was one.
    pub(crate) fn remove(&self) -> Result<bool, Faults> {
        match fs::remove_dir_all(&self.root) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(disk("removed", &self.root, &error).into()),
        }
    }
}
