//! Changed bytes never make the reader panic, and no message shows a key.

use proptest::prelude::*;

use crate::support::{put, read, tree};

const FILES: [&str; 5] =
    ["startup/fed_server.json", "startup/rootCA.pem", "startup/server.crt", "startup/server.key", "local/resources.json.default"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_end_in_a_kit_or_in_faults(
        file in 0..FILES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut kit = tree("plain-2.8.3/nvflare-server");
        let original = kit.bytes(FILES[file]).unwrap().to_vec();
        let mut bytes = original.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(original.len()));
        }
        put(&mut kit, FILES[file], bytes);
        if let Err(faults) = read(&kit) {
            let said = format!("{faults:?}");
            let key = String::from_utf8(tree("plain-2.8.3/nvflare-server").bytes("startup/server.key").unwrap().to_vec()).unwrap();
            for line in key.lines().filter(|line| !line.starts_with("-----")) {
                prop_assert!(!said.contains(line));
            }
        }
    }
}
