//! Image references and quantities against the tables of upstream's own tests, and as properties.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::too_many_lines, reason = "the tables are long, and one row a line")]

use flare_site_config::{
    image::{ImageError, ImageReference},
    quantity::Quantity,
};

const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn image_references_are_split_as_distribution_splits_them() {
    let long = "a/".repeat(127) + "a";
    let table: &[(&str, &str, Option<&str>, bool)] = &[
        ("test_com", "test_com", None, false),
        ("test.com:tag", "test.com", Some("tag"), false),
        ("test.com:5000", "test.com", Some("5000"), false),
        ("test.com/repo:tag", "test.com/repo", Some("tag"), false),
        ("test:5000/repo", "test:5000/repo", None, false),
        ("test:5000/repo:tag", "test:5000/repo", Some("tag"), false),
        ("test:5000/repo@SHA", "test:5000/repo", None, true),
        ("test:5000/repo:tag@SHA", "test:5000/repo", Some("tag"), true),
        ("lowercase:Uppercase", "lowercase", Some("Uppercase"), false),
        ("sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com/bar/baz/quux", Some("some-long-tag"), false),
        (
            "b.gcr.io/test.example.com/my-app:test.example.com",
            "b.gcr.io/test.example.com/my-app",
            Some("test.example.com"),
            false,
        ),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage", Some("xn--n3h.com"), false),
        ("foo_bar.com:8080", "foo_bar.com", Some("8080"), false),
        ("foo/foo_bar.com:8080", "foo/foo_bar.com", Some("8080"), false),
        ("192.168.1.1", "192.168.1.1", None, false),
        ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000/repo", Some("5050"), false),
        ("[2001:db8::1]/repo", "[2001:db8::1]/repo", None, false),
        ("[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]/repo", Some("tag"), false),
        ("[2001:db8::1]:5000/repo:tag@SHA", "[2001:db8::1]:5000/repo", Some("tag"), true),
        ("[2001:db8::]:5000/repo", "[2001:db8::]:5000/repo", None, false),
        ("[::1]:5000/repo", "[::1]:5000/repo", None, false),
        ("localhost/repo", "localhost/repo", None, false),
        ("Uppercase/lowercase:tag", "Uppercase/lowercase", Some("tag"), false),
        ("a__b/c---d/e.f", "a__b/c---d/e.f", None, false),
        ("4212e12", "4212e12", None, false),
        ("x:1e3", "x", Some("1e3"), false),
        (&long, &long, None, false),
    ];
    for (text, repository, tag, digest) in table {
        let text = text.replace("SHA", SHA);
        let image: ImageReference = text.parse().unwrap_or_else(|error: ImageError| panic!("{text}: {error}"));
        assert_eq!(image.repository, *repository, "{text}");
        assert_eq!(image.tag.as_deref(), *tag, "{text}");
        assert_eq!(image.digest.as_deref(), digest.then_some(SHA), "{text}");
        assert_eq!(image.to_string(), text);
    }
}

#[test]
fn what_distribution_refuses_is_refused() {
    use ImageError::{Digest, DigestLength, Empty, Identifier, Repository, Tag, TooLong, UpperCase};
    let table: &[(&str, ImageError)] = &[
        ("", Empty),
        (":justtag", Empty),
        (&format!("@{SHA}"), Empty),
        ("repo@sha256:ffffffffffffffffffffffffffffffffff", DigestLength { expected: 64 }),
        (&format!("repo@{}", SHA.to_uppercase().replace("SHA", "sha")), DigestLength { expected: 64 }),
        ("validname@invaliddigest:ffff", Digest),
        ("repo@sha256", Digest),
        ("repo@", Digest),
        ("repo@sha256:a@sha256:a", Digest),
        ("Uppercase:tag", UpperCase),
        ("test:5000/Uppercase/lowercase:tag", UpperCase),
        (&"a".repeat(256), TooLong),
        (&(":".to_owned() + &"a".repeat(3)), Empty),
        ("aa/asdf$$^/aa", Repository),
        ("[2001:db8::1]", Repository),
        ("[fe80::1%eth0]:5000/repo", Repository),
        ("[fe80::1%@invalidzone]:5000/repo", Digest),
        ("-test/repo", Repository),
        ("a//b", Repository),
        ("/a", Repository),
        ("a/", Repository),
        ("a..b", Repository),
        ("a___b", Repository),
        ("a._b", Repository),
        ("-a", Repository),
        ("a_", Repository),
        ("foo_bar:8080/x", Repository),
        ("host:/x", Repository),
        ("a b", Repository),
        ("r\u{e9}po", Repository),
        ("repo:", Tag),
        ("repo:-x", Tag),
        ("repo:a b", Tag),
        ("repo:\u{e4}", Tag),
        (&format!("repo:{}", "a".repeat(129)), Tag),
        (&SHA[7..], Identifier),
    ];
    for (text, expected) in table {
        assert_eq!(text.parse::<ImageReference>().as_ref(), Err(expected), "{text}");
    }
}

fn nano(text: &str) -> i128 {
    text.parse::<Quantity>().unwrap_or_else(|error| panic!("{text}: {error}")).nano()
}

#[test]
fn quantities_are_read_as_apimachinery_reads_them() {
    const ONE: i128 = 1_000_000_000;
    const CAP: i128 = i64::MAX as i128 * ONE;
    let table: &[(&str, i128)] = &[
        ("0", 0),
        ("0n", 0),
        ("0Ki", 0),
        ("0e999", 0),
        ("-0", 0),
        ("1", ONE),
        ("+1", ONE),
        ("-1", -ONE),
        ("010", 10 * ONE),
        (".5", ONE / 2),
        ("5.", 5 * ONE),
        ("100m", ONE / 10),
        ("100u", 100_000),
        ("100n", 100),
        ("1k", 1000 * ONE),
        ("1M", 1_000_000 * ONE),
        ("1G", ONE * ONE),
        ("1T", 1000 * ONE * ONE),
        ("1P", 1_000_000 * ONE * ONE),
        ("1E", ONE * ONE * ONE),
        ("1Ki", 1024 * ONE),
        ("8Ki", 8192 * ONE),
        ("7Mi", 7 * 1024 * 1024 * ONE),
        ("6Gi", 6 * (1 << 30) * ONE),
        ("5Ti", 5 * (1 << 40) * ONE),
        ("4Pi", 4 * (1 << 50) * ONE),
        ("3Ei", 3 * (1 << 60) * ONE),
        ("1.5Gi", 1_610_612_736 * ONE),
        ("0.001Ki", 1_024_000_000),
        ("1E3", 1000 * ONE),
        ("1e3", 1000 * ONE),
        ("1e+3", 1000 * ONE),
        ("1e-3", ONE / 1000),
        ("10E6", 10_000_000 * ONE),
        ("0.1n", 1),
        ("1e-400", 1),
        ("-0.1n", -1),
        ("1.0000000001", ONE + 1),
        ("0.0000000001Ki", 103),
        ("9223372036854775807", CAP),
        ("9223372036854775808", CAP),
        ("9223372036854775806.999999999", CAP - 1),
        ("100Ei", CAP),
        ("-100Ei", -CAP),
        ("1e40", CAP),
        ("1e9223372036854775807", CAP),
        ("1e-9223372036854775808", 1),
        ("123456789012345678901234567890", CAP),
    ];
    for (text, expected) in table {
        assert_eq!(nano(text), *expected, "{text}");
    }
    for text in [
        "", "-", "+", ".", "-.", "m", "Ki", "e3", "1ki", "1K", "1g", "1GB", "1i", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "aoeu",
        ".5i", "-3.01i", "-3.01e-", "1e", "1e+", " 1", "1 ", "1_000", "--1", "+-1", "1e1.5", "1e3k", "0x10", "\u{661}", "NaN",
        "two",
    ] {
        // `1e` has no exponent; `1E` alone is exa.
        assert!(text.parse::<Quantity>().is_err(), "{text}");
    }
    assert!("500m".parse::<Quantity>().unwrap() < "1".parse().unwrap());
    assert!("1000m".parse::<Quantity>().unwrap().is_whole() && !"1m".parse::<Quantity>().unwrap().is_whole());
    assert!(nano(&"9".repeat(100_000)) == CAP && nano(&format!("0.{}1Ei", "0".repeat(100_000))) == 1);
}

proptest::proptest! {
    #[test]
    fn image_references_round_trip(
        registry in "(|localhost/|[a-z]{1,5}\\.[a-z]{2}(:[0-9]{1,5})?/|\\[::[0-9a-f]{1,4}\\](:[0-9]{1,5})?/)",
        path in "[a-z0-9]{1,5}(([._]|__|-{1,3})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,5}){0,2}",
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
        digest in proptest::option::of("(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|md5\\+b64:[0-9A-Fa-f]{32,40})"),
    ) {
        let image = ImageReference { repository: format!("{registry}{path}"), tag, digest };
        proptest::prop_assert_eq!(image.to_string().parse::<ImageReference>(), Ok(image));
    }

    #[test]
    fn whatever_parses_as_an_image_is_printed_as_it_was(text in "[a-zA-Z0-9:/@._\\[\\]-]{0,40}") {
        if let Ok(image) = text.parse::<ImageReference>() {
            proptest::prop_assert_eq!(image.to_string(), text);
        }
    }

    #[test]
    fn quantities_of_nano_units_are_exact(value in -1_000_000_000_000_i64..1_000_000_000_000) {
        proptest::prop_assert_eq!(nano(&format!("{value}n")), i128::from(value));
        proptest::prop_assert_eq!(nano(&format!("{value}")), i128::from(value) * 1_000_000_000);
        proptest::prop_assert_eq!(nano(&format!("{value}Ki")), (i128::from(value) * 1024 * 1_000_000_000).clamp(-i128::from(i64::MAX) * 1_000_000_000, i128::from(i64::MAX) * 1_000_000_000));
    }

    #[test]
    fn no_text_makes_a_quantity_panic(text in "[+-]?[0-9.]{0,40}[eEinumkKMGTP0-9+-]{0,25}") {
        let _ = text.parse::<Quantity>();
    }
}
