//! Tokens and keys that are planted in requests and kits, and looked for in everything that the verbs of `launch` print or leave behind.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use flare_names::Target;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::launch_run::{PLANTED, Scene, prepared, signal};

/// How what is planted may show itself: as it is, and the beginning of its base64, as in a Secret.
const FORMS: [&str; 2] = [PLANTED, "UExBTlRFRC0w"];

fn assert_keeps_secrets(what: &str, text: &str) {
    for form in FORMS {
        assert!(!text.contains(form), "{what} shows a secret: {text}");
    }
}

impl Scene {
    /// Runs a line of `launch`, and returns all that it prints.
    fn printed(&self, line: &str) -> String {
        let finished = self.launch_any(line);
        assert!(finished.code.is_some_and(|code| code != 70 && code != 2), "{line}: {finished:#?}");
        format!("{}{}", finished.stdout, finished.stderr)
    }
}

#[test]
fn no_verb_of_launch_prints_a_token_or_a_key_whatever_the_cluster_quotes() {
    for target in Target::ALL.map(Target::as_str) {
        let scene = Scene::new(target);
        fs::write(scene.sandbox.join("kit/startup/client.key"), format!("{PLANTED}-key")).unwrap();
        for job in ["exit:3", "pull:1", "refused:1", "invalid:1", "wait:1"] {
            scene.request(&job.replace(':', "-"), &format!("fl/{job}"));
        }
        let requests = |jobs: &[&str]| jobs.iter().map(|job| format!(" --request {job}.json")).collect::<String>();
        let all = requests(&["exit-3", "pull-1", "refused-1", "invalid-1", "wait-1"]);
        for format in ["text", "json"] {
            for line in [
                format!("run --kit kit --target {target}{all} --pending-timeout 2 --keep -o {format}"),
                format!("run --kit kit --target {target}{all} --dry-run -o {format}"),
                format!("watch --namespace fl --timeout 2 -o {format}"),
                format!("sweep --namespace fl -o {format}"),
                format!("sweep --namespace fl --delete -o {format}"),
            ] {
                assert_keeps_secrets(&line, &scene.printed(&line));
            }
        }
        let line = format!("manifest --kit kit --target {target} --request exit-3.json -o text");
        assert_keeps_secrets(&line, &scene.printed(&line));
        assert_eq!(scene.cluster.count("POST /api/v1/namespaces/fl/events"), 0, "events would be read by others");
    }
}

#[test]
fn no_verb_of_launch_prints_the_key_of_a_prepared_kit() {
    let scene = Scene::new("2.9");
    prepared(&scene);
    let key = fs::read_to_string(scene.sandbox.join("out/startup/client.key")).unwrap();
    let line_of_key = key.lines().nth(1).expect("a key has lines");
    for line in ["run out --job meta.json", "canary out --image fl/exit:0", "canary out --image fl/exit:1", "sweep out --delete"]
    {
        let printed = scene.printed(line);
        assert!(!printed.contains(line_of_key), "{line}: {printed}");
    }
}

/// Ends a process as a crash does, and returns whether the system kept its memory.
fn crash(mut child: Child) -> bool {
    signal(&child, Signal::ABORT);
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6), "{status}");
    status.core_dumped()
}

#[test]
fn a_run_that_crashes_leaves_no_core_with_its_tokens() {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
    let scene = Scene::new("2.9");
    let mut other = Command::new("sleep");
    other.arg("600").current_dir(scene.sandbox.path()).stdout(Stdio::null());
    assert!(
        crash(other.spawn().unwrap()),
        "this machine keeps no core of any program (kernel.core_pattern, ulimit -c), so nothing is proven"
    );
    scene.request("long", "fl/run:1");
    let run = scene.start("long");
    assert!(!crash(run), "the system kept the memory of a run, with the tokens of its jobs");
}
