//! The choice of the provider, and the providers kubeconfig and kind.

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic, Faults};

use crate::{
    Context, Provider, UpOptions,
    command::{command, find, output, run},
    kubectl::Kubectl,
    state::{Record, StateDirectory},
};

/// The first of: the requested provider, the cluster whose kubeconfig the user named, kind if Docker runs, source. Options
/// that only a cluster from source supports select source.
pub(crate) fn choose(context: &Context<'_>, options: &UpOptions) -> Result<Provider, Faults> {
    let of_source_alone = of_source_alone(options);
    let chosen = match (options.provider, &options.kubeconfig) {
        (Some(Provider::Kubeconfig) | None, Some(_)) => Provider::Kubeconfig,
        (Some(Provider::Kubeconfig), None) => {
            return Err(Diagnostic::error(Code::InvalidArgs, "the provider `kubeconfig` needs a kubeconfig")
                .hint("name it with `--kubeconfig FILE`; one is never guessed")
                .into());
        }
        (Some(other), Some(_)) => {
            return Err(Diagnostic::error(
                Code::InvalidArgs,
                format!("the provider `{other}` makes a cluster of its own and takes no kubeconfig"),
            )
            .hint("leave out `--kubeconfig`, or take `--provider kubeconfig`")
            .into());
        }
        (Some(chosen), None) => chosen,
        (None, None) if !of_source_alone.is_empty() => Provider::Source,
        (None, None) if find(context, "kind").is_some() && docker_runs(context) => Provider::Kind,
        (None, None) => Provider::Source,
    };
    if chosen == Provider::Source || of_source_alone.is_empty() {
        return Ok(chosen);
    }
    let flags = of_source_alone.join(", ");
    Err(Diagnostic::error(
        Code::InvalidArgs,
        format!("a cluster of the provider `{chosen}` is taken as it is and cannot be given {flags}"),
    )
    .hint("leave that out, or take `--provider source`")
    .into())
}

/// The requested options, as flags, that only a cluster from source supports.
fn of_source_alone(options: &UpOptions) -> Vec<&'static str> {
    let usual = UpOptions::default();
    let asked = [
        (options.gpus != usual.gpus, "`--gpus`"),
        (options.taints != usual.taints, "`--taint`"),
        (options.default_storage_class != usual.default_storage_class, "`--default-storage-class`"),
        (options.registry_port != usual.registry_port, "`--registry-port`"),
    ];
    asked.into_iter().filter_map(|(asked, flag)| asked.then_some(flag)).collect()
}

/// The warning about requested options that a cluster of kind lacks.
pub(crate) fn lacks(chosen: Provider, options: &UpOptions) -> Option<Diagnostic> {
    (chosen == Provider::Kind && !options.images.is_empty()).then(|| {
        Diagnostic::warning(Code::Notice, "a cluster of kind has neither a registry nor the FLARE images")
            .hint("load images with `kind load docker-image`, or take `--provider source`, which has both")
    })
}

/// Whether Docker's daemon answers; its client alone is not enough.
fn docker_runs(context: &Context<'_>) -> bool {
    let ask = || -> Result<bool, Faults> {
        let answer = output(command(context, "docker")?.args(["info", "--format", "{{.ServerVersion}}"]), &[])?;
        Ok(answer.status.success() && !answer.stdout.trim_ascii().is_empty())
    };
    ask().unwrap_or(false)
}

/// Checks that kind is there and reaches what runs its nodes.
///
/// # Errors
/// [`Code::MachineNotReady`].
pub(crate) fn check_kind(context: &Context<'_>) -> Result<(), Faults> {
    let not_ready = |message: String| Diagnostic::error(Code::MachineNotReady, message);
    if find(context, "kind").is_none() {
        return Err(not_ready("the program `kind` is missing".to_owned())
            .hint("install it (https://kind.sigs.k8s.io), or take `--provider source`")
            .into());
    }
    let asked = run(command(context, "kind")?.args(["get", "clusters"]), &[]);
    asked.map(drop).map_err(|faults| {
        faults.map(|fault| not_ready(fault.message).hint("see whether Docker runs, or take `--provider source`"))
    })
}

/// Checks that the file of an existing cluster can be read.
///
/// # Errors
/// [`Code::KubeconfigInvalid`].
pub(crate) fn check_kubeconfig(options: &UpOptions) -> Result<(), Faults> {
    let Some(path) = &options.kubeconfig else { return Ok(()) };
    let refused = |why: String| -> Result<(), Faults> {
        let fault = Diagnostic::error(Code::KubeconfigInvalid, format!("the kubeconfig cannot be read: {why}"));
        Err(fault.hint("name a file that exists and that you may read with `--kubeconfig`").at(path.as_path()).into())
    };
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => refused("it is a directory".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => refused(error.kind().to_string()),
    }
}

/// Records an existing cluster, if it answers. Nothing in it is changed.
pub(crate) fn adopt(context: &Context<'_>, state: &StateDirectory, options: &UpOptions, kubeconfig: &Path) -> Result<(), Faults> {
    let kubeconfig = std::path::absolute(kubeconfig).unwrap_or_else(|_| kubeconfig.to_owned());
    let shown = kubeconfig.display();
    if !Kubectl::installed(context, &kubeconfig)?.is_ready() {
        let words = kubeconfig.to_string_lossy();
        let quoted = shlex::try_quote(&words).unwrap_or_else(|_| words.as_ref().into());
        return Err(Diagnostic::error(Code::ClusterFailed, format!("the cluster of `{shown}` does not answer"))
            .hint(format!("check it with `kubectl --kubeconfig {quoted} get --raw /readyz`"))
            .into());
    }
    state.make("")?;
    state.write_record(&Record {
        provider: Provider::Kubeconfig,
        kubeconfig,
        address: None,
        components: Vec::new(),
        options: options.clone(),
    })
}

/// Starts a cluster with kind, whose kubeconfig is written only into the state directory.
pub(crate) fn create_kind(context: &Context<'_>, state: &StateDirectory, options: &UpOptions) -> Result<(), Faults> {
    context.check()?;
    state.make("")?;
    let kubeconfig = state.kubeconfig();
    state.write_record(&Record {
        provider: Provider::Kind,
        kubeconfig: kubeconfig.clone(),
        address: None,
        components: Vec::new(),
        options: options.clone(),
    })?;
    let wait = format!("{}s", options.timeout.as_secs());
    let mut kind = command(context, "kind")?;
    kind.args(["create", "cluster", "--name", &kind_name(state), "--wait", &wait, "--kubeconfig"]).arg(&kubeconfig);
    run(&mut kind, &[]).map(drop)
}

/// Ends a cluster of kind. The kubeconfig is passed so that kind does not edit the user's own.
pub(crate) fn delete_kind(context: &Context<'_>, state: &StateDirectory) -> Result<(), Faults> {
    let delete = || {
        let mut kind = command(context, "kind")?;
        kind.args(["delete", "cluster", "--name", &kind_name(state), "--kubeconfig"]).arg(state.kubeconfig());
        run(&mut kind, &[]).map(drop)
    };
    match delete() {
        // Nothing is left for a kind that is missing or broken, such as after an `up` that it did not carry out.
        Err(_) if !may_have_containers(context, state) => Ok(()),
        ended => ended,
    }
}

/// Whether Docker may have containers of the cluster: it has some, or gives no answer. Without its client there are none.
fn may_have_containers(context: &Context<'_>, state: &StateDirectory) -> bool {
    let label = format!("label=io.x-k8s.kind.cluster={}", kind_name(state));
    let Ok(mut docker) = command(context, "docker") else { return false };
    let listed = output(docker.args(["ps", "--all", "--quiet", "--filter", &label]), &[]);
    !listed.is_ok_and(|listed| listed.status.success() && listed.stdout.trim_ascii().is_empty())
}

fn kind_name(state: &StateDirectory) -> String {
    format!("flare-kube-{}", state.name())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::atomic::AtomicBool};

    use flare_diagnostic::Code;

    use super::{adopt, check_kind, check_kubeconfig, choose, create_kind, delete_kind, lacks};
    use crate::{ClusterName, Context, Provider, UpOptions, state::StateDirectory};

    /// Runs a test with fake programs, which are shell scripts.
    fn with_programs(programs: &[(&str, &str)], test: impl FnOnce(&Context<'_>, &Path)) {
        let (directory, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        for (name, script) in programs {
            let path = directory.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let search_path = [directory.path().to_owned()];
        let context = Context {
            cache: &directory.path().join("cache"),
            search_path: &search_path,
            interrupted: &interrupted,
            report: &|_: &str| {},
        };
        test(&context, directory.path());
    }

    #[test]
    fn kind_is_taken_only_where_dockers_daemon_answers() {
        let chosen = |programs: &[(&str, &str)]| {
            let mut chosen = None;
            with_programs(programs, |context, _| chosen = choose(context, &UpOptions::default()).ok());
            chosen
        };
        // A client without a daemon prints an empty version, and old ones exit with 0.
        for refusal in ["exit 1", "echo; exit 0", "echo Cannot connect >&2; exit 1"] {
            assert_eq!(chosen(&[("kind", "exit 0"), ("docker", refusal)]), Some(Provider::Source), "{refusal}");
        }
        assert_eq!(chosen(&[("docker", "echo 27.0.1")]), Some(Provider::Source), "without kind");
        assert_eq!(chosen(&[("kind", "exit 0"), ("docker", "echo 27.0.1")]), Some(Provider::Kind));
    }

    #[test]
    fn a_kubeconfig_is_taken_where_it_is_named_and_only_there() {
        with_programs(&[], |context, _| {
            let choose = |provider, kubeconfig: Option<&str>| {
                choose(context, &UpOptions { provider, kubeconfig: kubeconfig.map(Into::into), ..UpOptions::default() }).ok()
            };
            assert_eq!(choose(None, Some("/k")), Some(Provider::Kubeconfig));
            assert_eq!(choose(Some(Provider::Kubeconfig), Some("/k")), Some(Provider::Kubeconfig));
            assert_eq!(choose(Some(Provider::Kubeconfig), None), None);
            assert_eq!(choose(Some(Provider::Source), Some("/k")), None);
            assert_eq!(choose(Some(Provider::Kind), None), Some(Provider::Kind));
        });
    }

    #[test]
    fn what_only_a_cluster_from_source_can_have_decides_for_it_or_is_refused() {
        let all_run = [("kind", "exit 0"), ("docker", "echo 27.0.1")];
        with_programs(&all_run, |context, _| {
            let asked = UpOptions { gpus: 4, ..UpOptions::default() };
            assert_eq!(choose(context, &asked).ok(), Some(Provider::Source));
            let refusal = |options| choose(context, &options).unwrap_err().first().message.clone();
            let kind = refusal(UpOptions { provider: Some(Provider::Kind), registry_port: 5500, ..asked.clone() });
            assert!(kind.contains("`kind`") && kind.contains("`--gpus`, `--registry-port`"), "{kind}");
            let named = refusal(UpOptions { kubeconfig: Some("/k".into()), ..asked });
            assert!(named.contains("`kubeconfig`"), "{named}");
        });
        assert!(lacks(Provider::Kind, &UpOptions::default()).is_some());
        assert!(lacks(Provider::Source, &UpOptions::default()).is_none());
        assert!(lacks(Provider::Kind, &UpOptions { images: Vec::new(), ..UpOptions::default() }).is_none());
    }

    #[test]
    fn kind_is_told_its_kubeconfig_at_both_ends_and_never_sees_the_users() {
        with_programs(&[("kind", "echo \"$@\" >> \"$(dirname \"$0\")/asked\"")], |context, directory| {
            let state = StateDirectory::of(context, &ClusterName::new("x").unwrap());
            create_kind(context, &state, &UpOptions::default()).unwrap();
            delete_kind(context, &state).unwrap();
            let kubeconfig = state.kubeconfig();
            let (asked, shown) = (fs::read_to_string(directory.join("asked")).unwrap(), kubeconfig.display());
            let create = format!("create cluster --name flare-kube-x --wait 120s --kubeconfig {shown}");
            assert_eq!(
                asked.lines().collect::<Vec<_>>(),
                [create, format!("delete cluster --name flare-kube-x --kubeconfig {shown}")]
            );
        });
    }

    #[test]
    fn a_machine_without_a_kind_that_works_is_told_so() {
        let code = |programs: &[(&str, &str)]| {
            let mut code = None;
            with_programs(programs, |context, _| code = check_kind(context).err().map(|faults| faults.first().code));
            code
        };
        assert_eq!(code(&[("docker", "echo 27.0.1")]), Some(Code::MachineNotReady));
        assert_eq!(code(&[("kind", "echo no daemon >&2; exit 1")]), Some(Code::MachineNotReady));
        assert_eq!(code(&[("kind", "[ \"$*\" = 'get clusters' ]")]), None);
    }

    #[test]
    fn what_kind_did_not_make_can_be_removed_without_it() {
        let is_removed = |programs: &[(&str, &str)]| {
            let mut is_removed = false;
            with_programs(programs, |context, _| {
                let state = StateDirectory::of(context, &ClusterName::new("x").unwrap());
                is_removed = delete_kind(context, &state).is_ok();
            });
            is_removed
        };
        let docker = |answer| [("docker", answer)];
        assert!(
            is_removed(&docker("[ \"$5\" = label=io.x-k8s.kind.cluster=flare-kube-x ] && exit 0")),
            "there are no containers"
        );
        assert!(is_removed(&[("kind", "exit 1"), ("docker", "exit 0")]));
        assert!(!is_removed(&docker("echo 0a1b2c")), "its node is there");
        assert!(!is_removed(&docker("exit 1")), "nobody knows");
        assert!(!is_removed(&[("kind", "exit 1"), ("docker", "echo 0a1b2c")]));
    }

    #[test]
    fn a_kubeconfig_that_cannot_be_read_is_told_with_its_place() {
        with_programs(&[], |_, directory| {
            let code = |path: &Path| {
                let options = UpOptions { kubeconfig: Some(path.to_owned()), ..UpOptions::default() };
                check_kubeconfig(&options).err().map(|faults| {
                    assert!(faults.first().place.is_some(), "{faults}");
                    faults.first().code
                })
            };
            assert_eq!(code(&directory.join("none")), Some(Code::KubeconfigInvalid));
            assert_eq!(code(directory), Some(Code::KubeconfigInvalid));
            fs::write(directory.join("config"), "theirs").unwrap();
            assert_eq!(code(&directory.join("config")), None);
        });
        assert!(check_kubeconfig(&UpOptions::default()).is_ok());
    }

    #[test]
    fn a_cluster_of_the_users_is_remembered_and_forgotten_without_a_change() {
        with_programs(&[("kubectl", "echo \"$@\" >> \"$(dirname \"$0\")/asked\"; echo ok")], |context, directory| {
            let state = StateDirectory::of(context, &ClusterName::new("mine").unwrap());
            let kubeconfig = directory.join("kubeconfig");
            fs::write(&kubeconfig, "theirs").unwrap();
            adopt(context, &state, &UpOptions::default(), &kubeconfig).unwrap();
            assert_eq!(state.record().unwrap().provider, Provider::Kubeconfig);
            let asked = fs::read_to_string(directory.join("asked")).unwrap();
            assert!(asked.lines().all(|line| line.contains("get --raw")), "{asked}");
            assert!(state.remove().unwrap());
            assert_eq!(fs::read_to_string(&kubeconfig).unwrap(), "theirs");
        });
    }
}
