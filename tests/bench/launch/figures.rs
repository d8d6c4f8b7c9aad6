//! The measurements, and whether the promises were kept.

use std::collections::BTreeMap;
use std::time::Duration;

use integration_tests::bench::machine::Machine;
use integration_tests::bench::promise::Promise;
use serde_json::{Value, json};

/// Whose launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    Ours,
    Reference,
}

/// Where the jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// As processes on the cluster's node.
    Node,
    /// Only in the API server: no scheduler and no kubelet take the pods, and the bench patches their status.
    WithoutKubelet,
}

/// What one launcher cost.
pub(crate) struct Measured {
    pub(crate) party: Party,
    pub(crate) place: Place,
    pub(crate) jobs: u32,
    /// How many of them the launcher gave up although their pods neither failed nor ended.
    pub(crate) lost: u32,
    /// How long requests were counted while all jobs ran.
    pub(crate) window: Duration,
    /// The requests meanwhile, beyond creates and deletes.
    pub(crate) polled: BTreeMap<String, u32>,
    /// All requests from the first job's creation to the last one's end.
    pub(crate) all: BTreeMap<String, u32>,
    /// Kibibytes by which its resident memory grew for each job.
    pub(crate) memory: f64,
    /// Seconds to see an end, sorted.
    pub(crate) reactions: Vec<f64>,
}

impl Measured {
    fn polled(&self) -> f64 {
        f64::from(self.polled.values().sum::<u32>())
    }

    fn per_job(&self) -> f64 {
        f64::from(self.all.values().sum::<u32>()) / f64::from(self.jobs)
    }

    /// The reaction that so many percent of the ends do not exceed.
    fn reaction(&self, percent: usize) -> f64 {
        let rank = (self.reactions.len() * percent).div_ceil(100).max(1);
        self.reactions.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    fn launcher(&self) -> &'static str {
        match self.party {
            Party::Ours => "flare-kube",
            Party::Reference => "nvflare 2.8.3",
        }
    }

    fn place(&self) -> &'static str {
        match self.place {
            Place::Node => "on the node",
            Place::WithoutKubelet => "without kubelet",
        }
    }

    fn row(&self) -> String {
        let kinds = |counts: &BTreeMap<String, u32>| {
            let kinds: Vec<_> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
        };
        format!(
            "| {} | {} | {} | {} | {} ({}) | {:.1} | {:.1} | {} | {} | {} |\n",
            self.place(),
            self.launcher(),
            self.jobs,
            self.lost,
            self.polled(),
            kinds(&self.polled),
            self.per_job(),
            self.memory,
            seconds(self.reaction(50)),
            seconds(self.reaction(99)),
            seconds(self.reaction(100)),
        )
    }

    fn document(&self) -> Value {
        json!({"place": self.place(), "launcher": self.launcher(), "jobs": self.jobs, "lost": self.lost, "window_seconds": self.window.as_secs(),
            "requests_beyond_creates_and_deletes": self.polled, "all_requests": self.all, "requests_per_job": self.per_job(),
            "memory_kib_per_job": self.memory, "reaction_seconds": {"median": self.reaction(50), "p99": self.reaction(99),
            "longest": self.reaction(100)}})
    }
}

/// Seconds for a table.
fn seconds(seconds: f64) -> String {
    if seconds.is_finite() { format!("{seconds:.2}") } else { "not seen".to_owned() }
}

/// All measurements.
pub(crate) struct Figures {
    machine: Machine,
    measured: Vec<Measured>,
}

impl Figures {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, measured: Vec::new() }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        eprint!("{}", measured.row());
        self.measured.push(measured);
    }

    fn find(&self, party: Party, place: Place) -> Option<&Measured> {
        self.measured.iter().find(|measured| (measured.party, measured.place) == (party, place))
    }

    /// The promises with their measurements.
    pub(crate) fn promises(&self) -> Vec<Promise> {
        let mut promises = Vec::new();
        let texts = [
            (
                Place::Node,
                "requests beyond creates and deletes, on the node",
                "seconds to see an end, 99 of 100, on the node",
                "jobs lost, on the node",
                "times fewer such requests than the reference, on the node",
            ),
            (
                Place::WithoutKubelet,
                "requests beyond creates and deletes, without kubelet",
                "seconds to see an end, 99 of 100, without kubelet",
                "jobs lost, without kubelet",
                "times fewer such requests than the reference, without kubelet",
            ),
        ];
        for (place, requests, reaction, lost, fewer) in texts {
            let Some(ours) = self.find(Party::Ours, place) else { continue };
            promises.push(Promise::at_most(requests, ours.polled(), 20.0));
            promises.push(Promise::below(reaction, ours.reaction(99), 1.0));
            promises.push(Promise::at_most(lost, f64::from(ours.lost), 0.0));
            if let Some(reference) = self.find(Party::Reference, place) {
                promises.push(Promise::at_least(fewer, reference.polled() / ours.polled().max(1.0), 10.0));
            }
        }
        let both = [Place::Node, Place::WithoutKubelet].map(|place| self.find(Party::Ours, place));
        if let [Some(few), Some(many)] = both {
            // Below a kibibyte the allocator's pages decide.
            let ratio = many.memory / few.memory.max(1.0);
            promises.push(Promise::at_most("memory per job of ours, of the many jobs to the few", ratio, 1.25));
        }
        promises
    }

    /// Markdown.
    pub(crate) fn table(&self) -> String {
        let window = self.measured.first().map_or(0, |measured| measured.window.as_secs());
        let mut text = format!(
            "{}\n\n| jobs run | launcher | jobs | lost | requests in {window} s beyond creates and deletes | all requests a job | memory a job, KiB \
             | an end is seen after, median, seconds | 99 of 100 | longest |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            self.machine.sentence()
        );
        text.extend(self.measured.iter().map(Measured::row));
        text.push_str(&Promise::table(&self.promises()));
        text
    }

    /// JSON: `machine`, `launchers` with all figures, `promises`.
    pub(crate) fn document(&self) -> Value {
        json!({
            "machine": self.machine.document(),
            "launchers": self.measured.iter().map(Measured::document).collect::<Vec<_>>(),
            "promises": self.promises().iter().map(Promise::document).collect::<Vec<_>>(),
        })
    }
}
