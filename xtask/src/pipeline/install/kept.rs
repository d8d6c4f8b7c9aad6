//! What a release was given besides the chart's values so that it is reached and its image pulled, and what an upgrade without the same
//! flags would take away: Helm starts from the chart's values each time.

use flare_diagnostic::{Code, Diagnostic, Faults, shown};
use flare_helm::{ReleaseStatus, RunLimits, Setting};
use flare_prepared_kit::PreparedKit;
use serde_json::Value;

use super::{run::Options, values::Given};
use crate::{
    context::Context,
    pipeline::{helm, stage::Request, values_file::values_of_file},
    runtime,
};

/// The names of the Secrets with which the image is pulled.
pub(super) const PULL_SECRETS: &str = "imagePullSecrets";

/// Such a value, and what it is for.
const KEPT: [(&str, &str); 3] = [
    ("service.type", "the type of its Service"),
    ("hostPortEnabled", "the ports of its node"),
    (PULL_SECRETS, "the Secret with which its image is pulled"),
];

/// A value that an upgrade would take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LostValue {
    what: &'static str,
    /// The flag that keeps it.
    flag: String,
}

impl LostValue {
    /// Its words and hint as a diagnostic of this code.
    pub(super) fn diagnostic(&self, code: Code) -> Diagnostic {
        let message = format!("the release was given {} by an earlier run, and this run takes it away", self.what);
        let hint = format!("`{}` keeps it; what is to stay for good belongs into k8s.yaml or a values file", shown(&self.flag));
        if code == Code::Notice {
            Diagnostic::warning(code, message).hint(hint)
        } else {
            Diagnostic::error(code, message).hint(hint)
        }
    }
}

/// What a release with these values loses by an upgrade: values that the chart has otherwise, and that this run does not set.
pub(super) fn lost(given_before: &Value, chart: &Value, set: impl Fn(&str) -> bool) -> Vec<LostValue> {
    let of = |values: &Value, key: &str| values.pointer(&format!("/{}", key.replace('.', "/"))).cloned().unwrap_or_default();
    let keys = KEPT.iter().filter(|(key, _)| of(given_before, key) != of(chart, key) && !set(key));
    keys.filter_map(|&(key, what)| flag(key, &of(given_before, key)).map(|flag| LostValue { what, flag })).collect()
}

/// The flag that sets a value; `None` for one that exposes and pulls nothing.
fn flag(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text != "ClusterIP" => Some(format!("--set-string {key}={text}")),
        Value::Bool(true) => Some(format!("--set {key}=true")),
        Value::Array(items) => Some(format!("--set-string {key}[0].name={}", items.first()?["name"].as_str()?)),
        _ => None,
    }
}

/// Whether values files or settings name a key.
pub(super) fn sets(files: &[Value], settings: &[Setting], key: &str) -> bool {
    let pointer = format!("/{}", key.replace('.', "/"));
    let names = |part: &str| part.trim_start().strip_prefix(key).is_some_and(|behind| behind.starts_with(['=', '[', '.']));
    files.iter().any(|values| values.pointer(&pointer).is_some())
        || settings.iter().any(|(Setting::Guessed(text) | Setting::Text(text))| text.split(',').any(names))
}

/// The values of files. One that cannot be read is reported where it is read for Helm.
pub(super) fn of_files(given: &Given) -> Vec<Value> {
    given.files.iter().filter_map(|file| values_of_file(file).ok()).map(Value::Object).collect()
}

/// Refuses an upgrade to `kit` by a verb that is not about them, if it would take such values away.
///
/// # Errors
/// `INVALID_ARGS` for each, with the flag that keeps it; the faults of connection and Helm.
pub(crate) fn refuse_loss(
    context: &Context<'_>,
    request: &Request<'_>,
    kit: &PreparedKit,
    options: &Options,
) -> Result<(), Faults> {
    let all = async {
        let cluster = request.connect(context, options.limit).await?;
        let helm = helm::find(context, options.helm.as_deref())?;
        let place = helm::place(request, kit, &cluster);
        let limits = RunLimits { time: options.limit, stop: context.interrupt.flag() };
        let given = tokio::task::block_in_place(|| {
            let release = helm.release(&place, limits);
            let last = release.history()?.pop().filter(|last| last.status == ReleaseStatus::Deployed);
            last.map(|last| release.values(last.revision)).transpose()
        })?;
        let (chart, files) = (kit.values()?, of_files(&options.values));
        let is_made = |key: &str| key == PULL_SECRETS && options.pull_secret.is_some();
        let is_set = |key: &str| is_made(key) || sets(&files, &options.values.settings, key);
        let lost = lost(&given.unwrap_or_default(), &chart, is_set);
        Faults::check(lost.iter().map(|one| one.diagnostic(Code::InvalidArgs)).collect(), || ())
    };
    runtime::block_on(all)?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_earlier_run_set_and_this_one_does_not_is_named_with_the_flag_that_keeps_it() {
        let chart = json!({"service": {"type": "ClusterIP"}, "hostPortEnabled": false, "imagePullSecrets": []});
        let before = json!({"service": {"type": "LoadBalancer"}, "hostPortEnabled": true, "kitFingerprint": "3f",
            "imagePullSecrets": [{"name": "site-1-registry"}]});
        let flags = |given: &Value, chart: &Value, settings: &[&str], files: &[Value]| {
            let settings: Vec<_> = settings.iter().map(|text| Setting::Guessed((*text).to_owned())).collect();
            lost(given, chart, |key| sets(files, &settings, key)).into_iter().map(|one| one.flag).collect::<Vec<_>>()
        };
        assert_eq!(
            flags(&before, &chart, &[], &[]),
            [
                "--set-string service.type=LoadBalancer",
                "--set hostPortEnabled=true",
                "--set-string imagePullSecrets[0].name=site-1-registry"
            ]
        );
        let all = ["a=b,service.type=NodePort", "hostPortEnabled=false"];
        assert_eq!(flags(&before, &chart, &all, &[json!({"imagePullSecrets": []})]), Vec::<String>::new());
        assert_eq!(flags(&before, &before, &[], &[]), Vec::<String>::new(), "the chart has them by now");
        assert_eq!(flags(&Value::Null, &chart, &[], &[]), Vec::<String>::new());
        assert_eq!(flags(&json!({"service": {"type": "ClusterIP"}}), &before, &[], &[]), Vec::<String>::new());
        assert_eq!(flags(&before, &chart, &["service.types=x", "imagePullSecrets[0].name=y"], &[]).len(), 2);
    }
}
