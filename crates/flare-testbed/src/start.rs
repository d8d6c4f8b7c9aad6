//! The road from built programs to a ready node.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::json;

use crate::{
    Provider, Surroundings, UpOptions, build,
    command::find,
    configuration::{self, NODE_NAME},
    control_group,
    fault::failed,
    image,
    kubectl::Kubectl,
    link,
    namespaces::{Namespaces, Part, last_lines, mark},
    package, part, probe, process,
    state::{Record, StateFolder},
    status::problems_of_node,
};

/// Starts every part and waits until the cluster is ready.
pub(crate) fn start(surroundings: &Surroundings<'_>, state: &StateFolder, options: &UpOptions) -> Result<(), Faults> {
    let programs = build::programs(surroundings)?;
    surroundings.check()?;
    let cni = package::cni_folder().ok_or_else(|| failed("the plugins of the pod network are not there"))?;
    configuration::write(state, options, &cni)?;
    image::seed(surroundings, &state.registry(), &[])?;
    let began = Instant::now();
    control_group::make(&state.control_group())?;
    let namespaces = Namespaces::make(*surroundings, state)?;
    let address = link::connect(surroundings, state, &namespaces)?.node();
    configuration::write_identities(state, address)?;
    state.remember(&Record {
        provider: Provider::Source,
        kubeconfig: state.kubeconfig(),
        address: Some(address),
        options: options.clone(),
    })?;
    let kubectl = Kubectl::built(&programs.hyperkube, state);
    let mut run = Run { surroundings, state, namespaces: &namespaces, began, limit: options.timeout, started: BTreeSet::new() };
    let program = |name| find(surroundings, name).ok_or_else(|| Faults::from(failed(format!("`{name}` is not there"))));
    run.start(&part::foundation(&programs, &program("docker-registry")?, &program("containerd")?))?;
    run.wait("the API server answers", "kube-apiserver", || kubectl.is_ready())?;
    kubectl.create(configuration::objects(options.default_storage_class).to_string().as_bytes())?;
    run.start(&part::clients(&programs))?;
    run.wait("the registry answers", "registry", || probe::registry_answers(address, options.registry_port))?;
    let node = || kubectl.get(&format!("/api/v1/nodes/{NODE_NAME}"));
    run.wait("the node is ready", "kubelet", || problems_of_node(node().as_ref()).is_empty())?;
    // A pod that is created before its ServiceAccount is refused.
    let account = "/api/v1/namespaces/default/serviceaccounts/default";
    run.wait("the default ServiceAccount is there", "kube-controller-manager", || kubectl.get(account).is_some())?;
    run.wait("DNS answers", "coredns", || probe::dns_answers(address))?;
    if options.gpus > 0 {
        give_gpus(&kubectl, options.gpus)?;
        let given = || node().is_some_and(|node| node["status"]["allocatable"]["nvidia.com/gpu"] == options.gpus.to_string());
        run.wait("the node has its GPUs", "kubelet", given)?;
    }
    run.all_live()
}

/// The kubelet keeps a resource that it does not know once it is in the node's capacity, and derives what can be given
/// from it; that it would do some seconds later, so both are written.
fn give_gpus(kubectl: &Kubectl, count: u32) -> Result<(), Faults> {
    let give = |list| json!({"op": "add", "path": format!("/status/{list}/nvidia.com~1gpu"), "value": count.to_string()});
    let patch = json!([give("capacity"), give("allocatable")]);
    kubectl.patch_node_status(NODE_NAME, &patch)
}

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
        let (_, processes) = process::of_cluster(&mark(self.state), &self.state.control_group());
        let living = process::living_parts(&processes);
        let dead = std::iter::once(&process::ANCHOR).chain(&self.started).filter(|part| !living.contains(**part));
        let faults = dead.map(|part| failed(format!("`{part}` has ended: {}", last_lines(self.state, part, 5)))).collect();
        Faults::check(faults, || ())
    }

    fn out_of_time(&self, what: &str, part: &str) -> Faults {
        let seconds = self.limit.as_secs();
        let said = last_lines(self.state, part, 3);
        Diagnostic::error(Code::TimedOut, format!("not within {seconds} s: {what}; the last that `{part}` said: {said}"))
            .hint("give it more time with `--timeout`, or look at what else the machine does")
            .into()
    }
}
