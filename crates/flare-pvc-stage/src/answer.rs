//! What the volume's program answers, and its refusals in words.

use flare_diagnostic::{Code, Diagnostic};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// The answer of a staging that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Staged {
    /// Whether a swap of an earlier run had to be finished first.
    pub recovered: bool,
    /// The fingerprint of the kit that was there before, where it was staged by this program.
    pub previous: Option<String>,
    /// Kits that stand one level too deep.
    pub misplaced: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct RolledBack {
    /// Present, if null, in every such answer.
    #[serde(deserialize_with = "Option::deserialize")]
    fingerprint: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RemovedKit {
    removed: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    refused: String,
    #[serde(default)]
    detail: Value,
}

/// Reads an answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer;

impl Answer {
    /// The answer to a staging: what was done, or why nothing was.
    ///
    /// # Errors
    /// `VOLUME_NOT_OURS`, `STAGE_FAILED`.
    pub fn staged(printed: &[u8], claim: &str) -> Result<Staged, Diagnostic> {
        Self::read(printed, claim)
    }

    /// The answer to a rollback: the fingerprint of the kit that is there again, where it was staged by this program.
    ///
    /// # Errors
    /// As [`Self::staged`].
    pub fn rolled_back(printed: &[u8], claim: &str) -> Result<Option<String>, Diagnostic> {
        Self::read::<RolledBack>(printed, claim).map(|back| back.fingerprint)
    }

    /// The answer to a removal: the directories that are gone.
    ///
    /// # Errors
    /// As [`Self::staged`].
    pub fn removed(printed: &[u8], claim: &str) -> Result<Vec<String>, Diagnostic> {
        Self::read::<RemovedKit>(printed, claim).map(|answer| answer.removed)
    }

    fn read<T: DeserializeOwned>(printed: &[u8], claim: &str) -> Result<T, Diagnostic> {
        if let Ok(refusal) = serde_json::from_slice::<Refusal>(printed) {
            return Err(refused(&refusal, claim));
        }
        serde_json::from_slice(printed).map_err(|_| {
            Diagnostic::error(Code::StageFailed, format!("the helper pod on claim `{claim}` gave no answer that can be read"))
                .hint("check that the image's Python is 3.8 or newer; `--helper-image` names another image")
        })
    }
}

fn refused(refusal: &Refusal, claim: &str) -> Diagnostic {
    let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let detail = &refusal.detail;
    let fault = |message: String, hint: &str| Diagnostic::error(Code::StageFailed, message).hint(hint);
    let again = "nothing was changed: run the same command again";
    match refusal.refused.as_str() {
        "not_ours" => {
            let (name, role) = (text(&detail["participant"]), text(&detail["role"]));
            let whose = if name.is_empty() { format!("a {role}") } else { format!("the {role} `{name}`") };
            Diagnostic::error(Code::VolumeNotOurs, format!("the volume of claim `{claim}` holds the kit of {whose}")).hint(
                "give each participant a claim of its own (`workspace_pvc` in k8s.yaml), or remove the other kit from the volume",
            )
        }
        "unmarked" => {
            let message = format!(
                "`{}` on the volume of claim `{claim}` was not put there by `stage`, so nobody knows whose it is",
                text(detail)
            );
            Diagnostic::error(Code::VolumeNotOurs, message)
                .hint("remove it by hand, or stage this kit first, which takes its place")
        }
        "differs" => {
            let (path, what) = (text(&detail["path"]), text(&detail["what"]));
            fault(
                format!("`{path}` on the volume of claim `{claim}` is not what was sent ({what}); the old kit is untouched"),
                "check that the volume keeps modes and contents (some network volumes do not); nothing was changed",
            )
        }
        "not_writable" => fault(
            format!("`{}` on the volume of claim `{claim}` may not be changed by the user of the pod", text(detail)),
            "set `pod_security_context` in k8s.yaml to the user or `fsGroup` that owns the volume's files",
        ),
        "disk" => {
            let (error, path) = (text(&detail["error"]), text(&detail["path"]));
            let hint = match error.as_str() {
                "ENOSPC" | "EDQUOT" => "make room on the volume or enlarge the claim, then run again; the old kit is untouched",
                "EROFS" => "the volume can only be read: check the claim's access modes and the volume itself",
                "EACCES" | "EPERM" => {
                    "the pod's user may not write there: set `pod_security_context` in k8s.yaml to the owner of the volume's files"
                }
                _ => again,
            };
            let at = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
            fault(format!("the volume of claim `{claim}` refused{at}: {error}"), hint)
        }
        "occupied" => fault(
            format!("`{}` appeared on the volume of claim `{claim}` while the kit was being swapped", text(detail)),
            "stop what else writes to the volume, then run again",
        ),
        "damaged" => fault(
            format!("`{}` on the volume of claim `{claim}` is damaged", text(detail)),
            "remove that file from the volume after a look at `startup/` and `local/`, then run again",
        ),
        "nothing_kept" => fault(
            format!("the volume of claim `{claim}` keeps no earlier kit"),
            "prepare and stage the kit that is wanted; only the one before the last staging is kept",
        ),
        "cut" => fault("the input of the helper pod ended early".into(), again),
        other => fault(format!("the helper pod refused: {other}"), again),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_one_can_do() {
        let other = br#"{"refused": "not_ours", "detail": {"participant": "site-2", "role": "client", "project": null}}"#;
        let fault = Answer::staged(other, "nvflws").expect_err("refused");
        assert_eq!(fault.code, Code::VolumeNotOurs);
        assert_eq!(fault.message, "the volume of claim `nvflws` holds the kit of the client `site-2`");
        let full = br#"{"refused": "disk", "detail": {"error": "ENOSPC", "path": ".flare-stage-1/startup/a"}}"#;
        let fault = Answer::staged(full, "nvflws").expect_err("refused");
        assert!(fault.hint.expect("a hint").contains("make room"));
        for nothing in [&b""[..], b"[]", b"{}", b"Traceback"] {
            assert_eq!(Answer::staged(nothing, "c").expect_err("no answer").code, Code::StageFailed);
        }
        let done = br#"{"recovered": false, "previous": null, "misplaced": []}"#;
        assert_eq!(Answer::staged(done, "c"), Ok(Staged { recovered: false, previous: None, misplaced: vec![] }));
    }
}
