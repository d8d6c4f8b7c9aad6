//! Why a text is not JSON, and where. `serde_json` decides whether it is; this module finds the reason, for somebody
//! who edits the file by hand. No reason quotes the text.

use flare_diagnostic::{Code, Diagnostic, LineIndex, Place, Position};

use super::{
    reasons::{ENCODING, MARK, OTHER, Why},
    scanner::Scanner,
};

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it begins, in bytes from the start of the file.
    pub offset: usize,
    /// The same as a line and a column.
    pub position: Position,
    /// What is wrong, without anything of the text.
    pub reason: &'static str,
    /// What one can do about it.
    pub hint: &'static str,
}

impl Fault {
    fn new(text: &str, offset: usize, (reason, hint): Why) -> Self {
        Self { offset, position: LineIndex::new(text).position(offset), reason, hint }
    }

    /// The fault as an error about a file; `file` is the name that is shown.
    pub fn diagnostic(&self, file: &str, code: Code) -> Diagnostic {
        Diagnostic::error(code, format!("`{file}` is not JSON: {}", self.reason))
            .hint(self.hint)
            .at(Place::position(file, self.position))
    }

    /// The fault of bytes that are not UTF-8 from an offset on.
    pub(super) fn encoding(bytes: &[u8], valid_up_to: usize) -> Self {
        let valid = std::str::from_utf8(&bytes[..valid_up_to]).unwrap_or_default();
        Self::new(valid, valid_up_to, ENCODING)
    }

    /// The fault of a text that the parser refused.
    pub(super) fn find(text: &str, error: &serde_json::Error) -> Self {
        if text.starts_with('\u{feff}') {
            return Self::new(text, 0, MARK);
        }
        match Scanner::new(text).document() {
            Err((offset, why)) => Self::new(text, offset, why),
            Ok(()) => Self::new(text, offset_of(text, error), OTHER),
        }
    }
}

/// Where the parser stopped; it counts lines from 1 and columns in bytes.
fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (before + error.column()).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{
        super::reasons::{
            BEHIND, BRACKET, COLON, COMMA, COMMENT, CONTROL, CUT, EMPTY, ESCAPE, KEY, NO_COMMA, NO_NUMBER, NUMBER, PYTHON,
            QUOTES, TRAILING, WORD,
        },
        *,
    };

    fn fault(text: &str) -> Option<(usize, Why)> {
        let fault = super::super::check(text).err()?;
        Some((fault.offset, (fault.reason, fault.hint)))
    }

    #[test]
    fn every_slip_has_its_reason_and_its_place() {
        for (text, offset, why) in [
            ("\u{feff}{}", 0, MARK),
            ("", 0, EMPTY),
            (" \n", 2, EMPTY),
            ("{", 0, CUT),
            ("{\"a\": [1, 2", 6, CUT),
            ("{\"a\": \"x", 6, CUT),
            ("{\"a\"", 0, CUT),
            ("{\"a\":", 0, CUT),
            ("{\"a\": 1,", 0, CUT),
            ("{} x", 3, BEHIND),
            ("{}}", 2, BEHIND),
            ("{} // x", 3, COMMENT),
            ("{\"a\": NaN}", 6, NO_NUMBER),
            ("[-Infinity]", 1, NO_NUMBER),
            ("[Infinity]", 1, NO_NUMBER),
            ("[01]", 1, NUMBER),
            ("[+1]", 1, NUMBER),
            ("[.5]", 1, NUMBER),
            ("[1.]", 1, NUMBER),
            ("[1x]", 1, NUMBER),
            ("{\"a\": True}", 6, PYTHON),
            ("{'a': 1}", 1, QUOTES),
            ("{\"a\": 'b'}", 6, QUOTES),
            ("{\n  # no\n}", 4, COMMENT),
            ("{\"a\": 1, /* no */ \"b\": 2}", 9, COMMENT),
            ("{\"a\": 1,}", 7, TRAILING),
            ("[1, ]", 2, TRAILING),
            ("[1,, 2]", 3, COMMA),
            ("[, 2]", 1, COMMA),
            ("{\"a\": , \"b\": 1}", 6, COMMA),
            ("{\"a\": 1 \"b\": 2}", 8, NO_COMMA),
            ("[1 2]", 3, NO_COMMA),
            ("[1}", 2, BRACKET),
            ("[}", 1, BRACKET),
            ("{\"a\" 1}", 5, COLON),
            ("{a: 1}", 1, KEY),
            ("{1: 1}", 1, KEY),
            ("{\"a\": yes}", 6, WORD),
            ("{\"a\": tru}", 6, WORD),
            ("{\"a\": \"b\nc\"}", 8, CONTROL),
            ("{\"a\": \"C:\\Users\"}", 9, ESCAPE),
            ("[\"\\u12\"]", 2, ESCAPE),
        ] {
            assert_eq!(fault(text), Some((offset, why)), "{text}");
        }
        assert_eq!(fault(&"[".repeat(1000)).map(|(_, why)| why), Some(CUT));
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(fault(&deep).is_none_or(|(_, why)| why == OTHER));
        assert_eq!(super::super::decode(b"{\"a\": \"\xff\"}").unwrap_err().offset, 7);
    }

    #[test]
    fn what_python_writes_and_rust_cannot_hold_is_json() {
        for text in ["1e400", "\"\\ud800\"", "123456789012345678901234567890", " {\"a\": []} "] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = super::super::check(&text);
        }
    }
}
