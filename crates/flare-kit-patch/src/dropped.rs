//! Warnings about files that the copy no longer has and that somebody had written or changed: without them the loss would
//! show only when a job fails. An untouched file of FLARE's `provision` is never reported.

use std::collections::BTreeMap;

use flare_diagnostic::{Code, Collector, Diagnostic, Place, listed};
use flare_file_tree::FileTree;
use flare_yaml::json::{self, Object};

use crate::{
    edits::{CHART_DIRECTORY, Edits},
    layout,
    provisioned::is_untouched,
    resources::{ACTIVE_FILE, DEFAULT_FILE},
};

/// How many names one message lists.
const NAMES: usize = 12;

pub(crate) fn check(kit: &FileTree, edits: &Edits, found: &mut Collector) {
    found.extend(edits.removed.iter().filter_map(|path| script(kit, path)));
    found.extend(resources(kit));
    found.extend(chart(kit));
}

fn script(kit: &FileTree, path: &'static str) -> Option<Diagnostic> {
    if path == ACTIVE_FILE || kit.bytes(path).is_some_and(|bytes| is_untouched(path, bytes)) {
        return None;
    }
    let message = format!("`{path}` is not in the copy, because a pod does not start by it, and `provision` did not write it so");
    let hint = "put what it sets up into the image, `k8s.yaml` or the chart's values";
    Some(warning(path, message, hint))
}

fn chart(kit: &FileTree) -> Option<Diagnostic> {
    let files: Vec<_> = kit
        .below(CHART_DIRECTORY.as_ref())
        .filter(|(_, entry)| !entry.is_directory())
        .map(|(path, _)| format!("`{path}`"))
        .collect();
    let message =
        format!("the kit's own `{CHART_DIRECTORY}` is not in the copy, because the chart is written anew: {}", first_few(&files));
    let hint = "keep values and templates of your own outside the kit";
    (!files.is_empty()).then(|| warning(CHART_DIRECTORY, message, hint))
}

/// `local/resources.json`, which FLARE reads in place of the default: what only it contains, by name and never by value.
fn resources(kit: &FileTree) -> Option<Diagnostic> {
    let active = kit.bytes(ACTIVE_FILE)?;
    let told = |what: String| {
        let message =
            format!("`{ACTIVE_FILE}` is not in the copy, and FLARE has read it in place of `{DEFAULT_FILE}` so far; {what}");
        warning(ACTIVE_FILE, message, "put what you need into the kit's `local/resources.json.default` and prepare again")
    };
    let Some(active) = parsed(active) else { return Some(told("it cannot be read as a JSON object".to_owned())) };
    let default = kit.bytes(DEFAULT_FILE).and_then(parsed).unwrap_or_default();
    let what = only_in(&active, &default);
    (!what.is_empty()).then(|| told(format!("only there are {}", what.join("; "))))
}

fn parsed(bytes: &[u8]) -> Option<Object<'_>> {
    Object::parse(std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start())
}

fn only_in(active: &Object<'_>, default: &Object<'_>) -> Vec<String> {
    let differs = |key: &String| normal(active.get(key)) != normal(default.get(key));
    let keys: Vec<_> = active.keys().filter(|key| key != "components" && differs(key)).map(|key| format!("`{key}`")).collect();
    let (there, here) = (components(active), components(default));
    let ids: Vec<_> = there.iter().filter(|(id, text)| here.get(*id) != Some(*text)).map(|(id, _)| format!("`{id}`")).collect();
    let part = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", first_few(names)));
    [part("the components", &ids), part("the keys", &keys)].into_iter().flatten().collect()
}

/// Components by id, with normalised texts; one without an id is listed under its position.
fn components(resources: &Object<'_>) -> BTreeMap<String, Option<String>> {
    let elements = resources.get("components").and_then(json::elements).unwrap_or_default();
    let named = elements.into_iter().enumerate().map(|(index, raw)| {
        let id = Object::parse(raw).and_then(|component| component.text("id"));
        (id.unwrap_or_else(|| format!("components[{index}]")), normal(Some(raw)))
    });
    named.collect()
}

/// A JSON text with normalised white space.
fn normal(raw: Option<&str>) -> Option<String> {
    raw.map(|raw| layout::pretty_print(raw, 1))
}

fn first_few(names: &[String]) -> String {
    listed(&names[..names.len().min(NAMES)], names.len())
}

fn warning(file: &str, message: String, hint: &str) -> Diagnostic {
    Diagnostic::warning(Code::Notice, message).hint(hint).at(Place::file(file))
}
