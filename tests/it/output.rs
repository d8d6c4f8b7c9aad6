//! How the program behaves in unusual environments: full disks, names that are not UTF-8, ignored signals, dumb terminals; and what
//! its documentation promises.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    process::{Command, Stdio},
};

use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    workspace_directory,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");
const CONFIG: &str = "runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare/nvflare:2.8.3\n";

/// A sandbox with one kit and its configuration.
fn site() -> Sandbox {
    let sandbox = Sandbox::new();
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&sandbox.join("site-1"));
    fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(PROGRAM, line.split_whitespace())
}

/// One command line for every verb that prints a result, and for each kind of refusal.
const LINES: [(&str, i32); 14] = [
    ("--help", 0),
    ("--version", 0),
    ("prepare --help", 0),
    ("help", 0),
    ("names site-1", 0),
    ("names site-1 -o json", 0),
    ("schema k8s", 0),
    ("completions bash", 0),
    ("man", 0),
    ("man --output pages", 0),
    ("prepare site-1 --config k8s.yaml --output out", 0),
    ("prepare site-1 --config k8s.yaml --dry-run -o json", 0),
    ("prepare site-1 --no-such-flag -o json", 2),
    ("prepare nowhere --config k8s.yaml -o json", 4),
];

#[test]
fn a_result_that_cannot_be_written_is_an_error_of_every_verb() {
    let sandbox = site();
    for (line, usual) in LINES {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = sandbox.command(PROGRAM).args(line.split(' ')).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(if usual == 0 { 4 } else { usual }), "{line}: {said}");
        assert!(
            said.contains("OUTPUT_NOT_WRITTEN") && said.contains("No space left") && said.contains("Hint: "),
            "{line}: {said}"
        );
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let sandbox = site();
    for (line, usual) in LINES {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox.command(PROGRAM).args(line.split(' ')).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(usual), "{line}: {said}");
        assert!(!said.contains("OUTPUT_NOT_WRITTEN"), "{line}: {said}");
    }
}

#[test]
fn a_path_that_is_not_utf_8_is_refused_before_anything_is_written() {
    let sandbox = site();
    let odd = OsStr::from_bytes(b"caf\xe9");
    Tree::read(&sandbox.join("site-1")).write(&sandbox.join(odd).join("site-1"));
    fs::write(sandbox.join(odd).join("k8s.yaml"), CONFIG).unwrap();
    symlink(odd, sandbox.join("link")).unwrap();
    let before = Tree::read(&sandbox.join("site-1"));
    let listing = || fs::read_dir(sandbox.path()).unwrap().count();
    let entries = listing();
    let path = |text: &str| {
        let parts: Vec<&[u8]> = text.split('~').map(str::as_bytes).collect();
        OsStr::from_bytes(&parts.join(&b"caf\xe9"[..])).to_owned()
    };
    for line in [
        "prepare ~/site-1 --config k8s.yaml",
        "prepare link/site-1 --config k8s.yaml --output out",
        "prepare site-1 --config ~/k8s.yaml --output out",
        "prepare site-1 --config k8s.yaml --output ~/out",
        "prepare site-1 --config k8s.yaml --output link/out",
        "prepare site-1 ~/site-1 --config k8s.yaml --separate-clusters",
        "prepare --federation ~/federation.yaml",
        "init ~",
        "init link",
        "init ~ --output .",
        "man --output ~/pages",
        "launch manifest ~/site-1 --job job.json",
        "launch manifest --request ~/r.json --kit site-1",
    ] {
        let arguments = line.split(' ').map(path).chain(["-o".into(), "json".into()]);
        let finished = sandbox.run(PROGRAM, arguments).expect_code(4);
        let document = finished.json();
        assert_eq!(document["error_code"], "INVALID_ARGS", "{line}: {document}");
        let message = document["message"].as_str().unwrap();
        assert!(message.contains("caf\\xe9") && message.contains("not UTF-8"), "{line}: {document}");
        assert!(!document.to_string().contains('\u{fffd}') && !finished.stderr.contains("panic"), "{line}: {finished:#?}");
    }
    // Relative paths refer to a directory with such a name.
    for (line, code) in
        [("prepare site-1 --config k8s.yaml -o json", 4), ("names site-1 -o json", 0), ("cluster status -o json", 1)]
    {
        let mut command = sandbox.command(PROGRAM);
        let output = command.current_dir(sandbox.join(odd)).args(line.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        let _: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    }
    // Text arguments, and a home from the environment.
    let name = sandbox.run(PROGRAM, ["names".into(), path("~"), "-ojson".into()]).expect_code(2).json();
    assert_eq!(name["error_code"], "INVALID_ARGS");
    let home = sandbox.command(PROGRAM).args(["cluster", "status", "-ojson"]).env("HOME", sandbox.join(odd)).output().unwrap();
    assert_eq!(home.status.code(), Some(4), "{home:?}");
    assert_eq!((Tree::read(&sandbox.join("site-1")) == before, listing()), (true, entries), "something was written");
}

#[test]
fn bundled_flags_keep_the_promise_of_one_document() {
    let sandbox = site();
    for flags in ["-qojson", "-qo json", "-qo=json", "-vojson", "-qvojson"] {
        let document = run(&sandbox, &format!("prepare --no-such-flag {flags}")).expect_code(2).json();
        assert_eq!((&document["status"], &document["exit_code"]), (&"error".into(), &2.into()), "{flags}");
        assert!(document["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    }
    let document = run(&sandbox, "names site-1 -qojson").expect_code(0).json();
    assert_eq!(document["status"], "ok");
}

#[test]
fn no_message_quotes_a_key_or_a_credential() {
    let sandbox = site();
    let key = fs::read_to_string(sandbox.join("site-1/startup/client.key")).unwrap();
    fs::write(sandbox.join("image.yaml"), "runtime: k8s\nparent:\n  docker_image: 'jane:hunter2@registry/Bad Image'\n").unwrap();
    for line in [
        "prepare site-1 --config site-1/startup/client.key --output out",
        "prepare --federation site-1/startup/client.key",
        "prepare site-1 --config image.yaml --output out",
        "prepare https://jane:hunter2@registry/site-1 --config k8s.yaml",
        "prepare site-1 --https://jane:hunter2@registry",
        "launch manifest --request site-1/startup/client.key --kit site-1",
        "init site-1 --image jane:hunter2@registry/Bad",
    ] {
        for format in ["text", "json"] {
            let finished = run(&sandbox, &format!("{line} -o {format}"));
            assert_ne!(finished.code, Some(0), "{line}");
            let shown = finished.shown();
            assert!(!shown.contains("hunter2"), "{line}: {shown}");
            for part in key.lines().filter(|part| part.len() > 3) {
                assert!(!shown.contains(part) && !shown.contains(&part[..part.len().min(16)]), "{line}: {shown}");
            }
        }
    }
}

#[test]
fn a_dumb_terminal_gets_no_colour_and_a_real_one_does() {
    let sandbox = site();
    // `script` gives the program a terminal for its stderr.
    let on_terminal = |term: &str| {
        let line = format!("{PROGRAM} prepare nowhere --config k8s.yaml");
        let mut command = sandbox.command("script");
        command.args(["-qec", &line, "/dev/null"]).env_remove("NO_COLOR").env("TERM", term);
        let output = command.output().expect("script of util-linux");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (dumb, real) = (on_terminal("dumb"), on_terminal("xterm"));
    assert!(dumb.contains("Error") && !dumb.contains('\u{1b}'), "{dumb:?}");
    assert!(real.contains("\u{1b}[1;31mError"), "{real:?}");
}

#[test]
fn numbers_of_exit_statuses_are_the_same_on_every_page() {
    let sandbox = site();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let help = words(&run(&sandbox, "--help").expect_code(0).stdout);
    let list = help.split("Exit status: ").nth(1).expect("the help lists them").to_owned();
    let readme = words(&fs::read_to_string(workspace_directory().join("README.md")).unwrap());
    assert!(readme.contains(&list), "README.md does not say `{list}`");
    let man = words(&run(&sandbox, "man").expect_code(0).stdout.replace("\\-", "-"));
    assert!(man.contains(&list), "the manual page does not say `{list}`: {man}");
    let known: BTreeSet<&str> = list.split(" · ").filter_map(|part| part.split(' ').next()).collect();
    let page = fs::read_to_string(workspace_directory().join("docs/command-line.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut warnings = 0;
    for row in rows {
        let cells: Vec<_> = row.split(" | ").collect();
        let is_warning = cells[2].starts_with("Warning:");
        warnings += usize::from(is_warning);
        assert!(if is_warning { cells[1] == "–" } else { known.contains(cells[1]) }, "{row}");
    }
    assert!(warnings > 5);
}

#[test]
fn a_mistaken_argument_is_told_with_the_right_one() {
    let sandbox = site();
    let refused = |line: &str| run(&sandbox, &format!("{line} -o json")).expect_code(4).json();
    let document = refused("prepare site-1 k8s.yaml");
    assert!(document["hint"].as_str().unwrap().contains("--config k8s.yaml"), "{document}");
    let document = refused("names site-1 --job !!!");
    assert_eq!(document["error_code"], "INVALID_ARGS");
    assert!(document["message"].as_str().unwrap().contains("`!!!` is not a job id"), "{document}");
}

#[test]
fn an_ignored_hangup_stays_ignored_and_another_one_ends_the_run() {
    let sandbox = site();
    let mut tree = Tree::read(&sandbox.join("site-1"));
    for index in 0..3000 {
        tree.put(&format!("local/custom/module_{index}.py"), "VALUE = 1\n".repeat(500));
    }
    tree.write(&sandbox.join("site-1"));
    // The shell's `trap ''` does the same as nohup: the program starts with the signal ignored.
    let ended = |setup: &str| {
        let script = format!("{setup} {PROGRAM} prepare site-1 --config k8s.yaml --output out");
        let mut child = sandbox.command("sh").args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let program = || fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default().starts_with(PROGRAM.as_bytes());
        while !program() {
            std::thread::yield_now();
        }
        while child.try_wait().unwrap().is_none() {
            let _ = Command::new("kill").args(["-HUP", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        }
        child.wait().unwrap()
    };
    assert_eq!(ended("trap '' HUP; exec").code(), Some(0), "nohup means that the run goes on");
    // The tests themselves may run under nohup, and a shell cannot undo that.
    let status = ended("exec env --default-signal=HUP");
    // Before the handler is installed, the signal's default action ends the process.
    assert!(status.code() == Some(130) || status.code().is_none(), "{status}");
}
