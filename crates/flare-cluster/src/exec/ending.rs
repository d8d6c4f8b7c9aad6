//! The status of a program in a pod, or why it is not known.

use flare_diagnostic::{Code, Diagnostic};
use kube::core::{Status, response::StatusSummary};

use super::command::Exec;
use crate::fault::clipped;

/// A program that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a program may have failed: look at `exit_code` or call `success`"]
pub struct ProgramExit {
    /// Its exit code.
    pub exit_code: u32,
    /// The end of what it wrote to standard error, at most 16 KiB.
    pub stderr: Vec<u8>,
}

impl ProgramExit {
    /// Refuses every exit code except 0.
    pub fn success(&self, exec: &Exec) -> Result<(), Diagnostic> {
        if self.exit_code == 0 {
            return Ok(());
        }
        let last = String::from_utf8_lossy(&self.stderr);
        let last = last.trim().lines().last().map(|line| format!(": {}", clipped(line))).unwrap_or_default();
        let message = format!("`{}` in pod `{}` ended with exit number {}{last}", exec.program(), exec.pod, self.exit_code);
        let hint = match self.exit_code {
            126 | 127 => "the image lacks the program, or it may not be run: choose another image",
            137 => "it was killed, as programs without enough memory are: raise the memory limit",
            _ => "the program's own message says why; run the command again once that is mended",
        };
        Err(Diagnostic::error(Code::PodProgramFailed, message).hint(hint))
    }
}

/// Why the status is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// The connection ended, for this reason, before the status arrived.
    Ended(String),
    /// Nothing was received for the given number of seconds.
    Silent(u64),
    /// The status says that the program could not be run or waited for.
    NotRun(String),
    /// The status itself cannot be read.
    Unreadable,
    /// The input could not be read here, or did not have the promised length.
    Input(String),
    /// The output could not be written here.
    Output(String),
}

/// Reads the frame of the status channel.
pub(super) fn exit_code(frame: &[u8]) -> Result<u32, Broken> {
    let status: Status = serde_json::from_slice(frame).map_err(|_| Broken::Unreadable)?;
    match status.status {
        Some(StatusSummary::Success) => Ok(0),
        Some(StatusSummary::Failure) => {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let code = causes.filter(|cause| cause.reason == "ExitCode").find_map(|cause| cause.message.parse().ok());
            // A failure never counts as exit code 0, whatever the status says.
            code.filter(|code| *code != 0).ok_or_else(|| Broken::NotRun(clipped(&status.message)))
        }
        None => Err(Broken::Unreadable),
    }
}

pub(super) fn broken(exec: &Exec, reason: Broken) -> Diagnostic {
    let (program, pod) = (exec.program(), &exec.pod);
    let lost = |text: String| {
        Diagnostic::error(Code::StreamBroken, text).hint(
            "nothing is taken as done: run the same command again; if it stays, look for a proxy that cuts long connections",
        )
    };
    match reason {
        Broken::Ended(text) => {
            lost(format!("the connection to `{program}` in pod `{pod}` ended before the program's status came: {text}"))
        }
        Broken::Silent(seconds) => lost(format!("nothing was heard of `{program}` in pod `{pod}` for {seconds} s")),
        Broken::Unreadable => lost(format!("the status of `{program}` in pod `{pod}` cannot be read")),
        Broken::NotRun(text) => {
            Diagnostic::error(Code::PodProgramFailed, format!("`{program}` could not be run in pod `{pod}`: {text}"))
                .hint("check that the pod still runs and that its image has the program")
        }
        Broken::Input(text) => {
            Diagnostic::error(Code::StreamBroken, format!("what `{program}` in pod `{pod}` was to read cannot be sent: {text}"))
                .hint("nothing is taken as done: run the same command again")
        }
        Broken::Output(text) => {
            Diagnostic::error(Code::StreamBroken, format!("what `{program}` in pod `{pod}` printed cannot be kept: {text}"))
                .hint("check the space on this machine's disk")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_of_success_is_one() {
        assert_eq!(exit_code(br#"{"metadata":{},"status":"Success"}"#), Ok(0));
        let failed = br#"{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code",
            "reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#;
        assert_eq!(exit_code(failed), Ok(3));
        for not_one in [&b""[..], b"{}", b"null", b"{\"status\":\"Maybe\"}", b"\xff"] {
            assert_eq!(exit_code(not_one), Err(Broken::Unreadable), "{}", String::from_utf8_lossy(not_one));
        }
        let says_nothing = br#"{"status":"Failure","message":"container not found"}"#;
        assert_eq!(exit_code(says_nothing), Err(Broken::NotRun("container not found".into())));
        let zero = br#"{"status":"Failure","message":"m","details":{"causes":[{"reason":"ExitCode","message":"0"}]}}"#;
        assert_eq!(exit_code(zero), Err(Broken::NotRun("m".into())));
    }
}
