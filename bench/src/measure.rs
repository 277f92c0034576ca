//! Taking times.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::fixture::Fixture;
use crate::servers;
use crate::system::System;
use crate::table::{Bar, Benchmark, Measure};

/// A benchmark and what it gave on each system.
pub(crate) struct Row {
    pub(crate) benchmark: &'static Benchmark,
    /// In the order of the systems; native is the first, Enclos the second.
    pub(crate) series: Vec<Series>,
}

/// What one system gave.
#[derive(Default, Serialize)]
pub(crate) struct Series {
    pub(crate) system: String,
    /// Seconds per unit, one per round.
    pub(crate) samples: Vec<f64>,
    /// Why there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

impl Row {
    /// Runs `benchmark` on each system in turn, `rounds` times.
    pub(crate) fn measure(
        benchmark: &'static Benchmark,
        systems: &[System],
        fixture: &Fixture,
        clock: &Clock,
        rounds: u32,
    ) -> Self {
        let mut series: Vec<Series> =
            systems.iter().map(|system| Series { system: system.name().into(), ..Series::default() }).collect();
        for round in 0..rounds {
            for index in 0..systems.len() {
                // Back and forth, so that none always runs after the same other.
                let index = if round % 2 == 0 { index } else { systems.len() - 1 - index };
                let series = &mut series[index];
                if series.failure.is_none() {
                    match clock.sample(benchmark, &systems[index], fixture) {
                        Ok(sample) => series.samples.push(sample),
                        Err(reason) => series.failure = Some(reason),
                    }
                }
            }
        }
        Self { benchmark, series }
    }

    /// Whether Enclos doesn't reach the bar. A benchmark that can't run natively says nothing.
    pub(crate) fn misses(&self) -> bool {
        let [native, enclos, ..] = self.series.as_slice() else { return false };
        match (&self.benchmark.bar, native.median(), enclos.median()) {
            (_, None, _) => false,
            (_, _, None) => true,
            (bar, Some(native), Some(enclos)) => bar.as_ref().is_some_and(|bar| !bar.holds(native, enclos)),
        }
    }
}

impl Bar {
    fn holds(&self, native: f64, enclos: f64) -> bool {
        match self {
            Self::Ratio(ratio) => enclos <= native * ratio,
            Self::RatioAndMore(ratio, more) => enclos <= native * ratio && enclos <= native + more.as_secs_f64(),
            Self::Within(time) => enclos <= time.as_secs_f64(),
        }
    }
}

impl Series {
    /// Seconds per unit, unless a run failed.
    pub(crate) fn median(&self) -> Option<f64> {
        if self.failure.is_some() { None } else { quartile(&self.samples, 2) }
    }

    /// The middle half of the ratios to `base`, round by round: how much the ratio of the medians may be trusted.
    pub(crate) fn spread(&self, base: &Self) -> Option<(f64, f64)> {
        let ratios: Vec<f64> = self.samples.iter().zip(&base.samples).map(|(own, base)| own / base).collect();
        Some((quartile(&ratios, 1)?, quartile(&ratios, 3)?))
    }
}

/// The value below which so many quarters of the samples lie, interpolated.
pub(crate) fn quartile(samples: &[f64], quarters: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = sorted.len().checked_sub(1)? * quarters;
    let (low, high) = (sorted[position / 4], sorted[position.div_ceil(4)]);
    Some(low + (high - low) * [0.0, 0.25, 0.5, 0.75][position % 4])
}

/// Runs commands and stops those that hang.
pub(crate) struct Clock {
    running: Arc<Mutex<Running>>,
}

/// The command that runs and since when.
type Running = Option<(Pid, Instant)>;

/// No command of the table takes nearly so long, under any system.
const PATIENCE: Duration = Duration::from_mins(2);

impl Clock {
    pub(crate) fn start() -> Self {
        let running: Arc<Mutex<Running>> = Arc::default();
        let watched = Arc::clone(&running);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(500));
                let running = watched.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((pid, since)) = *running
                    && since.elapsed() > PATIENCE
                {
                    // An error means that it has just ended.
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
        });
        Self { running }
    }

    /// One sample: seconds per unit.
    fn sample(&self, benchmark: &Benchmark, system: &System, fixture: &Fixture) -> Result<f64, String> {
        let mut command = system.command(benchmark.program, benchmark.options, fixture)?;
        match &benchmark.measure {
            Measure::Printed => {
                let (output, _) = self.run(command.stdout(Stdio::piped()))?;
                let nanoseconds: f64 = output.trim().parse().map_err(|_| format!("it printed {output:?}"))?;
                Ok(nanoseconds / 1e9)
            }
            Measure::OpensslSpeed => {
                let (output, _) = self.run(command.stdout(Stdio::piped()))?;
                let line = output.lines().find(|line| line.starts_with("+F:"));
                let rate = line.and_then(|line| line.rsplit(':').next()).and_then(|rate| rate.parse::<f64>().ok());
                Ok(f64::from(1 << 30) / rate.ok_or_else(|| format!("it printed {output:?}"))?)
            }
            Measure::Command { runs } => {
                command.stdout(Stdio::null());
                let times: Result<Vec<f64>, String> =
                    (0..*runs).map(|_| Ok(self.run(&mut command)?.1.as_secs_f64())).collect();
                quartile(&times?, 2).ok_or_else(|| "it was never run".into())
            }
            Measure::Served(client) => servers::sample(self, command, client, fixture),
        }
    }

    /// Runs a command to its end: its output, if piped, and its wall time.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(String, Duration), String> {
        let mut errors = scratch_file().map_err(|error| format!("file for its messages: {error}"))?;
        let messages = errors.try_clone().map_err(|error| format!("file for its messages: {error}"))?;
        command.stdin(Stdio::null()).stderr(messages);
        let start = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        self.watch(i32::try_from(child.id()).ok().and_then(Pid::from_raw), start);
        let mut output = String::new();
        let read = child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut output));
        let status = child.wait();
        let elapsed = start.elapsed();
        self.watch(None, start);
        read.map_err(|error| format!("its output: {error}"))?;
        check(status.map_err(|error| format!("wait: {error}"))?, &mut errors)?;
        Ok((output, elapsed))
    }

    fn watch(&self, pid: Option<Pid>, since: Instant) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = pid.map(|pid| (pid, since));
    }
}

/// Not a pipe: nobody would read it while the command runs.
pub(crate) fn scratch_file() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("enclos-bench-messages-{}", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

pub(crate) fn check(status: ExitStatus, errors: &mut File) -> Result<(), String> {
    if status.success() {
        return Ok(());
    }
    let mut message = String::new();
    // What can't be read can't be shown; the status says enough.
    let _ = errors.rewind().and_then(|()| errors.read_to_string(&mut message));
    let last = message.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(format!("{status}: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_interpolated() {
        assert_eq!(quartile(&[], 2), None);
        assert_eq!(quartile(&[3.0], 1), Some(3.0));
        assert_eq!(quartile(&[4.0, 1.0, 2.0, 3.0], 2), Some(2.5));
    }

    #[test]
    fn bar_limits_ratio_and_what_comes_on_top() {
        let bar = Bar::RatioAndMore(3.0, Duration::from_millis(3));
        assert!(bar.holds(0.001, 0.003));
        assert!(!bar.holds(0.001, 0.0031));
        assert!(!bar.holds(0.010, 0.014));
        assert!(Bar::Within(Duration::from_secs(1)).holds(0.1, 0.9));
        assert!(!Bar::Within(Duration::from_secs(1)).holds(0.1, 1.1));
    }

    #[test]
    fn failing_command_gives_its_last_message() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo one >&2; echo two >&2; exit 3"]);
        let error = Clock::start().run(&mut command).expect_err("the command fails");
        assert!(error.contains("exit status: 3") && error.ends_with("two"), "{error}");
    }
}
