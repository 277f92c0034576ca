//! All Unix sockets, for `/proc/net/unix`.

use super::{AnySocket, Name};
use crate::prelude::*;
use core::fmt::Write;

static ALL: Mutex<BTreeMap<u64, Weak<dyn AnySocket>>> = Mutex::new(BTreeMap::new());

/// Notes a new socket.
pub(super) fn add(socket: Weak<dyn AnySocket>, ino: u64) {
    ALL.lock().insert(ino, socket);
}

/// Forgets one that is going.
pub(super) fn remove(ino: u64) {
    let gone = ALL.lock().remove(&ino);
    drop(gone);
}

/// The contents of `/proc/net/unix` (`man 5 proc`).
pub fn list() -> Vec<u8> {
    const ACCEPTS: u32 = 1 << 16;
    let sockets: Vec<_> = ALL.lock().values().filter_map(Weak::upgrade).collect();
    let mut text = String::from("Num       RefCount Protocol Flags    Type St Inode Path\n").into_bytes();
    for socket in sockets {
        let base = socket.base();
        let (state, listens) = socket.state();
        let flags = if listens { ACCEPTS } else { 0 };
        let mut line = String::new();
        let _ = write!(
            line,
            "{:016x}: {:08x} {:08x} {flags:08x} {:04x} {state:02x} {:5}",
            0,
            2,
            0,
            base.kind as i32,
            base.ino()
        );
        text.extend_from_slice(line.as_bytes());
        match base.name.get() {
            Name::Unnamed => {}
            Name::Path(path) => text.extend([b" ".as_slice(), &path].concat()),
            Name::Abstract(name) => {
                text.extend_from_slice(b" @");
                text.extend(name.iter().map(|&byte| if byte == 0 { b'@' } else { byte }));
            }
        }
        text.push(b'\n');
    }
    text
}
