//! Generates cases from a seed: every other one valid, the rest with one fault.

use integration_tests::identity::Authority;
use integration_tests::kit::{Entry, Tree};
use integration_tests::random::Random;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::json;

use super::case::{Case, CaseFacts, Config, Expected, Output, Role};
use super::{configs, faults, kits};

/// The common input of all cases.
#[derive(Debug)]
pub(crate) struct Ground {
    servers: [Tree; Release::ALL.len()],
    clients: [Tree; Release::ALL.len()],
    authority: Authority,
}

impl Ground {
    /// Reads the fixture kits and makes a certificate authority.
    pub(crate) fn new() -> Self {
        let kits = workspace_directory().join("fixtures/kits");
        let read = |participant: &str| {
            Release::ALL.map(|release| Tree::read(&kits.join(format!("plain-{}", release.version())).join(participant)))
        };
        Self { servers: read("nvflare-server"), clients: read("site-1"), authority: Authority::new() }
    }
}

/// The placeholder in a case until its config is written; a fault may write its own bytes.
const UNWRITTEN: Config = Config::InKit(Vec::new());

/// The `index`th case of `seed`; equal arguments give equal cases, except for keys and serial numbers in certificates.
pub(crate) fn case(ground: &Ground, seed: u64, index: usize) -> Case {
    let mut random = Random::for_case(seed, index);
    let release = Release::ALL[index % Release::ALL.len()];
    let role = *random.pick(&[Role::Server, Role::Client]);
    let base = random.pick(if role == Role::Server { &ground.servers } else { &ground.clients });
    let mut notes = Vec::new();
    let kit = kits::generate(&mut random, role, base, &ground.authority, &mut notes);
    let mut config = configs::generate(&mut random, release);
    if random.chance(4) {
        config["parent"]["resources"] = json!({});
    }
    let mut case = Case {
        seed,
        index,
        release,
        role,
        directory: kit.directory,
        kit: kit.tree,
        config: UNWRITTEN,
        reference_config: None,
        output: output(&mut random),
        earlier_output: None,
        expected: Expected::Good,
        facts: CaseFacts {
            image: config["parent"]["docker_image"].as_str().unwrap().to_owned(),
            empty_resources: config["parent"]["resources"] == json!({}),
            name: kit.name,
            stable_name: String::new(),
        },
        render: random.chance(25),
        notes,
    };
    if case.output == Output::Default {
        // The fixture's content would be a foreign directory, which only flare-kube refuses (defect 8).
        case.kit.remove("prepared/k8s");
    }
    if random.chance(10) {
        case.earlier_output = Some(empty_directory());
    }
    if random.chance(45) {
        faults::apply(&mut random, &mut case, &mut config);
    }
    if is_below_a_file(&case.kit, &case.output) {
        case.earlier_output = None;
    }
    if case.config == UNWRITTEN {
        let bytes = configs::write(&mut random, &config);
        let in_kit = case.kit.has("startup") && case.reference_config.is_none() && random.chance(8);
        case.config = if in_kit { Config::InKit(bytes) } else { Config::File(bytes) };
    }
    case
}

fn output(random: &mut Random) -> Output {
    match random.below(10) {
        0 => Output::Default,
        1 => Output::InKit((*random.pick(&["out", "prepared/mine", "transfer/x", "deep/er/out"])).to_owned()),
        2 => Output::At("a/b/out".to_owned()),
        3 => Output::At("out put'\"$x".to_owned()),
        _ => Output::At("out".to_owned()),
    }
}

/// Whether something above the output in the kit is not a directory, such as the kit itself: then there can be no earlier output.
fn is_below_a_file(kit: &Tree, output: &Output) -> bool {
    let path = match output {
        Output::At(_) => return false,
        Output::InKit(path) => path.as_str(),
        Output::Default => "prepared/k8s",
    };
    let mut above = std::iter::once("").chain(path.match_indices('/').map(|(end, _)| &path[..end]));
    above.any(|directory| matches!(kit.0.get(directory), Some(Entry::File(..) | Entry::Link(_))))
}

fn empty_directory() -> Tree {
    let mut tree = Tree::default();
    tree.put_directory("", 0o755);
    tree
}
