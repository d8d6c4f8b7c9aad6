//! No role file makes the reader of a kit panic. Input: a byte (bit 0: client), then `fed_server.json` or `fed_client.json`.
#![no_main]

use flare_diagnostic::Code;
use flare_kube_fuzz::{NOW, assert_faults, assert_message, choice, kit, put};
use flare_names::Role;
use flare_startup_kit::StartupKit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = choice(input) else { return };
    let role = choice.role();
    let mut tree = kit(role);
    let file = match role {
        Role::Server => "startup/fed_server.json",
        Role::Client => "startup/fed_client.json",
    };
    put(&mut tree, file, bytes);
    match StartupKit::read(&tree, "directory", NOW) {
        Ok(read) => {
            read.warnings.iter().for_each(assert_message);
            let kit = read.value;
            assert_eq!(kit.role, role);
            assert!(!kit.participant.is_empty() && !kit.site.is_empty());
            assert!(kit.participant.contains(&kit.site));
            assert!([kit.fl_port, kit.admin_port].iter().flatten().all(|port| *port > 0));
            assert!(role == Role::Server || (kit.fl_port, kit.admin_port) == (None, None));
        }
        Err(faults) => {
            assert_faults(&faults, Code::InvalidKit);
            assert!(faults.all().iter().all(|fault| fault.place.as_ref().is_some_and(|place| place.file == file)), "{faults}");
        }
    }
});
