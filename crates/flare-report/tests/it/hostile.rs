//! Names and texts that want to be more than text.

use serde_json::{Map, Value};

use crate::{
    documents::{all, page},
    parsed::parse,
};

/// Each tries something else; none has a backtick, which makes code of a part of a text.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style></title></textarea><!-- <h1>",
    "&lt;b&gt; &amp; &#60; &notin;",
    "javascript:alert(1)",
    "a\u{202e}txt.exe\u{2066}\u{200b}",
    "two\nlines\r\n\u{0}\u{1b}[31m]]>",
];

/// The words that decide how a page is built stay as they are.
fn replaced(value: &Value, key: &str, text: &str) -> Value {
    match value {
        Value::String(_) if key == "severity" || key == "steps" => value.clone(),
        Value::String(_) => Value::from(text),
        Value::Array(items) => items.iter().map(|item| replaced(item, key, text)).collect(),
        Value::Object(map) => {
            let below = |(name, item): (&String, &Value)| {
                let key = if key == "steps" { key } else { name };
                (name.clone(), replaced(item, key, text))
            };
            Value::Object(map.iter().map(below).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[test]
fn a_text_is_shown_as_it_is_and_never_becomes_an_element() {
    for (verb, document) in all() {
        let harmless = parse(&page(verb, "x", &replaced(&document, "", "x")));
        for text in HOSTILE {
            let hostile = parse(&page(verb, text, &replaced(&document, "", text)));
            assert_eq!(hostile.elements, harmless.elements, "{verb}: {text:?}");
            let shown = flare_diagnostic::printable(text);
            let times = hostile.text.matches(&*shown).count();
            assert!(times > 20, "{verb}: {text:?} is shown {times} times");
        }
    }
}

#[test]
fn nothing_on_a_page_turns_the_direction_of_writing_or_is_invisible() {
    for (verb, document) in all() {
        for text in HOSTILE {
            let page = page(verb, text, &replaced(&document, "", text));
            let hidden = page.chars().find(|character| {
                character.is_control() && *character != '\n'
                    || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            assert_eq!(hidden, None, "{verb}: {text:?}");
        }
    }
}

#[test]
fn the_name_of_a_step_is_a_text_as_well() {
    let document = serde_json::json!({"exit_code": 0, "data": {"participants": [{"name": "a", "ok": true, "steps": {"<b>\u{202e}": "<i>"}}]}});
    let parsed = parse(&page("up", "f", &document));
    assert!(parsed.text.contains("<b>\\u{202e}") && parsed.text.contains("<i>"), "{}", parsed.text);
    assert_eq!(parsed.named("i").count(), 0);
}
