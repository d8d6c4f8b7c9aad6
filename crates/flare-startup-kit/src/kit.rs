//! The kit as a value.

use flare_names::Role;

use crate::Certificates;

/// Which study files stand in `local/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StudyFiles {
    /// `study_data.yaml` (2.8, and 2.9's older form).
    pub data: bool,
    /// `study_runtime.yaml` (2.9).
    pub runtime: bool,
}

/// Everything that later steps need to know of a startup kit.
#[derive(Debug, Clone)]
pub struct StartupKit {
    /// Server or client.
    pub role: Role,
    /// The participant's name. Server: `servers[0].identity`, else `admin_server`, else the folder's name. Client: `fqsn`,
    /// else the folder's name; `site-1.child` for a client below another one.
    pub participant: String,
    /// The name under which the participant logs in: a client's own name, what stands behind the last `.` of its `fqsn`
    /// (defect 27); a server's participant name.
    pub site: String,
    /// The first O of the certificate's subject.
    pub organization: String,
    /// Server: the port of `servers[0].service.target`; `None` where there is none, and for a client.
    pub fl_port: Option<u16>,
    /// Server: `servers[0].admin_port`, else the FL port; `None` where there is neither, and for a client.
    pub admin_port: Option<u16>,
    /// `servers[0].service.target` in two parts: under which host and port the server is reached from outside. `None`
    /// where the role file has none.
    pub server_target: Option<(String, Option<u16>)>,
    /// The project's name, `servers[0].name`.
    pub project: Option<String>,
    /// The kit's certificates.
    pub certificates: Certificates,
    /// Which study files it has.
    pub study_files: StudyFiles,
    /// Whether `startup/signature.json` or `local/signature.json` signs files of the kit.
    pub signed: bool,
}
