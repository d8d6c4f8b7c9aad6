//! Prepared kit → its workspace volume.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::Path,
};

use flare_cluster::{Access, Environment};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_prepared_kit::{Acceptance, PreparedKit};
use flare_pvc_stage::{Options, Staged};

use crate::{interrupt::Interrupt, runtime};

/// Opens the kit, connects and stages.
pub(crate) fn stage(
    prepared: &Path,
    namespace: Option<&str>,
    access: &Access,
    environment: &Environment,
    options: &Options,
    interrupt: &Interrupt,
) -> Result<Checked<Staged>, Faults> {
    let mut found = Collector::new();
    let kit = found.require_checked(PreparedKit::open(prepared, Acceptance::default()))?;
    found.require(check_namespace(&kit, namespace))?;
    let work = async {
        let cluster = tokio::select! {
            connected = flare_cluster::connect(access, environment) => connected?,
            () = runtime::interrupted(interrupt) => return Err(crate::interrupt::interrupted().into()),
        };
        Box::pin(flare_pvc_stage::stage(&cluster, &kit, options, runtime::interrupted(interrupt))).await
    };
    let staged = found.require(runtime::block_on(work))?;
    let staged = found.require_checked(staged)?;
    found.finish(|| staged)
}

/// The launcher creates job pods in the prepared namespace, so no other one is taken (defect 14).
fn check_namespace(kit: &PreparedKit, wanted: Option<&str>) -> Result<(), Faults> {
    let prepared = kit.plan().namespace.as_str();
    match wanted.filter(|wanted| *wanted != prepared) {
        None => Ok(()),
        Some(wanted) => {
            Err(Diagnostic::error(Code::InvalidArgs, format!("the kit was prepared for namespace `{prepared}`, not `{wanted}`"))
                .hint("leave `--namespace` out, or set `namespace` in k8s.yaml and prepare the kit again")
                .into())
        }
    }
}

/// A name for this run that no other one has.
pub(crate) fn run_name() -> String {
    format!("{:010x}", RandomState::new().build_hasher().finish() >> 24)
}
