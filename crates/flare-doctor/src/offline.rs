//! The checks of a prepared kit that need no cluster.

use flare_diagnostic::{Collector, Diagnostic};
use flare_file_tree::{Entry, FileTree};
use flare_names::Role;
use flare_pod_manifest::{FileContent, SitePath, check_study_files};
use flare_prepared_kit::{ChangeKind, PreparedKit};
use flare_site_plan::{Image, SitePlan};
use flare_startup_kit::{StartupKit, is_own_machine};
use serde_json::Value;

use crate::{CHECKS, Finding, KitCheck, Needs, Severity};

/// Checks a prepared kit. `now` is the time in seconds since 1970, for the certificates. Every check that needs only the kit gives at
/// least one finding, in the order of [`CHECKS`].
pub fn check(kit: &PreparedKit, now: i64) -> Vec<Finding> {
    let read = Read::of(kit, now);
    let rows = CHECKS.iter().filter_map(|row| match row.needs {
        Needs::Kit(check) => Some((row, check)),
        Needs::Cluster | Needs::Parent => None,
    });
    rows.flat_map(|(row, check)| {
        let found = match check {
            KitCheck::Layout => layout(kit, &read),
            KitCheck::Certificates => read.lasting.clone(),
            KitCheck::Dates => read.dated.iter().map(|fault| Finding { id: row.id, ..fault.clone() }).collect(),
            KitCheck::StrictRules => strict(&read),
            KitCheck::Names => names(kit.plan(), &read),
            KitCheck::StudyFiles => study_files(kit),
            KitCheck::Image => image(kit),
        };
        let settled = found.iter().all(|finding| finding.severity < Severity::Unknown);
        let ok = settled.then(|| Finding::ok(row.id, row.title));
        ok.into_iter().chain(found)
    })
    .collect()
}

/// The end of the year 9999, in seconds since 1970: the last time that a certificate can express.
const FAR_FUTURE: i64 = 253_402_300_799;

/// The kit's role file and certificates, read like those of a startup kit.
struct Read {
    /// `None` if they have a fault.
    kit: Option<StartupKit>,
    /// What is wrong at any time.
    lasting: Vec<Finding>,
    /// What is wrong now: dates of certificates.
    dated: Vec<Finding>,
}

impl Read {
    fn of(kit: &PreparedKit, now: i64) -> Self {
        let read = |time| {
            let mut found = Collector::new();
            let read = found.keep_checked(StartupKit::read(kit.tree(), &kit.plan().participant, time));
            (read, findings("D41", found))
        };
        let (startup_kit, found) = read(now);
        // Before and after the validity of all certificates their dates are wrong in different ways; what is the same at both times does not
        // depend on the time.
        let (_, early) = read(0);
        let (_, late) = read(FAR_FUTURE);
        let (lasting, dated) = found.into_iter().partition(|fault| early.contains(fault) && late.contains(fault));
        Self { kit: startup_kit, lasting, dated }
    }
}

fn findings(id: &'static str, found: Collector) -> Vec<Finding> {
    let of = |fault: &Diagnostic| Finding::of(id, fault);
    match found.finish(|| ()) {
        Ok(checked) => checked.warnings.iter().map(of).collect(),
        Err(faults) => faults.all().iter().chain(faults.warnings()).map(of).collect(),
    }
}

/// Whether the certificates are those of the prepared kit; edits of the user are reported as information.
fn layout(kit: &PreparedKit, read: &Read) -> Vec<Finding> {
    let plan = kit.plan();
    let mut found = Vec::new();
    if let Some(startup) = &read.kit
        && (startup.role != plan.role
            || startup.site != plan.site
            || startup.certificates.root_fingerprint != plan.root_fingerprint)
    {
        let message = format!(
            "`startup/` is the kit of the {} `{}`, and the chart was prepared for the {} `{}` or for another provisioning",
            startup.role, startup.site, plan.role, plan.site
        );
        found.push(Finding::error("D40", message, "prepare the participant's own kit again"));
    }
    let edited = kit.changes().iter().filter(|change| change.kind != ChangeKind::Removed || change.file.starts_with("local/"));
    let edited: Vec<_> = edited.map(|change| format!("{} ({})", change.file, change.kind)).collect();
    if !edited.is_empty() {
        let message = format!("{} files were changed since `prepare`", edited.len());
        found.push(Finding::new("D40", Severity::Info, message).evidence(edited));
    }
    found
}

/// The finding of a check that needs certificates without a fault.
fn not_read(id: &'static str) -> Finding {
    Finding::new(id, Severity::Unknown, "not checked: the kit or its certificates have a fault, see D41 and D42")
}

/// What Python 3.13 and later refuses, in FLARE's own connections; the image's Python version is not known here.
fn strict(read: &Read) -> Vec<Finding> {
    let Some(kit) = &read.kit else { return vec![not_read("D43")] };
    let of_fault = |fault: &flare_startup_kit::StrictFault| {
        let message = format!("`{}`: `{}` {}; Python 3.13 and later refuses it", fault.file, fault.extension, fault.message);
        Finding::warning("D43", message, "provision the project again with FLARE 2.7 or later, or use an image with Python 3.12")
    };
    kit.certificates.strict_faults.iter().map(of_fault).collect()
}

fn names(plan: &SitePlan, read: &Read) -> Vec<Finding> {
    let Some(kit) = &read.kit else { return vec![not_read("D44")] };
    let identity = &kit.certificates.identity;
    let mut found = Vec::new();
    match plan.role {
        Role::Server if !identity.may_serve => {
            let message =
                format!("`{}` may not be used by a server (extendedKeyUsage, keyUsage): clients refuse it", identity.file);
            found.push(Finding::error("D44", message, "provision the project again"));
        }
        Role::Server if identity.subject_alternative_names.is_empty() => {
            let message = format!("`{}` names no host (subjectAltName): clients refuse it under every name", identity.file);
            found.push(Finding::error("D44", message, "set `default_host` or `host_names` in project.yml and provision again"));
        }
        Role::Client if !identity.may_connect => {
            let message =
                format!("`{}` may not be used by a client (extendedKeyUsage, keyUsage): the server refuses it", identity.file);
            found.push(Finding::error("D44", message, "provision the project again"));
        }
        Role::Client => found.extend(plan.server_target.as_ref().filter(|(host, _)| is_own_machine(host)).map(|(host, _)| {
            let message = format!("the kit calls its server under `{host}`, which inside a pod is the pod itself");
            Finding::error(
                "D44",
                message,
                "set `default_host` in project.yml to a name that the site reaches, and provision again",
            )
        })),
        Role::Server => {}
    }
    found
}

/// The study files and the pod templates that they name, read as for a job. The launcher refuses every job of a site whose files have a fault,
/// also where the site has no studies: each job has one, since the server writes `default` into a job that names none.
fn study_files(kit: &PreparedKit) -> Vec<Finding> {
    let mut found = Collector::new();
    found.keep_checked(check_study_files(kit.plan().target, |path| study_file_content(kit.tree(), path)));
    let with_consequence = |finding: Finding| {
        if finding.severity != Severity::Error {
            return finding;
        }
        let message = format!("{}: FLARE would refuse every job because of it", finding.message);
        Finding { message, ..finding }
    };
    findings("D47", found).into_iter().map(with_consequence).collect()
}

/// The maximum length of a study file or pod template in bytes.
const LONGEST: u64 = 4 << 20;

/// The content of a study file or pod template, by its path below a kit. One that is longer than 4 MiB, is no file or cannot be read is
/// [`FileContent::Unreadable`]; a path that is not below the kit is that of another machine, and [`FileContent::Missing`].
pub fn study_file_content(kit: &FileTree, path: &SitePath) -> FileContent {
    let SitePath::BelowKit(path) = path else { return FileContent::Missing };
    match kit.get(path) {
        None => FileContent::Missing,
        Some(Entry::File { content, .. }) if content.len() <= LONGEST => {
            content.read().map_or(FileContent::Unreadable, FileContent::Bytes)
        }
        Some(_) => FileContent::Unreadable,
    }
}

/// Checks the image in the current values, which may have been edited.
fn image(kit: &PreparedKit) -> Vec<Finding> {
    let Ok(values) = kit.values() else { return Vec::new() };
    let part = |key: &str| match &values["image"][key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let image = Image { repository: part("repository"), tag: part("tag"), digest: part("digest") };
    if image.repository.is_empty() {
        return vec![Finding::error(
            "D50",
            "the values name no image (`image.repository`)",
            "set it back, or prepare the kit again",
        )];
    }
    if !image.is_fixed() {
        let message = format!("the image `{}` has no tag or digest that fixes its content", image.repository);
        return vec![Finding::warning("D50", message, "give `docker_image` in k8s.yaml a tag of a release, and prepare again")];
    }
    Vec::new()
}
