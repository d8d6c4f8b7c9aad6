//! The product's sources as Rust tokens: without comments, and without what is compiled only for tests.
//!
//! Tokens are read and not lines, so that what follows a test item in the middle of a file counts, and so does an expression that is broken
//! into several lines.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A source file of the product.
pub(crate) struct Source {
    /// Its path below the root.
    pub(crate) path: PathBuf,
    /// The code, with one blank between words and between signs that are not one (`> =`), without other white space, and without the
    /// content of texts.
    pub(crate) code: String,
    /// The content of its string literals.
    pub(crate) texts: Vec<String>,
    /// The lines of its documentation.
    pub(crate) documentation: Vec<String>,
    /// The modules in other files that are only for tests: `tests`.
    test_modules: Vec<String>,
    /// Whether the last token is the end of a sign: `=` and not the first half of `==`.
    sign_ended: bool,
}

impl Source {
    fn read(path: PathBuf, text: &str) -> Self {
        let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (code, texts, documentation, test_modules) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        let mut source = Self { path, code, texts, documentation, test_modules, sign_ended: false };
        source.tokens(tokens);
        source
    }

    fn tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if is_test_attribute(&tokens[at..]) {
                let end = end_of_item(&tokens, at + 2);
                self.test_modules.extend(module_in_another_file(&tokens[at + 2..end]));
                at = end;
            } else if let Some((line, length)) = documentation(&tokens[at..]) {
                self.documentation.extend(line);
                at += length;
            } else {
                self.token(&tokens[at]);
                at += 1;
            }
        }
    }

    fn token(&mut self, token: &TokenTree) {
        let text = match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                self.sign_ended = false;
                self.code.push_str(open);
                self.tokens(group.stream());
                self.code.push_str(close);
                self.sign_ended = false;
                return;
            }
            TokenTree::Literal(literal) => match content(&literal.to_string()) {
                Some(content) => {
                    self.texts.push(content.to_owned());
                    "\"\"".to_owned()
                }
                None => literal.to_string(),
            },
            other => other.to_string(),
        };
        let is_of_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
        let between_words = is_of_word(self.code.chars().next_back()) && is_of_word(text.chars().next());
        let between_signs = matches!(token, TokenTree::Punct(_)) && self.sign_ended;
        if between_words || between_signs {
            self.code.push(' ');
        }
        self.code.push_str(&text);
        self.sign_ended = matches!(token, TokenTree::Punct(sign) if sign.spacing() == Spacing::Alone);
    }

    /// The file of a module of this one, without its ending.
    fn module(&self, name: &str) -> PathBuf {
        let stem = self.path.file_stem().unwrap_or_default();
        let directory = self.path.parent().unwrap_or(Path::new(""));
        if ["lib", "main", "mod"].iter().any(|root| stem == *root) {
            directory.join(name)
        } else {
            directory.join(stem).join(name)
        }
    }
}

/// What is between the quotes of a string literal of any kind.
fn content(literal: &str) -> Option<&str> {
    let (start, end) = (literal.find('"')?, literal.rfind('"')?);
    literal.get(start + 1..end).filter(|_| !literal.starts_with('\''))
}

/// `mod name;`, perhaps after further attributes.
fn module_in_another_file(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., TokenTree::Ident(word), TokenTree::Ident(name), end] if word == "mod" && is_punctuation(end, ';') => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// A line of documentation, which is an attribute to the compiler, and how many tokens it has.
fn documentation(tokens: &[TokenTree]) -> Option<(Option<String>, usize)> {
    let (group, length) = match tokens {
        [sign, TokenTree::Group(group), ..] if is_punctuation(sign, '#') => (group, 2),
        [sign, inner, TokenTree::Group(group), ..] if is_punctuation(sign, '#') && is_punctuation(inner, '!') => (group, 3),
        _ => return None,
    };
    let attribute: Vec<TokenTree> = group.stream().into_iter().collect();
    match attribute.as_slice() {
        [TokenTree::Ident(name), equals, rest @ ..] if name == "doc" && is_punctuation(equals, '=') => {
            let line = rest.first().and_then(|line| content(&line.to_string()).map(str::to_owned));
            Some((line, length))
        }
        _ => None,
    }
}

/// Whether `#[cfg(test)]` begins here.
pub(crate) fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    match tokens {
        [sign, TokenTree::Group(group), ..] => {
            is_punctuation(sign, '#') && group.stream().to_string().replace(' ', "") == "cfg(test)"
        }
        _ => false,
    }
}

/// The position after the item that begins here: after its block or its semicolon.
pub(crate) fn end_of_item(tokens: &[TokenTree], from: usize) -> usize {
    let ends = |token: &TokenTree| {
        is_punctuation(token, ';') || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    tokens[from..].iter().position(ends).map_or(tokens.len(), |end| from + end + 1)
}

pub(crate) fn is_punctuation(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == sign)
}

/// Every source file of the crates and of the program, without those that are compiled only for tests.
pub(crate) fn product() -> Vec<Source> {
    let root = integration_tests::workspace_directory();
    let crates = std::fs::read_dir(root.join("crates")).expect("crates").map(|entry| entry.expect("entry").path());
    let mut sources = Vec::new();
    for package in crates.chain([root.join("xtask")]) {
        collect(&root, &package.join("src"), &mut sources);
    }
    let only_for_tests: Vec<PathBuf> =
        sources.iter().flat_map(|source| source.test_modules.iter().map(|name| source.module(name))).collect();
    // The directory of such a module has its other files.
    sources.retain(|source| {
        !only_for_tests.iter().any(|module| source.path.starts_with(module) || source.path.with_extension("") == *module)
    });
    assert!(sources.len() > 300 && only_for_tests.len() > 2, "sources were not found");
    sources
}

fn collect(root: &Path, directory: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file is text");
            let below = path.strip_prefix(root).expect("the file is below the root").to_path_buf();
            sources.push(Source::read(below, &text));
        }
    }
}

#[test]
fn what_is_only_for_tests_is_left_out_wherever_it_stands() {
    let text = r##"//! Page.
/// Line.
#[cfg(test)]
mod table;
#[cfg(test)]
#[allow(dead_code)]
mod more { fn hidden() { a.escape_debug() } }
#[cfg(test)]
pub(super) const LINES: &[&str] = &["secret"];
// a comment
pub fn shown(x: Vec<
    Diagnostic>) -> bool { x == Target::V2_8 && "text" == r#"raw"# && 'c' == '"' }
fn all() { let all: Vec<_> = Target::ALL; }
"##;
    let source = Source::read(PathBuf::from("crates/a/src/b.rs"), text);
    assert_eq!(
        source.code,
        r#"pub fn shown(x:Vec<Diagnostic>)->bool{x==Target::V2_8&&""==""&&'c'=='"'}fn all(){let all:Vec<_> =Target::ALL;}"#
    );
    assert_eq!(source.texts, ["text", "raw"]);
    assert_eq!(source.documentation, [" Page.", " Line."]);
    assert_eq!(source.test_modules, ["table"]);
    assert_eq!(source.module("table"), Path::new("crates/a/src/b/table"));
}
