//! Requests and limits of the main container.

use serde_json::{Map, Value, json};

use crate::{
    explain::Explanation,
    origin::{Origin, Sourced},
    request::{LaunchRequest, Quantity},
};

/// The resource of whole GPUs, the only one that FLARE's launcher knows.
pub const GPU_RESOURCE: &str = "nvidia.com/gpu";

pub(super) fn of(request: &LaunchRequest, explanation: &mut Explanation) -> Value {
    let mut resources = Resources { requests: Map::new(), limits: Map::new(), explanation };
    let storage = ephemeral_storage(request);
    resources.both("ephemeral-storage", &Sourced::new(Value::String(storage.value), storage.origin));
    let (k8s, portable) = (&request.job.k8s, &request.job.portable);
    for (name, native, portable) in [("cpu", &k8s.cpu, &portable.cpu), ("memory", &k8s.memory, &portable.memory)] {
        if let Some(quantity) = portable {
            resources.both(name, quantity);
        } else {
            resources.limit(name, native.limit.as_ref());
            resources.request(name, native.request.as_ref().or(native.limit.as_ref()));
        }
    }
    let gpus = request.job.gpus();
    if let Some(value) = gpus.value {
        let name = request.pod_defaults.gpu_resource_name.as_deref();
        resources.both(name.unwrap_or(GPU_RESOURCE), &Sourced::new(value, gpus.origin));
        if let Some(name) = name {
            resources.explanation.container("resources.gpu-resource-name", name, Origin::SiteDefault);
        }
    }
    json!({ "requests": resources.requests, "limits": resources.limits })
}

/// The job's value, otherwise the site's, otherwise the launcher's default.
pub(super) fn ephemeral_storage(request: &LaunchRequest) -> Sourced<String> {
    request.job.k8s.ephemeral_storage.clone().unwrap_or_else(|| request.launcher.ephemeral_storage.clone())
}

struct Resources<'explanation> {
    requests: Map<String, Value>,
    limits: Map<String, Value>,
    explanation: &'explanation mut Explanation,
}

impl Resources<'_> {
    fn both(&mut self, name: &str, quantity: &Sourced<Value>) {
        let quantity = Sourced::new(Some(quantity.value.clone()), quantity.origin);
        self.request(name, Some(&quantity));
        self.limit(name, Some(&quantity));
    }

    fn limit(&mut self, name: &str, quantity: Option<&Quantity>) {
        if let Some(Sourced { value: Some(value), origin }) = quantity {
            self.explain("limits", name, value, *origin);
            self.limits.insert(name.to_owned(), value.clone());
        }
    }

    fn request(&mut self, name: &str, quantity: Option<&Quantity>) {
        if let Some(Sourced { value: Some(value), origin }) = quantity {
            self.explain("requests", name, value, *origin);
            self.requests.insert(name.to_owned(), value.clone());
        }
    }

    fn explain(&mut self, kind: &str, name: &str, value: &Value, origin: Origin) {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.explanation.container(&format!("resources.{kind}.{name}"), shown, origin);
    }
}
