//! Counters of system calls and OCalls, and the table that `--stats` prints.

use crate::prelude::*;
use crate::syscalls::{COUNT, Entry, TABLE};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use frame::ocall::process::{UsageOf, usage};
use frame::sync::Once;

/// What is counted of one system call.
#[derive(Default)]
struct Counter {
    calls: AtomicU64,
    errors: AtomicU64,
    nanoseconds: AtomicU64,
}

static COUNTERS: Once<Vec<Counter>> = Once::new();

/// Starts counting.
pub(super) fn init() {
    COUNTERS.call_once(|| (0..COUNT).map(|_| Counter::default()).collect());
    frame::enable_statistics();
}

/// Counts a call.
pub(super) fn count(entry: &Entry, result: Result<usize>, nanoseconds: u64) {
    if let Some(counter) = COUNTERS.get().and_then(|counters| counters.get(usize::from(entry.number))) {
        counter.calls.fetch_add(1, Ordering::Relaxed);
        counter.errors.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
        counter.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// A line of the table.
struct Row {
    name: &'static str,
    calls: u64,
    errors: u64,
    nanoseconds: u64,
}

/// All that was counted, as text.
pub(super) fn report() -> String {
    let mut text = String::new();
    // Writing to a string doesn't fail.
    let _ = write_report(&mut text);
    text
}

fn write_report(text: &mut String) -> fmt::Result {
    let mut rows: Vec<Row> = COUNTERS
        .get()
        .into_iter()
        .flatten()
        .zip(&TABLE)
        .map(|(counter, entry)| Row {
            name: entry.label(),
            calls: counter.calls.load(Ordering::Relaxed),
            errors: counter.errors.load(Ordering::Relaxed),
            nanoseconds: counter.nanoseconds.load(Ordering::Relaxed),
        })
        .filter(|row| row.calls > 0)
        .collect();
    let calls: u64 = rows.iter().map(|row| row.calls).sum();
    write_table(text, "system call", &mut rows)?;

    let mut ocalls = Vec::new();
    frame::visit_statistics(|number, calls, nanoseconds| {
        let name = TABLE.get(number as usize).map_or("an unknown call", Entry::label);
        ocalls.push(Row { name, calls, errors: 0, nanoseconds });
    });
    writeln!(text)?;
    write_table(text, "OCall", &mut ocalls)?;

    let [trapped, sites] = frame::patcher::counts();
    writeln!(text)?;
    writeln!(text, "entered by a patched jump {:>12}   by a trap {trapped:>12}", calls.saturating_sub(trapped))?;
    writeln!(text, "system call sites patched {sites:>12}")?;
    let [_, peak] = crate::mm::charged();
    writeln!(text, "peak memory, resident {:>16} KiB", usage(UsageOf::Process).maxrss)?;
    writeln!(text, "peak memory of programs {:>14} KiB writable", peak >> 10)?;
    let [heap, pieces] = frame::heap::in_use();
    writeln!(text, "LibOS's heap {:>25} KiB at the end, in {pieces} pieces", heap >> 10)?;
    writeln!(text, "LibOS's page pool {:>20} KiB at the end", frame::arena::pages_in_use() >> 10)
}

/// Writes rows, those that took longest first, and their sum.
fn write_table(text: &mut String, title: &str, rows: &mut [Row]) -> fmt::Result {
    rows.sort_by(|a, b| b.nanoseconds.cmp(&a.nanoseconds).then(b.calls.cmp(&a.calls)));
    writeln!(text, "{title:<24} {:>10} {:>8} {:>12} {:>12}", "calls", "errors", "seconds", "µs/call")?;
    let mut total = Row { name: "total", calls: 0, errors: 0, nanoseconds: 0 };
    for row in rows.iter() {
        total.calls += row.calls;
        total.errors += row.errors;
        total.nanoseconds += row.nanoseconds;
        write_row(text, row)?;
    }
    write_row(text, &total)
}

fn write_row(text: &mut String, row: &Row) -> fmt::Result {
    let time = Duration::from_nanos(row.nanoseconds);
    let mean = row.nanoseconds.checked_div(row.calls).unwrap_or(0);
    writeln!(
        text,
        "{:<24} {:>10} {:>8} {:>5}.{:06} {:>8}.{:03}",
        row.name,
        row.calls,
        row.errors,
        time.as_secs(),
        time.subsec_micros(),
        mean / 1000,
        mean % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_time_and_summed() {
        let mut rows = [
            Row { name: "close", calls: 4, errors: 1, nanoseconds: 2_000 },
            Row { name: "read", calls: 1, errors: 0, nanoseconds: 3_500_000 },
        ];
        let mut text = String::new();
        write_table(&mut text, "system call", &mut rows).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["read", "1", "0", "0.003500", "3500.000"]);
        assert_eq!(lines[2], ["close", "4", "1", "0.000002", "0.500"]);
        assert_eq!(lines[3], ["total", "5", "1", "0.003502", "700.400"]);
    }
}
