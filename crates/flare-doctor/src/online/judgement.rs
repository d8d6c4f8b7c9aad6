//! Findings from the answer of the program in the parent's pod.

use flare_site_plan::SitePlan;

use super::{
    broken_link::BrokenLink,
    packages,
    probe::{Answer, Api, Differences, Fault, Handshake, Kind, Link, LinkAnswer, Right, Tried},
};
use crate::{
    Check, Finding, Severity,
    registered::{self, CauseKind},
};

/// The first Python whose default context applies the strict rules for certificates.
const STRICT_PYTHON: [u32; 2] = [3, 13];
/// The first urllib3 that applies these rules. The package `kubernetes` uses urllib3.
const STRICT_URLLIB3: [u32; 2] = [2, 4];

/// Runs every check that uses the answer; each yields at least one finding.
pub(super) fn findings(plan: &SitePlan, answer: &Answer, links: &[Link]) -> Vec<Finding> {
    let mut found = settled("D35", kit(&answer.kit));
    let of_packages = settled("D46", packages::check(plan, answer));
    found.extend(of_packages.into_iter().map(|finding| finding.evidence(packages::versions(answer))));
    found.extend(settled("D13", account(&answer.api)));
    found.extend(settled("D45", authorities(answer)));
    if links.is_empty() {
        let untested = "not tested: the kit does not say at which host and port the server is called";
        found.extend(["D71", "D72"].map(|id| Finding::new(id, Severity::Unknown, untested)));
        return found;
    }
    let answers = || links.iter().filter_map(|link| Some((link, answer.links.get(link.id)?)));
    found.extend(settled("D71", answers().filter_map(|(link, answer)| name(link, answer)).collect()));
    found.extend(settled("D72", answers().filter_map(|(link, answer)| connection(link, answer)).collect()));
    found
}

/// The first connection that fails: for a reason which stays until a kit is changed, otherwise for one that may heal.
pub(super) fn broken(answer: &Answer, links: &[Link]) -> Option<BrokenLink> {
    let answers = || links.iter().filter_map(|link| Some((link, answer.links.get(link.id)?)));
    let lasting = answers().filter(|(_, answer)| is_lasting(answer)).find_map(|(link, answer)| connection(link, answer));
    if let Some(finding) = lasting {
        return Some(BrokenLink { finding, heals: false });
    }
    let mut failed = answers().filter_map(|(link, answer)| name(link, answer).or_else(|| connection(link, answer)));
    failed.find(|finding| finding.severity == Severity::Error).map(|finding| BrokenLink { finding, heals: true })
}

fn is_lasting(answer: &LinkAnswer) -> bool {
    let Some(Tried::Fault(fault)) = &answer.tls else { return false };
    cause(fault).is_some_and(|cause| !cause.heals())
}

/// What keeps a handshake from its end; `None` if that is not a fault of certificates.
fn cause(fault: &Fault) -> Option<CauseKind> {
    match (fault.kind, fault.code) {
        // The error numbers of OpenSSL for refused certificates.
        (Kind::Certificate, Some(9)) => Some(CauseKind::NotYetValid),
        (Kind::Certificate, Some(10)) => Some(CauseKind::Expired),
        (Kind::Certificate, Some(62)) => Some(CauseKind::OtherServerName),
        (Kind::Certificate, Some(64)) => Some(CauseKind::OtherServerAddress),
        (Kind::Certificate, _) => Some(CauseKind::OtherProject),
        // An alert is the other side's refusal, whatever it is called.
        (Kind::Tls, _) => {
            let refused = fault.said.contains("ALERT").then_some(CauseKind::CertificateRefused);
            registered::cause(&fault.said).map(|cause| cause.kind).or(refused)
        }
        _ => None,
    }
}

/// The findings of a check; one that says it passed if there are none.
pub(super) fn settled(id: &'static str, found: Vec<Finding>) -> Vec<Finding> {
    if found.is_empty() { Check::of(id).map(|check| Finding::ok(id, check.title)).into_iter().collect() } else { found }
}

/// The maximum number of files that a finding names.
const NAMED: usize = 10;

fn kit(differences: &Differences) -> Vec<Finding> {
    let hint = "stage the kit again (`stage --again --restart`)";
    let kinds = [
        ("missing", &differences.missing),
        ("other than prepared", &differences.changed),
        ("not readable", &differences.unreadable),
    ];
    let of_kind = |(what, files): (&str, &Vec<String>)| {
        (!files.is_empty()).then(|| {
            let message = format!("{} files of the kit are {what} where the parent reads them", files.len());
            Finding::error("D35", message, hint).evidence(files.iter().take(NAMED))
        })
    };
    kinds.into_iter().filter_map(of_kind).collect()
}

fn account(api: &Tried<Api>) -> Vec<Finding> {
    let fault = |message: &str, hint: &str| vec![Finding::error("D13", message, hint)];
    let api = match api {
        Tried::Value(api) => api,
        Tried::Fault(failed) => return no_way(failed),
    };
    match api.status {
        401 => fault(
            "the API server does not accept the token of the parent's ServiceAccount",
            "see that the ServiceAccount was not made anew after the pod: restart the parent",
        ),
        status if status >= 300 => {
            let message = format!("what the parent's ServiceAccount may do was not checked: the API server answered {status}");
            vec![
                Finding::new("D13", Severity::Unknown, message)
                    .hint("check with `kubectl auth can-i --list --as=system:serviceaccount:NAMESPACE:NAME`"),
            ]
        }
        _ => refused(&api.refused).into_iter().collect(),
    }
}

/// The finding if the parent's account cannot reach the API server.
fn no_way(fault: &Fault) -> Vec<Finding> {
    let (message, hint) = match fault.kind {
        Kind::Missing => (
            "the parent's pod has no token of its ServiceAccount: no job can be launched",
            "set `serviceAccount.automountServiceAccountToken` of the values, or of the account itself, to true",
        ),
        Kind::Denied => (
            "the parent may not read the token of its ServiceAccount",
            "set `fsGroup` in `pod_security_context` of k8s.yaml: the token is readable by that group",
        ),
        // Another check reports its certificate.
        Kind::Certificate => {
            return vec![Finding::new(
                "D13",
                Severity::Unknown,
                "what the parent's ServiceAccount may do was not checked: see D45",
            )];
        }
        _ => (
            "the parent does not reach the API server: no job can be launched",
            "see that no NetworkPolicy keeps the parent's pod from it (`networkPolicy` of the values allows it)",
        ),
    };
    vec![Finding::error("D13", message, hint).evidence([&fault.said])]
}

fn refused(rights: &[Right]) -> Option<Finding> {
    let shown = rights.iter().map(|right| format!("{} {}", right.verb, right.resource));
    let list = shown.clone().collect::<Vec<_>>().join(", ");
    (!rights.is_empty()).then(|| {
        let message = format!("the parent's ServiceAccount may not do all that its launcher does: {list}");
        Finding::error(
            "D13",
            message,
            "install the chart with `rbac.create=true`, or have these verbs added to the account's Role",
        )
        .evidence(shown)
    })
}

/// Checks the cluster's certificate authority by the rules of the parent's Python and of later ones.
fn authorities(answer: &Answer) -> Vec<Finding> {
    let refuses = |fault: &Fault, severity: Severity, message: &str| {
        let hint = "have the cluster's certificate authority renewed with a critical `basicConstraints` and a `keyUsage`, or use an image \
                    with Python 3.12 or older";
        vec![Finding::new("D45", severity, message).hint(hint).evidence([&fault.said])]
    };
    match &answer.api {
        Tried::Fault(fault) if fault.kind == Kind::Certificate => refuses(
            fault,
            Severity::Error,
            "the parent's Python refuses the certificate of the API server: no job can be launched",
        ),
        Tried::Fault(_) => {
            vec![Finding::new("D45", Severity::Unknown, "the certificate of the API server was not checked: see D13")]
        }
        Tried::Value(api) => match &api.strict {
            Tried::Fault(fault) if fault.kind == Kind::Certificate && is_strict(answer) => refuses(
                fault,
                Severity::Error,
                "the parent's Python refuses the certificate of the API server: no job can be launched",
            ),
            Tried::Fault(fault) if fault.kind == Kind::Certificate => refuses(
                fault,
                Severity::Warning,
                "Python 3.13 and later refuses the certificate of the API server; the image's Python takes it",
            ),
            Tried::Fault(fault) => {
                let message = "the certificate of the API server was not checked by strict rules";
                vec![Finding::new("D45", Severity::Unknown, message).evidence([&fault.said])]
            }
            Tried::Value(_) => Vec::new(),
        },
    }
}

fn is_strict(answer: &Answer) -> bool {
    let Some(Tried::Value(urllib3)) = answer.packages.get("urllib3") else { return answer.python[..2] >= STRICT_PYTHON[..] };
    let mut parts = urllib3.split('.').map(|part| part.parse().unwrap_or(0));
    let urllib3: [u32; 2] = [parts.next().unwrap_or(0), parts.next().unwrap_or(0)];
    answer.python[..2] >= STRICT_PYTHON[..] && urllib3 >= STRICT_URLLIB3
}

/// A description of the other end.
fn target(link: &Link) -> String {
    format!("`{}:{}`", link.host, link.port)
}

fn name(link: &Link, answer: &LinkAnswer) -> Option<Finding> {
    let Tried::Fault(fault) = &answer.resolved else { return None };
    let message = format!("the name `{}` does not resolve in the parent's pod", link.host);
    let hint = "have the name added to the DNS that the cluster uses, or provision with a `default_host` that resolves there";
    Some(Finding::error("D71", message, hint).evidence([&fault.said]))
}

fn connection(link: &Link, answer: &LinkAnswer) -> Option<Finding> {
    let target = target(link);
    match answer.connected.as_ref() {
        None => {
            let message = format!("the connection to {target} was not tried: see D71");
            Some(Finding::new("D72", Severity::Unknown, message))
        }
        Some(Tried::Fault(fault)) => Some(not_connected(&target, fault)),
        Some(Tried::Value(_)) => match answer.tls.as_ref()? {
            Tried::Value(handshake) => closed(&target, handshake),
            Tried::Fault(fault) => Some(not_secured(link, &target, fault, answer.without_name.as_ref())),
        },
    }
}

fn not_connected(target: &str, fault: &Fault) -> Finding {
    let (why, hint) = match fault.kind {
        Kind::Refused => ("nothing listens there", "see that the server runs and that its Service has this port and is exposed"),
        Kind::Timeout => (
            "nobody answers",
            "see that no NetworkPolicy or firewall on the way keeps the parent's pod from it, and that the address is the server's",
        ),
        _ => ("the network refuses it", "see that the address can be reached from this cluster"),
    };
    Finding::error("D72", format!("{target} cannot be reached from the parent's pod: {why}"), hint).evidence([&fault.said])
}

/// The finding if the other side accepted the certificates and closed the connection nevertheless.
fn closed(target: &str, handshake: &Handshake) -> Option<Finding> {
    handshake.closed.then(|| {
        let message = format!("{target} ends the connection right after the TLS handshake");
        Finding::error("D72", message, "see the server's log: it may refuse this participant, or something else listens there")
    })
}

fn not_secured(link: &Link, target: &str, fault: &Fault, without_name: Option<&Tried<Handshake>>) -> Finding {
    let cause = cause(fault);
    let message = match (cause, fault.said.as_str()) {
        (Some(CauseKind::OtherServerName | CauseKind::OtherServerAddress), _) => {
            let message = format!("the certificate at {target} is not made out to `{}`, the name that the kit calls", link.name);
            let names = match without_name {
                Some(Tried::Value(handshake)) => handshake.names.as_slice(),
                _ => &[],
            };
            let evidence = names.iter().map(|name| format!("it is made out to {name}"));
            return Finding::error("D72", message, CauseKind::OtherServerName.hint()).evidence(evidence);
        }
        (Some(CauseKind::NotYetValid), _) => format!("the certificate at {target} is not valid yet"),
        (Some(CauseKind::Expired), _) => format!("the certificate at {target} has expired"),
        (Some(CauseKind::OtherProject), _) => format!("the certificate at {target} is not one of this project's"),
        (Some(cause), _) => format!("no mutual TLS with {target}: {}", cause.message()),
        (None, "WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE") => {
            format!("no mutual TLS with {target}: what listens there does not speak TLS")
        }
        (None, _) => format!("no mutual TLS with {target}: the TLS handshake fails"),
    };
    let hint = match (cause, fault.said.as_str()) {
        (Some(cause), _) => cause.hint(),
        (None, "WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE") => "see that the address and port are the server's",
        (None, _) => CauseKind::OtherProject.hint(),
    };
    Finding::error("D72", message, hint).evidence([&fault.said])
}
