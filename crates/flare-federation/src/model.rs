//! The content of `federation.yaml`, checked as far as possible without kits and config files.

use std::sync::Arc;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place, Position};
use flare_names::{ClaimName, NamespaceName, Target};
use flare_site_config::SiteConfig;
use flare_yaml::{Document, Key, KeyValue, Node, NodeContent, Scalar, Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A whole `federation.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Federation {
    /// `defaults.target`; `None` if it was not written: then the command line decides, otherwise images and kits
    /// ([`crate::target`]).
    pub target: Option<Target>,
    /// The participants in the order of the file, at least one.
    pub participants: Vec<Participant>,
}

/// One entry of `participants`.
#[derive(Debug, Clone, PartialEq)]
pub struct Participant {
    /// `name`: the participant's name in FLARE, unchanged.
    pub name: String,
    /// `kit`: the startup kit's directory as written, relative to the directory of `federation.yaml`.
    pub kit: String,
    /// `config`: overlaid on `defaults`.
    pub config: Option<MappingSource>,
    /// `kubeconfig` as written, relative to the directory of `federation.yaml`; `None`: the one of the command line.
    pub kubeconfig: Option<String>,
    /// `context` of the kubeconfig; `None`: the current one.
    pub context: Option<String>,
    /// `namespace`: takes precedence over `defaults` and `config`.
    pub namespace: Option<NamespaceName>,
    /// `claim`: takes precedence over `parent.workspace_pvc` of `defaults` and `config`.
    pub claim: Option<ClaimName>,
    /// `values` of `defaults`, then the participant's own: the later one is overlaid on the earlier one.
    pub values: Vec<MappingSource>,
    /// `expose`: how clients reach this participant from outside.
    pub expose: Option<Expose>,
    /// The places of its parts.
    pub places: Places,
    /// The keys of `k8s.yaml` in `defaults`: a mapping.
    pub(crate) defaults: Node,
}

/// The places of the parts of a participant, for checks that need kits.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// The value of `name`.
    pub name: Place,
    /// The value of `kit`.
    pub kit: Place,
    /// The value of `namespace`, if written.
    pub namespace: Option<Place>,
    /// The value of `claim`, if written.
    pub claim: Option<Place>,
    /// The value of `kubeconfig`, if written.
    pub kubeconfig: Option<Place>,
    /// The value of `context`, if written.
    pub context: Option<Place>,
}

/// An inline mapping, or the name of a file that contains one.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingSource {
    /// A file.
    File {
        /// The name as written, relative to the directory of `federation.yaml`.
        path: String,
        /// Where it is written.
        place: Place,
    },
    /// The mapping itself.
    Inline(Node),
}

/// How clients outside the cluster reach a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expose {
    /// By a Service of type `LoadBalancer`.
    LoadBalancer,
    /// By a port of the node that the pod runs on.
    HostPort,
    /// By a port forward of whoever runs `up`, for trying things out.
    PortForward,
    /// By the ingress of `MicroK8s`, which forwards TCP ports of every node.
    #[serde(rename = "microk8s")]
    MicroK8s,
}

impl Expose {
    /// Every way, in the order of the manual.
    pub const ALL: [Self; 4] = [Self::LoadBalancer, Self::HostPort, Self::PortForward, Self::MicroK8s];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::HostPort => "host-port",
            Self::PortForward => "port-forward",
            Self::MicroK8s => "microk8s",
        }
    }
}

impl Participant {
    /// The file that the caller has to read for [`Self::config_node`].
    pub fn config_file(&self) -> Option<(&str, &Place)> {
        match &self.config {
            Some(MappingSource::File { path, place }) => Some((path, place)),
            _ => None,
        }
    }

    /// The participant's whole `k8s.yaml` as a tree: `defaults`, overlaid by `file` (the content of [`Self::config_file`]) or the
    /// inline mapping, overlaid by `namespace` and `claim`. Every value keeps its place in its own file.
    ///
    /// `null` means left out; mappings are merged key by key, but an empty mapping for `resources`,
    /// `pod_security_context` or `job_pod_security_context` replaces the one of `defaults`, since it means none (defect 12).
    /// `runtime: k8s` is added if it is not written: a federation has no other runtime.
    pub fn config_node(&self, file: Option<&Node>) -> Node {
        let at = &self.places.name;
        let runtime = mapping(at, "runtime", text("k8s", at));
        let own = match &self.config {
            Some(MappingSource::Inline(node)) => Some(node),
            Some(MappingSource::File { .. }) => file,
            None => None,
        };
        let mut merged = Node::overlay(runtime, self.defaults.clone());
        if let Some(own) = own {
            merged = Node::overlay(without_emptied_blocks(merged, own), own.clone());
        }
        if let (Some(name), Some(place)) = (&self.namespace, &self.places.namespace) {
            merged = over_mapping(merged, mapping(place, "namespace", text(name.as_str(), place)));
        }
        if let (Some(name), Some(place)) = (&self.claim, &self.places.claim) {
            merged = over_mapping(merged, mapping(place, "parent", mapping(place, "workspace_pvc", text(name.as_str(), place))));
        }
        merged
    }

    /// The participant's checked configuration: [`Self::config_node`] read by the rules of `k8s.yaml` for a target. `file` is the
    /// document of [`Self::config_file`].
    ///
    /// Fails with every fault of the file and of the merged configuration, each at the place where the value was written.
    pub fn site_config(&self, file: Option<&Document>, target: Target) -> Result<Checked<SiteConfig>, Faults> {
        let mut found = file.map(|document| document.faults.clone()).unwrap_or_default();
        let config = SiteConfig::from_node(&self.config_node(file.map(|document| &document.root)), target);
        let config = found.keep_checked(config);
        found.finish_some(config)
    }

    /// The participant's Helm values: `layers` are the mappings of [`Self::values`] in their order, with files read by the caller.
    ///
    /// Fails with `INVALID_FEDERATION` at every scalar that YAML 1.1 and 1.2 read differently, and if a layer is not a mapping.
    pub fn join_values<'node>(layers: impl IntoIterator<Item = &'node Node>) -> Result<Map<String, Value>, Faults> {
        let mut found = Collector::new();
        let mut joined: Option<Node> = None;
        for layer in layers {
            found.keep(check_values(layer));
            joined = Some(match joined {
                Some(below) => Node::overlay(below, layer.clone()),
                None => layer.clone(),
            });
        }
        found.finish(|| ())?;
        Ok(match joined.map(|node| node.to_json(Code::InvalidFederation)).transpose()? {
            Some(Value::Object(values)) => values,
            _ => Map::new(),
        })
    }
}

/// Removes from `base` the mappings that are empty in `own`, which means "none".
fn without_emptied_blocks(mut base: Node, own: &Node) -> Node {
    for &(section, block) in flare_site_config::mapping_keys() {
        let emptied = own
            .get(section)
            .and_then(|node| node.get(block))
            .is_some_and(|node| matches!(&node.content, NodeContent::Mapping(entries) if entries.is_empty()));
        if !emptied {
            continue;
        }
        let NodeContent::Mapping(sections) = &mut base.content else { continue };
        for entry in sections.iter_mut().filter(|entry| entry.key.text == section) {
            if let NodeContent::Mapping(blocks) = &mut entry.value.content {
                blocks.retain(|entry| entry.key.text != block);
            }
        }
    }
    base
}

/// Overlays a mapping on a node unless that would hide a fault of the node: a config that is not a mapping, or a `parent`
/// that is a list, must still be refused.
fn over_mapping(base: Node, over: Node) -> Node {
    let NodeContent::Mapping(entries) = &over.content else { return base };
    let fits = matches!(base.content, NodeContent::Mapping(_))
        && entries.iter().all(|entry| {
            !matches!(entry.value.content, NodeContent::Mapping(_))
                || base.get(&entry.key.text).is_none_or(|node| node.is_null() || matches!(node.content, NodeContent::Mapping(_)))
        });
    if fits { Node::overlay(base, over) } else { base }
}

fn text(value: &str, place: &Place) -> Node {
    at(place, NodeContent::Scalar(Scalar { text: value.to_owned(), style: Style::Quoted }))
}

fn mapping(place: &Place, key: &str, value: Node) -> Node {
    let key = Key { text: key.to_owned(), position: value.position, file: value.file.clone() };
    at(place, NodeContent::Mapping(vec![KeyValue { key, value }]))
}

fn at(place: &Place, content: NodeContent) -> Node {
    let position = place.position.unwrap_or(Position { line: 1, column: 1 });
    Node { content, position, file: Arc::from(place.file.as_str()) }
}

/// Refuses Helm values that are ambiguous.
pub(crate) fn check_values(node: &Node) -> Result<(), Faults> {
    if node.is_null() || matches!(node.content, NodeContent::Mapping(_)) {
        return node.to_json(Code::InvalidFederation).map(drop);
    }
    let message = format!("Helm values must be a mapping, not {}", node.describe());
    Err(Diagnostic::error(Code::InvalidFederation, message).hint("write a mapping of values").at(node.place()).into())
}
