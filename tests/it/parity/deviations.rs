//! Every intended difference, with its defect number or as an addition.
//!
//! A deviation is as narrow as possible: the place, the path, and the value that flare-kube must have there. One that cannot be
//! distinguished from a mismatch does not belong here.

use serde_json::{Value, json};

use super::case::{Case, Output, Role};
use super::compare::Difference;

/// An intended difference.
struct Deviation {
    /// `defect N`, or `addition: …`.
    reason: &'static str,
    /// Whether a difference is this one.
    applies: fn(&Case, &Difference) -> bool,
}

/// The reason for a difference; `None` if it is a mismatch.
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
            let keys = ["target", "target_reason", "release", "deployment", "service", "fingerprint"];
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
        reason: "addition: values",
        applies: |_, found| added(found, VALUES) && found.path == "image/digest" && found.ours == Some(json!("")),
    },
    Deviation {
        reason: "addition: annotations in Chart.yaml",
        applies: |_, found| added(found, CHART) && found.path == "annotations",
    },
    Deviation {
        reason: "addition: labels of objects, not of pods",
        applies: |_, found| {
            let labels = ["metadata/labels/helm.sh/chart", "metadata/labels/app.kubernetes.io/version"];
            found.place.starts_with("manifest ") && found.reference.is_none() && labels.contains(&found.path.as_str())
        },
    },
    // The reference's templates read a name that looks like a YAML 1.1 number as a number, and then truncate it as a string.
    Deviation {
        reason: "defect 9",
        applies: |_, found| {
            let said = found.reference.as_ref().and_then(Value::as_str).unwrap_or_default();
            found.path == "(cannot be rendered)" && found.ours.is_none() && said.contains("expected string; got")
        },
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
        applies: |_, found| {
            let (Some(reference), Some(Value::String(ours))) = (&found.reference, &found.ours) else { return false };
            found.place.starts_with("manifest ") && is_another_reading(reference, ours)
        },
    },
    Deviation {
        reason: "defect 9",
        applies: |case, found| {
            let uid = json!(format!("uid={}", case.facts.name));
            let read = [&found.reference, &found.ours]
                .map(|value| value.as_ref().and_then(|value| value.as_str()?.strip_prefix("uid=")));
            let [Some(reference), Some(ours)] = read else { return false };
            found.place == DEPLOYMENT && found.ours == Some(uid) && is_number(ours, reference.parse().ok())
        },
    },
    Deviation {
        reason: "defect 9 or 10",
        applies: |case, found| {
            found.place == DEPLOYMENT
                && found.path == "spec/template/spec/containers/0/image"
                && found.ours == Some(json!(case.facts.image))
        },
    },
    Deviation {
        reason: "defect 10",
        applies: |case, found| {
            let [repository, tag, digest] = image_parts(&case.facts.image);
            let expected = match (found.place.as_str(), found.path.as_str()) {
                (VALUES, "image/repository") => repository,
                (VALUES, "image/tag") => tag,
                (VALUES, "image/digest") if found.reference.is_none() && !digest.is_empty() => digest,
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
        applies: |case, found| {
            let count = |side: &Option<Value>| side.as_ref().and_then(Value::as_u64).unwrap_or_default();
            let fewer = count(&found.reference).checked_sub(count(&found.ours));
            found.place == "warnings" && found.path == "resource_manager" && fewer == Some(untouched_resource_managers(case))
        },
    },
    Deviation {
        reason: "addition: directories that are made for an output inside the kit are not part of it",
        applies: |case, found| {
            let Output::InKit(output) = &case.output else { return false };
            let directory = found.path.replace('\u{2215}', "/");
            found.place == "tree"
                && found.ours.is_none()
                && output.starts_with(&format!("{directory}/"))
                && !case.kit.has(&directory)
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

/// Whether only flare-kube has something there.
fn added(found: &Difference, place: &str) -> bool {
    found.place == place && found.reference.is_none()
}

/// Whether a path of a manifest has the name of the participant's objects, or the label that is equal to it.
fn is_name_of_object(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    ["name", "serviceAccountName", "app.kubernetes.io"].contains(&last) || path.contains("app.kubernetes.io/name")
}

/// Whether flare-kube has the stable name where the reference has the raw one, cut to 63 characters.
fn names(case: &Case, found: &Difference, suffix: &str) -> bool {
    found.ours == Some(json!(format!("{}{suffix}", case.facts.stable_name))) && case.facts.stable_name != case.facts.name
}

/// Whether the plain YAML scalar `text` is read as `read`: a number, a boolean or null instead of a string.
fn is_another_reading(read: &Value, text: &str) -> bool {
    let lower = text.to_lowercase();
    match read {
        Value::Bool(yes) => {
            (if *yes { ["yes", "y", "on", "true"] } else { ["no", "n", "off", "false"] }).contains(&lower.as_str())
        }
        Value::Null => ["null", "~", ""].contains(&lower.as_str()),
        Value::Number(number) => is_number(text, number.as_f64()),
        Value::Object(exact) => {
            exact.get("$number").and_then(Value::as_str).is_some_and(|number| is_number(text, number.parse().ok()))
        }
        _ => false,
    }
}

fn is_number(text: &str, number: Option<f64>) -> bool {
    let radix =
        |prefix: &str, radix| text.strip_prefix(prefix).and_then(|digits| u32::from_str_radix(digits, radix).ok()).map(f64::from);
    let readings = [text.parse::<f64>().ok(), radix("0x", 16), radix("0", 8), text.replace('_', "").parse::<f64>().ok()];
    number.is_some() && readings.contains(&number)
}

/// The number of the kit's resource managers that are as `provision` writes them.
fn untouched_resource_managers(case: &Case) -> u64 {
    let resources = case.kit.json("local/resources.json.default");
    let components = resources["components"].as_array().cloned().unwrap_or_default();
    let untouched = components.iter().filter(|component| {
        component["id"] == "resource_manager"
            && component["path"] == "nvflare.app_common.resource_managers.gpu_resource_manager.GPUResourceManager"
            && component["args"] == json!({"num_of_gpus": 0, "mem_per_gpu_in_GiB": 0, "expiration_period": 300})
    });
    untouched.count() as u64
}

/// Repository, tag and digest of an image reference, by the grammar of distribution: the tag follows the last colon after the
/// last slash.
fn image_parts(image: &str) -> [&str; 3] {
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    let behind_slash = rest.rfind('/').map_or(0, |position| position + 1);
    let tag = rest[behind_slash..].find(':').map(|position| position + behind_slash);
    tag.map_or([rest, "", digest], |position| [&rest[..position], &rest[position + 1..], digest])
}
