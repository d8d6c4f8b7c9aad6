//! The answers of the volume's program, and its refusals as diagnostics.

use flare_diagnostic::{Code, Diagnostic, shown};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// The answer of a successful staging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StageAnswer {
    /// Whether a swap of an earlier run had to be finished first.
    pub recovered: bool,
    /// The fingerprint of the previous kit, if this program staged it.
    pub previous: Option<String>,
    /// Kits that are one level too deep.
    pub misplaced: Vec<String>,
    /// Whether the kit was replaced. A repair does not replace a kit that is already there.
    pub staged: bool,
    /// Each path at the wrong level, and its new path.
    pub moved: Vec<(String, String)>,
    /// What an earlier run left on the volume and this one could not remove.
    pub stays: Vec<String>,
}

/// The answer of a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RolledBack {
    /// The fingerprint of the kit that is now in place, if this program staged it. Present in every such answer, possibly null.
    #[serde(deserialize_with = "Option::deserialize")]
    pub fingerprint: Option<String>,
    /// The number of files in that kit.
    pub files: usize,
    /// Their total size in bytes.
    pub bytes: u64,
    /// What an earlier run left on the volume and this one could not remove.
    pub stays: Vec<String>,
}

/// The answer of a removal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RemovedKit {
    /// The removed directories.
    pub removed: Vec<String>,
    /// What a restore put aside and that is not a kit, so it was not removed.
    pub aside: Option<String>,
    /// What an earlier run left on the volume and this one could not remove.
    pub stays: Vec<String>,
}

/// Why the volume's program refused a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    refused: String,
    #[serde(default)]
    detail: Value,
    /// The fingerprint that is noted on the volume of this participant's kit there, if it was not touched.
    #[serde(default)]
    noted: Option<String>,
    /// Whether it ended in the middle of an exchange, which the next run completes.
    #[serde(default)]
    begun: bool,
}

/// Reads an answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer;

impl Answer {
    /// Reads the answer to a staging.
    ///
    /// # Errors
    /// `VOLUME_NOT_OURS`, `STAGE_FAILED`.
    pub fn staged(printed: &[u8], claim: &str) -> Result<StageAnswer, Diagnostic> {
        read(printed, claim, Code::StageFailed)
    }

    /// Reads the answer to a rollback.
    ///
    /// # Errors
    /// As [`Self::staged`].
    pub fn rolled_back(printed: &[u8], claim: &str) -> Result<RolledBack, Diagnostic> {
        read(printed, claim, Code::StageFailed)
    }

    /// Reads the answer to a removal.
    ///
    /// # Errors
    /// As [`Self::staged`].
    pub fn removed(printed: &[u8], claim: &str) -> Result<RemovedKit, Diagnostic> {
        read(printed, claim, Code::StageFailed)
    }
}

/// The fingerprint of this participant's kit that a refusal found on the volume and left there. A volume with another participant's kit,
/// or one that cannot be read, has none, whatever the claim says.
pub(crate) fn still_noted(printed: &[u8]) -> Option<String> {
    serde_json::from_slice::<Refusal>(printed).ok()?.noted
}

/// Reads an answer. `failed` is the code of a refusal without its own code.
pub(crate) fn read<T: DeserializeOwned>(printed: &[u8], claim: &str, failed: Code) -> Result<T, Diagnostic> {
    if let Ok(refusal) = serde_json::from_slice::<Refusal>(printed) {
        return Err(refused(&refusal, claim, failed));
    }
    serde_json::from_slice(printed).map_err(|_| {
        Diagnostic::error(failed, format!("the helper pod on claim `{claim}` gave no answer that can be read"))
            .hint("check that the image's Python is 3.8 or newer; `--helper-image` names another image")
    })
}

const AGAIN: &str = "nothing was changed: run the same command again";

/// The fault of a refusal.
pub(crate) fn refused(refusal: &Refusal, claim: &str, failed: Code) -> Diagnostic {
    let detail = &refusal.detail;
    let fault = |message: String, hint: &str| Diagnostic::error(failed, message).hint(hint);
    match refusal.refused.as_str() {
        "not_ours" => not_ours(detail, claim),
        "unmarked" => {
            let message = format!(
                "`{}` on the volume of claim `{claim}` was not put there by `stage`, so nobody knows whose it is",
                text_of(detail)
            );
            Diagnostic::error(Code::VolumeNotOurs, message)
                .hint("remove it by hand, or stage this kit first, which takes its place")
        }
        "differs" => {
            let (path, what) = (text_of(&detail["path"]), text_of(&detail["what"]));
            fault(
                format!(
                    "`{path}` on the volume of claim `{claim}` is not what was sent ({what}); what was there before is untouched"
                ),
                "check that the volume keeps modes and contents (some network volumes do not); nothing was changed",
            )
        }
        "not_writable" => fault(
            format!("`{}` on the volume of claim `{claim}` may not be changed by the user of the pod", text_of(detail)),
            "set `pod_security_context` in k8s.yaml to the user or `fsGroup` that owns the volume's files",
        ),
        "disk" => disk(detail, claim, failed, refusal.begun),
        "occupied" => fault(
            format!("`{}` stands in the way on the volume of claim `{claim}`", text_of(detail)),
            "move it away, or stop what else writes to the volume, then run again",
        ),
        "damaged" => fault(
            format!("`{}` on the volume of claim `{claim}` is damaged", text_of(detail)),
            "remove that file from the volume after a look at `startup/` and `local/`, then run again",
        ),
        "nothing_kept" => fault(
            format!("the volume of claim `{claim}` keeps no earlier kit"),
            "prepare and stage the kit that is wanted; only the one before the last staging is kept",
        ),
        "occupied_items" => occupied(detail, claim),
        "restore_begun" => fault(
            format!("a restore onto the volume of claim `{claim}` was cut off in the middle of its exchange"),
            "run that `restore` again, or `stage`: either finishes it first",
        ),
        "staging_begun" => fault(
            format!("a staging onto the volume of claim `{claim}` was cut off in the middle of its exchange"),
            "run `stage` again, which finishes it first; without `--with-keys`, the other data can be saved now",
        ),
        "bad_path" => fault(
            format!("`{}` leads elsewhere than below the volume of claim `{claim}`, or through a link", text_of(detail)),
            "nothing was changed: do not trust where this comes from, or remove the link from the volume",
        ),
        "cut" => fault("the input of the helper pod ended early".into(), AGAIN),
        "ended" => fault(
            format!("the helper pod on claim `{claim}` was ended from outside while it was at work"),
            "nothing was changed: look who deletes or evicts pods in this namespace, and run the same command again",
        ),
        other => fault(format!("the helper pod refused: {other}"), AGAIN),
    }
}

/// The warning about what an earlier run left and nobody could remove.
pub(crate) fn left_over(names: &[String], claim: &str) -> Option<Diagnostic> {
    let shown = listed(&names[..names.len().min(5)], names.len());
    let message = format!("an earlier run left {shown} on the volume of claim `{claim}`, which could not be removed");
    let hint = "no parent reads it, but it may hold private keys: remove it by hand, as the owner of its files or as root";
    (!names.is_empty()).then(|| Diagnostic::warning(Code::Notice, message).hint(hint))
}

/// Some of the names, and the number of the others.
pub(crate) fn listed(names: &[String], count: usize) -> String {
    let shown: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    flare_diagnostic::listed(&shown, count)
}

fn text_of(value: &Value) -> String {
    value.as_str().map(str::to_owned).unwrap_or_default()
}

fn not_ours(detail: &Value, claim: &str) -> Diagnostic {
    let [name, role, project, path] = ["participant", "role", "project", "path"].map(|key| text_of(&detail[key]));
    let whose = if name.is_empty() { format!("a {role}") } else { format!("the {role} `{}`", shown(&name)) };
    let of = if project.is_empty() { String::new() } else { format!(" of project `{}`", shown(&project)) };
    let at = if path.is_empty() { String::new() } else { format!(", in `{path}`") };
    Diagnostic::error(Code::VolumeNotOurs, format!("the volume of claim `{claim}` holds the kit of {whose}{of}{at}"))
        .hint("give each participant a claim of its own (`workspace_pvc` in k8s.yaml), or remove the other kit from the volume")
}

fn occupied(detail: &Value, claim: &str) -> Diagnostic {
    let names: Vec<_> = detail["items"].as_array().into_iter().flatten().map(text_of).collect();
    let count = detail["count"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(names.len());
    let message = format!("on the volume of claim `{claim}` there is something already: {}", listed(&names, count));
    Diagnostic::error(Code::VolumeOccupied, message)
        .hint("`--replace` takes its place and keeps it aside on the volume; `--what` restores only a part of the backup")
}

/// The fault of an error from the volume's file system.
fn disk(detail: &Value, claim: &str, failed: Code, begun: bool) -> Diagnostic {
    let (error, path) = (text_of(&detail["error"]), text_of(&detail["path"]));
    let hint = match error.as_str() {
        _ if begun => {
            "see to the volume, then run the same command again: the exchange of what is on the volume was begun, and the next run \
             completes it"
        }
        "ENOSPC" | "EDQUOT" => "make room on the volume or enlarge the claim, then run again; what was there before is untouched",
        "EROFS" => "the volume can only be read: check the claim's access modes and the volume itself",
        "EACCES" | "EPERM" if failed == Code::BackupFailed => {
            "the pod's user may not read that: set `pod_security_context` in k8s.yaml to the owner of the volume's files"
        }
        "EACCES" | "EPERM" => {
            "the pod's user may not write there: set `pod_security_context` in k8s.yaml to the owner of the volume's files"
        }
        _ => AGAIN,
    };
    let at = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
    Diagnostic::error(failed, format!("the volume of claim `{claim}` refused{at}: {error}")).hint(hint)
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
        // Two federations may give their participants the same names.
        let same_name =
            br#"{"refused": "not_ours", "detail": {"participant": "site-1", "role": "client", "project": "p", "path": "x"}}"#;
        let fault = Answer::staged(same_name, "nvflws").expect_err("refused");
        assert_eq!(fault.message, "the volume of claim `nvflws` holds the kit of the client `site-1` of project `p`, in `x`");
        // A name from a file that somebody put on the volume.
        let hostile = br#"{"refused": "not_ours", "detail": {"participant": "a\u001b[2Jb", "role": "client", "path": ""}}"#;
        let fault = Answer::staged(hostile, "nvflws").expect_err("refused");
        assert!(!fault.message.contains('\u{1b}'), "{:?}", fault.message);
        let full = br#"{"refused": "disk", "detail": {"error": "ENOSPC", "path": ".flare-stage-1/startup/a"}}"#;
        let fault = Answer::staged(full, "nvflws").expect_err("refused");
        assert!(fault.hint.expect("a hint").contains("make room"));
        let begun = br#"{"refused": "disk", "detail": {"error": "ENOSPC", "path": null}, "noted": null, "begun": true}"#;
        let hint = Answer::staged(begun, "nvflws").expect_err("refused").hint.expect("a hint");
        assert!(hint.contains("was begun") && !hint.contains("untouched"), "{hint}");
        let read_only = br#"{"refused": "disk", "detail": {"error": "EROFS", "path": null}, "noted": "f1"}"#;
        let fault = Answer::staged(read_only, "nvflws").expect_err("refused");
        assert_eq!(fault.message, "the volume of claim `nvflws` refused: EROFS");
        assert_eq!([still_noted(read_only).as_deref(), still_noted(other).as_deref()], [Some("f1"), None]);
        for nothing in [&b""[..], b"[]", b"{}", b"Traceback"] {
            assert_eq!(still_noted(nothing), None);
            assert_eq!(Answer::staged(nothing, "c").expect_err("no answer").code, Code::StageFailed);
        }
        let done =
            br#"{"recovered": false, "previous": null, "misplaced": [], "staged": true, "moved": [["a/startup", "startup"]], "stays": []}"#;
        let moved = vec![("a/startup".to_owned(), "startup".to_owned())];
        let expected = StageAnswer { recovered: false, previous: None, misplaced: vec![], staged: true, moved, stays: vec![] };
        assert_eq!(Answer::staged(done, "c"), Ok(expected));
    }
}
