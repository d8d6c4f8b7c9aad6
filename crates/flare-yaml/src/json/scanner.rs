//! The grammar of JSON, for finding the first place at which a text leaves it.

use super::reasons::{
    BEHIND, BRACKET, COLON, COMMA, COMMENT, CONTROL, CUT, EMPTY, ESCAPE, KEY, NO_COMMA, NO_NUMBER, NUMBER, PYTHON, QUOTES,
    TRAILING, WORD, Why,
};

/// The grammar of JSON without values: finds only where a text leaves it, and why.
pub(super) struct Scanner<'text> {
    text: &'text [u8],
    at: usize,
}

pub(super) type Scan = Result<(), (usize, Why)>;

impl<'text> Scanner<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    /// Scans a whole text; fails with the offset and the reason.
    pub(super) fn document(&mut self) -> Scan {
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

    proptest::proptest! {
        /// The scanner has the grammar of the parser: it finds a reason exactly where the parser refuses.
        #[test]
        fn the_scanner_agrees_with_the_parser(text in "([\\[\\]{},:]|\"a\"|\"\\\\[nx]\"| |1|-|0|\\.|e|true|null|'|x|é){0,12}") {
            let scanned = Scanner::new(&text).document();
            let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            proptest::prop_assert_eq!(scanned.is_ok(), parsed.is_ok(), "{}: {:?}", text, parsed.err());
        }
    }
}
