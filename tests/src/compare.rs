//! Equality of a native outcome and one under Enclos, but for the differences agreed on in `differences.txt`.
//!
//! An entry of that file is one line, `TEST | NATIVE | ENCLOS | REASON`: in a test whose name matches TEST, an output line
//! that natively matches NATIVE may under Enclos be one that matches ENCLOS. `*` stands for any characters.

use std::fs;

use similar::TextDiff;

use crate::run::{Outcome, tail};
use crate::{Failure, source_dir};

/// The agreed differences.
#[derive(Debug, Default)]
pub struct Differences(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    test: String,
    native: String,
    enclos: String,
}

impl Differences {
    /// Reads `differences.txt`.
    pub fn load() -> Result<Self, Failure> {
        let path = source_dir().join("differences.txt");
        let list = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(&list)
    }

    fn parse(list: &str) -> Result<Self, Failure> {
        let mut entries = Vec::new();
        for (index, line) in list.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            match fields[..] {
                [test, native, enclos, reason] if !reason.is_empty() => {
                    entries.push(Entry { test: test.to_owned(), native: native.to_owned(), enclos: enclos.to_owned() });
                }
                _ => {
                    let number = index + 1;
                    return Err(format!("differences.txt:{number}: expected TEST | NATIVE | ENCLOS | REASON"));
                }
            }
        }
        Ok(Self(entries))
    }

    fn allow(&self, test: &str, native: &str, enclos: &str) -> bool {
        self.0
            .iter()
            .any(|entry| matches(&entry.test, test) && matches(&entry.native, native) && matches(&entry.enclos, enclos))
    }

    /// Fails with a diff unless `enclos` equals `native`.
    pub fn check(&self, test: &str, native: &Outcome, enclos: &Outcome) -> Result<(), Failure> {
        let mut failure = String::new();
        if native.status != enclos.status {
            let (expected, actual) = (native.status, enclos.status);
            failure = format!("exit status: natively {expected}, under Enclos {actual}\n");
        }
        if let Some(diff) = self.diff(test, &native.stdout, &enclos.stdout) {
            failure += &diff;
        }
        if failure.is_empty() {
            return Ok(());
        }
        Err(format!("{failure}--- stderr under Enclos\n{}", tail(&enclos.stderr)))
    }

    fn diff(&self, test: &str, native: &[u8], enclos: &[u8]) -> Option<String> {
        if native == enclos {
            return None;
        }
        let (Ok(native), Ok(enclos)) = (str::from_utf8(native), str::from_utf8(enclos)) else {
            return Some(binary_difference(native, enclos));
        };
        let expected: Vec<&str> = native.lines().collect();
        let actual: Vec<&str> = enclos.lines().collect();
        let mut allowed = 0;
        // Where a difference is allowed, the native line stands for both, so that the diff shows the others alone.
        let adjusted: Vec<&str> = actual
            .iter()
            .enumerate()
            .map(|(index, line)| match expected.get(index) {
                Some(native) if native != line && self.allow(test, native, line) => {
                    allowed += 1;
                    *native
                }
                _ => *line,
            })
            .collect();
        if expected == adjusted && allowed > 0 {
            return None;
        }
        let (expected, adjusted) = (expected.join("\n") + "\n", adjusted.join("\n") + "\n");
        let diff = TextDiff::from_lines(&expected, &adjusted);
        let diff = diff.unified_diff().context_radius(2).header("native", "enclos").to_string();
        Some(head(&diff))
    }
}

fn binary_difference(native: &[u8], enclos: &[u8]) -> String {
    let same = native.iter().zip(enclos).take_while(|(left, right)| left == right).count();
    let (native_len, enclos_len) = (native.len(), enclos.len());
    format!("output differs at byte {same}; natively {native_len} bytes, under Enclos {enclos_len}\n")
}

/// Keeps a failure's message readable when outputs have nothing in common.
fn head(diff: &str) -> String {
    const LINES: usize = 60;
    const WIDTH: usize = 200;
    let mut lines = diff.lines();
    let mut shown = String::new();
    for line in lines.by_ref().take(LINES) {
        shown.extend(line.chars().take(WIDTH));
        shown.push('\n');
    }
    if lines.next().is_some() {
        shown.push_str("…\n");
    }
    shown
}

/// Whether `text` matches `pattern`, in which `*` stands for any characters.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((prefix, rest)) => text.strip_prefix(prefix).is_some_and(|text| {
            text.char_indices().map(|(index, _)| index).chain([text.len()]).any(|index| matches(rest, &text[index..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Differences, matches};
    use crate::run::Outcome;

    fn outcome(stdout: &str, status: i32) -> Outcome {
        Outcome { stdout: stdout.into(), stderr: Vec::new(), status }
    }

    #[test]
    fn star_matches_any_run_of_characters() {
        assert!(matches("a*c", "abbc"));
        assert!(matches("*", ""));
        assert!(matches("swapon * EFAULT", "swapon arg1 EFAULT"));
        assert!(!matches("a*c", "abcd"));
        assert!(!matches("a", "ab"));
    }

    #[test]
    fn allowed_line_differs_without_failure_and_others_fail() {
        let differences = Differences::parse("area/* | call EFAULT | call ENOSYS | not built in").unwrap();
        let native = outcome("one\ncall EFAULT\n", 0);
        assert!(differences.check("area/x", &native, &outcome("one\ncall ENOSYS\n", 0)).is_ok());
        assert!(differences.check("other/x", &native, &outcome("one\ncall ENOSYS\n", 0)).is_err());
        assert!(differences.check("area/x", &native, &outcome("two\ncall ENOSYS\n", 0)).is_err());
        assert!(differences.check("area/x", &native, &outcome("one\ncall ENOSYS\n", 1)).is_err());
    }

    #[test]
    fn entry_without_reason_is_refused() {
        assert!(Differences::parse("a | b | c |").is_err());
        assert!(Differences::parse("# a comment\n\na | b | c | because").is_ok());
    }
}
