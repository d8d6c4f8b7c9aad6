//! `prepare KIT…`: startup kits → prepared kits.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_federation::target::Reason;
use flare_file_tree::Destination;
use flare_names::Target;
use serde_json::{Value, json};

use super::arguments::PreparationArguments;
use crate::{
    Environment,
    context::Context,
    output::{Failure, Format, Outcome, VerbResult, printable},
    pipeline::{
        difference::FileDifference,
        federation::{self, Isolation, LoadedFederation},
        output_path::default_output,
        prepare::{self, Prepared},
        prepare_many::{Unfinished, prepare_many},
        request::{ConfigSource, KitRequest, RunOptions},
    },
};

/// Make prepared kits from startup kits: a patched copy of each, with the Helm chart that installs it
///
/// A kit is never changed. The output is replaced as a whole and only if everything has succeeded; only an empty directory or one that
/// prepare itself wrote is replaced.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  flare-kube prepare prod_00/server --config k8s.yaml --output server-k8s
  flare-kube prepare --federation federation.yaml --output prepared")]
pub(crate) struct Arguments {
    /// Startup kits as provisioned: directories with startup/ and local/.
    #[arg(value_name = "KIT")]
    kits: Vec<PathBuf>,
    /// The kit, for command lines written for the reference.
    #[arg(long = "kit", value_name = "KIT", hide = true)]
    named_kit: Option<PathBuf>,
    /// The site's configuration [default: KIT/config.yaml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the prepared kit goes; with several kits or a federation, the directory in which each gets a directory of its name
    /// [default: KIT/prepared/k8s].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[arg(long, value_name = "RELEASE", help = format!(
        "The FLARE release that runs the kit, {} [default: what the image's tag says, else what the kit says, else {}]",
        Target::choice(&Target::ALL), Target::default()
    ))]
    target: Option<Target>,
    /// Prepare every participant of a federation.yaml, after cross checks.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kits", "named_kit", "config"])]
    federation: Option<PathBuf>,
    /// Each kit is for a separate cluster, so that equal namespaces and claims do not collide.
    #[arg(long)]
    separate_clusters: bool,
    #[command(flatten)]
    preparation: PreparationArguments,
    /// Write nothing; show what would change in the copy of each kit.
    #[arg(long)]
    dry_run: bool,
}

/// Prepares one kit, or many.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let options = arguments.preparation.run_options(context, arguments.dry_run);
    if let Some(file) = &arguments.federation {
        return run_federation(context, arguments, file, &options);
    }
    let requests = requests(context, arguments)?;
    if let [request] = requests.as_slice() {
        return run_one(context, request, &options);
    }
    let isolation = if arguments.separate_clusters { Isolation::SeparateClusters } else { Isolation::OneCluster };
    run_many(context, &requests, &isolation, &options)
}

/// The kits of the command line, each with its configuration and its output.
fn requests(context: &Context<'_>, arguments: &Arguments) -> Result<Vec<KitRequest>, Faults> {
    let environment = context.environment;
    let kits = match (&arguments.named_kit, arguments.kits.as_slice()) {
        (Some(kit), []) => std::slice::from_ref(kit),
        (None, kits) if !kits.is_empty() => kits,
        (Some(_), _) => return Err(given_twice("a kit is given by position and by `--kit`")),
        (None, _) => {
            let fault = Diagnostic::error(Code::InvalidArgs, "no startup kit is given");
            return Err(fault.hint("name a kit: `prepare prod_00/site-1 --config k8s.yaml`").into());
        }
    };
    if arguments.config.is_none() {
        refuse_config_as_kit(environment, kits)?;
    }
    let shared = arguments.config.as_ref().map(|config| environment.absolute(config)).transpose()?.map(ConfigSource::file);
    let mut requests = Vec::with_capacity(kits.len());
    let mut known = std::collections::HashSet::with_capacity(kits.len());
    for kit in kits {
        let kit = environment.absolute(kit)?;
        let output = match &arguments.output {
            None => default_output(&kit),
            Some(output) if kits.len() == 1 => environment.absolute(output)?,
            Some(output) => environment.absolute(output)?.join(kit.file_name().unwrap_or_default()),
        };
        if !known.insert(kit.clone()) {
            return Err(given_twice(&format!("the kit `{}` is given twice", kit.display())));
        }
        let config = shared.clone().unwrap_or_else(|| ConfigSource::file(kit.join("config.yaml")));
        requests.push(KitRequest { kit, config, output, asked: arguments.target.map(|target| (target, Reason::Flag)) });
    }
    match federation::shared_output(&requests) {
        Some((_, fault)) => Err(fault.into()),
        None => Ok(requests),
    }
}

/// Refuses a file among the kits, which is usually the configuration without its flag.
fn refuse_config_as_kit(environment: &Environment, kits: &[PathBuf]) -> Result<(), Diagnostic> {
    for kit in kits {
        let path = environment.absolute(kit)?;
        let is_yaml = path.extension().is_some_and(|ending| ["yaml", "yml"].iter().any(|yaml| ending.eq_ignore_ascii_case(yaml)));
        if is_yaml && matches!(Destination::inspect(&path), Ok(Destination::File)) {
            let shown = kit.display();
            let fault = Diagnostic::error(Code::InvalidArgs, format!("`{shown}` is a file, not a startup kit"));
            return Err(fault.hint(format!("pass the configuration by its flag: `--config {shown}`")).at(path.as_path()));
        }
    }
    Ok(())
}

fn given_twice(message: &str) -> Faults {
    Diagnostic::error(Code::InvalidArgs, message).hint("name each kit once").into()
}

fn run_one(context: &Context<'_>, request: &KitRequest, options: &RunOptions) -> VerbResult {
    context.step(|| format!("reading {}", request.kit.display()));
    let Checked { value: prepared, warnings } = prepare::prepare(request, options)?;
    context.step(|| target_line(&prepared.report));
    Ok(Outcome { data: data(&prepared), text: text(&prepared), warnings })
}

/// The report as JSON.
fn data(prepared: &Prepared) -> Value {
    let mut data = prepared.report.clone();
    if let Some(changes) = &prepared.changes {
        data["dry_run"] = json!(true);
        data["changes"] = changes.iter().map(FileDifference::data).collect();
    }
    data
}

/// The report as text.
fn text(prepared: &Prepared) -> String {
    let mut text = as_lines(&prepared.report);
    if let Some(changes) = &prepared.changes {
        text.push_str("\nnothing was written; the prepared copy would differ from the kit in:\n");
        text.extend(changes.iter().map(FileDifference::text));
    }
    text
}

/// The report as `key: value` lines, as the reference prints it.
fn as_lines(data: &Value) -> String {
    let Some(object) = data.as_object() else { return String::new() };
    object
        .iter()
        .map(|(key, value)| {
            format!("{key}: {}\n", printable(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str()))
        })
        .collect()
}

fn run_federation(context: &Context<'_>, arguments: &Arguments, file: &Path, options: &RunOptions) -> VerbResult {
    let file = context.environment.absolute(file)?;
    let output = arguments.output.as_ref().map(|output| context.environment.absolute(output)).transpose()?;
    let Checked { value: LoadedFederation { federation, requests, .. }, warnings } =
        federation::read(&file, output.as_deref(), arguments.target)?;
    let isolation =
        if arguments.separate_clusters { Isolation::SeparateClusters } else { Isolation::Federation(Box::new(federation)) };
    match run_many(context, &requests, &isolation, options) {
        Ok(mut outcome) => {
            outcome.warnings.splice(0..0, warnings);
            Ok(outcome)
        }
        Err(failure) => Err(Failure { faults: failure.faults.after(warnings), ..failure }),
    }
}

/// What is kept of each of many kits: only what is printed.
struct Printed {
    data: Value,
    text: String,
}

fn run_many(context: &Context<'_>, requests: &[KitRequest], isolation: &Isolation, options: &RunOptions) -> VerbResult {
    context.step(|| format!("preparing {} kits, after a check of all", requests.len()));
    let bar = context.progress(requests.len());
    let for_machines = context.shared.format == Format::Json;
    let keep = |prepared: Prepared| {
        context.step(|| target_line(&prepared.report));
        match (for_machines, &prepared.changes) {
            (true, _) => Printed { data: data(&prepared), text: String::new() },
            (false, Some(_)) => Printed { data: Value::Null, text: text(&prepared) + "\n" },
            (false, None) => Printed { data: Value::Null, text: one_line(&prepared.report) },
        }
    };
    let ended = prepare_many(requests, isolation, options, keep, || bar.inc(1));
    bar.finish_and_clear();
    match ended {
        Ok(Checked { value, warnings }) => Ok(Outcome { warnings, ..shown(value, &[]) }),
        Err(Unfinished { faults, done, not_done }) => {
            Err(Failure { faults, shown: done.map(|done| Box::new(shown(done, &not_done))) })
        }
    }
}

/// The result of many kits: which were prepared, and which were not.
fn shown(done: Vec<Printed>, not_done: &[PathBuf]) -> Outcome {
    let mut text: String = done.iter().map(|kept| kept.text.as_str()).collect();
    text.extend(not_done.iter().map(|kit| format!("not prepared: {}\n", printable(&kit.to_string_lossy()))));
    let participants: Vec<_> = done.into_iter().map(|kept| kept.data).collect();
    let mut data = json!({ "participants": participants });
    if !not_done.is_empty() {
        data["not_prepared"] = json!(not_done);
    }
    Outcome { data, text, warnings: Vec::new() }
}

/// The target and what decided it, for `-v`.
fn target_line(report: &Value) -> String {
    let text = |key: &str| printable(report[key].as_str().unwrap_or_default()).into_owned();
    format!("{}: prepared for FLARE {}: {}", text("name"), text("target"), text("target_reason"))
}

fn one_line(data: &Value) -> String {
    let field = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
    format!(
        "{}: {} {} prepared for {} in {}\n",
        printable(&field("name")),
        field("role"),
        field("release"),
        field("target"),
        printable(&field("output"))
    )
}
