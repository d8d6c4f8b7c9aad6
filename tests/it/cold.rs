//! `ci --cold` and `.ci/with-fresh-home`: what a fresh machine has and does not have. With a fake cargo, since a real run takes
//! an hour.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use integration_tests::command::{Finished, Sandbox};
use integration_tests::workspace_directory;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// Reports its environment, in the form of a report of `ci`; does nothing for `demo`.
const CARGO: &str = r#"#!/bin/sh
[ "$2" = ci ] || exit 0
[ ! -e "$HANG" ] || { echo started >"$HANG"; exec sleep 600; }
echo streamed >&2
printf '{"data": {"steps": ['
for name in HOME CARGO_HOME CARGO_TARGET_DIR FLARE_KUBE_CACHE GOCACHE GOMODCACHE PWD; do
  printf '{"name": "%s=%s", "status": "done", "seconds": 1},' "$name" "$(printenv "$name")"
done
printf '{"name": "lints", "status": "failed", "seconds": 2, "reason": "clippy"}]}}'
exit 1
"#;

/// A checkout with what `ci --cold` needs, a home with settings, and a fake cargo.
fn checkout(sandbox: &Sandbox) {
    let write = |path: &str, text: &str, mode| {
        let path = sandbox.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let script = fs::read_to_string(workspace_directory().join(".ci/with-fresh-home")).unwrap();
    write("checkout/.ci/with-fresh-home", &script, 0o755);
    write("checkout/xtask/Cargo.toml", "", 0o644);
    write("checkout/ARCHITECTURE.md", "", 0o644);
    write("home/.cargo/config.toml", "# settings of Cargo", 0o644);
    write("home/.config/pip/pip.conf", "# settings of pip", 0o644);
    write("home/.cache/pip/wheel", "cached", 0o644);
    write("bin/cargo", CARGO, 0o755);
    write("disk/kept", "", 0o644);
    git(sandbox, &["init", "--quiet"]);
    git(sandbox, &["add", "."]);
    git(sandbox, &["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "a"]);
}

fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let mut git = sandbox.command("git");
    assert!(git.args(arguments).current_dir(sandbox.join("checkout")).status().unwrap().success());
}

fn cold(sandbox: &Sandbox) -> Command {
    let mut command = sandbox.command(PROGRAM);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.join("bin").display());
    command.env("PATH", path).env("HANG", sandbox.join("hang")).current_dir(sandbox.join("checkout"));
    command.args(["ci", "--cold", "--format", "json", "--directory"]).arg(sandbox.join("disk"));
    command
}

fn assert_nothing_is_left(sandbox: &Sandbox) {
    let left: Vec<_> = fs::read_dir(sandbox.join("disk")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["kept"]);
}

#[test]
fn a_cold_run_has_everything_of_its_own_reports_each_step_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    checkout(&sandbox);
    let finished = Finished::new(&cold(&sandbox).output().unwrap(), sandbox.path()).expect_code(1);
    assert!(finished.stderr.contains("streamed"), "{finished:#?}");
    let report = finished.json();
    let steps: Vec<&str> =
        report["data"]["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    let disk = sandbox.join("disk").display().to_string();
    let place = steps.iter().find_map(|step| step.strip_prefix("HOME=")?.strip_suffix("/home")).unwrap();
    assert!(place.starts_with(&disk), "{place}");
    let own = [
        ("HOME", "home"),
        ("CARGO_HOME", "cargo"),
        ("CARGO_TARGET_DIR", "target"),
        ("FLARE_KUBE_CACHE", "cache"),
        ("GOCACHE", "cache/go/build"),
        ("GOMODCACHE", "cache/go/modules"),
        ("PWD", "checkout"),
    ];
    let own = own.map(|(variable, path)| format!("{variable}={place}/{path}"));
    let mut expected = vec!["clone", "cargo xtask demo"];
    expected.extend(own.iter().map(String::as_str));
    expected.extend(["lints", "removal of what was made"]);
    assert_eq!(steps, expected);
    let errors: Vec<&Value> = report["errors"].as_array().unwrap().iter().map(|error| &error["message"]).collect();
    assert_eq!(errors, [&json!("lints: clippy")]);
    assert_nothing_is_left(&sandbox);
}

#[test]
fn an_interrupted_cold_run_leaves_nothing() {
    let sandbox = Sandbox::new();
    checkout(&sandbox);
    fs::write(sandbox.join("hang"), "").unwrap();
    let child = cold(&sandbox).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while fs::read_to_string(sandbox.join("hang")).unwrap().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let finished = Finished::new(&child.wait_with_output().unwrap(), sandbox.path()).expect_code(130);
    assert_eq!(finished.json()["errors"].as_array().unwrap().len(), 1, "{finished:#?}");
    assert_nothing_is_left(&sandbox);
}

#[test]
fn what_is_not_committed_is_not_passed_over() {
    let sandbox = Sandbox::new();
    checkout(&sandbox);
    fs::write(sandbox.join("checkout/new"), "").unwrap();
    let finished = Finished::new(&cold(&sandbox).output().unwrap(), sandbox.path()).expect_code(4);
    assert!(
        finished.json()["message"].as_str().unwrap().starts_with("what is not committed (1 paths) would not be tested"),
        "{finished:#?}"
    );
    assert_nothing_is_left(&sandbox);
}

/// The environment variables of a command in a fresh home.
fn fresh(sandbox: &Sandbox, directory: &Path, command: &str) -> String {
    let mut script = sandbox.command(workspace_directory().join(".ci/with-fresh-home"));
    let output = script.arg(directory).args(["sh", "-c", command]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_fresh_home_is_empty_each_time_and_keeps_the_settings_of_clients_and_the_heavy_cache() {
    let sandbox = Sandbox::new();
    checkout(&sandbox);
    let directory = sandbox.join("own");
    let home = sandbox.join("home").display().to_string();
    for _ in 0..2 {
        let seen = fresh(&sandbox, &directory, "ls -A $HOME $CARGO_HOME; touch $HOME/a $CARGO_HOME/b");
        assert_eq!(seen, format!("{0}/cargo:\nconfig.toml\n\n{0}/home:\n", directory.display()));
    }
    assert_eq!(
        fresh(&sandbox, &directory, "cat $CARGO_HOME/config.toml $PIP_CONFIG_FILE"),
        "# settings of Cargo# settings of pip"
    );
    assert_eq!(fresh(&sandbox, &directory, "echo $FLARE_KUBE_CACHE"), format!("{home}/.cache/flare-kube\n"));
    assert!(fresh(&sandbox, &directory, "echo $PATH").ends_with(&format!(":{home}/.cargo/bin\n")));
    assert_eq!(
        fs::read_to_string(sandbox.join("home/.cargo/config.toml")).unwrap(),
        "# settings of Cargo",
        "only a link is removed"
    );
}

#[test]
fn ci_keeps_what_others_crates_compile_to_until_the_lock_file_changes_and_empties_its_homes() {
    let sandbox = Sandbox::new();
    checkout(&sandbox);
    let script = |name: &str, text: &str| {
        let path = sandbox.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    script("bin/rustc", "#!/bin/sh\necho rustc 1\n");
    script(
        "bin/cargo",
        "#!/bin/sh\necho \"$@\"; ls $CARGO_TARGET_DIR $HOME; touch $CARGO_TARGET_DIR/$2 $HOME/a; echo $CARGO_TARGET_DIR\n",
    );
    script("checkout/.ci/run", &fs::read_to_string(workspace_directory().join(".ci/run")).unwrap());
    let run = |lock: &str| {
        fs::write(sandbox.join("checkout/Cargo.lock"), lock).unwrap();
        let mut run = sandbox.command(sandbox.join("checkout/.ci/run"));
        let output = run.env("PATH", format!("{}:/usr/bin:/bin", sandbox.join("bin").display())).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let target = text.lines().last().unwrap().to_owned();
        (text.replace(&target, "TARGET").replace(&sandbox.join("home").display().to_string(), "~"), target)
    };
    let cleaned = "clean --quiet --workspace\n~/.cache/flare-kube/ci/home:\n\nTARGET:\n";
    let (text, target) = run("first");
    assert!(text.starts_with(cleaned) && text.contains("xtask test\n"), "{text}");
    // The previous run's build output is kept, but nothing that it put into its home.
    let (text, again) = run("first");
    assert!(text.starts_with(&format!("{cleaned}--quiet\ntest\n")), "{text}");
    assert_eq!(target, again);
    let (text, other) = run("second");
    assert!(text.starts_with(cleaned) && !text.starts_with(&format!("{cleaned}--quiet")), "{text}");
    assert!(target != other && !Path::new(&target).exists() && Path::new(&other).exists());
}
