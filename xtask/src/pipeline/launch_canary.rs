//! A short-lived pod with the site's settings, which checks what a job will need.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_doctor::{Finding, Severity};
use flare_names::{Target, release_of};
use flare_pod_launch::{JobPod, JobState, Limits, Transition};
use flare_pod_manifest::{Additions, GPU_RESOURCE, Manifest, Submission};
use flare_prepared_kit::{OpenOptions, PreparedKit};
use serde_json::{Value, json};

use super::{
    launch, launch_removal,
    launch_run::{self, JobRequest, JobResult, RunOptions, Stopped},
    stage::{Request, run_name},
};
use crate::context::Context;

/// The program that the pod runs instead of a job.
const PROGRAM: &str = include_str!("canary.py");

/// The prefix of the line with the program's result.
const MARK: &str = "flare-kube-canary ";

/// The environment variable with the program's input.
const VARIABLE: &str = "FLARE_KUBE_CANARY";

/// The checks in the order of the report. The first is the pod itself.
const CHECKS: [&str; 9] = ["J01", "J02", "J03", "J04", "J05", "J06", "J07", "J08", "J09"];

/// Options of the canary.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) image: Option<String>,
    pub(crate) study: Option<String>,
    pub(crate) gpus: u32,
    pub(crate) limits: Option<Limits>,
    pub(crate) run: RunOptions,
}

/// The result of the canary.
#[derive(Debug)]
pub(crate) struct Canary {
    pub(crate) participant: String,
    pub(crate) pod: String,
    pub(crate) image: String,
    pub(crate) findings: Vec<Finding>,
}

/// Runs the canary and collects its findings. A pod that does not start is a finding, not an error.
pub(crate) fn run(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    tell: &(dyn Fn(&str, &Transition) + Sync),
) -> Result<Checked<Canary>, Faults> {
    let mut found = Collector::new();
    let kit = found.require_checked(request.open(OpenOptions::default()))?;
    let plan = kit.plan();
    let mut manifest = found.require_checked(manifest(&kit, request, options))?;
    let image = image_of(&manifest);
    let host = plan.names.service.to_string();
    let gpu_resource = plan.job_launcher.pod_defaults().and_then(|defaults| defaults.gpu_resource_name.as_deref());
    let gpus = (options.gpus, gpu_resource.unwrap_or(GPU_RESOURCE));
    instruct(&mut manifest, &host, plan.ports.parent(), gpus);
    let mut pod = JobPod::new(&manifest)?;
    if let Some(limits) = &options.limits {
        pod = pod.with_limits(limits.clone());
    }
    let name = pod.name().to_owned();
    let asked = vec![JobRequest { request: "canary".to_owned(), pod }];
    let report = launch_run::run(context, &request.access, asked, &options.run, tell)?;
    if !options.run.dry_run {
        found.extend(report.jobs.iter().filter_map(launch_removal::warning));
    }
    match report.stopped {
        Some(Stopped::Interrupted) => found.require(Err::<(), _>(launch_removal::interrupted(&report)))?,
        Some(Stopped::OutOfTime) if !report.jobs.iter().all(launch_removal::has_ended) => {
            let fault = Diagnostic::error(Code::TimedOut, "the time is over, and the canary had not ended");
            found.require(Err::<(), _>(fault.hint("give it more time with `--timeout`")))?;
        }
        // What it found is known; what may be left of its pod is warned about.
        Some(Stopped::OutOfTime) | None => {}
    }
    let mut findings = Vec::new();
    for ran in &report.jobs {
        if let Some(refused) = &ran.refused {
            found.require(Err::<(), _>(refused.clone()))?;
        }
        findings.extend(if options.run.dry_run { Vec::new() } else { read(ran, &image, plan.target) });
    }
    let participant = plan.participant.clone();
    found.finish(|| Canary { participant, pod: name, image, findings })
}

/// The manifest of a job with the image that the user names, otherwise with that of the study, which its jobs get, otherwise the parent's.
fn manifest(kit: &PreparedKit, request: &Request<'_>, options: &Options) -> Result<Checked<Manifest>, Faults> {
    let job_id = format!("canary-{}", run_name());
    let with_image = |image: Option<&str>| {
        let mut block = json!({});
        if let Some(image) = image {
            block["image"] = json!(image);
        }
        if options.gpus > 0 {
            block["num_of_gpus"] = json!(options.gpus);
        }
        let meta = json!({"job_id": job_id, "launcher_spec": {"default": {"k8s": block}}}).to_string();
        let submission = Submission { study: options.study.as_deref(), job_id: None };
        launch::of_kit(kit, request.prepared, (meta.as_bytes(), "the canary's job"), submission, &Additions::default())
    };
    match &options.image {
        Some(image) => with_image(Some(image.as_str())),
        None => with_image(None).or_else(|_| with_image(Some(kit.plan().parent.image.to_string().as_str()))),
    }
}

/// The image of the job's container.
fn image_of(manifest: &Manifest) -> String {
    let mut containers = manifest.pod["spec"]["containers"].as_array().into_iter().flatten();
    let job = containers.find(|container| container["name"] == manifest.container.as_str());
    job.and_then(|container| container["image"].as_str()).unwrap_or_default().to_owned()
}

/// Replaces the job's program with the canary's.
fn instruct(manifest: &mut Manifest, host: &str, port: u16, (gpus, gpu_resource): (u32, &str)) {
    let files: Vec<&String> = manifest
        .secrets
        .first()
        .and_then(|secret| secret["data"].as_object())
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    let files = json!(files);
    let containers = manifest.pod["spec"]["containers"].as_array_mut();
    let Some(container) = containers.into_iter().flatten().find(|container| container["name"] == manifest.container.as_str())
    else {
        return;
    };
    let mounts: Vec<Value> = container["volumeMounts"].as_array().cloned().unwrap_or_default();
    let path = |volume: &str| {
        mounts.iter().find(|mount| mount["name"] == volume).map_or(Value::Null, |mount| mount["mountPath"].clone())
    };
    let data: Vec<_> = mounts
        .iter()
        .filter(|mount| mount["name"].as_str().is_some_and(|name| name.starts_with("data-")))
        .map(|mount| json!([mount["mountPath"], mount["readOnly"] == true]))
        .collect();
    let told = json!({"host": host, "port": port, "gpus": gpus, "gpu_resource": gpu_resource, "files": files, "data": data,
        "startup": path("startup-kit"), "workspace": path("workspace-job")});
    container["args"] = json!(["-u", "-c", PROGRAM]);
    let variable = json!({"name": VARIABLE, "value": told.to_string()});
    match container["env"].as_array_mut() {
        Some(env) => env.push(variable),
        None => container["env"] = json!([variable]),
    }
}

/// The findings from the pod's end and its output.
fn read(ran: &JobResult, image: &str, target: Target) -> Vec<Finding> {
    let log = ran.evidence.as_ref().map(|evidence| evidence.log.as_slice()).unwrap_or_default();
    let line = log.iter().find_map(|line| line.strip_prefix(MARK));
    let printed = line.and_then(|line| serde_json::from_str::<Vec<Value>>(line).ok());
    let mut findings = vec![of_pod(ran, image, printed.is_some(), log)];
    findings.extend(printed.into_iter().flatten().filter_map(|row| of_row(&row, target)));
    findings
}

fn of_pod(ran: &JobResult, image: &str, has_printed: bool, log: &[String]) -> Finding {
    let Some(end) = &ran.end else {
        return Finding::error(CHECKS[0], "the canary's end was not learned", "run it again");
    };
    if end.state == JobState::Succeeded && has_printed {
        return Finding::ok(CHECKS[0], format!("a job pod with the image {image} started and ended"));
    }
    let evidence = ran.evidence.iter().flat_map(|evidence| evidence.conditions.iter().chain(&evidence.events)).chain(log);
    if end.state == JobState::Succeeded {
        let message = format!("a job pod with the image {image} ended well, but its log does not have what it found");
        let hint = "see whether you may read logs of pods (`get` on `pods/log`), and run it again";
        return Finding::error(CHECKS[0], message, hint).evidence(evidence);
    }
    let state = end.state.as_str().replace('_', " ");
    let message = format!("a job pod with the image {image} has {state}, {}: {}", end.reason, end.message);
    Finding::error(CHECKS[0], message, "mend what the reason names: no job of this site gets further").evidence(evidence)
}

fn of_row(row: &Value, target: Target) -> Option<Finding> {
    let id = CHECKS.into_iter().find(|id| row["id"] == *id)?;
    if let Some(version) = row["version"].as_str().filter(|version| release_of(version).as_deref() != Some(target.as_str())) {
        let message = format!("nvflare {version}, where the kit is prepared for {target}");
        return Some(Finding::error(id, message, "use an image of that release, or prepare the kit for the image's own"));
    }
    let severity = match row["severity"].as_str()? {
        "ok" => Severity::Ok,
        "info" => Severity::Info,
        "warning" => Severity::Warning,
        _ => Severity::Error,
    };
    let finding = Finding::new(id, severity, row["message"].as_str()?);
    Some(match row["hint"].as_str() {
        Some(hint) => finding.hint(hint),
        None => finding,
    })
}

#[cfg(test)]
mod tests {
    use flare_pod_launch::{End, Evidence};

    use super::*;

    fn ran(state: JobState, log: &[&str]) -> JobResult {
        let end = End {
            at: jiff::Timestamp::UNIX_EPOCH,
            state,
            return_code: 0,
            exit_code: Some(0),
            class: None,
            reason: "Completed".into(),
            message: String::new(),
        };
        let evidence = Evidence { log: log.iter().map(|&line| line.to_owned()).collect(), ..Evidence::default() };
        JobResult { end: Some(end), evidence: Some(evidence), ..JobResult::of("canary", "pod", "fl") }
    }

    #[test]
    fn the_line_of_the_program_becomes_findings_and_nothing_else_does() {
        let line = r#"flare-kube-canary [{"id": "J05", "severity": "error", "message": "no way", "hint": "look"}, {"id": "J99", "message": "x"}]"#;
        let findings = read(&ran(JobState::Succeeded, &["warning: first", line]), "img", Target::default());
        let shown: Vec<_> = findings.iter().map(|finding| (finding.id, finding.severity, finding.hint.as_deref())).collect();
        assert_eq!(shown, [("J01", Severity::Ok, None), ("J05", Severity::Error, Some("look"))]);
    }

    #[test]
    fn the_images_nvflare_is_of_the_release_for_which_the_kit_is_prepared() {
        for (version, expected) in [
            ("2.8.3", Severity::Ok),
            ("2.8.4rc1", Severity::Ok),
            ("2.9.0", Severity::Error),
            ("2.80", Severity::Error),
            ("of an unknown version", Severity::Error),
        ] {
            let row = json!({"id": "J03", "severity": "ok", "message": "nvflare", "hint": null, "version": version});
            let finding = of_row(&row, Target::V2_8).expect("a finding");
            assert_eq!((finding.id, finding.severity), ("J03", expected), "{version}");
        }
    }

    #[test]
    fn a_pod_that_says_nothing_is_a_fault_whatever_its_code() {
        for (state, log) in [
            (JobState::Succeeded, vec!["hello"]),
            (JobState::Failed, vec!["flare-kube-canary []"]),
            (JobState::NotStarted, vec![]),
        ] {
            let findings = read(&ran(state, &log), "img", Target::default());
            assert_eq!((findings[0].id, findings[0].severity), ("J01", Severity::Error), "{state:?}");
            assert!(findings[0].hint.is_some());
            let is_of_log = findings[0].message.contains("its log does not have");
            assert_eq!(is_of_log, state == JobState::Succeeded, "{}", findings[0].message);
        }
    }

    #[test]
    fn the_program_takes_the_place_of_the_job_and_is_told_what_is_mounted() {
        let file = include_str!("../../../fixtures/pods/2.9-plain-server/request.json");
        let request =
            flare_pod_manifest::LaunchRequest::parse(file.as_bytes(), "request.json", flare_names::Target::V2_9).unwrap().value;
        let files = flare_pod_manifest::SiteFiles::new([("rootCA.pem".to_owned(), b"r".to_vec())].into());
        let files = files.gather(&request, |_| flare_pod_manifest::FileContent::Missing);
        let made = flare_pod_manifest::manifest(&request, &files, &Additions::default());
        let mut manifest = made.map_or_else(|faults| panic!("{faults:?}"), |made| made.value);
        instruct(&mut manifest, "site-1", 8102, (2, GPU_RESOURCE));
        let container = &manifest.pod["spec"]["containers"][0];
        assert_eq!(container["args"], json!(["-u", "-c", PROGRAM]));
        let variable = container["env"].as_array().unwrap().last().unwrap();
        let told: Value = serde_json::from_str(variable["value"].as_str().unwrap()).unwrap();
        assert_eq!((&told["files"], &told["startup"]), (&json!(["rootCA.pem"]), &json!("/var/tmp/nvflare/workspace/startup")));
        assert_eq!((&told["port"], &told["gpus"]), (&json!(8102), &json!(2)));
    }
}
