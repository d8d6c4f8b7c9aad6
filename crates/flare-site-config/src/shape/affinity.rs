//! `job_launcher.affinity`: passed on to Kubernetes, after the parts were checked that the API server refuses most often.

use flare_diagnostic::did_you_mean;
use flare_names::Target;
use flare_yaml::{Node, NodeContent, key_path, shown};
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::{ConfigReader, Shape, pass_through::PassThrough};

const KINDS: [&str; 3] = ["nodeAffinity", "podAffinity", "podAntiAffinity"];
const WHEN: [&str; 2] = ["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"];
/// Operators of a requirement about the labels of nodes; those about pods have only the first four.
const OPERATORS: [&str; 6] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

/// The `affinity` of a pod.
pub(crate) struct Affinity;

impl Shape for Affinity {
    type Output = Map<String, Value>;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Self::Output> {
        let read = PassThrough::read(node, path, reader)?;
        let mut sound = true;
        for (kind, block) in reader.known(node, path, &KINDS, &mut sound) {
            let below = key_path(path, kind);
            for (when, terms) in reader.known(block, &below, &WHEN, &mut sound) {
                let is_mapping = kind == KINDS[0] && when == WHEN[0];
                let place = key_path(&below, when);
                let fits =
                    matches!((&terms.content, is_mapping), (NodeContent::Mapping(_), true) | (NodeContent::Sequence(_), false));
                if fits {
                    sound = reader.check_terms(terms, &place, kind == KINDS[0]) && sound;
                } else {
                    let (what, hint) = if is_mapping {
                        ("a mapping", "write `nodeSelectorTerms:` and a list of terms below it")
                    } else {
                        ("a list", "write a list of terms")
                    };
                    reader.fault(
                        &terms.file,
                        terms.position,
                        format!("`{place}` must be {what}, not {}", terms.describe()),
                        hint,
                    );
                    sound = false;
                }
            }
        }
        sound.then_some(read)
    }

    fn schema(_: &[Target]) -> Schema {
        let terms = json!({"type": ["array", "null"], "items": {"type": "object"}});
        let of_pods =
            json!({"type": ["object", "null"], "additionalProperties": false, "properties": {WHEN[0]: terms, WHEN[1]: terms}});
        let of_nodes = json!({"type": ["object", "null"], "additionalProperties": false, "properties": {WHEN[0]: {"type": ["object", "null"]}, WHEN[1]: terms}});
        json_schema!({
            "type": "object", "additionalProperties": false,
            "properties": {KINDS[0]: of_nodes, KINDS[1]: of_pods, KINDS[2]: of_pods}
        })
    }
}

impl ConfigReader {
    /// The entries of a mapping that are not null; a key that is not among `keys` is a fault.
    fn known<'node>(
        &mut self,
        node: &'node Node,
        path: &str,
        keys: &[&'static str],
        sound: &mut bool,
    ) -> Vec<(&'static str, &'node Node)> {
        let NodeContent::Mapping(entries) = &node.content else {
            let message = format!("`{path}` must be a mapping, not {}", node.describe());
            self.fault(&node.file, node.position, message, "write it as in a pod's manifest");
            *sound = false;
            return Vec::new();
        };
        let mut known = Vec::new();
        for entry in entries {
            match keys.iter().find(|key| **key == entry.key.text) {
                Some(key) if !entry.value.is_null() => known.push((*key, &entry.value)),
                Some(_) => {}
                None => {
                    let message = format!("unknown key `{}`", shown(&key_path(path, &entry.key.text)));
                    let hint = did_you_mean(&entry.key.text, keys.iter().copied());
                    self.fault(&entry.key.file, entry.key.position, message, hint);
                    *sound = false;
                }
            }
        }
        known
    }

    /// Checks requirements, labels, weights and topologies at any depth.
    fn check_terms(&mut self, node: &Node, path: &str, of_nodes: bool) -> bool {
        match &node.content {
            NodeContent::Scalar(_) => true,
            NodeContent::Sequence(items) => {
                let mut sound = true;
                for (index, item) in items.iter().enumerate() {
                    sound = self.check_terms(item, &format!("{path}[{index}]"), of_nodes) && sound;
                }
                sound
            }
            NodeContent::Mapping(entries) => {
                let mut sound = true;
                for entry in entries {
                    let below = key_path(path, &entry.key.text);
                    let value = &entry.value;
                    sound &= match entry.key.text.as_str() {
                        _ if value.is_null() => true,
                        "matchExpressions" => self.check_requirements(value, &below, of_nodes),
                        "matchLabels" => super::NodeSelector::read(value, &below, self).is_some(),
                        "topologyKey" => self.label_key(value, &below).is_some(),
                        "weight" => self.check_weight(value, &below),
                        _ => self.check_terms(value, &below, of_nodes),
                    };
                }
                sound
            }
        }
    }

    fn check_weight(&mut self, node: &Node, path: &str) -> bool {
        let Some(weight) = self.integer(node, path) else { return false };
        if !(1..=100).contains(&weight) {
            self.fault(&node.file, node.position, format!("`{path}` is {weight}"), "use a weight from 1 to 100");
            return false;
        }
        true
    }

    fn check_requirements(&mut self, node: &Node, path: &str, of_nodes: bool) -> bool {
        let NodeContent::Sequence(items) = &node.content else {
            let message = format!("`{path}` must be a list, not {}", node.describe());
            self.fault(&node.file, node.position, message, "write a line `- {key: LABEL, operator: Exists}` for each");
            return false;
        };
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            sound = self.check_requirement(item, &format!("{path}[{index}]"), of_nodes).is_some() && sound;
        }
        sound
    }

    fn check_requirement(&mut self, node: &Node, path: &str, of_nodes: bool) -> Option<()> {
        let mut sound = true;
        let parts = self.known(node, path, &["key", "operator", "values"], &mut sound);
        let part = |name: &str| parts.iter().find(|(key, _)| *key == name).map(|(_, node)| *node);
        let (Some(key), Some(operator)) = (part("key"), part("operator")) else {
            let hint = "write `{key: LABEL, operator: In, values: [VALUE]}`";
            return if sound { self.refuse(node, format!("`{path}` needs `key` and `operator`"), hint) } else { None };
        };
        let key = self.label_key(key, &key_path(path, "key")).is_some();
        let operators = if of_nodes { &OPERATORS[..] } else { &OPERATORS[..4] };
        let operator = self.one_of(operator, &key_path(path, "operator"), operators)?;
        self.check_values(part("values"), operator, node, path)?;
        (key && sound).then_some(())
    }

    /// Checks that the number of values fits the operator, and each of them.
    fn check_values(&mut self, values: Option<&Node>, operator: &str, node: &Node, path: &str) -> Option<()> {
        let below = key_path(path, "values");
        let items = match values.map(|values| &values.content) {
            None => &[][..],
            Some(NodeContent::Sequence(items)) => items,
            Some(_) => {
                let values = values.unwrap_or(node);
                let message = format!("`{below}` must be a list, not {}", values.describe());
                return self.refuse(values, message, "write `[VALUE]`");
            }
        };
        let at = values.unwrap_or(node);
        let (fits, hint) = match operator {
            "Exists" | "DoesNotExist" => (items.is_empty(), "leave `values` out"),
            "Gt" | "Lt" => (items.len() == 1, "give one whole number, in quotes"),
            _ => (!items.is_empty(), "give at least one value"),
        };
        if !fits {
            return self.refuse(at, format!("`{below}` does not fit the operator `{operator}`"), hint);
        }
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            let place = format!("{below}[{index}]");
            let value = self.label_value(item, &place);
            let is_number = |value: &String| value.parse::<i64>().is_ok();
            if matches!(operator, "Gt" | "Lt") && value.as_ref().is_some_and(|value| !is_number(value)) {
                self.fault(&item.file, item.position, format!("`{place}` must be a whole number"), hint);
                sound = false;
            }
            sound = value.is_some() && sound;
        }
        sound.then_some(())
    }
}
