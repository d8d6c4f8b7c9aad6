//! What a refused command line says: the real cause, its place, and a way out that the verb has.

use std::fs;

use serde_json::Value;

use crate::command_line::Site;

/// A site with the prepared kit `out` and a job.
fn prepared() -> Site {
    let site = Site::new();
    let _ = site.run("prepare site-1 --config k8s.yaml --output out").expect_code(0);
    fs::create_dir(site.sandbox.join("job")).unwrap();
    let meta = r#"{"launcher_spec": {"default": {"k8s": {"image": "fl/job:1"}}}}"#;
    fs::write(site.sandbox.join("job/meta.json"), meta).unwrap();
    site
}

fn text<'document>(document: &'document Value, key: &str) -> &'document str {
    document[key].as_str().unwrap_or_default()
}

#[test]
fn a_relative_kubeconfig_is_named_as_the_user_did_and_not_as_a_file_of_the_kit() {
    let site = prepared();
    let config = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n\
                  users: []\ncontexts: [{name: c, context: {cluster: c}}]\n";
    fs::write(site.sandbox.join("dead.yaml"), config).unwrap();
    for line in ["stage out", "stage out --mode objects", "unstage out", "backup out b.tar", "status out"] {
        for (kubeconfig, code) in [("dead.yaml --context nope", "CONTEXT_NOT_FOUND"), ("none.yaml", "KUBECONFIG_INVALID")] {
            let document = site.refused(&format!("{line} --kubeconfig {kubeconfig}"), code, 4);
            let named = kubeconfig.split(' ').next().unwrap();
            assert_eq!(document["location"]["file"], named, "{line}: {document}");
        }
    }
    let mut command = site.sandbox.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    command.args(["stage", "out", "--context", "nope", "-o", "json"]).env("KUBECONFIG", "dead.yaml");
    let document: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(document["location"]["file"], "dead.yaml", "{document}");
}

#[test]
fn flags_that_contradict_each_other_are_refused_and_not_ignored() {
    let site = prepared();
    for line in [
        "launch manifest out --job job --kit nowhere",
        "launch run out --job job --kit nowhere",
        "launch manifest --request r.json --kit out --study s",
        "launch manifest out --job job --no-additions --active-deadline 60",
        "stage out --prepared x",
        "status out --prepared x",
        "stage out --rollback --storage-class fast",
        "stage out --render --access-mode ReadWriteMany",
        "unstage out --superseded --helper-image a",
    ] {
        let refused = site.refused(line, "INVALID_ARGS", 2);
        assert!(text(&refused, "message").contains("cannot be used with"), "{line}: {refused}");
    }
}

#[test]
fn a_usage_error_names_no_argument_that_would_be_refused_next() {
    let site = Site::new();
    for (line, missing, wrong) in [
        ("stage --prepared fed", "--federation <FILE>", "PREPARED"),
        ("status --prepared fed", "--federation <FILE>", "PREPARED"),
        ("launch manifest --kit kit", "--request <FILE>", "PREPARED"),
        ("launch run --kit kit", "--request <FILE>", "PREPARED"),
        ("launch sweep", "--namespace <NAME>", "--delete"),
        ("launch watch", "--namespace <NAME>", "--timeout"),
        ("launch sweep", "PREPARED", "--delete"),
    ] {
        let refused = site.refused(line, "INVALID_ARGS", 2);
        let finished = site.run(line).expect_code(2);
        let required = finished.stderr.split("Usage:").next().unwrap();
        assert!(required.contains(missing) && !required.contains(wrong), "{line}: {finished:#?} {refused}");
    }
}

/// A cluster that is not there would be named first otherwise.
#[test]
fn a_docker_config_file_is_read_before_the_cluster_is_asked() {
    let site = prepared();
    for verb in ["install out", "reprovision site-1 --config k8s.yaml --output out"] {
        for file in ["none.json", "k8s.yaml"] {
            let refused = site.refused(&format!("{verb} --create-pull-secret {file} --kubeconfig none"), "INVALID_ARGS", 4);
            assert!(text(&refused["location"], "file").ends_with(file), "{refused}");
        }
    }
}

#[test]
fn a_hint_about_the_file_of_a_backup_is_something_that_helps() {
    let site = prepared();
    fs::create_dir(site.sandbox.join("directory")).unwrap();
    for (line, expected) in [
        ("restore out missing.tar", "name a file that `backup` wrote"),
        ("restore out directory", "name a file that `backup` wrote"),
        ("backup out nowhere/b.tar", "name a file in a directory that is there and may be written to"),
        ("backup out directory", "name a file in it, which `backup` then makes"),
        ("backup out directory --force", "name a file in it, which `backup` then makes"),
        ("backup out k8s.yaml", "name another file, or pass `--force` to replace it"),
    ] {
        assert_eq!(text(&site.refused(line, "INVALID_ARGS", 4), "hint"), expected, "{line}");
    }
}

#[test]
fn a_path_that_is_no_file_and_no_directory_is_called_what_it_is() {
    let site = prepared();
    let job = site.refused("launch manifest out --job /dev/null", "INVALID_LAUNCH_REQUEST", 4);
    assert!(text(&job, "message").contains("is a device") && text(&job, "hint").contains("meta.json"), "{job}");
    let empty = site.refused("launch manifest out --job out", "INVALID_LAUNCH_REQUEST", 4);
    assert!(text(&empty, "message").contains("holds no job"), "{empty}");
    std::os::unix::fs::symlink("circle", site.sandbox.join("circle")).unwrap();
    let output = site.refused("prepare site-1 --config k8s.yaml --output circle/below", "INVALID_ARGS", 4);
    assert_eq!(text(&output, "hint"), "name another directory with `--output`", "{output}");
    // The kernel makes no directory there.
    let man = site.refused("man --output /proc/nothing", "INVALID_ARGS", 4);
    assert_eq!(text(&man, "hint"), "name another directory with `--output`", "{man}");
}
