//! flare-cluster with a real API server, for what its in-memory test servers cannot prove.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use flare_cluster::{Access, Cluster, ClusterEnvironment, LogSelection};
use flare_diagnostic::Code;
use futures_util::AsyncBufReadExt as _;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, wait};
use integration_tests::reference::Release;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::PROGRAM;
use crate::staging::Scene;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

async fn connect(namespace: &Namespace) -> Cluster {
    let access = Access { kubeconfig: Some(namespace.cluster.kubeconfig().to_path_buf()), context: None };
    flare_cluster::connect(&access, &ClusterEnvironment::default()).await.expect("the cluster of the tests")
}

/// Starts a pod with a Python program.
fn start(namespace: &Namespace, name: &str, restart: &str, script: &str) {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "restartPolicy": restart, "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": namespace.cluster.image(Release::V28), "command": ["python3", "-uc", script]}]}});
    namespace.apply(&pod);
}

/// Waits until a pod has printed a text.
fn wait_for_text(namespace: &Namespace, pod: &str, text: &str) {
    let log = || attempt(namespace.kubectl().args(["logs", pod]), &[]);
    let printed = || log().ok().filter(|log| log.contains(text)).map(drop);
    wait(Duration::from_mins(2), || format!("`{text}`: {:?}", log()), printed);
}

/// Echoes its input.
const ECHO: &str = "
import socket, threading
server = socket.create_server(('', 4000))
def serve(connection):
    for block in iter(lambda: connection.recv(65536), b''):
        connection.sendall(block)
    connection.close()
print('listening')
while True:
    threading.Thread(target=serve, args=(server.accept()[0],)).start()
";

/// Sends more than any buffer on the way can hold, and reads it back.
async fn echoed(address: SocketAddr, seed: u8) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sent: Vec<u8> = (0..4_u32 << 20).map(|index| index.to_le_bytes()[0] ^ seed).collect();
    let mut received = vec![0; sent.len()];
    let (mut reading, mut writing) = stream.split();
    let (written, read) = tokio::join!(writing.write_all(&sent), reading.read_exact(&mut received));
    written.unwrap();
    read.unwrap();
    assert!(received == sent, "other bytes came back");
}

#[test]
fn a_forwarded_port_carries_both_directions_for_several_and_says_that_its_pod_is_gone() {
    let namespace = Namespace::open("edge-forward");
    start(&namespace, "echo", "Never", ECHO);
    start(&namespace, "other", "Never", ECHO);
    wait_for_text(&namespace, "echo", "listening");
    wait_for_text(&namespace, "other", "listening");
    block_on(async {
        let (cluster, any) = (connect(&namespace).await, "127.0.0.1:0".parse().unwrap());
        let forwarding = cluster.forward(any, &namespace.name, "echo", 4000).await.expect("it is forwarded");
        let at = forwarding.local();
        tokio::join!(echoed(at, 1), echoed(at, 2), echoed(at, 3));
        assert_eq!(forwarding.last_fault(), None);
        let mut standing = TcpStream::connect(at).await.unwrap();
        standing.write_all(b"!").await.unwrap();
        standing.read_exact(&mut [0]).await.expect("it leads to the pod");
        forwarding.lead_to("other");
        assert_eq!(standing.read(&mut [0]).await.unwrap_or(0), 0, "a connection does not outlive the lead to its pod");
        echoed(at, 4).await;
        forwarding.lead_to("echo");
        echoed(at, 5).await;
        succeed(namespace.kubectl().args(["delete", "pod", "echo"]));
        let mut nothing = Vec::new();
        let _ = TcpStream::connect(at).await.unwrap().read_to_end(&mut nothing).await;
        assert_eq!(nothing, b"");
        let fault = forwarding.last_fault().expect("the pod is gone");
        assert_eq!(fault.code, Code::ObjectNotFound, "{fault}");
        let refused = cluster.forward(any, &namespace.name, "echo", 4000).await.expect_err("there is no such pod");
        assert_eq!(refused.code, Code::ObjectNotFound, "{refused}");
    });
}

#[test]
fn logs_are_read_to_their_end_by_their_last_lines_and_of_the_container_before() {
    let namespace = Namespace::open("edge-logs");
    // Lines arrive while the log is followed; one of them is not UTF-8.
    let slow = "import sys, time
for number in range(5):
    print('line', number)
    time.sleep(0.5)
sys.stdout.buffer.write(b'\\xff end\\n')";
    start(&namespace, "slow", "Never", slow);
    // Only the first container crashes: a kubelet removes all but the last dead container, and so the log that is read below,
    // as soon as the next one dies. The pod's containers share its memory file system.
    let crashes = "import os, time
if os.path.exists('/dev/shm/crashed'):
    time.sleep(600)
open('/dev/shm/crashed', 'w').close()
print('life', os.urandom(8).hex())
raise SystemExit(3)";
    start(&namespace, "crashes", "Always", crashes);
    wait_for_text(&namespace, "slow", "line 0");
    block_on(async {
        let cluster = connect(&namespace).await;
        let everything = LogSelection::default();
        let mut following = cluster.follow_logs(&namespace.name, "slow", &everything).await.expect("it runs");
        let mut followed = Vec::new();
        while following.read_until(b'\n', &mut followed).await.expect("a line") > 0 {}
        assert_eq!(followed, b"line 0\nline 1\nline 2\nline 3\nline 4\n\xff end\n");
        let last = LogSelection { last_lines: Some(2), ..LogSelection::default() };
        assert_eq!(cluster.logs(&namespace.name, "slow", &last).await.expect("a log"), "line 4\n\u{fffd} end\n");
        let timed = LogSelection { timestamps: true, last_lines: Some(1), ..LogSelection::default() };
        let line = cluster.logs(&namespace.name, "slow", &timed).await.expect("a log");
        let (time, text) = line.split_once(' ').expect("the time, a blank, the line");
        assert!(time.parse::<jiff::Timestamp>().is_ok() && text == "\u{fffd} end\n", "{line}");
        let missing = cluster.logs(&namespace.name, "nobody", &everything).await.expect_err("there is none");
        assert_eq!(missing.code, Code::ObjectNotFound, "{missing}");
    });
    let restarts = || namespace.pod("crashes")["status"]["containerStatuses"][0]["restartCount"].as_u64();
    wait(Duration::from_mins(1), || format!("{:?} restarts", restarts()), || restarts().filter(|count| *count > 0));
    block_on(async {
        let before = LogSelection { previous: true, ..LogSelection::default() };
        let log = connect(&namespace).await.logs(&namespace.name, "crashes", &before).await.expect("a container was before");
        assert!(log.starts_with("life "), "{log}");
    });
}

/// The program in a pod finds the cluster by the pod's service account, and stages from there.
#[test]
fn in_a_pod_the_account_of_the_pod_is_used() {
    let scene = Scene::new(Namespace::open("edge-in-pod"), "site-1");
    let namespace = &scene.namespace;
    let account = format!("--serviceaccount={}:default", namespace.name);
    succeed(namespace.kubectl().args(["create", "rolebinding", "all", "--clusterrole=cluster-admin", &account]));
    let program = std::path::Path::new(PROGRAM);
    let (directory, name) = (program.parent().unwrap(), program.file_name().unwrap().to_str().unwrap());
    let stage = [&format!("/program/{name}"), "stage", "/kit", "--create-pvc", "1Gi", "--timeout", "200", "-o", "json"];
    let mounted = |name: &str, at: &str| json!({"name": name, "mountPath": at, "readOnly": true});
    let of_node = |name: &str, path: &std::path::Path| json!({"name": name, "hostPath": {"path": path, "type": "Directory"}});
    namespace.apply(
        &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stager"}, "spec": {"restartPolicy": "Never",
        "volumes": [of_node("program", directory), of_node("kit", &scene.prepared)],
        "containers": [{"name": "stager", "image": namespace.cluster.image(Release::V28), "command": stage,
            "volumeMounts": [mounted("program", "/program"), mounted("kit", "/kit")]}]}}),
    );
    let phase = || namespace.pod("stager")["status"]["phase"].as_str().unwrap_or_default().to_owned();
    wait(Duration::from_mins(4), phase, || ["Succeeded", "Failed"].contains(&phase().as_str()).then_some(()));
    let said = succeed(namespace.kubectl().args(["logs", "stager"]));
    let envelope: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((&envelope["status"], &envelope["data"]["changed"]), (&json!("ok"), &json!(true)), "{envelope}");
    succeed(namespace.kubectl().args(["delete", "pod", "stager"]));
    assert!(scene.in_volume("import os; print(os.listdir('/w/startup'))").contains("client.key"));
}
