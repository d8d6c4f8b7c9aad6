//! The relay that a client logs in through.

use flare_diagnostic::Collector;
use flare_file_tree::FileTree;
use flare_names::Role;
use serde_json::Value;

use crate::json;

/// The file that provision writes for a client whose `connect_to` names a relay.
const FILE: &str = "local/relay__resources.json";

/// A relay, as described in the kit of a client below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The relay's name: `relay_config.identity`, otherwise the last part of `relay_config.fqcn`.
    pub name: String,
    /// Host and port at which the client calls it: `relay_config.address`, if present.
    pub address: Option<String>,
    /// The file of the kit that says so.
    pub file: &'static str,
}

/// Reads the relay of a client; `None` if it calls its server directly. A file that is not a JSON object is a fault.
pub(crate) fn read(tree: &FileTree, role: Role, found: &mut Collector) -> Option<Relay> {
    if role != Role::Client || !tree.is_file(FILE) {
        return None;
    }
    let object = found.keep(json::object(tree, FILE))?;
    let Value::Object(config) = json::present(&object, "relay_config")? else { return None };
    let text = |key| json::present(config, key).and_then(Value::as_str);
    // Without an `fqcn` FLARE calls the server directly.
    let path = text("fqcn")?;
    let name = text("identity").or_else(|| path.rsplit('.').next()).unwrap_or(path);
    Some(Relay { name: name.to_owned(), address: text("address").map(str::to_owned), file: FILE })
}
