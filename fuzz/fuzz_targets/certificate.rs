//! No certificate and no key makes the reader of a kit panic, and nothing that it says holds a line of the key.
//!
//! Input: a byte, then the file. Bit 0: client. Bits 2 and 3: which file (root, certificate, key, root and certificate).
//! Bit 1: the bytes are DER, which is put into PEM, so that changes reach the decoder.
#![no_main]

use flare_diagnostic::Code;
use flare_kube_fuzz::{NOW, assert_faults, assert_keeps_secret, assert_message, choice, kit, put};
use flare_names::Role;
use flare_startup_kit::StartupKit;
use libfuzzer_sys::fuzz_target;
use x509_cert::der::pem::{LineEnding, encode_string};

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = choice(input) else { return };
    let role = choice.role();
    let [certificate_file, key_file] = match role {
        Role::Server => ["startup/server.crt", "startup/server.key"],
        Role::Client => ["startup/client.crt", "startup/client.key"],
    };
    let (files, label): (&[_], _) = match (choice.bit(2), choice.bit(3)) {
        (false, false) => (&["startup/rootCA.pem"], "CERTIFICATE"),
        (true, false) => (&[certificate_file], "CERTIFICATE"),
        (false, true) => (&[key_file], "PRIVATE KEY"),
        (true, true) => (&["startup/rootCA.pem", certificate_file], "CERTIFICATE"),
    };
    let bytes = match choice.bit(1) {
        true => encode_string(label, LineEnding::LF, bytes).expect("a short label").into_bytes(),
        false => bytes.to_vec(),
    };
    let mut tree = kit(role);
    files.iter().for_each(|file| put(&mut tree, file, bytes.as_slice()));
    let read = StartupKit::read(&tree, "directory", NOW);
    let key = tree.bytes(key_file).expect("every kit has a key");
    // A key in a certificate's place is a stranger's text; only what is a key by its place is one.
    assert_keeps_secret(&format!("{read:?}{tree:?}"), key);
    match read {
        Ok(read) => {
            read.warnings.iter().for_each(assert_message);
            let certificates = read.value.certificates;
            assert!(!read.value.organization.is_empty());
            assert!(certificates.identity.not_after > NOW && certificates.root_not_after > NOW);
            assert_eq!(certificates.root_fingerprint.len(), 64);
        }
        Err(faults) => assert_faults(&faults, Code::InvalidKit),
    }
});
