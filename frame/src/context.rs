//! What a program's thread has in its registers while the LibOS runs on its behalf.

use crate::errno::{Errno, Result};
use crate::user::UserSlice;
use alloc::vec::Vec;
use core::arch::asm;

/// The registers of a program's thread, as they were when it entered the LibOS and will be when it leaves.
///
/// The vector state is saved as lazily as correctness allows: an entry by a patched jump saves `xmm0`–`xmm15` only,
/// since the LibOS is built without AVX and so leaves the rest untouched in the registers ([`VectorState::Partial`]);
/// an entry by a trap finds all of it in the host's signal frame ([`VectorState::Saved`]). An entry by a patched `cpuid`
/// is like one by a patched system call, but keeps all general registers ([`VectorState::PartialWhole`]).
#[repr(C, align(64))]
#[expect(missing_docs, reason = "registers are named as the processor names them")]
pub struct UserContext {
    pub rax: u64,
    pub rbx: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rbp: u64,
    pub rsp: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    pub rflags: u64,
    pub(crate) vector: VectorState,
    pub(crate) xstate: XState,
    pub(crate) xmm: [[u64; 2]; 16],
}

/// Where the vector state is.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VectorState {
    /// `xmm` is in the context, the rest in the registers; set by the entry code.
    Partial = 0,
    /// All is in `xstate`; the registers are free.
    Saved = 1,
    /// As `Partial`, but all general registers are in the context, and the way out loads all of them.
    PartialWhole = 2,
}

/// The flags that a program may have in `rflags` (those that Linux lets `rt_sigreturn` set).
const USER_FLAGS: u64 = 0x5_0dd5;
/// Flags that are always set in user mode: bit 1, and interrupts enabled.
const FIXED_FLAGS: u64 = 0x202;

impl UserContext {
    /// A context with all registers zero and the vector state as the processor initialises it.
    pub fn new() -> Self {
        Self {
            rax: 0,
            rbx: 0,
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: 0,
            rbp: 0,
            rsp: 0,
            r8: 0,
            r9: 0,
            r10: 0,
            r11: 0,
            r12: 0,
            r13: 0,
            r14: 0,
            r15: 0,
            rip: 0,
            rflags: FIXED_FLAGS,
            vector: VectorState::Saved,
            xstate: XState::new(),
            xmm: [[0; 2]; 16],
        }
    }

    /// A copy, for a thread that starts with the registers of this one.
    #[must_use]
    pub fn duplicate(&mut self) -> Self {
        self.save_vector_state();
        Self { xstate: self.xstate.clone(), ..*self }
    }

    /// Takes over all registers of `other`, whose vector state is saved on the way.
    pub fn copy_from(&mut self, other: &mut Self) {
        other.save_vector_state();
        let Self { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags, .. } =
            *other;
        (self.rax, self.rbx, self.rcx, self.rdx) = (rax, rbx, rcx, rdx);
        (self.rsi, self.rdi, self.rbp, self.rsp) = (rsi, rdi, rbp, rsp);
        (self.r8, self.r9, self.r10, self.r11) = (r8, r9, r10, r11);
        (self.r12, self.r13, self.r14, self.r15) = (r12, r13, r14, r15);
        (self.rip, self.rflags) = (rip, rflags);
        self.xstate.0.copy_from_slice(&other.xstate.0);
        self.vector = VectorState::Saved;
    }

    /// All registers zero, the vector state initial: what a program starts with.
    pub fn reset(&mut self) {
        (self.rax, self.rbx, self.rcx, self.rdx) = (0, 0, 0, 0);
        (self.rsi, self.rdi, self.rbp, self.rsp) = (0, 0, 0, 0);
        (self.r8, self.r9, self.r10, self.r11) = (0, 0, 0, 0);
        (self.r12, self.r13, self.r14, self.r15) = (0, 0, 0, 0);
        (self.rip, self.rflags) = (0, FIXED_FLAGS);
        self.xstate.reset();
        self.vector = VectorState::Saved;
    }

    /// The system call's number: `rax` on entry, of which Linux looks at the lower half only.
    pub const fn syscall_number(&self) -> u64 {
        self.rax & 0xffff_ffff
    }

    /// The system call's arguments.
    pub const fn syscall_args(&self) -> [u64; 6] {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9]
    }

    /// Goes back to the `syscall` instruction that entered the LibOS, to run it again as `number`.
    pub fn restart_syscall(&mut self, number: u64) {
        self.rax = number;
        self.rip -= 2;
        self.save_vector_state();
    }

    /// Sets the flags, as far as a program may.
    pub fn set_user_flags(&mut self, flags: u64) {
        self.rflags = flags & USER_FLAGS | FIXED_FLAGS;
    }

    /// The whole extended state (x87, SSE, AVX, …) in the `XSAVE` standard format.
    pub fn xstate(&mut self) -> &[u8] {
        self.save_vector_state();
        self.xstate.bytes()
    }

    /// Replaces the extended state by what `fill` writes to its area in the `XSAVE` standard format: as many bytes as
    /// it gives, at least the legacy 512; what lies behind is initial then. What the processor would refuse is
    /// cleared, so a forged image can't fault.
    ///
    /// # Errors
    /// That of `fill`; all of the state is initial then.
    pub fn replace_xstate(&mut self, fill: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<()> {
        if self.vector != VectorState::Saved {
            // What is in the registers isn't needed any more.
            self.complete();
            self.vector = VectorState::Saved;
        }
        let filled = fill(self.xstate.bytes_mut());
        match filled {
            Ok(len) => self.xstate.sanitize(len),
            Err(_) => self.reset_xstate(),
        }
        filled.map(drop)
    }

    /// Makes the extended state what the processor initialises it to.
    pub fn reset_xstate(&mut self) {
        self.save_vector_state();
        self.xstate.reset();
    }

    /// Writes the extended state to the program's memory in the `XSAVE` standard format. What is in the registers stays
    /// there, so that the way out needn't load it.
    ///
    /// # Errors
    /// `EFAULT` if the place can't be written.
    pub fn write_xstate(&mut self, place: UserSlice) -> Result<()> {
        if self.vector == VectorState::Partial && place.store_vector_state(&self.xmm).is_ok() {
            return Ok(());
        }
        place.write(self.xstate()).map(drop)
    }

    /// Loads the extended state from the program's memory, where it is in the `XSAVE` standard format, into the registers,
    /// if the way out doesn't load it from elsewhere.
    ///
    /// # Errors
    /// `EFAULT` if that can't be done; the state is to be replaced then.
    pub fn load_xstate(&mut self, place: UserSlice) -> Result<()> {
        if self.vector != VectorState::Partial {
            return Err(Errno::EFAULT.into());
        }
        place.load_vector_state(&mut self.xmm)
    }

    /// Makes the registers that a `syscall` overwrites what a real one leaves in them, if the thread came by a patched one:
    /// that entry doesn't store them. Gives whether it did.
    pub fn complete(&mut self) -> bool {
        let is_short = self.vector == VectorState::Partial;
        if is_short {
            // SDM volume 2, SYSCALL.
            self.rcx = self.rip;
            self.r11 = self.rflags;
        }
        is_short
    }

    /// Whether these are registers as a `syscall` leaves them, and no flag traps on the way out: the state may be kept as
    /// after a patched system call.
    pub fn is_after_syscall(rip: u64, rflags: u64, rcx: u64, r11: u64) -> bool {
        const TRAPPING: u64 = 1 << 8 | 1 << 16 | 1 << 18;
        let is_plain = rflags & FIXED_FLAGS == FIXED_FLAGS && rflags & !(USER_FLAGS & !TRAPPING | FIXED_FLAGS) == 0;
        is_plain && rcx == rip && r11 == rflags
    }

    /// Moves the vector state from the registers to memory, so that it can be looked at; the way out restores all.
    pub(crate) fn save_vector_state(&mut self) {
        if self.vector == VectorState::Saved {
            return;
        }
        self.complete();
        self.vector = VectorState::Saved;
        let area = self.xstate.0.as_mut_ptr();
        // SAFETY: the area is 64-byte aligned and as long as the processor says. The registers beyond the low halves
        // are still the program's; those are put back from where the entry saved them before all is stored.
        unsafe {
            asm!(
                "movaps xmm0, [{xmm}]", "movaps xmm1, [{xmm} + 16]", "movaps xmm2, [{xmm} + 32]",
                "movaps xmm3, [{xmm} + 48]", "movaps xmm4, [{xmm} + 64]", "movaps xmm5, [{xmm} + 80]",
                "movaps xmm6, [{xmm} + 96]", "movaps xmm7, [{xmm} + 112]", "movaps xmm8, [{xmm} + 128]",
                "movaps xmm9, [{xmm} + 144]", "movaps xmm10, [{xmm} + 160]", "movaps xmm11, [{xmm} + 176]",
                "movaps xmm12, [{xmm} + 192]", "movaps xmm13, [{xmm} + 208]", "movaps xmm14, [{xmm} + 224]",
                "movaps xmm15, [{xmm} + 240]",
                "xsave64 [{area}]",
                xmm = in(reg) self.xmm.as_ptr(), area = in(reg) area,
                inout("eax") u32::MAX => _, inout("edx") u32::MAX => _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                options(nostack),
            );
        }
    }
}

impl Default for UserContext {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for UserContext {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "rip {:#x} rsp {:#x} rax {:#x}", self.rip, self.rsp, self.rax)
    }
}

/// An `XSAVE` area.
#[derive(Clone)]
pub(crate) struct XState(AlignedBytes);

/// Bytes at a 64-byte boundary, as `XSAVE` wants them (SDM volume 1, 13.4).
#[derive(Clone)]
struct AlignedBytes {
    lines: Vec<Line>,
}

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

impl core::ops::Deref for AlignedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: a line is 64 bytes with no padding.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 64) }
    }
}

impl core::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: a line is 64 bytes with no padding, and borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 64) }
    }
}

/// Length of the legacy region; the header follows (SDM volume 1, 13.4.1).
const LEGACY: usize = 512;
const HEADER: usize = 64;
const MXCSR: usize = 24;
const SW_RESERVED: usize = 464;

impl XState {
    fn new() -> Self {
        let size = crate::cpu::xsave_size();
        let mut state = Self(AlignedBytes { lines: alloc::vec![Line([0; 64]); size.div_ceil(64)] });
        state.initialize();
        state
    }

    fn reset(&mut self) {
        self.0.fill(0);
        self.initialize();
    }

    /// Makes an area of zeroes what the processor initialises the state to.
    fn initialize(&mut self) {
        let area = &mut self.0;
        // The initial x87 control word and MXCSR (SDM volume 1, 8.1.5 and 10.2.3).
        area[0..2].copy_from_slice(&0x37f_u16.to_le_bytes());
        area[MXCSR..MXCSR + 4].copy_from_slice(&0x1f80_u32.to_le_bytes());
        area[MXCSR + 4..MXCSR + 8].copy_from_slice(&0xffff_u32.to_le_bytes());
        area[LEGACY] = 3;
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..crate::cpu::xsave_size()]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0[..crate::cpu::xsave_size()]
    }

    /// Where the processor stores to and loads from.
    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Takes over what the host saved in a signal frame, which the processor wrote.
    pub(crate) fn copy_from_host(&mut self, image: &[u8]) {
        self.0[LEGACY..LEGACY + HEADER].fill(0);
        let len = image.len().min(self.0.len());
        self.0[..len].copy_from_slice(&image[..len]);
        if len < LEGACY + HEADER {
            self.0[LEGACY] = 3;
        }
    }

    /// Clears what the processor would refuse of the first `len` bytes, and all behind them.
    fn sanitize(&mut self, len: usize) {
        if len < LEGACY + HEADER {
            self.0[LEGACY..].fill(0);
            self.0[LEGACY] = 3;
        } else {
            let len = len.min(self.0.len());
            self.0[len..].fill(0);
        }
        let mask = crate::cpu::mxcsr_mask().to_le_bytes();
        for (byte, mask) in self.0[MXCSR..MXCSR + 4].iter_mut().zip(mask) {
            *byte &= mask;
        }
        self.0[SW_RESERVED..LEGACY].fill(0);
        let supported = crate::cpu::xsave_features().to_le_bytes();
        for (byte, supported) in self.0[LEGACY..LEGACY + 8].iter_mut().zip(supported) {
            *byte &= supported;
        }
        self.0[LEGACY + 8..LEGACY + HEADER].fill(0);
    }
}
