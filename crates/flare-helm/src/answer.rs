//! Helm's reports, as JSON. Fields that are not read here may contain secrets, so they are never kept.

use serde::{Deserialize, Serialize};

/// Helm's status of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseStatus {
    /// The newest one that was deployed.
    Deployed,
    /// One that a later revision replaced.
    Superseded,
    /// Helm failed.
    Failed,
    /// It was uninstalled, with its history kept.
    Uninstalled,
    /// An uninstallation is in progress, or was interrupted.
    Uninstalling,
    /// A first installation is in progress, or was interrupted.
    PendingInstall,
    /// An upgrade is in progress, or was interrupted.
    PendingUpgrade,
    /// A rollback is in progress, or was interrupted.
    PendingRollback,
    /// Any other.
    #[serde(other)]
    Unknown,
}

impl ReleaseStatus {
    /// Whether Helm refuses every other operation because of it.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }

    /// Whether Helm deployed the revision, so that a rollback can return to it.
    pub const fn was_in_place(self) -> bool {
        matches!(self, Self::Deployed | Self::Superseded)
    }

    /// Helm's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalled => "uninstalled",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Unknown => "unknown",
        }
    }
}

/// One revision of a release's history.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Revision {
    /// Its number; the first is 1.
    pub revision: u64,
    /// Its state.
    pub status: ReleaseStatus,
    /// When the status was written, in the format of RFC 3339.
    #[serde(default)]
    pub updated: String,
    /// Helm's description, such as `Rollback to 1`.
    #[serde(default)]
    pub description: String,
}

/// A release in `helm list`.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
}

/// What `helm upgrade` reports.
#[derive(Deserialize)]
pub(crate) struct Applied {
    pub(crate) version: u64,
    pub(crate) info: Info,
    #[serde(default)]
    pub(crate) manifest: String,
}

/// The state in it.
#[derive(Deserialize)]
pub(crate) struct Info {
    pub(crate) status: ReleaseStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of 3.22.0 and 4.3.1.
    #[test]
    fn the_histories_of_both_helms_are_read() {
        let third = r#"[{"revision":1,"updated":"2026-11-28T21:46:28.549972485Z","status":"superseded","chart":"c-0.1.0","app_version":"","description":"Install complete"},
            {"revision":2,"updated":"2026-11-28T21:46:29Z","status":"pending-upgrade","chart":"c-0.1.0","app_version":"","description":"Preparing upgrade"}]"#;
        let fourth = r#"[{"revision":3,"updated":"2026-11-28T21:46:31.5Z","status":"deployed","chart":"c-0.1.0","app_version":"","rollback_revision":1,"description":"Rollback to 1"},
            {"revision":4,"updated":"","status":"of-another-helm"}]"#;
        let read = |text: &str| serde_json::from_str::<Vec<Revision>>(text).unwrap();
        assert_eq!(
            read(third).iter().map(|one| one.status).collect::<Vec<_>>(),
            [ReleaseStatus::Superseded, ReleaseStatus::PendingUpgrade]
        );
        assert_eq!(
            read(fourth).iter().map(|one| one.status).collect::<Vec<_>>(),
            [ReleaseStatus::Deployed, ReleaseStatus::Unknown]
        );
    }

    #[test]
    fn a_status_is_written_as_it_is_read() {
        for status in [
            ReleaseStatus::Deployed,
            ReleaseStatus::PendingInstall,
            ReleaseStatus::PendingRollback,
            ReleaseStatus::Uninstalling,
            ReleaseStatus::Unknown,
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
