//! The machine and software of a measurement.

use std::fs;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::run::{succeed, succeed_json};
use crate::helm::helm;
use crate::reference::Release;

/// Versions and hardware.
#[derive(Debug)]
pub struct Machine {
    date: String,
    kubernetes: String,
    runtime: String,
    kubectl: String,
    helm: String,
    /// The releases of FLARE.
    releases: Vec<&'static str>,
    kernel: String,
    processor: String,
    cores: usize,
    /// The load average of the last five minutes: on a busy machine the figures are not meaningful.
    load: f64,
}

/// The profile with which flare-kube and the bench were built.
const BUILD: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

/// Queries programs, cluster and kernel; `releases` are the FLARE releases in use.
pub fn describe(cluster: &Cluster, releases: &[Release]) -> Machine {
    let versions = succeed_json(cluster.kubectl().args(["version", "--output", "json"]));
    let text = |value: &Value| value.as_str().unwrap_or("unknown").trim_start_matches('v').to_owned();
    let nodes = succeed_json(cluster.kubectl().args(["get", "nodes", "--output", "json"]));
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    Machine {
        date: jiff::Zoned::now().date().to_string(),
        kubernetes: text(&versions["serverVersion"]["gitVersion"]),
        runtime: text(&nodes["items"][0]["status"]["nodeInfo"]["containerRuntimeVersion"]).replace("://", " "),
        kubectl: text(&versions["clientVersion"]["gitVersion"]),
        helm: succeed(cluster.program(helm()).args(["version", "--template", "{{.Version}}"])).trim_start_matches('v').to_owned(),
        releases: releases.iter().map(|release| release.version()).collect(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        processor: model.unwrap_or("unknown").to_owned(),
        load: load(),
        cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
    }
}

/// The kernel's load average of five minutes.
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').nth(1).and_then(|average| average.parse().ok()).unwrap_or_default()
}

impl Machine {
    /// The description as a sentence.
    pub fn sentence(&self) -> String {
        format!(
            "Measured on {}: Kubernetes {} ({}), kubectl {}, Helm {}, nvflare {}, Linux {}, {} cores of {}, load average {:.1} before and {:.1} after; {BUILD} build.",
            self.date,
            self.kubernetes,
            self.runtime,
            self.kubectl,
            self.helm,
            self.releases.join(" and "),
            self.kernel,
            self.cores,
            self.processor,
            self.load,
            load()
        )
    }

    /// The description as JSON.
    pub fn document(&self) -> Value {
        json!({
            "date": self.date,
            "kubernetes": self.kubernetes,
            "container_runtime": self.runtime,
            "kubectl": self.kubectl,
            "helm": self.helm,
            "nvflare": self.releases,
            "build": BUILD,
            "kernel": self.kernel,
            "processor": self.processor,
            "cores": self.cores,
            "load_average_before": self.load,
            "load_average_after": load(),
        })
    }
}
