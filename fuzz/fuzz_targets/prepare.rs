//! Whatever config is accepted, the directory that `prepare` makes of it is one that flare-kube opens again without a word.
#![no_main]

use flare_kube_fuzz::{ROLES, plan, prepare};
use flare_names::Target;
use flare_prepared_kit::{OpenOptions, PreparedKit};
use flare_site_config::SiteConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for target in Target::ALL {
        let Ok(config) = SiteConfig::parse(bytes, "k8s.yaml", target) else { continue };
        for role in ROLES {
            let Some(plan) = plan(role, target, &config.value) else { continue };
            let made = prepare(plan);
            let opened =
                PreparedKit::from_tree(made.tree().clone(), OpenOptions::default()).unwrap_or_else(|faults| panic!("{faults}"));
            assert!(opened.warnings.is_empty() && opened.value.changes().is_empty());
            assert_eq!(opened.value.plan(), made.plan());
            assert_eq!(opened.value.fingerprint(), made.fingerprint());
        }
    }
});
