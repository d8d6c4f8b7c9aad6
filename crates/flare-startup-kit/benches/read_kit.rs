//! How long it takes to read and check a whole kit in memory, including certificates and signatures.
#![allow(missing_docs, reason = "criterion's macros make public functions without one")]

use std::{hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use flare_diagnostic::Code;
use flare_file_tree::{FileTree, ReadOptions};
use flare_startup_kit::StartupKit;

/// 2027-01-15: after the fixtures were made, and long before their certificates expire.
const NOW: i64 = 1_800_000_000;

fn read_kit(criterion: &mut Criterion) {
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kits");
    for kit in ["plain-2.9.0/nvflare-server", "plain-2.9.0/site-1"] {
        let tree = FileTree::read(&kits.join(kit), &ReadOptions::new(Code::InvalidKit)).expect("a fixture kit can be read");
        assert!(StartupKit::read(&tree, "directory", NOW).is_ok());
        criterion.bench_function(kit, |bencher| bencher.iter(|| StartupKit::read(black_box(&tree), "directory", NOW)));
    }
}

criterion_group!(benches, read_kit);
criterion_main!(benches);
