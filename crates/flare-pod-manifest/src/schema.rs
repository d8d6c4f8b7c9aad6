//! JSON Schemas of the files that a launch reads, for editors and other tools. They are written by hand, because the readers
//! keep places and know both releases, which types cannot express; a test compares readers and schemas. Rules that a schema
//! cannot express (one of two files, names in two mappings) are in the descriptions.

use flare_names::Target;
use serde_json::{Value, json};

/// Makes a schema.
pub type Make = fn() -> Value;

/// Names and functions of all schemas, for `schema NAME`.
pub const ALL: [(&str, Make); 5] = [
    ("launch-request", launch_request),
    ("launcher-spec", launcher_spec),
    ("resource-spec", resource_spec),
    ("study-data", study_data),
    ("study-runtime", study_runtime),
];

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const STUDY_NAME: &str = "^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$";

fn document(title: &str, description: &str, schema: Value) -> Value {
    let mut document = json!({ "$schema": DRAFT, "title": title, "description": description });
    if let (Value::Object(document), Value::Object(schema)) = (&mut document, schema) {
        document.extend(schema);
    }
    document
}

fn quantity(description: &str) -> Value {
    json!({ "type": ["string", "number", "null"], "description": description })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

/// The releases that read a job's own `pending_timeout`.
fn job_pending_timeout() -> String {
    Target::since(|release| release.job_pending_timeout)
}

/// The releases that read `resource_spec` for every launcher.
fn portable_resources() -> String {
    Target::since(|release| release.portable_resources)
}

/// The launch request of `launch manifest --request`.
pub fn launch_request() -> Value {
    let description = "What a FLARE parent knows when it starts a job: the input of `launch manifest --request`.";
    document(
        "launch request",
        description,
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["role", "site", "workspace", "owner_fqcn", "transfer_token", "launcher", "job_meta", "process_args"],
            "properties": {
                "role": { "enum": ["server", "client"], "description": "Decides order and choice of the process arguments." },
                "site": { "type": "string", "description": "The name under which the parent runs: `server` for every server, a client's own name." },
                "workspace": { "type": "string", "pattern": "^/", "description": "The parent's workspace directory, an absolute path; stands for --kit." },
                "custom_dir": { "type": ["string", "null"], "description": "The job's custom directory below the workspace; becomes PYTHONPATH." },
                "owner_fqcn": { "type": "string", "description": "NVFL_WORKSPACE_OWNER_FQCN; an empty string leaves the variable out." },
                "transfer_token": { "type": "string", "description": "NVFL_WORKSPACE_TRANSFER_TOKEN, a secret." },
                "set": { "type": ["array", "null"], "items": { "type": "string" }, "description": "Appended to the arguments behind --set." },
                "launcher": launcher(),
                "job_meta": job_meta(),
                "process_args": process_args(),
            },
        }),
    )
}

fn launcher() -> Value {
    json!({
        "type": "object",
        "description": "The launcher's arguments as in resources.json.",
        "additionalProperties": false,
        "required": ["config_file_path"],
        "properties": {
            "config_file_path": { "type": ["string", "null"], "description": "A kubeconfig in the parent's container; null means in-cluster." },
            "study_data_pvc_file_path": { "type": ["string", "null"], "description": format!("Path of study_data.yaml; {} can do without.", Target::since(|release| release.study_runtime_file)) },
            "namespace": { "type": ["string", "null"], "minLength": 1, "default": "default", "description": "Namespace of job pods." },
            "timeout": { "description": "Seconds; no effect on the manifest." },
            "pending_timeout": { "default": 120, "description": format!("Seconds a pod may stay pending; no effect on the manifest, checked for {}.", job_pending_timeout()) },
            "default_python_path": { "type": ["string", "null"], "minLength": 1, "default": "/usr/local/bin/python", "description": "Python of job pods." },
            "python_path": { "description": "The older name of default_python_path; counts where that is null or absent." },
            "security_context": { "type": ["object", "null"], "description": "The pod's securityContext, passed on." },
            "ephemeral_storage": { "type": "string", "minLength": 1, "default": "1Gi", "description": "Ephemeral storage of pods whose job does not ask for its own." },
            "workspace_mount_path": { "type": "string", "minLength": 1, "default": "/var/tmp/nvflare/workspace", "description": "Where job pods mount their workspace." },
            "image_pull_secrets": { "type": ["array", "null"], "items": { "type": "string", "pattern": "\\S" }, "description": "Secrets with registry credentials." },
        },
    })
}

fn job_meta() -> Value {
    json!({
        "type": "object",
        "description": "The job's meta.json; further keys are ignored.",
        "required": ["job_id"],
        "properties": {
            "job_id": text("The job's id, a UUID."),
            "study": { "type": ["string", "null"], "description": "The study in which the job was submitted." },
            "launcher_spec": { "anyOf": [launcher_spec_body(), { "type": "null" }] },
            "resource_spec": { "anyOf": [resource_spec_body(), { "type": "null" }] },
        },
    })
}

fn process_args() -> Value {
    json!({
        "type": "object",
        "description": "Argument name to flag and value, as the parent hands them to any launcher. Values may be secrets.",
        "required": ["exe_module"],
        "properties": { "exe_module": {
            "type": "array", "minItems": 2, "maxItems": 2, "description": "A flag that is not used, and the module to run.",
        } },
    })
}

/// `launcher_spec` of a job's `meta.json`.
pub fn launcher_spec() -> Value {
    document(
        "launcher_spec",
        "How launchers run a job: a block for all sites and one for each site, by launcher mode.",
        launcher_spec_body(),
    )
}

fn launcher_spec_body() -> Value {
    json!({
        "type": "object",
        "properties": { "default": { "type": ["object", "null"], "description": "For all sites; a site's own block wins key by key.", "properties": { "k8s": k8s_block() } } },
        "additionalProperties": { "description": "The block of a site, by the site's name.", "properties": { "k8s": k8s_block() } },
    })
}

fn k8s_block() -> Value {
    json!({
        "type": ["object", "null"],
        "description": "The Kubernetes launcher; further keys are ignored.",
        "properties": {
            "image": { "type": ["string", "null"], "description": "The image of the job pod." },
            "python_path": text("The Python in that image; the site's where it is absent."),
            "cpu": quantity("Limit of CPUs, and the request where `cpu_request` is absent."),
            "memory": quantity("Limit of memory, and the request where `memory_request` is absent."),
            "cpu_request": quantity("Request of CPUs; null or an empty string: none."),
            "memory_request": quantity("Request of memory; null or an empty string: none."),
            "ephemeral_storage": { "type": ["string", "null"], "minLength": 1, "description": "Request and limit of ephemeral storage; null: the site's." },
            "num_of_gpus": { "description": "Request and limit of nvidia.com/gpu; null and 0: none." },
            "pending_timeout": { "description": format!("{}: seconds a pod may wait for resources.", job_pending_timeout()) },
        },
    })
}

/// `resource_spec` of a job's `meta.json`.
pub fn resource_spec() -> Value {
    let description = format!("What a job needs at each site. {} also take `@default` for all sites.", portable_resources());
    document("resource_spec", &description, resource_spec_body())
}

fn resource_spec_body() -> Value {
    json!({
        "type": "object",
        "properties": { "@default": { "type": ["object", "null"], "description": format!("{}: for all sites; a site's own block wins key by key.", portable_resources()), "properties": portable() } },
        "additionalProperties": {
            "type": ["object", "null"],
            "description": "The block of a site, by the site's name: flat (num_of_gpus, num_of_cpus, memory), or nested by launcher mode (process, docker, k8s, slurm).",
        },
    })
}

fn portable() -> Value {
    let since = portable_resources();
    json!({
        "num_of_gpus": { "description": format!("A whole number, 0 or more ({since} check it).") },
        "num_of_cpus": { "description": format!("{since}: a whole number, 1 or more.") },
        "memory": { "description": format!("{since}: a whole number, 1 or more, with Mi, Gi or Ti.") },
    })
}

fn dataset(closed: bool) -> Value {
    let mut dataset = json!({
        "type": "object",
        "required": ["source", "mode"],
        "properties": {
            "source": text("The PersistentVolumeClaim in the launcher's namespace."),
            "mode": { "enum": ["ro", "rw"], "description": "Read-only or writable." },
        },
    });
    if closed {
        dataset["additionalProperties"] = json!(false);
        dataset["properties"]["type"] = json!({ "const": "mount" });
    }
    dataset
}

/// `local/study_data.yaml`.
pub fn study_data() -> Value {
    document(
        "study_data.yaml",
        "Study to dataset to claim. Each dataset is mounted at /data/<study>/<dataset> in the pods of the study's jobs.",
        json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": STUDY_NAME },
            "additionalProperties": { "type": "object", "propertyNames": { "pattern": STUDY_NAME }, "additionalProperties": dataset(false) },
        }),
    )
}

/// `local/study_runtime.yaml` (2.9).
pub fn study_runtime() -> Value {
    let study = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "container": {
                "type": "object", "additionalProperties": false, "required": ["image"],
                "properties": { "image": text("The image of jobs that name none.") },
            },
            "datasets": { "type": "object", "propertyNames": { "pattern": STUDY_NAME }, "additionalProperties": dataset(true) },
            "env": {
                "type": "object", "propertyNames": variable_name(), "description": "No name may stand in `secret_env` too.",
                "additionalProperties": { "type": ["string", "number", "boolean"], "minLength": 1 },
            },
            "secret_env": {
                "type": "object", "propertyNames": variable_name(),
                "additionalProperties": {
                    "type": "object", "additionalProperties": false, "required": ["source", "key"],
                    "properties": { "source": text("The Secret."), "key": text("The key in it.") },
                },
            },
            "secret_mounts": { "type": "object", "propertyNames": { "pattern": STUDY_NAME }, "additionalProperties": secret_mount() },
            "pod_template": {
                "type": ["object", "string"], "minLength": 1,
                "description": "A Pod that the job's pod is laid over, or a file with one, relative to local/.",
            },
        },
    });
    let since = Target::since(|release| release.study_runtime_file);
    document(
        "study_runtime.yaml",
        &format!("What each study brings to the pods of its jobs ({since}). Not to be used together with study_data.yaml."),
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["format_version"],
            "properties": {
                "format_version": { "const": 2 },
                "studies": { "type": ["object", "null"], "propertyNames": { "pattern": STUDY_NAME }, "additionalProperties": study },
            },
        }),
    )
}

fn variable_name() -> Value {
    json!({ "type": "string", "minLength": 1, "not": { "enum": crate::study::RESERVED } })
}

fn secret_mount() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["source", "mount_path"],
        "properties": {
            "source": text("The Secret."),
            "mount_path": { "type": "string", "pattern": "^/", "description": "An absolute path in the container." },
            "mode": { "const": "ro", "description": "Secrets are mounted read-only." },
            "items": {
                "type": ["object", "null"], "minProperties": 1, "propertyNames": { "minLength": 1 },
                "additionalProperties": { "type": "string", "minLength": 1 }, "description": "Key to path below the mount; all keys where absent.",
            },
        },
    })
}
