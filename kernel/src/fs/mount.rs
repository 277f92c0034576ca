//! What is mounted where, as `/proc/PID/mounts` and `mountinfo` tell.

use super::inode::Inode;
use crate::prelude::*;
use core::fmt::Write;

/// A mounted file system.
struct Mount {
    target: Vec<u8>,
    source: Vec<u8>,
    kind: &'static str,
    root: Arc<dyn Inode>,
}

static MOUNTS: Mutex<Vec<Mount>> = Mutex::new(Vec::new());

/// Notes that the file system with this root inode is mounted at `target`.
pub(super) fn note(target: &[u8], source: &[u8], kind: &'static str, root: Arc<dyn Inode>) {
    MOUNTS.lock().push(Mount { target: target.to_vec(), source: source.to_vec(), kind, root });
}

/// The contents of `/proc/PID/mounts`.
pub(super) fn mounts() -> Vec<u8> {
    let mut text = String::new();
    for mount in &*MOUNTS.lock() {
        let [source, target] = [&mount.source, &mount.target].map(|name| escaped(name));
        let _ = writeln!(text, "{source} {target} {} {},relatime 0 0", mount.kind, mount.access());
    }
    text.into_bytes()
}

/// The contents of `/proc/PID/mountinfo` (`man 5 proc_pid_mountinfo`).
pub(super) fn mountinfo() -> Vec<u8> {
    let mut text = String::new();
    for (index, mount) in MOUNTS.lock().iter().enumerate() {
        let [source, target] = [&mount.source, &mount.target].map(|name| escaped(name));
        let dev = mount.root.access_metadata().map_or(0, |metadata| metadata.dev);
        let (major, minor) = (dev >> 8 & 0xfff | dev >> 32 & !0xfff, dev & 0xff | dev >> 12 & 0xfff_ff00);
        let (id, parent) = (index + 1, usize::from(index > 0));
        let access = mount.access();
        let kind = mount.kind;
        let _ = writeln!(text, "{id} {parent} {major}:{minor} / {target} {access},relatime - {kind} {source} {access}");
    }
    text.into_bytes()
}

impl Mount {
    fn access(&self) -> &'static str {
        if self.root.is_read_only() { "ro" } else { "rw" }
    }
}

/// A name without characters that separate fields.
fn escaped(name: &[u8]) -> String {
    let mut text = String::new();
    for &byte in name {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\\') || !byte.is_ascii() {
            let _ = write!(text, "\\{byte:03o}");
        } else {
            text.push(char::from(byte));
        }
    }
    text
}
