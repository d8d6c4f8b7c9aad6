//! The whole page.

use std::time::Duration;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize as _;
use serde_json::Value;

use crate::{document::Document, headline, participants, parts::fact, problems, steps, text::Text};

/// What a page says about its run besides the document.
#[derive(Debug, Clone, Copy)]
pub struct Run<'run> {
    /// The verb: `up`.
    pub verb: &'run str,
    /// What it worked on: a federation.yaml or a prepared kit, as the user named it.
    pub subject: &'run str,
    /// The version of this program.
    pub version: &'run str,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// The page of a run.
///
/// `document` is the envelope that `-o json` prints: `exit_code`, `data`, `errors`, `warnings`. The page has no script and no style or
/// picture from elsewhere, and forbids browsers to load any. Every text of the document is escaped, for HTML and for the eye.
///
/// # Errors
/// If the document is not such an envelope.
pub fn page(document: &Value, run: &Run<'_>) -> Result<String, serde_json::Error> {
    let document = Document::deserialize(document)?;
    let (tone, words) = headline::of(&document);
    let words = Text::new(&words);
    let participants = &document.data.participants;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&words, run))
            body {
                header.(tone.class()) {
                    p.program { "flare-kube " b { (run.verb) } }
                    h1 { (tone.shown()) " " (words.prose()) }
                    (facts(&document, run))
                }
                main {
                    @if let Some(table) = steps::table(participants) { (table) }
                    (problems::sections(&document.errors, &document.warnings))
                    (participants::sections(participants))
                }
                footer { p { "Written by flare-kube " (run.version) ". The page is complete: it loads nothing." } }
            }
        }
    };
    Ok(page.into_string())
}

fn head(words: &Text, run: &Run<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            title { "flare-kube " (run.verb) ": " (words) }
            style { (PreEscaped(include_str!("page.css"))) }
        }
    }
}

fn facts(document: &Document, run: &Run<'_>) -> Markup {
    let began = run.began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let machine = run.began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! {
        dl.facts {
            (fact("Run on", &Text::new(run.subject)))
            (fact("Begun", &html! { time datetime=(machine) { (began) } }))
            (fact("Took", &steps::duration(run.took.as_secs_f64())))
            (fact("Exit status", &document.exit_code))
            (fact("flare-kube", &run.version))
            @if document.data.is_dry_run { (fact("Dry run", &"nothing was changed")) }
        }
    }
}
