//! `/proc/PID/maps` (`man 5 proc_pid_maps`).

use super::memory::Memory;
use super::vma::{Kind, Vma};
use crate::prelude::*;
use core::fmt::Write;
use core::ops::Range;
use frame::ocall::mem::{Prot, Sharing};

/// Column at which names start.
pub(super) const NAME_COLUMN: usize = 73;

impl Memory {
    /// All mappings, as `/proc/PID/maps` shows them.
    pub fn render_maps(&self) -> String {
        let mut text = String::new();
        self.each_line(|line, _| {
            text.push_str(line);
            text.push('\n');
        });
        text
    }

    /// The lines of the mappings, by their first addresses.
    pub(super) fn lines_by_start(&self) -> BTreeMap<usize, String> {
        let mut lines = BTreeMap::new();
        self.each_line(|line, mapping| {
            if let Some((range, _)) = mapping {
                lines.insert(range.start, line.to_string());
            }
        });
        lines
    }

    /// Calls `visit` with each mapping's line, and the mapping unless it's the vDSO.
    fn each_line(&self, mut visit: impl FnMut(&str, Option<(&Range<usize>, &Vma)>)) {
        let inner = self.inner.lock();
        let mut vdso = frame::vdso::range();
        for (range, vma) in inner.vmas.iter().filter(|(_, vma)| vma.kind != Kind::Trampolines) {
            if let Some(vdso) = vdso.take_if(|vdso| vdso.start < range.start) {
                visit(&vdso_line(&vdso), None);
            }
            visit(&line(&range, vma), Some((&range, vma)));
        }
        if let Some(vdso) = vdso {
            visit(&vdso_line(&vdso), None);
        }
    }
}

fn line(range: &Range<usize>, vma: &Vma) -> String {
    let flag = |prot, letter| if vma.prot.contains(prot) { letter } else { '-' };
    let permissions = [
        flag(Prot::READ, 'r'),
        flag(Prot::WRITE, 'w'),
        flag(Prot::EXEC, 'x'),
        if vma.sharing == Sharing::Shared { 's' } else { 'p' },
    ];
    let (offset, (device, inode), name) = match (&vma.source, vma.shared_id) {
        (Some((source, offset)), _) => {
            let path = source.path();
            (*offset, source.dev_ino(), String::from_utf8_lossy(&path).replace('\n', "\\012"))
        }
        // As Linux shows shared anonymous memory, which is a file of its own without a name.
        (None, Some((id, offset))) => (offset, (1, id), String::from("/dev/zero (deleted)")),
        (None, None) => (
            0,
            (0, 0),
            String::from(match vma.kind {
                Kind::Heap => "[heap]",
                Kind::Stack => "[stack]",
                _ => "",
            }),
        ),
    };
    format_line(range, permissions, offset, device, inode, &name)
}

fn vdso_line(range: &Range<usize>) -> String {
    format_line(range, ['r', '-', 'x', 'p'], 0, 0, 0, "[vdso]")
}

fn format_line(
    range: &Range<usize>,
    permissions: [char; 4],
    offset: u64,
    device: u64,
    inode: u64,
    name: &str,
) -> String {
    // The parts of a device number, as in `man 3 makedev`.
    let major = device >> 8 & 0xfff | device >> 32 & !0xfff;
    let minor = device & 0xff | device >> 12 & !0xff;
    let permissions: String = permissions.into_iter().collect();
    let mut line =
        format!("{:08x}-{:08x} {permissions} {offset:08x} {major:02x}:{minor:02x} {inode} ", range.start, range.end);
    if !name.is_empty() {
        let width = NAME_COLUMN.saturating_sub(line.len());
        // Writing to a string can't fail.
        let _ = write!(line, "{:width$}{name}", "");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_linux_prints_them() {
        assert_eq!(
            format_line(&(0x40_0000..0x40_1000), ['r', '-', '-', 'p'], 0x1000, 0xfe01, 42, "/bin/x"),
            format!("00400000-00401000 r--p 00001000 fe:01 42 {}/bin/x", " ".repeat(73 - 41))
        );
        assert_eq!(
            format_line(&(0x7fff_0000_0000..0x7fff_0000_1000), ['r', 'w', '-', 'p'], 0, 0, 0, ""),
            "7fff00000000-7fff00001000 rw-p 00000000 00:00 0 "
        );
    }
}
