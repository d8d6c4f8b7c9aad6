//! Which cluster is used, and as which user, in a form that may be shown: without token, key or password of a proxy.

use std::path::PathBuf;

/// The kind of credential that the kubeconfig has for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// No credential.
    Nothing,
    /// A bearer token in the kubeconfig.
    Token,
    /// A bearer token in a file, such as a service account's.
    TokenFile,
    /// A client certificate.
    Certificate,
    /// User name and password.
    Password,
    /// A program that prints the credential. Only its name; its arguments may be secret.
    Plugin(String),
    /// A legacy authentication provider, by its name.
    Provider(String),
}

/// The cluster, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The kubeconfig that the user named for this run; another program finds every other one by itself.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; `None` inside a cluster.
    pub(crate) context: Option<String>,
    /// Scheme, host and port of the API server.
    pub(crate) server: String,
    /// Host and port of the proxy.
    pub(crate) proxy: Option<String>,
    /// How the user authenticates.
    pub(crate) credential: Credential,
}

impl Endpoint {
    /// The API server, as messages name it.
    pub(crate) fn server_text(&self) -> String {
        let context = self.context.as_ref().map(|context| format!(" of context `{context}`")).unwrap_or_default();
        let proxy = self.proxy.as_ref().map(|proxy| format!(" (by the proxy {proxy})")).unwrap_or_default();
        format!("the API server{context} at `{}`{proxy}", self.server)
    }

    /// ` --kubeconfig FILE --context NAME` for a suggested command, as a shell reads it.
    pub(crate) fn kubectl_flags(&self) -> String {
        let kubeconfig = self.kubeconfig.as_ref().map(|file| ("kubeconfig", file.to_string_lossy()));
        let context = self.context.as_ref().map(|context| ("context", context.into()));
        let flag = |(name, value): (&str, std::borrow::Cow<'_, str>)| {
            let quoted = shlex::try_quote(&value).map_or_else(|_| value.to_string(), std::borrow::Cow::into_owned);
            format!(" --{name} {quoted}")
        };
        kubeconfig.into_iter().chain(context).map(flag).collect()
    }

    /// The hint for a credential that is not accepted.
    pub(crate) fn renewal(&self) -> String {
        match &self.credential {
            Credential::Nothing => {
                "the context's user has no credential: log in to the cluster again, or choose another `--context`".into()
            }
            Credential::Token => {
                "the token in the kubeconfig is wrong or expired: get a new one where the kubeconfig came from".into()
            }
            Credential::TokenFile => {
                "the token in the user's token file is wrong or expired: check that something renews the file".into()
            }
            Credential::Certificate => {
                "the client certificate of the kubeconfig has expired or is another cluster's: get a new kubeconfig".into()
            }
            Credential::Password => "check user name and password in the kubeconfig".into(),
            Credential::Plugin(program) => format!("log in again with `{program}`, which gives the credential"),
            Credential::Provider(name) => format!("log in again with what serves the provider `{name}` of the kubeconfig"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, Endpoint};

    #[test]
    fn a_suggested_command_asks_the_same_server() {
        let endpoint = |kubeconfig: Option<&str>, context: Option<&str>| Endpoint {
            kubeconfig: kubeconfig.map(Into::into),
            context: context.map(str::to_owned),
            server: "https://127.0.0.1:6443".to_owned(),
            proxy: None,
            credential: Credential::Nothing,
        };
        assert_eq!(endpoint(None, None).kubectl_flags(), "");
        assert_eq!(endpoint(None, Some("site-1")).kubectl_flags(), " --context site-1");
        assert_eq!(
            endpoint(Some("my files/config"), Some("site-1")).kubectl_flags(),
            " --kubeconfig 'my files/config' --context site-1"
        );
    }
}
