//! The API server accepts what the charts render: `kubectl apply --dry-run=server`, including admission.

use std::fs;
use std::path::{Path, PathBuf};

use integration_tests::cluster::federation::chart;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed};
use integration_tests::command::Sandbox;
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;

use crate::PROGRAM;

/// Values for both roles that change the manifests.
const SETTINGS: &[&[&str]] = &[
    &["networkPolicy.enabled=true"],
    &["podDisruptionBudget.enabled=true"],
    &["podDisruptionBudget.enabled=true", "podDisruptionBudget.maxUnavailable=1"],
    &["securityProfile=restricted", "containerSecurityContext.readOnlyRootFilesystem=true"],
    &["securityContext.fsGroup=5", "securityContext.runAsUser=7"],
    &["containerSecurityContext=null"],
    &["shareProcessNamespace=false", "terminationGracePeriodSeconds=0"],
    &["startupProbe=null", "readinessProbe=null"],
    &["livenessProbe.exec.command[0]=/bin/true"],
    &["nodeSelector.gpu=true", "priorityClassName=system-cluster-critical"],
    &["tolerations[0].key=a/b", "tolerations[0].operator=Equal", "tolerations[0].value=yes", "tolerations[0].effect=NoSchedule"],
    &["podLabels.team=1e3", "podAnnotations.x=true", "service.annotations.y=1"],
    &["serviceAccount.create=false", "serviceAccount.name=mine"],
    &["rbac.create=false"],
    &["image.tag=1.10", "image.registry=mirror.example.com:5000"],
    &["image.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    &["imagePullSecrets[0].name=reg"],
    &["workspaceConfig.local.configMapName=a", "workspaceConfig.startup.secretName=b"],
    &["resources.limits.nvidia\\.com/gpu=1"],
    &["kitFingerprint=123", "name=Other_Name"],
    &["persistence.workspace.mountPath=/data", "persistence.workspace.volumeName=v", "persistence.workspace.claimName=123"],
];

const SERVER_SETTINGS: &[&[&str]] = &[
    &["hostPortEnabled=true"],
    &["service.type=LoadBalancer", "service.loadBalancerIP=1.2.3.4", "service.loadBalancerClass=x/y"],
    &["service.type=LoadBalancer", "service.loadBalancerSourceRanges[0]=10.0.0.0/8", "service.externalTrafficPolicy=Local"],
    &["service.type=NodePort", "service.externalTrafficPolicy=Local"],
    &["adminPort=null"],
    &["fedLearnPort=443", "securityProfile=restricted"],
    &["networkPolicy.enabled=true", "networkPolicy.clients[0].ipBlock.cidr=10.0.0.0/8"],
];

/// Prepares a fixture kit.
fn prepare(sandbox: &Sandbox, namespace: &Namespace, kit: &Path, release: Release) -> PathBuf {
    let config = sandbox.join("k8s.yaml");
    let image = namespace.cluster.image(release);
    fs::write(&config, format!("runtime: k8s\nnamespace: {}\nparent: {{docker_image: {image:?}}}\n", namespace.name)).unwrap();
    let output = sandbox.join(release.target()).join(kit.file_name().expect("a kit has a name"));
    let mut prepare = sandbox.command(PROGRAM);
    prepare.arg("prepare").arg(kit).arg("--config").arg(config).arg("--output").arg(&output);
    succeed(prepare.args(["--target", release.target()]));
    output
}

/// The objects of the chart with the given values.
fn render(namespace: &Namespace, prepared: &Path, settings: &[&str]) -> Result<String, String> {
    let mut template = namespace.helm(&helm());
    template.args(["template", "release"]).arg(chart(prepared));
    template.args(settings.iter().flat_map(|setting| ["--set", setting]));
    attempt(&mut template, &[])
}

/// The API server's answer to objects; warnings are errors.
fn take(namespace: &Namespace, manifests: &str) -> Result<String, String> {
    let apply = ["apply", "--dry-run=server", "--warnings-as-errors", "--filename", "-"];
    attempt(namespace.kubectl().args(apply), manifests.as_bytes())
}

/// The API server's answer to the rendered chart.
fn ask(namespace: &Namespace, prepared: &Path, settings: &[&str]) -> Result<String, String> {
    take(namespace, &render(namespace, prepared, settings)?)
}

/// The refusals of a kit's chart with each of many settings. All are sent in one request; only if that is refused, each is sent
/// separately to find out which.
fn refusals(namespace: &Namespace, prepared: &Path, all: &[&[&str]]) -> Vec<String> {
    let rendered: Result<Vec<String>, String> = all.iter().map(|settings| render(namespace, prepared, settings)).collect();
    if rendered.is_ok_and(|manifests| take(namespace, &manifests.concat()).is_ok()) {
        return Vec::new();
    }
    let refused = |settings: &&[&str]| {
        let said = ask(namespace, prepared, settings).err()?;
        Some(format!("{} {settings:?}: {said}", prepared.display()))
    };
    let named: Vec<String> = all.iter().filter_map(refused).collect();
    assert!(!named.is_empty(), "the API server refuses all settings of {} together, and each alone not", prepared.display());
    named
}

fn fixture(path: &str) -> PathBuf {
    workspace_directory().join("fixtures/kits").join(path)
}

#[test]
fn values_make_objects_that_are_taken() {
    let namespace = Namespace::open("values");
    let sandbox = Sandbox::new();
    let mut refused = Vec::new();
    for release in Release::ALL {
        for (kit, more) in [("nvflare-server", SERVER_SETTINGS), ("site-1", &[] as &[&[&str]])] {
            let prepared = prepare(&sandbox, &namespace, &fixture(&format!("plain-2.8.3/{kit}")), release);
            refused.extend(refusals(&namespace, &prepared, &[SETTINGS, more].concat()));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n\n"));
}

#[test]
fn defect_1_odd_names_make_objects_that_are_taken() {
    let namespace = Namespace::open("names");
    let sandbox = Sandbox::new();
    let mut kits: Vec<PathBuf> = fs::read_dir(fixture("odd-names-2.8.3")).unwrap().map(|entry| entry.unwrap().path()).collect();
    kits.extend([fixture("one-port-2.8.3/nvflare-server"), fixture("child-2.8.3/child")]);
    assert!(kits.len() >= 9, "{kits:?}");
    let mut refused = Vec::new();
    for release in Release::ALL {
        for kit in &kits {
            let prepared = prepare(&sandbox, &namespace, kit, release);
            refused.extend(ask(&namespace, &prepared, &[]).err().map(|said| format!("{}: {said}", kit.display())));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n\n"));
}

#[test]
fn defect_16_profiles_satisfy_pod_security_restricted() {
    let namespace = Namespace::open("profiles");
    let warn = "pod-security.kubernetes.io/warn=restricted";
    succeed(namespace.cluster.kubectl().args(["label", "namespace", &namespace.name, warn]));
    let sandbox = Sandbox::new();
    for kit in ["nvflare-server", "site-1"] {
        let prepared = prepare(&sandbox, &namespace, &fixture(&format!("plain-2.8.3/{kit}")), Release::V28);
        for profile in ["securityProfile=restricted", "securityProfile=openshift"] {
            ask(&namespace, &prepared, &[profile]).unwrap_or_else(|said| panic!("{kit} {profile}: {said}"));
        }
        let said = ask(&namespace, &prepared, &[]).expect_err("the default may run as root, which `restricted` names");
        assert!(said.contains("runAsNonRoot"), "{said}");
    }
}
