//! kit + config → prepared kit: all reads first, a single write last, only values between them, so that a failed run leaves
//! nothing behind and the kit is never changed.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_federation::{
    ParticipantFacts, Provisioned,
    target::{self, Reason},
};
use flare_file_tree::{CommitError, FileTree, ReadOptions};
use flare_prepared_kit::{ExistingOutput, FingerprintedKit, MARKER_FILE, OpenOptions, PreparedKit, TRANSFER};
use flare_site_plan::SitePlan;
use flare_startup_kit::StartupKit;
use serde_json::{Value, json};

use super::{
    difference::{self, FileDifference},
    kit_directory,
    output_path::{self, RealPaths},
    read_config::ReadConfig,
    release,
    request::{ConfigSource, KitRequest, RunOptions},
};
use crate::interrupt::interrupted;

/// The maximum size of a marker, in bytes. It lists every file of a kit.
const LARGEST_MARKER: u64 = 64 << 20;

/// Everything that was read and decided for one kit, before anything is built.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) plan: SitePlan,
    /// The facts for the cross checks with other participants.
    pub(crate) facts: ParticipantFacts,
    /// What decided the plan's target.
    pub(crate) reason: Reason,
    /// The kit as it was read.
    pub(crate) kit: FileTree,
    /// What exists at the output's path.
    existing: ExistingOutput,
}

/// A finished tree, not yet on disk.
#[derive(Debug)]
struct Built {
    prepared: PreparedKit,
    /// What decided its target.
    reason: Reason,
}

/// One kit that was prepared or, in a dry run, would be.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The report: the reference's keys, and more.
    pub(crate) report: Value,
    /// Only in a dry run: how the copy would differ from the kit.
    pub(crate) changes: Option<Vec<FileDifference>>,
}

/// The whole pipeline of one kit: reads, decides, builds, and writes once.
pub(crate) fn prepare(request: &KitRequest, options: &RunOptions) -> Result<Checked<Prepared>, Faults> {
    let mut found = Collector::new();
    let resolved = found.require_checked(resolve(request, options))?;
    let before = options.dry_run.then(|| resolved.kit.clone());
    let built = found.require_checked(build(request, resolved, options))?;
    let changes = before.map(|before| difference::between(&before, built.prepared.tree()));
    if changes.is_none() {
        found.require_checked(commit(request, &built, options))?;
    }
    located(request, found.finish(|| Prepared { report: report(request, &built), changes }))
}

/// Reads config and kit and decides every fact. All faults of config, kit and output are reported together, in this order.
pub(crate) fn resolve(request: &KitRequest, options: &RunOptions) -> Result<Checked<Resolved>, Faults> {
    located(request, read_and_decide(request, options))
}

fn read_and_decide(request: &KitRequest, options: &RunOptions) -> Result<Checked<Resolved>, Faults> {
    options.interrupt.check()?;
    let mut found = Collector::new();
    let config = found.keep(ReadConfig::of(request));
    let real = RealPaths::of(request);
    let kit = found.keep(read_kit(request, &real, options.now));
    let existing = found.keep(output_path::check(request, &real, &options.working_directory));
    let image = config.as_ref().and_then(ReadConfig::image);
    let provisioned = kit.as_ref().map_or(Provisioned::Unknown, |(tree, _)| release::of_tree(tree));
    let decision = target::decide(request.asked.clone(), image.as_ref(), provisioned);
    let config = config.and_then(|config| found.keep_checked(config.check(decision.target)));
    let kit = kit.map(|(tree, kit)| (tree, kit.collect(&mut found)));
    found.extend(decision.warning);
    let inputs = found.finish_some(config.zip(kit).zip(existing)).map_err(in_reported_order)?;
    inputs.and_then(|((config, (tree, kit)), existing)| {
        let mut found = Collector::new();
        let plan = flare_site_plan::resolve(&kit, &config, decision.target, options.acceptance, options.launcher);
        let plan = found.require_checked(plan)?;
        super::study_files::check(&tree, plan.target).collect(&mut found);
        let facts = ParticipantFacts::of(&plan, &kit.certificates.identity.subject_alternative_names, kit.relay.as_ref());
        found.finish(|| Resolved { plan, facts, reason: decision.reason, kit: tree, existing })
    })
}

/// Whether this version prepared the kit at the output from these inputs. Later edits of it count only if they are to be discarded.
pub(crate) fn is_current(request: &KitRequest, resolved: &Resolved, options: &RunOptions) -> Result<bool, Faults> {
    if options.discard_changes {
        let opened = PreparedKit::open_on_disk(&request.output, OpenOptions { accept_changes: true });
        if !opened.is_ok_and(|kit| kit.value.changes().is_empty()) {
            return Ok(false);
        }
    }
    let marker = |bytes: &[u8]| flare_file_tree::Digest::of(bytes);
    let unreadable = Code::InvalidPreparedKit;
    let Ok(there) = flare_file_tree::read_file(&request.output.join(MARKER_FILE), LARGEST_MARKER, unreadable, unreadable) else {
        return Ok(false);
    };
    let kit = flare_kit_patch::patch(resolved.kit.clone(), &resolved.plan)?.value;
    let built = assembled(resolved.plan.clone(), kit)?;
    Ok(built.tree().bytes(MARKER_FILE).map(marker) == Some(marker(&there)))
}

fn assembled(plan: SitePlan, kit: FileTree) -> Result<PreparedKit, Faults> {
    let kit = FingerprintedKit::new(kit)?;
    let chart = flare_helm_chart::render(&plan, &kit.fingerprint().to_string());
    PreparedKit::assemble(plan, kit, chart)
}

/// Builds the prepared tree in memory.
fn build(request: &KitRequest, resolved: Resolved, options: &RunOptions) -> Result<Checked<Built>, Faults> {
    let (plan, reason) = (resolved.plan.clone(), resolved.reason.clone());
    patch(request, resolved, options)?.and_then(|kit| Ok(Checked::clean(Built { prepared: assembled(plan, kit)?, reason })))
}

/// The prepared kit that [`prepare`] would write, after everything that it could refuse was checked.
pub(crate) fn preview(request: &KitRequest, resolved: Resolved, options: &RunOptions) -> Result<Checked<PreparedKit>, Faults> {
    build(request, resolved, options).map(|built| built.map(|built| built.prepared))
}

/// The patched kit, after everything that [`build`] could refuse was checked: a run checks all kits before it writes the first.
pub(crate) fn patch(request: &KitRequest, resolved: Resolved, options: &RunOptions) -> Result<Checked<FileTree>, Faults> {
    let Resolved { plan, kit, existing, .. } = resolved;
    let patched = flare_kit_patch::patch(kit, &plan).and_then(|patched| {
        patched.and_then(|kit| {
            let checked = flare_prepared_kit::check_losses(&request.output, &existing, &kit, options.discard_changes)?;
            Ok(checked.map(|()| kit))
        })
    });
    located(request, patched)
}

/// Makes the places of a kit's errors and warnings unambiguous: in a run of many, `startup/client.key` could be of any kit.
fn located<T>(request: &KitRequest, result: Result<Checked<T>, Faults>) -> Result<Checked<T>, Faults> {
    match result {
        Ok(Checked { value, warnings }) => {
            Ok(Checked { value, warnings: warnings.into_iter().map(|warning| in_kit(request, warning)).collect() })
        }
        Err(faults) => Err(faults.map_all(|fault| in_kit(request, fault))),
    }
}

fn in_kit(request: &KitRequest, diagnostic: Diagnostic) -> Diagnostic {
    let place = match (diagnostic.place.clone(), &request.config) {
        // An interruption and an internal error do not belong to a kit.
        (None, _) if matches!(diagnostic.code, Code::Interrupted | Code::Internal) => return diagnostic,
        (None, ConfigSource::File(config)) if matches!(diagnostic.code, Code::ConfigNotFound | Code::InvalidConfig) => {
            config.path.as_path().into()
        }
        (None, _) => request.kit.as_path().into(),
        (Some(place), _) => Place { file: request.kit.join(&place.file).to_string_lossy().into_owned(), ..place },
    };
    diagnostic.at(place)
}

/// The single write: puts the tree in place by a rename. The content of an earlier output's `transfer/` stays. Returns
/// a warning for each directory that could not be removed.
fn commit(request: &KitRequest, built: &Built, options: &RunOptions) -> Result<Checked<()>, Faults> {
    options.interrupt.check()?;
    let how = flare_file_tree::CommitOptions {
        cancelled: Some(options.interrupt.flag()),
        keep: Some(TRANSFER.as_ref()),
        ..Default::default()
    };
    let committed = flare_file_tree::commit(built.prepared.tree(), &request.output, &how).map_err(|error| match error {
        CommitError::Interrupted => interrupted().into(),
        other => other.into_faults(Code::DeployPrepareFailed),
    })?;
    let leftovers = committed.leftovers.into_iter().map(|error| error.into_leftover(Code::Notice).into_warning());
    Ok(Checked { value: (), warnings: leftovers.collect() })
}

/// The report of one prepared kit: the reference's keys, and more.
fn report(request: &KitRequest, built: &Built) -> Value {
    let plan = built.prepared.plan();
    let chart = request.output.join("helm_chart");
    json!({
        "runtime": "k8s",
        "role": plan.role,
        "name": plan.participant,
        "namespace": plan.namespace,
        "output": request.output,
        "helm_chart": chart,
        "helm_command": helm_command(plan, &chart),
        "resources": request.output.join("local/resources.json.default"),
        "target": plan.target,
        "target_reason": built.reason.to_string(),
        "release": plan.names.release,
        "deployment": plan.names.deployment,
        "service": plan.names.service,
        "fingerprint": built.prepared.fingerprint().to_string(),
    })
}

/// The command that installs the chart, quoted for a shell (defect 22).
pub(crate) fn helm_command(plan: &SitePlan, chart: &Path) -> String {
    let chart = chart.to_string_lossy();
    let quoted = shlex::try_quote(&chart).unwrap_or_default();
    format!("helm upgrade --install {} {quoted} --namespace {}", plan.names.release, plan.namespace)
}

/// Sorts faults by config, kit and output, which is the order in which the reference checks.
fn in_reported_order(faults: Faults) -> Faults {
    faults.sort_by_key(|fault| match fault.code {
        Code::ConfigNotFound | Code::InvalidConfig | Code::InvalidFederation => 0,
        Code::InvalidKit | Code::UnsupportedKit => 1,
        _ => 2,
    })
}

fn read_kit(request: &KitRequest, real: &RealPaths, now: i64) -> Result<(FileTree, Checked<StartupKit>), Faults> {
    output_path::check_is_startup_kit(&request.kit)?;
    kit_directory::expect_kit(&request.kit)?;
    // An earlier output inside the kit does not belong to it, for whichever kit it was made.
    let mut options = ReadOptions::new(Code::InvalidKit).in_memory("startup").in_memory("local").not_with(MARKER_FILE);
    options.excluded = real.left_out();
    let tree = FileTree::read(&request.kit, &options).map_err(|faults| kit_directory::first_few(faults, &request.kit))?;
    check_names(&tree)?;
    let name = request.kit.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kit = StartupKit::read(&tree, &name, now)?;
    Ok((tree, kit))
}

/// Refuses names that are not UTF-8, which neither a `ConfigMap` nor JSON can contain.
fn check_names(tree: &FileTree) -> Result<(), Faults> {
    let refused = tree.iter().filter(|(path, _)| path.as_path().to_str().is_none()).map(|(path, _)| {
        Diagnostic::error(Code::InvalidKit, format!("the name of `{path}` is not UTF-8"))
            .hint("rename it, or take it out of the kit")
            .at(Place::file(path.to_string()))
    });
    Faults::check(refused.collect(), || ())
}
