//! The name, namespace and cluster that identify a release.

use std::path::PathBuf;

/// Identifies a release in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseId {
    /// Its name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The kubeconfig file; `None`: Helm's default, the same as kubectl's.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; `None`: the current one.
    pub context: Option<String>,
}

impl ReleaseId {
    /// A command of Helm for people, such as `rollback site-1 1`, with the flags that name namespace and cluster: without them it would work on
    /// the current one, which in a federation may be another participant's.
    pub fn command(&self, words: &str) -> String {
        let mut command = format!("helm {words} --namespace {}", for_shell(&self.namespace));
        if let Some(kubeconfig) = &self.kubeconfig {
            command.push_str(&format!(" --kubeconfig {}", for_shell(&kubeconfig.to_string_lossy())));
        }
        if let Some(context) = &self.context {
            command.push_str(&format!(" --kube-context {}", for_shell(context)));
        }
        command
    }
}

/// A word as a shell takes it, quoted only where that is needed.
fn for_shell(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_for_people_names_the_cluster_of_the_release() {
        let mut place = ReleaseId { release: "site-1".into(), namespace: "fl".into(), kubeconfig: None, context: None };
        assert_eq!(place.command("uninstall site-1"), "helm uninstall site-1 --namespace fl");
        place.kubeconfig = Some("/home/anna's/kube config".into());
        place.context = Some("arn:aws:eks:eu-west-1:1:cluster/b".to_owned());
        let expected = r"helm uninstall site-1 --namespace fl --kubeconfig '/home/anna'\''s/kube config' --kube-context arn:aws:eks:eu-west-1:1:cluster/b";
        assert_eq!(place.command("uninstall site-1"), expected);
    }
}
