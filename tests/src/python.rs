//! Python's own test suite (Debian's `libpython3.11-testsuite`), case by case, natively and under Enclos.
//!
//! `python-skipped.txt` lists cases that are run on neither side, each with its reason: `MODULE.CLASS.CASE | REASON`, where
//! `*` in the case stands for any characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::enclos::{Enclos, path_string};
use crate::guest::scratch;
use crate::run::{Input, Invocation, Outcome, tail};
use crate::{Failure, source_dir};

/// The modules of the suite that are run.
pub const MODULES: &[&str] = &[
    "test_asyncio",
    "test_asyncore",
    "test_concurrent_futures",
    "test_epoll",
    "test_faulthandler",
    "test_fork1",
    "test_ftplib",
    "test_httpservers",
    "test_mailbox",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_spawn",
    "test_os",
    "test_poll",
    "test_posix",
    "test_select",
    "test_selectors",
    "test_signal",
    "test_socket",
    "test_socketserver",
    "test_ssl",
    "test_subprocess",
    "test_threading",
    "test_time",
    "test_wait3",
    "test_wait4",
];

/// How each case of a module ended: `ok`, `skipped`, `FAIL`, `ERROR`, …
type Results = BTreeMap<String, String>;

/// Runs `module` natively and under Enclos, and fails unless each case that succeeds natively does so under Enclos.
pub fn check(module: &str, enclos: &Enclos) -> Result<(), Failure> {
    let skipped = skipped()?;
    let (native, outcome) = run(module, &skipped, &|argv| Some(argv.to_vec()))?.ok_or("no command line")?;
    if native.is_empty() {
        return Err(format!("natively: no case ran\n{}", tail(&outcome.stdout)));
    }
    let Some((results, outcome)) = run(module, &skipped, &|argv| enclos.command(&[], argv))? else {
        return Ok(());
    };
    let differing = differing(&native, &results);
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!("{differing}--- end of the output under Enclos\n{}{}", tail(&outcome.stdout), tail(&outcome.stderr)))
}

fn run(
    module: &str,
    skipped: &[String],
    command: &dyn Fn(&[String]) -> Option<Vec<String>>,
) -> Result<Option<(Results, Outcome)>, Failure> {
    let dir = scratch()?;
    let list = dir.path().join("skipped");
    fs::write(&list, skipped.join("\n")).map_err(|e| format!("{}: {e}", list.display()))?;
    // What needs a network beyond this host is another resource.
    let argv = ["/usr/bin/python3", "-m", "test", "-v", "-u", "network", "--ignorefile", &path_string(&list), module]
        .map(str::to_owned);
    let Some(argv) = command(&argv) else {
        return Ok(None);
    };
    let env = [];
    let timeout = Duration::from_mins(10);
    let outcome =
        Invocation { argv, env: &env, dir: dir.path(), stdin: Input::Nothing, stdout: None, timeout }.run()?;
    Ok(Some((results(&String::from_utf8_lossy(&outcome.stdout)), outcome)))
}

/// The cases of `python-skipped.txt`, as `python3 -m test --ignorefile` wants them.
fn skipped() -> Result<Vec<String>, Failure> {
    let path = source_dir().join("python-skipped.txt");
    let list = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    list.lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| match line.split_once(" | ") {
            Some((case, reason)) if !reason.trim().is_empty() => Ok(format!("test.{}", case.trim())),
            _ => Err(format!("python-skipped.txt:{}: expected CASE | REASON", index + 1)),
        })
        .collect()
}

/// Cases that succeed natively and not under Enclos, a line each. What fails natively says nothing.
fn differing(native: &Results, enclos: &Results) -> String {
    let mut lines = String::new();
    for (case, expected) in native.iter().filter(|(_, result)| *result == "ok") {
        let actual = enclos.get(case).map_or("not run", String::as_str);
        if actual != expected {
            // Writing to a string can't fail.
            let _ = writeln!(lines, "{case}: natively {expected}, under Enclos {actual}");
        }
    }
    lines
}

/// Reads the output of `unittest -v`: `CASE (ID) ... RESULT`, where a docstring's line or output of the case's own may come
/// before the result.
fn results(output: &str) -> Results {
    let mut results = Results::new();
    let mut current: Option<String> = None;
    for line in output.lines() {
        if let Some(id) = case_id(line)
            && let Some(unfinished) = current.replace(id.to_owned())
        {
            results.insert(unfinished, "unknown".to_owned());
        }
        if let Some(result) = result(line)
            && let Some(id) = current.take()
        {
            results.insert(id, result.to_owned());
        }
    }
    results.extend(current.map(|unfinished| (unfinished, "unknown".to_owned())));
    results
}

/// `MODULE.CLASS.CASE` of a case's first line.
fn case_id(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(" (test.")?;
    let (id, _) = rest.split_once(')')?;
    (!name.contains(' ') && id.ends_with(name)).then_some(id)
}

fn result(line: &str) -> Option<&str> {
    let last = line.rsplit_once(" ... ").map_or(line, |(_, last)| last);
    ["ok", "FAIL", "ERROR", "skipped", "expected failure", "unexpected success"]
        .into_iter()
        .find(|result| last == *result || (*result == "skipped" && last.starts_with("skipped '")))
}

#[cfg(test)]
mod tests {
    use super::{differing, results};

    const OUTPUT: &str = "\
== CPython 3.11
test_one (test.test_os.First.test_one) ... ok
test_two (test.test_os.First.test_two)
Says something. ... skipped 'not here'
test_three (test.test_os.First.test_three) ... output
of its own
FAIL
test_four (test.test_os.First.test_four) ... hangs";

    #[test]
    fn results_are_read_with_docstrings_and_output_between() {
        let found: Vec<String> = results(OUTPUT).into_iter().map(|(case, result)| format!("{case}={result}")).collect();
        let expected =
            ["four=unknown", "one=ok", "three=FAIL", "two=skipped"].map(|e| format!("test_os.First.test_{e}"));
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_succeeds_natively_counts() {
        let native = results(OUTPUT);
        let enclos = results(&OUTPUT.replace("test_one) ... ok", "test_one) ... ERROR").replace("FAIL", "ok"));
        assert_eq!(differing(&native, &native), "");
        assert_eq!(differing(&native, &enclos), "test_os.First.test_one: natively ok, under Enclos ERROR\n");
    }
}
