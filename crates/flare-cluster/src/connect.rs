//! Connects to the cluster that the command line and the environment name.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic};
use http::{Response, StatusCode, Uri};
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
    config::{AuthInfo, ExecAuthCluster},
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::time::{Instant, error::Elapsed, sleep, timeout};
use tower::util::{MapFutureLayer, MapRequestLayer, MapResponseLayer};

use crate::{
    Access, Cluster, ClusterEnvironment, Operation,
    answer::in_time,
    busy,
    clock::ServerClock,
    endpoint::{Credential, Endpoint},
    fault,
    kubeconfig::{self, Chosen},
    named_files, permission, proxy, retry,
    token_file::TokenFile,
};

/// How long connecting to the API server may take; distant servers answer within a second.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long the files of a kubeconfig may take to be read: they may be pipes, into which another program writes.
const READING_DEADLINE: Duration = Duration::from_secs(15);

/// How long a credential plug-in may take: some open a browser and wait for the user.
const PLUGIN_DEADLINE: Duration = Duration::from_mins(2);

/// Connects to the cluster that kubectl would use and asks for its version.
///
/// A credential plug-in of the kubeconfig is run; it may use the terminal.
///
/// # Errors
///
/// `KUBECONFIG_INVALID` and `CONTEXT_NOT_FOUND` before anything is sent; `CREDENTIAL_UNAVAILABLE`, `CLUSTER_UNREACHABLE`,
/// `CLUSTER_NOT_TRUSTED`, `CREDENTIAL_REFUSED`, `PERMISSION_DENIED`, `CLUSTER_ANSWER_INVALID` and `CLUSTER_BUSY` for the first request.
pub async fn connect(access: &Access, environment: &ClusterEnvironment) -> Result<Cluster, Diagnostic> {
    let (config, endpoint) = configuration(access, environment).await?;
    let (requests, clock) = (Arc::new(AtomicU64::new(0)), Arc::new(ServerClock::default()));
    let client = client(config, &endpoint, Arc::clone(&requests), Arc::clone(&clock)).await?;
    let version = version(&client, &endpoint).await?;
    Ok(Cluster::new(client, endpoint, version, requests, clock))
}

/// Reads what the user names. The files are read in a thread of their own, which is left behind if nobody writes into a pipe.
pub(crate) async fn configuration(access: &Access, environment: &ClusterEnvironment) -> Result<(Config, Endpoint), Diagnostic> {
    let (wanted, environment) = (access.clone(), environment.clone());
    let reading = tokio::task::spawn_blocking(move || match kubeconfig::choose(&wanted, &environment)? {
        Some(chosen) => of_kubeconfig(chosen, wanted.kubeconfig, &environment),
        None => of_pod(),
    });
    match timeout(READING_DEADLINE, reading).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => Err(Diagnostic::error(Code::Internal, "the kubeconfig could not be read")),
        Err(_) => Err(kubeconfig::unwritten(access, READING_DEADLINE)),
    }
}

/// Makes the client. kube runs the credential plug-in here and blocks the thread while it runs.
async fn client(
    mut config: Config,
    endpoint: &Endpoint,
    requests: Arc<AtomicU64>,
    clock: Arc<ServerClock>,
) -> Result<Client, Diagnostic> {
    config.connect_timeout = Some(CONNECT_DEADLINE);
    // `retry` knows what may be repeated; kube's own retries wait for up to 1000 s.
    config.default_retry = false;
    let has_token_file = endpoint.credential == Credential::TokenFile;
    let making = tokio::task::spawn_blocking(move || {
        let taken = if has_token_file { TokenFile::take(&mut config.auth_info) } else { Ok(None) };
        let token_file = taken.map_err(kube::Error::Auth)?.map(Arc::new);
        let refused = token_file.clone();
        let hearing = MapResponseLayer::new(move |answer: Response<_>| {
            clock.hear(&answer);
            if let Some(token_file) = refused.as_ref().filter(|_| answer.status() == StatusCode::UNAUTHORIZED) {
                token_file.was_refused();
            }
            answer
        });
        let asking = MapRequestLayer::new(move |mut request: http::Request<Body>| {
            requests.fetch_add(1, Ordering::Relaxed);
            if let Some(token_file) = &token_file {
                token_file.authorize(&mut request);
            }
            request
        });
        let client = ClientBuilder::try_from(config)?.with_layer(&hearing);
        Ok::<_, kube::Error>(client.with_layer(&MapFutureLayer::new(in_time)).with_layer(&asking).build())
    });
    match timeout(PLUGIN_DEADLINE, making).await {
        Ok(Ok(made)) => made.map_err(|error| fault::of_transport(&error, endpoint)),
        Ok(Err(_)) => Err(unusable(endpoint)),
        Err(_) => Err(Diagnostic::error(
            Code::CredentialUnavailable,
            format!("the credential plug-in gave no credential within {} s", PLUGIN_DEADLINE.as_secs()),
        )
        .hint(endpoint.renewal())),
    }
}

/// The fault if kube gives up while it makes the client: it writes the token into a header, and relies on its fitting in.
fn unusable(endpoint: &Endpoint) -> Diagnostic {
    match &endpoint.credential {
        Credential::Token => {
            Diagnostic::error(Code::KubeconfigInvalid, "the client could not be made with the token of the kubeconfig")
                .hint("write `token` without line breaks and other control characters")
        }
        Credential::Plugin(program) => Diagnostic::error(
            Code::CredentialUnavailable,
            format!("`{program}` gave a credential with which no client can be made"),
        )
        .hint(format!("`{program}` has to print the token without line breaks and other control characters")),
        _ => Diagnostic::error(Code::Internal, "the Kubernetes client could not be made"),
    }
}

/// The first request: shows that the connection, the certificates and, if the server requires one, the credential work.
async fn version(client: &Client, endpoint: &Endpoint) -> Result<Info, Diagnostic> {
    let asking = Operation::named("get", "", "version", None);
    match answered(client, &asking).await {
        Ok(Ok(version)) => Ok(version),
        // Another 403 than that of a Kubernetes API is a proxy's.
        Ok(Err(kube::Error::Api(status))) if status.code == 403 && status.metadata.is_some() => {
            Err(permission::path_denied(client, &status, "/version", endpoint).await)
        }
        Ok(Err(kube::Error::Api(status))) => Err(fault::of_status(&status, &asking, endpoint)),
        Ok(Err(error)) => Err(fault::of_transport(&error, endpoint)),
        Err(_) => Err(fault::unreachable_server(&format!("no answer within {} s", CONNECT_DEADLINE.as_secs()), endpoint)),
    }
}

/// The answer to the first request. A server that asks to wait is there, and is asked again, as kubectl does; nothing else is waited for.
async fn answered(client: &Client, asking: &Operation) -> Result<kube::Result<Info>, Elapsed> {
    let end = Instant::now() + CONNECT_DEADLINE;
    let mut attempt = 0;
    loop {
        let answer = timeout(CONNECT_DEADLINE, client.apiserver_version()).await?;
        let busy = answer.as_ref().err().filter(|error| busy::asked(error) > Duration::ZERO);
        let pause = busy.and_then(|error| retry::pause(error, asking, attempt)).filter(|pause| Instant::now() + *pause < end);
        let Some(pause) = pause else { return Ok(answer) };
        sleep(pause).await;
        attempt += 1;
    }
}

/// `named` is the file that the user named for this run.
fn of_kubeconfig(
    chosen: Chosen,
    named: Option<PathBuf>,
    environment: &ClusterEnvironment,
) -> Result<(Config, Endpoint), Diagnostic> {
    let Chosen { context, namespace, mut cluster, mut user } = chosen;
    let invalid = |what: String, hint: &str| Diagnostic::error(Code::KubeconfigInvalid, what).hint(hint.to_owned());
    let server = cluster.server.clone().filter(|server| !server.is_empty());
    let server = server.ok_or_else(|| {
        invalid(format!("the cluster of context `{context}` has no `server`"), "add its address to the kubeconfig")
    })?;
    // An empty value counts as absent, as in kubectl.
    cluster.certificate_authority_data = cluster.certificate_authority_data.filter(|data| !data.is_empty());
    cluster.certificate_authority = cluster.certificate_authority.filter(|path| !path.is_empty());
    user.token_file = user.token_file.filter(|path| !path.is_empty());
    let uri = address(&server, &cluster).ok_or_else(|| {
        invalid(format!("`server` of context `{context}` is not an address of a server"), "write it as `https://HOST:PORT`")
    })?;
    named_files::check(&context, &cluster, &user)?;
    let loaded = ExecAuthCluster::try_from(&cluster).map_err(|_| {
        invalid(
            format!("the CA of context `{context}` cannot be read"),
            "check `certificate-authority` or `certificate-authority-data` of the cluster",
        )
    })?;
    let mut config = Config::new(uri.clone());
    config.root_cert = loaded.certificate_authority_data.as_deref().map(|pem| certificates(pem, &context)).transpose()?;
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(loaded);
    }
    let proxy = proxy::proxy_for(&uri, cluster.proxy_url.as_deref(), environment);
    let proxy: Option<Uri> = proxy.map(|proxy| proxy.parse()).transpose().map_err(|_| {
        invalid(
            "the proxy's address is not valid".into(),
            "write `proxy-url` or `HTTPS_PROXY` as `http://HOST:PORT` or `socks5://HOST:PORT`",
        )
    })?;
    let endpoint = Endpoint {
        kubeconfig: named,
        context: Some(context),
        server: shown(&uri),
        proxy: proxy.as_ref().map(proxy::shown),
        credential: credential(&user),
    };
    config.default_namespace = namespace.unwrap_or_else(|| "default".to_owned());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.tls_server_name = cluster.tls_server_name.filter(|name| !name.is_empty());
    config.proxy_url = proxy;
    config.auth_info = user;
    Ok((config, endpoint))
}

/// The server's address. One without a scheme uses TLS if there is any setting about TLS, as in kubectl.
fn address(server: &str, cluster: &kube::config::Cluster) -> Option<Uri> {
    let says_tls = cluster.certificate_authority_data.is_some()
        || cluster.certificate_authority.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    let whole = match (server.contains("://"), says_tls) {
        (true, _) => server.to_owned(),
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    };
    let uri: Uri = whole.parse().ok()?;
    let authority = uri.authority()?;
    // A port that is too high is no port to `Uri`, which would then name that of the scheme.
    let port = authority.as_str().rsplit('@').next()?.strip_prefix(authority.host())?;
    let is_whole = !authority.host().is_empty() && (matches!(port, "" | ":") || authority.port_u16().is_some());
    (is_whole && matches!(uri.scheme_str(), Some("http" | "https"))).then_some(uri)
}

/// In a pod: the service account's token and the cluster's own CA.
fn of_pod() -> Result<(Config, Endpoint), Diagnostic> {
    let config = Config::incluster().map_err(|error| {
        Diagnostic::error(Code::KubeconfigInvalid, format!("this pod has no service account to use: {error}"))
            .hint("set `automountServiceAccountToken: true` for the pod, or name a `--kubeconfig`")
    })?;
    let endpoint = Endpoint {
        kubeconfig: None,
        context: None,
        server: shown(&config.cluster_url),
        proxy: None,
        credential: credential(&config.auth_info),
    };
    Ok((config, endpoint))
}

fn certificates(pem: &[u8], context: &str) -> Result<Vec<Vec<u8>>, Diagnostic> {
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|certificate| certificate.map(|der| der.to_vec())).collect();
    read.ok().filter(|certificates| !certificates.is_empty()).ok_or_else(|| {
        Diagnostic::error(Code::KubeconfigInvalid, format!("the CA of context `{context}` holds no certificate"))
            .hint("`certificate-authority` is a PEM file, `certificate-authority-data` the base64 of one")
    })
}

fn shown(uri: &Uri) -> String {
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or("https"), uri.host().unwrap_or_default())
}

/// The credential that the client will use: the first one in kube's order.
fn credential(user: &AuthInfo) -> Credential {
    let has = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    if let Some(provider) = &user.auth_provider {
        Credential::Provider(provider.name.clone())
    } else if has(&user.username) && user.password.is_some() {
        Credential::Password
    } else if user.token.is_some() {
        Credential::Token
    } else if has(&user.token_file) {
        Credential::TokenFile
    } else if let Some(exec) = &user.exec {
        Credential::Plugin(exec.command.clone().unwrap_or_default())
    } else if has(&user.client_certificate) || has(&user.client_certificate_data) {
        Credential::Certificate
    } else {
        Credential::Nothing
    }
}
