//! The road from built programs to a ready node.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::json;

use crate::{
    Provider, Surroundings, UpOptions,
    build::{self, Programs},
    command::find,
    configuration::{self, NODE_NAME},
    control_group,
    fault::failed,
    image,
    kubectl::Kubectl,
    link,
    namespaces::{Namespaces, Part, last_lines, mark},
    part, plugins, probe, process, registry,
    state::{INSIDE, REGISTRY_FOLDER, Record, StateFolder},
    status::problems_of_node,
};

/// Starts every part and waits until the cluster is ready.
pub(crate) fn start(surroundings: &Surroundings<'_>, state: &StateFolder, options: &UpOptions) -> Result<(), Faults> {
    let programs = build::programs(surroundings)?;
    surroundings.check()?;
    let plan = prepare(surroundings, state, options, &programs)?;
    let began = Instant::now();
    control_group::make(&state.control_group())?;
    let namespaces = Namespaces::make(*surroundings, state)?;
    let address = link::connect(surroundings, state, &namespaces)?.node();
    configuration::write_identities(state, address)?;
    state.remember(&Record {
        provider: Provider::Source,
        kubeconfig: state.kubeconfig(),
        address: Some(address),
        parts: plan.foundation.iter().chain(&plan.clients).map(|part| part.name.to_owned()).collect(),
        options: options.clone(),
    })?;
    let kubectl = Kubectl::built(&programs.hyperkube, state);
    let run = Run { surroundings, state, namespaces: &namespaces, began, limit: options.timeout, started: BTreeSet::new() };
    run.through(&plan, &kubectl, address, options)
}

/// What is started.
struct Plan {
    /// The parts that run before the API server answers.
    foundation: Vec<Part>,
    /// The parts that ask it.
    clients: Vec<Part>,
}

/// Writes configuration and images; gives what is to be started.
fn prepare(
    surroundings: &Surroundings<'_>,
    state: &StateFolder,
    options: &UpOptions,
    programs: &Programs,
) -> Result<Plan, Faults> {
    let plugins = plugins::folder().ok_or_else(|| failed("the plugins of the pod network are not there"))?;
    configuration::write(state, options, &plugins)?;
    state.write_kubectl(&programs.hyperkube)?;
    image::seed(surroundings, &state.registry(), &options.images)?;
    let own_program = std::env::current_exe().map_err(|error| failed(format!("our own program cannot be found: {error}")))?;
    let registries = registry::processes(
        surroundings,
        registry::Place {
            state_folder: state.root(),
            seen_as: Path::new(INSIDE),
            images: REGISTRY_FOLDER,
            listen: Ipv4Addr::UNSPECIFIED,
            port: options.registry_port,
            own_program: &own_program,
        },
    )?;
    let containerd = find(surroundings, "containerd").ok_or_else(|| failed("`containerd` is not there"))?;
    Ok(Plan { foundation: part::foundation(programs, &containerd, registries), clients: part::clients(programs) })
}

/// The kubelet keeps a resource that it does not know once it is in the node's capacity, and derives what can be given
/// from it; that it would do some seconds later, so both are written.
fn give_gpus(kubectl: &Kubectl, count: u32) -> Result<(), Faults> {
    let give = |list| json!({"op": "add", "path": format!("/status/{list}/nvidia.com~1gpu"), "value": count.to_string()});
    let patch = json!([give("capacity"), give("allocatable")]);
    kubectl.patch_node_status(NODE_NAME, &patch)
}

/// How long the kernel may take to load a part's program.
const LOADING: Duration = Duration::from_secs(3);

/// A start that is under way.
struct Run<'a> {
    surroundings: &'a Surroundings<'a>,
    state: &'a StateFolder,
    namespaces: &'a Namespaces<'a>,
    began: Instant,
    limit: Duration,
    started: BTreeSet<&'static str>,
}

impl Run<'_> {
    /// From the first part to a ready cluster.
    fn through(mut self, plan: &Plan, kubectl: &Kubectl, address: Ipv4Addr, options: &UpOptions) -> Result<(), Faults> {
        self.start(&plan.foundation)?;
        self.wait("the API server answers", "kube-apiserver", || kubectl.is_ready())?;
        kubectl.create(configuration::objects(options.default_storage_class).to_string().as_bytes())?;
        self.start(&plan.clients)?;
        self.wait("the registry answers", "registry", || probe::registry_answers(address, options.registry_port))?;
        let node = || kubectl.get(&format!("/api/v1/nodes/{NODE_NAME}"));
        self.wait("the node is ready", "kubelet", || problems_of_node(node().as_ref()).is_empty())?;
        // A pod that is created before its ServiceAccount is refused.
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        self.wait("the default ServiceAccount is there", "kube-controller-manager", || kubectl.get(account).is_some())?;
        self.wait("DNS answers", "coredns", || probe::dns_answers(address))?;
        if options.gpus > 0 {
            give_gpus(kubectl, options.gpus)?;
            let count = options.gpus.to_string();
            let given = || node().is_some_and(|node| node["status"]["allocatable"]["nvidia.com/gpu"] == count.as_str());
            self.wait("the node has its GPUs", "kubelet", given)?;
        }
        self.all_live()
    }

    fn start(&mut self, parts: &[Part]) -> Result<(), Faults> {
        for part in parts {
            self.surroundings.check()?;
            self.namespaces.start(part)?;
            self.started.insert(part.name);
        }
        Ok(())
    }

    /// Waits for something that a part brings about.
    fn wait(&self, what: &str, part: &'static str, look: impl Fn() -> bool) -> Result<(), Faults> {
        loop {
            self.surroundings.check()?;
            self.all_live()?;
            if look() {
                (self.surroundings.say)(&format!("{:5.1} s  {what}", self.began.elapsed().as_secs_f64()));
                return Ok(());
            }
            if self.began.elapsed() > self.limit {
                return Err(self.out_of_time(what, part));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// A part that has ended is a fault, with the last that it said.
    fn all_live(&self) -> Result<(), Faults> {
        let mut dead = self.not_seen();
        let began = Instant::now();
        // While the kernel loads a process's program, which a slow disk can draw out, the process has no environment, so nobody
        // can tell which part it is. Only who is missed at every look has ended.
        while !dead.is_empty() && began.elapsed() < LOADING {
            thread::sleep(Duration::from_millis(50));
            let not_seen = self.not_seen();
            dead.retain(|part| not_seen.contains(part));
        }
        let fault = |part: &&str| failed(format!("`{part}` has ended: {}", last_lines(self.state, part, 5)));
        Faults::check(dead.iter().map(fault).collect(), || ())
    }

    /// The parts that are not among the cluster's processes now.
    fn not_seen(&self) -> BTreeSet<&'static str> {
        let (_, processes) = process::of_cluster(&mark(self.state), &self.state.control_group());
        let living = process::living_parts(&processes);
        std::iter::once(process::ANCHOR).chain(self.started.iter().copied()).filter(|part| !living.contains(*part)).collect()
    }

    fn out_of_time(&self, what: &str, part: &str) -> Faults {
        let seconds = self.limit.as_secs();
        let said = last_lines(self.state, part, 3);
        Diagnostic::error(Code::TimedOut, format!("not within {seconds} s: {what}; the last that `{part}` said: {said}"))
            .hint("give it more time with `--timeout`, or look at what else the machine does")
            .into()
    }
}
