//! What `--trace` and `--stats` tell of a program.

use std::process::Command;

/// What Enclos says beside the output of a shell that runs `script`.
fn told(option: &str, script: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enclos"));
    let output = command.args(["run", option, "/bin/sh", "-c", script]).env_remove("ENCLOS_LOG").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Two programs, one after the other, started by `vfork`.
const TWO_CHILDREN: &str = "/bin/true; /bin/true; :";

#[test]
fn a_vfork_and_an_exec_are_traced_with_the_results_that_the_program_sees() {
    let trace = told("--trace", TWO_CHILDREN);
    let results = |call: &str| -> Vec<String> {
        let lines = trace.lines().filter(|line| line.contains(call));
        lines.map(|line| line.rsplit_once(" = ").unwrap().1.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(results("] vfork("), ["3", "4"], "{trace}");
    assert_eq!(results("] execve(\"/bin/true\""), ["0", "0"], "{trace}");
}

#[test]
fn a_vfork_that_works_counts_as_no_error() {
    let table = told("--stats", TWO_CHILDREN);
    for call in ["vfork", "execve"] {
        let row = table.lines().find(|line| line.split_whitespace().next() == Some(call)).unwrap();
        assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), [call, "2", "0"], "{table}");
    }
}
