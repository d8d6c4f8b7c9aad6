//! The facts that the cross checks need of each participant: small, so that a run over thousands of kits keeps no plans.

use flare_names::{ClaimName, NamespaceName, ParticipantNames, Role, Target};
use flare_site_plan::{Image, Ports, SitePlan};
use flare_startup_kit::Relay;

/// The part of a plan that other participants can collide with or must agree with.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticipantFacts {
    pub(crate) target: Target,
    pub(crate) role: Role,
    pub(crate) participant: String,
    pub(crate) project: Option<String>,
    pub(crate) root_fingerprint: String,
    /// Host and port at which the kit looks for the server.
    pub(crate) server_target: Option<(String, Option<u16>)>,
    /// The port that a server listens on for clients.
    pub(crate) fl_port: Option<u16>,
    /// DNS names and addresses of a server's certificate; not needed for a client.
    pub(crate) certificate_names: Vec<String>,
    /// The relay that a client logs in through.
    pub(crate) relay: Option<Relay>,
    pub(crate) names: ParticipantNames,
    pub(crate) namespace: NamespaceName,
    pub(crate) claim: ClaimName,
    /// The parent's image.
    pub(crate) image: Image,
}

impl ParticipantFacts {
    /// The facts from a plan, the certificate's DNS names and IP addresses (subject alternative names), and the relay that the
    /// kit names.
    pub fn of(plan: &SitePlan, certificate_names: &[String], relay: Option<&Relay>) -> Self {
        let fl_port = match plan.ports {
            Ports::Server { fl, .. } => Some(fl),
            Ports::Client { .. } => None,
        };
        Self {
            target: plan.target,
            role: plan.role,
            participant: plan.participant.clone(),
            project: plan.project.clone(),
            root_fingerprint: plan.root_fingerprint.clone(),
            server_target: plan.server_target.clone(),
            fl_port,
            certificate_names: if plan.role == Role::Server { certificate_names.to_vec() } else { Vec::new() },
            relay: relay.cloned(),
            names: plan.names.clone(),
            namespace: plan.namespace.clone(),
            claim: plan.workspace.claim.clone(),
            image: plan.parent.image.clone(),
        }
    }

    /// The participant's role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What two participants in one namespace must not share, each with its kind for messages: the claim and every owned object.
    pub(crate) fn owned_objects(&self) -> [(&'static str, &str); 8] {
        let [deployment, service, release, role, secret, local, startup] = objects(&self.names);
        [("claim", self.claim.as_str()), deployment, service, release, role, secret, local, startup]
    }

    /// What contains its keys: the claim and the startup Secret.
    pub fn unique_objects(&self) -> [(&'static str, &str); 2] {
        let [claim, .., secret, _, _] = self.owned_objects();
        [claim, secret]
    }

    /// The namespace in which it runs.
    pub fn namespace(&self) -> &NamespaceName {
        &self.namespace
    }
}

/// Every object of a participant with its own name, each with its kind for messages.
pub(crate) fn objects(names: &ParticipantNames) -> [(&'static str, &str); 7] {
    [
        ("Deployment", names.deployment.as_str()),
        ("Service", names.service.as_str()),
        ("Helm release", names.release.as_str()),
        ("Role", names.launcher_role.as_str()),
        ("Secret", names.startup_secret.as_str()),
        ("ConfigMap", names.staged_local.as_str()),
        ("staged Secret", names.staged_startup.as_str()),
    ]
}
