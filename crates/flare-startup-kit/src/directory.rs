//! Tells the kind of a directory by the files that only that kind has, without reading any.

use flare_names::Role;

/// The role files, and the owner of a kit that has one.
pub(crate) const ROLE_FILES: [(&str, Owner); 4] = [
    ("startup/fed_server.json", Owner::Participant(Role::Server)),
    ("startup/fed_client.json", Owner::Participant(Role::Client)),
    ("startup/fed_admin.json", Owner::Admin),
    ("startup/fed_relay.json", Owner::Relay),
];

/// The directory of the role files.
const STARTUP: &str = "startup";

/// The file that only an output of flare-kube's `prepare` has; `flare-prepared-kit` writes and reads it.
pub const MARKER_FILE: &str = ".flare-kube.json";

/// Files that only an output of `prepare` has, of flare-kube or of the reference.
const OF_PREPARED: [&str; 2] = [MARKER_FILE, "helm_chart/Chart.yaml"];

/// Files that only a startup kit has: any of them shows that a directory is, or was meant to be, one.
const TRACES: [&str; 14] = [
    STARTUP,
    "local/resources.json.default",
    "local/resources.json",
    "local/authorization.json.default",
    "local/authorization.json",
    "local/privacy.json.sample",
    "local/log_config.json.default",
    "local/comm_config.json",
    "transfer",
    // Files of `startup`, for a kit that was unpacked one level too high.
    "fed_server.json",
    "fed_client.json",
    "rootCA.pem",
    "sub_start.sh",
    "stop_fl.sh",
];

/// The owner of a startup kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Participant(Role),
    Admin,
    Relay,
}

/// The kind of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryKind {
    /// The startup kit of a server or a client, complete or not.
    Kit(Role),
    /// The startup kit of an admin; admins do not run in Kubernetes.
    AdminKit,
    /// The startup kit of a relay; relays are not supported.
    RelayKit,
    /// An output of `prepare`, which is a kit too but cannot be prepared.
    Prepared,
    /// More than one role file; all of them are listed.
    Ambiguous(Vec<&'static str>),
    /// No role file, but the listed files that only startup kits have: a damaged kit.
    Damaged(Vec<&'static str>),
    /// No file of a startup kit.
    Unrelated,
}

impl DirectoryKind {
    /// Tells the kind of a directory by which paths below it exist (`exists` gets relative paths such as
    /// `startup/fed_client.json`). At most two dozen are asked for, and no file is opened.
    pub fn of(exists: impl Fn(&str) -> bool) -> Self {
        Self::recognised(&exists).unwrap_or_else(|| {
            let traces: Vec<_> = TRACES.into_iter().filter(|path| exists(path)).collect();
            if traces.is_empty() { Self::Unrelated } else { Self::Damaged(traces) }
        })
    }

    /// The kind of a directory that is certainly a kit or an output of `prepare`, and `None` for [`Damaged`](Self::Damaged) and
    /// [`Unrelated`](Self::Unrelated). Of a directory that is neither, mostly three paths are asked for, so that every directory above an
    /// output can be checked.
    pub fn recognised(exists: impl Fn(&str) -> bool) -> Option<Self> {
        if OF_PREPARED.into_iter().any(&exists) {
            return Some(Self::Prepared);
        }
        if !exists(STARTUP) {
            return None;
        }
        let found: Vec<_> = ROLE_FILES.into_iter().filter(|(file, _)| exists(file)).collect();
        match found.as_slice() {
            [(_, Owner::Participant(role))] => Some(Self::Kit(*role)),
            [(_, Owner::Admin)] => Some(Self::AdminKit),
            [(_, Owner::Relay)] => Some(Self::RelayKit),
            [] => None,
            several => Some(Self::Ambiguous(several.iter().map(|(file, _)| *file).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_known_by_its_files() {
        let has = |files: &[&str], path: &str| files.iter().any(|file| *file == path || file.starts_with(&format!("{path}/")));
        let kind = |files: &[&str]| {
            let kind = DirectoryKind::of(|path| has(files, path));
            let doubtful = matches!(kind, DirectoryKind::Damaged(_) | DirectoryKind::Unrelated);
            assert_eq!(DirectoryKind::recognised(|path| has(files, path)), (!doubtful).then(|| kind.clone()), "{files:?}");
            kind
        };
        assert_eq!(kind(&["startup", "startup/fed_server.json"]), DirectoryKind::Kit(Role::Server));
        assert_eq!(kind(&["startup/fed_client.json"]), DirectoryKind::Kit(Role::Client));
        assert_eq!(kind(&["startup", "local", "startup/fed_admin.json"]), DirectoryKind::AdminKit);
        assert_eq!(kind(&["startup/fed_relay.json"]), DirectoryKind::RelayKit);
        assert_eq!(kind(&["startup/fed_client.json", ".flare-kube.json"]), DirectoryKind::Prepared);
        assert_eq!(kind(&["startup/fed_client.json", "helm_chart/Chart.yaml"]), DirectoryKind::Prepared);
        assert_eq!(kind(&["startup"]), DirectoryKind::Damaged(vec!["startup"]));
        assert_eq!(kind(&["local", "local/comm_config.json"]), DirectoryKind::Damaged(vec!["local/comm_config.json"]));
        assert_eq!(kind(&["transfer"]), DirectoryKind::Damaged(vec!["transfer"]));
        assert_eq!(kind(&["rootCA.pem", "start.sh"]), DirectoryKind::Damaged(vec!["rootCA.pem"]));
        assert_eq!(kind(&["local", "bin", "readme.txt"]), DirectoryKind::Unrelated);
        let both = ["startup/fed_server.json", "startup/fed_client.json"];
        assert_eq!(kind(&both), DirectoryKind::Ambiguous(both.to_vec()));
    }
}
