//! `demo`: takes a small fixture federation through all steps that exist so far.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use serde_json::{Value, json};

use super::{
    demo_cluster::{self, DemoCluster},
    demo_job::ADMIN,
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
        request::{KitRequest, RunOptions},
    },
};

/// The fixture federation.
const FEDERATION: &str = "fixtures/demo/federation.yaml";
/// The directory for the prepared kits, unless another is named.
const OUTPUT: &str = "target/demo";

/// Take the fixture federation through all steps.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The directory for the prepared kits [default: target/demo of the checkout].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Bring the federation up in a separate local cluster, `demo`, until both sites are registered at their server, and run a job there.
    /// The cluster is started first: built from source once, in about 15 minutes. It runs until `--down`, and a second run reuses it.
    #[arg(long)]
    cluster: bool,
    /// End that cluster, and remove everything that belongs to it.
    #[arg(long, conflicts_with_all = ["cluster", "output"])]
    down: bool,
}

/// Prepares every participant, renders its chart if Helm is found, and reads it back; with a cluster, brings it up there.
pub(crate) fn run(context: &Context<'_>, root: &Path, arguments: &Arguments) -> VerbResult {
    if arguments.down {
        return demo_cluster::down(context);
    }
    let output = arguments.output.as_ref().map(|output| context.environment.absolute(output)).transpose()?;
    let (file, output) = (root.join(FEDERATION), output.unwrap_or_else(|| root.join(OUTPUT)));
    let mut found = Collector::new();
    let cluster = arguments.cluster.then(|| found.require_checked(DemoCluster::up(context))).transpose()?;
    let with_cluster = |faults: Faults| match &cluster {
        Some(cluster) => faults.after([cluster.still_runs(context)]),
        None => faults,
    };
    let requests = prepare(context, &file, &output, cluster.as_ref()).map_err(with_cluster);
    let requests = found.require_checked(requests)?;
    let (mut participants, mut text) = found.require(checked(context, root, &requests).map_err(with_cluster))?;
    let mut job = Value::Null;
    if let Some(cluster) = &cluster {
        let up = cluster.bring_up(context, &file, &output, helm(context, root)?, run_options(context));
        let up = found.require_checked(up.map_err(with_cluster))?;
        for (participant, (prepared, reached)) in participants.iter_mut().zip(&up) {
            let (data, line) = demo_cluster::told(prepared, reached);
            participant["steps"] = data["steps"].clone();
            participant["ok"] = data["ok"].clone();
            text.push_str(&line);
        }
        let admin = requests.first().map(|request| request.kit.with_file_name(ADMIN)).unwrap_or_default();
        let ended = cluster.run_job(context, root, &admin, &up).map_err(with_cluster)?;
        if let Some(ended) = ended {
            text.push_str(&ended.line());
            job = ended.to_json();
        }
        text.push_str(&demo_cluster::next_steps(context, cluster, &file, &output));
    }
    let mut data = json!({ "participants": participants, "job": job });
    if let Some(cluster) = cluster {
        data["cluster"] = json!(cluster.status);
    }
    Ok(found.finish(|| ()).map(|checked| Outcome { data, text, warnings: checked.warnings })?)
}

/// Options of the preparation.
fn run_options(context: &Context<'_>) -> RunOptions {
    RunOptions {
        acceptance: flare_site_plan::Acceptance::default(),
        launcher: flare_site_plan::LauncherChoice::default(),
        now: context.environment.now,
        discard_changes: false,
        working_directory: context.environment.working_directory.clone(),
        dry_run: false,
        interrupt: context.interrupt.clone(),
    }
}

/// Prepares every participant.
fn prepare(
    context: &Context<'_>,
    file: &Path,
    output: &Path,
    cluster: Option<&DemoCluster>,
) -> Result<Checked<Vec<KitRequest>>, Faults> {
    let options = run_options(context);
    let mut found = Collector::new();
    let LoadedFederation { federation, mut requests, .. } = found.require_checked(federation::read(file, Some(output), None))?;
    if let Some(cluster) = cluster {
        federation::lay_over(&mut requests, &found.require(cluster.image())?);
    }
    let isolation = Isolation::Federation(Box::new(federation));
    let prepared = prepare_many(&requests, &isolation, &options, drop, || ());
    found.require_checked(prepared.map_err(|unfinished| unfinished.faults))?;
    found.finish(|| requests)
}

/// Reads every prepared kit back, and renders its chart if Helm is found.
fn checked(context: &Context<'_>, root: &Path, requests: &[KitRequest]) -> Result<(Vec<Value>, String), Faults> {
    let helm = helm(context, root)?;
    let mut text = String::new();
    let mut participants = Vec::new();
    let done = parallel::each(requests, |request| -> Result<Value, Faults> {
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
    Ok((participants, text))
}

fn line(participant: &Value) -> String {
    let objects = participant["objects"].as_array().map_or_else(String::new, |objects| {
        let kinds: Vec<_> = objects.iter().filter_map(Value::as_str).collect();
        format!(", renders {}", kinds.join(", "))
    });
    let name = participant["name"].as_str().unwrap_or_default();
    format!("{name}: prepared in {}{objects}, read back\n", participant["output"].as_str().unwrap_or_default())
}

/// The user's Helm, otherwise the newest one that the tests built.
fn helm(context: &Context<'_>, root: &Path) -> Result<Option<PathBuf>, Faults> {
    let built = pinned::versions(root, "helm")?
        .into_iter()
        .rev()
        .map(|version| pinned::helm(&context.environment.cache_directory, &version));
    Ok(programs::find(context.environment, "helm").or_else(|| built.into_iter().find(|path| is_file(path))))
}

/// Renders a chart with real Helm and returns the kinds of its objects.
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
