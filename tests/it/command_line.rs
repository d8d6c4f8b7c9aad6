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

const CONFIG: &str = "runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare/nvflare:2.8.3\n";

struct Site {
    sandbox: Sandbox,
    kit: PathBuf,
}

impl Site {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let kit = sandbox.join("site-1");
        Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&kit);
        // As provision makes it; git does not store this mode.
        fs::set_permissions(kit.join("startup/client.key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
        Self { sandbox, kit }
    }

    fn run(&self, line: &str) -> Finished {
        self.sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
    }

    /// Runs a command line that must be refused with this code and exit status, and must change nothing.
    fn refused(&self, line: &str, code: &str, exit: i32) -> Value {
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
fn the_default_output_is_in_the_kit_and_left_out_of_the_copy() {
    let site = Site::new();
    fs::write(site.kit.join("config.yaml"), CONFIG).unwrap();
    for _ in 0..2 {
        let _ = site.run("prepare site-1").expect_code(0);
        let prepared = Tree::read(&site.kit.join("prepared/k8s"));
        assert!(prepared.0.contains_key("helm_chart/Chart.yaml") && prepared.0.contains_key("config.yaml"));
        assert!(!prepared.0.keys().any(|path| path.starts_with("prepared")));
    }
}

#[test]
fn every_fault_of_a_config_comes_at_once_with_its_place() {
    let site = Site::new();
    fs::write(
        site.sandbox.join("bad.yaml"),
        "runtime: k8s\nnamespce: x\nparent:\n  docker_image: 'Bad Image'\n  parent_port: 70000\n",
    )
    .unwrap();
    let document = site.refused("prepare site-1 --config bad.yaml --output out", "INVALID_CONFIG", 4);
    let places: Vec<_> = document["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["location"]["line"].as_u64(), fault["location"]["column"].as_u64()))
        .collect();
    assert_eq!(places, [(Some(2), Some(1)), (Some(4), Some(17)), (Some(5), Some(16))]);
    assert_eq!(document["hint"], "did you mean `namespace`?");
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
    ] {
        let _ = site.refused(line, code, exit);
    }
    let _ = site.run("prepare site-1 --config link.yaml --output out").expect_code(0);
}

#[test]
fn defect_8_only_a_directory_of_ours_or_an_empty_one_is_replaced() {
    let site = Site::new();
    fs::create_dir(site.sandbox.join("empty")).unwrap();
    for output in ["empty", "made/on/the/way", "empty"] {
        let _ = site.run(&format!("prepare site-1 --config k8s.yaml --output {output}")).expect_code(0);
    }
    fs::remove_file(site.sandbox.join("empty/.flare-kube.json")).unwrap();
    let _ = site.refused("prepare site-1 --config k8s.yaml --output empty", "INVALID_ARGS", 4);
}

#[test]
fn a_failed_run_leaves_an_earlier_output_untouched() {
    let site = Site::new();
    let _ = site.run("prepare site-1 --config k8s.yaml --output out").expect_code(0);
    fs::remove_file(site.kit.join("startup/client.key")).unwrap();
    symlink("/etc/hostname", site.kit.join("local/link")).unwrap();
    let document = site.refused("prepare site-1 --config k8s.yaml --output out", "INVALID_KIT", 4);
    assert!(document.to_string().contains("local/link"), "{document}");
}

#[test]
fn faults_come_in_the_order_arguments_config_kit_output() {
    let site = Site::new();
    fs::create_dir(site.sandbox.join("foreign")).unwrap();
    fs::write(site.sandbox.join("foreign/file"), "").unwrap();
    fs::write(site.sandbox.join("bad.yaml"), "runtime: docker\n").unwrap();
    fs::remove_file(site.kit.join("startup/client.crt")).unwrap();
    let document = site.refused("prepare site-1 --config bad.yaml --output foreign", "INVALID_CONFIG", 4);
    let mut codes: Vec<_> = document["errors"].as_array().unwrap().iter().map(|fault| fault["error_code"].clone()).collect();
    codes.dedup();
    assert_eq!(codes, ["INVALID_CONFIG", "INVALID_KIT", "INVALID_ARGS"], "{document}");
    let _ = site.refused("prepare site-1 --config k8s.yaml --output foreign", "INVALID_KIT", 4);
}

#[test]
fn edits_of_an_earlier_output_are_not_lost_in_silence() {
    let site = Site::new();
    let line = "prepare site-1 --config k8s.yaml --output out";
    let _ = site.run(line).expect_code(0);
    fs::write(site.sandbox.join("out/local/study_data.yaml"), "default: {data: {source: claim, mode: ro}}\n").unwrap();
    fs::write(site.sandbox.join("out/helm_chart/values-mine.yaml"), "a: 1\n").unwrap();
    fs::create_dir_all(site.sandbox.join("out/transfer/models")).unwrap();
    fs::write(site.sandbox.join("out/transfer/models/best.pt"), "weights").unwrap();
    let document = site.refused(line, "INVALID_ARGS", 4);
    let named: Vec<_> = document["errors"].as_array().unwrap().iter().map(|fault| fault["location"]["file"].clone()).collect();
    let path = |file: &str| site.sandbox.join(file).to_str().unwrap().to_owned();
    assert_eq!(named, [path("out/helm_chart/values-mine.yaml"), path("out/local/study_data.yaml")]);
    let document = site.run(&format!("{line} --discard-changes -o json")).expect_code(0).json();
    assert!(document["warnings"].to_string().contains("local/study_data.yaml"), "{document}");
    let document = site.run(&format!("{line} -o json")).expect_code(0).json();
    assert!(!document["warnings"].to_string().contains("local/study_data.yaml"), "{document}");
    assert_eq!(fs::read(site.sandbox.join("out/transfer/models/best.pt")).unwrap(), b"weights", "transfer/ always stays");
}

#[test]
fn an_output_never_stands_in_somebody_s_kit_nor_takes_the_user_s_directory_away() {
    let site = Site::new();
    let other = site.sandbox.join("site-2");
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-2")).write(&other);
    symlink("site-2/startup", site.sandbox.join("link")).unwrap();
    let _ = site.run("prepare site-2 --config k8s.yaml --output earlier").expect_code(0);
    fs::create_dir(site.sandbox.join("empty")).unwrap();
    for (output, words) in [
        ("site-1/startup", "inside the kit's `startup`"),
        ("site-1/local/custom/k8s", "inside the kit's `local`"),
        ("site-2/out", "inside another participant's startup kit"),
        ("site-2/prepared/k8s", "inside another participant's startup kit"),
        ("link/out", "inside another participant's startup kit"),
        ("earlier/site-1", "inside another prepared kit"),
        ("site-1", "is the kit or contains it"),
    ] {
        let document = site.refused(&format!("prepare site-1 --config k8s.yaml --output {output}"), "INVALID_ARGS", 4);
        assert!(document["message"].as_str().unwrap().contains(words), "{output}: {document}");
    }
    let document = site.refused("prepare earlier --config k8s.yaml --output out", "INVALID_KIT", 4);
    assert!(document["message"].as_str().unwrap().contains("is a prepared kit"), "{document}");
    let here = site.sandbox.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    for output in [".", "..", "../empty"] {
        let mut here = std::process::Command::new(here.get_program());
        here.current_dir(site.sandbox.join("empty")).args([
            "prepare",
            "../site-1",
            "--config",
            "../k8s.yaml",
            "--output",
            output,
        ]);
        let finished = here.output().unwrap();
        assert_eq!(finished.status.code(), Some(4), "{output}");
        assert!(
            output == ".." || String::from_utf8_lossy(&finished.stderr).contains("is the directory in which you are"),
            "{output}"
        );
        assert!(site.sandbox.join("empty").is_dir());
    }
}

#[test]
fn earlier_outputs_inside_a_kit_are_no_part_of_it_whoever_they_are_for() {
    let site = Site::new();
    let _ = site.run("prepare site-1 --config k8s.yaml --output site-1/first").expect_code(0);
    let _ = site.run("prepare site-1 --config k8s.yaml --output out").expect_code(0);
    let _ = site.run("prepare site-1 --config k8s.yaml --output site-1/second").expect_code(0);
    for output in ["out", "site-1/second"] {
        let prepared = Tree::read(&site.sandbox.join(output));
        let foreign: Vec<_> = prepared.0.keys().filter(|path| path.contains("first") || path.contains("prepared")).collect();
        assert!(foreign.is_empty(), "{output}: {foreign:?}");
        assert!(prepared.0.contains_key("startup/client.key"));
    }
}

#[test]
fn names_that_are_not_utf_8_are_refused_before_anything_is_written() {
    use std::os::unix::ffi::OsStrExt as _;
    let site = Site::new();
    let name = std::ffi::OsStr::from_bytes(b"custom-\xff.py");
    fs::write(site.kit.join("local").join(name), "x").unwrap();
    let finished = site.run("prepare site-1 --config k8s.yaml --output out -o json").expect_code(4);
    let document = finished.json();
    assert_eq!(document["error_code"], "INVALID_KIT");
    assert!(document["message"].as_str().unwrap().contains("custom-"), "{document}");
    assert!(!site.sandbox.join("out").exists());
}

#[test]
fn a_kit_behind_a_link_is_the_kit_that_it_leads_to() {
    let site = Site::new();
    symlink("site-1", site.sandbox.join("current")).unwrap();
    let document = site.run("prepare current --config k8s.yaml --output out -o json").expect_code(0).json();
    assert_eq!(document["data"]["name"], "site-1");
    let _ = site.refused("prepare current site-1 --config k8s.yaml", "INVALID_ARGS", 4);
}

#[test]
fn defect_15_two_kits_for_one_claim_are_refused_before_anything_is_written() {
    let site = Site::new();
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-2")).write(&site.sandbox.join("site-2"));
    let _ = site.refused("prepare site-1 site-2 --config k8s.yaml --output both", "INVALID_ARGS", 4);
    let document =
        site.run("prepare site-1 site-2 --config k8s.yaml --output both --separate-clusters -o json").expect_code(0).json();
    assert_eq!(document["data"]["participants"].as_array().unwrap().len(), 2);
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

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let site = Site::new();
    let before = Tree::read(site.sandbox.path());
    let document = site.run("prepare site-1 --config k8s.yaml --output out --dry-run -o json").expect_code(0).json();
    let changes = document["data"]["changes"].as_array().unwrap();
    let kind = |path: &str| changes.iter().find(|change| change["path"] == path).map(|change| change["change"].clone());
    assert_eq!(kind("startup/start.sh"), Some("removed".into()));
    assert_eq!(kind("local/resources.json.default"), Some("changed".into()));
    assert_eq!(kind("helm_chart/Chart.yaml"), Some("added".into()));
    assert_eq!(kind("startup/client.key"), None);
    let text = site.run("prepare site-1 --config k8s.yaml --output out --dry-run").expect_code(0);
    assert!(text.stdout.contains("+      \"id\": \"k8s_launcher\""), "{}", text.stdout);
    assert!(!text.stdout.contains("PRIVATE KEY"));
    assert!(Tree::read(site.sandbox.path()) == before, "a dry run wrote something");
}

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
    for verb in ["test", "ci", "codegen", "bench", "demo"] {
        assert!(!lists(&installed, verb) && lists(&through_cargo, verb), "{verb}");
        assert!(!site.sandbox.join(format!("installed/flare-kube-{verb}.1")).exists(), "{verb}");
        let _ = site.run(&format!("{verb} --help")).expect_code(0);
    }
    for word in ["slow-link", "internal:slow-link"] {
        assert!(!lists(&through_cargo, word));
        let _ = site.run(&format!("{word} 1 2")).expect_code(2);
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

#[test]
fn a_key_that_others_can_read_is_narrowed_and_a_dry_run_says_so() {
    let site = Site::new();
    fs::set_permissions(site.kit.join("startup/client.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let shown = site.run("prepare site-1 --config k8s.yaml --output out --dry-run").expect_code(0).stdout;
    assert!(shown.contains("~ startup/client.key\n    mode 0640 becomes 0600\n"), "{shown}");
    let _ = site.run("prepare site-1 --config k8s.yaml --output out").expect_code(0);
    let mode = |path: &str| fs::metadata(site.sandbox.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("out/startup/client.key"), mode("site-1/startup/client.key")], [0o600, 0o640], "the kit is never changed");
}
