//! The API requests of a launcher: those of the parents' service accounts while jobs run.

use std::collections::BTreeMap;
use std::time::Duration;

use flare_testbed::audit::{Filter, Log, Request};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::reference::Release;
use serde_json::{Value, json};

/// The requests of some jobs, added up.
pub(crate) struct Requests {
    release: Release,
    jobs: u32,
    time: Duration,
    /// Number of requests by verb and resource, such as `get pods`.
    counts: BTreeMap<String, u32>,
}

impl Requests {
    pub(crate) fn of(release: Release) -> Self {
        Self { release, jobs: 0, time: Duration::ZERO, counts: BTreeMap::new() }
    }

    /// Adds the requests of one job: those after the first `before` ones.
    pub(crate) fn add_job(&mut self, requests: &[Request], before: usize, time: Duration) {
        for Request { verb, resource, .. } in &requests[before..] {
            *self.counts.entry(format!("{verb} {}", resource.as_deref().unwrap_or("no object"))).or_default() += 1;
        }
        self.jobs += 1;
        self.time += time;
        assert!(requests.len() > before, "the audit log has no request of the parents: is it the log of this cluster?");
    }

    fn per_job(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.jobs)
    }

    fn total(&self) -> u32 {
        self.counts.values().sum()
    }

    fn per_second(&self) -> f64 {
        f64::from(self.total()) / self.time.as_secs_f64()
    }

    fn seconds_a_job(&self) -> f64 {
        self.time.as_secs_f64() / f64::from(self.jobs)
    }

    /// A row of the table.
    pub(crate) fn row(&self) -> String {
        let mut kinds: Vec<_> = self.counts.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let kinds: Vec<_> = kinds.into_iter().map(|(kind, count)| format!("{kind} {:.1}", self.per_job(*count))).collect();
        format!(
            "| {} | {} | {:.1} | {:.1} | {:.2} | {} |\n",
            self.release.version(),
            self.jobs,
            self.per_job(self.total()),
            self.seconds_a_job(),
            self.per_second(),
            kinds.join(", ")
        )
    }

    pub(crate) fn document(&self) -> Value {
        json!({
            "nvflare": self.release.version(),
            "jobs": self.jobs,
            "requests": self.total(),
            "seconds": self.time.as_secs_f64(),
            "requests_per_job": self.per_job(self.total()),
            "requests_per_second": self.per_second(),
            "by_verb_and_resource": self.counts,
        })
    }
}

/// All requests of a namespace's parents so far, whose pods use its service accounts.
pub(crate) fn of_parents(namespace: &Namespace, log: &Log) -> Vec<Request> {
    let user = format!("system:serviceaccount:{}:", namespace.name);
    let filter = Filter { namespace: Some(&namespace.name), ..Filter::default() };
    let mut requests = log.requests(&filter).unwrap_or_else(|faults| panic!("{}", faults.first()));
    requests.retain(|request| request.user.starts_with(&user));
    requests
}
