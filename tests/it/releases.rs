//! Releases of FLARE: one file knows them by their numbers, and texts get the numbers from it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use flare_names::Target;
use flare_testbed::image::FlareImage;
use integration_tests::{reference::Release, workspace_directory};

use crate::sources::product;

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// A new release is a row in one file: other code asks for capabilities by name, so that nothing silently treats the new release
/// like an old one.
#[test]
fn one_file_knows_a_release_by_its_number() {
    // Also after an import of the variants.
    let variants = Target::ALL.map(|target| format!("{target:?}"));
    let comparisons = ["==Target::", "!=Target::", ">=Target::", "<Target::", "<=Target::", "use flare_names::Target::"];
    let patterns: Vec<&str> = variants.iter().map(String::as_str).chain(comparisons).collect();
    let found: BTreeSet<PathBuf> = product()
        .into_iter()
        .filter(|source| patterns.iter().any(|pattern| source.code.contains(pattern)))
        .map(|source| source.path)
        .collect();
    assert_eq!(
        Vec::from_iter(found),
        [Path::new("crates/flare-names/src/target.rs")],
        "ask `Target::capabilities` for what is meant"
    );

    let mut templates = Vec::new();
    files(&workspace_directory().join("charts-src"), &mut templates);
    let in_templates = templates.iter().filter(|path| path.parent().is_some_and(|parent| parent.ends_with("templates")));
    for path in in_templates {
        let text = std::fs::read_to_string(path).expect("a template is text");
        let asks = text.contains(r#""target""#) || text.contains(r#""2."#);
        assert!(!asks, "{}: a chart asks a value, or what prepare decided for it, and no release", path.display());
    }
}

/// What patches, charts and everything after them must know of a release is a field or a method of the plan. Only what decides
/// the plan asks for a capability itself, and what decides a job pod, which has no plan.
const MAY_ASK_FOR_A_CAPABILITY: [&str; 5] = [
    "crates/flare-names",
    "crates/flare-site-config",
    "crates/flare-site-plan",
    "crates/flare-federation",
    "crates/flare-pod-manifest",
];

#[test]
fn no_code_below_the_plan_asks_for_a_capability() {
    let asking: Vec<PathBuf> = product()
        .into_iter()
        .filter(|source| source.code.contains(".capabilities()") || source.code.contains("Target::capabilities"))
        .map(|source| source.path)
        .collect();
    let wrong: Vec<_> =
        asking.iter().filter(|path| !MAY_ASK_FOR_A_CAPABILITY.iter().any(|allowed| path.starts_with(allowed))).collect();
    assert!(wrong.is_empty(), "{wrong:?} ask what a release can do; `crates/flare-site-plan/src/facts.rs` answers");
    for allowed in MAY_ASK_FOR_A_CAPABILITY {
        assert!(asking.iter().any(|path| path.starts_with(allowed)), "{allowed} asks for nothing: it can leave the list");
    }
}

/// Files whose texts name a release of FLARE on purpose.
const NAMED_RELEASES: [(&str, &str); 3] = [
    ("crates/flare-names/src/target.rs", "the table of releases"),
    ("crates/flare-testbed/src/image/flare.rs", "each image is made of one fixed release"),
    ("crates/flare-kit-patch/src/study.rs", "the content of a file of prepared kits: another one would restart every parent"),
];

/// Files whose documentation is the text of help, manual, schemas and charts.
const SHOWN_DOCUMENTATION: [&str; 10] = [
    "xtask/src/cli",
    "xtask/src/workspace",
    "xtask/src/generated",
    "xtask/src/command_line.rs",
    "xtask/src/context.rs",
    "crates/flare-diagnostic/src/code.rs",
    "crates/flare-site-config/src/table.rs",
    "crates/flare-helm-chart/src/values/blocks.rs",
    "crates/flare-helm-chart/src/values/common.rs",
    "crates/flare-helm-chart/src/values/roles.rs",
];

/// Whether a text names a release that is a target; the tag of an image in an example does not count.
fn names_a_target(text: &str) -> bool {
    Target::ALL.into_iter().any(|target| {
        text.match_indices(target.as_str()).any(|(start, number)| {
            let before = text[..start].chars().next_back();
            let after = text[start + number.len()..].chars().next();
            !before.is_some_and(|sign| sign.is_ascii_digit() || ".:".contains(sign))
                && !after.is_some_and(|sign| sign.is_ascii_digit())
        })
    })
}

/// A text that says "2.9 only" would be wrong with the next release.
#[test]
fn texts_get_the_numbers_of_releases_from_the_table() {
    assert!(names_a_target("FLARE 2.9 only") && names_a_target("2.8.3"));
    assert!(!names_a_target("nvflare:2.8.3 and 12.8, 2.85, 1.2.8"));
    let mut excepted = BTreeSet::new();
    for source in product() {
        let is_shown = SHOWN_DOCUMENTATION.iter().any(|shown| source.path.starts_with(shown));
        let documentation = source.documentation.iter().filter(|_| is_shown);
        let Some(text) = source.texts.iter().chain(documentation).find(|text| names_a_target(text)) else { continue };
        match NAMED_RELEASES.iter().find(|(path, _)| source.path == Path::new(path)) {
            Some((path, _)) => drop(excepted.insert(*path)),
            None => panic!("{}: `{text}`; use `Target::since`, `Target::choice` or a capability", source.path.display()),
        }
    }
    assert_eq!(excepted.len(), NAMED_RELEASES.len(), "an exception is no longer needed: only {excepted:?} are");
}

/// What the recipe of a new release in CONTRIBUTING.md lists, and no compiler asks for.
#[test]
fn every_release_has_a_reference_an_image_and_a_kit() {
    let root = workspace_directory();
    let installed = std::fs::read_to_string(root.join("tools/reference/versions")).expect("the versions of the reference");
    assert_eq!(Release::ALL.map(Release::target), Target::ALL.map(Target::as_str), "parity has no reference for a release");
    for (target, reference) in Target::ALL.into_iter().zip(Release::ALL) {
        let version = target.capabilities().patch_release;
        assert_eq!(reference.version(), version, "{target}: parity compares with another patch release");
        assert!(installed.lines().any(|line| line == version), "{target}: `tools/reference/versions` has no {version}");
        let has_image = FlareImage::DEFAULT.iter().any(|image| image.tag() == version);
        assert!(has_image, "{target}: the local cluster has no image of {version}");
        let kit = root.join(format!("fixtures/kits/plain-{version}"));
        assert!(kit.is_dir(), "{target}: there is no {}", kit.display());
    }
}

/// How a page names a release.
type Written = fn(Target) -> String;

/// Pages and examples that list all releases, by their patch releases or as targets.
const LISTS: [(&str, Written); 10] = [
    ("README.md", patch_release),
    ("tests/README.md", patch_release),
    ("docs/behaviour.md", patch_release),
    ("docs/defects.md", patch_release),
    ("fixtures/kits/README.md", patch_release),
    ("fixtures/kits/make.sh", patch_release),
    ("fixtures/names/README.md", patch_release),
    ("fixtures/configs/README.md", number),
    ("crates/flare-pod-manifest/README.md", number),
    ("crates/flare-federation/federation.example.yaml", number),
];

fn patch_release(target: Target) -> String {
    target.capabilities().patch_release.to_owned()
}

fn number(target: Target) -> String {
    target.to_string()
}

#[test]
fn pages_and_examples_that_list_the_releases_list_all_of_them() {
    for (page, written) in LISTS {
        let text = std::fs::read_to_string(workspace_directory().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        for target in Target::ALL {
            assert!(text.contains(&written(target)), "{page} does not name {}", written(target));
        }
    }
}
