//! Charts, values and messages with real Helm, and the arguments for Helm with a program that records them.

use std::{fs, path::Path};

use flare_diagnostic::Code;
use flare_helm::{Setting, Upgrade, Values, Wait};
use tempfile::TempDir;

use crate::support::{ample, find, place, program, real};

fn chart(directory: &Path) {
    fs::create_dir_all(directory.join("templates")).unwrap();
    fs::write(directory.join("Chart.yaml"), "apiVersion: v2\nname: c\nversion: 0.1.0\n").unwrap();
    fs::write(directory.join("values.yaml"), "a: chart\nb: chart\nc: chart\n").unwrap();
    let template = "kind: ConfigMap\ndata: {a: {{ .Values.a | quote }}, b: {{ .Values.b | quote }}, c: {{ .Values.c | quote }}}\n\
        {{ if eq (toString .Values.a) \"hunter2\" }}{{ fail (print \"a is \" .Values.a) }}{{ end }}";
    fs::write(directory.join("templates/a.yaml"), template).unwrap();
}

#[test]
fn files_and_settings_reach_helm_in_their_order_and_type() {
    let directory = TempDir::new().unwrap();
    chart(directory.path());
    let file = directory.path().join("mine.yaml");
    fs::write(&file, "a: file\nb: file\n").unwrap();
    let settings = vec![Setting::Guessed("b=1".into()), Setting::Text("c=1e3".into())];
    let values = Values { files: vec![file], settings, hidden: Vec::new() };
    for helm in real() {
        let place = place();
        let rendered = helm.release(&place, ample()).template(directory.path(), &values).unwrap();
        assert!(rendered.contains(r#"data: {a: "file", b: "1", c: "1e3"}"#), "{}: {rendered}", helm.version());
    }
}

#[test]
fn a_chart_that_refuses_its_values_is_told_in_helms_words_without_hidden_ones() {
    let directory = TempDir::new().unwrap();
    chart(directory.path());
    let values =
        Values { settings: vec![Setting::Guessed("a=hunter2".into())], hidden: vec!["hunter2".into()], ..Values::default() };
    for helm in real() {
        let place = place();
        let fault = helm.release(&place, ample()).template(directory.path(), &values).unwrap_err();
        assert_eq!(fault.code, Code::HelmFailed);
        assert!(fault.message.contains("a is (hidden)") && !fault.message.contains("hunter2"), "{}", fault.message);
    }
}

#[test]
fn a_cluster_that_is_not_there_is_a_failure_of_both_helms_and_no_empty_history() {
    for helm in real() {
        let place = place();
        let fault = helm.release(&place, ample()).history().unwrap_err();
        assert_eq!(fault.code, Code::HelmFailed, "{}", fault.message);
        assert!(fault.hint.is_some());
    }
}

/// Records its arguments, and environment variables that would redirect it.
const WRITES_DOWN: &str = r#"echo "$@" "<${HELM_NAMESPACE-}${HELM_KUBECONTEXT-}${HELM_KUBETOKEN-}>" >> "$(dirname "$0")/said"
case "$1" in
list) echo '[{"name":"site-1"},{"name":"site-10"}]' ;;
history) echo '[{"revision":10,"status":"deployed"},{"revision":9,"status":"superseded"}]' ;;
upgrade) echo '{"version":3,"info":{"status":"deployed"},"config":{"password":"hunter2"},"manifest":"kind: Secret"}' ;;
*) echo '{}' ;;
esac"#;

#[test]
fn both_dialects_name_cluster_and_namespace_and_wait_in_their_own_words() {
    for (version, back, atomic) in
        [("v3.14.0", "", "--atomic"), ("v4.0.0", " --server-side=true --force-conflicts", "--rollback-on-failure --wait=watcher")]
    {
        let directory = TempDir::new().unwrap();
        let helm = find(&program(directory.path(), version, WRITES_DOWN));
        let place = place();
        let release = helm.release(&place, ample());
        let upgraded = release.upgrade(Path::new("/chart"), &Values::default(), Upgrade { wait: Wait::ReadyOrRollBack }).unwrap();
        assert_eq!(upgraded.revision, 3);
        assert!(!format!("{upgraded:?}").contains("Secret"));
        assert_eq!(release.history().unwrap().iter().map(|one| one.revision).collect::<Vec<_>>(), [9, 10]);
        release.rollback(2).unwrap();
        assert!(release.uninstall().unwrap());
        let said = fs::read_to_string(directory.path().join("said")).unwrap();
        let where_to = "--namespace fl --kubeconfig /dev/null/kubeconfig --kube-context ctx <>";
        let expected = [
            format!("upgrade --install site-1 /chart --output json --reset-values{back} {atomic} --timeout=58s {where_to}"),
            format!("history site-1 --output json --max 256 {where_to}"),
            format!("rollback site-1 2 --timeout=58s{back} {where_to}"),
            format!("history site-1 --output json --max 256 {where_to}"),
            format!("uninstall site-1 --timeout=58s {where_to}"),
        ];
        assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_release_that_is_not_there_has_no_history_and_nothing_to_remove() {
    // A name that the filter alone would not exclude.
    let script = r#"echo "$@" >> "$(dirname "$0")/said"; [ "$1" = list ] && echo '[{"name":"site-10"}]'"#;
    for (version, all) in [("v3.14.0", " --all"), ("v4.0.0", "")] {
        let directory = TempDir::new().unwrap();
        let helm = find(&program(directory.path(), version, script));
        let place = place();
        let release = helm.release(&place, ample());
        assert!(release.history().unwrap().is_empty());
        let said = fs::read_to_string(directory.path().join("said")).unwrap();
        let list = format!("list --output json --filter ^site-1${all} --namespace fl ");
        assert!(said.lines().nth(1).is_some_and(|line| line.starts_with(&list)), "{said}");
        assert!(!release.uninstall().unwrap());
    }
}

#[test]
fn a_history_that_helm_cannot_read_is_no_missing_release() {
    let directory = TempDir::new().unwrap();
    let script = r#"[ "$1" = list ] && echo '[{"name":"site-1"}]' && exit 0; echo 'Error: forbidden' >&2; exit 1"#;
    let helm = find(&program(directory.path(), "v3.14.0", script));
    let place = place();
    let fault = helm.release(&place, ample()).history().unwrap_err();
    assert_eq!((fault.code, fault.message.contains("forbidden")), (Code::HelmFailed, true), "{}", fault.message);
}

#[test]
fn output_that_is_none_of_helms_is_a_fault_and_is_not_quoted() {
    let directory = TempDir::new().unwrap();
    let helm = find(&program(directory.path(), "v4.0.0", "echo hunter2"));
    let place = place();
    let release = helm.release(&place, ample());
    let upgrade = release.upgrade(Path::new("/chart"), &Values::default(), Upgrade::default()).unwrap_err();
    for fault in [upgrade, release.history().unwrap_err()] {
        assert_eq!(fault.code, Code::HelmFailed);
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    }
}
