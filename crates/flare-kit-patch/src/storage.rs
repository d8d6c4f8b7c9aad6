//! A server's job store and snapshots are moved from `/tmp` to the workspace claim, so that they outlive the pod.

use flare_diagnostic::{Code, Collector, Diagnostic};
use flare_site_plan::SitePlan;

use crate::json_file::JsonFile;
use flare_yaml::json::{Kind, Object};

/// The id of the component that keeps a server's jobs.
pub(crate) const JOB_MANAGER: &str = "job_manager";

const SNAPSHOT_PERSISTOR: &str = "snapshot_persistor";
/// The path from the persistor to the object that has `root_dir`.
const SNAPSHOT_PATH: [&str; 3] = ["args", "storage", "args"];

/// The text of a job manager whose store is on the claim.
pub(crate) fn job_manager(
    source: &JsonFile<'_>,
    index: usize,
    mut component: Object<'_>,
    plan: &SitePlan,
) -> Result<String, Diagnostic> {
    let raw = component.get("args").unwrap_or("{}");
    let Some(mut args) = Object::parse(raw) else {
        let message = format!("`components[{index}].args` in `{}` must be an object, not {}", source.file, Kind::of(raw));
        return Err(source.fault(raw, message).hint("give the arguments of `job_manager` as an object, or leave the key out"));
    };
    args.set("uri_root", &plan.workspace.job_store());
    let args = args.write();
    component.set_raw("args", args);
    Ok(component.write())
}

/// Moves the snapshots of the persistor, if there is one; warns if it does not have the shape that FLARE writes.
pub(crate) fn snapshot_persistor(source: &JsonFile<'_>, resources: &mut Object<'_>, plan: &SitePlan, found: &mut Collector) {
    let Some(persistor) = resources.get(SNAPSHOT_PERSISTOR) else { return };
    let directory = plan.workspace.snapshots();
    match with_root_dir(persistor, &SNAPSHOT_PATH, &directory) {
        Some(text) => resources.set_raw(SNAPSHOT_PERSISTOR, text),
        None => found.push(
            Diagnostic::warning(
                Code::StorageNotRelocated,
                format!("snapshots stay where `snapshot_persistor` puts them, not in `{directory}`: `snapshot_persistor.args.storage.args` is not an object"),
            )
            .hint("make the persistor write below the workspace mount path, or snapshots are lost with the pod")
            .at(source.place(persistor)),
        ),
    }
}

fn with_root_dir(raw: &str, path: &[&str], directory: &str) -> Option<String> {
    let mut object = Object::parse(raw)?;
    match path.split_first() {
        None => object.set("root_dir", &directory),
        Some((key, rest)) => {
            let inner = with_root_dir(object.get(key)?, rest, directory)?;
            object.set_raw(key, inner);
        }
    }
    Some(object.write())
}
