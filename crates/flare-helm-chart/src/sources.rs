//! The embedded chart sources. `charts-src` beside this crate's manifest is a link to the directory of that name in the workspace's
//! root, so that the crate's package contains them.

use flare_names::Role;

/// A file that is copied byte for byte: its path in the chart and its content.
pub(crate) type Verbatim = (&'static str, &'static str);

macro_rules! source {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/charts-src/", $path))
    };
}

/// The files of both charts.
pub(crate) const COMMON: [Verbatim; 12] = [
    (".helmignore", source!("common/.helmignore")),
    ("templates/_helpers.tpl", source!("common/templates/_helpers.tpl")),
    ("templates/_notes.tpl", source!("common/templates/_notes.tpl")),
    ("templates/_pod.tpl", source!("common/templates/_pod.tpl")),
    ("templates/_security.tpl", source!("common/templates/_security.tpl")),
    ("templates/_validate.tpl", source!("common/templates/_validate.tpl")),
    ("templates/_validate_image.tpl", source!("common/templates/_validate_image.tpl")),
    ("templates/_validate_names.tpl", source!("common/templates/_validate_names.tpl")),
    ("templates/_validate_security.tpl", source!("common/templates/_validate_security.tpl")),
    ("templates/poddisruptionbudget.yaml", source!("common/templates/poddisruptionbudget.yaml")),
    ("templates/rolebinding.yaml", source!("common/templates/rolebinding.yaml")),
    ("templates/serviceaccount.yaml", source!("common/templates/serviceaccount.yaml")),
];

/// The files that only one role's chart has.
pub(crate) const fn of_role(role: Role) -> &'static [Verbatim] {
    match role {
        Role::Server => &[
            ("templates/NOTES.txt", source!("server/templates/NOTES.txt")),
            ("templates/networkpolicy.yaml", source!("server/templates/networkpolicy.yaml")),
            ("templates/server-deployment.yaml", source!("server/templates/server-deployment.yaml")),
            ("templates/server-service.yaml", source!("server/templates/server-service.yaml")),
            ("templates/server-tcp-services.yaml", source!("server/templates/server-tcp-services.yaml")),
        ],
        Role::Client => &[
            ("templates/NOTES.txt", source!("client/templates/NOTES.txt")),
            ("templates/client-deployment.yaml", source!("client/templates/client-deployment.yaml")),
            ("templates/networkpolicy.yaml", source!("client/templates/networkpolicy.yaml")),
            ("templates/service.yaml", source!("client/templates/service.yaml")),
        ],
    }
}

/// `values.schema.json`, as `codegen` wrote it from [`crate::values_schema`].
pub(crate) const fn schema(role: Role) -> &'static str {
    match role {
        Role::Server => source!("server/values.schema.json"),
        Role::Client => source!("client/values.schema.json"),
    }
}
