//! The files with certificates and keys that a kubeconfig names: one that cannot be read is named, which kube does not do. A token file
//! is read where it is used.

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic};
use kube::config::{AuthInfo, Cluster};

/// Checks that the files of a context are there. What is also given as data is not read from its file.
///
/// # Errors
/// `KUBECONFIG_INVALID`, with the file as its place.
pub(crate) fn check(context: &str, cluster: &Cluster, user: &AuthInfo) -> Result<(), Diagnostic> {
    let named = [
        ("certificate-authority", &cluster.certificate_authority, cluster.certificate_authority_data.is_some()),
        ("client-certificate", &user.client_certificate, user.client_certificate_data.is_some()),
        ("client-key", &user.client_key, user.client_key_data.is_some()),
    ];
    for (key, file, has_data) in named {
        let Some(file) = file.as_deref().filter(|file| !file.is_empty() && !has_data) else { continue };
        let why = match Path::new(file).try_exists() {
            Ok(true) => continue,
            Ok(false) => "there is no such file".to_owned(),
            Err(error) => error.kind().to_string(),
        };
        let message = format!("the file that context `{context}` names as `{key}` cannot be read: {why}");
        let hint = "correct the path in the kubeconfig, where a relative one begins at its directory, or put the file there";
        return Err(Diagnostic::error(Code::KubeconfigInvalid, message).hint(hint).at(Path::new(file)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_is_named_with_its_key_unless_there_is_data() {
        let missing = || Some("/nowhere/it".to_owned());
        let said = |cluster: &Cluster, user: &AuthInfo| check("c", cluster, user).map_err(|fault| fault.message);
        let text = |key: &str| Err(format!("the file that context `c` names as `{key}` cannot be read: there is no such file"));
        let (cluster, user) = (Cluster::default(), AuthInfo::default());
        assert_eq!(said(&cluster, &user), Ok(()));
        let with_ca = Cluster { certificate_authority: missing(), ..Cluster::default() };
        assert_eq!(said(&with_ca, &user), text("certificate-authority"));
        let with_data = Cluster { certificate_authority_data: Some("eA==".to_owned()), ..with_ca };
        assert_eq!(said(&with_data, &user), Ok(()));
        assert_eq!(said(&cluster, &AuthInfo { client_key: missing(), ..AuthInfo::default() }), text("client-key"));
        let fault = check("c", &cluster, &AuthInfo { client_certificate: missing(), ..AuthInfo::default() }).unwrap_err();
        assert_eq!(fault.place.map(|place| place.to_string()).as_deref(), Some("/nowhere/it"));
    }
}
