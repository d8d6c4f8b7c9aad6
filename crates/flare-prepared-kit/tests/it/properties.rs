//! What holds for every kit.

use flare_names::{Role, Target};
use flare_prepared_kit::{FingerprintedKit, Marker, OpenOptions, PreparedKit};
use proptest::prelude::*;

use crate::support::*;

proptest! {
    #[test]
    fn every_assembled_kit_opens_clean(
        files in prop::collection::btree_map("(startup|local|transfer)/[a-zäß ]{1,6}(/[a-z]{1,3})?x", prop::collection::vec(any::<u8>(), 0..20), 0..8),
        server in any::<bool>(),
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let plan = prepared(role, Target::V2_9).plan().clone();
        let mut tree = kit(&plan);
        for (path, bytes) in &files {
            put(&mut tree, path, bytes.clone());
        }
        let kit = PreparedKit::assemble(plan.clone(), FingerprintedKit::new(tree).unwrap(), chart(&plan)).unwrap();
        let opened = PreparedKit::from_tree(kit.tree().clone(), OpenOptions::default());
        let opened = opened.map_err(|faults| TestCaseError::fail(faults.to_string()))?;
        prop_assert_eq!(shown(&opened.warnings), "");
        prop_assert!(opened.value.changes().is_empty());
        prop_assert_eq!(opened.value.fingerprint(), kit.fingerprint());
    }

    #[test]
    fn no_marker_and_no_values_can_make_it_panic(marker in prop::collection::vec(any::<u8>(), 0..60), values in ".{0,60}") {
        let _ = Marker::parse(&marker);
        let mut tree = prepared(Role::Server, Target::V2_8).tree().clone();
        put(&mut tree, "helm_chart/values.yaml", values);
        prop_assert!(PreparedKit::from_tree(tree, OpenOptions::default()).is_err(), "values without the facts never fit");
    }
}
