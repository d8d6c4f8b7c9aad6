//! An API server that accepts connections and then falls silent: each verb ends at its limit, with its own exit status, and at Ctrl-C.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use integration_tests::{
    api_server::{ApiServer, Silence},
    command::{Finished, Sandbox},
    helm::helm,
    kit::Tree,
    workspace_directory,
};
use rustix::{
    fs::{CWD, Mode, mkfifoat},
    process::{Pid, Signal, kill_process},
};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// How long after its limit a verb may take to end: some look at what is left, or wait whether the API server answers again.
const GRACE: Duration = Duration::from_secs(45);

struct Scene {
    sandbox: Sandbox,
    server: ApiServer,
}

impl Scene {
    /// A prepared kit, a federation of it, and a cluster that answers only its first requests.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let kits = workspace_directory().join("fixtures/kits/plain-2.8.3");
        for name in ["nvflare-server", "site-1"] {
            Tree::read(&kits.join(name)).write(&sandbox.join(name));
        }
        let config = "runtime: k8s\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.8.3'}\n";
        fs::write(sandbox.join("k8s.yaml"), config).unwrap();
        fs::write(sandbox.join("site-1.yaml"), config.replace("{docker", "{workspace_pvc: b, docker")).unwrap();
        let federation = "participants:\n- {name: nvflare-server, kit: nvflare-server, config: k8s.yaml, claim: a}\n\
                          - {name: site-1, kit: site-1, config: k8s.yaml, claim: b}\n";
        fs::write(sandbox.join("federation.yaml"), federation).unwrap();
        let meta = json!({"job_id": "j1", "launcher_spec": {"default": {"k8s": {"image": "fl/exit:0"}}}});
        fs::write(sandbox.join("meta.json"), meta.to_string()).unwrap();
        let prepare = "prepare --federation federation.yaml --output out";
        let _ = sandbox.run(PROGRAM, prepare.split(' ')).expect_code(0);
        let server = ApiServer::start();
        server.kubeconfig(&sandbox.join("kubeconfig"));
        Self { sandbox, server }
    }

    /// A verb against the server, which falls silent at the given request. The first one is that for its version.
    fn start(&self, line: &str, request: usize) -> Child {
        self.server.begin(Some(Silence { request, carried_out: false }));
        self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.sandbox.command(PROGRAM);
        command.args(line.split_whitespace()).args(["--kubeconfig", "kubeconfig", "-o", "json"]).env("HELM", helm());
        command
    }

    fn finish(&self, child: Child) -> Finished {
        Finished::new(&child.wait_with_output().unwrap(), self.sandbox.path())
    }
}

/// Each verb, the request at which the server falls silent, and the exit status at the limit.
const LINES: [(&str, usize, i32); 11] = [
    ("status out/site-1", 2, 6),
    ("logs out/site-1", 2, 6),
    ("logs out/site-1 --job j1", 2, 6),
    ("launch sweep out/site-1 --delete", 2, 6),
    ("launch canary out/site-1 --dry-run", 2, 6),
    ("launch run out/site-1 --job meta.json", 2, 6),
    ("launch run out/site-1 --job meta.json --dry-run", 2, 6),
    ("launch watch out/site-1", 2, 5),
    ("uninstall out/site-1", 2, 6),
    ("down --federation federation.yaml --prepared out", 3, 6),
    ("reprovision site-1 --config site-1.yaml --output out/site-1", 2, 6),
];

#[test]
fn each_verb_ends_at_its_limit_when_the_api_server_falls_silent() {
    let scene = Scene::new();
    for (line, request, code) in LINES {
        let began = Instant::now();
        let child = scene.start(&format!("{line} --timeout 4"), request);
        let finished = scene.finish(child);
        assert_eq!(finished.code, Some(code), "{line}: {finished:#?}");
        let answer = finished.json();
        assert_eq!(answer["status"], "error", "{line}: {answer}");
        assert!(began.elapsed() < Duration::from_secs(4) + GRACE, "{line} took {:?}", began.elapsed());
        assert!(scene.server.is_silent(), "{line} asked too little");
    }
}

#[test]
fn ctrl_c_ends_each_verb_while_the_api_server_is_silent() {
    let scene = Scene::new();
    for (line, request, _) in LINES {
        let child = scene.start(&format!("{line} --timeout 600"), request);
        let began = Instant::now();
        while !scene.server.is_silent() {
            assert!(began.elapsed() < Duration::from_mins(1), "{line} asks for nothing");
            sleep(Duration::from_millis(20));
        }
        let asked = Instant::now();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let finished = scene.finish(child);
        assert_eq!(finished.code, Some(130), "{line}: {finished:#?}");
        assert_eq!(finished.json()["error_code"], "INTERRUPTED", "{line}: {finished:#?}");
        assert!(asked.elapsed() < GRACE, "{line} took {:?}", asked.elapsed());
    }
}

#[test]
fn a_kubeconfig_that_nobody_writes_is_given_up() {
    let scene = Scene::new();
    mkfifoat(CWD, scene.sandbox.join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    let verb = |limit: &str| {
        let mut command = scene.sandbox.command(PROGRAM);
        command.args(["status", "out/site-1", "--kubeconfig", "pipe", "--timeout", limit, "-o", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let late = scene.finish(verb("2")).expect_code(6).json();
    assert_eq!(late["error_code"], "TIMED_OUT", "{late}");
    let unread = scene.finish(verb("600")).expect_code(4).json();
    assert_eq!((&unread["error_code"], &unread["location"]["file"]), (&json!("KUBECONFIG_INVALID"), &json!("pipe")), "{unread}");
    let child = verb("600");
    // Nothing shows that it waits for the pipe; a moment is enough for it to be there on most machines, and both ends are right.
    sleep(Duration::from_secs(1));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let _ = scene.finish(child).expect_code(130);
}

#[test]
fn status_of_one_kit_has_the_row_of_a_federation() {
    let scene = Scene::new();
    scene.server.begin(None);
    let run = |line: &str| Finished::new(&scene.command(line).output().unwrap(), scene.sandbox.path());
    let alone = run("status out/site-1").expect_code(0).json();
    let all = run("status --federation federation.yaml --prepared out").expect_code(1).json();
    let rows = alone["data"]["participants"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{alone}");
    assert_eq!(rows[0], all["data"]["participants"][1], "{alone} {all}");
    assert_eq!((&rows[0]["name"], &rows[0]["role"], &rows[0]["ok"]), (&json!("site-1"), &json!("client"), &json!(false)));
    let none = json!({"prepare": "ok", "stage": "not_begun", "install": "not_begun", "verify": "not_begun"});
    assert_eq!(rows[0]["steps"], none);
    assert_eq!(rows[0]["state"]["kit"]["prepared"], rows[0]["fingerprint"]);
}

#[test]
fn the_time_of_a_federation_is_that_of_the_run_and_not_of_each_participant() {
    let scene = Scene::new();
    let down = scene.finish(scene.start("down --federation federation.yaml --prepared out --timeout 2", 1)).expect_code(6).json();
    let told: Vec<_> = down["errors"].as_array().unwrap().iter().map(|fault| fault["message"].as_str().unwrap()).collect();
    assert_eq!(told.len(), 2, "{down}");
    // The server is the last.
    assert_eq!(told[0], "nvflare-server: the time of the run was over before this was begun", "{down}");
    assert!(told[1].starts_with("site-1: ") && down["errors"][1]["error_code"] == "TIMED_OUT", "{down}");
}
