//! What `federation.yaml` says, checked as far as it can be without kits and config files.

use std::sync::Arc;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place, Position};
use flare_names::{ClaimName, NamespaceName, Target};
use flare_site_config::SiteConfig;
use flare_yaml::{Content, Document, Entry, Key, Node, Scalar, Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A whole `federation.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Federation {
    /// `defaults.target`; `None` where it was not written: then the command line decides, else images and kits
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
    pub config: Option<Source>,
    /// `kubeconfig` as written, relative to the directory of `federation.yaml`; `None`: the one of the command line.
    pub kubeconfig: Option<String>,
    /// `context` of the kubeconfig; `None`: the current one.
    pub context: Option<String>,
    /// `namespace`: wins over `defaults` and `config`.
    pub namespace: Option<NamespaceName>,
    /// `claim`: wins over `parent.workspace_pvc` of `defaults` and `config`.
    pub claim: Option<ClaimName>,
    /// `values` of `defaults`, then the participant's own: the later one is overlaid on the earlier one.
    pub values: Vec<Source>,
    /// `expose`: how clients reach this participant from outside.
    pub expose: Option<Expose>,
    /// Where its parts stand.
    pub places: Places,
    /// The keys of `k8s.yaml` that `defaults` holds: a mapping.
    pub(crate) defaults: Node,
}

/// Where the parts of a participant stand, for checks that need kits.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// The value of `name`.
    pub name: Place,
    /// The value of `kit`.
    pub kit: Place,
    /// The value of `namespace`, where it is written.
    pub namespace: Option<Place>,
    /// The value of `claim`, where it is written.
    pub claim: Option<Place>,
    /// The value of `kubeconfig`, where it is written.
    pub kubeconfig: Option<Place>,
    /// The value of `context`, where it is written.
    pub context: Option<Place>,
}

/// A mapping that is written in place, or the name of a file that holds one.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file as written, relative to the directory of `federation.yaml`, and where its name stands.
    File {
        /// The name as written.
        path: String,
        /// Where it is written.
        place: Place,
    },
    /// The mapping itself.
    Inline(Node),
}

/// How clients outside of the cluster reach a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expose {
    /// By a Service of type `LoadBalancer`.
    LoadBalancer,
    /// By a port of the node that the pod runs on.
    HostPort,
    /// By a port forward of the person who runs `up`; for trying things out.
    PortForward,
}

impl Expose {
    /// Every way, in the order of the manual.
    pub const ALL: [Self; 3] = [Self::LoadBalancer, Self::HostPort, Self::PortForward];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::HostPort => "host-port",
            Self::PortForward => "port-forward",
        }
    }
}

impl Participant {
    /// The file that the caller has to read before [`Self::config_node`] can answer.
    pub fn config_file(&self) -> Option<(&str, &Place)> {
        match &self.config {
            Some(Source::File { path, place }) => Some((path, place)),
            _ => None,
        }
    }

    /// The participant's whole `k8s.yaml` as a tree: `defaults`, over it `file` (what stands in [`Self::config_file`]) or the inline
    /// mapping, over it `namespace` and `claim`. Every value keeps the place where it was written, in whichever file.
    ///
    /// `null` is as left out; mappings are joined key by key, but an empty mapping for `resources`,
    /// `pod_security_context` or `job_pod_security_context` replaces what `defaults` says, since it means none (defect 12).
    /// `runtime: k8s` is added where nobody writes it: a federation has no other runtime.
    pub fn config_node(&self, file: Option<&Node>) -> Node {
        let at = &self.places.name;
        let runtime = mapping(at, "runtime", text("k8s", at));
        let own = match &self.config {
            Some(Source::Inline(node)) => Some(node),
            Some(Source::File { .. }) => file,
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
    /// Fails with every fault of the file and of the whole, each at the place where the value was written.
    pub fn site_config(&self, file: Option<&Document>, target: Target) -> Result<Checked<SiteConfig>, Faults> {
        let mut found = file.map(|document| document.faults.clone()).unwrap_or_default();
        let config = SiteConfig::from_node(&self.config_node(file.map(|document| &document.root)), target);
        let config = found.keep_checked(config);
        found.finish_some(config)
    }

    /// The participant's Helm values: `layers` are the mappings of [`Self::values`] in their order, files read by the caller.
    ///
    /// Fails with `INVALID_FEDERATION` at every scalar that YAML 1.1 and 1.2 read differently, and where a layer is no mapping.
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

/// Leaves out of `base` the mappings that `own` empties: an empty one says "none".
fn without_emptied_blocks(mut base: Node, own: &Node) -> Node {
    for &(section, block) in flare_site_config::mapping_keys() {
        let emptied = own
            .get(section)
            .and_then(|node| node.get(block))
            .is_some_and(|node| matches!(&node.content, Content::Mapping(entries) if entries.is_empty()));
        if !emptied {
            continue;
        }
        let Content::Mapping(sections) = &mut base.content else { continue };
        for entry in sections.iter_mut().filter(|entry| entry.key.text == section) {
            if let Content::Mapping(blocks) = &mut entry.value.content {
                blocks.retain(|entry| entry.key.text != block);
            }
        }
    }
    base
}

/// Overlays a mapping on a node only where that does not hide a fault of the node: a config that is no mapping, or a `parent`
/// that is a list, must still be refused.
fn over_mapping(base: Node, over: Node) -> Node {
    let Content::Mapping(entries) = &over.content else { return base };
    let fits = matches!(base.content, Content::Mapping(_))
        && entries.iter().all(|entry| {
            !matches!(entry.value.content, Content::Mapping(_))
                || base.get(&entry.key.text).is_none_or(|node| node.is_null() || matches!(node.content, Content::Mapping(_)))
        });
    if fits { Node::overlay(base, over) } else { base }
}

fn text(value: &str, place: &Place) -> Node {
    at(place, Content::Scalar(Scalar { text: value.to_owned(), style: Style::Quoted }))
}

fn mapping(place: &Place, key: &str, value: Node) -> Node {
    let key = Key { text: key.to_owned(), position: value.position, file: value.file.clone() };
    at(place, Content::Mapping(vec![Entry { key, value }]))
}

fn at(place: &Place, content: Content) -> Node {
    let position = place.position.unwrap_or(Position { line: 1, column: 1 });
    Node { content, position, file: Arc::from(place.file.as_str()) }
}

/// Refuses what keeps Helm values from being read in one way only.
pub(crate) fn check_values(node: &Node) -> Result<(), Faults> {
    if node.is_null() || matches!(node.content, Content::Mapping(_)) {
        return node.to_json(Code::InvalidFederation).map(drop);
    }
    let message = format!("Helm values must be a mapping, not {}", node.describe());
    Err(Diagnostic::error(Code::InvalidFederation, message).hint("write a mapping of values").at(node.place()).into())
}
