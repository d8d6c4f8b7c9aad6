//! The Python of the parent's image, and its packages.

use flare_names::release_of;
use flare_site_plan::SitePlan;

use super::probe::{Answer, Tried};
use crate::Finding;

/// A release of the package `kubernetes` that FLARE's requirements exclude.
const EXCLUDED_KUBERNETES: &str = "36.0.0";

/// The versions by which the image's packages are judged, also where all is well, so that a page shows what a job would run with.
pub(super) fn versions(answer: &Answer) -> Vec<String> {
    let [major, minor, patch] = answer.python;
    let python = format!("Python {major}.{minor}.{patch}, {}", answer.openssl);
    let packages = answer.packages.iter().filter_map(|(name, tried)| match tried {
        Tried::Value(version) => Some(format!("{name} {version}")),
        Tried::Fault(_) => None,
    });
    std::iter::once(python).chain(packages).collect()
}

/// The faults and warnings about them.
pub(super) fn check(plan: &SitePlan, answer: &Answer) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(Tried::Value(version)) = answer.packages.get("nvflare")
        && release_of(version).as_deref() != Some(plan.target.as_str())
    {
        let message = format!("the image has nvflare {version}, and the kit was prepared for {}", plan.target);
        found.push(Finding::warning(
            "D46",
            message,
            "use an image of the kit's release, or prepare the kit for the image's (`--target`)",
        ));
    }
    match &answer.kubernetes {
        Tried::Fault(fault) => {
            let message = "the parent's Python cannot import the package `kubernetes`: no job can be launched";
            let finding = Finding::error("D46", message, "use an image with `nvflare[K8S]`, or add the package to it");
            found.push(finding.evidence([&fault.said]));
        }
        Tried::Value(version) if version == EXCLUDED_KUBERNETES => {
            let message = format!("the image has the package kubernetes {version}, which FLARE's own requirements exclude");
            found.push(Finding::warning("D46", message, "use an image with another version of the package"));
        }
        Tried::Value(_) => {}
    }
    found
}
