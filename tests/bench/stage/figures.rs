//! The measurements, and whether the promises were kept.

use std::time::Duration;

use integration_tests::bench::cost::Cost;
use integration_tests::bench::machine::Machine;
use integration_tests::bench::promise::Promise;
use integration_tests::bench::rows::{Rows, median};
use integration_tests::cluster::copy::Load;
use serde_json::{Value, json};

/// The shortest transfer that can be distinguished from variations of a helper pod's start, in seconds.
const SHORTEST: f64 = 0.1;

/// The times of one load with both programs, one per run.
struct Transfer {
    load: Load,
    /// Seconds of `kubectl cp`.
    copies: Vec<f64>,
    /// Seconds by which flare-kube's staging of a kit with the load took longer than of the same kit without it.
    ours: Vec<f64>,
}

impl Transfer {
    fn ratio(&self) -> f64 {
        median(&self.copies) / median(&self.ours).max(SHORTEST)
    }
}

/// All measurements.
pub(crate) struct Figures {
    machine: Machine,
    rows: Rows,
    /// The ratio of the guide's time to flare-kube's, in each run.
    guide: Vec<f64>,
    transfers: Vec<Transfer>,
    /// Seconds of runs with nothing to change.
    unchanged: Vec<f64>,
    /// flare-kube's maximum peak memory in kibibytes, for each load.
    memory: Vec<(&'static str, u64)>,
}

impl Figures {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            rows: Rows::default(),
            guide: Vec::new(),
            transfers: Vec::new(),
            unchanged: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// Adds one participant, staged by the guide and by flare-kube.
    pub(crate) fn add_participant(&mut self, guide: Duration, ours: Cost, unchanged: Cost) {
        self.rows.add("one participant by the guide's commands", "namespace, claim, helper pod, copy, end of the pod", guide);
        self.rows.add(
            "one participant by `flare-kube stage`",
            "claim, helper pod, copy, proof, exchange, end of the pod",
            ours.time,
        );
        self.rows.add("the same again, with nothing to change", "starts no pod", unchanged.time);
        self.guide.push(guide.as_secs_f64() / ours.time.as_secs_f64());
        self.unchanged.push(unchanged.time.as_secs_f64());
    }

    /// Adds one load, copied by `kubectl cp` and by flare-kube, and flare-kube's staging of the same kit without the load.
    pub(crate) fn add_transfer(&mut self, load: Load, copy: Duration, ours: Cost, without: Cost) {
        let difference = ours.time.as_secs_f64() - without.time.as_secs_f64();
        self.rows.add(&format!("`kubectl cp` of {}", load.shown), "into a pod that runs", copy);
        let note = "helper pod and proof included, onto a claim with a kit";
        self.rows.add(&format!("`flare-kube stage` of a kit with {}", load.shown), note, ours.time);
        self.rows.add("`flare-kube stage` of that kit without them", note, without.time);
        self.add_memory(load, ours);
        if !self.transfers.iter().any(|transfer| transfer.load.shown == load.shown) {
            self.transfers.push(Transfer { load, copies: Vec::new(), ours: Vec::new() });
        }
        let transfer = self.transfers.iter_mut().find(|transfer| transfer.load.shown == load.shown);
        let transfer = transfer.expect("it was just made");
        transfer.copies.push(copy.as_secs_f64());
        transfer.ours.push(difference);
    }

    /// Adds the memory of a staging.
    pub(crate) fn add_memory(&mut self, load: Load, ours: Cost) {
        match self.memory.iter_mut().find(|(shown, _)| *shown == load.shown) {
            Some((_, memory)) => *memory = (*memory).max(ours.memory),
            None => self.memory.push((load.shown, ours.memory)),
        }
    }

    /// The promises with their measurements.
    pub(crate) fn promises(&self) -> Vec<Promise> {
        let mut promises = vec![Promise::at_least("one participant, times faster than the guide", median(&self.guide), 8.0)];
        for transfer in &self.transfers {
            let text = if transfer.load.files > 1 {
                "5,000 files of 2 kB, transfer and proof, times faster than `kubectl cp`"
            } else {
                "256 MiB, transfer and proof, times faster than `kubectl cp`"
            };
            promises.push(Promise::at_least(text, transfer.ratio(), 1.5));
        }
        let memory = self.memory.iter().map(|(_, kibibytes)| *kibibytes).max().unwrap_or_default();
        #[allow(clippy::cast_precision_loss, reason = "memory in kibibytes is far below 2^52")]
        promises.push(Promise::below("peak memory of ours, MiB, whatever the size", memory as f64 / 1024.0, 64.0));
        promises.push(Promise::below("a run with nothing to change, seconds", median(&self.unchanged), 2.0));
        promises
    }

    /// Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n\n{}", self.machine.sentence(), self.rows.table());
        text.push_str(&Promise::table(&self.promises()));
        text.push_str(
            "\n| load | transfer and proof of ours, median, seconds | peak memory of ours, MiB |\n| --- | --- | --- |\n",
        );
        for (shown, kibibytes) in &self.memory {
            let transfer = self.transfers.iter().find(|transfer| transfer.load.shown == *shown);
            let seconds = transfer.map_or_else(String::new, |transfer| format!("{:.2}", median(&transfer.ours)));
            text.push_str(&format!("| {shown} | {seconds} | {} |\n", kibibytes.div_ceil(1024)));
        }
        text
    }

    /// JSON: `machine`, `rows` with all seconds, `promises`, `transfers`, `peak_memory_kib`.
    pub(crate) fn document(&self) -> Value {
        let transfer = |transfer: &Transfer| {
            json!({"load": transfer.load.shown, "kubectl_cp_seconds": transfer.copies, "ours_seconds": transfer.ours,
                "times_faster": transfer.ratio()})
        };
        let memory = |(shown, kibibytes): &(&str, u64)| ((*shown).to_owned(), json!(kibibytes));
        json!({
            "machine": self.machine.document(),
            "rows": self.rows.document(),
            "times_faster_than_the_guide": self.guide,
            "transfers": self.transfers.iter().map(transfer).collect::<Vec<_>>(),
            "peak_memory_kib": self.memory.iter().map(memory).collect::<serde_json::Map<_, _>>(),
            "promises": self.promises().iter().map(Promise::document).collect::<Vec<_>>(),
        })
    }
}
