//! `counts.toml`: how often each thing may occur in each crate.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use crate::count::{Found, Kind, shown};

/// Counts by crate and kind; what isn't listed may not occur.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed(BTreeMap<(String, Kind), usize>);

const HEADER: &str = "\
# How often each of these may occur in a crate, outside tests; what isn't listed may not occur.
# `cargo run -p ratchet -- --update` lowers the numbers. Raise one by hand, with the reason in the commit.
";

impl Allowed {
    /// What occurs now.
    pub(crate) fn of(found: &[Found]) -> Self {
        let mut counts = BTreeMap::new();
        for place in found {
            *counts.entry((place.package.clone(), place.kind)).or_default() += 1;
        }
        Self(counts)
    }

    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: BTreeMap<String, BTreeMap<String, usize>> =
            toml::from_str(text).map_err(|error| error.to_string())?;
        let mut counts = BTreeMap::new();
        for (package, entries) in table {
            for (name, count) in entries {
                let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
                let kind = kind.ok_or_else(|| format!("[{package}] has an unknown entry `{name}`"))?;
                counts.insert((package.clone(), kind), count);
            }
        }
        Ok(Self(counts))
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, self.print())
    }

    fn print(&self) -> String {
        let mut text = String::from(HEADER);
        let mut last = "";
        for ((package, kind), count) in &self.0 {
            if package != last {
                // Writing to a string can't fail.
                let _ = write!(text, "\n[{package}]\n");
                last = package;
            }
            let _ = writeln!(text, "{} = {count}", kind.name());
        }
        text
    }

    /// Takes over counts that fell.
    pub(crate) fn lower_to(&mut self, found: &[Found]) {
        let now = Self::of(found);
        for (key, count) in &mut self.0 {
            *count = (*count).min(now.0.get(key).copied().unwrap_or(0));
        }
        self.0.retain(|_, count| *count > 0);
    }

    /// One complaint per count that differs.
    pub(crate) fn complaints(&self, found: &[Found]) -> Vec<String> {
        let now = Self::of(found);
        let mut keys: Vec<_> = self.0.keys().chain(now.0.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter().filter_map(|key| complaint(key, self.get(key), now.get(key), found)).collect()
    }

    fn get(&self, key: &(String, Kind)) -> usize {
        self.0.get(key).copied().unwrap_or(0)
    }
}

fn complaint((package, kind): &(String, Kind), allowed: usize, now: usize, found: &[Found]) -> Option<String> {
    let name = kind.name();
    if now < allowed {
        return Some(format!(
            "{package}: {name} fell from {allowed} to {now}; keep it there: cargo run -p ratchet -- --update"
        ));
    }
    let places = found.iter().filter(|place| place.package == *package && place.kind == *kind);
    (now > allowed).then(|| {
        format!(
            "{package}: {name} rose from {allowed} to {now}; do without, or raise it in ratchets/counts.toml and \
             give the reason in the commit{}",
            shown(places)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panics(count: usize) -> Vec<Found> {
        (0..count)
            .map(|line| Found { package: "kernel".into(), kind: Kind::Panic, path: "src/lib.rs".into(), line })
            .collect()
    }

    #[test]
    fn file_is_read_as_it_was_written() {
        let allowed = Allowed::of(&panics(3));
        assert_eq!(Allowed::parse(&allowed.print()), Ok(allowed));
        assert!(Allowed::parse("[kernel]\nsins = 1\n").is_err());
    }

    #[test]
    fn rise_and_fall_are_told() {
        let allowed = Allowed::of(&panics(2));
        assert_eq!(allowed.complaints(&panics(2)), [""; 0]);
        assert!(allowed.complaints(&panics(3))[0].contains("rose from 2 to 3"));
        assert!(allowed.complaints(&panics(1))[0].contains("fell from 2 to 1"));
    }

    #[test]
    fn update_lowers_but_never_raises() {
        let mut allowed = Allowed::of(&panics(2));
        allowed.lower_to(&panics(3));
        assert_eq!(allowed, Allowed::of(&panics(2)));
        allowed.lower_to(&panics(1));
        assert_eq!(allowed, Allowed::of(&panics(1)));
        allowed.lower_to(&[]);
        assert_eq!(allowed, Allowed::default());
    }
}
