//! `launch manifest` as a process: both kinds of input, the three output formats, and that no token leaks.

use std::fs;

use flare_names::Target;
use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    workspace_directory,
};
use serde_json::{Value, json};

const META: &str = r#"{"job_id": "9c0d6b1e-7a52-4a39-8f0e-1b2c3d4e5f60",
 "launcher_spec": {"default": {"k8s": {"image": "fl/job:1.2", "cpu": "2"}}, "site-1": {"k8s": {"cpu_request": "1"}}}}"#;

fn prepared(target: &str, launcher: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&sandbox.join("site-1"));
    let config = format!(
        "runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare/nvflare:{target}\njob_launcher: {launcher}\n"
    );
    fs::write(sandbox.join("k8s.yaml"), config).unwrap();
    fs::write(sandbox.join("meta.json"), META).unwrap();
    let _ = run(&sandbox, &format!("prepare site-1 --config k8s.yaml --output out --target {target}")).expect_code(0);
    sandbox
}

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
}

#[test]
fn a_prepared_kit_and_a_job_say_who_decided_each_field() {
    let sandbox = prepared("2.8", "{ephemeral_storage: 8Gi}");
    let text = run(&sandbox, "launch manifest out --job meta.json -q").expect_code(0);
    insta::assert_snapshot!(text.shown());
    let data = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(0).json()["data"].clone();
    let container = &data["pod"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["requests"], json!({"ephemeral-storage": "8Gi", "cpu": "1"}));
    assert_eq!(container["resources"]["limits"], json!({"ephemeral-storage": "8Gi", "cpu": "2"}));
    assert_eq!(data["secrets"].as_array().unwrap().len(), 1);
    let newer = prepared("2.9", "{}");
    let data = run(&newer, "launch manifest out --job meta.json --study default -o json").expect_code(0).json()["data"].clone();
    assert_eq!(data["secrets"].as_array().unwrap().len(), 2, "2.9 has a credential Secret");
    let yaml = run(&newer, "launch manifest out --job meta.json -o yaml").expect_code(0).stdout;
    assert_eq!(yaml.matches("---\n").count(), 3);
}

#[test]
fn every_addition_has_a_switch() {
    let sandbox = prepared("2.8", "{}");
    let pod = |flags: &str| {
        let document = run(&sandbox, &format!("launch manifest out --job meta.json -o json {flags}")).expect_code(0).json();
        document["data"]["pod"].clone()
    };
    let all = pod("--active-deadline 60");
    assert_eq!(all["spec"]["activeDeadlineSeconds"], 60);
    assert_eq!(all["spec"]["automountServiceAccountToken"], false);
    assert!(all["metadata"]["labels"].is_object());
    assert_eq!(pod("--no-labels")["metadata"]["labels"], Value::Null);
    assert_eq!(pod("--keep-api-token")["spec"]["automountServiceAccountToken"], Value::Null);
    let context = pod("--no-container-default seccomp --no-container-default privilege-escalation");
    assert_eq!(context["spec"]["containers"][0]["securityContext"], Value::Null);
    let bare = pod("--no-additions");
    assert_eq!(bare["metadata"].as_object().unwrap().keys().collect::<Vec<_>>(), ["name"]);
}

#[test]
fn faults_of_a_request_come_with_their_places_and_without_its_tokens() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.join("kit/startup")).unwrap();
    let request = "{\"role\": \"client\", \"site\": \"site-1\", \"workspace\": \"/w\", \"owner_fqcn\": \"site-1\",\n \"transfer_token\": \"TOP-SECRET\", \"launcher\": {\"config_file_path\": null, \"nonsense\": 1, \"namespace\": 5},\n \"job_meta\": {\"job_id\": \"1\"}, \"process_args\": {\"exe_module\": [\"-m\", \"x\"], \"auth_token\": [\"-t\", \"TOP-SECRET\"]}}";
    fs::write(sandbox.join("request.json"), request).unwrap();
    for format in ["text", "json"] {
        let finished =
            run(&sandbox, &format!("launch manifest --request request.json --kit kit --target 2.9 -o {format}")).expect_code(4);
        assert!(!format!("{}{}", finished.stdout, finished.stderr).contains("TOP-SECRET"));
        assert!(format!("{}{}", finished.stdout, finished.stderr).contains("nonsense"));
    }
    let document = run(&sandbox, "launch manifest --request request.json --kit kit --target 2.9 -o json").json();
    assert_eq!(document["error_code"], "INVALID_LAUNCH_REQUEST");
    let messages = document["errors"].to_string();
    assert!(messages.contains("nonsense") && messages.contains("namespace` must"), "{messages}");
}

#[test]
fn what_is_given_must_fit_together() {
    let sandbox = prepared("2.8", "{}");
    for line in [
        "launch manifest",
        "launch manifest out",
        "launch manifest out --request meta.json --kit out",
        "launch manifest --request meta.json",
        "launch manifest out --job meta.json --target 2.9",
        "names x -o yaml",
    ] {
        let _ = run(&sandbox, line).expect_code(2);
    }
    let _ = run(&sandbox, "launch manifest out --job none.json").expect_code(4);
    let _ = run(&sandbox, "launch manifest site-1 --job meta.json").expect_code(4);
}

#[test]
fn a_job_is_named_by_its_directory_and_read_in_each_format() {
    let sandbox = prepared("2.8", "{}");
    let formats = [
        ("json", META.to_owned()),
        (
            "conf",
            "launcher_spec { default.k8s { image = \"fl/job:1.2\", cpu = 2 }, site-1.k8s.cpu_request = 1 } // HOCON\n".to_owned(),
        ),
        (
            "yml",
            "launcher_spec:\n  default: {k8s: {image: 'fl/job:1.2', cpu: 2}}\n  site-1: {k8s: {cpu_request: 1}}\n".to_owned(),
        ),
    ];
    for (extension, text) in &formats {
        fs::create_dir_all(sandbox.join(format!("job-{extension}"))).unwrap();
        fs::write(sandbox.join(format!("job-{extension}/meta.{extension}")), text).unwrap();
        for job in [format!("job-{extension}"), format!("job-{extension}/meta.{extension}")] {
            let document = run(&sandbox, &format!("launch manifest out --job {job} -o json")).expect_code(0).json();
            let container = &document["data"]["pod"]["spec"]["containers"][0];
            assert_eq!(container["image"], "fl/job:1.2", "{job}");
            assert_eq!(container["resources"]["requests"]["cpu"].to_string().trim_matches('"'), "1", "{job}");
        }
    }
    fs::create_dir_all(sandbox.join("jobs")).unwrap();
    let refused = run(&sandbox, "launch manifest out --job jobs -o json").expect_code(4).json();
    assert!(refused["hint"].as_str().unwrap().contains("meta.conf"), "{refused}");
}

#[test]
fn warnings_come_with_the_error_after_them() {
    let sandbox = prepared("2.8", "{}");
    fs::write(sandbox.join("meta.json"), r#"{"launcher_spec": {"defaults": {"k8s": {"image": "a/b:1"}}}}"#).unwrap();
    let refused = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(4).json();
    assert!(refused["message"].as_str().unwrap().contains("launcher_spec.defaults.k8s.image"), "{refused}");
    assert!(refused["warnings"].to_string().contains("misspelt `default`"), "{refused}");
    let text = run(&sandbox, "launch manifest out --job meta.json").expect_code(4).stderr;
    let (warning, error) = (text.find("misspelt `default`").unwrap(), text.find("no `image`").unwrap());
    assert!(warning < error, "{text}");
}

#[test]
fn what_can_never_work_is_an_error() {
    let sandbox = prepared("2.8", "{}");
    let _ = run(&sandbox, "launch manifest out --job meta.json --active-deadline 0").expect_code(2);
    fs::write(sandbox.join("request.json"), "{}").unwrap();
    for kit in ["nowhere", "meta.json"] {
        let refused = run(&sandbox, &format!("launch manifest --request request.json --kit {kit} -o json")).expect_code(4).json();
        assert_eq!(refused["error_code"], "INVALID_ARGS");
        assert!(refused["hint"].as_str().unwrap().contains("--kit"), "{refused}");
    }
}

#[test]
fn prepare_says_what_would_stop_jobs_later() {
    let sandbox = prepared("2.8", "{}");
    let runtime = "format_version: 2\nstudies: {cancer: {docker_kwargs: {}}}\n";
    for (target, file, text, expected) in [
        ("2.8", "study_data.yaml", "cancer: {training: {source: data, mode: rx}}\n", "cancer.training.mode"),
        ("2.9", "study_runtime.yaml", runtime, "Docker launcher"),
    ] {
        let path = sandbox.join(format!("site-1/local/{file}"));
        fs::write(&path, text).unwrap();
        let document = run(&sandbox, &format!("prepare site-1 --config k8s.yaml --output again --target {target} -o json"))
            .expect_code(0)
            .json();
        assert!(document["warnings"].to_string().contains(expected), "{document}");
        fs::remove_file(path).unwrap();
    }
    let untouched = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(0).json();
    assert!(!untouched["warnings"].to_string().contains("study"), "{untouched}");
}

#[test]
fn site_defaults_for_job_pods_reach_the_pod_and_no_file_of_flare_s() {
    let keys = "{cpu: 4, cpu_request: 2, shm_size: 1Gi, gpu_resource_name: nvidia.com/mig-1g.5gb, image_pull_policy: IfNotPresent,\n  \
                tolerations: [{key: nvidia.com/gpu, operator: Exists}]}";
    for target in Target::ALL.map(Target::as_str) {
        let sandbox = prepared(target, "{}");
        let plain = Tree::read(&sandbox.join("out"));
        let config = fs::read_to_string(sandbox.join("k8s.yaml")).unwrap();
        fs::write(sandbox.join("k8s.yaml"), config.replace("{}", keys)).unwrap();
        let prepare = format!("prepare site-1 --config k8s.yaml --output out --target {target}");
        let refused = run(&sandbox, &format!("{prepare} -o json")).expect_code(4).json();
        let places: Vec<_> =
            refused["errors"].as_array().unwrap().iter().map(|fault| fault["location"]["line"].clone()).collect();
        assert_eq!(
            (places, &refused["error_code"]),
            (vec![json!(4); 5].into_iter().chain([json!(5)]).collect(), &json!("INVALID_CONFIG"))
        );
        assert!(refused["hint"].as_str().unwrap().contains("--launcher flare-kube"), "{refused}");

        let _ = run(&sandbox, &format!("{prepare} --launcher flare-kube")).expect_code(0);
        let mut with = Tree::read(&sandbox.join("out"));
        assert_eq!(with.json(".flare-kube.json")["plan"]["job_launcher"]["flare-kube"]["shm_size"], "1Gi");
        let marker = plain.bytes(".flare-kube.json").to_vec();
        with.put(".flare-kube.json", marker);
        assert_eq!(with, plain, "nothing but the marker knows of them");

        fs::write(sandbox.join("meta.json"), META.replace("\"cpu\": \"2\"", "\"num_of_gpus\": 1")).unwrap();
        let data = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(0).json()["data"].clone();
        let container = &data["pod"]["spec"]["containers"][0];
        assert_eq!(
            (&container["resources"]["limits"]["cpu"], &container["resources"]["requests"]["cpu"]),
            (&json!("4"), &json!("1"))
        );
        assert_eq!(container["resources"]["limits"]["nvidia.com/mig-1g.5gb"], 1);
        assert_eq!(data["pod"]["spec"]["tolerations"], json!([{"key": "nvidia.com/gpu", "operator": "Exists"}]));
        let text = run(&sandbox, "launch manifest out --job meta.json -q").expect_code(0).stdout;
        let row = |field: &str| text.lines().find(|line| line.starts_with(field)).unwrap_or_default().to_owned();
        for field in ["container.imagePullPolicy", "container.resources.limits.cpu", "volumes.shared-memory", "spec.tolerations"]
        {
            assert!(row(field).contains("site: job_launcher in k8s.yaml"), "{field}: {text}");
        }

        let _ = run(&sandbox, "prepare site-1 --config k8s.yaml --output out --launcher flare").expect_code(4);
        fs::write(
            sandbox.join("meta.json"),
            META.replace("\"cpu_request\": \"1\"", "\"cpu_request\": \"5\"").replace("\"cpu\": \"2\"", "\"x\": 1"),
        )
        .unwrap();
        let fault = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(4).json();
        assert_eq!(fault["location"]["line"], 2, "{fault}");
        assert!(fault["message"].as_str().unwrap().contains("above the site's limit `4`"), "{fault}");
    }
}

#[test]
fn a_job_with_its_own_image_is_said_to_bring_its_own_code_and_who_may_run_it() {
    let sandbox = prepared("2.9", "{}");
    let data = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(0).json()["data"].clone();
    assert_eq!(data["byoc"]["keys"], json!(["launcher_spec.default.k8s.image"]));
    assert_eq!(data["byoc"]["policy"], "local/authorization.json.default");
    let roles: Vec<_> = data["byoc"]["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["role"].as_str().unwrap(), row["admitted"].as_str().unwrap()))
        .collect();
    assert_eq!(roles, [("lead", "all"), ("member", "none"), ("org_admin", "none"), ("project_admin", "all")]);
    let policy = r#"{"format_version": "1.0", "permissions": {"lead": {"byoc": "o:site"}, "member": "none"}}"#;
    fs::write(sandbox.join("out/local/authorization.json"), policy).unwrap();
    let text = run(&sandbox, "launch manifest out --job meta.json -q").expect_code(0).stdout;
    assert!(text.contains("by local/authorization.json: lead: only users of the site's organization; member: none\n"), "{text}");
    fs::write(sandbox.join("out/local/authorization.json"), policy.replace("o:site", "none")).unwrap();
    let told = run(&sandbox, "launch manifest out --job meta.json -o json").expect_code(0).json();
    assert!(told["warnings"].to_string().contains("BYOC not permitted"), "{told}");
    let older = prepared("2.8", "{}");
    let data = run(&older, "launch manifest out --job meta.json -o json").expect_code(0).json()["data"].clone();
    assert_eq!(data.get("byoc"), None, "2.8 asks only about the code in the job");
}
