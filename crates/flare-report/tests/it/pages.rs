//! What every page has, and what it must not have.

use serde_json::{Value, json};

use crate::{
    documents::{all, page},
    parsed::parse,
};

#[test]
fn each_page_is_as_expected() {
    for (verb, document) in all() {
        let page = page(verb, "federation.yaml", &document);
        let (before, rest) = page.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        // A line for each element, so that a difference can be read.
        let shown = format!("{before}<style></style>{after}").replace("><", ">\n<");
        insta::assert_snapshot!(verb, shown);
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    for (verb, document) in all() {
        let parsed = parse(&page(verb, "federation.yaml", &document));
        for element in &parsed.elements {
            let name = element.name.as_str();
            assert!(
                !["script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"].contains(&name),
                "{element:?}"
            );
            for (key, value) in &element.attributes {
                let is_harmless = !key.starts_with("on") && !["src", "style", "srcset", "action"].contains(&key.as_str());
                assert!(is_harmless && (key != "href" || value.starts_with('#')), "{element:?}");
            }
        }
        let policy = parsed.named("meta").find(|meta| meta.attribute("http-equiv") == Some("Content-Security-Policy")).unwrap();
        assert!(policy.attribute("content").unwrap().starts_with("default-src 'none'; style-src 'unsafe-inline';"));
        let style = include_str!("../../src/page.css");
        assert!(!style.contains("url(") && !style.contains("@import") && !style.contains('<'));
        assert!(style.contains("prefers-color-scheme: dark") && style.contains("@media print"));
    }
}

#[test]
fn readers_who_do_not_see_the_page_find_their_way() {
    for (verb, document) in all() {
        let parsed = parse(&page(verb, "federation.yaml", &document));
        assert_eq!(parsed.named("html").next().unwrap().attribute("lang"), Some("en"));
        for single in ["title", "h1", "main", "header", "footer"] {
            assert_eq!(parsed.named(single).count(), 1, "{verb}: {single}");
        }
        let ids = parsed.ids();
        for element in &parsed.elements {
            for reference in [element.attribute("href").map(|href| &href[1..]), element.attribute("aria-labelledby")] {
                assert!(reference.is_none_or(|id| ids.contains(id)), "{verb}: {element:?}");
            }
            let is_named = element.attribute("aria-label").or(element.attribute("aria-labelledby")).is_some();
            assert!(element.attribute("role") != Some("region") || is_named, "{verb}: {element:?}");
        }
        let heads: Vec<_> = parsed.named("th").collect();
        assert!(!heads.is_empty() && heads.iter().all(|head| matches!(head.attribute("scope"), Some("row" | "col"))), "{verb}");
    }
}

#[test]
fn the_headline_says_how_the_run_ended() {
    let one = |name: &str, ok: bool| json!({"name": name, "ok": ok, "steps": {"stage": if ok { "done" } else { "failed" }}});
    let finding = |severity: &str| json!({"id": "D42", "severity": severity, "message": "m"});
    let verified = |severities: &[&str]| json!({"participant": "site-1", "findings": severities.iter().map(|one| finding(one)).collect::<Vec<_>>()});
    let fault = |message: &str| json!({"error_code": "INVALID_FEDERATION", "message": message, "hint": ""});
    let state =
        json!({"namespace": "fl", "deployment": null, "pods": [], "kit": {"prepared": "3f"}, "joined": false, "jobs": []});
    let seen = json!({"name": "site-1", "ok": false, "steps": {"install": "not_begun"}, "state": state});
    let rows: [(u8, Value, Value, &str, &str); 12] = [
        (0, json!({"participants": [one("a", true), one("b", true)]}), json!([]), "All 2 participants are up", "good"),
        (0, json!({"participants": [one("a", true)]}), json!([]), "The participant is up", "good"),
        (
            1,
            json!({"participants": [one("a", true), one("b", false)]}),
            json!([fault("b: x")]),
            "1 of 2 participants are up",
            "bad",
        ),
        (
            130,
            json!({"participants": [one("a", true), one("b", false)]}),
            json!([]),
            "Interrupted: 1 of 2 participants are up",
            "bad",
        ),
        (
            0,
            json!({"dry_run": true, "participants": [one("a", true)]}),
            json!([]),
            "Dry run: nothing was changed, and nothing",
            "good",
        ),
        (5, json!({"dry_run": true, "participants": [one("a", false)]}), json!([]), "1 of 1 participants would fail", "bad"),
        (4, Value::Null, json!([fault("no server")]), "Not begun: no server", "bad"),
        (4, Value::Null, json!([fault("no server"), fault("y"), fault("z")]), "no server; and 2 more faults", "bad"),
        (0, verified(&["ok", "info"]), json!([]), "site-1: no check found a fault", "good"),
        (0, verified(&["ok", "warning", "unknown"]), json!([]), "site-1: 1 warning, 1 check not made", "attention"),
        (1, verified(&["error", "error", "ok"]), json!([fault("2 of 3")]), "site-1: 2 faults", "bad"),
        (0, json!({"participants": [seen]}), json!([]), "site-1 has not joined", "bad"),
    ];
    for (exit_code, data, errors, expected, tone) in rows {
        let document = json!({"exit_code": exit_code, "data": data, "errors": errors, "warnings": []});
        let page = page("up", "federation.yaml", &document);
        let parsed = parse(&page);
        let title = page.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
        assert!(title.contains(expected), "{expected}: {title}");
        assert_eq!(parsed.named("header").next().unwrap().attribute("class"), Some(tone), "{expected}");
    }
}

#[test]
fn the_worst_finding_comes_first_and_equals_keep_their_order() {
    let finding = |id: &str, severity: &str| json!({"id": id, "severity": severity, "message": "m"});
    let findings =
        [finding("D1", "unknown"), finding("D2", "ok"), finding("D3", "info"), finding("D4", "error"), finding("D5", "warning")];
    let page = page("verify", "f", &json!({"exit_code": 1, "data": {"participant": "a", "findings": findings}}));
    let ids: Vec<_> = page.split("<th scope=\"row\">").skip(1).map(|rest| &rest[..2]).collect();
    assert_eq!(ids, ["D4", "D1", "D5", "D3", "D2"]);
}

#[test]
fn a_document_of_another_form_is_refused() {
    let run = flare_report::Run {
        verb: "up",
        subject: "",
        version: "",
        began: jiff::Timestamp::UNIX_EPOCH,
        took: std::time::Duration::ZERO,
    };
    for document in [json!({}), json!({"exit_code": "0"}), json!({"exit_code": 0, "data": {"participants": [{}]}}), json!([])] {
        assert!(flare_report::page(&document, &run).is_err(), "{document}");
    }
}
