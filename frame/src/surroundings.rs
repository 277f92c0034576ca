//! What the launcher left in the address space, as `/proc/self/maps` shows it (`man 5 proc_pid_maps`).

use crate::errno::{Errno, Error, Result};
use crate::layout::{LIBOS_BASE, LIBOS_END, TASK_SIZE};
use crate::ocall;
use crate::user::Sink;
use alloc::vec::Vec;
use core::ops::Range;

/// The memory around the image that concerns it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Where the launcher's memory lies, in ranges that may be wider than what is mapped; its stack is not among them,
    /// as the host shows the command line from there.
    pub(crate) leftovers: Vec<Range<usize>>,
    /// The host's vDSO.
    pub(crate) vdso: Option<Range<usize>>,
    /// The vDSO's data pages.
    pub(crate) vvar: Vec<Range<usize>>,
    /// The launcher's stack.
    pub(crate) stack: Option<Range<usize>>,
}

/// All mappings of the process, by ascending address.
struct AddressSpace {
    mappings: Vec<Mapping>,
}

struct Mapping {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Vdso,
    Vvar,
    Stack,
    Other,
}

impl Surroundings {
    /// What there is now.
    ///
    /// # Errors
    /// What opening and reading give; `EIO` if the host shows something else.
    pub(crate) fn read() -> Result<Self> {
        let file = ocall::file::open_host(c"/proc/self/maps", 0)?;
        // Room for what there usually is: a read ends at the end of a line, or of all.
        let mut text = alloc::vec![0; 4 << 10];
        let mut len = 0;
        loop {
            if len + 1024 > text.len() {
                text.resize(2 * text.len(), 0);
            }
            match ocall::file::read(&file, &mut Sink::buffer(&mut text[len..]))? {
                0 => break,
                count => len += count,
            }
        }
        let space = AddressSpace::parse(&text[..len]);
        Ok(space.ok_or(Error::new(Errno::EIO, "/proc/self/maps has an unknown format"))?.surroundings())
    }
}

impl AddressSpace {
    fn parse(text: &[u8]) -> Option<Self> {
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        Some(Self { mappings: lines.map(Mapping::parse).collect::<Option<_>>()? })
    }

    fn surroundings(&self) -> Surroundings {
        let mut around = Surroundings::default();
        for mapping in &self.mappings {
            match mapping.kind {
                Kind::Vdso => around.vdso = Some(mapping.range.clone()),
                Kind::Vvar => around.vvar.push(mapping.range.clone()),
                Kind::Stack => around.stack = Some(mapping.range.clone()),
                Kind::Other => {}
            }
        }
        let kept = self.mappings.iter().filter(|mapping| matches!(mapping.kind, Kind::Vdso | Kind::Vvar | Kind::Stack));
        let mut kept: Vec<_> = kept.map(|mapping| mapping.range.clone()).collect();
        kept.push(LIBOS_BASE..LIBOS_END);
        kept.sort_by_key(|range| range.start);
        // The gaps between what is kept, rather than the mappings: the launcher's heap may still grow.
        let mut start = 0;
        for range in kept.iter().chain([&(TASK_SIZE..TASK_SIZE)]) {
            if start < range.start {
                around.leftovers.push(start..range.start);
            }
            start = start.max(range.end);
        }
        around
    }
}

impl Mapping {
    /// Parses `start-end perms offset device inode path`, of which the addresses and the path matter here.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
        let (start, end) = str::from_utf8(fields.next()?).ok()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let _inode = fields.by_ref().take(4).last()?;
        let kind = match fields.next() {
            Some(b"[vdso]") => Kind::Vdso,
            Some(b"[stack]") => Kind::Stack,
            // One for each source of time: `[vvar]`, `[vvar_vclock]`.
            Some(name) if name.starts_with(b"[vvar") => Kind::Vvar,
            _ => Kind::Other,
        };
        Some(Self { range: number(start)?..number(end)?, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    const MAPS: &[u8] = b"\
55d0c1a00000-55d0c1b00000 r--p 00000000 fe:00 325843                     /usr/bin/with space
55d0c1b00000-55d0c1c00000 r-xp 00100000 fe:00 325843                     /usr/bin/with space
55d0c2000000-55d0c2021000 rw-p 00000000 00:00 0                          [heap]
7ffca8a10000-7ffca8a14000 r--p 00000000 00:00 0                          [vvar]
7ffca8a14000-7ffca8a16000 r--p 00000000 00:00 0                          [vvar_vclock]
7ffca8a16000-7ffca8a18000 r-xp 00000000 00:00 0                          [vdso]
7ffca8b00000-7ffca8b21000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn leftovers_are_all_but_what_is_kept() {
        let around = AddressSpace::parse(MAPS).unwrap().surroundings();
        assert_eq!(around.vdso, Some(0x7ffc_a8a1_6000..0x7ffc_a8a1_8000));
        assert_eq!(around.vvar, vec![0x7ffc_a8a1_0000..0x7ffc_a8a1_4000, 0x7ffc_a8a1_4000..0x7ffc_a8a1_6000]);
        assert_eq!(around.stack, Some(0x7ffc_a8b0_0000..0x7ffc_a8b2_1000));
        assert_eq!(
            around.leftovers,
            vec![
                0..LIBOS_BASE,
                LIBOS_END..0x7ffc_a8a1_0000,
                0x7ffc_a8a1_8000..0x7ffc_a8b0_0000,
                0x7ffc_a8b2_1000..TASK_SIZE,
            ]
        );
    }

    #[test]
    fn other_formats_are_refused() {
        for text in [&b"nonsense"[..], b"1000-2000", b"1000-x r--p 0 0:0 0", b"\xff-2000 r--p 0 0:0 0"] {
            assert!(AddressSpace::parse(text).is_none());
        }
    }
}
