//! Printing what was measured.

use std::error::Error;

use serde::Serialize;

use crate::measure::{Row, Series};
use crate::system::System;
use crate::table::{BENCHMARKS, Bar};

/// The benchmarks and their bars.
pub(crate) fn list() {
    for benchmark in BENCHMARKS {
        println!("{:<14} {:<48} {}", benchmark.name, benchmark.what, bar(benchmark.bar.as_ref()));
    }
}

/// The table.
pub(crate) fn print(rows: &[Row], systems: &[System]) {
    let peer = systems.get(2);
    print!("{:<14} {:>10} {:>10} {:>7} {:>13}  {:<18} {:<5}", "", "native", "enclos", "ratio", "spread", "bar", "");
    if let Some(peer) = peer {
        print!(" {:>10} {:>7}", peer.name(), "ratio");
    }
    println!();
    for row in rows {
        print_row(row);
    }
    for row in rows {
        for series in &row.series {
            if let Some(reason) = &series.failure {
                println!("{}, {}: {reason}", row.benchmark.name, series.system);
            }
        }
    }
}

fn print_row(row: &Row) {
    let [native, enclos, peers @ ..] = row.series.as_slice() else { return };
    print!("{:<14} {:>10} {:>10}", row.benchmark.name, time(native), time(enclos));
    let spread = enclos.spread(native).map_or(String::new(), |(low, high)| format!("{low:.2}–{high:.2}"));
    print!(" {:>7} {spread:>13}", ratio(enclos, native));
    print!("  {:<18} {:<5}", bar(row.benchmark.bar.as_ref()), verdict(row));
    for peer in peers {
        print!(" {:>10} {:>7}", time(peer), ratio(peer, native));
    }
    println!();
}

/// What `--json` prints for a row; times in seconds.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    what: &'a str,
    native: Option<f64>,
    enclos: Option<f64>,
    ratio: Option<f64>,
    bar: String,
    verdict: &'a str,
    series: &'a [Series],
}

/// All rows with all samples.
pub(crate) fn json(rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let entries: Vec<Entry<'_>> = rows.iter().map(entry_of).collect();
    println!("{}", serde_json::to_string_pretty(&entries)?);
    Ok(())
}

fn entry_of(row: &Row) -> Entry<'_> {
    let median = |index: usize| row.series.get(index).and_then(Series::median);
    let (native, enclos) = (median(0), median(1));
    Entry {
        name: row.benchmark.name,
        what: row.benchmark.what,
        native,
        enclos,
        ratio: native.zip(enclos).map(|(native, enclos)| enclos / native),
        bar: bar(row.benchmark.bar.as_ref()),
        verdict: verdict(row),
        series: &row.series,
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.series.as_slice() {
        [native, ..] if native.median().is_none() => "skip",
        [_, enclos, ..] if enclos.median().is_none() => "fail",
        _ if row.benchmark.bar.is_none() => "",
        _ if row.misses() => "MISS",
        _ => "pass",
    }
}

fn bar(bar: Option<&Bar>) -> String {
    match bar {
        None => String::new(),
        Some(Bar::Ratio(ratio)) => format!("≤ {ratio:.2}"),
        Some(Bar::RatioAndMore(ratio, more)) => format!("≤ {ratio:.2}, ≤ +{more:?}"),
        Some(Bar::Within(time)) => format!("≤ {time:?}"),
    }
}

fn ratio(series: &Series, base: &Series) -> String {
    match (series.median(), base.median()) {
        (Some(own), Some(base)) => format!("{:.3}", own / base),
        _ => "–".into(),
    }
}

/// Three to four digits and a unit.
fn time(series: &Series) -> String {
    let Some(seconds) = series.median() else { return "–".into() };
    let (factor, unit) = [(1e9, "ns"), (1e6, "µs"), (1e3, "ms"), (1.0, "s")]
        .into_iter()
        .find(|(factor, _)| seconds * factor < 1000.0)
        .unwrap_or((1.0, "s"));
    let value = seconds * factor;
    if value < 10.0 { format!("{value:.2} {unit}") } else { format!("{value:.1} {unit}") }
}
