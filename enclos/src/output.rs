//! Standard output.

use crate::failure::Failure;
use std::io::{ErrorKind, Write};

/// Writes `text` to standard output. A reader that has seen enough (`enclos syscalls | head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("can't write to standard output: {error}"), "redirect it elsewhere"))
        }
        _ => Ok(()),
    }
}
