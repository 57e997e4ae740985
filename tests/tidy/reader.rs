//! What a source file imports and what it leaves behind, read from its syntax tree. Inside macros, where there is no
//! tree, the tokens are searched. Comments and documentation are not code.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::tree::SourceFile;

/// What was found in a file.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) imports: Vec<Import>,
    /// What `use` makes known in the file's outermost module: the name, and the absolute path that it stands for.
    pub(super) uses: Vec<(String, Vec<String>)>,
    pub(super) leftovers: Vec<Leftover>,
    /// Modules in files of their own that are declared for tests only, as named by [`SourceFile::child`].
    pub(super) test_modules: Vec<String>,
}

/// A path that leaves its module.
pub(super) struct Import {
    pub(super) line: usize,
    /// Absolute: starts with `crate` or with a crate's name.
    pub(super) path: Vec<String>,
    pub(super) in_test: bool,
}

/// Something that does not belong into finished code, at least not everywhere.
pub(super) struct Leftover {
    pub(super) line: usize,
    /// `.unwrap()`, or a macro's name with its exclamation mark.
    pub(super) what: String,
    pub(super) in_test: bool,
}

/// Macros that the rules speak of.
const MACROS: [&str; 5] = ["dbg", "todo", "unimplemented", "println", "print"];

/// Reads a file.
pub(super) fn read(file: &SourceFile) -> syn::Result<Contents> {
    let tree = syn::parse_file(&file.text)?;
    let module = file.module();
    let children = tree.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    });
    let mut reader = Reader {
        file,
        children: children.collect(),
        depth: module.len(),
        module,
        test_depth: 0,
        contents: Contents::default(),
    };
    reader.visit_file(&tree);
    Ok(reader.contents)
}

struct Reader<'f> {
    file: &'f SourceFile,
    /// The modules that the file declares, which its own paths may start with.
    children: BTreeSet<String>,
    /// How deep the file's outermost module is in its crate.
    depth: usize,
    module: Vec<String>,
    /// How many items around this place are for tests only.
    test_depth: usize,
    contents: Contents,
}

impl Reader<'_> {
    /// Keeps a path if it leaves its module. A lone `crate`, as in `pub(crate)`, leaves nothing.
    fn path(&mut self, line: usize, segments: &[String]) {
        if segments.len() > 1 {
            self.import(line, segments);
        }
    }

    fn import(&mut self, line: usize, segments: &[String]) {
        if let Some(path) = self.absolute(segments) {
            self.contents.imports.push(Import { line, path, in_test: self.test_depth > 0 });
        }
    }

    /// The absolute form of a path, if it is one that can leave its file.
    fn absolute(&self, segments: &[String]) -> Option<Vec<String>> {
        let first = segments.first()?;
        if self.module.len() == self.depth && self.children.contains(first) {
            return Some([&["crate".to_owned()], self.module.as_slice(), segments].concat());
        }
        absolute(&self.module, segments)
    }

    /// Notes the name that a `use` makes known.
    fn known_as(&mut self, name: &syn::Ident, segments: &[String]) {
        if self.module.len() == self.depth {
            let path = self.absolute(segments).unwrap_or_else(|| segments.to_vec());
            self.contents.uses.push((name.to_string(), path));
        }
    }

    fn leftover(&mut self, line: usize, what: String) {
        self.contents.leftovers.push(Leftover { line, what, in_test: self.test_depth > 0 });
    }

    fn use_tree(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        let with = |name: String| [prefix, &[name]].concat();
        let line = tree.span().start().line;
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &with(path.ident.to_string())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(item, prefix)),
            syn::UseTree::Glob(_) => self.import(line, prefix),
            syn::UseTree::Name(name) if name.ident == "self" => self.import(line, prefix),
            syn::UseTree::Rename(rename) if rename.ident == "self" => {
                self.known_as(&rename.rename, prefix);
                self.import(line, prefix);
            }
            syn::UseTree::Name(name) => {
                self.known_as(&name.ident, &with(name.ident.to_string()));
                self.import(line, &with(name.ident.to_string()));
            }
            syn::UseTree::Rename(rename) => {
                self.known_as(&rename.rename, &with(rename.ident.to_string()));
                self.import(line, &with(rename.ident.to_string()));
            }
        }
    }

    /// Searches tokens. `prefix` is the path in front of the braces that hold them, as in `use crate::{…}`.
    fn tokens(&mut self, stream: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let line = tokens[at].span().start().line;
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream(), &[]),
                TokenTree::Literal(literal) => self.literal(line, &literal.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '.' && is_unwrap(&tokens[at + 1..]) => {
                    self.leftover(line, ".unwrap()".to_owned());
                }
                TokenTree::Punct(_) => {}
                TokenTree::Ident(_) => {
                    let (names, end) = path_at(&tokens, at);
                    let path = [prefix, &names].concat();
                    self.macro_name(line, &names, is_punct(tokens.get(end), '!'));
                    match tokens.get(end + 2) {
                        Some(TokenTree::Group(group)) if is_path_group(&tokens[end..]) => {
                            self.tokens(group.stream(), &path);
                            at = end + 3;
                            continue;
                        }
                        _ => self.path(line, &path),
                    }
                    at = end;
                    continue;
                }
            }
            at += 1;
        }
    }

    /// A text may hold a path, as in `#[serde(with = "crate::units")]`; only a text that is nothing else counts.
    fn literal(&mut self, line: usize, text: &str) {
        if let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"')) {
            self.path(line, &names(&path));
        }
    }

    fn macro_name(&mut self, line: usize, path: &[String], is_macro: bool) {
        if let Some(name) = path.last().filter(|name| is_macro && MACROS.contains(&name.as_str())) {
            self.leftover(line, format!("{name}!"));
        }
    }

    fn within(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let inside = usize::from(attributes.iter().any(is_for_tests));
        self.test_depth += inside;
        visit(self);
        self.test_depth -= inside;
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.within(attributes(item), |reader| visit::visit_item(reader, item));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.within(&arm.attrs, |reader| visit::visit_arm(reader, arm));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.within(&function.attrs, |reader| visit::visit_impl_item_fn(reader, function));
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        if module.content.is_none() && self.test_depth > 0 {
            self.contents.test_modules.push(self.file.child(&name));
        }
        self.module.push(name);
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[]);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.import(item.span().start().line, &[item.ident.to_string()]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(path.span().start().line, &names(path));
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {
        // `pub(in crate::room)` names who may look in, and imports nothing.
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // The other forms hold no imports; documentation, which may name any room, is one of them.
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone(), &[]);
        }
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.macro_name(invocation.span().start().line, &names(&invocation.path), true);
        self.tokens(invocation.tokens.clone(), &[]);
        visit::visit_macro(self, invocation);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() {
            self.leftover(call.method.span().start().line, ".unwrap()".to_owned());
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// The absolute form of a path, if it is one that can leave its room.
fn absolute(module: &[String], segments: &[String]) -> Option<Vec<String>> {
    let within = |depth: usize, rest: &[String]| Some([&["crate".to_owned()], &module[..depth], rest].concat());
    match segments.first()?.as_str() {
        "crate" | "benchline" => Some(segments.to_vec()),
        name if name.starts_with("benchline_") => Some(segments.to_vec()),
        "self" => within(module.len(), &segments[1..]),
        "super" => {
            let steps = segments.iter().take_while(|segment| *segment == "super").count();
            within(module.len().checked_sub(steps)?, &segments[steps..])
        }
        _ => None,
    }
}

fn names(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The identifiers joined by `::` from a place on, and the place after them.
fn path_at(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    let mut at = start;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        let joined = is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
        if !(joined && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)))) {
            break;
        }
        at += 2;
    }
    (names, at)
}

/// Whether tokens are `::{…}`, a group of paths.
fn is_path_group(tokens: &[TokenTree]) -> bool {
    is_punct(tokens.first(), ':')
        && is_punct(tokens.get(1), ':')
        && matches!(tokens.get(2), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}

/// Whether tokens are `unwrap()`.
fn is_unwrap(tokens: &[TokenTree]) -> bool {
    matches!(tokens.first(), Some(TokenTree::Ident(name)) if name == "unwrap")
        && matches!(tokens.get(1), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty())
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// `#[test]`, `#[tokio::test]`, or `#[cfg(…)]` with `test` that is not negated.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let path = names(attribute.path());
    match (path.last().map(String::as_str), &attribute.meta) {
        (Some("test"), _) => true,
        (Some("cfg"), syn::Meta::List(list)) => {
            let text = list.tokens.to_string();
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test") && !text.contains("not")
        }
        _ => false,
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
