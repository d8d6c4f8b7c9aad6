//! No bytes make the reader of k8s.yaml panic, and its faults stand in file order.
#![no_main]

use flare_names::Target;
use flare_site_config::SiteConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for target in Target::ALL {
        if let Err(faults) = SiteConfig::parse(bytes, "k8s.yaml", target) {
            assert!(faults.all().iter().filter_map(|fault| fault.place.as_ref()?.position).is_sorted());
        }
    }
});
