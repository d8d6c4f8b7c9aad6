//! The table of checks: every id that a finding can have. A new verb adds rows.

/// What a check needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Only the prepared kit.
    Kit(KitCheck),
    /// The API server.
    Cluster,
    /// A program that runs in the parent's pod.
    Parent,
}

/// A check that needs only the prepared kit: [`crate::offline`] looks at each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KitCheck {
    /// Kit and chart are of one participant and provisioning.
    Layout,
    /// What is wrong with the certificates at any time.
    Certificates,
    /// The dates of the certificates.
    Dates,
    /// The strict rules of newer Pythons.
    StrictRules,
    /// The names in the certificate, and what it may be used for.
    Names,
    /// The files about studies.
    StudyFiles,
    /// The parent's image.
    Image,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The id in findings. It never changes its meaning.
    pub id: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// The expected condition, in a few words.
    pub title: &'static str,
}

const fn row(id: &'static str, needs: Needs, title: &'static str) -> Check {
    Check { id, needs, title }
}

/// Every check, in the order in which findings are shown.
pub const CHECKS: &[Check] = &[
    row("D40", Needs::Kit(KitCheck::Layout), "kit and chart fit together"),
    row("D41", Needs::Kit(KitCheck::Certificates), "certificate, key and root belong together"),
    row("D42", Needs::Kit(KitCheck::Dates), "the certificates are valid for more than 60 days"),
    row("D43", Needs::Kit(KitCheck::StrictRules), "the certificates pass the strict rules of Python 3.13 and later"),
    row("D44", Needs::Kit(KitCheck::Names), "the names fit the certificate"),
    row("D47", Needs::Kit(KitCheck::StudyFiles), "the launcher can read the study files"),
    row("D50", Needs::Kit(KitCheck::Image), "the image is a fixed one"),
    row("D01", Needs::Cluster, "the cluster is reached"),
    row("D10", Needs::Cluster, "the user may install"),
    row("D11", Needs::Cluster, "the user may run programs in pods"),
    row("D12", Needs::Cluster, "the user may grant the rights of the parent's launcher"),
    row("D14", Needs::Cluster, "the user may read nodes and storage classes"),
    row("D21", Needs::Cluster, "Pod Security lets the parent's pod be made"),
    row("D22", Needs::Cluster, "admission lets the parent's pod be made"),
    row("D23", Needs::Cluster, "the quota has room for the parent"),
    row("D24", Needs::Cluster, "the LimitRange lets the parent's pod be made"),
    row("D31", Needs::Cluster, "the workspace claim can be mounted"),
    row("D35", Needs::Parent, "the parent reads the prepared kit"),
    row("D51", Needs::Cluster, "Secrets and ConfigMaps that the parent's pod names are there"),
    row("D52", Needs::Cluster, "the node has the parent's image"),
    row("D53", Needs::Cluster, "the image runs the parent's command"),
    row("D61", Needs::Cluster, "a node has room for the parent"),
    row("D70", Needs::Cluster, "the Service selects the parent and has its endpoint"),
    row("D46", Needs::Parent, "the parent's Python has the packages that a parent needs"),
    row("D13", Needs::Parent, "the parent's ServiceAccount may do what its launcher does"),
    row("D45", Needs::Parent, "the certificate of the API server passes the strict rules"),
    row("D71", Needs::Parent, "the names that are called resolve"),
    row("D72", Needs::Parent, "mutual TLS with the kit's own certificate"),
    row("D80", Needs::Cluster, "the Deployment is rolled out"),
    row("D81", Needs::Cluster, "the parent's container runs and stays"),
    row("D82", Needs::Cluster, "the participant has joined"),
    row("D83", Needs::Cluster, "the parent runs since this kit was installed"),
];

impl Check {
    /// The row of an id.
    pub fn of(id: &str) -> Option<&'static Self> {
        CHECKS.iter().find(|check| check.id == id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_id_has_one_row() {
        let ids: BTreeSet<_> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
        assert!(CHECKS.iter().all(|check| Check::of(check.id) == Some(check) && !check.title.is_empty()));
    }
}
