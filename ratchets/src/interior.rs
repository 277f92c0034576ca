//! Which types can change behind a shared reference, told by their names.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{ItemEnum, ItemStruct, ItemType, Type, TypeBareFn};

/// Types of std and of the crates in use; `Atomic…` is known besides.
const CELLS: [&str; 17] = [
    "Cell",
    "LazyCell",
    "LazyLock",
    "Lazy",
    "Mutex",
    "Once",
    "OnceBox",
    "OnceCell",
    "OnceLock",
    "RefCell",
    "ReentrantLock",
    "RwLock",
    "SpinMutex",
    "SyncUnsafeCell",
    "Talck",
    "TalcLock",
    "UnsafeCell",
];

/// The types of the workspace that hold such a type, whether directly or through others.
///
/// A name means the type of that name in the same file, or else every type of that name: too much is counted rather
/// than too little.
pub(crate) struct MutableTypes {
    /// Files are told apart by their position.
    fields: BTreeMap<(usize, String), BTreeSet<String>>,
    mutable: BTreeSet<(usize, String)>,
    /// The names in `mutable` and [`CELLS`].
    names: BTreeSet<String>,
}

impl MutableTypes {
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = &'a syn::File>) -> Self {
        let mut definitions = Definitions::default();
        for (index, file) in files.into_iter().enumerate() {
            definitions.file = index;
            definitions.visit_file(file);
        }
        let names = CELLS.into_iter().map(String::from).collect();
        let mut types = Self { fields: definitions.fields, mutable: BTreeSet::new(), names };
        loop {
            let more: Vec<_> = types
                .fields
                .iter()
                .filter(|(key, fields)| {
                    !types.mutable.contains(*key) && fields.iter().any(|field| types.is_mutable(key.0, field))
                })
                .map(|(key, _)| key.clone())
                .collect();
            if more.is_empty() {
                return types;
            }
            types.names.extend(more.iter().map(|(_, name)| name.clone()));
            types.mutable.extend(more);
        }
    }

    /// Whether a type that is written in the file at this position holds something that can change.
    pub(crate) fn holds(&self, file: usize, ty: &Type) -> bool {
        names(ty).iter().any(|name| self.is_mutable(file, name))
    }

    fn is_mutable(&self, file: usize, name: &str) -> bool {
        let key = (file, name.to_string());
        if self.fields.contains_key(&key) {
            return self.mutable.contains(&key);
        }
        name.starts_with("Atomic") || self.names.contains(name)
    }
}

/// Each type's name with the names in its fields' types.
#[derive(Default)]
struct Definitions {
    file: usize,
    fields: BTreeMap<(usize, String), BTreeSet<String>>,
}

impl Definitions {
    fn add<'a>(&mut self, name: &syn::Ident, types: impl IntoIterator<Item = &'a Type>) {
        let names = types.into_iter().flat_map(names);
        self.fields.entry((self.file, name.to_string())).or_default().extend(names);
    }
}

impl<'ast> Visit<'ast> for Definitions {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.add(&item.ident, item.fields.iter().map(|field| &field.ty));
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        let fields = item.variants.iter().flat_map(|variant| &variant.fields);
        self.add(&item.ident, fields.map(|field| &field.ty));
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.add(&item.ident, [&*item.ty]);
    }
}

fn names(ty: &Type) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            self.0.insert(segment.ident.to_string());
            visit::visit_path_segment(self, segment);
        }

        fn visit_type_bare_fn(&mut self, _: &'ast TypeBareFn) {
            // What a function takes and gives, the function doesn't hold.
        }
    }
    let mut names = Names(BTreeSet::new());
    names.visit_type(ty);
    names.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> syn::File {
        syn::parse_file(text).expect("the snippet is Rust")
    }

    #[test]
    fn type_of_the_same_file_is_meant_first() {
        let files = [file("struct Entry { lock: Mutex<u8> }"), file("struct Entry { size: u8 }"), file("")];
        let types = MutableTypes::of(&files);
        let entry = syn::parse_str("Entry").expect("a type");
        assert_eq!([0, 1, 2].map(|file| types.holds(file, &entry)), [true, false, true]);
    }
}
