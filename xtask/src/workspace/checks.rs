//! `test` and `ci`: the one definition of what must pass.

use std::path::Path;

use flare_diagnostic::Faults;

use super::programs;
use crate::cli::Context;

/// Run all tests.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArguments {
    /// Only tests whose name holds this text.
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
}

/// All tests, after what they need is there; in CI the lints first. Gives the steps that were done.
pub(crate) fn test(context: &Context<'_>, root: &Path, arguments: &TestArguments) -> Result<Vec<String>, Faults> {
    let filter = arguments.filter.as_deref();
    let mut steps =
        if context.environment.continuous_integration && filter.is_none() { lints(context, root)? } else { Vec::new() };
    steps.extend(provide(context, root)?);
    let with_nextest = programs::find(context.environment, "cargo-nextest").is_some();
    let mut tests = cargo(context, root);
    if with_nextest {
        tests.args([
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--profile",
            if context.environment.continuous_integration { "ci" } else { "default" },
        ]);
        tests.args(filter);
    } else {
        tests.args(["test", "--workspace", "--locked", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]);
        tests.args(filter);
    }
    programs::run(&mut tests)?;
    steps.push("tests".to_owned());
    if filter.is_none() {
        programs::run(cargo(context, root).args(["test", "--workspace", "--locked", "--doc"]))?;
        steps.push("doc tests".to_owned());
    }
    Ok(steps)
}

/// Everything that must pass before a change lands.
pub(crate) fn ci(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    let mut steps = if context.environment.continuous_integration { Vec::new() } else { lints(context, root)? };
    for package in packages(context, root)? {
        programs::run(cargo(context, root).args(["check", "--quiet", "--locked", "--package", &package]))?;
    }
    steps.push("each crate alone".to_owned());
    if programs::find(context.environment, "cargo-deny").is_some() {
        programs::run(cargo(context, root).args(["deny", "--offline", "check", "bans", "licenses", "sources"]))?;
        steps.push("licences, bans, sources".to_owned());
    }
    steps.extend(test(context, root, &TestArguments { filter: None })?);
    Ok(steps)
}

fn lints(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    programs::run(cargo(context, root).args(["fmt", "--all", "--check"]))?;
    programs::run(cargo(context, root).args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    Ok(vec!["format".to_owned(), "lints".to_owned()])
}

/// Builds what tests need and the cache folder has not: real Helm. The reference is installed by the tests that ask it.
pub(crate) fn provide(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    programs::run(programs::command(context.environment, root, "bash").arg("tools/helm/build.sh"))?;
    Ok(vec!["Helm".to_owned()])
}

/// Cargo, as the one that runs us. Its stdout joins stderr in JSON mode, so that stdout stays one document.
pub(crate) fn cargo(context: &Context<'_>, root: &Path) -> std::process::Command {
    let mut command = programs::command(context.environment, root, "cargo");
    if context.shared.format == crate::output::Format::Json {
        command.stdout(std::io::stderr());
    }
    command
}

fn packages(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    let mut metadata = programs::command(context.environment, root, "cargo");
    let text = programs::output(metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let document: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let packages = document["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(packages.iter().filter_map(|package| package["name"].as_str()).map(str::to_owned).collect())
}
