//! `prepare` that is killed or interrupted while it runs.
//!
//! Needs a real process, because the tests check the file system after the kernel has killed one: it must have the whole old
//! output or the whole new one, and an unchanged kit.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use integration_tests::command::Sandbox;
use integration_tests::kit::{Entry, Tree};
use integration_tests::random::Random;
use integration_tests::workspace_directory;

const ROUNDS: usize = 60;

/// A kit with enough files that a run spends most of its time writing.
fn kit(sandbox: &Sandbox) -> PathBuf {
    let mut tree = Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1"));
    for index in 0..300 {
        tree.put(&format!("local/custom/{}/module_{index}.py", index % 10), format!("VALUE = {index}\n").repeat(50));
    }
    let path = sandbox.join("site-1");
    tree.write(&path);
    path
}

fn config(sandbox: &Sandbox, namespace: &str) -> PathBuf {
    let path = sandbox.join(format!("{namespace}.yaml"));
    let text = format!("runtime: k8s\nnamespace: {namespace}\nparent:\n  docker_image: registry.example.com/nvflare:2.8.3\n");
    std::fs::write(&path, text).unwrap();
    path
}

fn prepare(sandbox: &Sandbox, kit: &Path, config: &Path, output: &Path) -> Command {
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    command.arg("prepare").arg(kit).arg("--config").arg(config).arg("--output").arg(output);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn succeed(mut command: Command) -> Duration {
    let began = Instant::now();
    let status = command.status().unwrap();
    assert!(status.success(), "{status}: {command:?}");
    began.elapsed()
}

/// The outputs that two configs make, the kit, and how long a run takes.
struct Scene {
    sandbox: Sandbox,
    kit: PathBuf,
    untouched: Tree,
    output: PathBuf,
    configs: [PathBuf; 2],
    outputs: [Tree; 2],
    life: Duration,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let kit = kit(&sandbox);
        let configs = ["red", "blue"].map(|namespace| config(&sandbox, namespace));
        // Always the same path, since the report, and so the marker, may contain it.
        std::fs::create_dir(sandbox.join("outputs")).unwrap();
        let output = sandbox.join("outputs/out");
        let mut life = Duration::ZERO;
        let outputs = [0, 1].map(|index| {
            life = life.max(succeed(prepare(&sandbox, &kit, &configs[index], &output)));
            Tree::read(&output)
        });
        assert_ne!(outputs[0], outputs[1], "two configs must make two outputs");
        let untouched = Tree::read(&kit);
        Self { sandbox, kit, untouched, output, configs, outputs, life }
    }

    fn start(&self, index: usize) -> Child {
        prepare(&self.sandbox, &self.kit, &self.configs[index], &self.output).spawn().unwrap()
    }

    /// Which of the two outputs is there; fails if it is not whole.
    fn standing(&self) -> usize {
        let found = Tree::read(&self.output);
        let position = self.outputs.iter().position(|output| *output == found);
        position.unwrap_or_else(|| panic!("the output is neither the old one nor the new one: {:#?}", names(&found)))
    }

    fn leftovers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.sandbox.join("outputs")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name != "out").collect()
    }
}

/// Random times during a run, whose duration is learned on the way, since other tests on the machine change it.
struct Moments {
    random: Random,
    span: Duration,
}

impl Moments {
    fn wait(&mut self) {
        std::thread::sleep(self.span.mul_f64(self.random.below(1000) as f64 / 1000.0));
    }

    /// Learns from whether the run had already ended: if so, later times are shorter, otherwise longer.
    fn learn(&mut self, ended: bool) {
        self.span = self.span.mul_f64(if ended { 0.8 } else { 1.1 });
    }
}

fn names(tree: &Tree) -> Vec<(&String, usize)> {
    let sizes = tree.0.iter().map(|(path, entry)| (path, if let Entry::File(bytes, _) = entry { bytes.len() } else { 0 }));
    sizes.collect()
}

#[test]
fn a_killed_prepare_leaves_the_old_output_or_the_new_one_and_the_kit_as_it_was() {
    let scene = Scene::new();
    let mut moments = Moments { random: Random::new(3), span: scene.life };
    let (mut old, mut new, mut dirty) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let before = scene.standing();
        let next = 1 - before;
        let mut child = scene.start(next);
        moments.wait();
        child.kill().unwrap();
        child.wait().unwrap();
        let after = scene.standing();
        *(if after == before { &mut old } else { &mut new }) += 1;
        moments.learn(after != before);
        dirty += usize::from(!scene.leftovers().is_empty());
        assert!(Tree::read(&scene.kit) == scene.untouched, "the kit has changed");
    }
    println!("{ROUNDS} kills: {old} left the old output, {new} the new one; {dirty} left a temporary directory");
    assert!(old > 0 && new > 0, "all kills came before the end, or all after it: the loop proves nothing");
    succeed(prepare(&scene.sandbox, &scene.kit, &scene.configs[0], &scene.output));
    assert_eq!(scene.leftovers(), Vec::<String>::new(), "the next run cleans up after a killed one");
}

#[test]
fn an_interrupted_prepare_ends_with_130_and_leaves_nothing_behind() {
    let scene = Scene::new();
    let mut moments = Moments { random: Random::new(4), span: scene.life };
    let mut interrupted = 0;
    for _ in 0..ROUNDS {
        let before = scene.standing();
        let mut child = scene.start(1 - before);
        moments.wait();
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let status = child.wait().unwrap();
        let after = scene.standing();
        moments.learn(status.code() == Some(0));
        match status.code() {
            Some(0) => assert_eq!(after, 1 - before, "a good end means the new output"),
            Some(130) => {
                interrupted += 1;
                assert_eq!(after, before, "an interrupted run changes nothing");
            }
            // Before the handler is installed, the signal's default action ends the process.
            None => assert_eq!(after, before),
            other => panic!("exit {other:?}, signal sent: {sent}"),
        }
        assert_eq!(scene.leftovers(), Vec::<String>::new());
        assert!(Tree::read(&scene.kit) == scene.untouched, "the kit has changed");
    }
    println!("{ROUNDS} interrupts: {interrupted} ended with 130");
    assert!(interrupted > 0, "no interrupt came in time: the loop proves nothing");
}
