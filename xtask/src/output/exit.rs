//! Maps codes to exit statuses in one exhaustive match, so that a new code does not compile until it has one.

use flare_diagnostic::Code;

/// The exit status if the argument parser refused the command line.
pub(crate) const EXIT_USAGE: u8 = 2;

/// The exit status of a fault.
#[expect(clippy::too_many_lines, reason = "one table with a line for each code")]
pub(crate) const fn exit_status(code: Code) -> u8 {
    match code {
        Code::CheckFailed | Code::JobNotSucceeded | Code::ToolNotFound | Code::ToolFailed => 1,
        // Warnings never end a run; one that is treated as a fault counts as bad input.
        Code::InvalidArgs
        | Code::ConfigNotFound
        | Code::InvalidConfig
        | Code::InvalidKit
        | Code::UnsupportedKit
        | Code::OutputStaged
        | Code::DeployPrepareFailed
        | Code::InvalidFederation
        | Code::InvalidPreparedKit
        | Code::InvalidLaunchRequest
        | Code::KitTooLarge
        | Code::OutputNotWritten
        | Code::KubeconfigInvalid
        | Code::ContextNotFound
        | Code::ComponentReplaced
        | Code::StorageNotRelocated
        | Code::CertificateAtRisk
        | Code::ReleaseMismatch
        | Code::ClearInternalLink
        | Code::FloatingImage
        | Code::StudyFilesConflict
        | Code::SignedFileChanged
        | Code::InvalidBackup
        | Code::InvalidValues
        | Code::Notice => 4,
        Code::MachineNotReady
        | Code::ClusterFailed
        | Code::ClusterUnreachable
        | Code::ClusterNotTrusted
        | Code::CredentialRefused
        | Code::CredentialUnavailable
        | Code::PermissionDenied
        | Code::AdmissionRefused
        | Code::ObjectInvalid
        | Code::ObjectNotFound
        | Code::ObjectConflict
        | Code::ObjectNotOurs
        | Code::ObjectInUse
        | Code::ClusterBusy
        | Code::ClusterAnswerInvalid
        | Code::StreamBroken
        | Code::ClaimNotUsable
        | Code::ClaimInUse
        | Code::VolumeNotOurs
        | Code::StageLocked
        | Code::StageFailed
        | Code::BackupFailed
        | Code::RestoreFailed
        | Code::VolumeOccupied
        | Code::PodProgramFailed
        | Code::HelmNotFound
        | Code::HelmNotSupported
        | Code::HelmFailed
        | Code::ReleaseLocked
        | Code::KitNotStaged
        | Code::PullSecretNotUsable
        | Code::InstallFailed => 5,
        Code::TimedOut => 6,
        Code::Interrupted => 130,
        Code::Internal => 70,
    }
}

/// The part of the manual on exit numbers.
pub(crate) fn manual_of_exit_statuses() -> &'static str {
    "Exit status: 0 done · 1 a check found a fault · 2 usage · 4 bad input · 5 the cluster or the machine refused, or cannot be reached · \
     6 ran out of time · 70 a bug of flare-kube · 130 interrupted"
}
