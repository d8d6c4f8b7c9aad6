//! How long it takes to render a chart from a plan.
#![allow(missing_docs, reason = "criterion's macros make public functions without one")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use flare_helm_chart::render;
use flare_site_plan::SitePlan;

const PLANS: [(&str, &str); 2] =
    [("server", include_str!("../tests/plans/server-2.9.json")), ("client", include_str!("../tests/plans/client-2.9.json"))];

fn render_chart(criterion: &mut Criterion) {
    for (name, text) in PLANS {
        let plan: SitePlan = serde_json::from_str(text).expect("a plan that the tests read too");
        criterion.bench_function(&format!("render a {name}"), |bencher| bencher.iter(|| render(black_box(&plan), "3f1c")));
    }
}

criterion_group!(benches, render_chart);
criterion_main!(benches);
