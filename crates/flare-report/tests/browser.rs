//! Pages in a real browser, Debian's chromium, without a network: what it makes of a page is the page.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they write pages to disk and start a browser")]

#[path = "it/documents.rs"]
mod documents;

use std::{fs, process::Command};

use serde_json::{Value, json};

/// The page as the browser has it in memory, written out again.
fn loaded(page: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("page.html");
    fs::write(&file, page).expect("a file");
    let quiet = ["gpu", "quic", "background-networking", "component-update", "sync"].map(|what| format!("--disable-{what}"));
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--no-first-run", "--dump-dom"])
        .args(quiet)
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the page is UTF-8")
}

/// A page as chromium writes it: with line ends around the root, and quotes in texts as they are.
fn expected(page: &str) -> String {
    page.replacen("<!DOCTYPE html>", "<!DOCTYPE html>\n", 1).replace("&quot;", "\"") + "\n"
}

#[test]
fn the_browser_repairs_nothing() {
    for (verb, document) in documents::all() {
        let page = documents::page(verb, "federation.yaml", &document);
        assert_eq!(loaded(&page), expected(&page), "{verb}");
    }
}

#[test]
fn the_browser_makes_nothing_but_text_of_a_hostile_name() {
    let name = "</h2><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">\u{202e}&lt;";
    let document = json!({"exit_code": 0, "data": {"participants": [
        {"name": name, "ok": true, "steps": {"stage": "done"}, "namespace": name, "image": name, "errors": [{"message": name}]},
    ]}});
    let page = documents::page("up", name, &document);
    let loaded = loaded(&page);
    assert_eq!(loaded, expected(&page));
    assert!(loaded.contains("<title>flare-kube up: The participant is up</title>") && loaded.contains("\\u{202e}"), "{loaded}");
}

#[test]
fn a_script_on_a_page_would_not_run() {
    let page = documents::page("up", "f", &json!({"exit_code": 0, "data": Value::Null}));
    let with_script = page.replacen("<main>", "<main><script>document.title='run'</script>", 1);
    assert_ne!(page, with_script);
    assert!(loaded(&with_script).contains("<title>flare-kube up: Done</title>"), "the policy of the page forbids scripts");
    let without_policy = with_script.replacen("Content-Security-Policy", "X-Nothing", 1);
    assert!(loaded(&without_policy).contains("<title>run</title>"), "without it the script runs, so the test proves something");
}
