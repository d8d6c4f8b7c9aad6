//! `kubectl cp` into a pod with a claim: many small files and a large one.

use integration_tests::cluster::Cluster;
use integration_tests::cluster::copy::{CopyPod, LARGE, SMALL};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::command::Sandbox;

use crate::figures::Figures;

/// Measures both, `runs` times each, into an empty directory each time.
pub(crate) fn measure(cluster: &Cluster, runs: usize, figures: &mut Figures) {
    let namespace = Namespace::alone_in(cluster.clone(), "copies");
    let sandbox = Sandbox::new();
    let loads = [SMALL, LARGE].map(|load| (load, sandbox.join(load.shown)));
    for (load, directory) in &loads {
        load.make(directory);
    }
    let pod = CopyPod::start(&namespace);
    for _ in 0..runs {
        for (load, directory) in &loads {
            let time = pod.copy(directory, *load);
            figures.add(&format!("`kubectl cp` of {}", load.shown), "into a pod with a claim of local-path storage", time);
        }
    }
}
