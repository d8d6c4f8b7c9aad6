//! Pretty-prints JSON text token by token, so that numbers and strings stay as written.

/// Below this depth a value stays on one line, so that a file of nothing but brackets cannot grow without bound.
const DEEPEST: usize = 24;

/// The indentation of a text in spaces: that of its first indented line, otherwise the four of FLARE's own writer.
pub(crate) fn indent_of(text: &str) -> usize {
    let second = text.trim_start().strip_prefix('{').and_then(|rest| rest.trim_start_matches([' ', '\r']).strip_prefix('\n'));
    let spaces = second.map_or(0, |line| line.len() - line.trim_start_matches(' ').len());
    if (1..=8).contains(&spaces) { spaces } else { 4 }
}

/// Pretty-prints a JSON text; equal values in equal order always give equal bytes. Ends with a line break.
pub(crate) fn pretty_print(text: &str, indent: usize) -> String {
    let mut layout = Layout { out: String::with_capacity(text.len() * 2), depth: 0, indent };
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '[' => layout.open(rest),
            '}' | ']' => layout.close(first),
            ',' => layout.comma(),
            ':' => layout.colon(),
            _ => rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        if !matches!(first, '{' | '[' | '}' | ']' | ',' | ':') {
            layout.out.push_str(&rest[..length]);
        }
        rest = rest[length..].trim_start();
    }
    layout.out.push('\n');
    layout.out
}

struct Layout {
    out: String,
    depth: usize,
    indent: usize,
}

impl Layout {
    fn open(&mut self, rest: &str) -> usize {
        let inside = rest[1..].trim_start();
        self.out.push_str(&rest[..1]);
        if inside.starts_with(['}', ']']) {
            self.out.push_str(&inside[..1]);
            return rest.len() - inside.len() + 1;
        }
        self.depth += 1;
        self.new_line("");
        1
    }

    fn close(&mut self, bracket: char) -> usize {
        let was_on_one_line = self.depth > DEEPEST;
        self.depth = self.depth.saturating_sub(1);
        if !was_on_one_line {
            self.new_line("");
        }
        self.out.push(bracket);
        1
    }

    fn comma(&mut self) -> usize {
        self.out.push(',');
        self.new_line(" ");
        1
    }

    fn colon(&mut self) -> usize {
        self.out.push_str(": ");
        1
    }

    fn new_line(&mut self, on_one_line: &str) {
        if self.depth > DEEPEST {
            self.out.push_str(on_one_line);
        } else {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', self.depth * self.indent));
        }
    }
}

/// The length of the string at the start of a text, with both quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_pythons_writer() {
        let text = "{\"a\":[1,{\"b\\\"{\":1e400 , \"c\":[ ]}], \"d\":{},\"e\":\"x, [y\"}";
        let expected = "{\n    \"a\": [\n        1,\n        {\n            \"b\\\"{\": 1e400,\n            \"c\": []\n        }\n    ],\n    \"d\": {},\n    \"e\": \"x, [y\"\n}\n";
        assert_eq!(pretty_print(text, 4), expected);
        assert_eq!(pretty_print(expected, 4), expected);
    }

    #[test]
    fn depth_costs_no_more_than_a_constant() {
        let deep = format!("{}1,1{}", "[".repeat(100_000), "]".repeat(100_000));
        let laid_out = pretty_print(&deep, 4);
        assert!(laid_out.len() < deep.len() * 4);
        assert_eq!(laid_out.split_whitespace().collect::<String>(), deep);
    }

    #[test]
    fn the_indent_of_the_kit_is_kept() {
        assert_eq!(indent_of("{\n  \"a\": 1\n}"), 2);
        assert_eq!(indent_of("{\r\n   \"a\": 1\n}"), 3);
        assert_eq!(indent_of("{\n\t\"a\": 1\n}"), 4);
        assert_eq!(indent_of("{\"a\": 1}"), 4);
    }
}
