//! The frame on the program's stack that a handler runs on (`arch/x86/include/asm/sigframe.h`'s layout).

use super::deliver::{FaultDetails, handler_mask};
use super::disposition::{Action, ActionFlags};
use super::state::{AlternateStack, SS_AUTODISARM};
use super::{SigInfo, SigSet, Signal, send};
use crate::prelude::*;
use crate::process::Thread;
use frame::context::UserContext;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Offsets and length of `struct rt_sigframe`: return address, `ucontext_t`, `siginfo_t`; the `XSAVE` image lies above.
const RETURN_ADDRESS: usize = 0;
const CONTEXT: usize = RETURN_ADDRESS + size_of::<u64>();
const INFO: usize = CONTEXT + size_of::<Context>();
const FRAME_LEN: usize = INFO + size_of::<SigInfo>();

/// `ucontext_t`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Context {
    flags: u64,
    link: u64,
    stack: AlternateStack,
    registers: Registers,
    mask: u64,
}

/// `struct sigcontext`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Registers {
    r8: u64,
    r9: u64,
    r10: u64,
    r11: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    rdi: u64,
    rsi: u64,
    rbp: u64,
    rbx: u64,
    rdx: u64,
    rax: u64,
    rcx: u64,
    rsp: u64,
    rip: u64,
    rflags: u64,
    cs: u16,
    gs: u16,
    fs: u16,
    ss: u16,
    error_code: u64,
    trap_number: u64,
    old_mask: u64,
    fault_addr: u64,
    fpstate: u64,
    reserved: [u64; 8],
}

/// `UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS`.
const CONTEXT_FLAGS: u64 = 7;
const USER_CS: u16 = 0x33;
const USER_SS: u16 = 0x2b;
const RED_ZONE: u64 = 128;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
const FP_XSTATE_MAGIC2: u32 = 0x4650_5845;
/// Where in the legacy region software may keep a description of the rest.
const SW_BYTES: usize = 464;
const LEGACY: usize = 512;
const MXCSR: usize = 24;
const XSAVE_HEADER: usize = 64;
const MAGIC2_LEN: u64 = 4;
const DIRECTION_RESUME_TRAP_FLAGS: u64 = 0x400 | 0x1_0000 | 0x100;

const _: () = assert!(size_of::<Registers>() == 256 && FRAME_LEN == 440);

/// The least stack that a handler needs (`AT_MINSIGSTKSZ`).
pub fn minimal_stack_size() -> usize {
    FRAME_LEN + frame::cpu::xsave_size() + 4 + 64 + 16
}

/// Pushes a frame and makes the handler run next. Gives whether there are signals still that the handler doesn't block.
///
/// # Errors
/// `EFAULT` if the stack has no room.
pub(super) fn push(
    thread: &Thread,
    regs: &mut UserContext,
    signal: Signal,
    info: &SigInfo,
    action: &Action,
    handler: u64,
    details: FaultDetails,
) -> Result<bool> {
    if !action.flags().contains(ActionFlags::RESTORER) {
        bail!(EFAULT, "the handler has nowhere to return to");
    }
    let mut signals = thread.signals.lock();
    let alternate = signals.alternate_stack;
    let is_nested = alternate.contains(regs.rsp);
    let wants_alternate = action.flags().contains(ActionFlags::ONSTACK) && !is_nested;
    let switch_to = alternate.top().filter(|_| wants_alternate);
    let top = switch_to.unwrap_or(regs.rsp.wrapping_sub(RED_ZONE));

    let mask = signals.saved_mask.unwrap_or(signals.mask);
    let vector_len = frame::cpu::xsave_size();
    let vector = top.wrapping_sub(vector_len as u64 + MAGIC2_LEN) & !63;
    let at = (vector.wrapping_sub(FRAME_LEN as u64) & !15).wrapping_sub(8);
    if (switch_to.is_some() || is_nested) && !(alternate.sp..=top).contains(&at) {
        bail!(EFAULT, "the alternate stack is too small");
    }
    write_vector(regs, vector, vector_len)?;
    regs.complete();
    let context = Context {
        flags: CONTEXT_FLAGS,
        link: 0,
        stack: alternate,
        registers: registers(regs, vector, mask, details),
        mask: mask.bits(),
    };
    UserPtr::new(at as usize + RETURN_ADDRESS).write(&action.restorer())?;
    UserPtr::new(at as usize + CONTEXT).write(&context)?;
    UserPtr::new(at as usize + INFO).write(info)?;

    signals.mask = handler_mask(signals.mask, signal, action);
    signals.saved_mask = None;
    if alternate.flags & SS_AUTODISARM != 0 {
        signals.alternate_stack = AlternateStack::default();
    }
    let pending = signals.queue.pending().union(thread.process.signals.pending());
    let has_more = !pending.without(signals.mask).is_empty();
    regs.rdi = signal.number() as u64;
    regs.rsi = at + INFO as u64;
    regs.rdx = at + CONTEXT as u64;
    regs.rax = 0;
    regs.rsp = at;
    regs.rip = handler;
    regs.rflags &= !DIRECTION_RESUME_TRAP_FLAGS;
    Ok(has_more)
}

fn registers(regs: &UserContext, vector: u64, mask: SigSet, details: FaultDetails) -> Registers {
    Registers {
        r8: regs.r8,
        r9: regs.r9,
        r10: regs.r10,
        r11: regs.r11,
        r12: regs.r12,
        r13: regs.r13,
        r14: regs.r14,
        r15: regs.r15,
        rdi: regs.rdi,
        rsi: regs.rsi,
        rbp: regs.rbp,
        rbx: regs.rbx,
        rdx: regs.rdx,
        rax: regs.rax,
        rcx: regs.rcx,
        rsp: regs.rsp,
        rip: regs.rip,
        rflags: regs.rflags,
        cs: USER_CS,
        gs: 0,
        fs: 0,
        ss: USER_SS,
        error_code: details.error_code,
        trap_number: details.trap_number,
        old_mask: mask.bits(),
        fault_addr: details.addr,
        fpstate: vector,
        reserved: [0; 8],
    }
}

/// Writes the `XSAVE` image and what describes it.
fn write_vector(regs: &mut UserContext, at: u64, len: usize) -> Result<()> {
    let features = frame::cpu::xsave_features();
    let mut description = [0; LEGACY - SW_BYTES];
    description[..4].copy_from_slice(&FP_XSTATE_MAGIC1.to_le_bytes());
    description[4..8].copy_from_slice(&(len as u32 + 4).to_le_bytes());
    description[8..16].copy_from_slice(&features.to_le_bytes());
    description[16..20].copy_from_slice(&(len as u32).to_le_bytes());
    let place = UserSlice::new(at as usize, len + MAGIC2_LEN as usize)?;
    regs.write_xstate(place.truncate(len))?;
    place.skip(SW_BYTES).write(&description)?;
    place.skip(len).write(&FP_XSTATE_MAGIC2.to_le_bytes())?;
    Ok(())
}

/// Takes the registers back from the frame that a handler returns from; its stack pointer is just behind the return
/// address. Gives the value of `rax`.
///
/// # Errors
/// `EFAULT` if the frame isn't there.
pub(super) fn pop(thread: &Thread, regs: &mut UserContext) -> Result<u64> {
    let context = UserPtr::<Context>::new(regs.rsp as usize).read()?;
    let saved = &context.registers;
    // What a signal to oneself interrupts is a system call: its state needn't go through memory.
    let is_after_syscall = UserContext::is_after_syscall(saved.rip, saved.rflags, saved.rcx, saved.r11);
    if is_after_syscall && saved.fpstate != 0 && load_vector(regs, saved.fpstate as usize).is_ok() {
        // It's in the registers.
    } else if saved.fpstate == 0 {
        regs.reset_xstate();
    } else {
        regs.replace_xstate(|image| read_vector(saved.fpstate as usize, image))?;
    }
    (regs.r8, regs.r9, regs.r10, regs.r11) = (saved.r8, saved.r9, saved.r10, saved.r11);
    (regs.r12, regs.r13, regs.r14, regs.r15) = (saved.r12, saved.r13, saved.r14, saved.r15);
    (regs.rdi, regs.rsi, regs.rbp, regs.rbx) = (saved.rdi, saved.rsi, saved.rbp, saved.rbx);
    (regs.rdx, regs.rcx, regs.rsp) = (saved.rdx, saved.rcx, saved.rsp);
    regs.rip = thread.process.with_patcher(|patcher| patcher.resume_rip(saved.rip));
    regs.set_user_flags(saved.rflags);
    let mut signals = thread.signals.lock();
    signals.mask = SigSet::from_bits(context.mask).without(SigSet::UNBLOCKABLE);
    // One that can't be set leaves the present one, as on Linux.
    if let Ok(stack) = signals.alternate_stack.replaced(context.stack, regs.rsp) {
        signals.alternate_stack = stack;
    }
    send::recheck(thread, signals);
    Ok(saved.rax)
}

/// Reads a frame's vector state: all of it if the frame says so in a credible way, else the legacy region. Gives the
/// length.
fn read_vector(at: usize, image: &mut [u8]) -> Result<usize> {
    let place = UserSlice::new(at, image.len())?;
    let mut description = [0_u8; LEGACY - SW_BYTES];
    place.skip(SW_BYTES).read(&mut description)?;
    let word = |offset: usize| description[offset..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let (magic, size) = (word(0), word(16) as usize);
    let is_whole = magic == FP_XSTATE_MAGIC1
        && (LEGACY + XSAVE_HEADER..=image.len()).contains(&size)
        && UserPtr::<u32>::new(at + size).read().is_ok_and(|magic| magic == FP_XSTATE_MAGIC2);
    let len = if is_whole { size } else { LEGACY };
    place.truncate(len).read(&mut image[..len])?;
    if is_loadable(&image[..len]) { Ok(len) } else { Err(err!(EFAULT, "the processor would refuse the vector state")) }
}

/// Loads a frame's vector state into the registers, if it says in a credible way that it's whole.
///
/// # Errors
/// `EFAULT` if it isn't, or the processor refuses it.
fn load_vector(regs: &mut UserContext, at: usize) -> Result<()> {
    let len = frame::cpu::xsave_size();
    let place = UserSlice::new(at, len + MAGIC2_LEN as usize)?;
    let mut head = [0_u8; LEGACY - SW_BYTES + XSAVE_HEADER];
    place.skip(SW_BYTES).read(&mut head)?;
    let word = |offset: usize| head[offset..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let is_whole = word(0) == FP_XSTATE_MAGIC1
        && word(16) as usize == len
        && UserPtr::<u32>::new(at + len).read()? == FP_XSTATE_MAGIC2;
    // The compacted format isn't what a frame has.
    let is_standard = head[LEGACY - SW_BYTES + 8..].iter().all(|&byte| byte == 0);
    if !is_whole || !is_standard {
        bail!(EFAULT, "a vector state that isn't whole");
    }
    regs.load_xstate(place.truncate(len))
}

/// Whether the processor would load a vector state (SDM volume 1, 13.8): no unknown control bits and components.
fn is_loadable(image: &[u8]) -> bool {
    let word = |offset: usize| image[offset..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if word(MXCSR) as u32 & !frame::cpu::mxcsr_mask() != 0 {
        return false;
    }
    image.len() == LEGACY
        || word(LEGACY) & !frame::cpu::xsave_features() == 0
            && image[LEGACY + 8..LEGACY + XSAVE_HEADER].iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    /// Offsets that programs are compiled with, as `offsetof` prints them for glibc's `<ucontext.h>`.
    #[test]
    fn the_frame_has_linux_layout() {
        assert_eq!(CONTEXT, 8);
        assert_eq!(INFO, 8 + 304);
        assert_eq!(size_of::<SigInfo>(), 128);
        assert_eq!(offset_of!(Context, stack), 16);
        assert_eq!(offset_of!(Context, registers), 40);
        assert_eq!(offset_of!(Context, mask), 296);
        assert_eq!(offset_of!(Registers, rdi), 8 * 8);
        assert_eq!(offset_of!(Registers, rsp), 15 * 8);
        assert_eq!(offset_of!(Registers, rip), 16 * 8);
        assert_eq!(offset_of!(Registers, error_code), 19 * 8);
        assert_eq!(offset_of!(Registers, trap_number), 20 * 8);
        assert_eq!(offset_of!(Registers, fault_addr), 22 * 8);
        assert_eq!(offset_of!(Registers, fpstate), 23 * 8);
    }

    #[test]
    fn a_vector_state_with_unknown_bits_is_refused() {
        let mut image = vec![0; LEGACY + XSAVE_HEADER];
        assert!(is_loadable(&image));
        image[MXCSR + 2] = 1;
        assert!(!is_loadable(&image));
        assert!(!is_loadable(&image[..LEGACY]));
        image[MXCSR + 2] = 0;
        image[LEGACY + 7] = 0x80;
        assert!(!is_loadable(&image));
        image[LEGACY + 7] = 0;
        image[LEGACY + 8] = 1;
        assert!(!is_loadable(&image));
    }
}
