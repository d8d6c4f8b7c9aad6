//! What a key means where it is left out, as far as that needs no kit.

use serde_json::{Map, Value, json};

use crate::config::InternalSecurity;

/// `namespace`.
pub(crate) const NAMESPACE: &str = "default";
/// `server_service_name`.
pub(crate) const SERVER_SERVICE_NAME: &str = "nvflare-server";
/// `parent.parent_port`.
pub(crate) const PARENT_PORT: u16 = 8102;
/// `parent.workspace_pvc`.
pub(crate) const WORKSPACE_CLAIM: &str = "nvflws";
/// `parent.workspace_mount_path`.
pub(crate) const WORKSPACE_MOUNT_PATH: &str = "/var/tmp/nvflare/workspace";
/// `parent.python_path` and `job_launcher.default_python_path`.
pub(crate) const PYTHON_PATH: &str = "/usr/local/bin/python3";
/// `parent.internal_connection_security` of 2.9.
pub(crate) const INTERNAL_SECURITY_2_9: InternalSecurity = InternalSecurity::Mtls;

/// `parent.resources`.
pub(crate) fn resources() -> Map<String, Value> {
    Map::from_iter([("requests".to_owned(), json!({"cpu": "2", "memory": "8Gi"}))])
}
