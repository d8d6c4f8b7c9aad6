//! Writes the files that a user would otherwise type: a commented `k8s.yaml` and a `federation.yaml` for a provisioned directory.
//!
//! `prepare --federation` accepts both texts unchanged, for every name that FLARE accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_names::{ParticipantNames, Role, ServiceName, Target, stable};
use flare_site_config::image::ImageReference;
use flare_yaml::{quote, shown as printable};

use crate::{
    release::Provisioned,
    target::{self, Decision},
};

/// A participant that was found in a provisioned directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedKit {
    /// The participant's name in its kit.
    pub name: String,
    /// The name under which it logs in.
    pub site: String,
    /// Server or client.
    pub role: Role,
    /// The kit's directory, relative to the directory that `federation.yaml` is written to.
    pub kit: String,
    /// SHA-256 of the root certificate, hex: equal in all kits of one provisioning.
    pub root_fingerprint: String,
    /// The relay that a client logs in through.
    pub relay: Option<String>,
    /// A server's FL port, if its kit names it.
    pub fl_port: Option<u16>,
    /// A server's admin port, if its kit names it.
    pub admin_port: Option<u16>,
    /// The project that provisioned it, if its kit names it.
    pub project: Option<String>,
    /// The release that provisioned it.
    pub provisioned: Provisioned,
}

/// The two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The text of `k8s.yaml`, to which the other file refers.
    pub config: String,
    /// The text of `federation.yaml`.
    pub federation: String,
}

/// NVIDIA's image in its own registry, which the user guide names.
const IMAGE_REPOSITORY: &str = "nvcr.io/nvidia/nvflare";
/// The namespace that the files use at first.
const NAMESPACE: &str = "nvflare";
/// The name of the config file in `federation.yaml`.
pub const CONFIG_FILE: &str = "k8s.yaml";

/// The image that fits kits of a target.
fn default_image(target: Target) -> String {
    format!("{IMAGE_REPOSITORY}:{}", target.capabilities().patch_release)
}

/// Writes both files for the participants found, in any order; the server comes first. `image` is the one that the user asked
/// for; `None` means the image that fits the kits' release.
///
/// Fails with `INVALID_FEDERATION` if no `federation.yaml` for these kits could be accepted: not exactly one server, a
/// duplicate participant, kits of two provisionings; the place is the kit's path in `federation.yaml`. Warns if image and kits
/// are of different releases.
pub fn files(found: &[ProvisionedKit], image: Option<&ImageReference>) -> Result<Checked<Files>, Faults> {
    let ordered = crate::cross_checks::server_first(found, |one| one.role);
    let mut collector = Collector::new();
    collector.extend(server_fault(&ordered));
    twice(&ordered, &mut collector);
    provisioned_twice(&ordered, &mut collector);
    let mut decision = target::decide(None, image, release_of(&ordered));
    collector.extend(decision.warning.take());
    collector.finish(|| Files {
        config: config(&ordered, image.map_or_else(|| default_image(decision.target), ToString::to_string).as_str()),
        federation: federation(&ordered, &decision),
    })
}

fn server_fault(found: &[&ProvisionedKit]) -> Option<Diagnostic> {
    let servers: Vec<_> = found.iter().filter(|one| one.role == Role::Server).collect();
    match servers[..] {
        [_] => None,
        [] => Some(
            Diagnostic::error(Code::InvalidFederation, "none of the kits is a server's")
                .hint("name the directory `prod_NN` that provisioning made, with all its kits"),
        ),
        [first, second, ..] => {
            let message = format!(
                "`{}` and `{}` are both kits of a server, and a federation has one",
                printable(&first.kit),
                printable(&second.kit)
            );
            Some(
                Diagnostic::error(Code::InvalidFederation, message)
                    .hint("name one directory `prod_NN`")
                    .at(Place::file(&second.kit)),
            )
        }
    }
}

/// Participants with more than one kit.
fn twice(found: &[&ProvisionedKit], collector: &mut Collector) {
    let mut kits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in found {
        kits.entry(&one.name).or_default().push(&one.kit);
    }
    let several = kits.into_iter().filter(|(_, kits)| kits.len() > 1).map(|(name, kits)| {
        let shown: Vec<_> = kits.iter().map(|kit| format!("`{}`", printable(kit))).collect();
        let message = format!("{} are all kits of the participant `{}`", shown.join(" and "), printable(name));
        Diagnostic::error(Code::InvalidFederation, message)
            .hint("keep the newest, and move the others to another directory")
            .at(Place::file(kits[1]))
    });
    collector.extend(several);
}

/// Kits whose root certificate is not the server's: nobody could log in with them.
fn provisioned_twice(found: &[&ProvisionedKit], collector: &mut Collector) {
    let Some(first) = found.first() else { return };
    let others = found.iter().filter(|one| one.root_fingerprint != first.root_fingerprint).map(|one| {
        let message = format!(
            "the kits `{}` and `{}` come from two provisionings: their root certificates differ",
            printable(&first.kit),
            printable(&one.kit)
        );
        Diagnostic::error(Code::InvalidFederation, message)
            .hint("take all kits from one directory `prod_NN`, or provision the project again")
            .at(Place::file(&one.kit))
    });
    collector.extend(others);
}

/// The newest release that any kit shows: a kit may not show its release, but never shows a later one.
fn release_of(found: &[&ProvisionedKit]) -> Provisioned {
    found.iter().map(|one| one.provisioned).max().unwrap_or(Provisioned::Unknown)
}

fn config(found: &[&ProvisionedKit], image: &str) -> String {
    let reason = match release_of(found) {
        Provisioned::By(target) => format!("The kits look like FLARE {target}; the tag should be of that release."),
        Provisioned::Unknown => {
            "The kits do not tell their release: check that the tag is the release that provisioned them.".to_owned()
        }
    };
    let port = parent_port(found);
    format!(
        "\
# k8s.yaml: how the participants run in Kubernetes. Written by `init`; yours to change.
# `schema k8s` prints every key with its meaning.

runtime: k8s

# Where parents and job pods run; a participant in federation.yaml may name its own.
namespace: {NAMESPACE}

parent:
  # The image of the parents; every cluster must be able to pull it.
  # {reason}
  docker_image: {image}

  # For job pods; differs from the ports that the kits use.
  parent_port: {port}

  # What a parent asks for; `resources: {{}}` asks for nothing.
  resources:
    requests:
      cpu: \"2\"
      memory: 8Gi

  # Secrets with the credentials of a private registry, which must exist in the namespace:
  # image_pull_secrets: [registry-credentials]

job_launcher:
  # The Python of job images.
  default_python_path: /usr/local/bin/python3

  # Seconds that a job pod may wait for its start, for example for a GPU node:
  # pending_timeout: 600
",
        image = quote(image),
    )
}

/// The default parent port, or the next one that no kit uses.
fn parent_port(found: &[&ProvisionedKit]) -> u16 {
    let taken: Vec<u16> = found.iter().flat_map(|one| [one.fl_port, one.admin_port]).flatten().collect();
    (8102..=u16::MAX).find(|port| !taken.contains(port)).unwrap_or(8102)
}

fn federation(found: &[&ProvisionedKit], decision: &Decision) -> String {
    let mut text =
        String::from("# federation.yaml: who takes part, with which startup kit. Written by `init`; yours to change.\n");
    if let Some(project) = found.iter().find_map(|one| one.project.as_deref()) {
        let _ = writeln!(text, "# Project: {}", quote(project));
    }
    text.push_str("# Paths are relative to this file.\n\n");
    let _ = write!(
        text,
        "defaults:\n  # The FLARE release that the kits are prepared for: {}.\n  target: \"{}\"\n\nparticipants:\n",
        decision.reason, decision.target
    );
    let mut taken = BTreeSet::new();
    for one in found {
        entry(&mut text, one, &mut taken);
    }
    text
}

fn entry(text: &mut String, one: &ProvisionedKit, taken: &mut BTreeSet<(&'static str, String)>) {
    let _ = writeln!(text, "  # {}", one.role);
    let _ = writeln!(text, "  - name: {}\n    kit: {}\n    config: {CONFIG_FILE}", quote(&one.name), quote(&one.kit));
    if !claim_objects(one, taken) {
        let _ =
            writeln!(text, "    # Its objects would have the names of another participant's, so it has a namespace of its own.");
        let _ = writeln!(text, "    namespace: {}", stable(&format!("{NAMESPACE}-{}", one.name), 63));
    }
    let _ = writeln!(text, "    claim: {}", stable(&format!("nvflws-{}", one.name), 63));
    text.push_str("    # Another cluster than the current one:\n    # kubeconfig: path/to/kubeconfig\n    # context: name\n");
    if one.role == Role::Server {
        text.push_str(
            "    # For clients in other clusters: load-balancer, host-port or microk8s.\n    # expose: load-balancer\n",
        );
    }
}

/// Reserves the names of a participant's objects in the common namespace; false if another participant has one of them.
fn claim_objects(one: &ProvisionedKit, taken: &mut BTreeSet<(&'static str, String)>) -> bool {
    let service = ServiceName::new("nvflare-server").expect("a literal that is a Service name");
    let names = ParticipantNames::derive(one.role, &one.name, &one.site, &service);
    let own = crate::facts::objects(&names).map(|(kind, name)| (kind, name.to_owned()));
    let free = own.iter().all(|object| !taken.contains(object));
    if free {
        taken.extend(own);
    }
    free
}
