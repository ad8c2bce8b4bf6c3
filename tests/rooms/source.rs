//! A source file as the scanner sees it: tokens without comments, and every path
//! it names, resolved to where it leads.
//!
//! The lexing is `proc_macro2`'s, so that a comment, a raw string or a lifetime
//! is never taken for code. No name is looked up: a path leads where it says.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

pub struct Source {
    /// From the root of the repository, with `/`: `src/web/mod.rs`.
    pub file: String,
    pub text: String,
    pub tokens: Vec<Token>,
    pub paths: Vec<NamedPath>,
}

#[derive(Debug, Clone)]
pub struct Token {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Word(String),
    /// A literal as written, quotes included.
    Literal(String),
    /// `==`, `::` and the like arrive as one.
    Sign(String),
    Open(char),
    Close(char),
}

/// `a::b::c`, from an expression, a type, an attribute or one leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPath {
    pub line: usize,
    /// Inside this crate: the path from its root. Outside: crate name first.
    pub inside: bool,
    pub segments: Vec<String>,
    pub imported: bool,
    pub renamed: bool,
}

impl Source {
    /// The error is the lexer's word on a file that is not Rust.
    pub fn read(file: &str, text: &str) -> Result<Self, String> {
        let stream: TokenStream = text.parse().map_err(|error| format!("{file}: {error}"))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        let paths = PathReader::new(file, &tokens).read();
        Ok(Self { file: file.to_owned(), text: text.to_owned(), tokens, paths })
    }

    /// `src/web/pages/home.rs` and `src/web.rs` are both of room `web`.
    pub fn room(&self) -> &str {
        let inner = self.file.strip_prefix("src/").unwrap_or("");
        inner.split('/').next().unwrap_or("").trim_end_matches(".rs")
    }

    pub fn is_in(&self, folder: &str) -> bool {
        self.file.starts_with(folder)
    }

    pub fn word(&self, index: usize) -> Option<&str> {
        match self.tokens.get(index).map(|token| &token.kind) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub fn has_sign(&self, index: usize, sign: &str) -> bool {
        matches!(self.tokens.get(index).map(|token| &token.kind), Some(Kind::Sign(s)) if s == sign)
    }

    pub fn opens(&self, index: usize, bracket: char) -> bool {
        self.tokens.get(index).map(|token| &token.kind) == Some(&Kind::Open(bracket))
    }

    /// What a string literal holds; none for other tokens.
    pub fn string(&self, index: usize) -> Option<&str> {
        match self.tokens.get(index).map(|token| &token.kind) {
            Some(Kind::Literal(literal)) => string_of(literal),
            _ => None,
        }
    }

    /// The index behind the bracket that closes the one at `open`.
    pub fn after_group(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close(_) if depth <= 1 => return index + 1,
                Kind::Close(_) => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }
}

fn string_of(literal: &str) -> Option<&str> {
    let start = literal.find('"')?;
    let end = literal.rfind('"')?;
    literal.get(start + 1..end)
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let mut joined = String::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Punct(punct) => {
                if punct.as_char() == '#' && drop_doc_comment(&mut trees) {
                    continue;
                }
                joined.push(punct.as_char());
                let goes_on = punct.spacing() == Spacing::Joint
                    && matches!(trees.peek(), Some(TokenTree::Punct(next))
                        if belongs_together(&joined, next.as_char()));
                if !goes_on {
                    into.push(Token { line, kind: Kind::Sign(std::mem::take(&mut joined)) });
                }
            }
            TokenTree::Ident(ident) => into.push(Token { line, kind: Kind::Word(ident.to_string()) }),
            TokenTree::Literal(literal) => {
                into.push(Token { line, kind: Kind::Literal(literal.to_string()) });
            }
            TokenTree::Group(group) => {
                let brackets = match group.delimiter() {
                    Delimiter::Parenthesis => Some(('(', ')')),
                    Delimiter::Brace => Some(('{', '}')),
                    Delimiter::Bracket => Some(('[', ']')),
                    Delimiter::None => None,
                };
                let end = group.span_close().end().line;
                if let Some((open, _)) = brackets {
                    into.push(Token { line, kind: Kind::Open(open) });
                }
                flatten(group.stream(), into);
                if let Some((_, close)) = brackets {
                    into.push(Token { line: end, kind: Kind::Close(close) });
                }
            }
        }
    }
}

fn belongs_together(sign: &str, next: char) -> bool {
    matches!((sign, next), (":", ':') | ("=", '=' | '>') | ("!", '='))
}

/// The lexer turns `/// text` into `#[doc = "text"]`; words in it are not code.
fn drop_doc_comment(trees: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) -> bool {
    let mut ahead = trees.clone();
    let inner = matches!(ahead.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '!');
    if inner {
        ahead.next();
    }
    let Some(TokenTree::Group(group)) = ahead.next() else { return false };
    let first = group.stream().into_iter().next();
    let is_doc = matches!(first, Some(TokenTree::Ident(ident)) if ident == "doc");
    if is_doc {
        *trees = ahead;
    }
    is_doc
}

struct PathReader<'a> {
    tokens: &'a [Token],
    /// The module the reader is in, and the depth of braces at which it began.
    module: Vec<(String, usize)>,
    depth: usize,
    found: Vec<NamedPath>,
}

impl<'a> PathReader<'a> {
    fn new(file: &str, tokens: &'a [Token]) -> Self {
        let module = module_of(file).into_iter().map(|name| (name, 0)).collect();
        Self { tokens, module, depth: 0, found: Vec::new() }
    }

    fn read(mut self) -> Vec<NamedPath> {
        let mut index = 0;
        while index < self.tokens.len() {
            index = self.step(index);
        }
        self.found
    }

    fn step(&mut self, index: usize) -> usize {
        match &self.tokens[index].kind {
            Kind::Open('{') => {
                self.depth += 1;
                index + 1
            }
            Kind::Close('}') => {
                if self.module.last().is_some_and(|(_, depth)| *depth == self.depth && *depth > 0) {
                    self.module.pop();
                }
                self.depth = self.depth.saturating_sub(1);
                index + 1
            }
            Kind::Word(word) if word == "mod" => {
                if let (Some(name), Some(Kind::Open('{'))) = (self.word(index + 1), self.kind(index + 2)) {
                    self.module.push((name.to_owned(), self.depth + 1));
                }
                index + 2
            }
            Kind::Word(word) if word == "use" && !self.sign(index + 1, "<") => {
                self.use_tree(index + 1, Vec::new())
            }
            Kind::Word(_) if index > 0 && self.sign(index - 1, ".") => index + 1,
            Kind::Word(_) => self.inline_path(index),
            _ => index + 1,
        }
    }

    fn inline_path(&mut self, start: usize) -> usize {
        let mut segments = Vec::new();
        let mut index = start;
        while let Some(word) = self.word(index) {
            segments.push(word.to_owned());
            index += 1;
            if !self.sign(index, "::") || self.word(index + 1).is_none() {
                break;
            }
            index += 1;
        }
        self.record(self.tokens[start].line, &segments, false, false);
        index
    }

    /// Reads one tree of a `use` and returns the index behind it.
    fn use_tree(&mut self, start: usize, mut prefix: Vec<String>) -> usize {
        let mut index = start;
        loop {
            let line = self.tokens.get(index).map_or(0, |token| token.line);
            match self.kind(index) {
                Some(Kind::Sign(sign)) if sign == "::" => index += 1,
                Some(Kind::Sign(sign)) if sign == "*" => {
                    prefix.push("*".to_owned());
                    self.record(line, &prefix, true, false);
                    return index + 1;
                }
                Some(Kind::Open('{')) => {
                    index += 1;
                    while !matches!(self.kind(index), None | Some(Kind::Close('}'))) {
                        index = self.use_tree(index, prefix.clone());
                        if self.sign(index, ",") {
                            index += 1;
                        }
                    }
                    return index + 1;
                }
                Some(Kind::Word(word)) => {
                    if word != "self" || prefix.is_empty() {
                        prefix.push(word.clone());
                    }
                    index += 1;
                    if self.sign(index, "::") {
                        continue;
                    }
                    let renamed = self.word(index) == Some("as");
                    self.record(line, &prefix, true, renamed);
                    return if renamed { index + 2 } else { index };
                }
                _ => return index + 1,
            }
        }
    }

    fn record(&mut self, line: usize, segments: &[String], imported: bool, renamed: bool) {
        let (inside, segments) = self.resolve(segments);
        self.found.push(NamedPath { line, inside, segments, imported, renamed });
    }

    fn resolve(&self, segments: &[String]) -> (bool, Vec<String>) {
        let mut here: Vec<String> = self.module.iter().map(|(name, _)| name.clone()).collect();
        let mut rest = segments;
        match rest.first().map(String::as_str) {
            Some("crate" | "countersign") => {
                here.clear();
                rest = &rest[1..];
            }
            Some("self" | "super") => {
                while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if first == "super" {
                        here.pop();
                    }
                    rest = &rest[1..];
                }
            }
            _ => return (false, segments.to_vec()),
        }
        here.extend_from_slice(rest);
        (true, here)
    }

    fn kind(&self, index: usize) -> Option<&'a Kind> {
        self.tokens.get(index).map(|token| &token.kind)
    }

    fn word(&self, index: usize) -> Option<&'a str> {
        match self.kind(index) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn sign(&self, index: usize, sign: &str) -> bool {
        matches!(self.kind(index), Some(Kind::Sign(s)) if s == sign)
    }
}

/// `src/web/pages/mod.rs` is the module `web::pages`.
fn module_of(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}
