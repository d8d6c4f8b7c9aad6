//! The shape of diagnostics, as programs and people see it.

#![allow(clippy::unwrap_used, reason = "a test fails by them")]

use std::{collections::BTreeSet, path::Path};

use flare_diagnostic::{
    Checked, Code, Collector, Diagnostic, Faults, LineIndex, Place, Position, Severity, closest, did_you_mean, printable,
};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn an_error_serializes_with_the_keys_of_the_envelope() {
    let place = Place::position("k8s.yaml", Position { line: 3, column: 7 });
    let error = Diagnostic::error(Code::InvalidConfig, "unknown key `parnet`").hint("did you mean `parent`?").at(place);
    assert_eq!(
        serde_json::to_string(&error).unwrap(),
        r#"{"error_code":"INVALID_CONFIG","message":"unknown key `parnet`","hint":"did you mean `parent`?","location":{"file":"k8s.yaml","line":3,"column":7}}"#
    );
    assert_eq!(error.to_string(), "k8s.yaml:3:7: unknown key `parnet`");
}

#[test]
fn a_warning_has_a_code_and_absent_parts_are_left_out() {
    let warning = Diagnostic::warning(Code::Notice, "look here");
    assert_eq!(serde_json::to_value(&warning).unwrap(), json!({"code": "NOTICE", "message": "look here"}));
    let whole_file = Diagnostic::error(Code::InvalidKit, "broken").at(Path::new("startup/server.crt"));
    let value = serde_json::to_value(&whole_file).unwrap();
    assert_eq!(value["location"], json!({"file": "startup/server.crt"}));
    assert_eq!(serde_json::to_value(whole_file.into_warning()).unwrap()["code"], "INVALID_KIT");
}

#[test]
fn codes_are_one_each_and_written_as_scripts_expect() {
    let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{code}");
        assert!(code.description().trim().ends_with('.'), "{code}");
    }
    for code in [
        "INVALID_ARGS",
        "CONFIG_NOT_FOUND",
        "INVALID_CONFIG",
        "INVALID_KIT",
        "UNSUPPORTED_KIT",
        "OUTPUT_STAGED",
        "DEPLOY_PREPARE_FAILED",
    ] {
        assert!(texts.contains(code), "{code} is one of the reference's");
    }
}

#[test]
fn values_in_messages_can_neither_steer_a_terminal_nor_forge_a_line() {
    let value = "x\u{1b}[2J\nError: all is well\u{202e}";
    let fault =
        Diagnostic::error(Code::InvalidArgs, format!("no kit `{value}`")).hint(format!("give {value}")).at(Path::new(value));
    for shown in [fault.to_string(), fault.message.clone(), fault.hint.clone().unwrap(), Faults::from(fault.clone()).to_string()]
    {
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
    }
    assert_eq!(fault.place.unwrap().file, value, "for programs the file keeps its name");
}

#[test]
fn all_faults_stay_in_their_order_and_none_is_no_fault() {
    let fault = |text: &str| Diagnostic::error(Code::InvalidKit, text);
    assert_eq!(Faults::check(Vec::new(), || 7), Ok(7));
    let faults =
        Faults::check(vec![fault("one"), fault("two")], || -> u8 { unreachable!("a value in spite of faults") }).unwrap_err();
    assert_eq!(faults.first().message, "one");
    assert_eq!(faults.and(fault("three").into()).to_string(), "one\ntwo\nthree");
}

#[test]
fn warnings_travel_with_the_result() {
    let mut sink = vec![Diagnostic::warning(Code::Notice, "first")];
    let checked = Checked { value: 7, warnings: vec![Diagnostic::warning(Code::Notice, "second")] };
    assert_eq!(checked.collect(&mut sink), 7);
    assert_eq!(Checked::clean(8).collect(&mut sink), 8);
    assert_eq!(sink.iter().map(|warning| warning.message.as_str()).collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn warnings_found_before_an_error_come_with_it() {
    let warning = |text: &str| Diagnostic::warning(Code::Notice, text);
    let fault = |text: &str| Diagnostic::error(Code::InvalidKit, text);
    let texts = |list: &[Diagnostic]| list.iter().map(|one| one.message.clone()).collect::<Vec<_>>();
    let step = |text| Ok(Checked { value: 1, warnings: vec![warning(text)] });

    let mut collector = Collector::new();
    assert_eq!(collector.keep_checked(step("a")), Some(1));
    assert_eq!(collector.keep(Err::<u8, _>(fault("x"))), None);
    assert_eq!(collector.keep(Err::<u8, _>(Faults::from(fault("y")).after([warning("b")]))), None);
    assert_eq!(collector.require_checked(step("c")), Ok(1));
    assert!(collector.has_errors());
    let faults = collector.require(Err::<u8, _>(fault("z"))).unwrap_err();
    assert_eq!(
        (texts(faults.all()), texts(faults.warnings())),
        (vec!["x".into(), "y".into(), "z".into()], vec!["a".into(), "b".into(), "c".into()])
    );
    assert!(!collector.has_errors(), "what was found went with the faults");

    let mut collector = Collector::new();
    collector.extend([warning("a"), fault("x")]);
    let faults = collector.finish(|| -> u8 { unreachable!("a value in spite of an error") }).unwrap_err();
    assert_eq!((texts(faults.all()), texts(faults.warnings())), (vec!["x".into()], vec!["a".into()]));
    assert_eq!(Collector::new().finish_some(Some(1)), Ok(Checked::clean(1)));
    assert_eq!(Collector::new().finish_some(None::<u8>).unwrap_err().first().code, Code::Internal);

    let failed =
        step("a").unwrap().and_then(|_| Err::<Checked<u8>, _>(Faults::from(fault("x")).after([warning("b")]))).unwrap_err();
    assert_eq!(texts(failed.warnings()), ["a", "b"]);
    let went_on = step("a").unwrap().and_then(|value| Ok(Checked { value: value + 1, warnings: vec![warning("b")] })).unwrap();
    assert_eq!((went_on.value, texts(&went_on.warnings)), (2, vec!["a".into(), "b".into()]));
    assert_eq!(Faults::from_list(Vec::new()), None);
}

#[test]
fn every_error_has_a_hint_and_shows_no_secret() {
    for code in Code::ALL {
        let is_warning = code.description().trim().starts_with("Warning:");
        assert_eq!(code.hint().is_empty(), is_warning, "{code}: an error can be acted on");
        assert_eq!(Diagnostic::error(*code, "x").hint.as_deref(), Some(code.hint()));
        assert_eq!(Diagnostic::warning(*code, "x").hint, None);
    }
    assert!(Code::Internal.hint().contains("at https://"), "a bug can be reported: {}", Code::Internal.hint());
    let secret = "jane:hunter2@registry.example.org/nvflare";
    for severity in [Severity::Error, Severity::Warning] {
        let one = match severity {
            Severity::Error => Diagnostic::error(Code::InvalidArgs, secret),
            Severity::Warning => Diagnostic::warning(Code::Notice, secret),
        };
        let one = one.hint(format!("not {secret}")).at(Place::file(secret));
        let shown = format!("{one} {} {:?}", serde_json::to_string(&one).unwrap(), one.hint);
        assert!(!shown.contains("hunter2") && shown.contains("registry.example.org"), "{shown}");
    }
}

#[test]
fn words_of_more_than_64_characters_are_not_compared() {
    let known = ["runtime", "namespace", "parent", "job_launcher"];
    for word in [String::new(), "a".repeat(5 << 20), "ä\u{301}".repeat(1 << 20), "\0".repeat(1 << 20), "😀".to_owned()] {
        assert_eq!(closest(&word, known), None);
        assert!(did_you_mean(&word, known).starts_with("use one of `runtime`"));
    }
    // The cost of a comparison is the product of both lengths, so that this limit bounds it.
    let longest = "p".repeat(64);
    assert_eq!(closest(&longest, [longest.as_str()]), Some(longest.as_str()));
    assert_eq!(closest(&format!("{longest}p"), [longest.as_str()]), None);
    assert_eq!(did_you_mean("Runtime", known), "did you mean `runtime`?");
    assert_eq!(did_you_mean("job-launcher", known), "did you mean `job_launcher`?");
    // A word that agrees only in its first 64 characters is not suggested.
    let long = "p".repeat(64);
    assert_eq!(closest(&format!("{long}{}", "q".repeat(1000)), [long.as_str()]), None);
}

proptest! {
    #[test]
    fn a_position_is_inside_the_text_and_grows_with_the_offset(text in "[a-zä中\n\r ]{0,40}", one in 0_usize..60, more in 0_usize..20) {
        let index = LineIndex::new(&text);
        let (first, second) = (index.position(one), index.position(one + more));
        prop_assert!(first <= second);
        prop_assert!(first.line >= 1 && first.column >= 1 && first.line as usize <= text.matches('\n').count() + 1);
    }

    #[test]
    fn what_is_printable_stays_so(text in any::<String>()) {
        let once = printable(&text).into_owned();
        prop_assert!(!once.chars().any(char::is_control));
        prop_assert_eq!(printable(&once), once.as_str());
    }
}
