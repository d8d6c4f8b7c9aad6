//! The stable codes. Scripts match on them, so a code never changes its meaning; a new one is a line here, a row
//! in the manual and an arm of the exit-number match of the command line.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $text:literal, $(hint $hint:expr,)?)+) => {
        /// A stable code, written `LIKE_THIS`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of the manual.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it is written in output.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// What one can do about an error of this code, where nothing better is known; empty for codes of warnings.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => concat!("", $($hint)?)),+ }
            }

            /// Whether the code is used only for warnings, which never end a run.
            pub const fn is_warning(self) -> bool {
                self.hint().is_empty()
            }

            /// One sentence about the code, for the manual.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

codes! {
    /// The command line cannot be carried out: no kit, a kit that is given twice, an output that cannot be replaced.
    InvalidArgs => "INVALID_ARGS", hint "run the verb with `--help` for what it takes",
    /// There is no such config file.
    ConfigNotFound => "CONFIG_NOT_FOUND", hint "name a file that exists",
    /// `k8s.yaml` breaks a rule.
    InvalidConfig => "INVALID_CONFIG", hint "correct the file at the given place; `schema k8s` prints what it may hold",
    /// The startup kit cannot work.
    InvalidKit => "INVALID_KIT", hint "copy the kit again, whole, from where it was provisioned; or provision it again",
    /// The startup kit is of a kind that does not run in Kubernetes, such as an admin's.
    UnsupportedKit => "UNSUPPORTED_KIT", hint "give the startup kit of a server or a client",
    /// The output has a record of staged objects, and replacing it would lose the record.
    OutputStaged => "OUTPUT_STAGED", hint "name another directory with `--output`",
    /// An error of the disk while a prepared kit was being made.
    DeployPrepareFailed => "DEPLOY_PREPARE_FAILED", hint "see whether the disk is full and whether you may write to the named path, then run again",
    /// `federation.yaml` breaks a rule, or its participants do not fit together.
    InvalidFederation => "INVALID_FEDERATION", hint "correct the file at the given place; `schema federation` prints what it may hold",
    /// A launch request, the job's `meta.json` or a study file breaks a rule.
    InvalidLaunchRequest => "INVALID_LAUNCH_REQUEST", hint "correct the file at the given place; `schema` prints what each such file may hold",
    /// A directory is not a prepared kit, or was changed since `prepare` made it.
    InvalidPreparedKit => "INVALID_PREPARED_KIT", hint "run `prepare` again to make the prepared kit anew",
    /// The kit does not fit into a `ConfigMap` and a Secret.
    KitTooLarge => "KIT_TOO_LARGE", hint "stage the kit on its workspace volume: leave `--mode objects` out",
    /// Generated files are out of date, or another check of the workspace failed.
    CheckFailed => "CHECK_FAILED", hint "mend what the message names, then run again",
    /// A required program is not installed.
    ToolNotFound => "TOOL_NOT_FOUND", hint "install the program, see that it is on `PATH`, and run again",
    /// A program that was run failed.
    ToolFailed => "TOOL_FAILED", hint "see what the program itself printed, mend that, and run again",
    /// This machine lacks what a local cluster or a build needs.
    MachineNotReady => "MACHINE_NOT_READY", hint "install or permit what the message names, then run again",
    /// A local cluster could not be started, reached or ended.
    ClusterFailed => "CLUSTER_FAILED", hint "see whether the cluster runs and can be reached from here, then run again",
    /// The result could not be written to standard output: the disk is full, or the device is closed.
    OutputNotWritten => "OUTPUT_NOT_WRITTEN", hint "free some space, or send the output somewhere else, then run again",
    /// A kubeconfig cannot be found or read, or it lacks what a connection needs.
    KubeconfigInvalid => "KUBECONFIG_INVALID", hint "name a kubeconfig that works with `--kubeconfig` or `KUBECONFIG`",
    /// The kubeconfig has no context of this name, or none is chosen.
    ContextNotFound => "CONTEXT_NOT_FOUND", hint "choose a context of the kubeconfig with `--context`",
    /// No API server answers at the address of the kubeconfig.
    ClusterUnreachable => "CLUSTER_UNREACHABLE", hint "see whether the cluster runs and whether this machine reaches it",
    /// The API server's certificate is not trusted by the kubeconfig.
    ClusterNotTrusted => "CLUSTER_NOT_TRUSTED", hint "get the cluster's kubeconfig again, or choose another `--context`",
    /// The API server does not accept the credential: wrong, expired or withdrawn.
    CredentialRefused => "CREDENTIAL_REFUSED", hint "log in to the cluster again, or get its kubeconfig again",
    /// A credential is unavailable: its plug-in failed, or its file cannot be read.
    CredentialUnavailable => "CREDENTIAL_UNAVAILABLE", hint "see that the program or file that the kubeconfig takes the credential from works",
    /// The user may not do this in the cluster.
    PermissionDenied => "PERMISSION_DENIED", hint "ask the cluster's administrator for the named permission",
    /// An admission rule of the cluster (Pod Security, quota, webhook) refuses an object.
    AdmissionRefused => "ADMISSION_REFUSED", hint "change what the cluster's rule names, or ask its administrator",
    /// The API server refuses an object as invalid.
    ObjectInvalid => "OBJECT_INVALID", hint "correct the named field",
    /// There is no such object, or no such kind or namespace, in the cluster.
    ObjectNotFound => "OBJECT_NOT_FOUND", hint "check name, namespace and `--context`",
    /// An object exists already, was changed meanwhile, or belongs to another field manager.
    ObjectConflict => "OBJECT_CONFLICT", hint "run the same command again",
    /// The API server is overloaded, starting or failing.
    ClusterBusy => "CLUSTER_BUSY", hint "try again in a minute",
    /// What answers is not a Kubernetes API, or its answer cannot be read.
    ClusterAnswerInvalid => "CLUSTER_ANSWER_INVALID", hint "check that the kubeconfig's `server` is a Kubernetes API server",
    /// A connection into a pod ended before the result was known.
    StreamBroken => "STREAM_BROKEN", hint "run the same command again",
    /// A program in a pod ended with an error.
    PodProgramFailed => "POD_PROGRAM_FAILED", hint "mend what the program's own message names, then run again",
    /// An object of this name, or the participant's place in the namespace, is another participant's.
    ObjectNotOurs => "OBJECT_NOT_OURS", hint "give each participant a namespace or a name of its own",
    /// A running pod mounts the object.
    ObjectInUse => "OBJECT_IN_USE", hint "uninstall the release or scale it down, and run again",
    /// The claim is missing, lost, being deleted, or cannot be written to.
    ClaimNotUsable => "CLAIM_NOT_USABLE", hint "make the claim with `--create-pvc`, or mend what the message names",
    /// A running pod uses the claim.
    ClaimInUse => "CLAIM_IN_USE", hint "scale the pod's owner down, and run again",
    /// The volume holds another participant's kit.
    VolumeNotOurs => "VOLUME_NOT_OURS", hint "give each participant a claim of its own",
    /// Another run is at work on the same claim.
    StageLocked => "STAGE_LOCKED", hint "wait until that run has ended",
    /// A job did not succeed.
    JobNotSucceeded => "JOB_NOT_SUCCEEDED", hint "see `reason`, `message` and `evidence` of the job; `--keep` leaves an ended pod to be looked at",
    /// The kit is not staged, or another version of it is.
    KitNotStaged => "KIT_NOT_STAGED", hint "run `stage` with the prepared kit, then run again",
    /// The kit could not be put onto its volume; the hint says whether the exchange had begun.
    StageFailed => "STAGE_FAILED", hint "mend what the message names, then run again",
    /// A workspace volume could not be saved; an earlier file is unchanged.
    BackupFailed => "BACKUP_FAILED", hint "mend what the message names, then run again",
    /// A backup could not be restored; the hint says whether the exchange had begun.
    RestoreFailed => "RESTORE_FAILED", hint "mend what the message names, then run again",
    /// The volume already has data where a backup would be restored.
    VolumeOccupied => "VOLUME_OCCUPIED", hint "pass `--replace` to put the backup in its place",
    /// A file is not a backup, or is damaged.
    InvalidBackup => "INVALID_BACKUP", hint "name a file that `backup` wrote",
    /// No Helm was found where it was looked for.
    HelmNotFound => "HELM_NOT_FOUND", hint "install Helm 3.13 or later, or Helm 4, or name one with `--helm` or the variable `HELM`",
    /// Helm is too old or too new, or the program is not Helm.
    HelmNotSupported => "HELM_NOT_SUPPORTED", hint "install Helm 3.13 or later, or Helm 4, or name one with `--helm` or the variable `HELM`",
    /// Helm failed; its own message is passed on.
    HelmFailed => "HELM_FAILED", hint "mend what Helm's own message names, then run the same command again",
    /// An interrupted or still running Helm operation locks the release.
    ReleaseLocked => "RELEASE_LOCKED", hint "once no other Helm run is at work, `--unlock` frees the release",
    /// The chart refuses the given values, or a values file cannot be read.
    InvalidValues => "INVALID_VALUES", hint "correct the value or the file that the message names",
    /// A Secret with registry credentials is missing or has no credentials.
    PullSecretNotUsable => "PULL_SECRET_NOT_USABLE", hint "make it with `--create-pull-secret` and a docker config file",
    /// The parent did not start or did not join; the previous state was restored if possible.
    InstallFailed => "INSTALL_FAILED", hint "mend what the message names, then run the same command again",
    /// A step exceeded its time limit.
    TimedOut => "TIMED_OUT", hint "see what the step waits for, or give it more time with `--timeout`",
    /// The run was interrupted; the message says what is left, and the report lists what was done before.
    Interrupted => "INTERRUPTED", hint "run the same command again",
    /// A bug of flare-kube.
    Internal => "INTERNAL_ERROR", hint concat!("report this message, with the command line, at ", env!("CARGO_PKG_REPOSITORY")),
    /// Warning: a component that `prepare` replaces had its own settings.
    ComponentReplaced => "COMPONENT_REPLACED",
    /// Warning: job history or snapshots could not be moved to the workspace claim.
    StorageNotRelocated => "STORAGE_NOT_RELOCATED",
    /// Warning: a certificate expires soon, is not valid yet, or may be refused.
    CertificateAtRisk => "CERTIFICATE_AT_RISK",
    /// Warning: target, image tag and kit do not seem to be of one release.
    ReleaseMismatch => "RELEASE_MISMATCH",
    /// Warning: the link between parent and job pods is not encrypted.
    ClearInternalLink => "CLEAR_INTERNAL_LINK",
    /// Warning: the image has no tag or digest that fixes its content.
    FloatingImage => "FLOATING_IMAGE",
    /// Warning: the kit has both study files, and no job can start.
    StudyFilesConflict => "STUDY_FILES_CONFLICT",
    /// Warning: files in the kit are signed, and a signed file was changed or removed.
    SignedFileChanged => "SIGNED_FILE_CHANGED",
    /// Warning: anything else worth knowing.
    Notice => "NOTICE",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
