//! No bytes make the reader of a launch request panic, and its faults stand in file order.
#![no_main]

use flare_names::Target;
use flare_pod_manifest::{Additions, LaunchRequest, SiteFiles, manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for target in Target::ALL {
        match LaunchRequest::parse(bytes, "request.json", target) {
            Ok(request) => drop(manifest(&request.value, &SiteFiles::default(), &Additions::default())),
            Err(faults) => assert!(faults.all().iter().filter_map(|fault| fault.place.as_ref()?.position).is_sorted()),
        }
    }
});
