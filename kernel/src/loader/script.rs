//! `#!` scripts (`man 2 execve`, "Interpreter scripts").

use crate::prelude::*;

/// How many bytes of a file are looked at (`BINPRM_BUF_SIZE`, of which the last is kept for a NUL).
pub const HEAD_LEN: usize = 255;
/// How many scripts may have scripts for interpreters before `ELOOP`.
pub const MAX_DEPTH: usize = 5;

/// The first line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// Path of the interpreter.
    pub interpreter: Vec<u8>,
    /// All that follows it, as one argument.
    pub argument: Option<Vec<u8>>,
}

/// Parses the first bytes of a file; `None` if it isn't a script.
///
/// # Errors
/// `ENOEXEC` if the line has no interpreter, or an interpreter that doesn't end within [`HEAD_LEN`].
pub fn parse(head: &[u8]) -> Result<Option<Shebang>> {
    let Some(line) = head.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line_end = line.iter().position(|&byte| byte == b'\n' || byte == 0);
    let is_cut = line_end.is_none() && head.len() >= HEAD_LEN;
    let line = &line[..line_end.unwrap_or(line.len())];
    let line = trim(line);
    let path_end = line.iter().position(|&byte| is_blank(byte));
    if line.is_empty() || is_cut && path_end.is_none() {
        bail!(ENOEXEC, "a script without an interpreter");
    }
    let (interpreter, argument) = line.split_at(path_end.unwrap_or(line.len()));
    let argument = trim(argument);
    Ok(Some(Shebang { interpreter: interpreter.to_vec(), argument: (!argument.is_empty()).then(|| argument.to_vec()) }))
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_all_behind_the_interpreter_as_one_argument() {
        let shebang = parse(b"#! /usr/bin/env -S  a b \nrest").unwrap().unwrap();
        assert_eq!(shebang.interpreter, b"/usr/bin/env");
        assert_eq!(shebang.argument.as_deref(), Some(&b"-S  a b"[..]));
    }

    #[test]
    fn refuses_a_line_without_interpreter() {
        assert!(parse(b"#!  \n").is_err());
        assert!(parse(&[b"#!".as_slice(), &[b'x'; 300]].concat()).is_err());
        assert_eq!(parse(b"echo"), Ok(None));
    }
}
