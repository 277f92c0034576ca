//! A system call as one line, as strace prints it.

use super::hooks::{self, Hook, When};
use crate::prelude::*;
use crate::syscalls::Entry;
use core::fmt::{self, Write};
use core::time::Duration;

/// A call whose arguments are printed as far as they are known.
pub(super) struct Line {
    name: &'static str,
    words: [u64; 6],
    /// Each argument's text; those that the call fills are printed again when it's done.
    args: Vec<String>,
}

impl Line {
    /// Prints the arguments, before the call changes what they point to.
    pub(super) fn begin(entry: &Entry, words: [u64; 6]) -> Self {
        let hooks = hooks::of(entry.name);
        let args = entry
            .args
            .iter()
            .zip(words)
            .enumerate()
            .map(|(index, (&(_, print), word))| {
                let mut text = String::new();
                let hook = hooks.iter().find(|hook| hook.arg == index && hook.when == When::Before);
                // What can't be printed is left out; writing to a string doesn't fail.
                let _ = match hook {
                    Some(hook) => show(hook, &words, 0, &mut text),
                    None => print(word, &mut text),
                };
                text
            })
            .collect();
        let name = entry.label();
        let mut line = Self { name, words, args };
        if entry.call.is_none() {
            line.args = words.iter().map(|word| format!("{word:#x}")).collect();
        }
        line.cut(entry.name, &words);
        line
    }

    /// Leaves out arguments that the call doesn't look at: a mode without a file to be created.
    fn cut(&mut self, name: &str, words: &[u64; 6]) {
        const O_CREAT: u64 = 0o100;
        const O_TMPFILE: u64 = 0o20_000_000;
        let creates = |flags: u64| flags & (O_CREAT | O_TMPFILE) != 0;
        match name {
            "open" if !creates(words[1]) => self.args.truncate(2),
            "openat" if !creates(words[2]) => self.args.truncate(3),
            _ => {}
        }
    }

    /// The call with its arguments, before it's made.
    pub(super) fn call_so_far(&self) -> String {
        format!("{}({})", self.name, self.args.join(", "))
    }

    /// The line of a call that doesn't return.
    pub(super) fn finish_without_result(&self) -> String {
        format!("{} = ?", self.call_so_far())
    }

    /// The line of a call that is done.
    pub(super) fn finish(mut self, entry: &Entry, result: Result<usize>, took: Duration) -> String {
        if let Ok(value) = result {
            for hook in hooks::of(entry.name).iter().filter(|hook| hook.when == When::After) {
                if let Some(text) = self.args.get_mut(hook.arg) {
                    text.clear();
                    let _ = show(hook, &self.words, value, text);
                }
            }
        }
        let mut line = self.call_so_far();
        let _ = write_result(&mut line, entry.name, result);
        let _ = write!(line, " <{}.{:06}>", took.as_secs(), took.subsec_micros());
        line
    }
}

/// Prints an argument by its hook; a pointer that leads nowhere as its address.
fn show(hook: &Hook, words: &[u64; 6], result: usize, text: &mut String) -> fmt::Result {
    let word = words[hook.arg];
    if hook.is_pointer && word == 0 {
        return text.write_str("NULL");
    }
    if (hook.show)(word, words, result, text).is_err() {
        text.clear();
        write!(text, "{word:#x}")?;
    }
    Ok(())
}

fn write_result(line: &mut String, name: &str, result: Result<usize>) -> fmt::Result {
    let error = match result {
        Ok(value) => {
            return match name {
                "mmap" | "mremap" | "brk" | "shmat" => write!(line, " = {value:#x}"),
                _ => write!(line, " = {}", value as isize),
            };
        }
        Err(error) => error,
    };
    let errno = error.errno();
    match errno {
        Errno::ERESTARTSYS | Errno::ERESTARTNOINTR | Errno::ERESTARTNOHAND | Errno::ERESTARTBLOCK => {
            write!(line, " = ? {} ({})", errno.name(), errno.message())
        }
        _ => write!(line, " = -1 {} ({})", errno.name(), errno.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, result: Result<usize>) -> String {
        let mut line = String::new();
        write_result(&mut line, name, result).unwrap();
        line
    }

    #[test]
    fn results_look_as_straces() {
        assert_eq!(result("read", Ok(3)), " = 3");
        assert_eq!(result("mmap", Ok(0x7000_1000)), " = 0x70001000");
        assert_eq!(result("open", Err(err!(ENOENT, "why"))), " = -1 ENOENT (No such file or directory)");
        assert!(result("read", Err(Errno::ERESTARTSYS.into())).starts_with(" = ? ERESTARTSYS ("));
    }

    #[test]
    fn arguments_are_separated_and_timed() {
        let line = Line { name: "close", words: [3, 0, 0, 0, 0, 0], args: vec![String::from("3")] };
        let entry = &crate::syscalls::TABLE[3];
        let text = line.finish(entry, Ok(0), Duration::from_micros(12));
        assert_eq!(text, "close(3) = 0 <0.000012>");
    }
}
