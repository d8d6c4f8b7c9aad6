//! Kubernetes objects as block YAML: every string is quoted, so that no reader takes one for something else.

use flare_yaml::quote;
use serde_json::Value;

/// Several objects as one stream of documents, as `kubectl apply -f -` takes it.
pub(crate) fn documents<'objects>(objects: impl IntoIterator<Item = &'objects Value>) -> String {
    objects.into_iter().fold(String::new(), |mut text, object| {
        text.push_str("---\n");
        write(&mut text, object, 0);
        text
    })
}

fn write(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                text.push_str(&format!("{:indent$}{}:", "", key(name)));
                below(text, value, indent + 2);
            }
        }
        Value::Array(items) => {
            for item in items {
                let start = text.len();
                if is_nested(item) {
                    write(text, item, indent + 2);
                    text.replace_range(start..start + indent + 2, &format!("{:indent$}- ", ""));
                } else {
                    text.push_str(&format!("{:indent$}- {}\n", "", scalar(item)));
                }
            }
        }
        other => text.push_str(&format!("{:indent$}{}\n", "", scalar(other))),
    }
}

fn below(text: &mut String, value: &Value, indent: usize) {
    if is_nested(value) {
        text.push('\n');
        write(text, value, indent);
    } else {
        text.push_str(&format!(" {}\n", scalar(value)));
    }
}

fn is_nested(value: &Value) -> bool {
    value.as_object().is_some_and(|map| !map.is_empty()) || value.as_array().is_some_and(|items| !items.is_empty())
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), quote)
}

/// Field names of Kubernetes stand plain; a name that a reader of YAML 1.1 could take for something else is quoted.
fn key(name: &str) -> String {
    let plain = name.len() > 3 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_word = ["true", "false", "null"].contains(&name.to_ascii_lowercase().as_str());
    if plain && !is_word { name.to_owned() } else { quote(name) }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back() {
        let object = json!({
            "kind": "Pod", "no": "no", "true": true, "n": 1.5, "empty": {}, "none": [], "nothing": null,
            "list": ["1e3", {"name": "a", "deep": {"x": [1, [2, 3], {"y": "z\n"}]}}, []],
        });
        let text = super::documents([&object]);
        let document = flare_yaml::parse(text.as_bytes(), "test", Code::Internal).unwrap();
        assert_eq!(document.root.to_json(Code::Internal).unwrap(), object, "{text}");
    }
}
