//! Plans, charts on disk, and the real Helm.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use flare_file_tree::{Content, Entry, FileTree};
use flare_names::{Role, Target};
use flare_site_plan::SitePlan;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// Each role with each release.
pub(crate) fn releases() -> impl Iterator<Item = (Role, Target)> {
    ROLES.into_iter().flat_map(|role| Target::ALL.map(|target| (role, target)))
}

/// The plan of an ordinary participant (`tests/plans/`).
pub(crate) fn plan(role: Role, target: Target) -> SitePlan {
    let path = format!("{}/tests/plans/{role}-{target}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The same for another name; a server's Service keeps its configured one.
pub(crate) fn named(role: Role, target: Target, name: &str) -> SitePlan {
    let mut plan = plan(role, target);
    let service = flare_names::ServiceName::new("nvflare-server").unwrap();
    let site = match role {
        Role::Server => "server",
        Role::Client => name,
    };
    plan.names = flare_names::ParticipantNames::derive(role, name, site, &service);
    name.clone_into(&mut plan.participant);
    site.clone_into(&mut plan.site);
    plan
}

/// A chart on disk for as long as the test runs.
pub(crate) struct Chart {
    directory: TempDir,
}

impl Chart {
    pub(crate) fn of(plan: &SitePlan) -> Self {
        Self::write(&flare_helm_chart::render(plan, ""))
    }

    pub(crate) fn write(tree: &FileTree) -> Self {
        let directory = TempDir::new().unwrap();
        for (path, entry) in tree.iter() {
            let path = directory.path().join(path.as_path());
            match entry {
                Entry::Directory { .. } => std::fs::create_dir_all(path).unwrap(),
                Entry::File { content: Content::Bytes(bytes), .. } => std::fs::write(path, bytes).unwrap(),
                Entry::File { content: Content::OnDisk { .. }, .. } => panic!("a chart has no file on disk"),
            }
        }
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Adds an object `Notes` whose `text` are the notes, which neither Helm prints without a cluster.
    pub(crate) fn print_notes(&self) {
        let template = "kind: Notes\ntext: {{ include (print $.Template.BasePath \"/NOTES.txt\") . | quote }}\n";
        std::fs::write(self.path().join("templates/print.yaml"), template).unwrap();
    }
}

/// A real Helm program.
#[derive(Debug, Clone)]
pub(crate) struct Helm {
    program: PathBuf,
    pub(crate) version: String,
}

impl Helm {
    pub(crate) fn v3() -> Self {
        Self::find("3.", "FLARE_KUBE_HELM3")
    }

    pub(crate) fn v4() -> Self {
        Self::find("4.", "FLARE_KUBE_HELM4")
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::v3(), Self::v4()]
    }

    /// The Helm of a major version; versions are listed in `tools/helm/versions`.
    fn find(major: &str, variable: &str) -> Self {
        let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/helm/versions");
        let versions = std::fs::read_to_string(versions).unwrap();
        let version = versions.lines().find(|version| version.starts_with(major)).unwrap().to_owned();
        let cached = || {
            let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
            variable("FLARE_KUBE_CACHE")
                .or_else(|| variable("XDG_CACHE_HOME").map(|directory| directory.join("flare-kube")))
                .unwrap_or_else(|| variable("HOME").expect("HOME is set").join(".cache/flare-kube"))
                .join(format!("tools/helm-{version}/helm"))
        };
        let program = std::env::var_os(variable).map_or_else(cached, PathBuf::from);
        assert!(
            program.is_file(),
            "Helm {version} is not at `{}`: run `tools/helm/build.sh {version}`, or let {variable} name it",
            program.display()
        );
        Self { program, version }
    }

    /// Runs Helm with nothing of the user's settings in its environment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let home = TempDir::new().unwrap();
        let output = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("HOME", home.path())
            .env("KUBECONFIG", "/dev/null")
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        if output.status.success() { Ok(stdout) } else { Err(format!("{stdout}{stderr}")) }
    }

    /// Renders a chart in the prepared namespace; `arguments` are further ones such as `--set`.
    pub(crate) fn template(&self, chart: &Chart, arguments: &[&str]) -> Result<String, String> {
        let path = chart.path().to_str().unwrap();
        let fixed = ["template", "site", path, "--namespace", "nvflare", "--kube-version", "1.34.4"];
        self.run(&[&fixed[..], arguments].concat())
    }

    /// The same, parsed.
    pub(crate) fn objects(&self, chart: &Chart, arguments: &[&str]) -> Objects {
        Objects::parse(
            &self.template(chart, arguments).unwrap_or_else(|error| panic!("helm {} {arguments:?}: {error}", self.version)),
        )
    }

    /// The same with a values file.
    pub(crate) fn objects_with(&self, chart: &Chart, values: &Value, arguments: &[&str]) -> Objects {
        let file = values_file(values);
        self.objects(chart, &[&["-f", file.path().to_str().unwrap()], arguments].concat())
    }

    /// The message with which Helm refuses a values file.
    pub(crate) fn refusal(&self, chart: &Chart, values: &Value) -> String {
        let file = values_file(values);
        match self.template(chart, &["-f", file.path().to_str().unwrap()]) {
            Err(message) => message,
            Ok(_) => panic!("helm {} takes {values}", self.version),
        }
    }
}

fn values_file(values: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), values.to_string()).unwrap();
    file
}

/// Rendered objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Objects(pub(crate) Vec<Value>);

impl Objects {
    pub(crate) fn parse(text: &str) -> Self {
        let objects = text
            .split("\n---\n")
            .map(|document| {
                serde_yaml::from_str::<Value>(document.trim_start_matches("---\n"))
                    .unwrap_or_else(|error| panic!("{error}\n{document}"))
            })
            .filter(|object| !object.is_null())
            .collect::<Vec<_>>();
        let mut objects = objects;
        objects.sort_by_key(|object| (object["kind"].to_string(), object["metadata"]["name"].to_string()));
        Self(objects)
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Value> {
        self.0.iter().find(|object| object["kind"] == kind)
    }

    pub(crate) fn get(&self, kind: &str) -> &Value {
        self.find(kind).unwrap_or_else(|| panic!("no {kind} among {self:#?}"))
    }

    pub(crate) fn pod(&self) -> &Value {
        &self.get("Deployment")["spec"]["template"]["spec"]
    }

    pub(crate) fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    pub(crate) fn image(&self) -> &str {
        self.container()["image"].as_str().unwrap()
    }

    /// The value at `Kind/json/pointer`, or below `pod/…` or `container/…`; null if there is none.
    pub(crate) fn at(&self, place: &str) -> Value {
        let (object, pointer) = place.split_once('/').unwrap_or((place, ""));
        let object = match object {
            "pod" => self.pod(),
            "container" => self.container(),
            kind => match self.find(kind) {
                Some(object) => object,
                None => return Value::Null,
            },
        };
        let pointer = if pointer.is_empty() { String::new() } else { format!("/{pointer}") };
        object.pointer(&pointer).cloned().unwrap_or_default()
    }
}
