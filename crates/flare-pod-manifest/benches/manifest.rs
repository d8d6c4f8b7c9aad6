//! How long one manifest takes, from the bytes of the request to pod and Secrets. Goal: a median under 200 µs.
#![allow(missing_docs, reason = "criterion's macros make functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use flare_names::Target;
use flare_pod_manifest::{Additions, FileContent, LaunchRequest, SiteFiles, SitePath, manifest};

const REQUEST: &[u8] = include_bytes!("../../../fixtures/pods/2.9-runtime-template-inline/request.json");
const RUNTIME: &[u8] = include_bytes!("../../../fixtures/pods/2.9-runtime-template-inline/kit/local/study_runtime.yaml");
const PLAIN: &[u8] = include_bytes!("../../../fixtures/pods/2.8-plain-client/request.json");

fn launch(bytes: &[u8], runtime: Option<&[u8]>, target: Target) -> String {
    let request = LaunchRequest::parse(bytes, "request.json", target).expect("the fixture is valid").value;
    let startup = [("rootCA.pem".to_owned(), vec![b'x'; 1500]), ("client.key".to_owned(), vec![b'x'; 1700])].into();
    let files = SiteFiles::new(startup).gather(&request, |path| match (path, runtime) {
        (SitePath::BelowKit(path), Some(runtime)) if path == "local/study_runtime.yaml" => FileContent::Bytes(runtime.to_vec()),
        _ => FileContent::Missing,
    });
    manifest(&request, &files, &Additions::default()).expect("the fixture is valid").value.to_json().to_string()
}

fn benches(criterion: &mut Criterion) {
    criterion.bench_function("plain client, 2.8", |bencher| bencher.iter(|| launch(black_box(PLAIN), None, Target::V2_8)));
    criterion.bench_function("study with template, 2.9", |bencher| {
        bencher.iter(|| launch(black_box(REQUEST), Some(RUNTIME), Target::V2_9));
    });
}

criterion_group!(manifests, benches);
criterion_main!(manifests);
