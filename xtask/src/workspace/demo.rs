//! `demo`: a small federation of test material, down the road as far as it is built.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use serde_json::{Value, json};

use super::{
    pinned,
    programs::{self, is_file},
};
use crate::{
    context::Context,
    output::{Outcome, VerbResult},
    pipeline::{
        federation::{self, Isolation, LoadedFederation},
        parallel,
        prepare_many::prepare_many,
        request::RunOptions,
    },
};

/// The federation of test material.
const FEDERATION: &str = "fixtures/demo/federation.yaml";

/// Take the fixture federation down the road.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the prepared kits go.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    output: PathBuf,
}

/// Prepares every participant, renders its chart where Helm is found, and reads it back.
pub(crate) fn run(context: &Context<'_>, root: &Path, arguments: &Arguments) -> VerbResult {
    let output = root.join(&arguments.output);
    let options = RunOptions {
        acceptance: flare_site_plan::Acceptance::default(),
        now: context.environment.now,
        discard_changes: false,
        working_directory: context.environment.working_directory.clone(),
        dry_run: false,
        interrupt: context.interrupt.clone(),
    };
    let read = federation::read(&root.join(FEDERATION), Some(&output), None)?;
    let Checked { value: LoadedFederation { federation, requests }, mut warnings } = read;
    let isolation = Isolation::Federation(Box::new(federation));
    let prepared = prepare_many(&requests, &isolation, &options, drop, || ());
    prepared.map_err(|unfinished| unfinished.faults.after(warnings.clone()))?.collect(&mut warnings);
    let helm = helm(context, root)?;
    let mut text = String::new();
    let mut participants = Vec::new();
    let done = parallel::each(&requests, |request| -> Result<Value, Faults> {
        let opened = PreparedKit::open(&request.output, flare_prepared_kit::OpenOptions::default())?;
        let manifests = helm.as_deref().map(|helm| render(context, helm, &request.output, &opened.value)).transpose()?;
        Ok(json!({
            "name": opened.value.plan().participant,
            "output": request.output,
            "objects": manifests,
            "checked": opened.warnings.is_empty(),
        }))
    });
    for participant in done {
        let participant = participant?;
        text.push_str(&line(&participant));
        participants.push(participant);
    }
    text.push_str(&match &helm {
        Some(helm) => format!("rendered with {}\n", helm.display()),
        None => "no Helm was found, so nothing was rendered; `cargo xtask test` builds one\n".to_owned(),
    });
    Ok(Outcome { data: json!({ "participants": participants, "job": Value::Null }), text, warnings })
}

fn line(participant: &Value) -> String {
    let objects = participant["objects"].as_array().map_or_else(String::new, |objects| {
        let kinds: Vec<_> = objects.iter().filter_map(Value::as_str).collect();
        format!(", renders {}", kinds.join(", "))
    });
    let name = participant["name"].as_str().unwrap_or_default();
    format!("{name}: prepared in {}{objects}, read back\n", participant["output"].as_str().unwrap_or_default())
}

/// The user's Helm, else the newest one that the tests built.
fn helm(context: &Context<'_>, root: &Path) -> Result<Option<PathBuf>, Faults> {
    let built = pinned::versions(root, "helm")?
        .into_iter()
        .rev()
        .map(|version| pinned::helm(&context.environment.cache_directory, &version));
    Ok(programs::find(context.environment, "helm").or_else(|| built.into_iter().find(|path| is_file(path))))
}

/// Renders a chart with real Helm and gives the kinds of its objects.
fn render(context: &Context<'_>, helm: &Path, prepared: &Path, kit: &PreparedKit) -> Result<Vec<String>, Faults> {
    let plan = kit.plan();
    let mut command = programs::command(context.environment, prepared, helm);
    command.args(["template", plan.names.release.as_str(), "helm_chart", "--namespace", plan.namespace.as_str()]);
    let manifests = programs::output(&mut command)?;
    let kinds: Vec<String> = manifests.lines().filter_map(|line| line.strip_prefix("kind: ")).map(str::to_owned).collect();
    if kinds.is_empty() {
        return Err(Diagnostic::error(Code::CheckFailed, "Helm rendered no object")
            .hint("look at the chart in the output directory")
            .into());
    }
    Ok(kinds)
}
