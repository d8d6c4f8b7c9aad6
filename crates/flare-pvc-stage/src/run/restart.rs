//! The parent of a claim: scaled down for a run and up again, or what a run that is only tried would do to it.

use flare_diagnostic::Diagnostic;

use super::{Resources, Run};
use crate::{holders, parent};

impl Run<'_> {
    /// Makes sure, under the lock, that nobody uses the claim: another run may have scaled the parent up while this one waited for the lock.
    pub(crate) async fn free_claim(&self, held: &mut Resources, restart: bool) -> Result<(), Diagnostic> {
        let Self { cluster, namespace, claim, .. } = self;
        if restart { self.stop_parent(held).await } else { holders::refuse(cluster, namespace, claim, holders::RESTART).await }
    }

    /// Scales the parent down, and waits until nobody uses the claim.
    pub(crate) async fn stop_parent(&self, held: &mut Resources) -> Result<(), Diagnostic> {
        // Recorded before it is scaled down, so that it is scaled up again wherever this run ends.
        held.parent = parent::find(self.cluster, &self.namespace, &self.deployment).await?;
        if let Some(parent) = &held.parent {
            parent.stop(self.cluster).await?;
        }
        holders::wait_for_none(self.cluster, &self.namespace, &self.claim).await
    }

    /// What a run that is only tried would do to the parent, as a warning; `None` without `restart`, and if there is none to scale.
    pub(crate) async fn would_restart(&self, restart: bool) -> Result<Option<Diagnostic>, Diagnostic> {
        if !restart {
            return Ok(None);
        }
        let found = parent::find(self.cluster, &self.namespace, &self.deployment).await?;
        Ok(found.map(|parent| parent.would_restart()))
    }

    /// Whether a run has noted on the parent that it scaled it down.
    pub(crate) async fn parent_is_noted(&self) -> Result<bool, Diagnostic> {
        parent::is_noted(self.cluster, &self.namespace, &self.deployment).await
    }

    /// Scales the parent up if a killed run left it down. Only under the lock.
    pub(crate) async fn restore_parent(&self, held: &Resources) -> Result<(), Diagnostic> {
        Self::confirm_lock(held).await?;
        parent::restore(self.cluster, &self.namespace, &self.deployment).await
    }

    /// The hint of a verb that does not scale the parent down.
    pub(crate) fn end_of_parent(&self) -> String {
        let command = parent::scaling(&self.namespace, &self.deployment, 0);
        format!("end the parent first, by `uninstall` or {command}; another pod has to end first")
    }

    /// A warning if a killed run left the parent down. A user who may not read Deployments does not get it.
    pub(crate) async fn parent_left_down(&self) -> Option<Diagnostic> {
        parent::find(self.cluster, &self.namespace, &self.deployment).await.ok()??.left_down()
    }
}
