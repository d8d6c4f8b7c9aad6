//! A launch request without a running parent: from a prepared kit and a job's `meta.json`, with placeholders for what only a
//! running parent knows.

use flare_diagnostic::{Checked, Collector, Diagnostic, Faults, Place};
use flare_launcher_args::LauncherArgs;
use flare_names::{Role, Target};
use flare_site_config::JobPodDefaults;
use serde_json::{Value, json};

use super::{Job, LaunchRequest, Parts, collected, specs::ReadContext, utf8};
use crate::{
    document::{Findings, KeyValue, Kind, Node},
    job_file::{self, Format},
    warnings::Warnings,
};

/// The job id if `meta.json` has none, as before submission.
pub const PLACEHOLDER_JOB_ID: &str = "00000000-0000-0000-0000-000000000000";

/// What a prepared kit states about its participant.
#[derive(Debug, Clone)]
pub struct PreparedSite<'kit> {
    /// Server or client.
    pub role: Role,
    /// The name under which the parent runs: `server` for every server, a client's own name.
    pub site: &'kit str,
    /// The name of the server in its project, if the kit states it. Jobs always call the server `server`.
    pub server_name: Option<&'kit str>,
    /// The launcher's arguments in `local/resources.json.default`.
    pub launcher: &'kit LauncherArgs,
    /// The site's defaults for flare-kube's launcher; `None` if FLARE's own starts the job pods.
    pub pod_defaults: Option<&'kit JobPodDefaults>,
    /// The address at which job pods find their parent, for example `tcp://site-1:8102`.
    pub parent_url: Option<&'kit str>,
    /// The security of that link: `clear` or `mtls`.
    pub parent_connection_security: Option<&'kit str>,
}

/// What FLARE's server adds to a job's meta data when the job is submitted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Submission<'job> {
    /// The study in which the job is submitted; `None` means the job's own, otherwise `default`, which FLARE's server writes.
    pub study: Option<&'job str>,
    /// The id for meta data without one; `None` means [`PLACEHOLDER_JOB_ID`].
    pub job_id: Option<&'job str>,
}

impl LaunchRequest {
    /// Makes the request that the parent of a prepared kit would make for a job. Tokens and addresses that are not known
    /// yet are placeholders in angle brackets.
    ///
    /// `meta` is the job's meta data, `meta_file` its name in faults; the name tells the format, as in FLARE: `.json`, `.conf`
    /// (HOCON; without includes, environment variables, and places of single values in faults), `.yml` or `.yaml`.
    ///
    /// # Errors
    /// Every fault of that file, in file order, with line and column.
    pub fn for_prepared(
        site: &PreparedSite<'_>,
        meta: &[u8],
        meta_file: &str,
        submission: Submission<'_>,
        target: Target,
    ) -> Result<Checked<Self>, Faults> {
        let Submission { study, job_id } = submission;
        let job_id = job_id.unwrap_or(PLACEHOLDER_JOB_ID);
        let text = utf8(meta, meta_file)?;
        let mut findings = Findings::new(meta_file, text);
        let mut warnings = Warnings::new(meta_file, text);
        let format = Format::of(meta_file);
        let job = job_file::read(format, text, meta_file, &mut findings)?.and_then(|mut meta| {
            if !matches!(meta.kind, Kind::Object(_)) {
                findings.at(meta.offset, "the job's meta data must be an object", None);
                return None;
            }
            set_default(&mut meta, "job_id", job_id, false);
            set_default(&mut meta, "study", study.unwrap_or("default"), study.is_some());
            let view = ReadContext {
                path: "",
                site: Some(site.site),
                server_name: site.server_name,
                pod_defaults: site.pod_defaults,
                target,
            };
            Job::read(&meta, view, &mut findings, &mut warnings)
        });
        let rest = rest_of_request(site, job.as_ref().map_or(job_id, |job| &job.id)).to_string();
        let mut rest_findings = Findings::new("launcher arguments", &rest);
        let mut rest_warnings = Warnings::new("launcher arguments", &rest);
        let request = crate::document::from_json(&rest, &mut rest_findings)
            .map(|root| Parts::read(&root, target, &mut rest_findings, &mut rest_warnings))
            .and_then(|parts| parts.complete(job, meta_file, target))
            .map(|request| Self { pod_defaults: site.pod_defaults.cloned().unwrap_or_default(), ..request });
        let placed = |found: Diagnostic| if format.has_places() { found } else { found.at(Place::file(meta_file)) };
        let mut found: Collector = collected(findings, warnings).into_iter().map(placed).collect();
        found.extend(collected(rest_findings, rest_warnings));
        found.finish_some(request)
    }
}

/// Sets a key if it is absent or null, or if `overrule` is true.
fn set_default(object: &mut Node, key: &str, text: &str, overrule: bool) {
    let Kind::Object(entries) = &mut object.kind else { return };
    let value = Node { offset: object.offset, kind: Kind::Text(text.to_owned()) };
    match entries.iter_mut().find(|entry| entry.key == key) {
        Some(entry) if overrule || entry.value.is_null() => entry.value = value,
        Some(_) => {}
        None => entries.push(KeyValue { key: key.to_owned(), key_offset: object.offset, key_is_text: true, value }),
    }
}

/// The flags are those of FLARE's parents (`client_executor.py`, `server_engine.py`).
fn rest_of_request(site: &PreparedSite<'_>, job_id: &str) -> Value {
    let mount = site.launcher.workspace_mount_path.as_str();
    let job_directory = format!("{mount}/{job_id}");
    let parent_url = site.parent_url.unwrap_or("<parent-url>");
    let mut process_args = match site.role {
        Role::Client => json!({
            "exe_module": ["-m", "nvflare.private.fed.app.client.worker_process"],
            "startup_dir": ["-w", format!("{mount}/startup")],
            "ssid": ["-d", "<ssid>"],
            "client_name": ["-c", site.site],
            "target": ["-g", "<target>"],
            "scheme": ["-scheme", "<scheme>"],
            "startup_config_file": ["-s", "fed_client.json"],
        }),
        Role::Server => json!({
            "exe_module": ["-m", "nvflare.private.fed.app.server.runner_process"],
            "startup_config_file": ["-s", "fed_server.json"],
            "app_root": ["-r", format!("{job_directory}/app_{}", site.site)],
            "root_url": ["-u", "<root-url>"],
            "service_host": ["--host", "<service-host>"],
            "service_port": ["--port", "<service-port>"],
            "ssid": ["--ssid", "<ssid>"],
        }),
    };
    process_args["workspace"] = json!(["-m", mount]);
    process_args["auth_token"] = json!(["-t", "<auth-token>"]);
    process_args["auth_signature"] = json!(["-ts", "<token-signature>"]);
    process_args["job_id"] = json!(["-n", job_id]);
    process_args["parent_url"] = json!(["-p", parent_url]);
    process_args["parent_conn_sec"] = json!(["--parent_conn_sec", site.parent_connection_security]);
    json!({
        "role": site.role.as_str(), "site": site.site, "workspace": mount,
        "custom_dir": format!("{job_directory}/app_{}/custom", site.site),
        "owner_fqcn": site.site, "transfer_token": "<transfer-token>", "set": ["secure_train=true", "print_conf=True"],
        "launcher": site.launcher, "process_args": process_args,
    })
}
