//! No crate has circular dependencies between its modules.
//!
//! Sources are read as Rust tokens, so that comments and strings do not count, and grouped imports, paths inside code and paths
//! inside macros are found. A re-exported name counts as the module that defines it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::sources::{end_of_item, is_punctuation, is_test_attribute};

/// A module of a crate by its segments: empty for the root, `["cli", "man"]` for `crate::cli::man`.
type Module = Vec<String>;

/// A crate's modules that are files, each with its references.
type Modules = BTreeMap<Module, References>;

/// The references of one file to other modules.
#[derive(Default)]
struct References {
    /// Every path in it, as segments from the crate's root; the last segments may be items.
    paths: Vec<Vec<String>>,
    /// The path of each imported name: `manual` → `crate::generated::manual::manual`.
    imports: BTreeMap<String, Vec<String>>,
}

/// Reads the tokens of one file.
struct Reader {
    /// The module of the tokens; modules inside a file are below it.
    module: Module,
    source: References,
}

impl Reader {
    fn read(module: Module, text: &str) -> References {
        let tokens = TokenStream::from_str(text).expect("a source file is Rust");
        let mut reader = Self { module, source: References::default() };
        reader.tokens(tokens);
        reader.source
    }

    fn tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            // Tests may refer to everything.
            if is_test_attribute(&tokens[at..]) {
                at = end_of_item(&tokens, at + 2);
                continue;
            }
            // `use<'a>` in a type is not an import.
            let is_import = word(tokens.get(at)).as_deref() == Some("use") && word(tokens.get(at + 1)).is_some();
            let is_module = word(tokens.get(at)).as_deref() == Some("mod");
            if let (true, Some(name), Some(TokenTree::Group(body))) = (is_module, word(tokens.get(at + 1)), tokens.get(at + 2)) {
                self.module.push(name);
                self.tokens(body.stream());
                self.module.pop();
                at += 3;
            } else if is_import {
                let end = at + tokens[at..].iter().position(|token| is_punctuation(token, ';')).expect("an import ends");
                self.import(&[], &tokens[at + 1..end], is_public(&tokens[..at]));
                at = end;
            } else if let (Some(_), false) = (word(tokens.get(at)), at > 0 && is_punctuation(&tokens[at - 1], ':')) {
                at = self.path(&tokens, at);
            } else {
                if let TokenTree::Group(group) = &tokens[at] {
                    self.tokens(group.stream());
                }
                at += 1;
            }
        }
    }

    /// Reads a path inside code; returns the position after it.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize) -> usize {
        let mut segments = Vec::new();
        while let Some(segment) = word(tokens.get(at)) {
            segments.push(segment);
            at += 1;
            if !is_path_separator(tokens, at) {
                break;
            }
            at += 2;
        }
        if segments.len() > 1 {
            self.source.paths.push(self.absolute(segments));
        }
        at
    }

    /// Reads one import, or each of a group. A re-export counts only for its users.
    fn import(&mut self, before: &[String], tokens: &[TokenTree], is_export: bool) {
        // A group may end in a comma.
        for part in tokens.split(|token| is_punctuation(token, ',')).filter(|part| !part.is_empty()) {
            let mut segments = before.to_vec();
            let mut called = None;
            let mut words = part.iter();
            while let Some(token) = words.next() {
                match token {
                    TokenTree::Ident(ident) if ident == "as" => called = word(words.next()),
                    TokenTree::Ident(ident) if ident == "self" && !segments.is_empty() => {}
                    TokenTree::Ident(ident) => segments.push(ident.to_string()),
                    TokenTree::Group(group) => {
                        let group: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.import(&segments, &group, is_export);
                        segments.clear();
                    }
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                }
            }
            let Some(last) = segments.last().cloned() else { continue };
            let target = self.absolute(segments);
            self.source.imports.insert(called.unwrap_or(last), target.clone());
            if !is_export {
                self.source.paths.push(target);
            }
        }
    }

    /// The segments from the root; a path without `crate`, `self` and `super` starts in this module or in another crate.
    fn absolute(&self, segments: Vec<String>) -> Vec<String> {
        let mut base = self.module.clone();
        let mut segments = segments.into_iter().peekable();
        while let Some(first) = segments.next_if(|segment| ["crate", "self", "super"].contains(&segment.as_str())) {
            match first.as_str() {
                "crate" => base.clear(),
                "super" => drop(base.pop()),
                _ => {}
            }
        }
        base.extend(segments);
        base
    }
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|token| is_punctuation(token, ':')))
}

/// Whether what follows is `pub` or `pub(crate)`.
fn is_public(before: &[TokenTree]) -> bool {
    let last = match before {
        [.., before, TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => Some(before),
        [.., last] => Some(last),
        [] => None,
    };
    word(last).as_deref() == Some("pub")
}

/// The module that defines what a path names. A path out of the crate counts as the module that contains it.
fn defining_module(modules: &Modules, path: &[String], followed: usize) -> Module {
    let mut module = Module::new();
    for (index, segment) in path.iter().enumerate() {
        let child: Module = path[..=index].to_vec();
        if modules.contains_key(&child) {
            module = child;
            continue;
        }
        let imported = modules.get(&module).and_then(|source| source.imports.get(segment));
        return match imported {
            Some(target) if followed < FOLLOWED_IMPORTS && target != path => {
                let whole: Vec<String> = target.iter().chain(&path[index + 1..]).cloned().collect();
                defining_module(modules, &whole, followed + 1)
            }
            _ => module,
        };
    }
    module
}

/// The maximum number of re-exports that are followed, so that two modules that import a name from each other cannot loop.
const FOLLOWED_IMPORTS: usize = 8;

/// The dependencies of each module.
fn arrows(modules: &Modules) -> BTreeMap<Module, BTreeSet<Module>> {
    let taken = |(module, source): (&Module, &References)| {
        let from = source.paths.iter().map(|path| defining_module(modules, path, 0));
        (module.clone(), from.filter(|from| from != module).collect())
    };
    modules.iter().map(taken).collect()
}

/// The dependencies that remain when modules without dependencies or without dependents are removed repeatedly: circles and
/// what connects them.
fn circles(mut arrows: BTreeMap<Module, BTreeSet<Module>>) -> BTreeMap<Module, BTreeSet<Module>> {
    loop {
        let taken: BTreeSet<Module> = arrows.values().flatten().cloned().collect();
        let before = arrows.len();
        arrows.retain(|module, from| !from.is_empty() && taken.contains(module));
        let left: BTreeSet<Module> = arrows.keys().cloned().collect();
        for from in arrows.values_mut() {
            from.retain(|module| left.contains(module));
        }
        if arrows.len() == before {
            return arrows;
        }
    }
}

/// The dependencies between sibling directories, each with everything below it.
fn between_siblings(arrows: &BTreeMap<Module, BTreeSet<Module>>, above: &Module) -> BTreeMap<Module, BTreeSet<Module>> {
    let sibling =
        |module: &Module| (module.len() > above.len() && module.starts_with(above)).then(|| module[..=above.len()].to_vec());
    let mut found = BTreeMap::new();
    for (module, from) in arrows {
        let Some(module) = sibling(module) else { continue };
        let from = from.iter().filter_map(sibling).filter(|from| *from != module);
        found.entry(module.clone()).or_insert_with(BTreeSet::new).extend(from);
    }
    found
}

fn collect(directory: &Path, above: &Module, modules: &mut Modules) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path: PathBuf = entry.expect("entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let mut module = above.clone();
        if !["lib", "main", "mod"].contains(&name.as_str()) {
            module.push(name.clone());
        }
        if path.is_dir() {
            collect(&path, &module, modules);
        } else if path.extension().is_some_and(|ending| ending == "rs") && name != "main" && name != "tests" {
            let text = std::fs::read_to_string(&path).expect("a source file is text");
            let source = Reader::read(module.clone(), &text);
            modules.insert(module, source);
        }
    }
}

/// The modules of every crate, by the path of its sources: those of the product, and those of tests and benchmarks.
fn crates() -> BTreeMap<String, Modules> {
    let root = integration_tests::workspace_directory();
    let directories = |path: &str| {
        let entries = std::fs::read_dir(root.join(path)).into_iter().flatten().map(|entry| entry.expect("entry").path());
        entries.filter(|path| path.is_dir())
    };
    let packages = directories("crates").chain([root.join("xtask")]);
    let of_package = |package: PathBuf| {
        let tests = std::fs::read_dir(package.join("tests")).into_iter().flatten().map(|entry| entry.expect("entry").path());
        tests.filter(|path| path.is_dir()).chain([package.join("src")])
    };
    let tests = directories("tests").filter(|path| !path.ends_with("bench")).chain(directories("tests/bench"));
    let modules = |path: PathBuf| {
        let mut modules = Modules::new();
        collect(&path, &Module::new(), &mut modules);
        (path.strip_prefix(&root).expect("a path of the workspace").to_string_lossy().into_owned(), modules)
    };
    packages.flat_map(of_package).chain(tests).map(modules).filter(|(_, modules)| !modules.is_empty()).collect()
}

fn shown(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> String {
    let name = |module: &Module| if module.is_empty() { "the root".to_owned() } else { module.join("::") };
    let line = |(module, from): (&Module, &BTreeSet<Module>)| {
        format!("  {} takes from {}\n", name(module), from.iter().map(name).collect::<Vec<_>>().join(", "))
    };
    arrows.iter().map(line).collect()
}

#[test]
fn no_crate_has_circles_between_its_modules() {
    let mut found = String::new();
    let crates = crates();
    assert!(crates.values().map(Modules::len).sum::<usize>() > 200, "sources were not found");
    for tests in ["tests/it", "tests/support", "tests/bench/launch", "crates/flare-cluster/tests/it"] {
        assert!(crates.contains_key(tests), "{tests} was not found");
    }
    for (name, modules) in &crates {
        let arrows = arrows(modules);
        let is_of_tests = !name.ends_with("src");
        assert!(is_of_tests || modules.len() < 4 || arrows.values().any(|from| !from.is_empty()), "no arrow was found in {name}");
        let above: BTreeSet<Module> =
            modules.keys().flat_map(|module| (0..module.len()).map(|end| module[..end].to_vec())).collect();
        let siblings = above.iter().map(|above| between_siblings(&arrows, above));
        for circle in std::iter::once(arrows.clone()).chain(siblings).map(circles).filter(|circle| !circle.is_empty()) {
            found.push_str(&format!("{name}:\n{}", shown(&circle)));
        }
    }
    assert!(found.is_empty(), "move what both need to a module below them:\n{found}");
}

/// Verbs of users and verbs of a checkout are independent; only the module above them uses both.
#[test]
fn cli_and_workspace_do_not_know_each_other() {
    let arrows = arrows(&crates()["xtask/src"]);
    for (from, to) in [("cli", "workspace"), ("workspace", "cli")] {
        let of = |module: &&Module, name: &str| module.first().is_some_and(|first| first == name);
        let modules: Vec<_> = arrows.keys().filter(|module| of(module, from)).collect();
        assert!(modules.len() > 5, "{from} was not found");
        let wrong: Vec<_> = modules.into_iter().filter(|module| arrows[*module].iter().any(|taken| of(&taken, to))).collect();
        assert!(wrong.is_empty(), "{wrong:?} take something from {to}");
    }
}

#[test]
fn every_way_to_name_a_module_is_found() {
    let taken = |text: &str| {
        let mut modules = Modules::new();
        for (name, text) in [
            ("", "mod one; mod cli; mod exporting; pub use cli::Context;"),
            ("cli", "pub struct Context;"),
            ("exporting", "pub(crate) use crate::cli::Context as Renamed;"),
            ("one::below", text),
            ("one", "mod below; fn here() {}"),
        ] {
            let module: Module = name.split("::").filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
            modules.insert(module.clone(), Reader::read(module, text));
        }
        let below = ["one".to_owned(), "below".to_owned()];
        arrows(&modules)[below.as_slice()].iter().map(|module| module.join("::")).collect::<Vec<_>>()
    };
    for text in [
        "use crate::cli::Context;",
        "use crate::{one::here, cli::{self, Context}};",
        "use super::super::{cli};",
        "fn f() { crate::cli::Context::new() }",
        "fn f(x: &[crate::cli::Context]) {}",
        r#"fn f() { format!("{}", crate::cli::x()) }"#,
        "mod inside { use super::super::super::cli::Context; }",
        "use crate::Context;",
        "use crate::{Context,};",
        "use crate::exporting::Renamed;",
    ] {
        let elsewhere: Vec<_> = taken(text).into_iter().filter(|module| module != "one").collect();
        assert_eq!(elsewhere, ["cli"], "{text}");
    }
    for text in [
        "// crate::cli::Context",
        r#"const A: &str = "crate::cli::Context";"#,
        "use other::cli::Context;",
        "fn f() { other::cli::x() }",
        "#[cfg(test)] mod tests { use crate::cli::Context; }",
    ] {
        assert!(taken(text).is_empty(), "{text}: {:?}", taken(text));
    }
}
