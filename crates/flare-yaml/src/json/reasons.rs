//! The reasons why a text is not JSON, each with its hint.

/// A reason with its hint.
pub(super) type Why = (&'static str, &'static str);

pub(super) const ENCODING: Why = ("it is not UTF-8", "save the file as UTF-8");
pub(super) const MARK: Why = ("it starts with a byte order mark", "save the file as UTF-8 without a byte order mark");
pub(super) const EMPTY: Why = ("it is empty", "copy the file again from where it was made");
pub(super) const CUT: Why = (
    "it ends before this bracket or quote is closed",
    "close it, or copy the file again from where it was made: it may have been cut off",
);
pub(super) const BEHIND: Why =
    ("something stands behind the end of the value", "keep one value in the file and remove what follows");
pub(super) const NO_NUMBER: Why =
    ("`NaN`, `Infinity` and `-Infinity` are not JSON", "write a number, or `null` where there is none");
pub(super) const NUMBER: Why = (
    "a number is written as JSON does not have it",
    "write it without a leading `+` or `0`, and with a digit on both sides of the point",
);
pub(super) const PYTHON: Why = ("`True`, `False` and `None` are Python, not JSON", "write `true`, `false` or `null`");
pub(super) const QUOTES: Why = ("a string stands in single quotes", "write strings and keys in double quotes");
pub(super) const COMMENT: Why = ("JSON has no comments", "remove the comment");
pub(super) const TRAILING: Why = ("a comma stands before a closing bracket", "remove the comma");
pub(super) const COMMA: Why = ("a comma stands where a value belongs", "remove the comma, or write the value that is missing");
pub(super) const NO_COMMA: Why = ("a comma is missing before this", "put a comma between two values");
pub(super) const BRACKET: Why =
    ("this bracket closes nothing that is open here", "match each bracket with the one that opens it");
pub(super) const COLON: Why = ("a colon is missing behind the key", "write `\"key\": value`");
pub(super) const KEY: Why = ("a key in double quotes belongs here", "write `\"key\": value`");
pub(super) const WORD: Why =
    ("this is not a value of JSON", "write strings in double quotes; other words are `true`, `false` and `null`");
pub(super) const CONTROL: Why =
    ("a line break or another control character stands in a string", "close the quote, or write `\\n` for a line break");
pub(super) const ESCAPE: Why =
    ("a backslash in a string begins no escape that JSON has", "write two backslashes where one is meant");
pub(super) const OTHER: Why = (
    "it is nested too deeply, or a number or a string in it is more than a program can hold",
    "copy the file again from where it was made, or correct it here",
);
