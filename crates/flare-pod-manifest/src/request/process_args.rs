//! The arguments that the parent passes to any launcher: a flag and a value by name. The role decides which count and in
//! which order.

use flare_names::{Role, Target};

use crate::{
    document::{Findings, Kind, Node, Number, join},
    token::Token,
};

/// The flags of a client's job process in order; true for those that are not on the command line in 2.9.
const CLIENT: [(&str, bool); 12] = [
    ("workspace", false),
    ("startup_dir", false),
    ("auth_token", true),
    ("auth_signature", true),
    ("ssid", true),
    ("job_id", false),
    ("client_name", false),
    ("parent_url", false),
    ("parent_conn_sec", false),
    ("target", false),
    ("scheme", false),
    ("startup_config_file", false),
];

const SERVER: [(&str, bool); 11] = [
    ("workspace", false),
    ("startup_config_file", false),
    ("app_root", false),
    ("job_id", false),
    ("auth_signature", true),
    ("parent_url", false),
    ("parent_conn_sec", false),
    ("root_url", false),
    ("service_host", false),
    ("service_port", false),
    ("ssid", true),
];

/// 2.9: the arguments in the credential Secret, each with its key.
pub(crate) const CREDENTIALS: [(&str, &str); 3] =
    [("auth_token", "NVFLARE_JOB_AUTH_TOKEN"), ("auth_signature", "NVFLARE_JOB_TOKEN_SIGNATURE"), ("ssid", "NVFLARE_JOB_SSID")];

const PATH: &str = "process_args";

/// The module, the command line and, for 2.9, the credentials of a job process.
#[derive(Debug, Clone)]
pub(crate) struct ProcessArgs {
    pub(crate) module: String,
    /// Flag and value in order; each flag once.
    pub(crate) flags: Vec<(String, Token)>,
    /// Variable and value; empty for 2.8.
    pub(crate) credentials: Vec<(&'static str, Token)>,
    /// What authenticates the job, wherever the release puts it: to be hidden in what a job prints.
    pub(crate) secret: Vec<Token>,
}

impl ProcessArgs {
    /// Without a role, checks only what does not depend on it.
    pub(super) fn read(node: &Node, role: Option<Role>, target: Target, findings: &mut Findings<'_>) -> Option<Self> {
        let module = module(node, findings);
        let order: &[(&str, bool)] = match role {
            Some(Role::Client) => &CLIENT,
            Some(Role::Server) => &SERVER,
            None => &[],
        };
        let in_secret = target.capabilities().credentials_in_secret;
        let shown = order.iter().filter(|(_, credential)| !in_secret || !credential);
        let flags = shown.filter_map(|(name, _)| argument(node, name, findings)).collect();
        let credentials = if in_secret { credentials(node, findings) } else { Vec::new() };
        Some(Self { module: module?, flags: last_value_first_place(flags), credentials, secret: secret(node) })
    }
}

/// The values of the credentials, as far as they are there.
fn secret(node: &Node) -> Vec<Token> {
    // What is wrong with an argument has been said where it counts.
    let value = |name: &str| match &node.get_non_null(name)?.kind {
        Kind::List(pair) => pair.get(1)?.text().map(Token::new),
        _ => None,
    };
    CREDENTIALS.iter().filter_map(|(name, _)| value(name)).collect()
}

fn module(node: &Node, findings: &mut Findings<'_>) -> Option<String> {
    if node.entries().is_empty() {
        findings.at(node.offset, "`process_args` must not be empty", None);
        return None;
    }
    if node.get_non_null("exe_module").is_none() {
        findings.missing(node, "process_args.exe_module");
        return None;
    }
    let (_, value) = argument(node, "exe_module", findings)?;
    let module = value.filter(|value| !is_nothing(value)).map(|value| value.text());
    if module.is_none() {
        findings.at(node.get("exe_module")?.offset, "`process_args.exe_module` must name a module", None);
    }
    module
}

fn credentials(node: &Node, findings: &mut Findings<'_>) -> Vec<(&'static str, Token)> {
    let given = |(name, variable)| {
        let (_, value) = argument(node, name, findings)?;
        value.filter(|value| !is_nothing(value)).map(|value| (variable, Token::new(value.text())))
    };
    CREDENTIALS.into_iter().filter_map(given).collect()
}

/// A value as it is printed: text unchanged, a number as in JSON.
enum Printed<'node> {
    Text(&'node str),
    Number(&'node Number),
}

impl Printed<'_> {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Number(number) => number.text.clone(),
        }
    }
}

fn is_nothing(value: &Printed<'_>) -> bool {
    match value {
        Printed::Text(text) => text.is_empty(),
        Printed::Number(number) => number.is_zero(),
    }
}

/// Flag and value of an argument; `None` if it is absent, null or invalid.
fn argument<'node>(node: &'node Node, name: &str, findings: &mut Findings<'_>) -> Option<(&'node str, Option<Printed<'node>>)> {
    let entry = node.get_non_null(name)?;
    let wrong = |findings: &mut Findings<'_>, node| {
        findings.wrong(node, &join(PATH, name), "a list of a flag (a string) and a value (a string, a number or null)");
        None
    };
    let Kind::List(pair) = &entry.kind else { return wrong(findings, entry) };
    let [flag, value] = pair.as_slice() else { return wrong(findings, entry) };
    let Some(flag) = flag.text() else { return wrong(findings, flag) };
    match &value.kind {
        Kind::Null => Some((flag, None)),
        Kind::Text(text) => Some((flag, Some(Printed::Text(text)))),
        Kind::Number(number) => Some((flag, Some(Printed::Number(number)))),
        _ => wrong(findings, value),
    }
}

/// Of two arguments with the same flag, keeps the last value (even null) at the position of the first.
fn last_value_first_place(arguments: Vec<(&str, Option<Printed<'_>>)>) -> Vec<(String, Token)> {
    let mut flags: Vec<(&str, Option<Printed<'_>>)> = Vec::with_capacity(arguments.len());
    for (flag, value) in arguments {
        match flags.iter_mut().find(|(known, _)| *known == flag) {
            Some((_, known)) => *known = value,
            None => flags.push((flag, value)),
        }
    }
    flags.into_iter().filter_map(|(flag, value)| value.map(|value| (flag.to_owned(), Token::new(value.text())))).collect()
}
