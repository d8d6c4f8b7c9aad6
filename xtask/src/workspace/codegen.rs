//! `codegen`: files that are generated from the code and checked in, for readers and editors.

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::json;

use crate::{
    generated::{
        manual::manual,
        schema::{Name, schema},
    },
    output::{Outcome, VerbResult},
};

/// The path below the root and the content of every generated file.
fn generated(command: clap::Command) -> Vec<(&'static str, String)> {
    let pretty = |name| serde_json::to_string_pretty(&schema(name, None)).map(|text| text + "\n").unwrap_or_default();
    vec![
        ("docs/schemas/k8s.schema.json", pretty(Name::K8s)),
        ("docs/schemas/federation.schema.json", pretty(Name::Federation)),
        ("charts-src/server/values.schema.json", pretty(Name::ServerValues)),
        ("charts-src/client/values.schema.json", pretty(Name::ClientValues)),
        ("docs/schemas/launch-request.schema.json", pretty(Name::LaunchRequest)),
        ("docs/schemas/launcher-spec.schema.json", pretty(Name::LauncherSpec)),
        ("docs/schemas/resource-spec.schema.json", pretty(Name::ResourceSpec)),
        ("docs/schemas/study-data.schema.json", pretty(Name::StudyData)),
        ("docs/schemas/study-runtime.schema.json", pretty(Name::StudyRuntime)),
        ("docs/command-line.md", manual(command)),
    ]
}

/// Writes the files that are out of date, or lists them.
pub(crate) fn run(root: &Path, check: bool, command: clap::Command) -> VerbResult {
    let mut stale = Vec::new();
    for (path, content) in generated(command) {
        let found = flare_file_tree::read_file(&root.join(path), 16 << 20, Code::CheckFailed, Code::CheckFailed);
        if found.ok().as_deref() != Some(content.as_bytes()) {
            stale.push((path, content));
        }
    }
    if check {
        Faults::check(stale.iter().map(|(path, _)| fault(path)).collect(), || ())?;
    }
    let mut text = String::new();
    for (path, content) in &stale {
        flare_file_tree::write_file(&root.join(path), content.as_bytes(), 0o644, true)
            .map_err(|error| error.into_diagnostic(Code::CheckFailed))?;
        text.push_str(&format!("wrote {path}\n"));
    }
    let written: Vec<_> = stale.iter().map(|(path, _)| path).collect();
    Ok(Outcome { data: json!({ "written": written }), text, warnings: Vec::new() })
}

fn fault(path: &str) -> Diagnostic {
    Diagnostic::error(Code::CheckFailed, format!("`{path}` is not what the code generates")).hint("run `cargo xtask codegen`")
}
