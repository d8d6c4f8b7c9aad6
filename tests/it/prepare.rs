//! `prepare` as a process: which outputs are replaced, refused or kept, and the order of faults.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use integration_tests::{kit::Tree, workspace_directory};

use crate::command_line::{CONFIG, Site};

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
fn a_config_that_is_there_and_no_file_counts_as_not_found_as_in_the_reference() {
    let site = Site::new();
    for config in ["/dev/null", "site-1", "missing.yaml"] {
        let document = site.refused(&format!("prepare site-1 --config {config} --output out"), "CONFIG_NOT_FOUND", 4);
        assert!(document["location"]["file"].as_str().unwrap().ends_with(config), "{document}");
    }
}

#[test]
fn merge_keys_of_a_config_are_applied_and_a_fault_stands_where_its_value_is_written() {
    let site = Site::new();
    let config = |port: u32| {
        format!(
            "runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare/nvflare:2.8.3\n  pod_security_context: &context {{runAsUser: 1000}}\n  \
             <<: {{parent_port: {port}, workspace_pvc: claim}}\njob_launcher:\n  job_pod_security_context: {{<<: *context, runAsGroup: 3000}}\n"
        )
    };
    fs::write(site.sandbox.join("merged.yaml"), config(8112)).unwrap();
    let _ = site.run("prepare site-1 --config merged.yaml --output out").expect_code(0);
    let values = fs::read_to_string(site.sandbox.join("out/helm_chart/values.yaml")).unwrap();
    assert!(values.contains("8112") && values.contains("claimName: \"claim\""), "{values}");
    let resources = fs::read_to_string(site.sandbox.join("out/local/resources.json.default")).unwrap();
    assert!(resources.contains("runAsUser") && resources.contains("runAsGroup"), "{resources}");
    fs::write(site.sandbox.join("merged.yaml"), config(70_000)).unwrap();
    let document = site.refused("prepare site-1 --config merged.yaml --output out", "INVALID_CONFIG", 4);
    assert_eq!((&document["location"]["line"], &document["location"]["column"]), (&5.into(), &21.into()), "{document}");
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
