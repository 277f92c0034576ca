//! Finds the `cpuid` instructions of a program.
//!
//! Their two bytes may as well be part of another instruction or data, so what counts is what a decoder meets that starts at
//! the beginning of a function (`frame::patch::reached_cpuids`). Where functions begin and end is in the table that
//! exceptions are unwound by (LSB core specification, 10.6). Where there's no such table, nothing is found.

use super::ReadAt;
use super::elf::{Elf, Segment};
use crate::prelude::*;
use core::ops::Range;
use frame::ocall::mem::Prot;
use frame::patch::{CPUID, CpuidSite, reached_cpuids};
use gimli::{BaseAddresses, EhFrame, EhFrameHdr, LittleEndian, Pointer, UnwindSection};
use memchr::memmem::Finder;

/// The most code that is searched: programs that have more start slowly anyway.
const MAX_CODE: usize = 8 << 20;
/// How much code is looked at in one go.
const BLOCK: usize = 64 << 10;
/// The longest table of functions that is read.
const MAX_TABLE: usize = 4 << 20;
/// The longest function that is decoded.
const MAX_FUNCTION: u64 = 64 << 10;

/// A program's `cpuid` instructions, ascending; their addresses are as linked.
///
/// # Errors
/// What reading gives.
pub(super) fn find<F: ReadAt + ?Sized>(file: &F, elf: &Elf) -> Result<Vec<CpuidSite>> {
    let code: Vec<&Segment> = elf.segments.iter().filter(|segment| is_code(segment)).collect();
    if code.iter().map(|segment| segment.file_len).sum::<usize>() > MAX_CODE {
        return Ok(Vec::new());
    }
    let mut hits = Vec::new();
    for segment in code {
        search(file, segment, &mut hits)?;
    }
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let Some(table) = FunctionTable::read(file, elf)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut decoded_to = 0;
    for hit in hits {
        if hit < decoded_to {
            continue;
        }
        let Some(function) = table.function_around(hit) else { continue };
        decoded_to = function.end;
        let Some(code) = read(file, elf, &function)? else { continue };
        found.extend(reached_cpuids(function.start as u64, &code));
    }
    Ok(found)
}

fn is_code(segment: &Segment) -> bool {
    segment.prot.contains(Prot::READ | Prot::EXEC) && !segment.prot.contains(Prot::WRITE)
}

/// Adds the addresses of all bytes like those of the instruction to `hits`.
fn search<F: ReadAt + ?Sized>(file: &F, segment: &Segment, hits: &mut Vec<usize>) -> Result<()> {
    let finder = Finder::new(&CPUID);
    let mut block = vec![0; BLOCK.min(segment.file_len)];
    let mut done = 0;
    while done + CPUID.len() <= segment.file_len {
        let len = block.len().min(segment.file_len - done);
        let count = file.read_at(segment.offset + done as u64, &mut block[..len])?;
        hits.extend(finder.find_iter(&block[..count]).map(|at| segment.memory.start + done + at));
        if count < CPUID.len() {
            break;
        }
        // The bytes may lie across the end.
        done += count - (CPUID.len() - 1);
    }
    Ok(())
}

/// The bytes that the file has for `range`, if it has all of them.
fn read<F: ReadAt + ?Sized>(file: &F, elf: &Elf, range: &Range<usize>) -> Result<Option<Vec<u8>>> {
    let Some((offset, _)) = elf.place_in_file(range.start).filter(|&(_, len)| len >= range.len()) else {
        return Ok(None);
    };
    let mut bytes = vec![0; range.len()];
    let count = file.read_at(offset, &mut bytes)?;
    Ok((count == bytes.len()).then_some(bytes))
}

/// Where a program's functions begin and end.
struct FunctionTable {
    bases: BaseAddresses,
    header: Vec<u8>,
    frames: Vec<u8>,
}

impl FunctionTable {
    fn read<F: ReadAt + ?Sized>(file: &F, elf: &Elf) -> Result<Option<Self>> {
        let Some(addr) = elf.function_table else { return Ok(None) };
        let Some(header) = read_from(file, elf, addr)? else { return Ok(None) };
        let bases = BaseAddresses::default().set_eh_frame_hdr(addr as u64);
        let frames_addr = match EhFrameHdr::new(&header, LittleEndian).parse(&bases, size_of::<u64>() as u8) {
            Ok(parsed) => parsed.eh_frame_ptr(),
            Err(_) => return Ok(None),
        };
        let Pointer::Direct(frames_addr) = frames_addr else { return Ok(None) };
        let Some(frames) = read_from(file, elf, frames_addr as usize)? else { return Ok(None) };
        Ok(Some(Self { bases: bases.set_eh_frame(frames_addr), header, frames }))
    }

    /// The function that `addr` lies in. Where the kernel returns to from a signal handler, the table has no beginning of
    /// a function.
    fn function_around(&self, addr: usize) -> Option<Range<usize>> {
        let header = EhFrameHdr::new(&self.header, LittleEndian).parse(&self.bases, size_of::<u64>() as u8).ok()?;
        let frames = EhFrame::new(&self.frames, LittleEndian);
        let entry = header
            .table()?
            .fde_for_address(&frames, &self.bases, addr as u64, EhFrame::cie_from_offset)
            .ok()
            .filter(|entry| !entry.is_signal_trampoline() && entry.len() <= MAX_FUNCTION)?;
        let start = entry.initial_address() as usize;
        Some(start..start.checked_add(entry.len() as usize)?)
    }
}

/// What the file has from `addr` on up to the end of the segment.
fn read_from<F: ReadAt + ?Sized>(file: &F, elf: &Elf, addr: usize) -> Result<Option<Vec<u8>>> {
    match elf.place_in_file(addr) {
        Some((_, len)) if len <= MAX_TABLE => read(file, elf, &(addr..addr + len)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::elf;
    use super::*;

    /// `cpuid` instructions of the host's dynamic linker, which sets itself up by dozens of them.
    #[test]
    fn those_of_the_dynamic_linker_are_found() {
        let Ok(file) = std::fs::read("/lib64/ld-linux-x86-64.so.2") else { return };
        let elf = elf::parse(&file[..]).unwrap();
        let found = find(&file[..], &elf).unwrap();
        assert!(found.len() > 20, "{found:?}");
        assert!(found.is_sorted_by_key(|site| site.addr));
        for site in &found {
            let (offset, _) = elf.place_in_file(site.addr as usize + usize::from(site.lead_len)).unwrap();
            assert_eq!(file[offset as usize..][..2], CPUID);
        }
    }

    #[test]
    fn nothing_is_found_without_a_table_of_functions() {
        let Ok(file) = std::fs::read("/lib64/ld-linux-x86-64.so.2") else { return };
        let mut elf = elf::parse(&file[..]).unwrap();
        for table in [None, Some(0), Some(elf.span().start), Some(elf.span().end), Some(usize::MAX)] {
            elf.function_table = table;
            assert_eq!(find(&file[..], &elf), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_damaged_table_of_functions_does_no_harm() {
        let Ok(mut file) = std::fs::read("/lib64/ld-linux-x86-64.so.2") else { return };
        let elf = elf::parse(&file[..]).unwrap();
        let Some((offset, _)) = elf.function_table.and_then(|addr| elf.place_in_file(addr)) else { return };
        let mut random = 1_u64;
        for _ in 0..200 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = offset as usize + (random >> 33) as usize % 0x2000;
            if let Some(byte) = file.get_mut(at) {
                *byte = (random >> 56) as u8;
            }
            find(&file[..], &elf).unwrap();
        }
    }
}
