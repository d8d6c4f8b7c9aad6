//! Whether two participants are in one cluster that federation.yaml names in two ways: what they would share there is refused before anything is
//! sent (defect 15).

use std::time::Duration;

use flare_cluster::{Access, Cluster, ServerLocation, k8s_openapi::api::core::v1::Namespace, locate};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_federation::{Federation, Member, ParticipantFacts, check_shared_objects};
use flare_site_plan::SitePlan;

use super::stage::in_cluster;
use crate::{context::Context, runtime};

/// How long a cluster may take to say which one it is.
const LOOK_LIMIT: Duration = Duration::from_secs(15);

/// The namespace that a cluster has from its first moment on: its uid is the cluster's own.
const FIRST_NAMESPACE: &str = "kube-system";

/// Refuses participants that share a claim or another object of one cluster. `kits` has the plan and the cluster of each participant, in the
/// order of the file.
///
/// Nothing is read or asked unless two participants would share something if they were in one cluster. Then the kubeconfigs are compared, and
/// only clusters at one address are asked which they are.
pub(super) fn refuse_shared(context: &Context<'_>, federation: &Federation, kits: &[(&SitePlan, &Access)]) -> Result<(), Faults> {
    let facts: Vec<_> = kits.iter().map(|(plan, _)| ParticipantFacts::of(plan, &[], None)).collect();
    let members: Vec<_> = federation.participants.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
    if check_shared_objects(&members, &vec![(); members.len()]).is_ok() {
        return Ok(());
    }
    let mut named: Vec<&Access> = Vec::new();
    let mut numbers = Vec::with_capacity(kits.len());
    for (_, access) in kits {
        let known = named.iter().position(|one| one == access);
        numbers.push(known.unwrap_or(named.len()));
        if known.is_none() {
            named.push(access);
        }
    }
    let firsts = firsts(&look_at(context, &named)?);
    let clusters: Vec<usize> = numbers.into_iter().map(|number| firsts[number]).collect();
    check_shared_objects(&members, &clusters).map_err(|faults| faults.map(with_reason))
}

/// Says why two clusters of the file are taken for one.
fn with_reason(fault: Diagnostic) -> Diagnostic {
    let hint = fault.hint.clone().unwrap_or_default();
    fault.hint(format!("{hint}; their kubeconfigs and contexts lead to one cluster"))
}

/// What is known of a cluster that the file or the command line names.
struct NamedCluster<Location> {
    /// Where its API server is; `None` if that cannot be read, which is reported when its participant is begun.
    location: Option<Location>,
    /// Which one it is; `None` if it was not asked or did not say.
    identity: Option<String>,
}

impl<Location: PartialEq> NamedCluster<Location> {
    /// Whether both are one cluster. Some proxies have many clusters at one address, and choose by the credential.
    fn is(&self, other: &Self) -> bool {
        let are_at_one_address = self.location.is_some() && self.location == other.location;
        let are_two = self.identity.is_some() && other.identity.is_some() && self.identity != other.identity;
        are_at_one_address && !are_two
    }
}

/// For each cluster, the number of the first one that is the same.
fn firsts<Location: PartialEq>(clusters: &[NamedCluster<Location>]) -> Vec<usize> {
    let first = |cluster: &NamedCluster<Location>| clusters.iter().position(|earlier| earlier.is(cluster));
    clusters.iter().enumerate().map(|(number, cluster)| first(cluster).unwrap_or(number)).collect()
}

/// Reads where each cluster is, and asks those that share an address with another one which they are.
fn look_at(context: &Context<'_>, named: &[&Access]) -> Result<Vec<NamedCluster<ServerLocation>>, Faults> {
    let mut clusters = Vec::with_capacity(named.len());
    for access in named {
        context.interrupt.check()?;
        let location = runtime::block_on(locate(access, &context.environment.cluster))?.ok();
        clusters.push(NamedCluster { location, identity: None });
    }
    for (number, access) in named.iter().enumerate() {
        let has_another = clusters.iter().enumerate().any(|(other, cluster)| other != number && cluster.is(&clusters[number]));
        if has_another {
            clusters[number].identity = identity(context, access)?;
        }
    }
    Ok(clusters)
}

/// Which cluster this is; `None` if it cannot be reached or does not tell, which is reported when its participant is begun.
fn identity(context: &Context<'_>, access: &Access) -> Result<Option<String>, Faults> {
    let look = |cluster: Cluster| async move {
        let found = cluster.unnamespaced::<Namespace>().find(FIRST_NAMESPACE).await?;
        Ok::<_, Faults>(found.and_then(|namespace| namespace.metadata.uid))
    };
    match in_cluster(context, access, LOOK_LIMIT, look) {
        Err(faults) if faults.first().code == Code::Interrupted => Err(faults),
        told => Ok(told.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_at_one_address_are_one_unless_they_say_otherwise() {
        let cluster = |location: Option<&'static str>, identity: Option<&str>| NamedCluster {
            location,
            identity: identity.map(str::to_owned),
        };
        let all = [
            cluster(Some("a"), None),
            cluster(Some("b"), None),
            cluster(Some("a"), None),
            cluster(None, None),
            cluster(None, None),
            cluster(Some("proxy"), Some("1")),
            cluster(Some("proxy"), Some("2")),
            cluster(Some("proxy"), Some("1")),
        ];
        assert_eq!(firsts(&all), [0, 1, 0, 3, 4, 5, 6, 5]);
        // One that does not say which it is may be the other.
        assert_eq!(firsts(&[cluster(Some("a"), Some("1")), cluster(Some("a"), None)]), [0, 0]);
    }
}
