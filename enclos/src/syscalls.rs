//! `enclos syscalls`: the system calls of Linux, and what Enclos does about each.

use crate::failure::Failure;
use crate::output;
use kernel::syscalls::{self, Entry, TABLE};
use serde::Serialize;
use std::fmt::Write;

/// A system call.
#[derive(Serialize)]
struct Row {
    number: u16,
    name: &'static str,
    #[serde(flatten)]
    state: State,
}

/// What is done about it.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum State {
    Complete,
    Partial { missing: &'static str },
    Unsupported { reason: &'static str },
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        let state = match entry.state {
            syscalls::State::Complete => State::Complete,
            syscalls::State::Partial(missing) => State::Partial { missing },
            syscalls::State::Unsupported(reason) => State::Unsupported { reason },
        };
        Self { number: entry.number, name: entry.name, state }
    }
}

/// Prints the table, for people or as JSON.
pub(crate) fn print(json: bool) -> Result<(), Failure> {
    let rows: Vec<Row> = TABLE.iter().filter(|entry| !entry.name.is_empty()).map(Row::from).collect();
    output::print(&if json { as_json(&rows)? } else { as_text(&rows) })
}

fn as_json(rows: &[Row]) -> Result<String, Failure> {
    serde_json::to_string_pretty(rows)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(format!("can't write JSON: {error}"), "please report this"))
}

fn as_text(rows: &[Row]) -> String {
    let mut text = format!("{:>6}  {:<24} {:<12} {}\n", "number", "name", "state", "what is missing");
    let mut counts = [0; 3];
    for Row { number, name, state } in rows {
        let (index, state, note) = match *state {
            State::Complete => (0, "complete", ""),
            State::Partial { missing } => (1, "partial", missing),
            State::Unsupported { reason } => (2, "unsupported", reason),
        };
        counts[index] += 1;
        let line = format!("{number:>6}  {name:<24} {state:<12} {note}");
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let [complete, partial, unsupported] = counts;
    let total = rows.len();
    let _ =
        writeln!(text, "\n{total} system calls: {complete} complete, {partial} partial, {unsupported} not supported");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [Row; 3] = [
        Row { number: 0, name: "read", state: State::Complete },
        Row { number: 9, name: "mmap", state: State::Partial { missing: "no huge pages" } },
        Row { number: 134, name: "uselib", state: State::Unsupported { reason: "removed from Linux" } },
    ];

    #[test]
    fn text_has_a_line_per_call_and_a_sum() {
        assert_eq!(
            as_text(&ROWS),
            "\
number  name                     state        what is missing
     0  read                     complete
     9  mmap                     partial      no huge pages
   134  uselib                   unsupported  removed from Linux

3 system calls: 1 complete, 1 partial, 1 not supported
"
        );
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let value: serde_json::Value = serde_json::from_str(&as_json(&ROWS).unwrap()).unwrap();
        assert_eq!(value[0], serde_json::json!({"number": 0, "name": "read", "state": "complete"}));
        assert_eq!(
            value[1],
            serde_json::json!({"number": 9, "name": "mmap", "state": "partial", "missing": "no huge pages"})
        );
    }
}
