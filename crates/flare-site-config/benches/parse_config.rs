//! How long it takes to read and check `k8s.yaml`: the example with every key, and the largest file that is read.
#![allow(missing_docs, reason = "criterion's macros make public functions without one")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flare_names::Target;
use flare_site_config::{EXAMPLE, SiteConfig};

fn parse_config(criterion: &mut Criterion) {
    let smallest = "runtime: k8s\nparent:\n  docker_image: nvflare/nvflare:2.9.0\n";
    let long_list = format!("{smallest}  image_pull_secrets:\n{}", "  - registry\n".repeat(75_000));
    assert!(long_list.len() < flare_yaml::MAX_BYTES);
    let mut group = criterion.benchmark_group("parse");
    for (name, text) in [("smallest", smallest), ("example", EXAMPLE), ("a megabyte", &long_list)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| SiteConfig::parse(black_box(text.as_bytes()), "k8s.yaml", Target::V2_9));
        });
    }
}

criterion_group!(benches, parse_config);
criterion_main!(benches);
