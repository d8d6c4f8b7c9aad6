//! From the plan to the values that a chart starts with.

use flare_site_plan::{Ports, ReadinessPort, SitePlan};
use serde_json::{Map, Value, json};

use super::{
    Budget, Client, ClientNetworkPolicy, ClientService, Common, Image, Persistence, PullSecret, Rbac, SecurityProfile, Server,
    ServerNetworkPolicy, ServerService, ServiceAccount, ServiceType, StagedLocal, StagedStartup, Values, WorkspaceConfig,
    WorkspaceVolume,
};

impl Values {
    /// The values of a plan. `kit_fingerprint` is that of the prepared kit; empty if there is none yet.
    pub fn new(plan: &SitePlan, kit_fingerprint: &str) -> Self {
        let common = common(plan, kit_fingerprint);
        let service_name = plan.names.service.as_str().to_owned();
        match plan.ports {
            Ports::Server { fl, admin, parent } => Self::Server(Box::new(Server {
                name: plan.participant.clone(),
                service_name,
                fed_learn_port: fl,
                admin_port: admin,
                parent_port: parent,
                host_port_enabled: false,
                tcp_config_map_enabled: false,
                service: server_service(),
                network_policy: server_network_policy(),
                common,
            })),
            Ports::Client { parent } => Self::Client(Box::new(Client {
                name: plan.participant.clone(),
                site_name: plan.site.clone(),
                service_name,
                port: parent,
                service: ClientService { annotations: Map::new() },
                network_policy: client_network_policy(plan),
                common,
            })),
        }
    }
}

fn server_service() -> ServerService {
    ServerService {
        kind: ServiceType::ClusterIP,
        load_balancer_ip: None,
        load_balancer_class: None,
        load_balancer_source_ranges: Vec::new(),
        external_traffic_policy: None,
        annotations: Map::new(),
    }
}

fn common(plan: &SitePlan, kit_fingerprint: &str) -> Common {
    let parent = &plan.parent;
    Common {
        image: Image {
            registry: String::new(),
            repository: parent.image.repository.clone(),
            tag: parent.image.tag.clone(),
            digest: parent.image.digest.clone(),
            pull_policy: parent.image_pull_policy.as_str().to_owned(),
        },
        image_pull_secrets: parent.image_pull_secrets.iter().map(|name| PullSecret { name: name.as_str().to_owned() }).collect(),
        service_account: ServiceAccount {
            create: true,
            name: String::new(),
            annotations: Map::new(),
            automount_service_account_token: true,
        },
        rbac: Rbac { create: true },
        pod_annotations: Map::new(),
        pod_labels: Map::new(),
        kit_fingerprint: kit_fingerprint.to_owned(),
        security_profile: SecurityProfile::Auto,
        security_context: parent.security_context.clone(),
        container_security_context: container_security_context(),
        share_process_namespace: true,
        termination_grace_period_seconds: None,
        resources: parent.resources.clone(),
        extra_env: Vec::new(),
        // Every second for ten minutes: a parent listens about a second after its start, and a restart waits for the probe.
        startup_probe: map([("periodSeconds", json!(1)), ("timeoutSeconds", json!(2)), ("failureThreshold", json!(600))]),
        readiness_probe: readiness_probe(plan),
        liveness_probe: Map::new(),
        node_selector: Map::new(),
        tolerations: Vec::new(),
        affinity: Map::new(),
        priority_class_name: String::new(),
        persistence: Persistence {
            workspace: WorkspaceVolume {
                claim_name: plan.workspace.claim.as_str().to_owned(),
                volume_name: plan.workspace.volume.as_str().to_owned(),
                mount_path: plan.workspace.mount_path.clone(),
            },
        },
        workspace_config: nothing_staged(),
        pod_disruption_budget: Budget { enabled: false, max_unavailable: 0 },
        command: parent.command.clone(),
        args: parent.args.clone(),
    }
}

/// Defect 16. Without `DAC_OVERRIDE` and `FOWNER` root could not read a kit that `kubectl cp` left with a foreign owner and mode
/// 0600, nor write beside it; unpacking as root needs `CHOWN`; an FL port such as 443 needs `NET_BIND_SERVICE`.
fn container_security_context() -> Map<String, Value> {
    map([
        ("allowPrivilegeEscalation", json!(false)),
        ("capabilities", json!({"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE"]})),
        ("seccompProfile", json!({"type": "RuntimeDefault"})),
    ])
}

/// A 2.8 parent logs two lines whenever its parent port is probed, and a 2.8 client has no other port; so it has only
/// the startup probe and is ready once that succeeds. An infrequent probe would be worse than none: a kubelet that has just started
/// delays its first probe of each pod by up to a whole period (observed: a client that was not ready for three minutes).
fn readiness_probe(plan: &SitePlan) -> Map<String, Value> {
    match plan.readiness_port() {
        ReadinessPort::None => Map::new(),
        ReadinessPort::Parent | ReadinessPort::FederatedLearning => {
            map([("periodSeconds", json!(10)), ("timeoutSeconds", json!(2))])
        }
    }
}

fn nothing_staged() -> WorkspaceConfig {
    WorkspaceConfig {
        namespace: None,
        local: StagedLocal { config_map_name: None, items: Vec::new() },
        startup: StagedStartup { secret_name: None, items: Vec::new() },
    }
}

fn server_network_policy() -> ServerNetworkPolicy {
    ServerNetworkPolicy {
        enabled: false,
        clients: Vec::new(),
        api_server_ports: API_SERVER_PORTS.to_vec(),
        extra_ingress: Vec::new(),
        extra_egress: Vec::new(),
    }
}

fn client_network_policy(plan: &SitePlan) -> ClientNetworkPolicy {
    ClientNetworkPolicy {
        enabled: false,
        server_port: plan.server_target.as_ref().and_then(|(_, port)| *port),
        api_server_ports: API_SERVER_PORTS.to_vec(),
        extra_ingress: Vec::new(),
        extra_egress: Vec::new(),
    }
}

/// The port of the API server's Service, and the usual port behind it, against which policies are often checked.
const API_SERVER_PORTS: [u16; 2] = [443, 6443];

fn map<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
