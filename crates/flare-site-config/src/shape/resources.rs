//! `parent.resources`: requests and limits of a container, by the rules that the API server applies to them.

use flare_diagnostic::{Code, did_you_mean};
use flare_names::{LABEL_DOMAIN_PATTERN, LABEL_PATTERN, Target};
use flare_yaml::{Node, NodeContent, key_path, shown};
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::{
    ConfigReader, Shape,
    amount::{POSITIVE, SUFFIX},
};
use crate::quantity::Quantity;

const PARTS: [&str; 3] = ["requests", "limits", "claims"];
/// The resources without a domain that a container may request, besides huge pages.
const NATIVE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const HUGE_PAGES: &str = "hugepages-";

/// The block `resources`.
pub(crate) struct Resources;

/// One line of `requests` or `limits`.
struct Amount<'node> {
    name: &'node str,
    path: String,
    node: &'node Node,
    quantity: Quantity,
}

impl Shape for Resources {
    type Output = Map<String, Value>;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Self::Output> {
        let NodeContent::Mapping(entries) = &node.content else {
            let message = format!("`{path}` must be a mapping, not {}", node.describe());
            return reader.refuse(node, message, "write `requests:` and `limits:` below it, or `{}` for none");
        };
        let mut written = Map::new();
        let mut amounts = [Vec::new(), Vec::new()];
        let mut sound = true;
        for entry in entries {
            let (key, value) = (entry.key.text.as_str(), &entry.value);
            let below = key_path(path, key);
            let part = PARTS.iter().position(|part| *part == key);
            let Some(part) = part else {
                let message = format!("unknown key `{}`", shown(&below));
                reader.fault(&entry.key.file, entry.key.position, message, did_you_mean(key, PARTS));
                sound = false;
                continue;
            };
            if value.is_null() {
                continue;
            }
            reader.places.entry(below.clone()).or_insert_with(|| value.place());
            let read = match amounts.get_mut(part) {
                Some(amounts) => reader.amounts(value, &below, amounts).map(Value::Object),
                None => reader.claims(value, &below),
            };
            match read {
                Some(read) => drop(written.entry(key).or_insert(read)),
                None => sound = false,
            }
        }
        let [requests, limits] = &amounts;
        let sound = check_pairs(requests, limits, reader) && sound;
        let sound = check_huge_pages(requests, limits, reader) && sound;
        sound.then_some(written)
    }

    fn schema(_: &[Target]) -> Schema {
        let zero_below = "-(0+(\\.0*)?|\\.0+)";
        let quantity = json!({"type": ["string", "number", "null"], "pattern": format!("^({POSITIVE}|{zero_below}){SUFFIX}$"), "minimum": 0,
            "description": "A Kubernetes quantity, not negative: 2, 500m, 8Gi."});
        let extended = format!("(?!requests\\.){LABEL_DOMAIN_PATTERN}/{LABEL_PATTERN}");
        let name = format!("^(cpu|memory|ephemeral-storage|hugepages-[0-9.]+[A-Za-z]*|{extended})$");
        let amounts = |description: &str| json!({"type": ["object", "null"], "description": description, "propertyNames": {"pattern": name}, "additionalProperties": quantity});
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "requests": amounts("What the scheduler reserves. Not above the limit; for huge pages and resources with a domain equal to it."),
                "limits": amounts("What the container may use at most."),
                "claims": {"type": ["array", "null"], "items": {"type": "object"}, "description": "Names of resource claims, passed through."}
            }
        })
    }
}

impl ConfigReader {
    fn claims(&mut self, node: &Node, path: &str) -> Option<Value> {
        let NodeContent::Sequence(items) = &node.content else {
            let message = format!("`{path}` must be a list, not {}", node.describe());
            return self.refuse(node, message, "write a line `- name: NAME` for each claim");
        };
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            if !matches!(item.content, NodeContent::Mapping(_)) {
                let message = format!("`{path}[{index}]` must be a mapping, not {}", item.describe());
                self.fault(&item.file, item.position, message, "write `- name: NAME`");
                sound = false;
            }
        }
        match node.to_json(Code::InvalidConfig) {
            Ok(value) => sound.then_some(value),
            Err(faults) => {
                for fault in faults {
                    self.push(node, fault);
                }
                None
            }
        }
    }

    fn amounts<'node>(&mut self, node: &'node Node, path: &str, amounts: &mut Vec<Amount<'node>>) -> Option<Map<String, Value>> {
        let NodeContent::Mapping(entries) = &node.content else {
            let message = format!("`{path}` must be a mapping, not {}", node.describe());
            return self.refuse(node, message, "write lines such as `cpu: 2` and `memory: 8Gi`");
        };
        let mut written = Map::new();
        let mut sound = true;
        for entry in entries {
            let name = entry.key.text.as_str();
            let below = key_path(path, name);
            if let Err(hint) = check_name(name) {
                let message = format!("`{}` is not a resource that a container may have", shown(&below));
                self.fault(&entry.key.file, entry.key.position, message, hint);
                sound = false;
            }
            if entry.value.is_null() {
                continue;
            }
            self.places.entry(below.clone()).or_insert_with(|| entry.value.place());
            let Some((value, quantity)) = self.quantity(&entry.value, &below) else {
                sound = false;
                continue;
            };
            sound = self.check_amount(name, quantity, &entry.value, &below) && sound;
            amounts.push(Amount { name, path: below, node: &entry.value, quantity });
            written.entry(name).or_insert(value);
        }
        sound.then_some(written)
    }

    fn check_amount(&mut self, name: &str, quantity: Quantity, node: &Node, path: &str) -> bool {
        let shown = match &node.content {
            NodeContent::Scalar(scalar) => shown(&scalar.text),
            _ => String::new(),
        };
        if quantity.is_negative() {
            self.fault(&node.file, node.position, format!("`{path}` is `{shown}`, and may not be negative"), "use 0 or more");
            return false;
        }
        if name.contains('/') && !quantity.is_whole() {
            let message = format!("`{path}` is `{shown}`, and is counted in whole numbers");
            self.fault(&node.file, node.position, message, "use a whole number, for example 1");
            return false;
        }
        let page = name.strip_prefix(HUGE_PAGES).and_then(|size| size.parse::<Quantity>().ok());
        if page.is_some_and(|page| !quantity.is_multiple_of(page)) {
            let message = format!("`{path}` is `{shown}`, which is not a whole number of pages");
            let hint = format!("use a multiple of {}", name.trim_start_matches(HUGE_PAGES));
            self.fault(&node.file, node.position, message, hint);
            return false;
        }
        true
    }
}

/// The name of a resource that a device plugin offers, with a domain of its own.
pub(crate) struct ExtendedResource;

impl Shape for ExtendedResource {
    type Output = String;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<String> {
        let example = "use the name that `kubectl describe node` shows, for example `nvidia.com/mig-1g.5gb`";
        let text = reader.text(node, path, |_| example.to_owned())?;
        let is_extended = text.contains('/') && check_name(text).is_ok() && !is_of_kubernetes(text);
        // A quota names the resource with this prefix, and Kubernetes takes no resource that would have no such name.
        if is_extended && flare_names::is_qualified_name(&format!("requests.{text}")) {
            return Some(text.to_owned());
        }
        let message = format!("`{path}`: `{}` is not a resource that a device plugin offers", shown(text));
        // A name without a domain would be likened to `cpu` and `memory`, which are none either.
        let is_near = text.contains('/') || matches!(text.to_ascii_lowercase().as_str(), "gpu" | "gpus");
        let hint = check_name(text).err().filter(|_| is_near);
        reader.refuse(node, message, hint.unwrap_or_else(|| example.to_owned()))
    }

    fn schema(_: &[Target]) -> Schema {
        let name = format!("^(?!requests\\.)(?!([a-z0-9.-]*\\.)?kubernetes\\.io/){LABEL_DOMAIN_PATTERN}/{LABEL_PATTERN}$");
        json_schema!({"type": "string", "pattern": name})
    }
}

/// Whether a resource is in Kubernetes' own domain, which no device plugin may use.
fn is_of_kubernetes(name: &str) -> bool {
    name.split('/').next().is_some_and(|domain| domain == "kubernetes.io" || domain.ends_with(".kubernetes.io"))
}

/// Checks that a container may have a resource of this name; the error is the hint.
fn check_name(name: &str) -> Result<(), String> {
    if NATIVE.contains(&name) {
        return Ok(());
    }
    if let Some(size) = name.strip_prefix(HUGE_PAGES) {
        let positive = size.parse::<Quantity>().is_ok_and(|size| !size.is_negative() && !size.is_zero());
        return if positive { Ok(()) } else { Err("name the page size, for example `hugepages-2Mi`".to_owned()) };
    }
    let Some((domain, _)) = name.split_once('/') else {
        let hint = match name.to_ascii_lowercase().as_str() {
            "gpu" | "gpus" => "did you mean `nvidia.com/gpu`?".to_owned(),
            _ => format!("{}; others have a domain, as `nvidia.com/gpu`", did_you_mean(name, NATIVE)),
        };
        return Err(hint);
    };
    if flare_names::is_qualified_name(name) && !domain.starts_with("requests.") {
        Ok(())
    } else {
        Err("use a lower-case domain, `/` and a name of at most 63 letters, digits, `-`, `_` and `.`, for example `nvidia.com/gpu`".to_owned())
    }
}

/// Checks that a request is not above its limit, and equals it for a resource that cannot be overcommitted.
fn check_pairs(requests: &[Amount<'_>], limits: &[Amount<'_>], reader: &mut ConfigReader) -> bool {
    let mut sound = true;
    for request in requests {
        let shared = !request.name.contains('/') && !request.name.starts_with(HUGE_PAGES);
        let limit = limits.iter().find(|limit| limit.name == request.name);
        let (what, hint) = match limit {
            Some(limit) if shared && request.quantity > limit.quantity => {
                ("is above the limit", "lower the request, or raise the limit")
            }
            Some(limit) if !shared && request.quantity != limit.quantity => {
                ("is not equal to the limit", "give both the same value")
            }
            None if !shared => {
                ("has no limit, and needs one of the same value", "write it below `limits`; the request may then be left out")
            }
            _ => continue,
        };
        let limit_place =
            limit.map(|limit| format!(" `{}` at {}:{}", limit.path, limit.node.position.line, limit.node.position.column));
        let message = format!("`{}` {what}{}", request.path, limit_place.unwrap_or_default());
        reader.fault(&request.node.file, request.node.position, message, hint);
        sound = false;
    }
    sound
}

/// Checks that huge pages are requested together with CPU or memory.
fn check_huge_pages(requests: &[Amount<'_>], limits: &[Amount<'_>], reader: &mut ConfigReader) -> bool {
    let all = || requests.iter().chain(limits);
    let Some(pages) = all().find(|amount| amount.name.starts_with(HUGE_PAGES)) else { return true };
    if all().any(|amount| matches!(amount.name, "cpu" | "memory")) {
        return true;
    }
    let message = format!("`{}` needs cpu or memory beside it", pages.path);
    reader.fault(&pages.node.file, pages.node.position, message, "ask for cpu or memory as well");
    false
}
