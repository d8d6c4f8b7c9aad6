//! Reads [`Federation`] from the tree with places: every rule of the file itself, every fault at once.

use std::collections::BTreeMap;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place, did_you_mean};
use flare_names::{ClaimName, InvalidName, NamespaceName, Target};
use flare_yaml::{KeyValue, Meaning, Node, NodeContent, Reading, shown as printable};

use crate::{
    model::{Expose, Federation, MappingSource, Participant, Places, check_values},
    schema::{Defaults, FederationFile, ParticipantEntry},
};

/// The keys of `defaults` that do not belong to `k8s.yaml`.
const NOT_OF_CONFIG: [&str; 2] = ["target", "values"];

impl Federation {
    /// Reads a `federation.yaml`; `file` is the name that the user gave, used in every place.
    ///
    /// Fails with every fault of the file at once, in the order of the file, all with code `INVALID_FEDERATION`. Source:
    /// `docs/federation.md`.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Checked<Self>, Faults> {
        let document = flare_yaml::parse(bytes, file, Code::InvalidFederation)?;
        federation(&document.root, document.faults)
    }
}

/// Checks the whole file.
pub(crate) fn federation(root: &Node, found: Collector) -> Result<Checked<Federation>, Faults> {
    let mut reader = Reader { found };
    reader.mapping(root, "the file", FederationFile::KEYS);
    let defaults = root.get("defaults").filter(|node| !node.is_null());
    if let Some(node) = defaults {
        reader.mapping(node, "`defaults`", Defaults::KEYS);
    }
    let target = written(defaults, "target").and_then(|node| reader.target(node));
    let values = written(defaults, "values").and_then(|node| reader.values(node, "defaults.values"));
    let base = config_part(defaults, root);
    let participants = reader.participants(root, &base, values.as_ref());
    let read = reader.found.finish(|| Federation { target, participants });
    read.map_err(|faults| faults.sort_by_key(|fault| fault.place.as_ref().and_then(|place| place.position)))
}

/// A key that is written and not `null`: null means the same as left out (defect 28).
fn written<'node>(node: Option<&'node Node>, key: &str) -> Option<&'node Node> {
    node?.get(key).filter(|value| !value.is_null())
}

/// The part of `defaults` that belongs to `k8s.yaml`.
fn config_part(defaults: Option<&Node>, root: &Node) -> Node {
    let entries: Vec<KeyValue> = match defaults.map(|node| &node.content) {
        Some(NodeContent::Mapping(entries)) => entries.iter().filter(|entry| is_of_config(&entry.key.text)).cloned().collect(),
        _ => Vec::new(),
    };
    Node { content: NodeContent::Mapping(entries), ..defaults.unwrap_or(root).clone() }
}

fn is_of_config(key: &str) -> bool {
    Defaults::KEYS.contains(&key) && !NOT_OF_CONFIG.contains(&key)
}

struct Reader {
    found: Collector,
}

impl Reader {
    fn fault(&mut self, message: String, hint: impl Into<String>, place: &Place) {
        self.found.push(Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(place.clone()));
    }

    /// Whether a node is a mapping; its unknown keys are faults.
    fn mapping(&mut self, node: &Node, what: &str, known: &[&str]) -> bool {
        let NodeContent::Mapping(entries) = &node.content else {
            let hint = format!("write a mapping with the keys {}", quoted(known));
            self.fault(format!("{what} must be a mapping, not {}", node.describe()), hint, &node.place());
            return false;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.text.as_str())) {
            let hint = if Defaults::KEYS.contains(&entry.key.text.as_str()) && !FederationFile::KEYS.contains(&known[0]) {
                match entry.key.text.as_str() {
                    "target" => "write it below `defaults`: all participants are prepared for one target".to_owned(),
                    _ => "write it below `config`, or below `defaults` for all participants".to_owned(),
                }
            } else {
                did_you_mean(&entry.key.text, known.iter().copied())
            };
            self.fault(format!("unknown key `{}` in {what}", printable(&entry.key.text)), hint, &entry.key.place());
        }
        true
    }

    fn participants(&mut self, root: &Node, base: &Node, values: Option<&MappingSource>) -> Vec<Participant> {
        if !matches!(root.content, NodeContent::Mapping(_)) {
            return Vec::new();
        }
        let hint = "list the participants: `- {name: site-1, kit: prod_00/site-1}`";
        let Some(node) = written(Some(root), "participants") else {
            let place = &root.get("participants").unwrap_or(root).place();
            self.fault("`participants` is missing".to_owned(), hint, place);
            return Vec::new();
        };
        let NodeContent::Sequence(items) = &node.content else {
            self.fault(format!("`participants` must be a list, not {}", node.describe()), hint, &node.place());
            return Vec::new();
        };
        if items.is_empty() {
            self.fault("`participants` is empty".to_owned(), hint, &node.place());
        }
        let read: Vec<_> =
            items.iter().enumerate().filter_map(|(index, item)| self.participant(index, item, base, values)).collect();
        self.check_duplicates(&read);
        read
    }

    fn participant(&mut self, index: usize, node: &Node, base: &Node, values: Option<&MappingSource>) -> Option<Participant> {
        let what = format!("participants[{index}]");
        if !self.mapping(node, &format!("`{what}`"), ParticipantEntry::KEYS) {
            return None;
        }
        let at = |key: &str| format!("{what}.{key}");
        let get = |key| written(Some(node), key);
        let name = self.required(node, "name", &what);
        let kit = self.required(node, "kit", &what);
        let config = get("config").and_then(|value| self.source(value, &at("config")));
        let own_values = get("values").and_then(|value| self.values(value, &at("values")));
        let kubeconfig = get("kubeconfig").and_then(|value| self.text(value, &at("kubeconfig")));
        let context = get("context").and_then(|value| self.text(value, &at("context")));
        let namespace = get("namespace").and_then(|value| self.name(value, &at("namespace"), NamespaceName::new));
        let claim = get("claim").and_then(|value| self.name(value, &at("claim"), ClaimName::new));
        let expose = get("expose").and_then(|value| self.expose(value, &at("expose")));
        let (name, name_place) = name?;
        let (kit, kit_place) = kit?;
        let place = |key| get(key).map(Node::place);
        Some(Participant {
            name,
            kit,
            config,
            kubeconfig,
            context,
            namespace,
            claim,
            values: values.cloned().into_iter().chain(own_values).collect(),
            expose,
            places: Places {
                name: name_place,
                kit: kit_place,
                namespace: place("namespace"),
                claim: place("claim"),
                kubeconfig: place("kubeconfig"),
                context: place("context"),
            },
            defaults: base.clone(),
        })
    }

    fn required(&mut self, node: &Node, key: &str, what: &str) -> Option<(String, Place)> {
        let Some(value) = written(Some(node), key) else {
            let hint = match key {
                "name" => "give the participant's name as the startup kit has it",
                _ => "give the directory of the startup kit, relative to this file",
            };
            let place = node.get(key).unwrap_or(node).place();
            self.fault(format!("`{what}.{key}` is missing"), hint, &place);
            return None;
        };
        self.text(value, &format!("{what}.{key}")).map(|text| (text, value.place()))
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let NodeContent::Scalar(scalar) = &node.content else {
            self.fault(format!("`{what}` must be a string, not {}", node.describe()), "write one string", &node.place());
            return None;
        };
        if scalar.reading() != Reading::Same(Meaning::String) {
            let message = format!("`{what}` must be a string, not {}", scalar.describe_as_read_by_flare());
            self.fault(message, "put the value in quotes", &node.place());
        } else if scalar.text.trim().is_empty() {
            self.fault(format!("`{what}` is empty"), "give it a value, or leave the key out where it is optional", &node.place());
        } else if scalar.text.chars().any(char::is_control) {
            self.fault(format!("`{what}` has a control character"), "take the character out", &node.place());
        } else {
            return Some(scalar.text.clone());
        }
        None
    }

    fn name<T>(&mut self, node: &Node, what: &str, make: impl Fn(String) -> Result<T, InvalidName>) -> Option<T> {
        let text = self.text(node, what)?;
        match make(text) {
            Ok(name) => Some(name),
            Err(invalid) => {
                let message = format!("`{what}` is `{}`, which is not a {}", printable(&invalid.text), invalid.kind);
                self.fault(message, format!("use {}", invalid.rule), &node.place());
                None
            }
        }
    }

    fn expose(&mut self, node: &Node, what: &str) -> Option<Expose> {
        let text = self.text(node, what)?;
        let known = Expose::ALL.map(Expose::as_str);
        let found = Expose::ALL.into_iter().find(|way| way.as_str() == text);
        if found.is_none() {
            self.fault(
                format!("`{what}` is `{}`, which is not a way to expose", printable(&text)),
                did_you_mean(&text, known),
                &node.place(),
            );
        }
        found
    }

    /// Both `2.8` and `"2.8"` are accepted, because the text of the YAML number is kept.
    fn target(&mut self, node: &Node) -> Option<Target> {
        let text = match &node.content {
            NodeContent::Scalar(scalar) => scalar.text.clone(),
            _ => self.text(node, "defaults.target")?,
        };
        let found = text.parse().ok();
        if found.is_none() {
            let targets: Vec<_> = Target::ALL.iter().map(|target| format!("\"{target}\"")).collect();
            self.fault(
                format!("`defaults.target` is `{}`, which is not a target", printable(&text)),
                format!("use {}", targets.join(" or ")),
                &node.place(),
            );
        }
        found
    }

    fn source(&mut self, node: &Node, what: &str) -> Option<MappingSource> {
        match &node.content {
            NodeContent::Mapping(_) => Some(MappingSource::Inline(node.clone())),
            NodeContent::Scalar(_) => self.text(node, what).map(|path| MappingSource::File { path, place: node.place() }),
            NodeContent::Sequence(_) => {
                let message = format!("`{what}` must be a mapping or the name of a file, not {}", node.describe());
                self.fault(message, "write the mapping here, or name one file", &node.place());
                None
            }
        }
    }

    fn values(&mut self, node: &Node, what: &str) -> Option<MappingSource> {
        let source = self.source(node, what);
        if let Some(MappingSource::Inline(node)) = &source {
            self.found.keep(check_values(node));
        }
        source
    }

    fn check_duplicates(&mut self, participants: &[Participant]) {
        let mut names: BTreeMap<&str, &Place> = BTreeMap::new();
        let mut kits: BTreeMap<Vec<&str>, &Participant> = BTreeMap::new();
        for participant in participants {
            if let Some(first) = names.insert(&participant.name, &participant.places.name) {
                let message = format!("participant `{}` is listed twice, first at {first}", printable(&participant.name));
                self.fault(message, "keep one of the two entries", &participant.places.name);
            }
            if let Some(first) = kits.insert(path_parts(&participant.kit), participant) {
                let message = format!(
                    "participants `{}` and `{}` have the same kit `{}`",
                    printable(&first.name),
                    printable(&participant.name),
                    printable(&participant.kit)
                );
                self.fault(message, "give each participant its own startup kit", &participant.places.kit);
            }
        }
    }
}

/// The components of a path, for comparing two spellings: `./a//b/` equals `a/b`. `..` stays, since links may precede it.
pub(crate) fn path_parts(path: &str) -> Vec<&str> {
    let root = path.starts_with('/').then_some("/");
    root.into_iter().chain(path.split('/').filter(|part| !matches!(*part, "" | "."))).collect()
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
