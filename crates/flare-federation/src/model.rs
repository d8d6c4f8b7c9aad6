//! What `federation.yaml` says, checked as far as it can be without kits and config files.

use flare_diagnostic::{Checked, Faults, Place};
use flare_names::{ClaimName, NamespaceName, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::node::{Data, Entry, Node};
use crate::read;

/// A whole `federation.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Federation {
    /// `defaults.target`; `None` where it was not written: the command line decides, and then `Target::default()`.
    pub target: Option<Target>,
    /// The participants in the order of the file, at least one.
    pub participants: Vec<Participant>,
}

/// One entry of `participants`.
#[derive(Debug, Clone, PartialEq)]
pub struct Participant {
    /// `name`: the participant's name in FLARE, unchanged.
    pub name: String,
    /// `kit`: the startup kit's folder as written, relative to the folder of `federation.yaml`.
    pub kit: String,
    /// `config`: laid over `defaults`.
    pub config: Option<Source>,
    /// `kubeconfig` as written, relative to the folder of `federation.yaml`; `None`: the one of the command line.
    pub kubeconfig: Option<String>,
    /// `context` of the kubeconfig; `None`: the current one.
    pub context: Option<String>,
    /// `namespace`: wins over `defaults` and `config`.
    pub namespace: Option<NamespaceName>,
    /// `claim`: wins over `parent.workspace_pvc` of `defaults` and `config`.
    pub claim: Option<ClaimName>,
    /// `values` of `defaults`, then the participant's own: the later one is laid over the earlier one.
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
}

/// A mapping that is written in place, or the name of a file that holds one.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file as written, relative to the folder of `federation.yaml`, and where its name stands.
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

impl Federation {
    /// Reads a `federation.yaml`; `file` is how the user named it and stands in every place.
    ///
    /// Fails with every fault of the file at once, in the order of the file, all of code `INVALID_FEDERATION`. Source:
    /// the design's section on `federation.yaml`.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Checked<Self>, Faults> {
        read::federation(&Node::parse(bytes, file)?).map(Checked::clean)
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
    /// `null` takes a default away; mappings are joined key by key, but an empty mapping for `resources`,
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
        let mut merged = runtime.overlay(self.defaults.clone());
        if let Some(own) = own {
            merged = without_emptied_blocks(merged, own).overlay(own.clone());
        }
        if let (Some(name), Some(place)) = (&self.namespace, &self.places.namespace) {
            merged = over_mapping(merged, mapping(place, "namespace", text(name.as_str(), place)));
        }
        if let (Some(name), Some(place)) = (&self.claim, &self.places.claim) {
            merged = over_mapping(merged, mapping(place, "parent", mapping(place, "workspace_pvc", text(name.as_str(), place))));
        }
        merged
    }

    /// The participant's Helm values: `layers` are the mappings of [`Self::values`] in their order, files read by the caller.
    pub fn join_values<'node>(layers: impl IntoIterator<Item = &'node Node>) -> Map<String, Value> {
        let joined = layers.into_iter().cloned().reduce(Node::overlay);
        match joined.map(|node| node.to_json()) {
            Some(Value::Object(values)) => values,
            _ => Map::new(),
        }
    }
}

/// The blocks in which an empty mapping says "none".
const BLOCKS: [(&str, &str); 3] =
    [("parent", "resources"), ("parent", "pod_security_context"), ("job_launcher", "job_pod_security_context")];

fn without_emptied_blocks(mut base: Node, own: &Node) -> Node {
    for (section, block) in BLOCKS {
        let emptied = own
            .get(section)
            .and_then(|node| node.get(block))
            .is_some_and(|node| matches!(&node.data, Data::Mapping(entries) if entries.is_empty()));
        if !emptied {
            continue;
        }
        let Data::Mapping(sections) = &mut base.data else { continue };
        for entry in sections.iter_mut().filter(|entry| entry.key == section) {
            if let Data::Mapping(blocks) = &mut entry.value.data {
                blocks.retain(|entry| entry.key != block);
            }
        }
    }
    base
}

/// Lays a mapping over a node only where that keeps a fault of the node in sight: a config that is no mapping, or a `parent`
/// that is a list, must still be refused.
fn over_mapping(base: Node, over: Node) -> Node {
    let Data::Mapping(laid) = &over.data else { return base };
    let fits = matches!(base.data, Data::Mapping(_))
        && laid.iter().all(|entry| {
            !matches!(entry.value.data, Data::Mapping(_))
                || base.get(&entry.key).is_none_or(|node| matches!(node.data, Data::Mapping(_) | Data::Null))
        });
    if fits { base.overlay(over) } else { base }
}

fn text(value: &str, place: &Place) -> Node {
    Node { data: Data::Text(value.to_owned()), place: place.clone() }
}

fn mapping(place: &Place, key: &str, value: Node) -> Node {
    let entry = Entry { key: key.to_owned(), place: place.clone(), value };
    Node { data: Data::Mapping(vec![entry]), place: place.clone() }
}
