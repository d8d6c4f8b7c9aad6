//! No bytes as study data, study runtime or pod template make their readers panic.
#![no_main]

use flare_names::Target;
use flare_pod_manifest::{Additions, FileContent, LaunchRequest, SiteFiles, manifest};
use libfuzzer_sys::fuzz_target;

const REQUEST: &[u8] = br#"{"role": "client", "site": "s", "workspace": "/w", "owner_fqcn": "s", "transfer_token": "t",
 "launcher": {"config_file_path": null, "study_data_pvc_file_path": "/w/data.yaml"},
 "job_meta": {"job_id": "a", "study": "cancer", "launcher_spec": {"default": {"k8s": {"image": "i"}}}}, "process_args": {"exe_module": ["-m", "m"]}}"#;

fuzz_target!(|bytes: &[u8]| {
    for (target, read) in [(Target::V2_8, "data.yaml"), (Target::V2_9, "local/study_runtime.yaml")] {
        let request = LaunchRequest::parse(REQUEST, "request.json", target).expect("the request is valid").value;
        let files = SiteFiles::default().gather(&request, |path| {
            let path = path.to_string();
            if path == read || path.ends_with("pod.yaml") { FileContent::Bytes(bytes.to_vec()) } else { FileContent::Missing }
        });
        let _ = manifest(&request, &files, &Additions::default());
    }
});
