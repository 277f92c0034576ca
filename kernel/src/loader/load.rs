//! Maps a program, and its interpreter, into a fresh memory.

use super::ReadAt;
use super::elf::{Elf, Placement, Segment};
use super::known::{Contents, Known};
use crate::fs::{ExecutableFile, File};
use crate::mm::{MapRequest, Memory, Place};
use crate::prelude::*;
use core::ops::Range;
use frame::layout::{PAGE_SIZE, page_ceil, page_floor};
use frame::ocall::mem::{Prot, Sharing};
use frame::patch::CpuidSite;

/// A program in memory.
#[derive(Clone)]
pub struct Loaded {
    /// Where the first thread starts: in the interpreter, if there is one.
    pub start: usize,
    /// Entry point of the program itself (`AT_ENTRY`).
    pub entry: usize,
    /// Its program headers in memory (`AT_PHDR`), 0 if no segment holds them.
    pub headers: usize,
    /// Their number.
    pub header_count: usize,
    /// Where the interpreter was loaded (`AT_BASE`), 0 without one.
    pub interpreter_base: usize,
    /// First address behind the program, where its `brk` area may start.
    pub end: usize,
    /// Whether the stack is to be executable.
    pub executable_stack: bool,
}

impl ReadAt for dyn File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let count = File::read_at(self, offset + done as u64, &mut Sink::buffer(&mut buffer[done..]))?;
            if count == 0 {
                break;
            }
            done += count;
        }
        Ok(done)
    }
}

/// A program and its interpreter, with their headers checked.
pub struct Executable {
    program: Arc<Known>,
    interpreter: Option<Arc<Known>>,
}

impl Executable {
    /// The program `program` with its interpreter, which `find` finds by path.
    ///
    /// # Errors
    /// `ENOENT` and so on for a missing interpreter, `ELIBBAD` for one that is no program.
    pub fn new(program: Arc<Known>, find: impl FnOnce(&[u8]) -> Result<ExecutableFile>) -> Result<Self> {
        let interpreter = match elf_of(&program)?.interpreter.as_ref() {
            Some(path) => {
                let known = Known::look_up(&find(path)?).map_err(|error| match error.errno() {
                    // Linux's errno for an interpreter that is no program.
                    Errno::ENOEXEC => Error::new(Errno::ELIBBAD, error.reason()),
                    _ => error,
                })?;
                elf_of(&known).map_err(|error| Error::new(Errno::ELIBBAD, error.reason()))?;
                Some(known)
            }
            None => None,
        };
        Ok(Self { program, interpreter })
    }

    /// The program.
    pub fn program(&self) -> &Known {
        &self.program
    }

    /// The interpreter, if there is one.
    pub fn interpreter(&self) -> Option<&Known> {
        self.interpreter.as_deref()
    }

    /// Where it must lie, if not anywhere.
    pub fn fixed_range(&self) -> Option<Range<usize>> {
        let elf = elf_of(&self.program).ok()?;
        (elf.placement == Placement::Fixed).then(|| elf.span())
    }

    /// Maps the program and its interpreter.
    ///
    /// # Errors
    /// `ENOMEM`, `ENOEXEC` for a file that is shorter than it says.
    pub fn load(&self, memory: &Memory) -> Result<Loaded> {
        let elf = elf_of(&self.program)?;
        let bias = map_known(memory, &self.program)?;
        let at = |addr: usize| addr.wrapping_add(bias);
        let entry = at(elf.entry);
        let mut loaded = Loaded {
            start: entry,
            entry,
            headers: elf.headers.map_or(0, at),
            header_count: elf.header_count,
            interpreter_base: 0,
            end: at(elf.span().end),
            executable_stack: elf.executable_stack,
        };
        if let Some(interpreter) = &self.interpreter {
            let elf = elf_of(interpreter)?;
            let bias = map_known(memory, interpreter)?;
            interpreter.count_run();
            loaded.interpreter_base = bias;
            loaded.start = elf.entry.wrapping_add(bias);
        }
        Ok(loaded)
    }
}

fn elf_of(known: &Known) -> Result<&Elf> {
    match &known.contents {
        Contents::Program(elf) => Ok(elf),
        Contents::Script(_) => Err(err!(ENOEXEC, "a script, where a program is needed")),
    }
}

/// Maps a program, and has the LibOS answer its `cpuid` instructions; gives by how much it lies higher than linked.
fn map_known(memory: &Memory, known: &Known) -> Result<usize> {
    let bias = map_all(memory, &known.file, elf_of(known)?)?;
    let moved = |site: &CpuidSite| CpuidSite { addr: site.addr.wrapping_add(bias as u64), ..*site };
    let sites: Vec<CpuidSite> = known.cpuids().iter().map(moved).collect();
    memory.patch_cpuids(&sites);
    Ok(bias)
}

/// Maps all segments; gives by how much they lie higher than linked.
fn map_all(memory: &Memory, file: &Arc<dyn File>, elf: &Elf) -> Result<usize> {
    let span = elf.span();
    let base = match elf.placement {
        Placement::Fixed => {
            memory.map(MapRequest::anonymous(Place::FixedNoReplace(span.start), span.len(), Prot::empty()))
        }
        Placement::Anywhere => memory.map(MapRequest::anonymous(Place::Aligned(elf.align), span.len(), Prot::empty())),
    }
    .map_err(|error| match error.errno() {
        Errno::EPERM => error,
        _ => Error::new(Errno::ENOMEM, error.reason()),
    })?;
    let bias = base.wrapping_sub(span.start);
    // What lies between the segments is no part of the program.
    let mut covered = base;
    for segment in &elf.segments {
        let pages = map_segment(memory, file, segment, bias)?;
        if covered < pages.start {
            memory.unmap(covered..pages.start)?;
        }
        covered = covered.max(pages.end);
    }
    Ok(bias)
}

/// Maps one segment; gives the pages that it covers.
fn map_segment(memory: &Memory, file: &Arc<dyn File>, segment: &Segment, bias: usize) -> Result<Range<usize>> {
    let start = segment.memory.start.wrapping_add(bias);
    let end = segment.memory.end.wrapping_add(bias);
    let file_end = start + segment.file_len;
    let pages = page_floor(start)..page_ceil(end).ok_or(Errno::ENOEXEC)?;
    let file_pages = page_floor(start)..page_ceil(file_end).ok_or(Errno::ENOEXEC)?;
    let mut zero_from = pages.start;
    if segment.file_len > 0 {
        let source = file.map_source(segment.prot, Sharing::Private)?;
        let offset = segment.offset - (start - pages.start) as u64;
        memory.map(MapRequest {
            source: Some((source, offset)),
            ..MapRequest::anonymous(Place::Fixed(file_pages.start), file_pages.len(), segment.prot)
        })?;
        zero_from = file_pages.end;
    }
    if zero_from < pages.end {
        memory.map(MapRequest::anonymous(Place::Fixed(zero_from), pages.end - zero_from, segment.prot))?;
    }
    // The rest of the last page that comes from the file is zero; in a read-only segment nobody looks at it.
    if segment.memory.len() > segment.file_len
        && segment.prot.contains(Prot::WRITE)
        && !file_end.is_multiple_of(PAGE_SIZE)
        && segment.file_len > 0
    {
        UserSlice::new(file_end, file_pages.end - file_end)?
            .zero()
            .map_err(|_| err!(ENOEXEC, "the file is shorter than its segments say"))?;
    }
    Ok(pages)
}
