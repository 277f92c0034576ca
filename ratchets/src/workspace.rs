//! Crates and the modules that belong to them, found as the compiler finds them: by following `mod` items.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, ExprLit, File, Item, Lit, Meta};

/// All crates of the workspace.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
}

/// A crate with all its targets but the tests.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Crate roots first.
    pub(crate) sources: Vec<Source>,
}

/// A parsed file.
pub(crate) struct Source {
    /// Relative to the workspace.
    pub(crate) path: PathBuf,
    pub(crate) syntax: File,
    /// Whether it's a crate's root: its attributes are the crate's.
    pub(crate) is_root: bool,
}

impl Workspace {
    pub(crate) fn read(root: &Path) -> Result<Self, Box<dyn Error>> {
        let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
        let members = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
        let members = members.and_then(toml::Value::as_array).ok_or("Cargo.toml lists no workspace members")?;
        let packages = members
            .iter()
            .map(|member| Package::read(root, member.as_str().ok_or("a workspace member is no string")?))
            .collect::<Result<_, _>>()?;
        Ok(Self { packages })
    }
}

impl Package {
    fn read(root: &Path, folder: &str) -> Result<Self, Box<dyn Error>> {
        let manifest: toml::Table = fs::read_to_string(root.join(folder).join("Cargo.toml"))?.parse()?;
        let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        let mut package = Self { name: name.ok_or(format!("{folder} has no package name"))?.into(), sources: vec![] };
        let folder = Path::new(folder);
        for file in ["src/lib.rs", "src/main.rs", "build.rs"] {
            let file = folder.join(file);
            if root.join(&file).is_file() {
                package.read_module(root, &file, true)?;
            }
        }
        Ok(package)
    }

    fn read_module(&mut self, root: &Path, path: &Path, is_root: bool) -> Result<(), Box<dyn Error>> {
        let text = fs::read_to_string(root.join(path)).map_err(|error| format!("{}: {error}", path.display()))?;
        let syntax = syn::parse_file(&text)
            .map_err(|error| format!("{}:{}: {error}", path.display(), error.span().start().line))?;
        let own = path.parent().ok_or("a module lies in no folder")?;
        let children = if is_root || path.ends_with("mod.rs") { own.into() } else { path.with_extension("") };
        let modules = files_of_modules(root, &syntax.items, &children, own);
        self.sources.push(Source { path: path.into(), syntax, is_root });
        modules.into_iter().try_for_each(|module| self.read_module(root, &module, false))
    }
}

/// Files of the modules that `items` declare: by name in `children`, by `#[path]` from `own`.
fn files_of_modules(root: &Path, items: &[Item], children: &Path, own: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in items {
        let Item::Mod(module) = item else { continue };
        if is_test(&module.attrs) {
            continue;
        }
        let name = module.ident.to_string();
        match (&module.content, path_attribute(&module.attrs)) {
            (Some((_, items)), _) => files.extend(files_of_modules(root, items, &children.join(&name), own)),
            (None, Some(path)) => files.push(own.join(path)),
            (None, None) => {
                let file = children.join(&name).with_extension("rs");
                let exists = root.join(&file).is_file();
                files.push(if exists { file } else { children.join(name).join("mod.rs") });
            }
        }
    }
    files
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether these attributes keep an item for tests: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => list.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta)),
        _ => false,
    })
}

fn needs_test(meta: &Meta) -> bool {
    match meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => {
            let parts = list.parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated);
            parts.is_ok_and(|parts| parts.iter().any(needs_test))
        }
        Meta::List(_) | Meta::NameValue(_) => false,
    }
}
