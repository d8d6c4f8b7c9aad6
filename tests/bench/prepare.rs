//! Measures `prepare` against `nvflare deploy prepare` and against `cp -r`, in one paired run.
//!
//! Measures one kit, a thousand kits in one run, and how time and memory grow with the number of kits.
//! All three programs use the same file system: `/dev/shm` if it exists, or `--directory DIR`. Rounds
//! alternate, so that a busy machine affects all equally. Run by `cargo xtask bench prepare`; `--check` exits with 1 if a target is
//! missed, `--json FILE` writes the figures.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it makes kits and starts processes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stdout, reason = "its output is its result")]
#![allow(clippy::cast_precision_loss, reason = "counts and sizes here are far below 2^52")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use integration_tests::bench::cost::Cost;
use integration_tests::bench::promise::Promise;
use integration_tests::bench::{self, Arguments};
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

const CONFIG: &str = "runtime: k8s\nnamespace: nvflare\nparent:\n  docker_image: registry.example.com/nvflare:2.8.3\n";
/// Rounds of flare-kube and of `cp`, which take milliseconds.
const ROUNDS: usize = 60;
/// Calls of the reference, which take almost a second.
const REFERENCE_CALLS: usize = 20;
const MANY: usize = 1000;
const MANY_ROUNDS: usize = 3;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let bench = Bench::new(&arguments.path_of("--directory").unwrap_or_else(memory_or_temporary_directory));
    let one = bench.one_kit();
    let many = bench.many_kits();
    let promises = promises(&one, &many);
    print_tables(&bench, &one, &many, &promises);
    if let Some(file) = arguments.path_of("--json") {
        let figures = json!({"file_system": bench.file_system, "one_kit": one.figures(), "many_kits": many.figures()});
        fs::write(file, format!("{figures:#}\n")).unwrap();
    }
    let missed = promises.iter().any(|promise| !promise.is_met());
    ExitCode::from(u8::from(missed && arguments.has("--check")))
}

/// The directory of the measurement and the programs in it.
struct Bench {
    directory: tempfile::TempDir,
    program: PathBuf,
    kit: Tree,
    config: PathBuf,
    file_system: String,
}

/// Medians of one kit.
struct OneKit {
    ours: Cost,
    copy: Cost,
    reference: Cost,
}

/// Runs over many kits: their number, and the cost of one run over all of them.
struct ManyKits {
    runs: Vec<(usize, Cost)>,
    /// `cp -r` of all of them.
    copy: Cost,
    reference_call: Cost,
}

impl Bench {
    fn new(above: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("flare-kube-bench-").tempdir_in(above).unwrap();
        let program = bench::program();
        let kit = Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1"));
        let config = directory.path().join("k8s.yaml");
        fs::write(&config, CONFIG).unwrap();
        kit.write(&directory.path().join("kits/site-1"));
        let file_system = file_system(directory.path());
        Self { directory, program, kit, config, file_system }
    }

    fn one_kit(&self) -> OneKit {
        let kit = self.directory.path().join("kits/site-1");
        let (mut ours, mut copy, mut reference) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let output = |party: &str| self.directory.path().join(format!("one/{party}-{round}"));
            ours.push(self.measure(|to| self.prepare(std::slice::from_ref(&kit), to), &output("ours")));
            copy.push(self.measure(|to| copy_of(&kit, to), &output("copy")));
            if round % (ROUNDS / REFERENCE_CALLS) == 0 {
                reference.push(self.measure(|to| self.reference(&kit, to), &output("reference")));
            }
        }
        OneKit { ours: median(&mut ours), copy: median(&mut copy), reference: median(&mut reference) }
    }

    fn many_kits(&self) -> ManyKits {
        let many = self.directory.path().join("many");
        let kits: Vec<PathBuf> = (0..MANY).map(|index| many.join(format!("kit-{index}"))).collect();
        for kit in &kits {
            self.kit.write(kit);
        }
        let counts = [MANY / 4, MANY / 2, MANY];
        let (mut runs, mut copies, mut calls) = (counts.map(|_| Vec::new()), Vec::new(), Vec::new());
        for round in 0..MANY_ROUNDS {
            let output = |party: &str| self.directory.path().join(format!("all/{party}-{round}"));
            for (count, costs) in counts.iter().zip(&mut runs) {
                costs.push(self.measure(|to| self.prepare(&kits[..*count], to), &output(&format!("ours-{count}"))));
            }
            copies.push(self.measure(|to| copy_of(&many, to), &output("copy")));
            for (call, kit) in kits.iter().take(REFERENCE_CALLS.div_ceil(MANY_ROUNDS)).enumerate() {
                let output = output(&format!("reference-{call}"));
                calls.push(self.measure(|to| self.reference(kit, to), &output));
            }
        }
        let runs = counts.into_iter().zip(&mut runs).map(|(count, costs)| (count, median(costs))).collect();
        ManyKits { runs, copy: median(&mut copies), reference_call: median(&mut calls) }
    }

    /// flare-kube on kits for separate clusters, since all of them are the same participant.
    fn prepare(&self, kits: &[PathBuf], output: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("prepare").args(kits).arg("--config").arg(&self.config).arg("--output").arg(output);
        if kits.len() > 1 {
            command.arg("--separate-clusters");
        }
        command
    }

    fn reference(&self, kit: &Path, output: &Path) -> Command {
        let mut command = Command::new(Release::V28.nvflare());
        command.args(["deploy", "prepare"]).arg(kit).arg("--config").arg(&self.config).arg("--output").arg(output);
        command
    }

    /// Runs a command, which must succeed, with its own output directory.
    ///
    /// Nothing is removed before the last measurement, since file systems create files slowly where many were just removed.
    fn measure(&self, command: impl FnOnce(&Path) -> Command, output: &Path) -> Cost {
        fs::create_dir_all(output.parent().expect("an output lies in the directory of the bench")).unwrap();
        let mut command = command(output);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (cost, ended) = Cost::of(&mut command);
        assert!(ended.status.success() && output.is_dir(), "{}: {command:?}", ended.status);
        cost
    }
}

fn copy_of(directory: &Path, output: &Path) -> Command {
    let mut command = Command::new("cp");
    command.arg("-r").arg(directory).arg(output);
    command
}

/// The median of the times, and the maximum memory.
fn median(costs: &mut [Cost]) -> Cost {
    costs.sort_by_key(|cost| cost.time);
    let memory = costs.iter().map(|cost| cost.memory).max().unwrap();
    Cost { memory, ..costs[costs.len() / 2] }
}

/// A file system in memory, if the machine has one. On a disk, the effects of earlier builds and tests would dominate (ext4
/// without a journal: 1 ms for each new file while thousands of removed ones wait for reuse).
fn memory_or_temporary_directory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let usable = tempfile::tempdir_in(&memory).is_ok() && file_system(&memory).starts_with("tmpfs");
    if usable { memory } else { std::env::temp_dir() }
}

/// The file system of a directory, as the kernel lists it.
fn file_system(directory: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let over = fields.filter(|fields| fields.len() > 2 && directory.starts_with(fields[1]));
    let nearest = over.max_by_key(|fields| fields[1].len());
    nearest.map_or_else(|| "unknown".to_owned(), |fields| format!("{} at {}", fields[2], fields[1]))
}

impl OneKit {
    fn faster_than_reference(&self) -> f64 {
        self.reference.milliseconds() / self.ours.milliseconds()
    }

    fn against_copy(&self) -> f64 {
        self.ours.milliseconds() / self.copy.milliseconds()
    }

    fn figures(&self) -> Value {
        json!({
            "ours": self.ours.figures(),
            "cp": self.copy.figures(),
            "reference": self.reference.figures(),
            "faster_than_reference": self.faster_than_reference(),
            "times_cp": self.against_copy(),
        })
    }
}

impl ManyKits {
    fn last(&self) -> Cost {
        self.runs.last().expect("runs are made").1
    }

    fn faster_than_reference(&self) -> f64 {
        self.reference_call.milliseconds() * MANY as f64 / self.last().milliseconds()
    }

    /// How much slower a kit of the largest run is than one of the smallest; 1 means linear growth.
    fn growth(&self) -> f64 {
        let (count, smallest) = self.runs[0];
        (self.last().milliseconds() / MANY as f64) / (smallest.milliseconds() / count as f64)
    }

    /// Memory in `KiB` for each further kit, whose line of the result is held until the end.
    fn memory_for_each(&self) -> f64 {
        let (count, smallest) = self.runs[0];
        (self.last().memory as f64 - smallest.memory as f64) / (MANY - count) as f64
    }

    fn figures(&self) -> Value {
        let runs = self.runs.iter().map(|(count, cost)| json!({"kits": count, "cost": cost.figures()}));
        json!({
            "runs": runs.collect::<Vec<_>>(),
            "reference_call": self.reference_call.figures(),
            "reference_calls_measured": REFERENCE_CALLS,
            "faster_than_reference": self.faster_than_reference(),
            "time_per_kit_growth": self.growth(),
            "memory_kib_for_each_further_kit": self.memory_for_each(),
            "cp": self.copy.figures(),
        })
    }
}

fn promises(one: &OneKit, many: &ManyKits) -> Vec<Promise> {
    vec![
        Promise::at_least("one kit, times faster than the reference", one.faster_than_reference(), 100.0),
        Promise::at_most("one kit, times `cp -r`", one.against_copy(), 3.0),
        Promise::at_least(
            "1000 kits in one run, times faster than 1000 calls of the reference",
            many.faster_than_reference(),
            500.0,
        ),
        Promise::at_most("time for each kit, 1000 kits against 250", many.growth(), 1.25),
        Promise::at_most("KiB of peak memory for each further kit, 1000 kits against 250", many.memory_for_each(), 2.0),
    ]
}

fn print_tables(bench: &Bench, one: &OneKit, many: &ManyKits, promises: &[Promise]) {
    let row = |what: &str, cost: Cost| println!("  {what:<44} {:>10.2} ms  {:>8} KiB", cost.milliseconds(), cost.memory);
    println!("on {}; medians of {ROUNDS} rounds, {REFERENCE_CALLS} calls of the reference", bench.file_system);
    row("one kit: flare-kube prepare", one.ours);
    row("one kit: cp -r", one.copy);
    row("one kit: nvflare 2.8.3 deploy prepare", one.reference);
    for (count, cost) in &many.runs {
        row(&format!("{count} kits in one run: flare-kube prepare"), *cost);
    }
    row("1000 kits: cp -r", many.copy);
    row("one of many: nvflare 2.8.3 deploy prepare", many.reference_call);
    println!("  (1000 calls of the reference are {REFERENCE_CALLS} measured ones, scaled)");
    for promise in promises {
        println!("{}", promise.line());
    }
}
