//! Tests of the findings from answers of the program in the parent's pod.

use flare_diagnostic::Code;
use serde_json::{Value, json};

use super::{
    judgement::{broken, findings},
    probe::{Answer, Link},
};
use crate::{Finding, Severity};

#[path = "../../../flare-site-plan/tests/support/plan.rs"]
mod example;

use flare_names::{Role, Target};

#[test]
fn a_credential_that_is_refused_meanwhile_keeps_from_every_answer_and_a_missing_right_does_not() {
    for code in [Code::ClusterUnreachable, Code::CredentialRefused, Code::ClusterAnswerInvalid, Code::ClusterNotTrusted] {
        assert!(super::keeps_from_every_answer(code), "{code:?}");
    }
    for code in [Code::PermissionDenied, Code::ObjectNotFound, Code::ObjectConflict] {
        assert!(!super::keeps_from_every_answer(code), "{code:?}");
    }
}

/// An answer without faults, as Python 3.13 in the image of 2.8.3 gave it on a local cluster.
fn fine() -> Value {
    let link = json!({"resolved": {"value": ["10.96.0.7"]}, "connected": {"value": true},
        "tls": {"value": {"names": ["nvflare-server"], "closed": false}}});
    json!({
        "python": [3, 13, 5], "openssl": "OpenSSL 3.5.9 29 Sep 2026",
        "packages": {"nvflare": {"value": "2.8.3"}, "kubernetes": {"value": "37.0.2"}, "urllib3": {"value": "2.8.0"}},
        "kubernetes": {"value": "37.0.2"},
        "kit": {"missing": [], "changed": [], "unreadable": []},
        "api": {"value": {"strict": {"value": 201}, "status": 201, "refused": []}},
        "links": {"server": link},
    })
}

fn link() -> Link {
    Link {
        id: "server",
        host: "fl.example.org".into(),
        port: 8002,
        name: "fl.example.org".into(),
        tls: true,
        root: "rootCA.pem".into(),
        certificate: None,
        key: None,
    }
}

fn read(answer: &Value) -> Answer {
    serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn judged(answer: &Value) -> Vec<Finding> {
    findings(&example::plan(Role::Client, Target::V2_8), &read(answer), &[link()])
}

/// The faults and warnings if the answer has another value at this JSON pointer.
fn with(place: &str, value: Value) -> Vec<Finding> {
    let mut answer = fine();
    *answer.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
    judged(&answer).into_iter().filter(|finding| finding.severity != Severity::Ok).collect()
}

/// The only finding, which is a fault or a warning and has a hint.
fn one(place: &str, value: Value) -> (&'static str, Severity, String) {
    let found = with(place, value);
    let [finding] = found.as_slice() else { panic!("not one finding: {found:#?}") };
    assert!(finding.hint.is_some(), "{finding:?}");
    (finding.id, finding.severity, finding.message.clone())
}

fn fault(kind: &str, code: Option<i64>, said: &str) -> Value {
    json!({"fault": {"kind": kind, "code": code, "said": said}})
}

#[test]
fn an_answer_without_a_fault_is_ok_by_each_check() {
    let found: Vec<_> = judged(&fine()).iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(found, ["D35", "D46", "D13", "D45", "D71", "D72"].map(|id| (id, Severity::Ok)));
}

#[test]
fn the_versions_of_python_and_its_packages_are_told_whether_all_is_well_or_not() {
    let versions = ["Python 3.13.5, OpenSSL 3.5.9 29 Sep 2026", "kubernetes 37.0.2", "nvflare 2.8.3", "urllib3 2.8.0"];
    let of_packages = |found: Vec<Finding>| found.into_iter().find(|finding| finding.id == "D46").expect("D46").evidence;
    assert_eq!(of_packages(judged(&fine())), versions);
    let missing = fault("import", None, "No module named 'kubernetes'");
    let evidence = of_packages(with("/kubernetes", missing));
    assert_eq!((evidence[0].as_str(), &evidence[1..]), ("No module named 'kubernetes'", &versions.map(str::to_owned)[..]));
}

#[test]
fn a_connection_that_was_not_tested_is_not_ok() {
    let found = findings(&example::plan(Role::Client, Target::V2_8), &read(&fine()), &[]);
    let links: Vec<_> =
        found.iter().filter(|finding| finding.id >= "D71").map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(links, ["D71", "D72"].map(|id| (id, Severity::Unknown)));
}

#[test]
fn a_kit_that_is_not_the_prepared_one_is_named_by_its_files() {
    let (id, severity, message) = one("/kit/missing", json!(["startup/client.crt"]));
    assert!(id == "D35" && severity == Severity::Error && message.contains("missing"), "{message}");
    assert_eq!(with("/kit", json!({"missing": ["a"], "changed": ["b"], "unreadable": ["c"]})).len(), 3);
}

#[test]
fn packages_are_judged_by_import_and_release() {
    assert_eq!(one("/kubernetes", fault("import", None, "No module named 'kubernetes'")).0, "D46");
    assert_eq!(one("/kubernetes", json!({"value": "36.0.0"})).1, Severity::Warning);
    assert_eq!(one("/packages/nvflare", json!({"value": "2.9.0"})).1, Severity::Warning);
    assert_eq!(with("/packages/nvflare", fault("other", None, "no metadata")), []);
}

#[test]
fn the_account_is_judged_by_token_answer_and_verbs() {
    for (value, words) in [
        (fault("missing", None, "No such file or directory"), "has no token"),
        (fault("denied", None, "Permission denied"), "may not read"),
        (fault("timeout", None, "timed out"), "does not reach"),
        (json!({"value": {"strict": {"value": 401}, "status": 401, "refused": []}}), "does not accept"),
    ] {
        let found = with("/api", value);
        let account = found.iter().find(|finding| finding.id == "D13").expect("a finding");
        assert!(account.severity == Severity::Error && account.message.contains(words), "{account:?}");
    }
    let refused =
        json!([{"group": "", "resource": "events", "verb": "list"}, {"group": "", "resource": "secrets", "verb": "patch"}]);
    let (id, _, message) = one("/api/value/refused", refused);
    assert!(id == "D13" && message.ends_with("list events, patch secrets"), "{message}");
    assert_eq!(one("/api/value/status", json!(403)).1, Severity::Unknown);
}

#[test]
fn the_strict_rules_are_an_error_where_the_python_has_them() {
    let refused = fault("certificate", Some(79), "CA cert does not include key usage extension");
    assert_eq!(one("/api/value/strict", refused.clone()).1, Severity::Error);
    let mut older = fine();
    older["api"]["value"]["strict"] = refused.clone();
    for (place, value) in [("python", json!([3, 12, 1])), ("packages", json!({"urllib3": {"value": "2.3.0"}}))] {
        let mut older = older.clone();
        older[place] = value;
        let found = judged(&older);
        assert!(found.iter().any(|finding| finding.id == "D45" && finding.severity == Severity::Warning), "{found:#?}");
    }
    let found = with("/api", refused);
    let severities: Vec<_> = found.iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(severities, [("D13", Severity::Unknown), ("D45", Severity::Error)]);
}

#[test]
fn each_step_of_a_connection_has_its_own_cause() {
    let link = "/links/server";
    let unresolved = json!({"resolved": fault("name", None, "Name or service not known")});
    let found = with(link, unresolved);
    let ids: Vec<_> = found.iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(ids, [("D71", Severity::Error), ("D72", Severity::Unknown)]);
    for (kind, words) in [("refused", "nothing listens"), ("timeout", "nobody answers"), ("other", "the network refuses it")] {
        let (id, _, message) = one(link, json!({"resolved": {"value": []}, "connected": fault(kind, None, "x")}));
        assert!(id == "D72" && message.contains(words), "{message}");
    }
}

#[test]
fn each_fault_of_tls_has_its_own_cause() {
    for (kind, code, said, words) in [
        ("certificate", Some(62), "Hostname mismatch", "not made out to `fl.example.org`"),
        ("certificate", Some(64), "IP address mismatch", "not made out to"),
        ("certificate", Some(10), "certificate has expired", "has expired"),
        ("certificate", Some(9), "certificate is not yet valid", "is not valid yet"),
        ("certificate", Some(19), "self-signed certificate in certificate chain", "not one of this project's"),
        ("certificate", Some(20), "unable to get local issuer certificate", "not one of this project's"),
        ("tls", None, "WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("tls", None, "KEY_VALUES_MISMATCH", "key does not fit its certificate"),
        ("tls", None, "TLSV1_ALERT_UNKNOWN_CA", "refuses this participant's certificate"),
        ("tls", None, "SSLV3_ALERT_CERTIFICATE_EXPIRED", "refuses this participant's certificate, which has expired"),
        ("tls", None, "TLSV13_ALERT_CERTIFICATE_REQUIRED", "refuses this participant's certificate"),
        ("closed", None, "Connection reset by peer", "the TLS handshake fails"),
    ] {
        let (id, severity, message) = one("/links/server/tls", fault(kind, code, said));
        assert!(id == "D72" && severity == Severity::Error && message.contains(words), "{message}");
    }
    let closed = json!({"value": {"names": ["a"], "closed": true}});
    assert!(one("/links/server/tls", closed).2.contains("right after the TLS handshake"));
    let mut other_name = fine();
    other_name["links"]["server"]["tls"] = fault("certificate", Some(62), "Hostname mismatch");
    other_name["links"]["server"]["without_name"] = json!({"value": {"names": ["server1"], "closed": false}});
    let found = judged(&other_name);
    assert!(found.iter().any(|finding| finding.evidence == ["it is made out to server1"]), "{found:#?}");
}

#[test]
fn a_broken_link_is_named_and_only_what_a_kit_must_be_changed_for_is_not_waited_for() {
    let found = |place: &str, value: Value| {
        let mut answer = fine();
        *answer.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
        broken(&read(&answer), &[link()]).map(|broken| (broken.finding.id, broken.heals))
    };
    assert_eq!(broken(&read(&fine()), &[link()]), None);
    let tls = "/links/server/tls";
    for (kind, code, said) in [
        ("certificate", Some(62), "Hostname mismatch"),
        ("certificate", Some(10), "certificate has expired"),
        ("certificate", Some(20), "unable to get local issuer certificate"),
        ("tls", None, "KEY_VALUES_MISMATCH"),
        ("tls", None, "TLSV1_ALERT_UNKNOWN_CA"),
    ] {
        assert_eq!(found(tls, fault(kind, code, said)), Some(("D72", false)), "{said}");
    }
    for (place, value) in [
        (tls, fault("certificate", Some(9), "certificate is not yet valid")),
        (tls, fault("tls", None, "WRONG_VERSION_NUMBER")),
        (tls, fault("closed", None, "Connection reset by peer")),
        ("/links/server/connected", fault("refused", None, "Connection refused")),
        (tls, json!({"value": {"names": ["fl.example.org"], "closed": true}})),
    ] {
        assert_eq!(found(place, value.clone()), Some(("D72", true)), "{value}");
    }
    let unknown = fault("name", None, "Temporary failure in name resolution");
    assert_eq!(found("/links/server/resolved", unknown), Some(("D71", true)));
}
