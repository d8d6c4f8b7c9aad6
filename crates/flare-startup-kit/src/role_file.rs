//! The content of the role file: names, ports, target. See `docs/behaviour.md` section 2; what crashes the reference is a
//! fault that names the key (defect 31), as is an invalid port (defect 12).

use flare_diagnostic::{Code, Collector, Diagnostic, Place};
use flare_names::{Role, Target};
use serde_json::{Map, Value};

use crate::{
    host_name::is_own_machine,
    json::{invalid, kind, present},
};

/// The content of the role file; what it leaves out is `None`.
#[derive(Debug, Default)]
pub(crate) struct RoleFile {
    /// Server: `servers[0].identity`, otherwise `servers[0].admin_server`. Client: `client.fqsn`.
    pub(crate) name: Option<String>,
    /// Server: whether the name is the identity that clients compare with the certificate's CN.
    pub(crate) name_is_identity: bool,
    /// Host and port of `servers[0].service.target`.
    pub(crate) target: Option<(String, Option<u16>)>,
    /// Server: `servers[0].admin_port`, if it is an integer.
    pub(crate) admin_port: Option<u16>,
    /// `servers[0].name`.
    pub(crate) project: Option<String>,
    /// Client: the warning about a role file that names no server.
    pub(crate) warning: Option<Diagnostic>,
}

/// Reads the role file's object, and adds every fault of it to `found`.
pub(crate) fn read(role: Role, file: &str, object: &Map<String, Value>, found: &mut Collector) -> RoleFile {
    let mut reader = Reader { file, found };
    let mut role_file = RoleFile::default();
    let empty = Map::new();
    // The reference does not read a client's `servers`, so what is odd there is not a fault of its kit.
    let mut ignored = Collector::new();
    let mut server_reader = match role {
        Role::Server => Reader { file, found: reader.found },
        Role::Client => Reader { file, found: &mut ignored },
    };
    let server = server_reader.first_server(object).unwrap_or(&empty);
    role_file.project = server.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
    if role == Role::Server {
        let identity = server_reader.name(server, "servers[0].identity", "identity");
        role_file.name_is_identity = identity.is_some();
        role_file.name = identity.or_else(|| server_reader.name(server, "servers[0].admin_server", "admin_server"));
    }
    role_file.target = server_reader.target(server);
    if role == Role::Server {
        role_file.admin_port = server_reader.admin_port(server);
        return role_file;
    }
    role_file.warning = unreachable_server(file, object, server, role_file.target.as_ref(), found);
    reader = Reader { file, found };
    let client = reader.object(object, "client", "client").unwrap_or(&empty);
    role_file.name = reader.name(client, "client.fqsn", "fqsn");
    role_file
}

/// A client calls only `servers[0].service.target`. If that is missing, its parent exits at the start (kits of 2.6 and older
/// name their server in `overseer_agent`, which no release reads any more); if it is the local machine, it calls its own pod.
fn unreachable_server(
    file: &str,
    object: &Map<String, Value>,
    server: &Map<String, Value>,
    target: Option<&(String, Option<u16>)>,
    found: &mut Collector,
) -> Option<Diagnostic> {
    let text = server.get("service").and_then(|service| service.get("target")).and_then(Value::as_str).unwrap_or_default();
    let Some((host, _)) = target else {
        return no_server(file, object, found);
    };
    if is_own_machine(host) || is_own_machine(text) {
        let message = format!(
            "the client calls its server at `{text}` (`servers[0].service.target` in `{file}`), and inside a pod that is the pod itself"
        );
        let hint =
            "give the server a `default_host`, or this client a `connect_to`, that its cluster can reach, and provision again";
        found.push(invalid(file, message).hint(hint));
    }
    None
}

fn no_server(file: &str, object: &Map<String, Value>, found: &mut Collector) -> Option<Diagnostic> {
    if object.contains_key("overseer_agent") {
        let message = format!(
            "`{file}` has `overseer_agent` and no `servers[0].service.target`: it is of FLARE 2.6 or older, and this client would end at its start"
        );
        found.push(
            invalid(file, message)
                .hint(format!("provision the project again with FLARE {} or later and take the new kits", Target::ALL[0])),
        );
        return None;
    }
    let message = format!("`{file}` has no `servers[0].service.target`, so that this client has no server to call");
    let hint = "provision the project again and take the new kit of this participant";
    Some(Diagnostic::warning(Code::Notice, message).hint(hint).at(Place::file(file)))
}

struct Reader<'read> {
    file: &'read str,
    found: &'read mut Collector,
}

impl Reader<'_> {
    fn wrong_kind(&mut self, path: &str, value: &Value, due: &str) {
        let message = format!("`{path}` in `{}` is {}, not {due}", self.file, kind(value));
        self.found.push(invalid(self.file, message).hint(format!("make `{path}` {due}, or leave it out")));
    }

    fn object<'value>(&mut self, from: &'value Map<String, Value>, path: &str, key: &str) -> Option<&'value Map<String, Value>> {
        match present(from, key)? {
            Value::Object(object) => Some(object),
            other => {
                self.wrong_kind(path, other, "an object");
                None
            }
        }
    }

    fn first_server<'value>(&mut self, object: &'value Map<String, Value>) -> Option<&'value Map<String, Value>> {
        let servers = match present(object, "servers")? {
            Value::Array(servers) => servers,
            other => {
                self.wrong_kind("servers", other, "a list of objects");
                return None;
            }
        };
        match servers.first()? {
            Value::Object(server) => Some(server),
            other => {
                self.wrong_kind("servers[0]", other, "an object");
                None
            }
        }
    }

    /// A name as the reference reads it: with its spaces, and an integer as its digits.
    fn name(&mut self, from: &Map<String, Value>, path: &str, key: &str) -> Option<String> {
        match present(from, key)? {
            Value::String(name) => Some(name.clone()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            other => {
                self.wrong_kind(path, other, "a string");
                None
            }
        }
    }

    fn target(&mut self, server: &Map<String, Value>) -> Option<(String, Option<u16>)> {
        let service = self.object(server, "servers[0].service", "service")?;
        let target = match present(service, "target")? {
            Value::String(target) => target,
            other => {
                self.wrong_kind("servers[0].service.target", other, "a string such as `host:8002`");
                return None;
            }
        };
        let Some((host, port)) = target.rsplit_once(':') else {
            return Some((target.clone(), None));
        };
        let Some(number) = python_integer(port) else {
            // `[::1]` has colons but no port.
            let host = if target.ends_with(']') { target } else { host };
            return Some((without_brackets(host).to_owned(), None));
        };
        let port = self.port("servers[0].service.target", number);
        Some((without_brackets(host).to_owned(), port))
    }

    fn admin_port(&mut self, server: &Map<String, Value>) -> Option<u16> {
        match server.get("admin_port")? {
            Value::Number(number) if !number.is_f64() => self.port("servers[0].admin_port", number.as_i64().unwrap_or(i64::MAX)),
            value @ Value::Bool(_) => {
                self.wrong_kind("servers[0].admin_port", value, "an integer from 1 to 65535");
                None
            }
            // The reference ignores anything else and uses the FL port.
            _ => None,
        }
    }

    fn port(&mut self, path: &str, number: i64) -> Option<u16> {
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        if port.is_none() {
            let message = format!("the port in `{path}` in `{}` is outside 1..65535", self.file);
            self.found.push(invalid(self.file, message).hint("give a port from 1 to 65535"));
        }
        port
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// An integer as Python's `int()` reads it: with blanks around it, a sign, single `_` between digits; one that is too large
/// is capped.
fn python_integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let groups_are_digits = digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    groups_are_digits.then(|| digits.replace('_', "").parse::<i64>().unwrap_or(i64::MAX).saturating_mul(sign))
}
