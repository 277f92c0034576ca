//! The launcher's address space, as `/proc/self/maps` shows it (`man 5 proc_pid_maps`).

use crate::layout::{LIBOS_BASE, LIBOS_END, TASK_SIZE};
use core::ops::Range;
use std::fs::File;
use std::io::Read;
use std::vec::Vec;

/// The memory around the image that concerns it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Where the launcher's memory lies, in ranges that may be wider than what is mapped; its stack is not among them,
    /// as the host shows the command line from there.
    pub leftovers: Vec<Range<usize>>,
    /// The host's vDSO.
    pub vdso: Option<Range<usize>>,
    /// The vDSO's data pages.
    pub vvar: Vec<Range<usize>>,
}

/// All mappings of the process, by ascending address.
pub(super) struct AddressSpace {
    mappings: Vec<Mapping>,
}

struct Mapping {
    range: Range<usize>,
    offset: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Vdso,
    Vvar,
    Stack,
    Other,
}

impl AddressSpace {
    pub(super) fn read() -> std::io::Result<Self> {
        // Room for all of it, as the host doesn't tell the length beforehand.
        let mut text = Vec::with_capacity(16 << 10);
        File::open("/proc/self/maps")?.read_to_end(&mut text)?;
        Self::parse(&text).ok_or_else(|| std::io::Error::other("its format is unknown"))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        Some(Self { mappings: lines.map(Mapping::parse).collect::<Option<_>>()? })
    }

    /// Whether something is mapped in `range`.
    pub(super) fn is_taken(&self, range: Range<usize>) -> bool {
        self.mappings.iter().any(|mapping| mapping.range.start < range.end && range.start < mapping.range.end)
    }

    /// Where in its file lies the byte that is mapped at `addr`.
    pub(super) fn file_offset(&self, addr: usize) -> Option<usize> {
        let mapping = self.mappings.iter().find(|mapping| mapping.range.contains(&addr))?;
        (mapping.kind == Kind::File).then(|| mapping.offset + (addr - mapping.range.start))
    }

    pub(super) fn surroundings(&self) -> Surroundings {
        let mut around = Surroundings::default();
        for mapping in &self.mappings {
            match mapping.kind {
                Kind::Vdso => around.vdso = Some(mapping.range.clone()),
                Kind::Vvar => around.vvar.push(mapping.range.clone()),
                _ => {}
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
    /// Parses `start-end perms offset device inode path`; numbers but the inode's are hexadecimal.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
        let range = str::from_utf8(fields.next()?).ok()?;
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let offset = number(str::from_utf8(fields.nth(1)?).ok()?)?;
        let kind = match fields.nth(2) {
            Some(name) if name.starts_with(b"/") => Kind::File,
            Some(b"[vdso]") => Kind::Vdso,
            Some(b"[stack]") => Kind::Stack,
            // One for each source of time: `[vvar]`, `[vvar_vclock]`.
            Some(name) if name.starts_with(b"[vvar") => Kind::Vvar,
            _ => Kind::Other,
        };
        Some(Self { range: number(start)?..number(end)?, offset, kind })
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
    fn offsets_are_those_in_the_file() {
        let space = AddressSpace::parse(MAPS).unwrap();
        assert_eq!(space.file_offset(0x55d0_c1b0_2000), Some(0x10_2000));
        assert_eq!(space.file_offset(0x55d0_c200_0000), None);
        assert_eq!(space.file_offset(0x1000), None);
    }

    #[test]
    fn a_taken_place_is_found() {
        let space = AddressSpace::parse(MAPS).unwrap();
        assert!(!space.is_taken(LIBOS_BASE..LIBOS_END));
        assert!(space.is_taken(0x55d0_c202_0000..0x5600_0000_0000));
        assert!(!space.is_taken(0x55d0_c202_1000..0x5600_0000_0000));
    }

    #[test]
    fn other_formats_are_refused() {
        for text in [&b"nonsense"[..], b"1000-2000", b"1000-x r--p 0 0:0 0", b"1000-2000 r--p \xff 0:0 0"] {
            assert!(AddressSpace::parse(text).is_none());
        }
    }
}
