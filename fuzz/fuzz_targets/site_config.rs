//! No bytes make the reader of k8s.yaml panic, and its faults are whole and stand in file order.
#![no_main]

use flare_diagnostic::Code;
use flare_kube_fuzz::{assert_faults, assert_file_order};
use flare_names::Target;
use flare_site_config::SiteConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for target in Target::ALL {
        match SiteConfig::parse(bytes, "k8s.yaml", target) {
            Ok(config) => {
                let config = config.value;
                assert!(config.parent.parent_port > 0);
                assert!(config.parent.workspace_mount_path.starts_with('/') && config.parent.workspace_mount_path != "/");
                assert!(config.place("parent.docker_image").is_some());
            }
            Err(faults) => {
                assert_faults(&faults, Code::InvalidConfig);
                assert_file_order(&faults);
            }
        }
    }
});
