//! Every difference that is meant, with its number in the list of defects or the addition that it is.
//!
//! A deviation is said as narrowly as it can be: the place, the path, and the value that we must have there. Where it cannot be told
//! from a mismatch it does not belong here.

use serde_json::{Value, json};

use super::case::{Case, Role};
use super::compare::Difference;

/// A difference that is meant.
struct Deviation {
    /// `defect N`, or `addition: …`.
    reason: &'static str,
    /// Whether a difference is this one.
    applies: fn(&Case, &Difference) -> bool,
}

/// The reason for a difference, or none where it is a mismatch.
pub(crate) fn reason(case: &Case, difference: &Difference) -> Option<&'static str> {
    DEVIATIONS.iter().find(|deviation| (deviation.applies)(case, difference)).map(|deviation| deviation.reason)
}

const VALUES: &str = "helm_chart/values.yaml";
const CHART: &str = "helm_chart/Chart.yaml";
const DEPLOYMENT: &str = "manifest Deployment";

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        reason: "addition: keys of the report",
        applies: |_, found| {
            let keys = ["target", "release", "deployment", "service", "fingerprint"];
            added(found, "report") && keys.contains(&found.path.as_str())
        },
    },
    Deviation {
        reason: "addition: marker of a prepared kit (defect 8)",
        applies: |_, found| added(found, "tree") && found.path == ".flare-kube.json",
    },
    Deviation {
        reason: "addition: values",
        applies: |_, found| added(found, VALUES) && ADDED_VALUES.contains(&found.path.as_str()),
    },
    Deviation {
        reason: "addition: annotations in Chart.yaml",
        applies: |_, found| added(found, CHART) && found.path == "annotations",
    },
    Deviation {
        reason: "defect 1",
        applies: |case, found| {
            case.role == Role::Server
                && found.place.starts_with("manifest ")
                && is_name_of_object(&found.path)
                && names(case, found, "") | names(case, found, "-launcher")
        },
    },
    Deviation {
        reason: "defect 9",
        applies: |case, found| {
            let name = &case.facts.name;
            let reread = |text: &str| found.ours == Some(json!(text)) && !matches!(found.reference, Some(Value::String(_)));
            found.place.starts_with("manifest ") && is_name_of_object(&found.path) && reread(name)
                || found.place == "manifest Service"
                    && found.path == "metadata/name"
                    && found.ours.as_ref().is_some_and(Value::is_string)
                || found.place.starts_with("manifest ") && found.path.ends_with("instance") && reread(name)
        },
    },
    Deviation {
        reason: "defect 10",
        applies: |case, found| {
            let [repository, tag, digest] = image_parts(&case.facts.image);
            let expected = match (found.place.as_str(), found.path.as_str()) {
                (VALUES, "image/repository") => repository,
                (VALUES, "image/tag") => tag,
                (VALUES, "image/digest") if found.reference.is_none() => digest,
                (CHART, "appVersion") => {
                    if tag.is_empty() {
                        "latest"
                    } else {
                        tag
                    }
                }
                _ => return false,
            };
            found.ours == Some(json!(expected))
        },
    },
    Deviation {
        reason: "defect 11",
        applies: |_, found| {
            found.path == "spec/template/metadata/annotations"
                && added(found, DEPLOYMENT)
                && found
                    .ours
                    .as_ref()
                    .and_then(Value::as_object)
                    .is_some_and(|added| added.len() == 1 && added.contains_key("flare-kube/kit-fingerprint"))
        },
    },
    Deviation {
        reason: "defect 12",
        applies: |case, found| {
            case.facts.empty_resources
                && match found.place.as_str() {
                    VALUES => found.path == "resources/requests" && found.ours.is_none(),
                    DEPLOYMENT => found.path.ends_with("containers/0/resources") && found.ours.is_none(),
                    _ => false,
                }
        },
    },
    Deviation {
        reason: "defect 16",
        applies: |_, found| added(found, DEPLOYMENT) && found.path == "spec/template/spec/containers/0/securityContext",
    },
    Deviation {
        reason: "defect 22",
        applies: |_, found| {
            found.place == "warnings"
                && found.path == "resource_manager"
                && found.ours == Some(json!(0))
                && found.reference == Some(json!(1))
        },
    },
    Deviation { reason: "defect 22", applies: |_, found| added(found, VALUES) && found.path == "nodeSelector" },
    Deviation {
        reason: "defect 25",
        applies: |_, found| {
            added(found, DEPLOYMENT)
                && found.path == "spec/template/spec/shareProcessNamespace"
                && found.ours == Some(json!(true))
        },
    },
    Deviation {
        reason: "defect 26",
        applies: |_, found| {
            let probes = ["spec/template/spec/containers/0/startupProbe", "spec/template/spec/containers/0/readinessProbe"];
            added(found, DEPLOYMENT) && probes.contains(&found.path.as_str())
        },
    },
    Deviation {
        reason: "defect 27",
        applies: |case, found| {
            let Some((_, own)) = case.facts.name.rsplit_once('.') else { return false };
            let uid = found.place == DEPLOYMENT
                && found.path.contains("containers/0/args/")
                && found.ours == Some(json!(format!("uid={own}")));
            case.role == Role::Client
                && (uid || found.place == VALUES && found.path == "siteName" && found.ours == Some(json!(own)))
        },
    },
    Deviation { reason: "defect 32", applies: |_, found| added(found, VALUES) && found.path == "workspaceConfig" },
];

const ADDED_VALUES: &[&str] = &[
    "affinity",
    "containerSecurityContext",
    "extraEnv",
    "image/registry",
    "kitFingerprint",
    "livenessProbe",
    "networkPolicy",
    "podDisruptionBudget",
    "podLabels",
    "priorityClassName",
    "readinessProbe",
    "securityProfile",
    "service/externalTrafficPolicy",
    "service/loadBalancerClass",
    "service/loadBalancerSourceRanges",
    "serviceAccount/name",
    "shareProcessNamespace",
    "startupProbe",
    "terminationGracePeriodSeconds",
    "tolerations",
];

/// Whether only we have something there.
fn added(found: &Difference, place: &str) -> bool {
    found.place == place && found.reference.is_none()
}

/// Whether a path of a manifest holds the name of the participant's objects, or the label that is equal to it.
fn is_name_of_object(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    ["name", "serviceAccountName", "app.kubernetes.io"].contains(&last) || path.contains("app.kubernetes.io/name")
}

/// Whether we have the stable name there where the reference has the raw one, cut at 63 characters.
fn names(case: &Case, found: &Difference, suffix: &str) -> bool {
    found.ours == Some(json!(format!("{}{suffix}", case.facts.stable_name))) && case.facts.stable_name != case.facts.name
}

/// Repository, tag and digest of an image reference, by the grammar of distribution: the tag stands behind the last colon that is
/// behind the last slash.
fn image_parts(image: &str) -> [&str; 3] {
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    let behind_slash = rest.rfind('/').map_or(0, |position| position + 1);
    let tag = rest[behind_slash..].find(':').map(|position| position + behind_slash);
    tag.map_or([rest, "", digest], |position| [&rest[..position], &rest[position + 1..], digest])
}
