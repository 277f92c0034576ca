//! ELF64 executables and shared objects for x86-64 (System V gABI chapters 4 and 5; `man 5 elf`).

use super::ReadAt;
use crate::prelude::*;
use core::ops::Range;
use frame::layout::{PAGE_SIZE, USER_MAX, page_ceil, page_floor};
use frame::ocall::mem::Prot;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// What a program's headers say, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Whether it must lie where it was linked.
    pub placement: Placement,
    /// Address of the first instruction, as linked.
    pub entry: usize,
    /// Address of the program headers in memory as linked, if a segment holds them.
    pub headers: Option<usize>,
    /// Number of program headers.
    pub header_count: usize,
    /// What is to be mapped, by ascending address; no two overlap.
    pub segments: Vec<Segment>,
    /// Path of the program interpreter.
    pub interpreter: Option<Vec<u8>>,
    /// Address of the table of functions as linked, if there is one (`.eh_frame_hdr`).
    pub function_table: Option<usize>,
    /// Alignment that the segments ask for, at least a page.
    pub align: usize,
    /// Whether the stack is to be executable (`PT_GNU_STACK`).
    pub executable_stack: bool,
}

/// Where a program may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// At its linked addresses (`ET_EXEC`).
    Fixed,
    /// Anywhere (`ET_DYN`).
    Anywhere,
}

/// A part of the file to be mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Addresses as linked; bytes behind the file's part are zero.
    pub memory: Range<usize>,
    /// Where its bytes start in the file.
    pub offset: u64,
    /// How many bytes come from the file.
    pub file_len: usize,
    /// What may be done with it.
    pub prot: Prot,
}

/// Length of the file header, and of a program header.
pub const HEADER_LEN: usize = size_of::<FileHeader>();
/// Length of a program header.
pub const PROGRAM_HEADER_LEN: usize = size_of::<ProgramHeader>();

/// Linux reads at most this many bytes of program headers (`load_elf_phdrs`).
const MAX_PROGRAM_HEADERS: usize = 65536 / PROGRAM_HEADER_LEN;
/// The longest path of an interpreter (`PATH_MAX`).
const MAX_INTERPRETER: u64 = 4096;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct FileHeader {
    ident: [u8; 16],
    kind: u16,
    machine: u16,
    version: u32,
    entry: u64,
    phoff: u64,
    shoff: u64,
    flags: u32,
    ehsize: u16,
    phentsize: u16,
    phnum: u16,
    shentsize: u16,
    shnum: u16,
    shstrndx: u16,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    vaddr: u64,
    paddr: u64,
    filesz: u64,
    memsz: u64,
    align: u64,
}

const MAGIC: &[u8] = b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
const PT_GNU_STACK: u32 = 0x6474_e551;

/// Reads and checks the headers of a program.
///
/// # Errors
/// `ENOEXEC` with a reason for anything that isn't a sound x86-64 program; what reading gives.
pub fn parse<F: ReadAt + ?Sized>(file: &F) -> Result<Elf> {
    let mut header = FileHeader::new_zeroed();
    read_exact(file, 0, header.as_mut_bytes(), "the file is shorter than an ELF header")?;
    check_header(&header)?;
    let mut headers = vec![ProgramHeader::new_zeroed(); usize::from(header.phnum)];
    read_exact(file, header.phoff, headers.as_mut_bytes(), "the program headers are truncated")?;

    let placement = if header.kind == ET_EXEC { Placement::Fixed } else { Placement::Anywhere };
    let mut elf = Elf {
        placement,
        entry: header.entry as usize,
        headers: None,
        header_count: headers.len(),
        segments: Vec::new(),
        interpreter: None,
        function_table: None,
        align: PAGE_SIZE,
        executable_stack: false,
    };
    for program in &headers {
        match program.kind {
            PT_LOAD if program.memsz > 0 => {
                if program.align.is_power_of_two() {
                    elf.align = elf.align.max(program.align as usize);
                }
                elf.segments.push(segment(program)?);
            }
            PT_INTERP if elf.interpreter.is_none() => elf.interpreter = Some(interpreter(file, program)?),
            PT_GNU_EH_FRAME => elf.function_table = Some(program.vaddr as usize),
            PT_GNU_STACK => elf.executable_stack = program.flags & 1 != 0,
            _ => {}
        }
    }
    check_segments(&mut elf.segments)?;
    elf.headers = elf.segments.iter().find_map(|segment| {
        let within = header.phoff.checked_sub(segment.offset)? as usize;
        let end = within.checked_add(headers.len() * PROGRAM_HEADER_LEN)?;
        (end <= segment.file_len).then_some(segment.memory.start + within)
    });
    Ok(elf)
}

impl Elf {
    /// The pages from the first to the last segment, as linked.
    pub fn span(&self) -> Range<usize> {
        let start = self.segments.first().map_or(0, |segment| page_floor(segment.memory.start));
        let end = self.segments.last().map_or(0, |segment| page_ceil(segment.memory.end).unwrap_or(0));
        start..end
    }

    /// Where the byte at `addr`, as linked, stands in the file, and how many follow in its segment.
    pub fn place_in_file(&self, addr: usize) -> Option<(u64, usize)> {
        let segment = self.segments.iter().rfind(|segment| segment.memory.start <= addr)?;
        let within = addr - segment.memory.start;
        (within < segment.file_len).then(|| (segment.offset + within as u64, segment.file_len - within))
    }
}

fn check_header(header: &FileHeader) -> Result<()> {
    if &header.ident[..4] != MAGIC {
        bail!(ENOEXEC, "not an ELF file");
    }
    if header.ident[4] != CLASS_64 || header.ident[5] != LITTLE_ENDIAN {
        bail!(ENOEXEC, "not a 64-bit little-endian program");
    }
    if header.machine != EM_X86_64 {
        bail!(ENOEXEC, "not a program for x86-64");
    }
    if header.kind != ET_EXEC && header.kind != ET_DYN {
        bail!(ENOEXEC, "neither an executable nor a shared object");
    }
    if usize::from(header.phentsize) != PROGRAM_HEADER_LEN {
        bail!(ENOEXEC, "program headers of a wrong size");
    }
    if header.phnum == 0 || usize::from(header.phnum) > MAX_PROGRAM_HEADERS {
        bail!(ENOEXEC, "no program headers, or too many");
    }
    Ok(())
}

fn segment(program: &ProgramHeader) -> Result<Segment> {
    let overflow = err!(ENOEXEC, "a segment lies outside the address space");
    let start = usize::try_from(program.vaddr).map_err(|_| overflow)?;
    let len = usize::try_from(program.memsz).map_err(|_| overflow)?;
    let end = start.checked_add(len).filter(|&end| end <= USER_MAX).ok_or(overflow)?;
    if program.filesz > program.memsz {
        bail!(ENOEXEC, "a segment's part in the file is longer than in memory");
    }
    if program.offset.checked_add(program.filesz).is_none_or(|end| end > i64::MAX as u64) {
        bail!(ENOEXEC, "a segment lies outside the file");
    }
    if !(program.offset as usize).wrapping_sub(start).is_multiple_of(PAGE_SIZE) {
        bail!(ENOEXEC, "a segment's offset and address differ within a page");
    }
    let mut prot = Prot::empty();
    prot.set(Prot::EXEC, program.flags & 1 != 0);
    prot.set(Prot::WRITE, program.flags & 2 != 0);
    prot.set(Prot::READ, program.flags & 4 != 0);
    Ok(Segment { memory: start..end, offset: program.offset, file_len: program.filesz as usize, prot })
}

fn check_segments(segments: &mut [Segment]) -> Result<()> {
    if segments.is_empty() {
        bail!(ENOEXEC, "nothing to load");
    }
    segments.sort_by_key(|segment| segment.memory.start);
    if segments.windows(2).any(|pair| pair[0].memory.end > pair[1].memory.start) {
        bail!(ENOEXEC, "segments overlap");
    }
    Ok(())
}

fn interpreter<F: ReadAt + ?Sized>(file: &F, program: &ProgramHeader) -> Result<Vec<u8>> {
    if program.filesz < 2 || program.filesz > MAX_INTERPRETER {
        bail!(ENOEXEC, "the interpreter's path is empty or too long");
    }
    let mut path = vec![0; program.filesz as usize];
    read_exact(file, program.offset, &mut path, "the interpreter's path is truncated")?;
    if path.pop() != Some(0) {
        bail!(ENOEXEC, "the interpreter's path doesn't end");
    }
    if let Some(end) = path.iter().position(|&byte| byte == 0) {
        path.truncate(end);
    }
    Ok(path)
}

fn read_exact<F: ReadAt + ?Sized>(file: &F, offset: u64, buffer: &mut [u8], reason: &'static str) -> Result<()> {
    let truncated = Error::new(Errno::ENOEXEC, reason);
    if offset > i64::MAX as u64 {
        return Err(truncated);
    }
    if file.read_at(offset, buffer)? == buffer.len() { Ok(()) } else { Err(truncated) }
}
