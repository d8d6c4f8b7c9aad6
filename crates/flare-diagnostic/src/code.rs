//! The stable codes. Scripts match on them, so a code never changes its meaning; a new one is a line here, a row
//! in the manual and an arm of the exit-number match of the command line.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $text:literal,)+) => {
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

            /// One sentence about it, for the manual.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

codes! {
    /// The command line cannot be carried out: no kit, a kit that is given twice, an output that cannot be replaced.
    InvalidArgs => "INVALID_ARGS",
    /// There is no such config file.
    ConfigNotFound => "CONFIG_NOT_FOUND",
    /// `k8s.yaml` breaks a rule.
    InvalidConfig => "INVALID_CONFIG",
    /// The startup kit cannot work.
    InvalidKit => "INVALID_KIT",
    /// The startup kit is of a kind that has no place in Kubernetes, such as an admin's.
    UnsupportedKit => "UNSUPPORTED_KIT",
    /// The output has a record of staged objects, and replacing it would lose the record.
    OutputStaged => "OUTPUT_STAGED",
    /// The disk refused while a prepared kit was being made.
    DeployPrepareFailed => "DEPLOY_PREPARE_FAILED",
    /// `federation.yaml` breaks a rule, or its participants do not fit together.
    InvalidFederation => "INVALID_FEDERATION",
    /// A launch request, the job's `meta.json` or a study file breaks a rule.
    InvalidLaunchRequest => "INVALID_LAUNCH_REQUEST",
    /// A prepared kit is not as `prepare` left it, or is none.
    InvalidPreparedKit => "INVALID_PREPARED_KIT",
    /// Generated files are not fresh, or another check of the workspace failed.
    CheckFailed => "CHECK_FAILED",
    /// A program that is needed is not there.
    ToolNotFound => "TOOL_NOT_FOUND",
    /// A program that was run failed.
    ToolFailed => "TOOL_FAILED",
    /// This machine lacks what a local cluster or a build needs.
    MachineNotReady => "MACHINE_NOT_READY",
    /// A local cluster could not be started, reached or ended.
    ClusterFailed => "CLUSTER_FAILED",
    /// A step ran out of the time that it was given.
    TimedOut => "TIMED_OUT",
    /// The run was interrupted; nothing was changed.
    Interrupted => "INTERRUPTED",
    /// A bug of ours.
    Internal => "INTERNAL_ERROR",
    /// Warning: a component that `prepare` replaces carried settings of its own.
    ComponentReplaced => "COMPONENT_REPLACED",
    /// Warning: job history or snapshots could not be moved to the workspace claim.
    StorageNotRelocated => "STORAGE_NOT_RELOCATED",
    /// Warning: a certificate ends soon, is not valid yet, or may be refused.
    CertificateAtRisk => "CERTIFICATE_AT_RISK",
    /// Warning: target, image tag and kit do not seem to be of one release.
    ReleaseMismatch => "RELEASE_MISMATCH",
    /// Warning: the link between parent and job pods is not encrypted.
    ClearInternalLink => "CLEAR_INTERNAL_LINK",
    /// Warning: the image has no tag or digest that fixes its content.
    FloatingImage => "FLOATING_IMAGE",
    /// Warning: the kit has both study files, and no job can start (2.9).
    StudyFilesConflict => "STUDY_FILES_CONFLICT",
    /// Warning: files in the kit are signed, and a signed file was changed or removed.
    SignedFileChanged => "SIGNED_FILE_CHANGED",
    /// Warning: something else that one should know of.
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
