//! How the LibOS comes to life in the process that the launcher prepared.

use crate::context::UserContext;
use crate::errno::{Error, Result};
use crate::layout::{HEAP_BASE, HUGE_PAGE, LIBOS_BASE, LIBOS_END, PAGES_BASE, PAGES_SIZE, SCRATCH_BASE, VDSO_BASE};
use crate::surroundings::Surroundings;
use crate::sync::Once;
use crate::thread::{self, Handle, Task, ThreadBlock};
use crate::{heap, ocall, trap, vdso};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_void};
use core::fmt::Write;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Exit status when Enclos itself fails, as container runtimes have it.
pub const FAILURE_STATUS: i32 = 125;

/// How much of the heap every program uses, in bytes.
const BOOT_HEAP: usize = 96 << 10;

static BOOTED: AtomicBool = AtomicBool::new(false);
static TEXT: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
static KERNEL: Once<Kernel> = Once::new();

/// What the frame calls in the kernel outside of any task.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// A signal came from outside.
    pub host_signal: fn(i32, trap::Sender),
}

/// What the launcher hands over.
#[derive(Debug)]
pub enum Handover {
    /// A configuration that it encoded.
    Config(&'static [u8]),
    /// The arguments and the environment of the host process: there are no options.
    Plain {
        /// `enclos run PROGRAM ARGS…`.
        args: Vec<Vec<u8>>,
        /// `NAME=VALUE` each, usually.
        env: Vec<Vec<u8>>,
    },
}

/// The program's first thread.
pub struct FirstTask {
    /// Its task.
    pub task: Arc<dyn Task>,
    /// Its registers.
    pub context: Box<UserContext>,
    /// Learns the thread's handle before it runs.
    pub announce: Box<dyn FnOnce(Handle)>,
}

/// Maps the arena and makes the heap usable. The image calls it first of all, once.
///
/// # Errors
/// `ENOMEM` and what else the host gives.
///
/// # Safety
/// Runs in the image, at its linked address, before anything else does.
pub unsafe fn init() -> Result<()> {
    let segments = image_segments();
    TEXT[0].store(segments.text.start, Ordering::Relaxed);
    TEXT[1].store(segments.text.end, Ordering::Relaxed);
    // SAFETY: nothing uses the arena yet. The image's data is swapped for shared memory of the same contents, so that
    // all host processes see the same statics; the heap's place serves as scratch before the heap is there.
    unsafe {
        if !segments.data.is_empty() {
            ocall::mem::make_shared(segments.data.start, segments.data.len(), HEAP_BASE)?;
        }
        ocall::mem::map_arena()?;
        ocall::mem::populate(HEAP_BASE, BOOT_HEAP);
        heap::init();
    }
    Ok(())
}

/// Leaves the launcher's stack, cleans up behind it, and runs what `start` gives. `start` runs on a LibOS stack.
pub fn run(kernel: Kernel, start: fn() -> Result<FirstTask>) -> ! {
    KERNEL.call_once(|| kernel);
    START.call_once(|| start);
    match thread::run_first(first_thread) {
        Err(error) => die_with("no memory for the first thread", error),
        Ok(never) => match never {},
    }
}

static START: Once<fn() -> Result<FirstTask>> = Once::new();

extern "C" fn first_thread(_block: *mut ThreadBlock) -> ! {
    crate::schedule::note_launch();
    match Surroundings::read() {
        Ok(around) => clean_up(&around),
        Err(error) => die_with("the address space isn't known", error),
    }
    raise_descriptor_limit();
    ocall::process::keep_stderr();
    if let Err(error) = trap::install() {
        die_with("the host refuses signal handlers", error);
    }
    let start = START.get().copied();
    match start.map(|start| start()) {
        Some(Ok(FirstTask { task, mut context, announce })) => thread::become_task(task, &mut context, announce),
        Some(Err(error)) => die_with("the program can't be started", error),
        None => die("nothing to start"),
    }
}

fn clean_up(around: &Surroundings) {
    for gap in [image_end()..HEAP_BASE, PAGES_BASE + PAGES_SIZE..LIBOS_END] {
        // SAFETY: address space that the launcher has reserved for the image and its arena, which have come; the host would
        // copy the reservations with each host process.
        unsafe { ocall::mem::unmap_leftover(gap.start, gap.len()) };
    }
    let pages = around.vdso.iter().chain(&around.vvar);
    let base = pages.clone().map(|range| range.start).min();
    if let (Some(base), Some(vdso_range)) = (base, &around.vdso) {
        let moved = pages.map(|range| (range.start, range.len(), VDSO_BASE + (range.start - base)));
        for (start, len, to) in moved {
            // SAFETY: nobody has called into the vDSO since the launcher jumped here; the place is the LibOS's own.
            if let Err(error) = unsafe { ocall::mem::move_host_pages(start, len, to) } {
                die_with("the host's vDSO can't be moved", error);
            }
        }
        let start = VDSO_BASE + (vdso_range.start - base);
        // SAFETY: the vDSO was just moved there.
        unsafe { vdso::init(start..start + vdso_range.len()) };
    }
    for range in &around.leftovers {
        // SAFETY: the launcher's memory; its configuration was copied and its stack left.
        unsafe { ocall::mem::unmap_leftover(range.start, range.len()) };
    }
    if let Some(stack) = &around.stack {
        ocall::mem::leave_out_of_copies(stack);
    }
}

/// Programs' descriptors need some of the host's; what they may have themselves is the LibOS's affair.
fn raise_descriptor_limit() {
    const RLIMIT_NOFILE: u32 = 7;
    if let Ok([soft, hard]) = ocall::process::limit(RLIMIT_NOFILE)
        && soft < hard
    {
        // A host that refuses leaves us with the soft limit.
        let _ = ocall::process::set_limit(RLIMIT_NOFILE, [hard, hard]);
    }
}

/// `%gs` points to a block from now on, in each thread of the image.
pub(crate) fn note_booted() {
    BOOTED.store(true, Ordering::SeqCst);
}

/// Whether this is the image, past the launcher; false in unit tests and in the command line.
pub fn is_booted() -> bool {
    BOOTED.load(Ordering::Relaxed)
}

/// The image's code.
pub(crate) fn text() -> Range<usize> {
    TEXT[0].load(Ordering::Relaxed)..TEXT[1].load(Ordering::Relaxed)
}

pub(crate) fn host_signal(signal: i32, sender: trap::Sender) {
    if let Some(kernel) = KERNEL.get() {
        (kernel.host_signal)(signal, sender);
    }
}

/// Ends the LibOS with a message.
pub fn die(message: &str) -> ! {
    say(format_args!("enclos: {message}\n"));
    ocall::process::exit(FAILURE_STATUS)
}

pub(crate) fn die_with(message: &str, error: Error) -> ! {
    say(format_args!("enclos: {message}: {error}\n"));
    ocall::process::exit(FAILURE_STATUS)
}

/// A fault in the LibOS itself: a bug, which ends it before it can do harm.
pub(crate) fn die_of_fault(signal: i32, rip: usize, addr: usize, rsp: usize, rbp: usize) -> ! {
    say(format_args!(
        "enclos: internal error: signal {signal} at {rip:#x} for address {addr:#x} (rsp {rsp:#x}, rbp {rbp:#x}); \
         please report this\n"
    ));
    ocall::process::exit(FAILURE_STATUS)
}

/// Writes to the host's standard error, without the heap.
pub fn say(message: core::fmt::Arguments<'_>) {
    struct Line {
        bytes: [u8; 512],
        len: usize,
    }
    impl Write for Line {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            let room = &mut self.bytes[self.len..];
            let count = text.len().min(room.len());
            room[..count].copy_from_slice(&text.as_bytes()[..count]);
            self.len += count;
            Ok(())
        }
    }
    let mut line = Line { bytes: [0; 512], len: 0 };
    // A message that is too long is cut.
    let _ = line.write_fmt(message);
    ocall::process::write_stderr(&line.bytes[..line.len]);
}

struct Segments {
    text: Range<usize>,
    data: Range<usize>,
}

/// The image's own code and writable data, from its program headers.
fn image_segments() -> Segments {
    #[repr(C)]
    struct FileHeader {
        _ident: [u8; 32],
        phoff: u64,
        _rest: [u8; 14],
        phentsize: u16,
        phnum: u16,
    }
    #[repr(C)]
    struct ProgramHeader {
        kind: u32,
        flags: u32,
        _offset: u64,
        vaddr: u64,
        _paddr: u64,
        _filesz: u64,
        memsz: u64,
    }
    unsafe extern "C" {
        #[link_name = "__ehdr_start"]
        static HEADER: FileHeader;
    }
    const PT_LOAD: u32 = 1;
    const PT_GNU_RELRO: u32 = 0x6474_e552;
    let mut segments = Segments { text: 0..0, data: 0..0 };
    let mut relro_end = 0;
    // SAFETY: the linker puts the file header at the start of the image and describes the program headers in it.
    unsafe {
        let base = &raw const HEADER;
        for index in 0..usize::from((*base).phnum) {
            let at = base as usize + (*base).phoff as usize + index * usize::from((*base).phentsize);
            let header = &*(at as *const ProgramHeader);
            let start = header.vaddr as usize;
            let range = start..start + header.memsz as usize;
            match header.kind {
                PT_LOAD if header.flags & 1 != 0 => segments.text = range,
                PT_LOAD if header.flags & 2 != 0 => segments.data = range,
                PT_GNU_RELRO => relro_end = range.end,
                _ => {}
            }
        }
    }
    let start = crate::layout::page_floor(segments.data.start.max(relro_end));
    let end = crate::layout::page_ceil(segments.data.end).unwrap_or(start);
    segments.data = start..end.max(start);
    segments
}

/// First address behind the image: its data lie in places of huge pages.
fn image_end() -> usize {
    let Segments { data, .. } = image_segments();
    data.start + data.len().next_multiple_of(HUGE_PAGE)
}

/// Moves the image into huge pages.
pub(crate) fn make_image_huge() -> Result<()> {
    let Segments { data, .. } = image_segments();
    let constant = LIBOS_BASE..LIBOS_BASE + (data.start - LIBOS_BASE) / HUGE_PAGE * HUGE_PAGE;
    // SAFETY: the image starts there, and what it writes lies behind. Nothing but this uses the scratch place: the caller is
    // the only one in its host process.
    unsafe { ocall::mem::make_huge(&constant, SCRATCH_BASE)? };
    data.step_by(HUGE_PAGE).try_for_each(ocall::mem::collapse)
}

/// What the launcher handed over, by the two words that it gave to the image's entry point.
///
/// # Safety
/// The launcher's buffer and its length, or the initial stack of the process and 0, or null.
#[doc(hidden)]
pub unsafe fn handed_over(start: *const c_void, len: usize) -> Handover {
    if start.is_null() || len > 64 << 20 {
        die("the image was started without its launcher; use `enclos run`");
    }
    if len > 0 {
        // SAFETY: the launcher passes a buffer of that length, which stays until its memory is cleaned up.
        return Handover::Config(unsafe { core::slice::from_raw_parts(start.cast(), len) });
    }
    let stack = start.cast::<usize>();
    // SAFETY: the count of arguments, the arguments, null, the environment, null (x86-64 psABI, 3.4.1).
    unsafe {
        let args = stack.add(1).cast();
        Handover::Plain { args: strings(args), env: strings(args.add(*stack + 1)) }
    }
}

/// Copies of the strings of a list that ends in null.
///
/// # Safety
/// It is one.
unsafe fn strings(list: *const *const c_char) -> Vec<Vec<u8>> {
    // SAFETY: passed on to the caller; the null isn't passed.
    let pointers = (0..).map(|index| unsafe { *list.add(index) }).take_while(|string| !string.is_null());
    // SAFETY: passed on to the caller.
    pointers.map(|string| unsafe { CStr::from_ptr(string) }.to_bytes().to_vec()).collect()
}

/// Reports a panic, which is a bug of the LibOS, and ends it.
pub fn die_of_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say(format_args!("enclos: internal error: {info}; please report this\n"));
    ocall::process::exit(FAILURE_STATUS)
}
