//! The embedded image's program headers (System V gABI, chapter 5).

use crate::layout::{LIBOS_BASE, LIBOS_END, page_ceil, page_floor};
use core::ops::Range;
use linux_raw_sys::general::{PROT_EXEC, PROT_READ, PROT_WRITE};
use std::vec::Vec;

/// What the launcher needs to know of the image.
#[derive(Debug)]
pub(super) struct Elf {
    pub(super) entry: usize,
    pub(super) segments: Vec<Segment>,
    /// Whole pages that are to be read-only from the start, as the image needs no relocation.
    pub(super) relro: Option<Range<usize>>,
}

/// A part of the image to be mapped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The pages that it covers.
    pub(super) pages: Range<usize>,
    /// Where its first page starts in the image's bytes.
    pub(super) offset: usize,
    /// The address at which the image's bytes end; zeroes follow.
    pub(super) file_end: usize,
    /// `PROT_*`.
    pub(super) prot: u32,
}

const ET_EXEC: u64 = 2;
const PT_LOAD: u64 = 1;
const PT_GNU_RELRO: u64 = 0x6474_e552;
const PROGRAM_HEADER_LEN: usize = 56;

impl Elf {
    /// Reads the headers of an executable that is linked to lie within the LibOS's addresses.
    pub(super) fn parse(image: &[u8]) -> Result<Self, &'static str> {
        const CUT: &str = "cut off";
        if !image.starts_with(b"\x7fELF\x02\x01\x01") {
            return Err("not an ELF64 file");
        }
        if field(image, 16, 2).ok_or(CUT)? != ET_EXEC as usize {
            return Err("not linked at a fixed address");
        }
        let mut elf = Self { entry: field(image, 24, 8).ok_or(CUT)?, segments: Vec::new(), relro: None };
        let table = field(image, 32, 8).ok_or(CUT)?;
        let count = field(image, 56, 2).ok_or(CUT)?;
        for index in 0..count {
            let at = table + index * PROGRAM_HEADER_LEN;
            let header = image.get(at..at + PROGRAM_HEADER_LEN).ok_or(CUT)?;
            match field(header, 0, 4).ok_or(CUT)? as u64 {
                PT_LOAD => elf.segments.push(Segment::parse(header, image.len())?),
                PT_GNU_RELRO => elf.relro = relro(header),
                _ => {}
            }
        }
        if elf.segments.iter().any(|segment| segment.prot & PROT_EXEC != 0 && segment.pages.contains(&elf.entry)) {
            Ok(elf)
        } else {
            Err("no entry point")
        }
    }
}

impl Segment {
    fn parse(header: &[u8], image_len: usize) -> Result<Self, &'static str> {
        const BAD: &str = "bad segment";
        let [flags, offset, start] = [(4, 4), (8, 8), (16, 8)].map(|(at, len)| field(header, at, len).unwrap_or(0));
        let [file_len, memory_len] = [32, 40].map(|at| field(header, at, 8).unwrap_or(0));
        let end = start.checked_add(memory_len).and_then(page_ceil).ok_or(BAD)?;
        let is_in_file = offset.checked_add(file_len).is_some_and(|end| end <= image_len) && file_len <= memory_len;
        let pages = page_floor(start)..end;
        if !is_in_file || start < LIBOS_BASE || end > LIBOS_END || start - pages.start != offset - page_floor(offset) {
            return Err(BAD);
        }
        let prot = [(4, PROT_READ), (2, PROT_WRITE), (1, PROT_EXEC)];
        Ok(Self {
            pages,
            offset: page_floor(offset),
            file_end: start + file_len,
            prot: prot.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, prot)| prot).sum(),
        })
    }
}

fn relro(header: &[u8]) -> Option<Range<usize>> {
    let start = field(header, 16, 8)?;
    let end = start.checked_add(field(header, 40, 8)?)?;
    let pages = page_floor(start)..page_floor(end);
    (!pages.is_empty()).then_some(pages)
}

/// The little-endian number of `len` bytes at `at`.
fn field(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn image(kind: u8, headers: &[[u64; 7]]) -> Vec<u8> {
        let mut image = vec![0; 64];
        image[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        image[16] = kind;
        image[24..32].copy_from_slice(&(LIBOS_BASE as u64 + 0x1010).to_le_bytes());
        image[32] = 64;
        image[56] = headers.len() as u8;
        for word in headers.iter().flatten() {
            image.extend(word.to_le_bytes());
        }
        image.resize(0x3000, 0xcc);
        image
    }

    /// Kind and flags, offset, address, length in file and in memory.
    fn header(kind: u64, flags: u64, offset: u64, addr: u64, lens: (u64, u64)) -> [u64; 7] {
        [kind | flags << 32, offset, LIBOS_BASE as u64 + addr, 0, lens.0, lens.1, 0x1000]
    }

    #[test]
    fn segments_are_widened_to_pages() {
        let text = header(PT_LOAD, 5, 0x10, 0x1010, (0x100, 0x100));
        let data = header(PT_LOAD, 6, 0x120, 0x3120, (0x20, 0x2000));
        let elf = Elf::parse(&image(2, &[text, data])).unwrap();
        assert_eq!(
            elf.segments,
            [
                Segment {
                    pages: LIBOS_BASE + 0x1000..LIBOS_BASE + 0x2000,
                    offset: 0,
                    file_end: LIBOS_BASE + 0x1110,
                    prot: PROT_READ | PROT_EXEC,
                },
                Segment {
                    pages: LIBOS_BASE + 0x3000..LIBOS_BASE + 0x6000,
                    offset: 0,
                    file_end: LIBOS_BASE + 0x3140,
                    prot: PROT_READ | PROT_WRITE,
                },
            ]
        );
    }

    #[test]
    fn relro_covers_whole_pages_only() {
        let text = header(PT_LOAD, 5, 0x10, 0x1010, (0x100, 0x100));
        let relro = header(PT_GNU_RELRO, 4, 0x10, 0x3010, (0x100, 0x1ff8));
        let elf = Elf::parse(&image(2, &[text, relro])).unwrap();
        assert_eq!(elf.relro, Some(LIBOS_BASE + 0x3000..LIBOS_BASE + 0x5000));
    }

    #[test]
    fn damaged_images_are_refused() {
        let text = header(PT_LOAD, 5, 0x10, 0x1010, (0x100, 0x100));
        let refused = |image: &[u8]| Elf::parse(image).unwrap_err();
        assert_eq!(refused(b""), "not an ELF64 file");
        assert_eq!(refused(&image(3, &[text])), "not linked at a fixed address");
        assert_eq!(refused(&image(2, &[])), "no entry point");
        assert_eq!(refused(&image(2, &[text])[..100]), "cut off");
        for bad in [
            header(PT_LOAD, 5, 0x10, 0x1020, (0x100, 0x100)),
            header(PT_LOAD, 5, 0x10, 0x1010, (0x100, 0x10)),
            header(PT_LOAD, 5, 0x10, 0x1010, (0x4000, 0x4000)),
            header(PT_LOAD, 5, 0x10, 0x100_0000_0010, (0x100, 0x100)),
            header(PT_LOAD, 5, 0x10, 0x1010, (0x100, u64::MAX)),
        ] {
            assert_eq!(refused(&image(2, &[text, bad])), "bad segment");
        }
    }
}
