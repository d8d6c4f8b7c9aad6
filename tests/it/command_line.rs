//! The command line as a process: stdout, stderr and exit statuses, and that bad input loses nothing.
//!
//! Needs a process, since only that shows which stream a line goes to and the exit status.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    workspace_directory,
};
use serde_json::Value;

pub(crate) const CONFIG: &str = "runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare/nvflare:2.8.3\n";

/// A sandbox with the startup kit `site-1` and the configuration `k8s.yaml`.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    pub(crate) kit: PathBuf,
}

impl Site {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let kit = sandbox.join("site-1");
        Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&kit);
        // As provision makes it; git does not store this mode.
        fs::set_permissions(kit.join("startup/client.key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
        Self { sandbox, kit }
    }

    pub(crate) fn run(&self, line: &str) -> Finished {
        self.sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
    }

    /// Runs a command line that must be refused with this code and exit status, and must change nothing.
    pub(crate) fn refused(&self, line: &str, code: &str, exit: i32) -> Value {
        let before = Tree::read(self.sandbox.path());
        let finished = self.run(&format!("{line} -o json")).expect_code(exit);
        let document = finished.json();
        assert_eq!(document["error_code"], code, "{document}");
        assert_eq!(document["exit_code"], exit, "{document}");
        for fault in document["errors"].as_array().expect("every fault is listed") {
            let hint = fault["hint"].as_str().unwrap_or_default();
            assert!(!hint.is_empty(), "a fault without a hint: {fault}");
        }
        assert_eq!(document["message"], document["errors"][0]["message"]);
        assert!(Tree::read(self.sandbox.path()) == before, "`{line}` changed something");
        document
    }
}

#[test]
fn a_kit_is_prepared_and_reported() {
    let site = Site::new();
    let before = Tree::read(&site.kit);
    let document = site.run("prepare site-1 --config k8s.yaml --output out -o json").expect_code(0).json();
    assert_eq!(document["status"], "ok");
    let data = &document["data"];
    for key in [
        "runtime",
        "role",
        "name",
        "namespace",
        "output",
        "helm_chart",
        "helm_command",
        "resources",
        "target",
        "release",
        "deployment",
        "service",
        "fingerprint",
    ] {
        assert!(data[key].is_string(), "{key} is missing: {data}");
    }
    assert!(Tree::read(&site.kit) == before, "the kit was changed");
    let again = site.run("prepare site-1 --config k8s.yaml --output out -o json").expect_code(0).json();
    assert_eq!(document, again, "a second run says and does the same");
}

#[test]
fn text_is_the_report_on_stdout_and_the_talk_on_stderr() {
    let site = Site::new();
    insta::assert_snapshot!(
        site.run("prepare site-1 --config k8s.yaml --output out").shown().replace(&fingerprint(&site), "FINGERPRINT")
    );
    let quiet = site.run("prepare site-1 --config k8s.yaml --output out -q").expect_code(0);
    assert_eq!(quiet.stderr, "");
}

fn fingerprint(site: &Site) -> String {
    let data = site.run("prepare site-1 --config k8s.yaml --output out -o json").expect_code(0).json();
    data["data"]["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn bad_command_lines_are_refused_by_name_and_nothing_is_lost() {
    let site = Site::new();
    fs::create_dir(site.sandbox.join("foreign")).unwrap();
    fs::write(site.sandbox.join("foreign/thesis.txt"), "years of work").unwrap();
    symlink("k8s.yaml", site.sandbox.join("link.yaml")).unwrap();
    for (line, code, exit) in [
        ("prepare", "INVALID_ARGS", 4),
        ("prepare site-1 --kit site-1 --config k8s.yaml", "INVALID_ARGS", 4),
        ("prepare site-1 site-1/ --config k8s.yaml", "INVALID_ARGS", 4),
        ("prepare site-1 --no-such-flag", "INVALID_ARGS", 2),
        ("prepare site-1 --target 3.0", "INVALID_ARGS", 2),
        ("no-such-verb", "INVALID_ARGS", 2),
        ("prepare site-1", "CONFIG_NOT_FOUND", 4),
        ("prepare site-1 --config none.yaml --output out", "CONFIG_NOT_FOUND", 4),
        ("prepare site-1 --config foreign --output out", "CONFIG_NOT_FOUND", 4),
        ("prepare nowhere --config k8s.yaml --output out", "INVALID_KIT", 4),
        ("prepare k8s.yaml --config k8s.yaml --output out", "INVALID_KIT", 4),
        ("prepare site-1 --config k8s.yaml --output site-1", "INVALID_ARGS", 4),
        ("prepare site-1 --config k8s.yaml --output .", "INVALID_ARGS", 4),
        ("prepare site-1 --config k8s.yaml --output foreign", "INVALID_ARGS", 4),
        ("prepare site-1 --config k8s.yaml --output k8s.yaml", "INVALID_ARGS", 4),
        ("prepare site-1 --config k8s.yaml --output k8s.yaml/below", "INVALID_ARGS", 4),
        ("prepare --federation none.yaml", "INVALID_FEDERATION", 4),
        ("init foreign", "INVALID_ARGS", 4),
        ("init nowhere", "INVALID_ARGS", 4),
        ("stage site-1 --repair --rollback", "INVALID_ARGS", 2),
        ("backup site-1", "INVALID_ARGS", 2),
        ("backup site-1 b.tar --what everything", "INVALID_ARGS", 2),
        ("backup nowhere b.tar", "INVALID_PREPARED_KIT", 4),
        ("restore nowhere b.tar", "INVALID_PREPARED_KIT", 4),
        ("stage site-1 --namespace FL", "INVALID_ARGS", 2),
        ("launch sweep -n fl/pods", "INVALID_ARGS", 2),
    ] {
        let _ = site.refused(line, code, exit);
    }
    let _ = site.run("prepare site-1 --config link.yaml --output out").expect_code(0);
}

/// A cluster that is not there would be named first otherwise.
#[test]
fn the_file_of_a_backup_is_looked_at_before_the_cluster() {
    let site = Site::new();
    let _ = site.run("prepare site-1 --config k8s.yaml --output out").expect_code(0);
    fs::write(site.sandbox.join("thesis.tar"), "years of work").unwrap();
    fs::create_dir(site.sandbox.join("directory")).unwrap();
    for (line, code) in [
        ("backup out thesis.tar", "INVALID_ARGS"),
        ("backup out directory", "INVALID_ARGS"),
        ("backup out nowhere/b.tar", "INVALID_ARGS"),
        ("restore out none.tar", "INVALID_ARGS"),
        ("restore out directory", "INVALID_ARGS"),
        ("restore out thesis.tar", "INVALID_BACKUP"),
    ] {
        let _ = site.refused(&format!("{line} --kubeconfig none"), code, 4);
    }
    let _ = site.refused("backup out b.tar --kubeconfig none", "KUBECONFIG_INVALID", 4);
}

#[test]
fn init_writes_what_prepare_takes_and_never_overwrites() {
    for kits in ["plain-2.8.3", "plain-2.9.0", "odd-names-2.8.3", "child-2.8.3", "one-port-2.8.3"] {
        let site = Site::new();
        fs::remove_file(site.sandbox.join("k8s.yaml")).unwrap();
        let directory = workspace_directory().join("fixtures/kits").join(kits);
        let _ = site.run(&format!("init {}", directory.display())).expect_code(0);
        let document = site.run("prepare --federation federation.yaml --output prepared -o json").expect_code(0).json();
        let participants = document["data"]["participants"].as_array().unwrap();
        assert!(participants.len() >= 2, "{document}");
        let _ = site.refused(&format!("init {}", directory.display()), "INVALID_ARGS", 4);
    }
}

/// The verbs of a checkout.
const OF_A_CHECKOUT: [&str; 5] = ["test", "ci", "codegen", "bench", "demo"];

/// An installed program does not list the verbs of a checkout, although they work.
#[test]
fn an_installed_program_does_not_list_the_verbs_of_a_checkout() {
    let site = Site::new();
    let lists = |text: &str, verb: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{verb} ")));
    let installed = site.run("--help").expect_code(0).stdout;
    let mut through_cargo = site.sandbox.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    let through_cargo = through_cargo.arg("--help").env("CARGO", "/usr/bin/cargo").output().unwrap();
    let through_cargo = String::from_utf8(through_cargo.stdout).unwrap();
    assert!(lists(&installed, "prepare") && lists(&through_cargo, "prepare"));
    let _ = site.run("man --output installed").expect_code(0);
    for verb in OF_A_CHECKOUT {
        assert!(!lists(&installed, verb) && lists(&through_cargo, verb), "{verb}");
        assert!(!site.sandbox.join(format!("installed/flare-kube-{verb}.1")).exists(), "{verb}");
        let _ = site.run(&format!("{verb} --help")).expect_code(0);
        let _ = site.run(&format!("-q {verb} --help")).expect_code(0);
    }
    for word in ["slow-link", "internal:slow-link"] {
        assert!(!lists(&through_cargo, word));
        let _ = site.run(&format!("{word} 1 2")).expect_code(2);
    }
}

/// Completions and suggestions would name verbs that are only hidden.
#[test]
fn an_installed_program_suggests_no_verb_of_a_checkout() {
    let site = Site::new();
    let completions = |shell: &str, through_cargo: bool| {
        let mut command = site.sandbox.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
        let command = if through_cargo { command.env("CARGO", "/usr/bin/cargo") } else { &mut command };
        String::from_utf8(command.args(["completions", shell]).output().unwrap().stdout).unwrap()
    };
    let names = |shell: &str, script: &str, verb: &str| match shell {
        // Where `test` is also a word of the language.
        "fish" => script.contains(&format!("-a \"{verb}\"")),
        _ => script.split(|sign: char| !sign.is_ascii_alphanumeric()).any(|word| word == verb),
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (installed, through_cargo) = (completions(shell, false), completions(shell, true));
        assert!(names(shell, &installed, "prepare") && names(shell, &installed, "reprovision"), "{shell}");
        for verb in OF_A_CHECKOUT {
            assert!(!names(shell, &installed, verb) && names(shell, &through_cargo, verb), "{shell}: {verb}");
        }
    }
    for typing_error in ["tes", "codegn", "benc", "dem"] {
        let refused = site.run(typing_error).expect_code(2).stderr;
        let suggested = OF_A_CHECKOUT.into_iter().find(|verb| refused.contains(&format!("'{verb}'")));
        assert_eq!(suggested, None, "{refused}");
    }
    assert!(site.run("prepar").expect_code(2).stderr.contains("'prepare'"), "verbs of users are suggested");
}

/// Bash itself completes each line with the script.
#[test]
fn bash_completes_verbs_flags_and_values_at_every_depth() {
    let site = Site::new();
    let script = site.run("completions bash").expect_code(0).stdout;
    fs::write(site.sandbox.join("completions"), script).unwrap();
    let ask = "source ./completions || exit 9\n\
               [[ $(complete -p flare-kube) =~ -F\\ ([^ ]+) ]] || exit 8\n\
               COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))\n\
               \"${BASH_REMATCH[1]}\" flare-kube \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n\
               echo \"${COMPREPLY[@]}\"";
    let completed = |line: &str| {
        let words = ["-c", ask, "bash", "flare-kube"].into_iter().chain(line.split(' '));
        site.sandbox.run("bash", words).expect_code(0).stdout.trim().to_owned()
    };
    for (line, expected) in [
        ("repr", "reprovision"),
        ("launch ru", "run"),
        ("prepare --tar", "--target"),
        ("completions b", "bash"),
        ("stage --mode o", "objects"),
        ("launch canary --gp", "--gpus"),
        ("study-data --kubec", "--kubeconfig"),
    ] {
        assert_eq!(completed(line), expected, "flare-kube {line}");
    }
}

#[test]
fn completions_man_pages_and_schemas_come_out() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = site.run(&format!("completions {shell}")).expect_code(0).stdout;
        assert!(script.contains("prepare"), "{shell}");
    }
    let _ = site.run("man --output pages").expect_code(0);
    let page = fs::read_to_string(site.sandbox.join("pages/flare-kube-prepare.1")).unwrap();
    assert!(page.contains(".TH flare-kube-prepare 1") && page.contains("accept"), "{page}");
    for name in ["k8s", "federation", "server-values", "client-values"] {
        let schema = site.run(&format!("schema {name} -o json")).expect_code(0).json();
        assert!(schema["data"]["properties"].is_object(), "{name}");
        let bare: Value = site.run(&format!("schema {name}")).expect_code(0).json();
        assert_eq!(bare, schema["data"], "{name}");
    }
    let names = site.run("names Site-1 -o json").expect_code(0).json();
    assert_eq!(names["data"]["client"]["startup_secret"], "nvflare-startup-site-1-c828b91c");
    assert_eq!(names["data"]["server"]["startup_secret"], "nvflare-startup-server-b3eacd33");
}

#[test]
fn generated_files_are_fresh() {
    let finished = Sandbox::new();
    let output = finished
        .command(env!("CARGO_BIN_EXE_flare-kube-under-test"))
        .args(["codegen", "--check"])
        .current_dir(workspace_directory())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
