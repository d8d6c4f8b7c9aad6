//! The data that a parent keeps on its volume, and their paths: from its resources and log configuration, otherwise the defaults of the plan and
//! of FLARE.

use std::{collections::BTreeSet, fmt};

use flare_diagnostic::{Code, Diagnostic};
use flare_names::path_below;
use flare_prepared_kit::PreparedKit;
use flare_yaml::json;
use serde_json::{Value, json};

/// The logs that FLARE writes at the workspace root.
const LOGS: [&str; 9] = [
    "log.txt",
    "log.json",
    "log_fl.txt",
    "error_log.txt",
    "log_error.txt",
    "audit.log",
    "stats_pool_summary.json",
    "stats_pool_records.csv",
    "nohup.out",
];

/// FLARE's records of who submitted which job, next to the job store.
const BESIDE_JOBS: [&str; 2] = ["job_submit_records", "job_submit_record_index"];

/// A kind of a parent's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataKind {
    /// Files that admins uploaded and downloaded.
    Transfer,
    /// The job store, with the results of all jobs.
    Jobs,
    /// The snapshots from which a server resumes jobs.
    Snapshots,
    /// The parent's logs.
    Logs,
    /// Everything on the volume except the kit.
    All,
}

impl DataKind {
    /// The name in `--what`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Jobs => "jobs",
            Self::Snapshots => "snapshots",
            Self::Logs => "logs",
            Self::All => "all",
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The paths of the data below the workspace, and of data elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    transfer: Vec<String>,
    jobs: Vec<String>,
    snapshots: Vec<String>,
    logs: BTreeSet<String>,
    /// Directories that are not on the volume.
    outside: Vec<(DataKind, String)>,
}

impl Contents {
    /// Reads them from the kit's `local/`.
    pub(crate) fn of(kit: &PreparedKit) -> Self {
        let text = |files: [&str; 2]| {
            let bytes = files.into_iter().find_map(|file| kit.tree().bytes(file));
            bytes.and_then(|bytes| json::decode(bytes).ok()).unwrap_or("{}").to_owned()
        };
        let resources = text(["local/resources.json", "local/resources.json.default"]);
        let logging = text(["local/log_config.json", "local/log_config.json.default"]);
        let workspace = &kit.plan().workspace;
        Self::read(&resources, &logging, &workspace.mount_path, &workspace.job_store(), &workspace.snapshots())
    }

    /// `jobs` and `snapshots` are where the plan puts them, unless the resources say otherwise.
    pub(crate) fn read(resources: &str, logging: &str, mount: &str, jobs: &str, snapshots: &str) -> Self {
        let mut contents = Self {
            transfer: Vec::new(),
            jobs: Vec::new(),
            snapshots: Vec::new(),
            logs: LOGS.map(str::to_owned).into(),
            outside: Vec::new(),
        };
        let servers = json::lookup(resources, "servers").and_then(json::elements).unwrap_or_default();
        let transfer =
            servers.first().and_then(|server| string(server, "admin_storage")).unwrap_or_else(|| "transfer".to_owned());
        contents.place(DataKind::Transfer, &transfer, mount);
        let components = json::lookup(resources, "components").and_then(json::elements).unwrap_or_default();
        let component = |id: &str| {
            components.iter().find(|component| json::lookup(component, "id").is_some_and(|found| json::equals(found, &json!(id))))
        };
        let store = component("job_manager").and_then(|manager| string(manager, "args.uri_root"));
        let root = component("job_store").and_then(|store| string(store, "args.root_dir")).unwrap_or_default();
        let store = store
            .map_or_else(|| jobs.to_owned(), |store| format!("{}/{}", root.trim_end_matches('/'), store.trim_start_matches('/')));
        contents.place(DataKind::Jobs, &store, mount);
        let moved = string(resources, "snapshot_persistor.args.storage.args.root_dir");
        contents.place(DataKind::Snapshots, moved.as_deref().unwrap_or(snapshots), mount);
        let handlers = json::lookup(logging, "handlers").and_then(json::members).unwrap_or_default();
        for file in handlers.iter().filter_map(|(_, handler)| string(handler, "filename")) {
            if let Some(file) = below(&file, mount).filter(|file| !file.is_empty()) {
                contents.logs.insert(file);
            }
        }
        contents
    }

    /// Adds a directory. A relative path is below the workspace root.
    fn place(&mut self, what: DataKind, directory: &str, mount: &str) {
        let Some(path) = below(directory, mount) else { return self.outside.push((what, directory.to_owned())) };
        let paths = match what {
            DataKind::Jobs => &mut self.jobs,
            DataKind::Snapshots => &mut self.snapshots,
            _ => &mut self.transfer,
        };
        if what == DataKind::Jobs {
            let above = path.rsplit_once('/').map(|(above, _)| format!("{above}/")).unwrap_or_default();
            paths.extend(BESIDE_JOBS.map(|name| format!("{above}{name}")));
        }
        paths.insert(0, path);
    }

    /// The request to the volume's program for the wanted data, without duplicates.
    pub(crate) fn wanted(&self, what: &[DataKind]) -> Value {
        if what.contains(&DataKind::All) {
            return json!([{"name": DataKind::All.as_str(), "everything": true}]);
        }
        let mut seen: Vec<&str> = Vec::new();
        let mut wanted = Vec::new();
        for one in [DataKind::Transfer, DataKind::Jobs, DataKind::Snapshots].into_iter().filter(|one| what.contains(one)) {
            let paths: Vec<_> = self.paths(one).iter().filter(|path| !seen.iter().any(|seen| is_in(path, seen))).collect();
            seen.extend(paths.iter().map(|path| path.as_str()));
            if paths.iter().any(|path| path.is_empty()) {
                // Its directory is the workspace root.
                return json!([{"name": one.as_str(), "everything": true}]);
            }
            wanted.push(json!({"name": one.as_str(), "paths": paths}));
        }
        if what.contains(&DataKind::Logs) {
            let logs: Vec<_> = self.logs.iter().filter(|path| !seen.iter().any(|seen| is_in(path, seen))).collect();
            wanted.push(json!({"name": DataKind::Logs.as_str(), "logs": logs}));
        }
        json!(wanted)
    }

    /// The kind of an item that was found on the volume.
    pub(crate) fn label(&self, item: &[u8]) -> DataKind {
        let is = |path: &String| path.as_bytes() == item;
        for what in [DataKind::Transfer, DataKind::Jobs, DataKind::Snapshots] {
            if self.paths(what).iter().any(is) {
                return what;
            }
        }
        let rotated = |log: &String| item.strip_prefix(log.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'.');
        if self.logs.iter().any(rotated) { DataKind::Logs } else { DataKind::All }
    }

    fn paths(&self, what: DataKind) -> &[String] {
        match what {
            DataKind::Transfer => &self.transfer,
            DataKind::Jobs => &self.jobs,
            DataKind::Snapshots => &self.snapshots,
            DataKind::Logs | DataKind::All => &[],
        }
    }

    /// A warning for each kind of wanted data that is not on the volume.
    pub(crate) fn not_on_the_volume(&self, wanted: &[DataKind]) -> impl Iterator<Item = Diagnostic> {
        let outside = self.outside.iter().filter(move |(what, _)| wanted.contains(what) || wanted.contains(&DataKind::All));
        let warning = |(what, directory): &(DataKind, String)| {
            let message =
                format!("{what}: the kit keeps this in `{directory}`, which is not on the workspace volume; it is not saved");
            Diagnostic::warning(Code::Notice, message)
                .hint("save it by its own means, or set a directory below the workspace and prepare the kit again")
        };
        outside.map(warning)
    }
}

/// Whether a path is equal to another one or below it.
fn is_in(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || above.is_empty())
}

fn string(raw: &str, path: &str) -> Option<String> {
    serde_json::from_str(json::lookup(raw, path)?).ok()
}

/// The path relative to the mount, empty for the mount itself; `None` if it is elsewhere. A relative path is below the mount.
fn below(path: &str, mount: &str) -> Option<String> {
    let below = if path.starts_with('/') { path_below(mount, path) } else { path_below(mount, &format!("{mount}/{path}")) };
    below.map(|path| if path == "." { String::new() } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNT: &str = "/var/tmp/nvflare/workspace";

    fn read(resources: &Value, logging: &Value) -> Contents {
        let (jobs, snapshots) = (format!("{MOUNT}/jobs-storage"), format!("{MOUNT}/snapshot-storage"));
        Contents::read(&resources.to_string(), &logging.to_string(), MOUNT, &jobs, &snapshots)
    }

    #[test]
    fn a_kit_that_says_nothing_keeps_things_where_flare_puts_them() {
        let contents = read(&json!({}), &json!({}));
        assert_eq!(
            (contents.transfer.as_slice(), contents.snapshots.as_slice()),
            (&["transfer".into()][..], &["snapshot-storage".into()][..])
        );
        assert_eq!(contents.jobs, ["jobs-storage", "job_submit_records", "job_submit_record_index"]);
        assert_eq!(contents.label(b"jobs-storage"), DataKind::Jobs);
        assert_eq!(contents.label(b"log.txt.3"), DataKind::Logs);
        assert_eq!(contents.label(b"log.txtual"), DataKind::All);
    }

    #[test]
    fn what_a_site_moved_is_found_and_what_is_elsewhere_is_said() {
        let resources = json!({
            "servers": [{"admin_storage": "uploads/./in"}],
            "components": [
                {"id": "job_manager", "args": {"uri_root": "/jobs"}},
                {"id": "job_store", "args": {"root_dir": format!("{MOUNT}/store/")}},
            ],
            "snapshot_persistor": {"args": {"storage": {"args": {"root_dir": "/tmp/nvflare/snapshot-storage"}}}},
        });
        let contents = read(
            &resources,
            &json!({"handlers": {"file": {"filename": "logs/parent.txt"}, "other": {"filename": "/var/log/x"}}}),
        );
        assert_eq!(contents.transfer, ["uploads/in"]);
        assert_eq!(contents.jobs, ["store/jobs", "store/job_submit_records", "store/job_submit_record_index"]);
        assert!(contents.logs.contains("logs/parent.txt") && !contents.logs.contains("x"));
        let warnings: Vec<_> = contents.not_on_the_volume(&[DataKind::All]).collect();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].message.contains("/tmp/nvflare/snapshot-storage"), "{}", warnings[0].message);
        assert_eq!(contents.not_on_the_volume(&[DataKind::Jobs]).count(), 0);
    }

    #[test]
    fn nothing_is_asked_for_twice() {
        let resources = json!({"components": [{"id": "job_manager", "args": {"uri_root": format!("{MOUNT}/transfer/jobs")}}]});
        let contents = read(&resources, &json!({"handlers": {"file": {"filename": "transfer/log.txt"}}}));
        let wanted = contents.wanted(&[DataKind::Transfer, DataKind::Jobs, DataKind::Logs]);
        assert_eq!(wanted[0], json!({"name": "transfer", "paths": ["transfer"]}));
        assert_eq!(wanted[1], json!({"name": "jobs", "paths": []}));
        assert!(!wanted[2].to_string().contains("transfer/log.txt"), "{wanted}");
        let root = read(&json!({"servers": [{"admin_storage": "."}]}), &json!({}));
        assert_eq!(root.wanted(&[DataKind::Transfer])[0]["everything"], true);
    }

    #[test]
    fn a_path_leads_where_its_text_leads() {
        for (path, expected) in [
            ("a/../b", Some("b")),
            ("../b", None),
            ("/var/tmp/nvflare/workspace/../workspace/b/", Some("b")),
            ("/var/tmp/nvflare/workspace", Some("")),
            ("/var/tmp/nvflare/workspace2", None),
            (".", Some("")),
        ] {
            assert_eq!(below(path, MOUNT).as_deref(), expected, "{path}");
        }
    }
}
