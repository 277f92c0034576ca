//! Counting in syntax trees, and in the tokens of macros, which have no tree.

use std::fmt;
use std::path::PathBuf;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItemFn, Item, ItemStatic, Macro, StaticMutability};

use crate::interior::MutableTypes;
use crate::workspace::{Workspace, is_test};

/// What is counted; the names are those of `counts.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    UnsafeBlock,
    UnsafeFn,
    UnsafeImpl,
    UnsafeTrait,
    UnsafeExtern,
    UnsafeAttribute,
    GlobalAsm,
    Transmute,
    Unwrap,
    Expect,
    Panic,
    StaticMut,
    InteriorStatic,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::UnsafeBlock,
        Self::UnsafeFn,
        Self::UnsafeImpl,
        Self::UnsafeTrait,
        Self::UnsafeExtern,
        Self::UnsafeAttribute,
        Self::GlobalAsm,
        Self::Transmute,
        Self::Unwrap,
        Self::Expect,
        Self::Panic,
        Self::StaticMut,
        Self::InteriorStatic,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UnsafeBlock => "unsafe-block",
            Self::UnsafeFn => "unsafe-fn",
            Self::UnsafeImpl => "unsafe-impl",
            Self::UnsafeTrait => "unsafe-trait",
            Self::UnsafeExtern => "unsafe-extern",
            Self::UnsafeAttribute => "unsafe-attribute",
            Self::GlobalAsm => "global-asm",
            Self::Transmute => "transmute",
            Self::Unwrap => "unwrap",
            Self::Expect => "expect",
            Self::Panic => "panic",
            Self::StaticMut => "static-mut",
            Self::InteriorStatic => "interior-static",
        }
    }

    /// Whether code with it can break memory safety.
    pub(crate) fn is_unsafe(self) -> bool {
        match self {
            Self::UnsafeBlock
            | Self::UnsafeFn
            | Self::UnsafeImpl
            | Self::UnsafeTrait
            | Self::UnsafeExtern
            | Self::UnsafeAttribute
            | Self::GlobalAsm
            | Self::Transmute
            | Self::StaticMut => true,
            Self::Unwrap | Self::Expect | Self::Panic | Self::InteriorStatic => false,
        }
    }
}

/// A counted place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    pub(crate) line: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.kind.name())
    }
}

/// Crates that are tests through and through: they may panic.
const TESTS: [&str; 1] = ["guest-tests"];

/// Each counted place outside tests, by crate.
pub(crate) fn count(workspace: &Workspace) -> Vec<Found> {
    let sources = || workspace.packages.iter().flat_map(|package| package.sources.iter().map(move |s| (package, s)));
    let mutable = MutableTypes::of(sources().map(|(_, source)| &source.syntax));
    let mut found = Vec::new();
    for (index, (package, source)) in sources().enumerate() {
        let may_panic = TESTS.contains(&package.name.as_str());
        for (kind, line) in places(&source.syntax, index, &mutable) {
            if !(may_panic && matches!(kind, Kind::Unwrap | Kind::Expect | Kind::Panic)) {
                found.push(Found { package: package.name.clone(), kind, path: source.path.clone(), line });
            }
        }
    }
    found.sort_by(|a, b| (&a.package, a.kind, &a.path, a.line).cmp(&(&b.package, b.kind, &b.path, b.line)));
    found
}

/// Kinds and lines in one file, the one at `position` for `mutable`.
fn places(syntax: &syn::File, position: usize, mutable: &MutableTypes) -> Vec<(Kind, usize)> {
    let mut counter = Counter { position, mutable, places: Vec::new() };
    counter.visit_file(syntax);
    counter.places
}

struct Counter<'a> {
    position: usize,
    mutable: &'a MutableTypes,
    places: Vec<(Kind, usize)>,
}

impl Counter<'_> {
    fn add(&mut self, kind: Kind, span: Span) {
        self.places.push((kind, span.start().line));
    }

    /// Tokens of a macro: what a tree would show is told from neighbouring words.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(word) => {
                    let before = index.checked_sub(1).and_then(|index| tokens.get(index));
                    if let Some(kind) = kind_of_word(&word.to_string(), before, tokens.get(index + 1)) {
                        self.add(kind, word.span());
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

fn kind_of_word(word: &str, before: Option<&TokenTree>, after: Option<&TokenTree>) -> Option<Kind> {
    let is = |token: Option<&TokenTree>, text: &str| token.is_some_and(|token| token.to_string() == text);
    let method = is(before, ".") || is(before, ":");
    let called = matches!(after, Some(TokenTree::Group(_)));
    match word {
        "unwrap" | "unwrap_err" if method => Some(Kind::Unwrap),
        "expect" | "expect_err" if method => Some(Kind::Expect),
        "panic" | "unreachable" | "todo" | "unimplemented" if is(after, "!") => Some(Kind::Panic),
        "global_asm" if is(after, "!") => Some(Kind::GlobalAsm),
        "transmute" | "transmute_copy" if called || is(after, ":") => Some(Kind::Transmute),
        "mut" if is(before, "static") => Some(Kind::StaticMut),
        "unsafe" => Some(match after {
            Some(TokenTree::Ident(next)) => match next.to_string().as_str() {
                "impl" => Kind::UnsafeImpl,
                "trait" => Kind::UnsafeTrait,
                "extern" | "fn" => Kind::UnsafeFn,
                _ => Kind::UnsafeBlock,
            },
            Some(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Parenthesis => {
                Kind::UnsafeAttribute
            }
            _ => Kind::UnsafeBlock,
        }),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Counter<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(word) = &signature.unsafety {
            self.add(Kind::UnsafeFn, word.span());
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.add(Kind::UnsafeBlock, block.unsafe_token.span());
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(word) = &item.unsafety {
            self.add(Kind::UnsafeImpl, word.span());
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if let Some(word) = &item.unsafety {
            self.add(Kind::UnsafeTrait, word.span());
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        // Each declaration in it is trusted, with or without the word.
        self.add(Kind::UnsafeExtern, item.abi.span());
        visit::visit_item_foreign_mod(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("unsafe") {
            self.add(Kind::UnsafeAttribute, attribute.span());
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        match call.method.to_string().as_str() {
            "unwrap" | "unwrap_err" => self.add(Kind::Unwrap, call.method.span()),
            "expect" | "expect_err" => self.add(Kind::Expect, call.method.span()),
            _ => {}
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        // Functions by path: `mem::transmute(…)`, `.map(Option::unwrap)`.
        if let Expr::Path(path) = expression
            && let Some(last) = path.path.segments.last()
        {
            match last.ident.to_string().as_str() {
                "transmute" | "transmute_copy" => self.add(Kind::Transmute, last.ident.span()),
                "unwrap" | "unwrap_err" if path.path.segments.len() > 1 => self.add(Kind::Unwrap, last.ident.span()),
                "expect" | "expect_err" if path.path.segments.len() > 1 => self.add(Kind::Expect, last.ident.span()),
                _ => {}
            }
        }
        visit::visit_expr(self, expression);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        if let Some(last) = invocation.path.segments.last() {
            match last.ident.to_string().as_str() {
                "panic" | "unreachable" | "todo" | "unimplemented" => self.add(Kind::Panic, last.ident.span()),
                "global_asm" => self.add(Kind::GlobalAsm, last.ident.span()),
                _ => {}
            }
        }
        self.tokens(invocation.tokens.clone());
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        if matches!(item.mutability, StaticMutability::Mut(_)) {
            self.add(Kind::StaticMut, item.static_token.span());
        } else if self.mutable.holds(self.position, &item.ty) {
            self.add(Kind::InteriorStatic, item.static_token.span());
        }
        visit::visit_item_static(self, item);
    }
}

/// The places, one a line, below a message.
pub(crate) fn shown<'a>(places: impl IntoIterator<Item = &'a Found>) -> String {
    places.into_iter().fold(String::new(), |text, place| text + "\n    " + &place.to_string())
}

#[cfg(test)]
mod tests {
    use super::Kind::*;
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let syntax = syn::parse_file(text).expect("the snippet is Rust");
        places(&syntax, 0, &MutableTypes::of([&syntax])).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn unsafe_in_all_its_forms_is_counted() {
        assert_eq!(kinds("fn f() { unsafe { g() } }"), [UnsafeBlock]);
        assert_eq!(kinds("unsafe fn f() {}"), [UnsafeFn]);
        assert_eq!(kinds("unsafe impl Send for S {}"), [UnsafeImpl]);
        assert_eq!(kinds("unsafe trait T { unsafe fn f(); }"), [UnsafeTrait, UnsafeFn]);
        assert_eq!(kinds("unsafe extern \"C\" { static S: u8; }"), [UnsafeExtern]);
        assert_eq!(kinds("#[unsafe(no_mangle)] fn f() {}"), [UnsafeAttribute]);
        assert_eq!(kinds("core::arch::global_asm!(\"nop\");"), [GlobalAsm]);
        assert_eq!(kinds("fn f() { core::mem::transmute::<u8, i8>(1) }"), [Transmute]);
    }

    #[test]
    fn macros_are_looked_into() {
        assert_eq!(kinds("macro_rules! m { () => { unsafe { x.unwrap() } } }"), [UnsafeBlock, Unwrap]);
        assert_eq!(kinds("fn f() { debug!(\"{}\", x.expect(\"y\")); }"), [Expect]);
    }

    #[test]
    fn panics_are_counted_but_not_what_only_sounds_alike() {
        assert_eq!(kinds("fn f() { a.unwrap(); b.expect(\"\"); todo!(); }"), [Unwrap, Expect, Panic]);
        assert_eq!(kinds("fn f() { a.unwrap_or(1); a.iter().map(Option::unwrap); }"), [Unwrap]);
        assert_eq!(kinds("#[expect(lint, reason = \"r\")] #[panic_handler] fn f() {}"), []);
    }

    #[test]
    fn tests_are_not_counted() {
        assert_eq!(kinds("#[cfg(test)] mod tests { fn f() { a.unwrap() } }"), []);
        assert_eq!(kinds("#[cfg(all(test, unix))] fn f() { a.unwrap() }"), []);
        assert_eq!(kinds("#[test] fn f() { a.unwrap() }"), []);
        assert_eq!(kinds("#[cfg(not(test))] fn f() { a.unwrap() }"), [Unwrap]);
    }

    #[test]
    fn statics_that_can_change_are_counted() {
        assert_eq!(kinds("static mut A: u8 = 0;"), [StaticMut]);
        assert_eq!(kinds("static A: AtomicU8 = AtomicU8::new(0);"), [InteriorStatic]);
        assert_eq!(kinds("struct S { m: Mutex<u8> } struct T(S); static A: T = t();"), [InteriorStatic]);
        assert_eq!(kinds("static A: &[&str] = &[];"), []);
        assert_eq!(kinds("struct E { handler: fn(&Mutex<u8>) } static A: [E; 1] = e();"), []);
    }
}
