//! Whether a kubeconfig names a participant's cluster, as far as the file itself shows.

use flare_diagnostic::{Code, Diagnostic, Faults, Place, did_you_mean};
use flare_yaml::{Node, NodeContent, shown as printable};

use crate::model::Participant;

const NAME_A_KUBECONFIG: &str = "name a kubeconfig, such as `kubectl config view --raw --flatten` prints";

/// Checks the kubeconfig of a participant: it is valid, it has the participant's context (otherwise a current one), and that
/// context names a cluster of the file. `file` is its name in faults.
///
/// Fails with `INVALID_FEDERATION`. No message quotes the file, which contains credentials, except names of contexts and clusters.
pub fn check_kubeconfig(participant: &Participant, bytes: &[u8], file: &str) -> Result<(), Faults> {
    let whole = |message: String| Diagnostic::error(Code::InvalidFederation, message).hint(NAME_A_KUBECONFIG);
    let document = flare_yaml::parse(bytes, file, Code::InvalidFederation).map_err(|faults| {
        let place = faults.first().place.clone().unwrap_or_else(|| Place::file(file));
        whole(format!("`{}` is not a kubeconfig: it is not YAML that can be read", printable(file))).at(place)
    })?;
    let root = &document.root;
    let (Some(contexts), Some(clusters)) = (named(root, "contexts"), named(root, "clusters")) else {
        let message = format!("`{}` is not a kubeconfig: it has no lists `contexts` and `clusters`", printable(file));
        return Err(whole(message).at(Place::file(file)).into());
    };
    let known: Vec<&str> = contexts.iter().map(|(name, _)| *name).collect();
    let (asked, at) = match (&participant.context, &participant.places.context, text(root, "current-context")) {
        (Some(context), Some(at), _) => (context.as_str(), at.clone()),
        (_, _, Some(current)) => (current, Place::file(file)),
        _ => {
            let message = format!("`{}` has no current context", printable(file));
            let hint = format!("write `context` beside `kubeconfig`: {}", did_you_mean("", known.iter().copied()));
            return Err(Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(Place::file(file)).into());
        }
    };
    let Some((_, entry)) = contexts.iter().find(|(name, _)| *name == asked) else {
        let message = format!("the kubeconfig `{}` has no context `{}`", printable(file), printable(asked));
        let hint = if known.is_empty() { NAME_A_KUBECONFIG.to_owned() } else { did_you_mean(asked, known.iter().copied()) };
        return Err(Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(at).into());
    };
    let cluster = entry.get("context").and_then(|context| text(context, "cluster")).unwrap_or_default();
    if !clusters.iter().any(|(name, _)| *name == cluster) {
        let message =
            format!("the context `{}` of the kubeconfig `{}` names no cluster of it", printable(asked), printable(file));
        return Err(whole(message).at(at).into());
    }
    Ok(())
}

/// The entries of a list of `{name: …}`; `None` if there is no such list.
fn named<'node>(root: &'node Node, key: &str) -> Option<Vec<(&'node str, &'node Node)>> {
    match &root.get(key)?.content {
        NodeContent::Sequence(items) => Some(items.iter().filter_map(|item| Some((text(item, "name")?, item))).collect()),
        _ => None,
    }
}

fn text<'node>(node: &'node Node, key: &str) -> Option<&'node str> {
    match &node.get(key)?.content {
        NodeContent::Scalar(scalar) if !scalar.text.is_empty() => Some(&scalar.text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Federation;

    const GOOD: &str = "
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: gone, user: u}}]
users: [{name: u, user: {token: s3cr3t-token}}]
";

    fn said(context: Option<&str>, text: &str) -> Option<String> {
        let context = context.map(|context| format!(", context: {context}")).unwrap_or_default();
        let file = format!("participants: [{{name: a, kit: b, kubeconfig: k{context}}}]");
        let participant = Federation::parse(file.as_bytes(), "f").unwrap().value.participants.remove(0);
        check_kubeconfig(&participant, text.as_bytes(), "k").err().map(|faults| {
            let fault = faults.first();
            assert!(fault.hint.is_some() && fault.place.is_some() && faults.all().len() == 1);
            assert!(!format!("{faults:?}").contains("s3cr3t"), "{faults:?}");
            fault.message.clone()
        })
    }

    #[test]
    fn a_kubeconfig_holds_the_context_and_its_cluster() {
        assert_eq!(said(None, GOOD), None);
        assert_eq!(said(Some("one"), GOOD), None);
        assert_eq!(said(Some("three"), GOOD).unwrap(), "the kubeconfig `k` has no context `three`");
        assert_eq!(said(Some("two"), GOOD).unwrap(), "the context `two` of the kubeconfig `k` names no cluster of it");
        let without = GOOD.replace("current-context: one\n", "");
        assert_eq!(said(None, &without).unwrap(), "`k` has no current context");
        assert_eq!(said(Some("one"), &without), None);
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_without_quoting_it() {
        for text in
            ["", "s3cr3t", "[s3cr3t]", "token: s3cr3t", "contexts: s3cr3t", "{s3cr3t", "-----BEGIN s3cr3t-----\na: b: c\n"]
        {
            assert!(said(Some("one"), text).unwrap().starts_with("`k` is not a kubeconfig: "), "{text}");
        }
    }
}
