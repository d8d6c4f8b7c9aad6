//! The table of the values in a chart's README.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use flare_yaml::Comments;

/// One row for each value: path, default, description. Blocks have no row of their own.
pub(crate) fn rows(values: &Map<String, Value>, comments: &Comments) -> String {
    let mut text = String::with_capacity(12 * 1024);
    write_rows(&mut text, values, "", comments);
    text.truncate(text.trim_end().len());
    text
}

fn write_rows(text: &mut String, values: &Map<String, Value>, prefix: &str, comments: &Comments) {
    for (name, value) in values {
        let path = format!("{prefix}{name}");
        let prefix = format!("{path}.");
        match value {
            Value::Object(block) if comments.range(prefix.clone()..).next().is_some_and(|(key, _)| key.starts_with(&prefix)) => {
                write_rows(text, block, &prefix, comments);
            }
            value => {
                let description = comments.get(&path).map(|lines| lines.join(" ")).unwrap_or_default();
                let default = value.to_string();
                let _ = writeln!(text, "| `{path}` | {} | {} |", code(&default), cell(&description));
            }
        }
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// A text as a Markdown code span, which needs more backticks around it than it contains.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
