//! Compares an existing object with the wanted one.

use std::collections::BTreeMap;

use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::{KIT_OWNER, carries};

use super::manifests::{KitObject, STAGED};
use crate::claim::whose;

/// What to do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// It exists as wanted.
    Nothing,
    /// It is missing or lacks a label.
    Apply,
}

/// Compares the object that was found with the wanted one.
///
/// # Errors
/// `OBJECT_NOT_OURS` for another participant's object; `OBJECT_CONFLICT` for one with other data or one that is being deleted.
pub(crate) fn judge<K: KitObject>(found: Option<&K>, wanted: &K) -> Result<Task, Diagnostic> {
    let Some(found) = found else { return Ok(Task::Apply) };
    let name = wanted.metadata().name.clone().unwrap_or_default();
    let what = format!("the {} `{name}`", K::KIND);
    let remove = format!("`kubectl delete {} {name}` removes it, after a look at who made it", K::KIND.to_lowercase());
    if !is_staged(found) {
        return Err(Diagnostic::error(Code::ObjectConflict, format!("{what} is there, and no staging made it")).hint(remove));
    }
    if annotation(found, KIT_OWNER) != annotation(wanted, KIT_OWNER) {
        return Err(not_ours(&what, annotation(found, KIT_OWNER)));
    }
    if found.metadata().deletion_timestamp.is_some() {
        return Err(Diagnostic::error(Code::ObjectConflict, format!("{what} is being deleted"))
            .hint("run the same command again once it is gone"));
    }
    if found.content() != wanted.content() {
        return Err(holds_other(&what).hint(remove));
    }
    let has_all = |of: fn(&K) -> Option<&BTreeMap<String, String>>| {
        let found = of(found);
        of(wanted).into_iter().flatten().all(|(key, value)| found.is_some_and(|found| found.get(key) == Some(value)))
    };
    let same = found.is_immutable()
        && has_all(|object| object.metadata().labels.as_ref())
        && has_all(|object| object.metadata().annotations.as_ref());
    Ok(if same { Task::Nothing } else { Task::Apply })
}

/// Whether `stage` created it.
pub(crate) fn is_staged(object: &impl KitObject) -> bool {
    carries(object.metadata().labels.as_ref(), &STAGED)
}

pub(crate) fn annotation<'object>(object: &'object impl KitObject, key: &str) -> Option<&'object str> {
    object.metadata().annotations.as_ref()?.get(key).map(String::as_str)
}

pub(crate) fn label<'object>(object: &'object impl KitObject, key: &str) -> Option<&'object str> {
    object.metadata().labels.as_ref()?.get(key).map(String::as_str)
}

/// The fault of an object whose data are not those that were sent.
pub(crate) fn holds_other(what: &str) -> Diagnostic {
    Diagnostic::error(Code::ObjectConflict, format!("{what} holds something else than the kit"))
}

/// The fault of an object that belongs to somebody else, whom its annotation names.
pub(crate) fn not_ours(what: &str, owner: Option<&str>) -> Diagnostic {
    let whose = owner.map_or_else(|| "another participant".to_owned(), whose);
    Diagnostic::error(Code::ObjectNotOurs, format!("{what} belongs to {whose}"))
        .hint("give each participant a namespace or a name of its own, or unstage the other one first")
}

#[cfg(test)]
mod tests {
    use flare_cluster::k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    use super::*;

    fn owner(project: &str) -> String {
        json!({"participant": "server1", "role": "server", "project": project}).to_string()
    }

    fn object(project: &str) -> Value {
        let [(managed_by, flare_kube), (component, staged_kit)] = STAGED;
        json!({"metadata": {"name": "c", "labels": {managed_by: flare_kube, component: staged_kit, "v": "1"},
                "annotations": {KIT_OWNER: owner(project)}},
            "immutable": true, "binaryData": {"a": "AAE="}})
    }

    fn judged(found: &Value) -> Result<Task, Diagnostic> {
        let parse = |value: &Value| serde_json::from_value::<ConfigMap>(value.clone()).expect("a ConfigMap");
        judge(Some(&parse(found)), &parse(&object("p")))
    }

    #[test]
    fn only_what_is_missing_or_lost_a_mark_is_sent() {
        let same = object("p");
        assert_eq!(judged(&same), Ok(Task::Nothing));
        let mut more = same.clone();
        more["metadata"]["labels"]["team"] = json!("a");
        assert_eq!(judged(&more), Ok(Task::Nothing), "others may label it");
        let mut without = same.clone();
        without["metadata"]["labels"]["v"] = json!("2");
        assert_eq!(judged(&without), Ok(Task::Apply));
        let mut open = same;
        open["immutable"] = json!(false);
        assert_eq!(judged(&open), Ok(Task::Apply));
    }

    #[test]
    fn what_is_not_ours_or_not_the_kit_is_refused() {
        let fault = judged(&object("q")).expect_err("another project's server1");
        assert_eq!(fault.code, Code::ObjectNotOurs);
        assert!(fault.message.contains("the server `server1` of project `q`"), "{}", fault.message);
        let mut stranger = object("p");
        stranger["metadata"]["labels"] = json!({"app": "x"});
        let mut deleted = object("p");
        deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let (mut other, mut more) = (object("p"), object("p"));
        other["binaryData"]["a"] = json!("AAA=");
        more["data"] = json!({"b": "text"});
        for refused in [stranger, deleted, other, more] {
            let fault = judged(&refused).expect_err("refused");
            assert_eq!(fault.code, Code::ObjectConflict, "{refused}");
            assert!(fault.hint.is_some());
        }
    }
}
