//! The list `components`: which of them are of no use in Kubernetes, and whether somebody had configured them.

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};
use flare_launcher_args::{COMPONENT_ID, launcher_class};
use flare_names::Role;
use flare_site_plan::SitePlan;
use serde_json::json;

use crate::{json_file::JsonFile, storage};
use flare_yaml::json::{Kind, Object, elements, is_truthy, write};

const GPU_RESOURCE_MANAGER: &str = "nvflare.app_common.resource_managers.gpu_resource_manager.GPUResourceManager";
const PASSTHROUGH_RESOURCE_MANAGER: &str =
    "nvflare.app_common.resource_managers.passthrough_resource_manager.PassthroughResourceManager";
const GPU_RESOURCE_CONSUMER: &str = "nvflare.app_common.resource_consumers.gpu_resource_consumer.GPUResourceConsumer";

/// FLARE's own launchers, of both roles.
const LAUNCHERS: [&str; 6] = [
    "nvflare.app_common.job_launcher.client_process_launcher.ClientProcessJobLauncher",
    "nvflare.app_common.job_launcher.server_process_launcher.ServerProcessJobLauncher",
    "nvflare.app_opt.job_launcher.docker_launcher.ClientDockerJobLauncher",
    "nvflare.app_opt.job_launcher.docker_launcher.ServerDockerJobLauncher",
    launcher_class(Role::Client),
    launcher_class(Role::Server),
];
const SLURM_LAUNCHERS: [&str; 2] =
    ["nvflare.app_opt.job_launcher.slurm.ClientSlurmJobLauncher", "nvflare.app_opt.job_launcher.slurm.ServerSlurmJobLauncher"];

/// The kind of a dropped component.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dropped {
    ResourceManager,
    ResourceConsumer,
    /// Process, Docker or Slurm.
    OtherLauncher,
    OwnLauncher,
}

impl Dropped {
    fn of(id: &str, plan: &SitePlan) -> Option<Self> {
        match id {
            "resource_manager" => Some(Self::ResourceManager),
            "resource_consumer" => Some(Self::ResourceConsumer),
            "process_launcher" | "docker_launcher" => Some(Self::OtherLauncher),
            "slurm_launcher" if plan.replaces_slurm() => Some(Self::OtherLauncher),
            COMPONENT_ID => Some(Self::OwnLauncher),
            _ => None,
        }
    }

    fn is_built_in(self, path: &str, plan: &SitePlan) -> bool {
        match self {
            Self::ResourceManager => [GPU_RESOURCE_MANAGER, PASSTHROUGH_RESOURCE_MANAGER].contains(&path),
            Self::ResourceConsumer => path == GPU_RESOURCE_CONSUMER,
            Self::OtherLauncher => LAUNCHERS.contains(&path) || plan.replaces_slurm() && SLURM_LAUNCHERS.contains(&path),
            Self::OwnLauncher => path == launcher_class(plan.role),
        }
    }
}

/// The new text of `components`. `raw` is the old one; `None` if the key is missing.
pub(crate) fn edit(source: &JsonFile<'_>, raw: Option<&str>, plan: &SitePlan, found: &mut Collector) -> Result<String, Faults> {
    let Some(components) = elements(raw.unwrap_or("[]")) else {
        let raw = raw.unwrap_or_default();
        let message = format!("`components` in `{}` must be a list, not {}", source.file, Kind::of(raw));
        return Err(source.fault(raw, message).hint("make it a list, or leave the key out").into());
    };
    let mut faults = Collector::new();
    let mut kept = Vec::new();
    for (index, component) in components.into_iter().enumerate() {
        kept.extend(faults.keep(edit_one(source, index, component, plan, found)).flatten());
    }
    faults.finish(|| ())?;
    kept.push(write(&json!({"id": "resource_manager", "path": PASSTHROUGH_RESOURCE_MANAGER, "args": {}})));
    let mut launcher = Object::default();
    launcher.set("id", &COMPONENT_ID);
    launcher.set("path", &launcher_class(plan.role));
    launcher.set("args", &plan.launcher);
    kept.push(launcher.write());
    Ok(format!("[{}]", kept.join(",")))
}

/// The new text of one component; `None` if it is dropped.
fn edit_one(
    source: &JsonFile<'_>,
    index: usize,
    raw: &str,
    plan: &SitePlan,
    found: &mut Collector,
) -> Result<Option<String>, Diagnostic> {
    let Some(component) = Object::parse(raw) else {
        let message = format!("`components[{index}]` in `{}` must be an object, not {}", source.file, Kind::of(raw));
        return Err(source.fault(raw, message).hint("give the component as an object with `id`, `path` and `args`"));
    };
    if let Some(id) = component.get("id").filter(|id| matches!(Kind::of(id), Kind::Object | Kind::List)) {
        let message = format!("`components[{index}].id` in `{}` must be a string, not {}", source.file, Kind::of(id));
        return Err(source.fault(id, message).hint("give the component's id as a string"));
    }
    let Some(id) = component.text("id") else { return Ok(Some(raw.to_owned())) };
    if let Some(dropped) = Dropped::of(&id, plan) {
        if has_settings(&component, dropped, plan) {
            found.push(replaced(&id, dropped).at(source.place(raw)));
        }
        return Ok(None);
    }
    if plan.role == Role::Server && id == storage::JOB_MANAGER {
        return storage::job_manager(source, index, component, plan).map(Some);
    }
    Ok(Some(raw.to_owned()))
}

/// Whether dropping a component loses settings that somebody made.
fn has_settings(component: &Object<'_>, dropped: Dropped, plan: &SitePlan) -> bool {
    let path = component.get("path").filter(|path| is_truthy(path));
    let decoded = path.map(|path| serde_json::from_str::<String>(path).unwrap_or_default());
    if decoded.is_some_and(|path| !dropped.is_built_in(&path, plan)) {
        return true;
    }
    component.get("args").is_some_and(is_truthy) && !(dropped == Dropped::ResourceManager && is_provisioned(component))
}

/// Defect 22: whether a resource manager is as `provision` writes it, without GPUs and without settings of a user. Releases
/// before 2.7 write the first two arguments, later ones all three.
fn is_provisioned(component: &Object<'_>) -> bool {
    const DEFAULTS: [(&str, f64); 3] = [("num_of_gpus", 0.0), ("mem_per_gpu_in_GiB", 0.0), ("expiration_period", 300.0)];
    let Some(args) = component.get("args").and_then(Object::parse) else { return false };
    component.text("path").as_deref() == Some(GPU_RESOURCE_MANAGER)
        && args.keys().all(|key| {
            let default = DEFAULTS.iter().find(|(name, _)| *name == key);
            let value = args.get(&key).and_then(|value| value.parse::<f64>().ok());
            default.is_some_and(|(_, default)| value == Some(*default))
        })
}

fn replaced(id: &str, dropped: Dropped) -> Diagnostic {
    let (what, hint) = match dropped {
        Dropped::ResourceManager => (
            "is replaced by FLARE's passthrough manager",
            "ask for GPUs and memory in the job's `launcher_spec`; Kubernetes hands them out",
        ),
        Dropped::ResourceConsumer => {
            ("is removed", "ask for GPUs in the job's `launcher_spec`; the cluster's device plugin assigns them")
        }
        Dropped::OtherLauncher => {
            ("is replaced by the Kubernetes launcher", "say under `job_launcher` in `k8s.yaml` what the new launcher should know")
        }
        Dropped::OwnLauncher => {
            ("is written anew from `k8s.yaml`", "say under `job_launcher` in `k8s.yaml` what the new launcher should know")
        }
    };
    Diagnostic::warning(Code::ComponentReplaced, format!("the component `{id}` {what}; its own path or args are not used"))
        .hint(hint)
}
