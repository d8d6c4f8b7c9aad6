//! The kubeconfig as kubectl finds it, and the context, cluster and user in it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic, Place, closest};
use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};

/// The cluster that the user names on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// `--kubeconfig`: only this file is read.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`: another context than the current one.
    pub context: Option<String>,
}

/// The settings about clusters in the process's environment, which the command line reads.
#[derive(Debug, Clone, Default)]
pub struct ClusterEnvironment {
    /// `KUBECONFIG`: a list of files, separated as `PATH` is.
    pub kubeconfig_list: Option<OsString>,
    /// The home directory, for `~/.kube/config`.
    pub home: Option<PathBuf>,
    /// Whether this runs in a pod (`KUBERNETES_SERVICE_HOST` is set).
    pub in_cluster: bool,
    /// `HTTPS_PROXY` or `https_proxy`.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY` or `http_proxy`, for API servers without TLS.
    pub http_proxy: Option<String>,
    /// `NO_PROXY` or `no_proxy`.
    pub no_proxy: Option<String>,
}

/// One context of a kubeconfig, with its cluster and user.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) context: String,
    pub(crate) namespace: Option<String>,
    pub(crate) cluster: Cluster,
    pub(crate) user: AuthInfo,
}

/// Reads the kubeconfig files and selects the context. `None` if there is no kubeconfig and this runs inside a cluster.
pub(crate) fn choose(access: &Access, environment: &ClusterEnvironment) -> Result<Option<Chosen>, Diagnostic> {
    let files = files(access, environment);
    let mut merged: Option<Kubeconfig> = None;
    for file in &files {
        let Some(mut config) = read(file, access.kubeconfig.is_some())? else { continue };
        // As in kubectl, a file without a current context leaves it to the next one.
        config.current_context = config.current_context.filter(|context| !context.is_empty());
        merged = Some(match merged {
            Some(earlier) => earlier.merge(config).map_err(|error| unreadable(&error, file))?,
            None => config,
        });
    }
    match merged {
        Some(config) => pick(config, access.context.as_deref(), &files).map(Some),
        None if environment.in_cluster && access.context.is_none() => Ok(None),
        None => Err(nothing_found(&files)),
    }
}

/// The files, by descending precedence.
fn files(access: &Access, environment: &ClusterEnvironment) -> Vec<PathBuf> {
    if let Some(file) = &access.kubeconfig {
        return vec![file.clone()];
    }
    let listed: Vec<PathBuf> = environment
        .kubeconfig_list
        .as_ref()
        .map_or_else(Vec::new, |list| std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect());
    if !listed.is_empty() {
        return listed;
    }
    environment.home.iter().map(|home| home.join(".kube/config")).collect()
}

/// Reads one file. As in kubectl, a file of the list may be missing, but not one that the user named.
fn read(file: &Path, required: bool) -> Result<Option<Kubeconfig>, Diagnostic> {
    match Kubeconfig::read_from(file) {
        Ok(config) => Ok(Some(config)),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(unreadable(&error, file)),
    }
}

/// The fault of a file that cannot be read. Of the YAML reader's error only the place is used: its message shows lines of the
/// file, which may contain a key.
fn unreadable(error: &KubeconfigError, file: &Path) -> Diagnostic {
    let place = Place::from(file);
    let fault = |message: String| Diagnostic::error(Code::KubeconfigInvalid, message);
    match error {
        KubeconfigError::ReadConfig(error, _) => {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                other => other.to_string(),
            };
            fault(format!("the kubeconfig cannot be read: {why}"))
                .hint("name a file that exists and that you may read in `--kubeconfig` or `KUBECONFIG`")
                .at(place)
        }
        KubeconfigError::Parse(error) => {
            let position = error.location().map(|location| flare_diagnostic::Position {
                line: u32::try_from(location.line()).unwrap_or(u32::MAX),
                column: u32::try_from(location.column()).unwrap_or(u32::MAX),
            });
            fault("the file is not a kubeconfig: its YAML or a field in it is wrong".into())
                .hint("check the file with `kubectl config view --kubeconfig FILE`, or get it anew where it came from")
                .at(Place { position, ..place })
        }
        _ => fault("the file is of another kind or version than the other kubeconfig files".into())
            .hint("take the file out of `KUBECONFIG`, or name one file with `--kubeconfig`")
            .at(place),
    }
}

/// The fault of a kubeconfig that is a pipe into which nobody writes, or a file of a disk that does not answer.
pub(crate) fn unwritten(access: &Access, limit: Duration) -> Diagnostic {
    let fault =
        Diagnostic::error(Code::KubeconfigInvalid, format!("the kubeconfig could not be read within {} s", limit.as_secs()))
            .hint("if it is a pipe, see whether the program that writes into it does so; otherwise name a regular file");
    match &access.kubeconfig {
        Some(file) => fault.at(Place::from(file.as_path())),
        None => fault,
    }
}

fn nothing_found(files: &[PathBuf]) -> Diagnostic {
    let looked: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
    let looked = if looked.is_empty() { "no home directory is known".to_owned() } else { looked.join(", ") };
    Diagnostic::error(Code::KubeconfigInvalid, format!("there is no kubeconfig ({looked})")).hint(OTHER_FILE)
}

/// What helps where no file names a cluster.
const OTHER_FILE: &str = "name one that has a cluster with `--kubeconfig FILE` or the variable `KUBECONFIG`; `cluster up` starts a local cluster and prints its own";

fn pick(config: Kubeconfig, wanted: Option<&str>, files: &[PathBuf]) -> Result<Chosen, Diagnostic> {
    let first = files.first().map_or_else(|| Place::file("kubeconfig"), |file| Place::from(file.as_path()));
    let usable = config.contexts.iter().filter(|context| context.context.is_some());
    let names: Vec<String> = usable.map(|context| context.name.clone()).collect();
    if names.is_empty() {
        return Err(Diagnostic::error(Code::ContextNotFound, "the kubeconfig has no context at all").hint(OTHER_FILE).at(first));
    }
    let Some(name) = wanted.map(str::to_owned).filter(|name| !name.is_empty()).or(config.current_context) else {
        return Err(Diagnostic::error(Code::ContextNotFound, "the kubeconfig has no current context")
            .hint(format!("choose one with `--context`: {}", listed(&names)))
            .at(first));
    };
    let context = config.contexts.into_iter().find(|context| context.name == name).and_then(|context| context.context);
    let Some(context) = context else {
        let near =
            closest(&name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        return Err(Diagnostic::error(Code::ContextNotFound, format!("the kubeconfig has no context `{name}`"))
            .hint(format!("{near}it has: {}", listed(&names)))
            .at(first));
    };
    let missing = |what: &str, which: &str| {
        Diagnostic::error(
            Code::KubeconfigInvalid,
            format!("context `{name}` names the {what} `{which}`, which the kubeconfig does not have"),
        )
        .hint(format!("choose another `--context`, or add the {what} to the kubeconfig"))
        .at(first.clone())
    };
    let cluster = config.clusters.into_iter().find(|cluster| cluster.name == context.cluster).and_then(|cluster| cluster.cluster);
    let cluster = cluster.ok_or_else(|| missing("cluster", &context.cluster))?;
    let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
        None => AuthInfo::default(),
        Some(user) => {
            let entry = config.auth_infos.into_iter().find(|entry| entry.name == user).ok_or_else(|| missing("user", user))?;
            entry.auth_info.unwrap_or_default()
        }
    };
    Ok(Chosen { context: name, namespace: context.namespace.filter(|namespace| !namespace.is_empty()), cluster, user })
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_without_a_kubeconfig_uses_its_service_account() {
        let chosen = |in_cluster: bool, context: Option<&str>| {
            let access = Access { kubeconfig: None, context: context.map(str::to_owned) };
            choose(&access, &ClusterEnvironment { in_cluster, ..ClusterEnvironment::default() })
        };
        assert!(matches!(chosen(true, None), Ok(None)));
        assert!(chosen(true, Some("a")).is_err(), "a service account has no contexts");
        assert!(chosen(false, None).is_err());
    }
}
