//! kit + config → prepared kit: reads first, one write last. Between them only values, so that a failed run leaves
//! nothing behind and the kit is never changed.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, printable};
use flare_federation::{Facts, Participant};
use flare_file_tree::{CommitError, Destination, FileTree, ReadOptions};
use flare_names::Target;
use flare_prepared_kit::PreparedKit;
use flare_site_config::SiteConfig;
use flare_site_plan::{Acceptance, SitePlan};
use flare_startup_kit::StartupKit;
use serde_json::{Value, json};

use super::kit_directory;
use crate::interrupt::{Interrupt, interrupted};

/// The largest config file that is read, in bytes; the parser has the last word on smaller ones.
const LARGEST_CONFIG: u64 = 8 << 20;

/// Where the configuration of a kit comes from.
#[derive(Debug, Clone)]
pub(crate) enum ConfigSource {
    /// A file.
    File(PathBuf),
    /// A participant's entry in federation.yaml, and the file that it names.
    Participant {
        /// The entry.
        participant: Box<Participant>,
        /// The file, read.
        document: Option<Box<flare_yaml::Document>>,
    },
}

/// One kit that is to be prepared. All paths are absolute.
#[derive(Debug, Clone)]
pub(crate) struct KitRequest {
    /// The startup kit.
    pub(crate) kit: PathBuf,
    /// Its configuration.
    pub(crate) config: ConfigSource,
    /// Where the prepared kit goes.
    pub(crate) output: PathBuf,
    /// The release that it is prepared for.
    pub(crate) target: Target,
}

/// What holds for every kit of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunOptions {
    /// What the user accepts.
    pub(crate) acceptance: Acceptance,
    /// The clock, in seconds since 1970.
    pub(crate) now: i64,
    /// Ctrl-C.
    pub(crate) interrupt: Interrupt,
}

/// Everything that was read and decided for one kit, before anything is built.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) plan: SitePlan,
    /// What the other participants of a run have to agree with.
    pub(crate) facts: Facts,
    /// The kit as it was read.
    pub(crate) kit: FileTree,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// A finished tree, not yet on disk.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) prepared: PreparedKit,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads config and kit and decides every fact. All faults of config, kit and output come together, in this order.
pub(crate) fn resolve(request: &KitRequest, options: &RunOptions) -> Result<Resolved, Faults> {
    options.interrupt.check()?;
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    let config = keep(read_config(request), &mut faults).map(|config| config.collect(&mut warnings));
    let real = RealPaths::of(request);
    let kit = keep(read_kit(request, &real, options.now), &mut faults);
    keep(check_output(request, &real), &mut faults);
    let (true, Some(config), Some((tree, kit))) = (faults.is_empty(), config, kit) else {
        return Err(in_reported_order(faults));
    };
    let kit = kit.collect(&mut warnings);
    let plan = flare_site_plan::resolve(&kit, &config, request.target, options.acceptance)?.collect(&mut warnings);
    let facts = Facts::of(&plan, &kit.certificates.identity.subject_alternative_names, kit.relay.as_ref());
    Ok(Resolved { plan, facts, kit: tree, warnings })
}

/// Builds the prepared tree in memory.
pub(crate) fn build(resolved: Resolved) -> Result<Built, Faults> {
    let Resolved { plan, kit, mut warnings, .. } = resolved;
    let kit = flare_kit_patch::patch(kit, &plan)?.collect(&mut warnings);
    let fingerprint = flare_prepared_kit::fingerprint(&kit)?;
    let chart = flare_helm_chart::render(&plan, &fingerprint.to_string());
    Ok(Built { prepared: PreparedKit::assemble(plan, kit, chart)?, warnings })
}

/// Everything that [`build`] could refuse, for a run that checks all kits before it writes the first. Gives the warnings.
pub(crate) fn check_patch(resolved: Resolved) -> Result<Vec<Diagnostic>, Faults> {
    let Resolved { plan, kit, mut warnings, .. } = resolved;
    flare_kit_patch::patch(kit, &plan)?.collect(&mut warnings);
    Ok(warnings)
}

/// The one write: the tree is put in place by a rename. Gives a warning where the older output could not be removed whole.
pub(crate) fn commit(request: &KitRequest, built: &Built, options: &RunOptions) -> Result<Option<Diagnostic>, Faults> {
    options.interrupt.check()?;
    let how = flare_file_tree::CommitOptions { cancelled: Some(options.interrupt.flag()), ..Default::default() };
    let committed = flare_file_tree::commit(built.prepared.tree(), &request.output, &how).map_err(|error| match error {
        CommitError::Interrupted => interrupted().into(),
        other => other.into_faults(Code::DeployPrepareFailed),
    })?;
    Ok(committed.unfinished.map(|error| error.into_diagnostic(Code::Notice).into_warning()))
}

/// The report of one prepared kit: the reference's keys, and more.
pub(crate) fn report(request: &KitRequest, prepared: &PreparedKit) -> Value {
    let plan = prepared.plan();
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
        "release": plan.names.release,
        "deployment": plan.names.deployment,
        "service": plan.names.service,
        "fingerprint": prepared.fingerprint().to_string(),
    })
}

/// The command that installs the chart, quoted for a shell (defect 22).
fn helm_command(plan: &SitePlan, chart: &Path) -> String {
    let chart = chart.to_string_lossy();
    let quoted = shlex::try_quote(&chart).unwrap_or_default();
    format!("helm upgrade --install {} {quoted} --namespace {}", plan.names.release, plan.namespace)
}

fn keep<T>(result: Result<T, Faults>, faults: &mut Vec<Diagnostic>) -> Option<T> {
    result.map_err(|found| faults.extend(found.into_vec())).ok()
}

/// The reference checks config, kit and output in this order and reports the first; so do we, with all of them.
fn in_reported_order(mut faults: Vec<Diagnostic>) -> Faults {
    faults.sort_by_key(|fault| match fault.code {
        Code::ConfigNotFound | Code::InvalidConfig | Code::InvalidFederation => 0,
        Code::InvalidKit | Code::UnsupportedKit => 1,
        _ => 2,
    });
    Faults::check(faults, || ()).expect_err("there is at least one fault")
}

fn read_config(request: &KitRequest) -> Result<Checked<SiteConfig>, Faults> {
    let path = match &request.config {
        ConfigSource::Participant { participant, document } => {
            return participant.site_config(document.as_deref(), request.target);
        }
        ConfigSource::File(path) => path,
    };
    let bytes = read_config_file(path)?;
    SiteConfig::parse(&bytes, &path.display().to_string(), request.target)
}

/// Reads a config file; a missing one has its own code, and so has a folder in its place, as the reference has it.
pub(crate) fn read_config_file(path: &Path) -> Result<Vec<u8>, Faults> {
    if matches!(Destination::look(path), Ok(Destination::Folder | Destination::EmptyFolder)) {
        let message = format!("the config `{}` is a folder", printable(&path.to_string_lossy()));
        return Err(Diagnostic::error(Code::ConfigNotFound, message).hint("name a file with `--config`").at(path).into());
    }
    let read = flare_file_tree::read_file(path, LARGEST_CONFIG, Code::ConfigNotFound, Code::InvalidConfig);
    read.map_err(|faults| {
        faults.map(|fault| match fault.code {
            Code::ConfigNotFound => fault.hint("name the file with `--config`, or let `init` write one"),
            _ => fault,
        })
    })
}

/// Where kit and output really are, behind all links.
struct RealPaths {
    kit: PathBuf,
    output: PathBuf,
}

impl RealPaths {
    fn of(request: &KitRequest) -> Self {
        Self { kit: flare_file_tree::resolved(&request.kit), output: flare_file_tree::resolved(&request.output) }
    }
}

/// Checks that the output may be written.
fn check_output(request: &KitRequest, real: &RealPaths) -> Result<(), Faults> {
    if real.kit.starts_with(&real.output) {
        let message = format!("the output `{}` is the kit or contains it", printable(&request.output.to_string_lossy()));
        let fault = Diagnostic::error(Code::InvalidArgs, message).hint("name another folder with `--output`");
        return Err(fault.at(request.output.as_path()).into());
    }
    flare_prepared_kit::check_replaceable(&request.output).map(drop)
}

/// The warning about files of an earlier output that somebody edited: they are about to be lost. Reads that output whole, so a run
/// asks once for each kit.
pub(crate) fn edits_of_earlier(output: &Path) -> Option<Diagnostic> {
    let earlier = PreparedKit::open(output, flare_prepared_kit::Acceptance { changes: true }).ok()?.value;
    let edited: Vec<_> = earlier.changes().iter().map(|change| format!("`{}`", printable(&change.file))).collect();
    let message = format!("the earlier output had edits of your own, which are not in the new one: {}", edited.join(", "));
    let hint = "make such edits in the kit's `local/`, so that they are copied each time";
    (!edited.is_empty()).then(|| Diagnostic::warning(Code::Notice, message).hint(hint).at(output))
}

fn read_kit(request: &KitRequest, real: &RealPaths, now: i64) -> Result<(FileTree, Checked<StartupKit>), Faults> {
    kit_directory::expect_kit(&request.kit)?;
    let mut options = ReadOptions::new(Code::InvalidKit).in_memory("startup").in_memory("local");
    if real.output.starts_with(&real.kit) && real.output != real.kit {
        options.excluded = vec![real.output.clone(), real.kit.join("prepared")];
    }
    let tree = FileTree::read(&request.kit, &options).map_err(|faults| kit_directory::handful(faults, &request.kit))?;
    let name = request.kit.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kit = StartupKit::read(&tree, &name, now)?;
    Ok((tree, kit))
}
