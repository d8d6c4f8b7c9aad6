//! Why a text is not JSON, and where. `serde_json` decides whether it is; this module finds the reason, for somebody
//! who edits the file by hand. No reason quotes the text.

use flare_diagnostic::{Code, Diagnostic, LineIndex, Place, Position};

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

/// A reason with its hint.
type Why = (&'static str, &'static str);

const ENCODING: Why = ("it is not UTF-8", "save the file as UTF-8");
const MARK: Why = ("it starts with a byte order mark", "save the file as UTF-8 without a byte order mark");
const EMPTY: Why = ("it is empty", "copy the file again from where it was made");
const CUT: Why = (
    "it ends before this bracket or quote is closed",
    "close it, or copy the file again from where it was made: it may have been cut off",
);
const BEHIND: Why = ("something stands behind the end of the value", "keep one value in the file and remove what follows");
const NO_NUMBER: Why = ("`NaN`, `Infinity` and `-Infinity` are no JSON", "write a number, or `null` where there is none");
const NUMBER: Why = (
    "a number is written as JSON does not have it",
    "write it without a leading `+` or `0`, and with a digit on both sides of the point",
);
const PYTHON: Why = ("`True`, `False` and `None` are Python, not JSON", "write `true`, `false` or `null`");
const QUOTES: Why = ("a string stands in single quotes", "write strings and keys in double quotes");
const COMMENT: Why = ("JSON has no comments", "remove the comment");
const TRAILING: Why = ("a comma stands before a closing bracket", "remove the comma");
const COMMA: Why = ("a comma stands where a value belongs", "remove the comma, or write the value that is missing");
const NO_COMMA: Why = ("a comma is missing before this", "put a comma between two values");
const BRACKET: Why = ("this bracket closes nothing that is open here", "match each bracket with the one that opens it");
const COLON: Why = ("a colon is missing behind the key", "write `\"key\": value`");
const KEY: Why = ("a key in double quotes belongs here", "write `\"key\": value`");
const WORD: Why = ("this is no value of JSON", "write strings in double quotes; other words are `true`, `false` and `null`");
const CONTROL: Why =
    ("a line break or another control character stands in a string", "close the quote, or write `\\n` for a line break");
const ESCAPE: Why = ("a backslash in a string begins no escape that JSON has", "write two backslashes where one is meant");
const OTHER: Why = (
    "it is nested too deeply, or a number or a string in it is more than a program can hold",
    "copy the file again from where it was made, or correct it here",
);

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
        match (Scanner { text: text.as_bytes(), at: 0 }).document() {
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

/// The grammar of JSON without values: finds only where a text leaves it, and why.
struct Scanner<'text> {
    text: &'text [u8],
    at: usize,
}

type Scan = Result<(), (usize, Why)>;

impl Scanner<'_> {
    fn document(&mut self) -> Scan {
        // The open brackets and their offsets; without recursion, so that deep nesting cannot exhaust the stack.
        let mut open: Vec<(u8, usize)> = Vec::new();
        if self.skip_space().is_none() {
            return Err((self.at, EMPTY));
        }
        loop {
            if self.begin_value(&mut open)? {
                continue;
            }
            // A value has ended: what follows it closes a bracket or begins the next value.
            loop {
                let Some(&(bracket, start)) = open.last() else {
                    return if self.skip_space().is_none() { Ok(()) } else { Err((self.at, self.here_or(BEHIND))) };
                };
                match (self.skip_space(), bracket) {
                    (None, _) => return Err((start, CUT)),
                    (Some(b'}'), b'{') | (Some(b']'), b'[') => {
                        self.at += 1;
                        open.pop();
                    }
                    (Some(b','), _) => {
                        self.next_value(bracket, start)?;
                        break;
                    }
                    (Some(b'}' | b']'), _) => return Err((self.at, BRACKET)),
                    (Some(_), _) => return Err((self.at, self.here_or(NO_COMMA))),
                }
            }
        }
    }

    /// What follows a comma; in an object, up to the value.
    fn next_value(&mut self, bracket: u8, start: usize) -> Scan {
        let comma = self.at;
        self.at += 1;
        match self.skip_space() {
            None => Err((start, CUT)),
            Some(b'}' | b']') => Err((comma, TRAILING)),
            Some(b',') => Err((self.at, COMMA)),
            Some(_) if bracket == b'{' => self.key(start),
            Some(_) => Ok(()),
        }
    }

    /// One value, or the start of a collection that is not empty, for which it returns true.
    fn begin_value(&mut self, open: &mut Vec<(u8, usize)>) -> Result<bool, (usize, Why)> {
        let start = self.at;
        match self.skip_space() {
            Some(bracket @ (b'{' | b'[')) => {
                let start = self.at;
                self.at += 1;
                open.push((bracket, start));
                match (self.skip_space(), bracket) {
                    (Some(b'}'), b'{') | (Some(b']'), b'[') => {}
                    (None, _) => return Err((start, CUT)),
                    (Some(b'}' | b']'), _) => return Err((self.at, BRACKET)),
                    (Some(b','), _) => return Err((self.at, COMMA)),
                    (Some(_), b'{') => return self.key(start).map(|()| true),
                    (Some(_), _) => return Ok(true),
                }
            }
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
            None => return Err((open.last().map_or(start, |(_, start)| *start), CUT)),
        }
        Ok(false)
    }

    fn key(&mut self, object: usize) -> Scan {
        if self.skip_space() != Some(b'"') {
            return Err((self.at, self.here_or(KEY)));
        }
        self.string()?;
        match self.skip_space() {
            Some(b':') => self.at += 1,
            None => return Err((object, CUT)),
            Some(_) => return Err((self.at, self.here_or(COLON))),
        }
        match self.skip_space() {
            Some(b',' | b'}' | b']') => Err((self.at, (COMMA.0, COMMA.1))),
            None => Err((object, CUT)),
            Some(_) => Ok(()),
        }
    }

    fn string(&mut self) -> Scan {
        let start = self.at;
        self.at += 1;
        loop {
            match self.text.get(self.at) {
                None => return Err((start, CUT)),
                Some(b'"') => break self.at += 1,
                Some(0..=0x1f) => return Err((self.at, CONTROL)),
                Some(b'\\') => self.escape()?,
                Some(_) => self.at += 1,
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Scan {
        let known = match self.text.get(self.at + 1) {
            Some(b'u') => {
                let digits = self.text.get(self.at + 2..self.at + 6);
                digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            }
            Some(escaped) => b"\"\\/bfnrt".contains(escaped),
            None => false,
        };
        if !known {
            return Err((self.at, ESCAPE));
        }
        self.at += 2;
        Ok(())
    }

    fn number(&mut self) -> Scan {
        let start = self.at;
        let token = self.token();
        let digits = token.strip_prefix(b"-").unwrap_or(token);
        if digits.starts_with(b"I") {
            return Err((start, NO_NUMBER));
        }
        let value = std::str::from_utf8(token).unwrap_or_default();
        // The parser takes any number by its grammar as raw text.
        if serde_json::from_str::<&serde_json::value::RawValue>(value).is_ok() { Ok(()) } else { Err((start, NUMBER)) }
    }

    fn word(&mut self) -> Scan {
        let start = self.at;
        match self.token() {
            b"true" | b"false" | b"null" => Ok(()),
            _ => {
                self.at = start;
                Err((start, self.here_or(WORD)))
            }
        }
    }

    /// The reason for a well-known slip at this point; otherwise the given reason.
    fn here_or(&self, other: Why) -> Why {
        let mut ahead = Scanner { text: self.text, at: self.at };
        match (self.text.get(self.at), ahead.token()) {
            (Some(b'\''), _) => QUOTES,
            (Some(b'/' | b'#'), _) => COMMENT,
            (Some(b'+' | b'.'), _) => NUMBER,
            (_, b"NaN" | b"Infinity") => NO_NUMBER,
            (_, b"True" | b"False" | b"None") => PYTHON,
            _ => other,
        }
    }

    /// Everything up to the next character that ends a word or a number.
    fn token(&mut self) -> &[u8] {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.iter().position(|byte| b" \t\r\n,:[]{}\"'".contains(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Skips space and returns the next byte.
    fn skip_space(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(|byte| b" \t\r\n".contains(byte)) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        /// The scanner has the grammar of the parser: it finds a reason exactly where the parser refuses.
        #[test]
        fn the_scanner_agrees_with_the_parser(text in "([\\[\\]{},:]|\"a\"|\"\\\\[nx]\"| |1|-|0|\\.|e|true|null|'|x|é){0,12}") {
            let scanned = Scanner { text: text.as_bytes(), at: 0 }.document();
            let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            proptest::prop_assert_eq!(scanned.is_ok(), parsed.is_ok(), "{}: {:?}", text, parsed.err());
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = super::super::check(&text);
        }
    }
}
