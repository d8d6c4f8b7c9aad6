//! The measurements, and whether the promises were kept.

use std::collections::BTreeMap;

use integration_tests::bench::cost::Cost;
use integration_tests::bench::machine::Machine;
use integration_tests::bench::promise::Promise;
use serde_json::{Value, json};

/// One run of a verb.
pub(crate) struct Run {
    pub(crate) cost: Cost,
    /// Requests to the API server, by program, verb and resource.
    pub(crate) requests: BTreeMap<String, u32>,
}

impl Run {
    pub(crate) fn seconds(&self) -> f64 {
        self.cost.time.as_secs_f64()
    }

    pub(crate) fn total(&self) -> u32 {
        self.requests.values().sum()
    }

    /// The requests of flare-kube itself or of Helm.
    fn of(&self, program: &str) -> u32 {
        self.requests.iter().filter(|(kind, _)| kind.starts_with(program)).map(|(_, count)| count).sum()
    }

    fn document(&self) -> Value {
        json!({"seconds": self.seconds(), "peak_memory_kib": self.cost.memory,
            "peak_memory_with_children_kib": self.cost.memory_with_children, "requests": self.requests})
    }
}

/// A federation of one size.
pub(crate) struct Measured {
    pub(crate) sites: usize,
    /// From startup kits to registered sites.
    pub(crate) first: Run,
    /// With nothing to change.
    pub(crate) again: Run,
    pub(crate) down: Run,
}

impl Measured {
    /// A figure divided by the participants: the sites and the server.
    #[allow(clippy::cast_precision_loss, reason = "a number of sites is small")]
    fn each(&self, figure: f64) -> f64 {
        figure / (self.sites + 1) as f64
    }

    fn seconds_each(&self) -> f64 {
        self.each(self.first.seconds())
    }

    fn requests_each(&self, run: &Run) -> f64 {
        self.each(f64::from(run.total()))
    }

    fn row(&self) -> String {
        let Self { sites, first, again, down } = self;
        format!(
            "| {sites} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} ({:.0} and {:.0}) | {:.1} | {:.0} | {:.1} |\n",
            first.seconds(),
            self.seconds_each(),
            mebibytes(first.cost.memory),
            mebibytes(first.cost.memory_with_children),
            self.requests_each(first),
            self.each(f64::from(first.of("flare-kube"))),
            self.each(f64::from(first.of("Helm"))),
            again.seconds(),
            self.requests_each(again),
            down.seconds(),
        )
    }

    fn document(&self) -> Value {
        json!({"sites": self.sites, "up": self.first.document(), "up_again": self.again.document(), "down": self.down.document()})
    }
}

#[allow(clippy::cast_precision_loss, reason = "memory in kibibytes is far below 2^52")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// All measurements.
pub(crate) struct Figures {
    machine: Machine,
    /// The sites that are worked on at once.
    parallel: usize,
    measured: Vec<Measured>,
}

impl Figures {
    pub(crate) fn new(machine: Machine, parallel: usize) -> Self {
        Self { machine, parallel, measured: Vec::new() }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        eprint!("{}", measured.row());
        self.measured.push(measured);
    }

    /// The promises with their measurements.
    pub(crate) fn promises(&self) -> Vec<Promise> {
        let largest = |figure: fn(&Measured) -> u64| self.measured.iter().map(figure).max().map_or(f64::NAN, mebibytes);
        let mut promises = Vec::new();
        if let Some(two) = self.measured.iter().find(|measured| measured.sites == 2) {
            promises.push(Promise::below("a server and two sites again, nothing to change, seconds", two.again.seconds(), 5.0));
        }
        promises.push(Promise::below("peak memory of ours, MiB", largest(|one| one.first.cost.memory), 128.0));
        promises.push(Promise::below(
            "peak memory of ours and its Helms, MiB",
            largest(|one| one.first.cost.memory_with_children),
            2048.0,
        ));
        if let [.., few, many] = self.measured.as_slice() {
            promises.extend([
                Promise::at_most(
                    "seconds a participant, of all sites to the half of them",
                    many.seconds_each() / few.seconds_each(),
                    1.0,
                ),
                Promise::at_most(
                    "API requests a participant, of all sites to the half of them",
                    many.requests_each(&many.first) / few.requests_each(&few.first),
                    1.1,
                ),
                Promise::at_most(
                    "API requests a participant, nothing to change, of all sites to the half of them",
                    many.requests_each(&many.again) / few.requests_each(&few.again),
                    1.1,
                ),
            ]);
        }
        promises
    }

    /// Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{} `--parallel {}`.\n\n| sites | `up`, seconds | seconds a participant | peak memory of ours, MiB | with its Helms | API requests a \
             participant (ours and Helm's) | `up` again, seconds | API requests a participant | `down`, seconds |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            self.machine.sentence(),
            self.parallel
        );
        text.extend(self.measured.iter().map(Measured::row));
        text.push_str(&Promise::table(&self.promises()));
        text
    }

    /// JSON: `machine`, `parallel`, `federations` with all figures, `promises`.
    pub(crate) fn document(&self) -> Value {
        json!({
            "machine": self.machine.document(),
            "parallel": self.parallel,
            "federations": self.measured.iter().map(Measured::document).collect::<Vec<_>>(),
            "promises": self.promises().iter().map(Promise::document).collect::<Vec<_>>(),
        })
    }
}
