//! Certificates with one fault each. Strict faults and purposes are compared with the real `openssl verify`, which is
//! why a process is started here.

use std::process::Command;

use flare_startup_kit::StartupKit;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, Issuer, KeyPair, date_time_ymd};

use crate::support::{NOW, faults, put, read, tree, warnings};

const BASIC: &[u64] = &[2, 5, 29, 19];
const USAGE: &[u64] = &[2, 5, 29, 15];
const EXTENDED: &[u64] = &[2, 5, 29, 37];
const SUBJECT_KEY: &[u64] = &[2, 5, 29, 14];
const AUTHORITY_KEY: &[u64] = &[2, 5, 29, 35];
const NAMES: &[u64] = &[2, 5, 29, 17];
const CA_TRUE: &[u8] = &[0x30, 3, 1, 1, 0xff];
const CA_FALSE: &[u8] = &[0x30, 0];
const CERT_SIGN: &[u8] = &[3, 2, 2, 0b0000_0100];
const DIGITAL_SIGNATURE: &[u8] = &[3, 2, 7, 0b1000_0000];
const KEY_ENCIPHERMENT: &[u8] = &[3, 2, 5, 0b0010_0000];
const SERVER_AUTH: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
const BOTH_AUTH: &[u8] = &[0x30, 20, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
const ANY_USAGE: &[u8] = &[0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0];
const HOST: &[u8] = &[0x30, 3, 0x82, 1, b'h'];
const KEY_ID: &[u8] = &[4, 2, 1, 2];
const AUTHORITY: &[u8] = &[0x30, 4, 0x80, 2, 1, 2];
const OTHER_AUTHORITY: &[u8] = &[0x30, 4, 0x80, 2, 9, 9];

type Extension = (&'static [u64], bool, &'static [u8]);

const GOOD_ROOT: &[Extension] = &[(BASIC, true, CA_TRUE), (USAGE, true, CERT_SIGN), (SUBJECT_KEY, false, KEY_ID)];
const GOOD_LEAF: &[Extension] = &[(AUTHORITY_KEY, false, AUTHORITY), (NAMES, false, HOST)];

/// What is wrong, the root's and the leaf's extensions, and the extensions that faults are expected for.
type StrictCase = (&'static str, Vec<Extension>, Vec<Extension>, &'static [&'static str]);

struct Made {
    root: String,
    leaf: String,
    key: String,
}

fn params(name: Option<&str>, extensions: &[Extension], years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = name {
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "org");
    }
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    for (oid, critical, content) in extensions {
        let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
        extension.set_criticality(*critical);
        params.custom_extensions.push(extension);
    }
    params
}

fn make_with(algorithm: &'static rcgen::SignatureAlgorithm, root: CertificateParams, leaf: &CertificateParams) -> Made {
    let root_key = KeyPair::generate_for(algorithm).unwrap();
    let leaf_key = KeyPair::generate_for(algorithm).unwrap();
    let root_certificate = root.self_signed(&root_key).unwrap().pem();
    let issuer = Issuer::new(root, root_key);
    Made { root: root_certificate, leaf: leaf.signed_by(&leaf_key, &issuer).unwrap().pem(), key: leaf_key.serialize_pem() }
}

fn make(root: &[Extension], leaf: &[Extension]) -> Made {
    let years = (2020, 2100);
    make_with(&rcgen::PKCS_ECDSA_P256_SHA256, params(Some("root"), root, years), &params(Some("h"), leaf, years))
}

fn kit_of(made: &Made) -> flare_file_tree::FileTree {
    let mut kit = tree("plain-2.8.3/nvflare-server");
    put(&mut kit, "startup/fed_server.json", r#"{"servers": [{"identity": "h", "service": {"target": "h:8002"}}]}"#);
    put(&mut kit, "startup/rootCA.pem", made.root.as_str());
    put(&mut kit, "startup/server.crt", made.leaf.as_str());
    put(&mut kit, "startup/server.key", made.key.as_str());
    kit
}

/// Whether the real `OpenSSL` accepts the chain.
fn openssl_takes(made: &Made, arguments: &[&str]) -> bool {
    let directory =
        std::env::temp_dir().join(format!("flare-startup-kit-{}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("root.pem"), &made.root).unwrap();
    std::fs::write(directory.join("leaf.pem"), &made.leaf).unwrap();
    let output = Command::new("openssl")
        .arg("verify")
        .args(arguments)
        .args(["-attime", &NOW.to_string(), "-CAfile", "root.pem", "leaf.pem"])
        .current_dir(&directory)
        .output()
        .expect("this test needs the `openssl` program");
    std::fs::remove_dir_all(&directory).unwrap();
    output.status.success()
}

fn without(extensions: &[Extension], oid: &[u64]) -> Vec<Extension> {
    extensions.iter().filter(|(other, ..)| *other != oid).copied().collect()
}

fn with(extensions: &[Extension], extension: Extension) -> Vec<Extension> {
    let mut changed = without(extensions, extension.0);
    changed.push(extension);
    changed
}

#[test]
fn defect_21_strict_faults_are_openssls() {
    let same = |extensions: &[Extension]| extensions.to_vec();
    let table: Vec<StrictCase> = vec![
        ("good", same(GOOD_ROOT), same(GOOD_LEAF), &[]),
        ("root: basicConstraints not critical", with(GOOD_ROOT, (BASIC, false, CA_TRUE)), same(GOOD_LEAF), &["basicConstraints"]),
        ("root: no basicConstraints", without(GOOD_ROOT, BASIC), same(GOOD_LEAF), &["basicConstraints"]),
        ("root: no keyUsage", without(GOOD_ROOT, USAGE), same(GOOD_LEAF), &["keyUsage"]),
        ("root: keyUsage not critical", with(GOOD_ROOT, (USAGE, false, CERT_SIGN)), same(GOOD_LEAF), &[]),
        ("root: no SKI", without(GOOD_ROOT, SUBJECT_KEY), same(GOOD_LEAF), &["subjectKeyIdentifier"]),
        ("root: critical SKI", with(GOOD_ROOT, (SUBJECT_KEY, true, KEY_ID)), same(GOOD_LEAF), &["subjectKeyIdentifier"]),
        ("leaf: no AKI", same(GOOD_ROOT), without(GOOD_LEAF, AUTHORITY_KEY), &["authorityKeyIdentifier"]),
        (
            "leaf: AKI without keyid",
            same(GOOD_ROOT),
            with(GOOD_LEAF, (AUTHORITY_KEY, false, CA_FALSE)),
            &["authorityKeyIdentifier"],
        ),
        ("leaf: critical AKI", same(GOOD_ROOT), with(GOOD_LEAF, (AUTHORITY_KEY, true, AUTHORITY)), &["authorityKeyIdentifier"]),
        ("leaf: keyCertSign", same(GOOD_ROOT), with(GOOD_LEAF, (USAGE, true, CERT_SIGN)), &["keyUsage"]),
        ("leaf: SAN without names", same(GOOD_ROOT), with(GOOD_LEAF, (NAMES, false, CA_FALSE)), &["subjectAltName"]),
        ("leaf: CA false", same(GOOD_ROOT), with(GOOD_LEAF, (BASIC, true, CA_FALSE)), &[]),
        ("leaf: path length", same(GOOD_ROOT), with(GOOD_LEAF, (BASIC, true, &[0x30, 3, 2, 1, 0])), &["basicConstraints"]),
        ("leaf: unknown critical", same(GOOD_ROOT), with(GOOD_LEAF, (&[1, 2, 3, 4], true, &[5, 0])), &["critical extension"]),
        ("leaf: unknown not critical", same(GOOD_ROOT), with(GOOD_LEAF, (&[1, 2, 3, 4], false, &[5, 0])), &[]),
        ("leaf: broken keyUsage", same(GOOD_ROOT), with(GOOD_LEAF, (USAGE, false, &[4, 0])), &["keyUsage"]),
    ];
    for (name, root, leaf, expected) in table {
        let made = make(&root, &leaf);
        let kit = read(&kit_of(&made)).unwrap_or_else(|faults| panic!("{name}: {faults}")).value;
        let found: Vec<_> = kit.certificates.strict_faults.iter().map(|fault| fault.extension).collect();
        assert_eq!(found, expected, "{name}");
        assert_eq!(openssl_takes(&made, &["-x509_strict"]), expected.is_empty(), "openssl: {name}");
    }
}

#[test]
fn defect_21_fixture_kits_are_judged_as_openssl_judges_them() {
    for kit in ["old-2.5.2/old-server", "old-2.6.2/old-server", "plain-2.8.3/nvflare-server", "plain-2.9.0/nvflare-server"] {
        let tree = tree(kit);
        let text = |file: &str| String::from_utf8(tree.bytes(file).unwrap().to_vec()).unwrap();
        let made = Made { root: text("startup/rootCA.pem"), leaf: text("startup/server.crt"), key: String::new() };
        let faults = read(&tree).unwrap().value.certificates.strict_faults;
        assert_eq!(faults.is_empty(), openssl_takes(&made, &["-x509_strict"]), "{kit}: {faults:?}");
    }
}

#[test]
fn defect_21_purposes_are_openssls() {
    let table: &[(&str, Option<Extension>, Option<Extension>)] = &[
        ("no EKU", None, None),
        ("serverAuth", None, Some((EXTENDED, false, SERVER_AUTH))),
        ("clientAuth", None, Some((EXTENDED, false, CLIENT_AUTH))),
        ("both", None, Some((EXTENDED, false, BOTH_AUTH))),
        ("any", None, Some((EXTENDED, false, ANY_USAGE))),
        ("root serverAuth", Some((EXTENDED, false, SERVER_AUTH)), None),
        ("root any", Some((EXTENDED, false, ANY_USAGE)), None),
        ("digitalSignature", None, Some((USAGE, true, DIGITAL_SIGNATURE))),
        ("keyEncipherment", None, Some((USAGE, true, KEY_ENCIPHERMENT))),
        ("keyCertSign", None, Some((USAGE, true, CERT_SIGN))),
    ];
    for (name, root, leaf) in table {
        let root = root.map_or_else(|| GOOD_ROOT.to_vec(), |extension| with(GOOD_ROOT, extension));
        let leaf = leaf.map_or_else(|| GOOD_LEAF.to_vec(), |extension| with(GOOD_LEAF, extension));
        let made = make(&root, &leaf);
        let identity = read(&kit_of(&made)).unwrap().value.certificates.identity;
        assert_eq!(identity.may_serve, openssl_takes(&made, &["-purpose", "sslserver"]), "serve: {name}");
        assert_eq!(identity.may_connect, openssl_takes(&made, &["-purpose", "sslclient"]), "connect: {name}");
    }
}

#[test]
fn an_empty_subject_needs_a_critical_alternative_name() {
    // Without a subject there is no organisation, so such a kit is refused before any strict rule.
    let leaf = params(None, GOOD_LEAF, (2020, 2100));
    let made = make_with(&rcgen::PKCS_ECDSA_P256_SHA256, params(Some("root"), GOOD_ROOT, (2020, 2100)), &leaf);
    assert!(!openssl_takes(&made, &["-x509_strict"]));
    assert!(faults(&kit_of(&made))[0].contains("no organisation"));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let good = make(GOOD_ROOT, GOOD_LEAF);
    let other = make(GOOD_ROOT, GOOD_LEAF);
    let cases = [
        (Made { root: other.root.clone(), ..make(GOOD_ROOT, GOOD_LEAF) }, "is not signed by `startup/rootCA.pem`"),
        (
            Made { key: other.key.clone(), ..make(GOOD_ROOT, GOOD_LEAF) },
            "`startup/server.key` does not belong to `startup/server.crt`",
        ),
        (Made { key: "nothing".to_owned(), ..make(GOOD_ROOT, GOOD_LEAF) }, "no private key that can be read"),
        (
            Made {
                key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
                ..make(GOOD_ROOT, GOOD_LEAF)
            },
            "is encrypted",
        ),
        (Made { leaf: "nothing".to_owned(), ..make(GOOD_ROOT, GOOD_LEAF) }, "`startup/server.crt` is not a certificate"),
        (Made { root: good.leaf.clone(), ..make(GOOD_ROOT, GOOD_LEAF) }, "was not issued by"),
        (make(&with(GOOD_ROOT, (BASIC, true, CA_FALSE)), GOOD_LEAF), "not the certificate of an authority"),
        (make(&with(GOOD_ROOT, (USAGE, true, DIGITAL_SIGNATURE)), GOOD_LEAF), "not the certificate of an authority"),
        (
            make(GOOD_ROOT, &with(GOOD_LEAF, (AUTHORITY_KEY, false, OTHER_AUTHORITY))),
            "`authorityKeyIdentifier` names another key",
        ),
    ];
    for (made, words) in cases {
        let found = faults(&kit_of(&made));
        assert_eq!(found.len(), 1, "{words}: {found:?}");
        assert!(found[0].contains(words), "{words}: {found:?}");
    }
}

#[test]
fn every_algorithm_of_key_and_signature_is_checked() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let years = (2020, 2100);
        let made = make_with(algorithm, params(Some("root"), GOOD_ROOT, years), &params(Some("h"), GOOD_LEAF, years));
        assert_eq!(warnings(&kit_of(&made)), Vec::<String>::new());
        let other = make_with(algorithm, params(Some("root"), GOOD_ROOT, years), &params(Some("h"), GOOD_LEAF, years));
        assert_eq!(faults(&kit_of(&Made { root: other.root, key: other.key, ..made })).len(), 2);
    }
}

/// Kinds that rcgen does not make: RSA in both wrappings, EC in SEC 1, PSS, a curve that ring does not know.
#[test]
fn keys_and_signatures_made_by_openssl() {
    let script = r#"set -e
        extensions='basicConstraints=critical,CA:TRUE'
        new() { openssl req -x509 -days 20000 -nodes -subj "$1/O=org" -addext "$2" -keyout "$3.key" -out "$3.crt" $4 2>&1; }
        for kind in rsa pss p521 small; do
            case $kind in
                rsa) options='-newkey rsa:2048';;
                pss) options='-newkey rsa:2048 -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48';;
                p521) options='-newkey ec -pkeyopt ec_paramgen_curve:P-521';;
                small) options='-newkey rsa:1024';;
            esac
            new /CN=h "$extensions" $kind "$options"
        done
        openssl rsa -in rsa.key -traditional -out rsa1.key; cp rsa.crt rsa1.crt
        openssl ecparam -name prime256v1 -genkey -out sec1.key
        openssl req -x509 -days 20000 -key sec1.key -subj /CN=h/O=org -out sec1.crt
    "#;
    let directory = std::env::temp_dir().join(format!("flare-startup-kit-keys-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let output =
        Command::new("sh").args(["-c", script]).current_dir(&directory).output().expect("this test needs `sh` and `openssl`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (kind, key_is_known) in [("rsa", true), ("rsa1", true), ("pss", true), ("sec1", true), ("small", true), ("p521", false)] {
        let text = |suffix: &str| std::fs::read_to_string(directory.join(format!("{kind}.{suffix}"))).unwrap();
        let made = Made { root: text("crt"), leaf: text("crt"), key: text("key") };
        let said = warnings(&kit_of(&made));
        assert_eq!(said.iter().all(|warning| !warning.contains("was not compared")), key_is_known, "{kind}: {said:?}");
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn chains_through_an_intermediate_and_with_windows_line_ends() {
    let years = (2020, 2100);
    let keys: Vec<KeyPair> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
    let [root_key, middle_key, leaf_key] = <[KeyPair; 3]>::try_from(keys).ok().unwrap();
    let root = params(Some("root"), GOOD_ROOT, years);
    let root_certificate = root.self_signed(&root_key).unwrap().pem();
    let root = Issuer::new(root, root_key);
    let middle_params = params(Some("middle"), &without(GOOD_ROOT, USAGE), years);
    let middle_certificate = middle_params.signed_by(&middle_key, &root).unwrap().pem();
    let middle = Issuer::new(middle_params, middle_key);
    let leaf = params(Some("h"), GOOD_LEAF, years).signed_by(&leaf_key, &middle).unwrap().pem();
    let text = format!("some words before\n{leaf}\n{middle_certificate}").replace('\n', "\r\n");
    let made = Made { root: root_certificate, leaf: text, key: leaf_key.serialize_pem() };
    let kit = read(&kit_of(&made)).unwrap().value;
    let found: Vec<_> = kit.certificates.strict_faults.iter().map(|fault| fault.extension).collect();
    assert_eq!(found, ["keyUsage", "authorityKeyIdentifier"]);
}

#[test]
fn dates_are_judged_by_the_clock_that_is_passed_in() {
    let made = make(GOOD_ROOT, GOOD_LEAF);
    let kit = kit_of(&made);
    let end = 4_102_444_800; // 2100-01-01
    let at = |now| StartupKit::read(&kit, "directory", now);
    assert_eq!(at(end - 61 * 86_400).unwrap().warnings, []);
    let soon = at(end - 60 * 86_400).unwrap().warnings;
    assert_eq!(soon.len(), 2);
    assert!(soon[0].message.contains("expires on 2100-01-01, in 60 days"), "{}", soon[0].message);
    assert!(at(end - 1).is_ok());
    let expired = at(end).unwrap_err();
    assert_eq!(expired.all().len(), 2);
    assert!(expired.first().message.contains("has expired on 2100-01-01"));
    let early = at(1_500_000_000).unwrap().warnings;
    assert!(early[0].message.contains("is not valid before 2020-01-01"), "{early:?}");
}

#[test]
fn warnings_come_with_the_faults() {
    let mut kit = kit_of(&make(GOOD_ROOT, GOOD_LEAF));
    put(&mut kit, "local/resources.json.default", "[]");
    let faults = StartupKit::read(&kit, "directory", 1_500_000_000).unwrap_err();
    assert_eq!(faults.all().len(), 1, "{faults}");
    assert!(faults.warnings()[0].message.contains("is not valid before 2020-01-01"), "{:?}", faults.warnings());
}
