//! The Go modules of `tools/`, which are embedded in this program, so that it can build them without a checkout.

use std::path::{Path, PathBuf};

use crate::build_cache::key;

/// A program that is built from a Go module of `tools/`.
#[derive(Debug)]
pub(super) struct Program {
    /// The directory in the cache, without the key: name and version of what is built.
    pub(super) name: &'static str,
    /// The file name of the program.
    pub(super) file: &'static str,
    /// What it is, for messages.
    pub(super) what: &'static str,
    /// How long the build takes, for messages.
    pub(super) duration: &'static str,
    /// Names and contents of the module's files.
    pub(super) sources: &'static [(&'static str, &'static str)],
    /// The package to build.
    pub(super) package: &'static str,
    /// The linker's flags.
    pub(super) linker: &'static str,
}

macro_rules! module {
    ($directory:literal: $($file:literal),+) => {
        &[$(($file, include_str!(concat!("../../../../tools/", $directory, "/", $file)))),+]
    };
}

/// Kubernetes and etcd in one program.
pub(super) const KUBERNETES: Program = Program {
    name: "kubernetes-1.34.4",
    file: "hyperkube",
    what: "Kubernetes 1.34.4",
    duration: "7 to 9 minutes",
    sources: module!("kubernetes": "go.mod", "go.sum", "main.go"),
    package: ".",
    linker: "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 -X k8s.io/component-base/version.gitMajor=1 \
             -X k8s.io/component-base/version.gitMinor=34",
};

/// `CoreDNS` with the few plugins that a cluster needs.
pub(super) const COREDNS: Program = Program {
    name: "coredns-1.15.0",
    file: "coredns",
    what: "CoreDNS 1.15.0",
    duration: "a minute",
    sources: module!("coredns": "go.mod", "go.sum", "main.go"),
    package: ".",
    linker: "-s -w",
};

/// The storage provisioner, whose `main` package is a tool dependency of the module.
pub(super) const LOCAL_PATH_PROVISIONER: Program = Program {
    name: "local-path-provisioner-0.0.30",
    file: "local-path-provisioner",
    what: "local-path-provisioner 0.0.30",
    duration: "a minute",
    sources: module!("local-path-provisioner": "go.mod", "go.sum"),
    package: "github.com/rancher/local-path-provisioner",
    linker: "-s -w -X main.VERSION=v0.0.30",
};

/// All programs.
pub(super) const ALL: [Program; 3] = [COREDNS, LOCAL_PATH_PROVISIONER, KUBERNETES];

impl Program {
    /// Its directory in the cache, named by a key of everything that it is built from.
    pub(super) fn directory(&self, cache: &Path) -> PathBuf {
        let sources = self.sources.iter().flat_map(|(name, content)| [name.as_bytes(), content.as_bytes()]);
        let key = key(sources.chain([self.package.as_bytes(), self.linker.as_bytes()]));
        cache.join("tools").join(format!("{}-{key}", self.name))
    }

    /// The program in the cache.
    pub(super) fn path(&self, cache: &Path) -> PathBuf {
        self.directory(cache).join(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_module_pins_what_its_program_says_it_is() {
        for program in ALL {
            let (name, version) = program.name.rsplit_once('-').unwrap();
            let modules = program.sources.iter().find(|(file, _)| *file == "go.mod").unwrap().1;
            assert!(
                modules.lines().any(|line| line.contains(name) && line.contains(&format!(" v{version}"))),
                "{}",
                program.name
            );
            assert!(program.what.ends_with(version), "{}", program.what);
        }
    }
}
