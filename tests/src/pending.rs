//! Tests that run natively and wait for a feature of Enclos: `pending.txt` names each with the reason.
//!
//! They are reported as ignored; `cargo test -p guest-tests -- --include-ignored` runs them too.

use std::fs;

use crate::compare::matches;
use crate::{Failure, source_dir};

/// The tests that wait.
#[derive(Debug, Default)]
pub struct Pending(Vec<String>);

impl Pending {
    /// Reads `pending.txt`: each line is `TEST | REASON`, where `*` in TEST stands for any characters.
    pub fn load() -> Result<Self, Failure> {
        let path = source_dir().join("pending.txt");
        let list = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        list.lines()
            .map(str::trim)
            .enumerate()
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(index, line)| match line.split_once('|') {
                Some((test, reason)) if !reason.trim().is_empty() => Ok(test.trim().to_owned()),
                _ => Err(format!("pending.txt:{}: expected TEST | REASON", index + 1)),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the test called `name` waits.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, name))
    }
}
