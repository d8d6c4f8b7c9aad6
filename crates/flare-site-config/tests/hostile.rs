//! Hostile and odd input: each gives a clear error or the right place.

use flare_diagnostic::{Code, Faults};
use flare_names::Target;
use flare_site_config::SiteConfig;

fn refused(bytes: &[u8]) -> String {
    let faults: Faults = SiteConfig::parse(bytes, "k8s.yaml", Target::V2_8).expect_err("must be refused");
    assert!(faults.all().iter().all(|fault| fault.code == Code::InvalidConfig && fault.hint.is_some()));
    faults.to_string()
}

#[test]
fn a_message_does_not_repeat_a_megabyte() {
    let long = format!("namespace: {}\n", "x".repeat(1_000_000));
    let text = refused(long.as_bytes());
    assert!(text.len() < 1000, "{} bytes", text.len());
}

#[test]
fn columns_count_characters_whatever_the_line_ends() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["\u{feff}runtime: k8s # \u{1f600}", "parent: {docker_image: a, \"\u{1f600}\u{e4}\": 1, parent_port: 0}", ""]
            .join(end);
        assert_eq!(
            refused(text.as_bytes()),
            "k8s.yaml:2:27: unknown key `parent.\u{1f600}\u{e4}`\nk8s.yaml:2:49: `parent.parent_port` is 0, which is not a port",
            "{end:?}"
        );
    }
}

#[test]
fn defect_31_keys_that_are_no_strings_are_faults() {
    let text = "runtime: k8s\nparent: {docker_image: a}\n1: x\ntrue: x\n2026-01-01: x\n[a]: x\n{b: c}: x\n";
    let text = refused(text.as_bytes());
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.lines().all(|line| line.contains("a key must be a string")), "{text}");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        for target in Target::ALL {
            let _ = SiteConfig::parse(&bytes, "k8s.yaml", target);
        }
    }

    #[test]
    fn faults_stand_in_file_order(lines in proptest::collection::vec("(runtime|namespace|parent|x|1|yes): ?(|k8s|no|\\{docker_image: A, x: 1\\}|\\[)", 0..8)) {
        if let Err(faults) = SiteConfig::parse(lines.join("\n").as_bytes(), "k8s.yaml", Target::V2_9) {
            let positions: Vec<_> = faults.all().iter().filter_map(|fault| fault.place.as_ref()?.position).collect();
            proptest::prop_assert!(positions.is_sorted());
        }
    }
}
