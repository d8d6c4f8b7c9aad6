//! No bytes make the reader of federation.yaml panic, and what it takes has names and kits that differ.
#![no_main]

use std::collections::BTreeSet;

use flare_diagnostic::Code;
use flare_federation::{Federation, MappingSource, Participant};
use flare_kube_fuzz::{assert_faults, assert_file_order, assert_message};
use flare_names::Target;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Federation::parse(bytes, "federation.yaml") {
        Ok(federation) => {
            let participants = &federation.value.participants;
            let names: BTreeSet<_> = participants.iter().map(|participant| &participant.name).collect();
            let kits: BTreeSet<_> = participants.iter().map(|participant| &participant.kit).collect();
            assert!(!participants.is_empty());
            assert_eq!((names.len(), kits.len()), (participants.len(), participants.len()));
            participants.iter().for_each(check);
        }
        Err(faults) => {
            assert_faults(&faults, Code::InvalidFederation);
            assert_file_order(&faults);
        }
    }
});

fn check(participant: &Participant) {
    assert!(!participant.name.is_empty() && !participant.kit.is_empty());
    for target in Target::ALL {
        match participant.site_config(None, target) {
            Ok(config) => {
                assert!(participant.namespace.as_ref().is_none_or(|namespace| *namespace == config.value.namespace));
                assert!(participant.claim.as_ref().is_none_or(|claim| *claim == config.value.parent.workspace_pvc));
            }
            Err(faults) => assert_faults(&faults, Code::InvalidConfig),
        }
    }
    let inline = participant.values.iter().filter_map(|source| match source {
        MappingSource::Inline(node) => Some(node),
        MappingSource::File { .. } => None,
    });
    if let Err(faults) = Participant::join_values(inline) {
        faults.all().iter().for_each(assert_message);
    }
}
