//! Generates launch requests that keep and break every rule of `docs/launch-request.md`.
//!
//! A piece that the reference accepts and flare-kube refuses, or vice versa, has a note; the parity test accepts a
//! difference only with a note, and each note begins with the number of the defect.

use flare_names::Target;
use serde_json::{Map, Value, json};

/// `SplitMix64`: the same seed gives the same requests everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    /// True in this percentage of cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

pub struct Case {
    pub request: Value,
    /// Relative to the workspace.
    pub files: Vec<(String, String)>,
    /// Why flare-kube may refuse what the reference accepts.
    pub stricter: Vec<&'static str>,
    /// Why flare-kube may accept what the reference refuses.
    pub kinder: Vec<&'static str>,
}

/// Values that a rule refuses or treats specially: null, booleans, numbers, empty values and others.
fn odd(random: &mut Random) -> Value {
    random.pick(&[
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!(["a"]),
    ])
}

/// Note about the kind of a value: the reference passes on, or ignores, what is of another kind.
const KIND: &str = "12: a value of the wrong kind";

/// The chance that a piece is broken, in percent, in a request that may have broken ones; there are dozens of pieces.
const BROKEN: usize = 3;

pub struct Generator<'r> {
    random: &'r mut Random,
    target: Target,
    workspace: String,
    case: Case,
    /// Nothing is broken on purpose.
    clean: bool,
}

pub fn case(random: &mut Random, target: Target, workspace: &str) -> Case {
    let case = Case { request: Value::Null, files: Vec::new(), stricter: Vec::new(), kinder: Vec::new() };
    let clean = random.percent(60);
    let mut generator = Generator { random, target, workspace: workspace.to_owned(), case, clean };
    generator.request();
    generator.case
}

impl Generator<'_> {
    fn broken(&mut self) -> bool {
        !self.clean && self.random.percent(BROKEN)
    }

    fn request(&mut self) {
        let role = self.random.pick(&["server", "client"]);
        let long = "long-site-name-".repeat(5);
        let site = if role == "server" && self.random.percent(70) {
            "server".to_owned()
        } else {
            self.random
                .pick(&["site-1", "Site-1", "1site", "a_b", "hôpital", "İzmir", "-", "default", long.as_str(), "site.a"])
                .to_owned()
        };
        let study = self.random.pick(&[
            json!("cancer"),
            json!("cancer"),
            json!("cancer"),
            json!("other"),
            json!("default"),
            json!(""),
            json!(null),
        ]);
        let mut meta = json!({ "name": "ignored", "job_id": self.job_id() });
        if self.random.percent(85) {
            meta["study"] = study;
        }
        if self.broken() {
            let key = self.random.pick(&["job_id", "study", "launcher_spec", "resource_spec"]);
            let value = odd(self.random);
            if key != "job_id" || !value.is_string() && !value.is_null() {
                self.case.stricter.push(KIND);
            }
            meta[key] = value;
        }
        if self.random.percent(90) && meta.get("launcher_spec").is_none() {
            meta["launcher_spec"] = self.launcher_spec(&site);
        }
        if self.random.percent(50) && meta.get("resource_spec").is_none() {
            meta["resource_spec"] = self.resource_spec(&site);
        }
        let mut request = json!({
            "role": role, "site": site, "workspace": self.workspace, "owner_fqcn": self.random.pick(&["server", "site-1", "", "a.b"]),
            "transfer_token": self.random.pick(&["T-1", "t$(X)", ""]), "job_meta": meta,
            "launcher": self.launcher(), "process_args": self.process_args(),
        });
        if self.random.percent(60) {
            request["set"] = self.random.pick(&[json!(null), json!([]), json!(["a=b"]), json!(["a=b", "c d", ""])]);
        }
        if self.random.percent(70) {
            request["custom_dir"] = self.custom_dir();
        }
        self.case.request = request;
        self.files();
    }

    fn job_id(&mut self) -> String {
        if self.random.percent(20) {
            let long = "0123456789abcdef-".repeat(5);
            let id = self.random.pick(&["Job_1", "ABC-def", "9", "é9-a", long.as_str(), "--", "é"]).to_owned();
            if matches!(id.as_str(), "--" | "é") {
                self.case.stricter.push("12: a job id of which no pod name is left");
            }
            return id;
        }
        let (a, b) = (self.random.next(), self.random.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            (b >> 48) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    fn custom_dir(&mut self) -> Value {
        let workspace = &self.workspace;
        let directories = [
            json!(null),
            json!(""),
            json!(format!("{workspace}/9c0d/app_site-1/custom")),
            json!(format!("{workspace}/a/../b/./custom")),
            json!(workspace),
            json!(format!("{workspace}/../elsewhere")),
            json!(format!("{workspace}2/x")),
            json!("/elsewhere"),
        ];
        if self.clean || self.random.percent(70) {
            directories[self.random.below(5)].clone()
        } else {
            self.random.pick(&directories)
        }
    }

    fn launcher(&mut self) -> Value {
        let mut args = json!({ "config_file_path": self.random.pick(&[json!(null), json!("/kube/config")]) });
        let path = format!(
            "{}/{}",
            self.workspace,
            self.random.pick(&["local/study_data.yaml", "local/study_data.yaml", "local/../local/data.yaml", "missing.yaml"])
        );
        if !self.target.capabilities().study_runtime_file || self.random.percent(50) {
            args["study_data_pvc_file_path"] = json!(path);
        }
        let menu: [(&str, Vec<Value>); 10] = [
            ("namespace", vec![json!("fl"), json!("nvflare"), json!(null)]),
            ("timeout", vec![json!(null), json!(5), json!(0.5)]),
            ("pending_timeout", vec![json!(null), json!(0), json!(30), json!(1.5)]),
            ("default_python_path", vec![json!(null), json!("/usr/bin/python3")]),
            ("python_path", vec![json!(null), json!("/opt/python")]),
            (
                "security_context",
                vec![json!(null), json!({}), json!({"runAsUser": 1000, "fsGroup": 1000}), json!({"runAsNonRoot": true})],
            ),
            ("ephemeral_storage", vec![json!("2Gi"), json!("500Mi")]),
            ("workspace_mount_path", vec![json!("/mnt/ws"), json!("/mnt/ws/"), json!("/var/tmp/nvflare/workspace")]),
            (
                "image_pull_secrets",
                vec![json!(null), json!([]), json!(["regcred"]), json!(["a", "b"]), json!(["a", "a"]), json!(["Odd Name"])],
            ),
            ("study_data_pvc_file_path", vec![json!(path)]),
        ];
        for (key, values) in &menu {
            if self.random.percent(30) {
                args[key] = self.random.pick(values);
            }
            if self.broken() {
                self.break_launcher(&mut args, key);
            }
        }
        if self.broken() {
            args["image_pull_secrets"] = self.random.pick(&[json!([""]), json!([" "]), json!([1]), json!("regcred")]);
        }
        if self.broken() {
            args["unknown"] = json!(1);
        }
        if self.broken() {
            args.as_object_mut().unwrap().remove("config_file_path");
        }
        args
    }

    fn break_launcher(&mut self, args: &mut Value, key: &str) {
        args[key] = odd(self.random);
        // The reference checks these; the rest is passed on unchecked.
        let passed_on = ["namespace", "security_context", "study_data_pvc_file_path"];
        if passed_on.contains(&key) {
            self.case.stricter.push(KIND);
        }
    }

    fn process_args(&mut self) -> Value {
        let mut args = Map::new();
        let names = [
            ("workspace", "-m"),
            ("startup_dir", "-w"),
            ("app_root", "-r"),
            ("auth_token", "-t"),
            ("auth_signature", "-ts"),
            ("ssid", "-d"),
            ("job_id", "-n"),
            ("client_name", "-c"),
            ("root_url", "-u"),
            ("parent_url", "-p"),
            ("parent_conn_sec", "--parent_conn_sec"),
            ("service_host", "--host"),
            ("service_port", "--port"),
            ("target", "-g"),
            ("scheme", "-scheme"),
            ("startup_config_file", "-s"),
            ("options", "--set"),
            ("unknown", "-x"),
        ];
        for (name, flag) in names {
            if self.random.percent(70) {
                let value = self.random.pick(&[
                    json!("v"),
                    json!("a value"),
                    json!(8002),
                    json!(1.0),
                    json!(0),
                    json!(""),
                    json!(null),
                    json!(2.5),
                ]);
                let flag = if self.random.percent(10) { "-same" } else { flag };
                args.insert(name.to_owned(), json!([flag, value]));
            }
            if self.broken() {
                args.insert(name.to_owned(), json!(null));
            }
            if self.broken() && self.random.percent(30) {
                self.case.stricter.push(KIND);
                let value = self.random.pick(&[json!(["-f", true]), json!([1, "v"]), json!(["-f", ["x"]])]);
                args.insert(name.to_owned(), value);
            }
        }
        args.insert("exe_module".to_owned(), json!(["-m", self.random.pick(&["nvflare.worker", "nvflare.runner"])]));
        if self.broken() {
            let value = self.random.pick(&[json!(null), json!(["-m", ""]), json!(["-m", null]), json!([]), json!(["-m"])]);
            args.insert("exe_module".to_owned(), value);
        }
        if self.broken() {
            return json!({});
        }
        Value::Object(args)
    }

    fn k8s_block(&mut self) -> Value {
        let mut block = Map::new();
        let menu: [(&str, usize, Vec<Value>); 10] = [
            (
                "image",
                80,
                vec![
                    json!("fl/job:1.2"),
                    json!("fl/job:1.2"),
                    json!("fl/job:1.2"),
                    json!("localhost:5000/a@sha256:0e11"),
                    json!(""),
                    json!(null),
                ],
            ),
            ("ephemeral_storage", 30, vec![json!("5Gi"), json!("10Gi"), json!(null)]),
            (
                "cpu",
                40,
                vec![
                    json!("2"),
                    json!(2),
                    json!(0.5),
                    json!(null),
                    json!(0),
                    json!(""),
                    json!("0"),
                    json!(123_456_789_012_345_678_u64),
                ],
            ),
            ("memory", 40, vec![json!("4Gi"), json!("8GB"), json!(null), json!(0), json!(1_000_000)]),
            ("cpu_request", 30, vec![json!("500m"), json!(null), json!(""), json!(0), json!(1)]),
            ("memory_request", 30, vec![json!("1Gi"), json!(null), json!("")]),
            ("num_of_gpus", 30, vec![json!(1), json!(0), json!(null), json!("2"), json!(-1), json!(1.5)]),
            ("python_path", 20, vec![json!("/job/python")]),
            ("pending_timeout", 20, vec![json!(null), json!(0), json!(10), json!(2.5)]),
            ("other", 10, vec![json!(null), json!({"a": 1})]),
        ];
        for (key, percent, values) in &menu {
            if self.random.percent(*percent) {
                block.insert((*key).to_owned(), self.random.pick(values));
            }
            if self.broken() {
                if !matches!(*key, "python_path" | "ephemeral_storage" | "num_of_gpus" | "pending_timeout") {
                    self.case.stricter.push(KIND);
                }
                block.insert((*key).to_owned(), odd(self.random));
            }
        }
        Value::Object(block)
    }

    fn mode_blocks(&mut self) -> Value {
        if self.random.percent(10) {
            return self.random.pick(&[json!(null), json!({})]);
        }
        let mut blocks = Map::new();
        if self.random.percent(85) {
            let block = self.k8s_block();
            blocks.insert(
                "k8s".to_owned(),
                if self.random.percent(8) { self.random.pick(&[json!({}), json!(null)]) } else { block },
            );
        }
        for mode in ["docker", "process", "slurm"] {
            if self.random.percent(10) {
                blocks.insert(mode.to_owned(), json!({ "image": "x" }));
            }
        }
        if self.broken() {
            self.case.stricter.push(KIND);
            blocks.insert("k8s".to_owned(), odd(self.random));
        }
        Value::Object(blocks)
    }

    fn launcher_spec(&mut self, site: &str) -> Value {
        let mut spec = Map::new();
        if self.random.percent(65) {
            spec.insert("default".to_owned(), self.mode_blocks());
        }
        if self.random.percent(55) {
            spec.insert(site.to_owned(), self.mode_blocks());
        }
        for key in ["defaults", "def", "", "default_x", "other-site"] {
            if self.random.percent(6) {
                spec.insert(
                    key.to_owned(),
                    self.random.pick(&[
                        json!({}),
                        json!({"k8s": {}}),
                        json!({"slurm": {}}),
                        json!({"k8s": {}, "x": 1}),
                        json!(5),
                        json!(null),
                    ]),
                );
            }
        }
        if self.broken() {
            self.case.stricter.push(KIND);
            let key = self.random.pick(&["default", site]);
            spec.insert(key.to_owned(), odd(self.random));
        }
        Value::Object(spec)
    }

    fn flat_resources(&mut self) -> Value {
        let mut block = Map::new();
        let menu: [(&str, Vec<Value>); 4] = [
            ("num_of_gpus", vec![json!(0), json!(1), json!(4)]),
            ("num_of_cpus", vec![json!(1), json!(16)]),
            ("memory", vec![json!("8Gi"), json!("512Mi"), json!("1Ti")]),
            ("mem_per_gpu_in_GiB", vec![json!(4)]),
        ];
        for (key, values) in &menu {
            if self.random.percent(50) {
                block.insert((*key).to_owned(), self.random.pick(values));
            }
            if self.broken() {
                let value = self.random.pick(&[
                    json!(null),
                    json!(true),
                    json!(-1),
                    json!(0),
                    json!(1.0),
                    json!("1"),
                    json!("8GB"),
                    json!("0Gi"),
                    json!("8Gi "),
                ]);
                block.insert((*key).to_owned(), value);
            }
        }
        Value::Object(block)
    }

    fn site_resources(&mut self) -> Value {
        if self.random.percent(50) {
            return self.flat_resources();
        }
        let mut nested = Map::new();
        for mode in ["k8s", "process", "docker", "slurm"] {
            if self.random.percent(40) {
                let block = if mode == "k8s" { self.k8s_block() } else { self.flat_resources() };
                nested.insert(mode.to_owned(), block);
            }
        }
        if self.broken() {
            self.case.stricter.push(KIND);
            let mode = self.random.pick(&["k8s", "process"]);
            nested.insert(mode.to_owned(), odd(self.random));
        }
        Value::Object(nested)
    }

    fn resource_spec(&mut self, site: &str) -> Value {
        let mut spec = Map::new();
        if self.random.percent(40) {
            let block = self.flat_resources();
            spec.insert("@default".to_owned(), if self.random.percent(15) { json!(null) } else { block });
        }
        if self.random.percent(70) {
            spec.insert(site.to_owned(), self.site_resources());
        }
        if self.broken() {
            self.case.stricter.push(KIND);
            let key = self.random.pick(&["@default", site]);
            spec.insert(key.to_owned(), odd(self.random));
        }
        Value::Object(spec)
    }

    fn files(&mut self) {
        for name in ["rootCA.pem", "client.crt", "client.key", "fed_client.json", "start.sh", "context.tenseal", "sub/inner.pem"]
        {
            if self.random.percent(60) {
                self.case.files.push((format!("startup/{name}"), format!("content of {name}")));
            }
        }
        let runtime = self.target.capabilities().study_runtime_file && self.random.percent(60);
        if runtime {
            let text = self.runtime_file();
            self.case.files.push(("local/study_runtime.yaml".to_owned(), text));
        }
        if self.random.percent(if runtime { 4 } else { 60 }) {
            let text = self.study_data();
            self.case.files.push((
                self.random.pick(&["local/study_data.yaml", "local/study_data.yaml", "local/data.yaml"]).to_owned(),
                text,
            ));
        }
    }

    /// Names of studies and datasets.
    fn name(&mut self) -> String {
        if self.broken() {
            return self.random.pick(&["Upper", "-a", "a-", "a b", "", "é"]).to_owned();
        }
        self.random.pick(&["cancer", "cancer", "training", "a_b", "9", "x-1"]).to_owned()
    }

    fn dataset(&mut self, runtime: bool) -> Value {
        let mut entry =
            json!({ "source": self.random.pick(&["nvfldata", "other-claim"]), "mode": self.random.pick(&["ro", "rw"]) });
        if runtime && self.random.percent(20) {
            entry["type"] = json!("mount");
        }
        if self.broken() {
            let key = self.random.pick(&["source", "mode", "type", "further"]);
            entry[key] = odd(self.random);
        }
        if self.broken() {
            return odd(self.random);
        }
        entry
    }

    fn datasets(&mut self, runtime: bool) -> Value {
        let mut datasets = Map::new();
        for _ in 0..self.random.below(4) {
            let name = self.name();
            datasets.insert(name, self.dataset(runtime));
        }
        if self.broken() { odd(self.random) } else { Value::Object(datasets) }
    }

    fn study_data(&mut self) -> String {
        if self.random.percent(10) {
            return self
                .random
                .pick(&[
                    "",
                    "# nothing\n",
                    "[a]",
                    "a: [",
                    "text",
                    "{}",
                    "---\na: {}\n---\nb: {}\n",
                    "null",
                    "a: {b: &x {source: s, mode: ro}, c: *x}",
                ])
                .to_owned();
        }
        let mut studies = Map::new();
        for _ in 0..self.random.below(3) {
            let name = self.name();
            studies.insert(name, self.datasets(false));
        }
        if self.random.percent(70) {
            let datasets = self.datasets(false);
            studies.insert("cancer".to_owned(), datasets);
        }
        yaml(&Value::Object(studies))
    }

    fn runtime_file(&mut self) -> String {
        if self.random.percent(4) {
            return self
                .random
                .pick(&[
                    "",
                    "[a]",
                    "a: [",
                    "text",
                    "format_version: 2",
                    "format_version: 2.0\nstudies:\n",
                    "studies: {}",
                    "format_version: '2'",
                ])
                .to_owned();
        }
        let mut studies = Map::new();
        for name in ["cancer", "other", "third"] {
            if self.random.percent(if name == "cancer" { 85 } else { 20 }) {
                studies.insert(name.to_owned(), self.study());
            }
        }
        if self.broken() {
            let name = self.name();
            studies.insert(name, odd(self.random));
        }
        let mut file = json!({ "format_version": 2, "studies": studies });
        if self.broken() {
            let key = self.random.pick(&["format_version", "studies", "unknown"]);
            file[key] = odd(self.random);
        }
        yaml(&file)
    }

    fn study(&mut self) -> Value {
        let mut study = Map::new();
        if self.random.percent(60) {
            let image = if self.broken() { odd(self.random) } else { json!("study/image:1") };
            study.insert("container".to_owned(), json!({ "image": image }));
        }
        if self.random.percent(50) {
            let datasets = self.datasets(true);
            study.insert("datasets".to_owned(), datasets);
        }
        if self.random.percent(50) {
            let env = self.env();
            study.insert("env".to_owned(), env);
        }
        if self.random.percent(30) {
            let variables = self.secret_env();
            study.insert("secret_env".to_owned(), variables);
        }
        if self.random.percent(30) {
            let mounts = self.secret_mounts();
            study.insert("secret_mounts".to_owned(), mounts);
        }
        if self.random.percent(50) {
            let template = self.template();
            study.insert("pod_template".to_owned(), template);
        }
        if self.broken() {
            let key = self.random.pick(&[
                "container",
                "datasets",
                "env",
                "secret_env",
                "secret_mounts",
                "pod_template",
                "docker_kwargs",
                "slurm",
                "unknown",
            ]);
            study.insert(key.to_owned(), odd(self.random));
        }
        Value::Object(study)
    }

    /// `§…§` stands for an unquoted scalar.
    fn env(&mut self) -> Value {
        let mut env = Map::new();
        for _ in 0..self.random.below(4) {
            let name = self.random.pick(&["OMP_NUM_THREADS", "A", "B", "odd name", "1x", "é"]);
            let value = self.random.pick(&[
                json!("text"),
                json!(4),
                json!(true),
                json!("§True§"),
                json!("§0x1F§"),
                json!("§1.50§"),
                json!("§1.0e+20§"),
                json!("§0644§"),
                json!("$(PYTHONPATH)/x"),
                json!("§2024-01-01§"),
                json!("§.inf§"),
                json!("1e3"),
                json!("yes"),
                json!("§-12§"),
                json!(0),
                json!(false),
            ]);
            env.insert(name.to_owned(), value);
        }
        if self.broken() {
            let name = self.random.pick(&["PYTHONPATH", "NVFLARE_JOB_SSID", "NVFL_WORKSPACE_OWNER_FQCN", "", "A"]);
            env.insert(name.to_owned(), odd(self.random));
        }
        if self.broken() { odd(self.random) } else { Value::Object(env) }
    }

    fn secret_env(&mut self) -> Value {
        let mut variables = Map::new();
        for _ in 0..self.random.below(3) {
            let name = self.random.pick(&["SECRET_A", "SECRET_B", "PASSWORD"]);
            variables.insert(name.to_owned(), json!({ "source": "site-secret", "key": self.random.pick(&["a", "b.c"]) }));
        }
        if self.broken() {
            let name = self.random.pick(&["A", "NVFLARE_JOB_AUTH_TOKEN", "X", ""]);
            let value = self.random.pick(&[
                json!({"source": "s", "key": "k"}),
                json!({"source": "s"}),
                json!({"source": "s", "key": "k", "more": 1}),
                json!(null),
                json!({"source": 1, "key": "k"}),
            ]);
            variables.insert(name.to_owned(), value);
        }
        Value::Object(variables)
    }

    fn secret_mounts(&mut self) -> Value {
        let mut mounts = Map::new();
        for _ in 0..self.random.below(3) {
            let mut mount = json!({ "source": "site-secret", "mount_path": self.random.pick(&["/secrets/a", "/secrets/b"]) });
            match self.random.below(5) {
                0 => mount["mode"] = json!("ro"),
                1 => mount["items"] = json!({ "key": "path/file", "other": "x" }),
                2 => mount["items"] = json!(null),
                _ => {}
            }
            if self.broken() {
                let key = self.random.pick(&["source", "mount_path", "mode", "items", "unknown"]);
                mount[key] =
                    self.random.pick(&[json!("rw"), json!("relative"), json!({}), json!({"a": ""}), json!(1), json!(null)]);
            }
            let name = self.name();
            mounts.insert(name, mount);
        }
        Value::Object(mounts)
    }

    fn template(&mut self) -> Value {
        if self.random.percent(25) {
            let file = if self.clean {
                "pods/gpu.yaml"
            } else {
                self.random.pick(&[
                    "pods/gpu.yaml",
                    "pods/../pods/gpu.yaml",
                    "pods/gpu.yaml",
                    "pods/gpu.yaml",
                    "missing.yaml",
                    "../out.yaml",
                    "/abs.yaml",
                    "",
                ])
            };
            let text = match self.random.below(if self.clean { 1 } else { 12 }) {
                0 if self.clean => yaml(&self.pod()),
                0 => "[a]".to_owned(),
                1 => "a: [".to_owned(),
                2 => String::new(),
                _ => yaml(&self.pod()),
            };
            self.case.files.push(("local/pods/gpu.yaml".to_owned(), text));
            return json!(file);
        }
        self.pod()
    }

    fn pod(&mut self) -> Value {
        let mut pod = json!({});
        if self.random.percent(50) {
            pod["kind"] = self.random.pick(&[json!("Pod"), json!("Pod"), json!("Pod"), json!(null), json!(""), json!("Job")]);
        }
        if self.random.percent(40) {
            pod["apiVersion"] = self.random.pick(&[json!("v1"), json!(null)]);
        }
        if self.random.percent(40) {
            pod["metadata"] = json!({ "name": "mine", "labels": { "a": "b" } });
            if self.random.percent(40) {
                pod["metadata"]["namespace"] = self.random.pick(&[json!("fl"), json!("elsewhere")]);
            }
        }
        if self.random.percent(90) {
            pod["spec"] = self.pod_spec();
        }
        if self.broken() {
            let key = self.random.pick(&["kind", "metadata", "spec"]);
            pod[key] = odd(self.random);
        }
        pod
    }

    fn pod_spec(&mut self) -> Value {
        let mut spec = json!({});
        let menu: [(&str, usize, Vec<Value>); 10] = [
            ("nodeSelector", 40, vec![json!({"gpu": "a100"})]),
            ("tolerations", 30, vec![json!([{"key": "gpu", "operator": "Exists"}])]),
            ("restartPolicy", 20, vec![json!("Always")]),
            ("serviceAccountName", 15, vec![json!("runner")]),
            ("automountServiceAccountToken", 15, vec![json!(true), json!(false)]),
            (
                "securityContext",
                25,
                vec![json!({"runAsUser": 0}), json!({"runAsUser": 1000, "seccompProfile": {"type": "Unconfined"}})],
            ),
            ("imagePullSecrets", 25, vec![json!([{"name": "a"}, {"name": "c"}]), json!(null)]),
            ("initContainers", 15, vec![json!([{"name": "init", "image": "busybox"}])]),
            ("hostNetwork", 10, vec![json!(true)]),
            (
                "volumes",
                40,
                vec![
                    json!([{"name": "shm", "emptyDir": {"medium": "Memory"}}]),
                    json!([{"name": "workspace-job", "emptyDir": {}}, {"name": "shm", "emptyDir": null}]),
                    json!([{"emptyDir": {}}]),
                ],
            ),
        ];
        for (key, percent, values) in &menu {
            if self.random.percent(*percent) {
                spec[key] = self.random.pick(values);
            }
        }
        if self.random.percent(80) {
            spec["containers"] = self.containers();
        }
        if self.broken() {
            let key = self.random.pick(&["containers", "volumes", "imagePullSecrets"]);
            spec[key] =
                self.random.pick(&[json!({}), json!("x"), json!([1]), json!([[]]), json!([null]), json!([{"name": ["x"]}])]);
            if spec[key] == json!([{"name": ["x"]}]) && key == "containers" {
                self.case.kinder.push("31: a name that is not a string crashes the reference");
            }
            if spec[key] == json!([{"name": ["x"]}]) {
                self.case.stricter.push(KIND);
            }
            if key == "imagePullSecrets" {
                self.case.stricter.push("12: pull secrets of a template that are not a list of names");
            }
        }
        spec
    }

    fn containers(&mut self) -> Value {
        let mut main = json!({ "resources": { "limits": { "cpu": "1" } } });
        if self.random.percent(60) {
            main["name"] = self.random.pick(&[json!("nvflare_job"), json!("nvflare_job"), json!("main"), json!(null)]);
        }
        let menu: [(&str, Vec<Value>); 7] = [
            ("image", vec![json!("theirs")]),
            ("imagePullPolicy", vec![json!("IfNotPresent"), json!("Never")]),
            ("command", vec![json!(["sh"])]),
            (
                "securityContext",
                vec![
                    json!({"privileged": true}),
                    json!({"runAsNonRoot": false}),
                    json!({"capabilities": {"add": ["SYS_ADMIN"]}}),
                ],
            ),
            (
                "volumeMounts",
                vec![
                    json!([{"name": "shm", "mountPath": "/dev/shm"}]),
                    json!([{"name": "startup-kit", "mountPath": "/x"}, {"name": "shm", "mountPath": "/y"}]),
                    json!(null),
                ],
            ),
            (
                "env",
                vec![
                    json!([{"name": "A", "value": "theirs"}, {"name": "PYTHONPATH", "value": "/x"}]),
                    json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
                    json!([]),
                    json!(null),
                ],
            ),
            ("lifecycle", vec![json!({"preStop": {"exec": {"command": ["true"]}}})]),
        ];
        for (key, values) in &menu {
            if self.random.percent(35) {
                main[key] = self.random.pick(values);
            }
        }
        match self.random.below(10) {
            0 => json!([]),
            1 => json!(null),
            2 | 3 => json!([{"name": "sidecar", "image": "s"}, main]),
            4 => json!([main, {"name": "sidecar", "image": "s"}]),
            _ => json!([main]),
        }
    }
}

/// YAML in flow style, with `§…§` unquoted.
fn yaml(value: &Value) -> String {
    value.to_string().replace("\"§", "").replace("§\"", "")
}
