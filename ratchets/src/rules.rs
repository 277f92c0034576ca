//! What no count may allow.

use syn::{Attribute, Meta};

use crate::count::{Found, shown};
use crate::workspace::Workspace;

/// Crates that may hold unsafe code: the base, and the binary that gives it an entry point.
const UNSAFE: [&str; 2] = ["frame", "image"];

/// Crates whose roots must say `#![forbid(unsafe_code)]`.
const FORBIDS: [&str; 1] = ["kernel"];

/// One complaint per broken rule and crate.
pub(crate) fn broken(workspace: &Workspace, found: &[Found]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in &workspace.packages {
        let name = package.name.as_str();
        let places: Vec<&Found> =
            found.iter().filter(|place| place.package == name && place.kind.is_unsafe()).collect();
        if !UNSAFE.contains(&name) && !places.is_empty() {
            complaints.push(format!("{name}: unsafe code belongs in `frame`{}", shown(places)));
        }
        let mut roots = package.sources.iter().filter(|source| source.is_root);
        if FORBIDS.contains(&name) && !roots.any(|root| root.syntax.attrs.iter().any(forbids_unsafe_code)) {
            complaints.push(format!("{name}: its root must say `#![forbid(unsafe_code)]`"));
        }
    }
    complaints
}

fn forbids_unsafe_code(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("forbid") && list.tokens.to_string().contains("unsafe_code")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Kind;
    use crate::workspace::{Package, Source};

    fn workspace(name: &str, text: &str) -> Workspace {
        let syntax = syn::parse_file(text).expect("the snippet is Rust");
        let source = Source { path: "src/lib.rs".into(), syntax, is_root: true };
        Workspace { packages: vec![Package { name: name.into(), sources: vec![source] }] }
    }

    fn unsafe_block_in(name: &str) -> Found {
        Found { package: name.into(), kind: Kind::UnsafeBlock, path: "src/lib.rs".into(), line: 7 }
    }

    #[test]
    fn kernel_must_forbid_unsafe_code() {
        assert_eq!(broken(&workspace("kernel", "#![no_std]\n#![forbid(unsafe_code)]"), &[]), [""; 0]);
        assert_eq!(broken(&workspace("kernel", "#![deny(unsafe_code)]"), &[]).len(), 1);
    }

    #[test]
    fn unsafe_code_outside_frame_is_named_with_its_place() {
        assert_eq!(broken(&workspace("frame", ""), &[unsafe_block_in("frame")]), [""; 0]);
        let complaints = broken(&workspace("config", ""), &[unsafe_block_in("config")]);
        assert!(complaints[0].contains("src/lib.rs:7: unsafe-block"), "{complaints:?}");
    }
}
