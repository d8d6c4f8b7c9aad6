//! What the fuzz targets share: fixture kits, the way from a kit to its prepared directory, and what holds for every message.

use std::{path::Path, sync::LazyLock};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_file_tree::{FileTree, ReadOptions, RelativePath};
use flare_names::{Role, Target};
use flare_prepared_kit::{FingerprintedKit, PreparedKit};
use flare_site_config::SiteConfig;
use flare_site_plan::SitePlan;
use flare_startup_kit::StartupKit;

/// 2027-01-15: after the fixtures were made, and long before they end.
pub const NOW: i64 = 1_800_000_000;

/// Both roles, for a choice by one bit.
pub const ROLES: [Role; 2] = [Role::Server, Role::Client];

const RESOURCES: &str = "local/resources.json.default";

static KITS: LazyLock<[FileTree; 2]> = LazyLock::new(|| ["nvflare-server", "site-1"].map(read_kit));

fn read_kit(name: &str) -> FileTree {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/kits/plain-2.9.0").join(name);
    let mut kit = FileTree::read(&path, &ReadOptions::new(Code::InvalidKit)).expect("a fixture kit can be read");
    // The list of allowed classes is long and never looked at: without it a run is several times faster.
    let resources = String::from_utf8_lossy(kit.bytes(RESOURCES).expect("every kit has resources"));
    let short: Vec<_> = resources.lines().filter(|line| !line.trim().starts_with("\"nvflare.")).collect();
    let short = short.join("\n");
    put(&mut kit, RESOURCES, short);
    kit
}

/// The first byte of an input, which chooses, and the rest, which is the file; an empty input is skipped.
pub fn choice(input: &[u8]) -> Option<(Choice, &[u8])> {
    let (first, rest) = input.split_first()?;
    Some((Choice(*first), rest))
}

/// What the first byte of an input chooses. Digits are used in seeds: `0` is a server of 2.8.
#[derive(Debug, Clone, Copy)]
pub struct Choice(u8);

impl Choice {
    /// Bit 0: server or client.
    pub fn role(self) -> Role {
        ROLES[usize::from(self.0 & 1)]
    }

    /// Bit 1: the oldest release, or the newest.
    pub fn target(self) -> Target {
        Target::ALL[usize::from(self.bit(1)) * (Target::ALL.len() - 1)]
    }

    /// Any bit.
    pub fn bit(self, number: u8) -> bool {
        self.0 >> number & 1 == 1
    }
}

/// The fixture kit of a role.
pub fn kit(role: Role) -> FileTree {
    KITS[usize::from(role == Role::Client)].clone()
}

/// Puts a file in, of mode 0644.
pub fn put(tree: &mut FileTree, path: &'static str, bytes: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::literal(path), bytes, 0o644);
}

/// The plan of a fixture kit with a config; `None` where the two do not fit.
pub fn plan(role: Role, target: Target, config: &SiteConfig) -> Option<SitePlan> {
    let name = ["nvflare-server", "site-1"][usize::from(role == Role::Client)];
    let kit = StartupKit::read(&kit(role), name, NOW).expect("a fixture kit is whole").value;
    match flare_site_plan::resolve(&kit, config, target, flare_site_plan::Acceptance::default(), flare_site_plan::LauncherChoice::FlareKube) {
        Ok(plan) => Some(plan.value),
        Err(faults) => {
            assert_faults(&faults, Code::InvalidConfig);
            None
        }
    }
}

static PLANS: LazyLock<[[SitePlan; Target::ALL.len()]; 2]> =
    LazyLock::new(|| ROLES.map(|role| Target::ALL.map(|target| make_default_plan(role, target))));

/// The plan of a fixture kit with the smallest config.
pub fn default_plan(role: Role, target: Target) -> &'static SitePlan {
    let at = Target::ALL.iter().position(|other| *other == target).expect("`ALL` holds every target");
    &PLANS[usize::from(role == Role::Client)][at]
}

fn make_default_plan(role: Role, target: Target) -> SitePlan {
    let text = b"runtime: k8s\nparent:\n  docker_image: nvflare/nvflare:2.9.0\n";
    let config = SiteConfig::parse(text, "k8s.yaml", target).expect("the smallest config is valid").value;
    plan(role, target, &config).expect("the smallest config fits every kit")
}

/// The whole way from a plan to the prepared directory, as `prepare` goes it.
pub fn prepare(plan: SitePlan) -> PreparedKit {
    let tree = flare_kit_patch::patch(kit(plan.role), &plan).expect("a fixture kit can be patched").value;
    let tree = FingerprintedKit::new(tree).expect("the kit is in memory");
    let chart = flare_helm_chart::render(&plan, &tree.fingerprint().to_string());
    PreparedKit::assemble(plan, tree, chart).expect("the kit is in memory")
}

/// What holds for the faults of one step: the code, and for each what [`assert_message`] says.
pub fn assert_faults(faults: &Faults, code: Code) {
    assert!(!faults.all().is_empty(), "a refusal without a fault");
    for fault in faults.all() {
        assert_eq!(fault.code, code, "{fault}");
        assert_message(fault);
    }
}

/// A message is one printable fragment without a full stop, with a hint and a place whose lines and columns count from 1.
pub fn assert_message(diagnostic: &Diagnostic) {
    let message = &diagnostic.message;
    assert!(!message.is_empty() && !message.ends_with('.'), "{diagnostic}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
    let hint = diagnostic.hint.as_ref().unwrap_or_else(|| panic!("no hint: {diagnostic}"));
    assert!(!hint.is_empty() && !hint.chars().any(char::is_control), "{hint:?}");
    let place = diagnostic.place.as_ref().unwrap_or_else(|| panic!("no place: {diagnostic}"));
    assert!(place.position.is_none_or(|position| position.line > 0 && position.column > 0), "{diagnostic}");
}

/// Faults of one file stand in the order of the file.
pub fn assert_file_order(faults: &Faults) {
    assert!(faults.all().iter().filter_map(|fault| fault.place.as_ref()?.position).is_sorted(), "{faults}");
}

/// No line of a private key is in what is shown.
pub fn assert_keeps_secret(shown: &str, key: &[u8]) {
    // Shorter pieces are in a text by chance.
    for line in key.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.len() >= 16) {
        if !line.starts_with(b"-----")
            && let Ok(line) = std::str::from_utf8(line)
        {
            assert!(!shown.contains(line), "a line of the key is shown");
        }
    }
}
