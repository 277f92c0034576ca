//! The command line as its users see it: what it prints, and its exit status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn enclos(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enclos"));
    command.args(args).env_remove("ENCLOS_LOG");
    command
}

fn outcome(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Checks that the command fails with `status`, and gives the one line that it says.
fn failure(command: &mut Command, status: i32) -> String {
    let (code, out, error) = outcome(command);
    assert_eq!((code, out.as_str()), (status, ""), "{error}");
    assert!(error.starts_with("enclos: ") && error.lines().count() == 1 && error.ends_with('\n'), "{error}");
    error.trim_end().to_owned()
}

fn write_config(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("Enclos.toml");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn help_and_version_succeed() {
    for args in [&["--help"][..], &["-h"], &["help"], &["run", "--help"], &["run", "-h"], &["--version"], &["-V"]] {
        let (status, out, error) = outcome(&mut enclos(args));
        assert_eq!((status, error.as_str()), (0, ""), "{args:?}");
        assert!(!out.is_empty(), "{args:?}");
    }
    assert_eq!(outcome(&mut enclos(&["--version"])).1, concat!("enclos ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn help_names_every_option_and_the_exit_statuses() {
    let help = outcome(&mut enclos(&["run", "--help"])).1;
    for option in [
        "--config <FILE>",
        "--root <DIR>",
        "-v, --volume <SRC:DST[:ro]>",
        "-e, --env <K=V>",
        "--clean-env",
        "-w, --workdir <DIR>",
        "-u, --user <UID[:GID]>",
        "--hostname <NAME>",
        "--memory <SIZE>",
        "--net <host|none>",
        "--net-loopback <host|inside>",
        "--log-level <LEVEL>",
        "ENCLOS_LOG",
        "--log-file <FILE>",
        "--trace[=<FILE>]",
        "--stats",
        "125",
        "126",
        "127",
        "128+N",
    ] {
        assert!(help.contains(option), "{option} is missing in:\n{help}");
    }
    assert!(help.lines().all(|line| line.len() <= 100), "{help}");
}

#[test]
fn wrong_usage_of_run_is_125_in_one_line() {
    for (args, expected) in [
        (&["run"][..], "enclos: no program given; name one, as in `enclos run /bin/ls -l /`"),
        (
            &["run", "--volum", "/a:/b", "ls"],
            "enclos: unexpected argument '--volum' found; \
             a similar argument exists: '--volume' (see `enclos run --help`)",
        ),
        (
            &["run", "--net", "lo", "ls"],
            "enclos: invalid value 'lo' for '--net <host|none>': expected host or none; see `enclos run --help`",
        ),
        (
            &["run", "--root", "/no/such", "ls"],
            "enclos: root directory '/no/such': No such file or directory (os error 2); \
             create it or give another path",
        ),
        (
            &["run", "-w", "here", "ls"],
            "enclos: working directory 'here' is relative; give an absolute path, as the program sees it",
        ),
        (
            &["run", "-u", "no-such-user", "ls"],
            "enclos: no user 'no-such-user' in the root's /etc/passwd; \
             give a number from 0 to 4294967294 or a name that is there",
        ),
    ] {
        assert_eq!(failure(&mut enclos(args), 125), expected);
    }
    for args in [&["run", "--memory", "0", "ls"][..], &["run", "-v", "x", "ls"], &["run", "-e", "x", "ls"]] {
        failure(&mut enclos(args), 125);
    }
}

#[test]
fn wrong_usage_of_other_commands_is_2() {
    assert_eq!(failure(&mut enclos(&[]), 2), "enclos: no command given; see `enclos --help`");
    failure(&mut enclos(&["rum", "ls"]), 2);
    failure(&mut enclos(&["syscalls", "--xml"]), 2);
    failure(&mut enclos(&["doctor", "now"]), 2);
}

#[test]
fn a_bad_level_in_the_environment_is_named() {
    let error = failure(enclos(&["run", "ls"]).env("ENCLOS_LOG", "loud"), 125);
    assert_eq!(
        error,
        "enclos: invalid value 'loud' of the variable ENCLOS_LOG; \
         expected off, error, warn, info, debug or trace"
    );
}

#[test]
fn errors_in_a_config_file_name_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    for (text, line, expected) in [
        ("stats = true\n\nvolumes = []\n", 3, "unknown key 'volumes'; did you mean 'volume'?"),
        ("# nothing\nmemory = true\n", 2, "wrong type of 'memory': boolean; expected a decimal number or a string"),
        ("[env]\nA = 'x'\nB = 1\n", 3, "wrong type of 'env': integer; expected a table of strings"),
        ("net = 'host'\nnet = 'none'\n", 2, "duplicate key; write it as TOML has it"),
    ] {
        let path = write_config(dir.path(), text);
        let error = failure(enclos(&["run", "--config"]).arg(&path).arg("ls"), 125);
        let expected = format!("enclos: {}:{line}: {expected}", path.display());
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }
}

#[test]
fn a_missing_config_file_is_named() {
    let error = failure(&mut enclos(&["run", "--config", "/no/such.toml", "ls"]), 125);
    assert!(error.starts_with("enclos: can't read /no/such.toml: No such file or directory"), "{error}");
}

#[test]
fn relative_paths_of_a_config_file_start_at_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_config(dir.path(), "root = 'missing'\ncommand = ['ls']\n");
    let error = failure(enclos(&["run", "--config"]).arg(&path), 125);
    assert!(error.contains(dir.path().join("missing").to_str().unwrap()), "{error}");
}

#[test]
fn doctor_reports_each_check_and_a_verdict() {
    let (status, out, error) = outcome(&mut enclos(&["doctor"]));
    assert_eq!(error, "");
    for check in ["processor", "kernel", "system call dispatch", "addresses", "memory", "seccomp", "clock"] {
        assert!(out.contains(check), "{check} is missing in:\n{out}");
    }
    let verdict = if status == 0 { "This host can run Enclos." } else { "This host can't run Enclos:" };
    assert!(status <= 1 && out.lines().next_back().unwrap().starts_with(verdict), "{status}: {out}");
}

#[test]
fn a_place_that_is_taken_is_reported() {
    let limited = "ulimit -v 4194304; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_enclos"), "doctor"]);
    let (status, out, _) = outcome(&mut command);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("FAIL  addresses") && out.contains("-> ulimit -v unlimited"), "{out}");
}
