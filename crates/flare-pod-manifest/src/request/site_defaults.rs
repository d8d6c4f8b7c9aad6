//! The site's defaults for CPU and memory below what the job says, by Kubernetes' rules: a container with a limit and no request
//! requests its limit, so a default request counts only for a job that says nothing.

use flare_site_config::{JobPodDefaults, quantity::Quantity};
use serde_json::Value;

use super::{
    k8s_block::{Amounts, K8sBlock},
    portable::Portable,
};
use crate::{
    document::Findings,
    origin::{Origin, Sourced},
};

/// Fills in what the job leaves open. A resource that the portable block gives is not touched: that block replaces both parts.
///
/// A job's request above the limit of its site is a fault at the request's place: Kubernetes would refuse the pod.
pub(super) fn fill(k8s: &mut K8sBlock, portable: &Portable, defaults: &JobPodDefaults, findings: &mut Findings<'_>) {
    let cpu = ("cpu", &mut k8s.cpu, &portable.cpu, &defaults.cpu, &defaults.cpu_request);
    let memory = ("memory", &mut k8s.memory, &portable.memory, &defaults.memory, &defaults.memory_request);
    for (name, of_job, portable, limit, request) in [cpu, memory] {
        if portable.is_some() || of_job.limit.is_some() {
            continue;
        }
        if let Some(limit) = limit {
            check_request(of_job, name, limit, findings);
        }
        if of_job.request.is_none() {
            of_job.request = request.as_deref().map(of_site);
        }
        of_job.limit = limit.as_deref().map(of_site);
    }
}

fn of_site(amount: &str) -> Sourced<Option<Value>> {
    Sourced::new(Some(Value::String(amount.to_owned())), Origin::SiteDefault)
}

fn check_request(of_job: &Amounts, name: &str, limit: &str, findings: &mut Findings<'_>) {
    let Some(Sourced { value: Some(request), .. }) = &of_job.request else { return };
    let request = request.as_str().map_or_else(|| request.to_string(), str::to_owned).parse::<Quantity>();
    let (Ok(request), Ok(allowed), Some((offset, path))) = (request, limit.parse::<Quantity>(), &of_job.request_at) else {
        return;
    };
    if request > allowed {
        let message = format!("`{path}` is above the site's limit `{limit}`: Kubernetes refuses the pod");
        let hint = format!("ask for at most {limit}, or give the job its own limit, `{name}`");
        findings.at(*offset, message, Some(&hint));
    }
}
