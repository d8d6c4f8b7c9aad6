//! The values of a server and of a client.

#![allow(clippy::doc_markdown, reason = "these comments are the text that users read in values.yaml")]

use schemars::JsonSchema;
use serde::Serialize;

use super::{ClientNetworkPolicy, ClientService, Common, ServerNetworkPolicy, ServerService};
use crate::leaf_schema;

/// The values of a server's chart.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Name of the participant. Deployment, container, ServiceAccount and labels are named after it; a name that Kubernetes would
    /// refuse is made valid with a digest. Empty: the chart's name.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub name: String,
    /// Name of the Service under which job pods reach the parent. The kit's `local/comm_config.json` repeats it: prepare again to change it.
    pub service_name: String,
    /// What it shares with a client.
    #[serde(flatten)]
    pub common: Common,
    /// The FL port, for clients: in the Service and the container.
    #[schemars(schema_with = "leaf_schema::port")]
    pub fed_learn_port: u16,
    /// The admin port: in the Service and the container. Null: admins use the FL port.
    #[schemars(schema_with = "leaf_schema::port")]
    pub admin_port: Option<u16>,
    /// The parent port, for job pods. The kit's `local/comm_config.json` repeats it: prepare again to change it.
    #[schemars(schema_with = "leaf_schema::port")]
    pub parent_port: u16,
    /// Also opens the FL and admin port on the node that the parent runs on.
    pub host_port_enabled: bool,
    /// Creates the ConfigMap with which the nginx ingress addon of MicroK8s forwards the FL and admin port. Only useful there.
    pub tcp_config_map_enabled: bool,
    /// The Service of the parent.
    pub service: ServerService,
    /// A NetworkPolicy for the parent pod.
    pub network_policy: ServerNetworkPolicy,
}

/// The values of a client's chart.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// Name of the participant.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub name: String,
    /// The name under which the client logs in: `uid` at the end of the arguments. Empty: `name`.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub site_name: String,
    /// Name of the Service under which job pods reach the parent, and of Deployment, container, ServiceAccount and labels.
    /// The kit's `local/comm_config.json` repeats it: prepare again to change it. Empty: derived from `name`.
    pub service_name: String,
    /// What it shares with a server.
    #[serde(flatten)]
    pub common: Common,
    /// The parent port, for job pods. The kit's `local/comm_config.json` repeats it: prepare again to change it.
    #[schemars(schema_with = "leaf_schema::port")]
    pub port: u16,
    /// The Service of the parent.
    pub service: ClientService,
    /// A NetworkPolicy for the parent pod.
    pub network_policy: ClientNetworkPolicy,
}

/// The values of a chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// A server's.
    Server(Box<Server>),
    /// A client's.
    Client(Box<Client>),
}
