//! Starts the built programs and waits for a ready node.

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
    Context, Provider, UpOptions,
    build::{self, Programs},
    command::find,
    components,
    configuration::{self, NODE_NAME},
    control_group,
    fault::failed,
    image,
    kubectl::Kubectl,
    link,
    namespaces::{Component, Namespaces, last_lines, state_label},
    plugins, probe, process, registry,
    state::{INSIDE, REGISTRY_DIRECTORY, Record, StateDirectory},
    status::problems_of_node,
};

/// Starts every component and waits until the cluster is ready.
pub(crate) fn start(context: &Context<'_>, state: &StateDirectory, options: &UpOptions) -> Result<(), Faults> {
    let programs = build::programs(context)?;
    context.check()?;
    let plan = prepare(context, state, options, &programs)?;
    let began = Instant::now();
    control_group::make(&state.control_group())?;
    let namespaces = Namespaces::make(*context, state)?;
    let address = link::connect(context, state, &namespaces)?.node();
    configuration::write_identities(state, address)?;
    state.write_record(&Record {
        provider: Provider::Source,
        kubeconfig: state.kubeconfig(),
        address: Some(address),
        components: plan.base_components.iter().chain(&plan.clients).map(|component| component.name.to_owned()).collect(),
        options: options.clone(),
    })?;
    let kubectl = Kubectl::built(&programs.hyperkube, state);
    let run = Run { context, state, namespaces: &namespaces, began, limit: options.timeout, started: BTreeSet::new() };
    run.through(&plan, &kubectl, address, options)
}

/// What is started.
struct Plan {
    /// The components that run before the API server answers.
    base_components: Vec<Component>,
    /// The clients of the API server.
    clients: Vec<Component>,
}

/// Writes configuration and images; returns what is to be started.
fn prepare(context: &Context<'_>, state: &StateDirectory, options: &UpOptions, programs: &Programs) -> Result<Plan, Faults> {
    let plugins = plugins::directory().ok_or_else(|| failed("the plugins of the pod network are not there"))?;
    configuration::write(state, options, &plugins)?;
    state.write_kubectl(&programs.hyperkube)?;
    image::seed(context, &state.registry(), &options.images)?;
    let own_program = std::env::current_exe().map_err(|error| failed(format!("our own program cannot be found: {error}")))?;
    let registries = registry::processes(
        context,
        registry::RegistryPlacement {
            state_directory: state.root(),
            seen_as: Path::new(INSIDE),
            images: REGISTRY_DIRECTORY,
            listen: Ipv4Addr::UNSPECIFIED,
            port: options.registry_port,
            own_program: &own_program,
        },
    )?;
    let containerd = find(context, "containerd").ok_or_else(|| failed("`containerd` is not there"))?;
    Ok(Plan {
        base_components: components::base_components(programs, &containerd, registries),
        clients: components::api_clients(programs),
    })
}

/// Writes GPUs into the node's status. The kubelet keeps an unknown resource in the node's capacity and derives the allocatable
/// amount from it, but only some seconds later, so both are written.
fn advertise_gpus(kubectl: &Kubectl, count: u32) -> Result<(), Faults> {
    let give = |list| json!({"op": "add", "path": format!("/status/{list}/nvidia.com~1gpu"), "value": count.to_string()});
    let patch = json!([give("capacity"), give("allocatable")]);
    kubectl.patch_node_status(NODE_NAME, &patch)
}

/// A start in progress.
struct Run<'a> {
    context: &'a Context<'a>,
    state: &'a StateDirectory,
    namespaces: &'a Namespaces<'a>,
    began: Instant,
    limit: Duration,
    started: BTreeSet<&'static str>,
}

impl Run<'_> {
    /// Starts all components and waits until the cluster is ready.
    fn through(mut self, plan: &Plan, kubectl: &Kubectl, address: Ipv4Addr, options: &UpOptions) -> Result<(), Faults> {
        self.start(&plan.base_components)?;
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
            advertise_gpus(kubectl, options.gpus)?;
            let count = options.gpus.to_string();
            let given = || node().is_some_and(|node| node["status"]["allocatable"]["nvidia.com/gpu"] == count.as_str());
            self.wait("the node has its GPUs", "kubelet", given)?;
        }
        self.all_live()
    }

    fn start(&mut self, components: &[Component]) -> Result<(), Faults> {
        for component in components {
            self.context.check()?;
            self.namespaces.start(component)?;
            self.started.insert(component.name);
        }
        Ok(())
    }

    /// Waits until `look` sees an effect of a component.
    fn wait(&self, what: &str, component: &'static str, look: impl Fn() -> bool) -> Result<(), Faults> {
        loop {
            self.context.check()?;
            self.all_live()?;
            if look() {
                (self.context.report)(&format!("{:5.1} s  {what}", self.began.elapsed().as_secs_f64()));
                return Ok(());
            }
            if self.began.elapsed() > self.limit {
                return Err(self.out_of_time(what, component));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Checks that all components run; one that has ended is a fault with the last lines of its log.
    fn all_live(&self) -> Result<(), Faults> {
        loop {
            let (_, processes) = process::of_cluster(&state_label(self.state), &self.state.control_group());
            let living = process::living_components(&processes);
            let components = std::iter::once(process::INIT_PROCESS).chain(self.started.iter().copied());
            let dead: Vec<_> = components.filter(|component| !living.contains(*component)).collect();
            // A program that is being loaded has no environment yet, which would say whose it is.
            let may_be_loading = process::any_is_loading(&processes) && self.began.elapsed() < self.limit;
            if !dead.is_empty() && may_be_loading {
                self.context.check()?;
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            let fault = |component| failed(format!("`{component}` has ended: {}", last_lines(self.state, component, 5)));
            return Faults::check(dead.into_iter().map(fault).collect(), || ());
        }
    }

    fn out_of_time(&self, what: &str, component: &str) -> Faults {
        let seconds = self.limit.as_secs();
        let said = last_lines(self.state, component, 3);
        Diagnostic::error(Code::TimedOut, format!("not within {seconds} s: {what}; the last that `{component}` said: {said}"))
            .hint("give it more time with `--timeout`, or look at what else the machine does")
            .into()
    }
}
