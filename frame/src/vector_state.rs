//! A program's vector state, between the registers and its memory (SDM volume 1, chapter 13).
//!
//! `XRSTOR` takes as long as a dozen system calls. Mostly, all that it would load are registers that plain moves load too,
//! as the rest is initial in memory and in the processor.

use crate::cpu;
use crate::errno::{Errno, Error, Result};
use crate::user::UserSlice;
use core::arch::naked_asm;
use core::arch::x86_64::__cpuid_count;
use spin::Once;
use zerocopy::IntoBytes;

const FAULT: Error = Error::new(Errno::EFAULT, "no place for a vector state, or one that the processor refuses");

/// Offsets in an `XSAVE` area (13.4).
const MXCSR: usize = 24;
const XMM: usize = 160;
const HEADER: usize = 512;
const HEADER_LEN: usize = 64;

/// Components of the state, as bits (13.1): `xmm0`–`xmm15`, `k0`–`k7`, `zmm16`–`zmm31`.
const SSE: u64 = 1 << 1;
const OPMASK: u64 = 1 << 5;
const HI16_ZMM: u64 = 1 << 7;

impl UserSlice {
    /// Stores the whole vector state there by `XSAVE`: what is in the registers, but `xmm0`–`xmm15` from `low`.
    ///
    /// # Errors
    /// `EFAULT` if the place isn't at a 64-byte boundary, is too short, or can't be written; parts may be written then.
    pub(crate) fn store_vector_state(self, low: &[[u64; 2]; 16]) -> Result<()> {
        self.check_room_for_vector_state()?;
        // `XSAVE` writes the first word of the header only (13.7).
        self.skip(HEADER).write(&[0; HEADER_LEN])?;
        // SAFETY: the target is program memory of the right length and alignment, and under fault recovery.
        if unsafe { xsave(self.addr() as *mut u8, low) } == 0 { Ok(()) } else { Err(FAULT) }
    }

    /// Loads the whole vector state from there; gives `xmm0`–`xmm15`, which the LibOS itself uses, in `low`.
    ///
    /// # Errors
    /// `EFAULT` if the place isn't at a 64-byte boundary, is too short, can't be read, or the processor refuses what is
    /// there; the vector registers hold anything then.
    pub(crate) fn load_vector_state(self, low: &mut [[u64; 2]; 16]) -> Result<()> {
        self.check_room_for_vector_state()?;
        if self.load_by_moves(low).is_some() {
            return Ok(());
        }
        // SAFETY: the source is program memory of the right length and alignment, and under fault recovery; the registers
        // that compiled code may use are declared as lost by the calling convention.
        if unsafe { xrstor(self.addr() as *const u8, low) } == 0 { Ok(()) } else { Err(FAULT) }
    }

    fn check_room_for_vector_state(self) -> Result<()> {
        let has_room = self.addr().is_multiple_of(64) && self.len() >= cpu::xsave_size();
        if has_room { Ok(()) } else { Err(FAULT) }
    }

    /// Does the same without `XRSTOR`, if what isn't initial, here or in the registers, is only what moves load.
    fn load_by_moves(self, low: &mut [[u64; 2]; 16]) -> Option<()> {
        let moves = Moves::known()?;
        let mut saved = [0; size_of::<u64>()];
        self.skip(HEADER).read(&mut saved).ok()?;
        let saved = u64::from_ne_bytes(saved);
        // Nothing makes a component initial again here.
        let in_use = cpu::xsave_in_use() | SSE;
        if saved & !moves.components != 0 || in_use & !saved != 0 {
            return None;
        }
        let part = |component, offset| if saved & component == 0 { 0 } else { self.addr() + offset };
        let (masks, high) = (part(OPMASK, moves.masks), part(HI16_ZMM, moves.high));
        // SAFETY: the sources are null or program memory under fault recovery; compiled code doesn't use the registers.
        if unsafe { load(self.addr() + MXCSR, masks, high) } != 0 {
            return None;
        }
        self.skip(XMM).read(low.as_mut_bytes()).ok().map(|_| ())
    }
}

/// Which components can be loaded without `XRSTOR`, and where they are.
struct Moves {
    components: u64,
    masks: usize,
    high: usize,
}

impl Moves {
    /// `None` if the processor doesn't tell what is initial.
    fn known() -> Option<&'static Self> {
        static MOVES: Once<Option<Moves>> = Once::new();
        MOVES.call_once(Self::ask).as_ref()
    }

    fn ask() -> Option<Self> {
        const XGETBV_OF_IN_USE: u32 = 1 << 2;
        const AVX512BW: u32 = 1 << 30;
        if __cpuid_count(0xd, 1).eax & XGETBV_OF_IN_USE == 0 {
            return None;
        }
        let offset = |component: u64| __cpuid_count(0xd, component.trailing_zeros()).ebx as usize;
        let wide = OPMASK | HI16_ZMM;
        // Without AVX512BW the masks are shorter.
        if cpu::xsave_features() & wide == wide && __cpuid_count(7, 0).ebx & AVX512BW != 0 {
            Some(Self { components: SSE | wide, masks: offset(OPMASK), high: offset(HI16_ZMM) })
        } else {
            Some(Self { components: SSE, masks: 0, high: 0 })
        }
    }
}

/// Stores the vector state with the given low halves; gives 0, or 1 after a fault.
#[unsafe(naked)]
unsafe extern "C" fn xsave(dst: *mut u8, low: *const [[u64; 2]; 16]) -> usize {
    naked_asm!(
        "movaps xmm0, [rsi]",
        "movaps xmm1, [rsi + 16]",
        "movaps xmm2, [rsi + 32]",
        "movaps xmm3, [rsi + 48]",
        "movaps xmm4, [rsi + 64]",
        "movaps xmm5, [rsi + 80]",
        "movaps xmm6, [rsi + 96]",
        "movaps xmm7, [rsi + 112]",
        "movaps xmm8, [rsi + 128]",
        "movaps xmm9, [rsi + 144]",
        "movaps xmm10, [rsi + 160]",
        "movaps xmm11, [rsi + 176]",
        "movaps xmm12, [rsi + 192]",
        "movaps xmm13, [rsi + 208]",
        "movaps xmm14, [rsi + 224]",
        "movaps xmm15, [rsi + 240]",
        "mov eax, -1",
        "mov edx, -1",
        ".globl enclos_vector_start",
        "enclos_vector_start:",
        "xsave64 [rdi]",
        "xor eax, eax",
        "ret",
        ".globl enclos_load",
        "enclos_load:",
        "ldmxcsr [rdi]",
        "test rsi, rsi",
        "jz 1f",
        "kmovq k0, [rsi]",
        "kmovq k1, [rsi + 8]",
        "kmovq k2, [rsi + 16]",
        "kmovq k3, [rsi + 24]",
        "kmovq k4, [rsi + 32]",
        "kmovq k5, [rsi + 40]",
        "kmovq k6, [rsi + 48]",
        "kmovq k7, [rsi + 56]",
        "1:",
        "test rdx, rdx",
        "jz 2f",
        "vmovups zmm16, [rdx]",
        "vmovups zmm17, [rdx + 64]",
        "vmovups zmm18, [rdx + 128]",
        "vmovups zmm19, [rdx + 192]",
        "vmovups zmm20, [rdx + 256]",
        "vmovups zmm21, [rdx + 320]",
        "vmovups zmm22, [rdx + 384]",
        "vmovups zmm23, [rdx + 448]",
        "vmovups zmm24, [rdx + 512]",
        "vmovups zmm25, [rdx + 576]",
        "vmovups zmm26, [rdx + 640]",
        "vmovups zmm27, [rdx + 704]",
        "vmovups zmm28, [rdx + 768]",
        "vmovups zmm29, [rdx + 832]",
        "vmovups zmm30, [rdx + 896]",
        "vmovups zmm31, [rdx + 960]",
        "2:",
        "xor eax, eax",
        "ret",
        ".globl enclos_xrstor",
        "enclos_xrstor:",
        "mov eax, -1",
        "mov edx, -1",
        "xrstor64 [rdi]",
        ".globl enclos_vector_end",
        "enclos_vector_end:",
        "movaps [rsi], xmm0",
        "movaps [rsi + 16], xmm1",
        "movaps [rsi + 32], xmm2",
        "movaps [rsi + 48], xmm3",
        "movaps [rsi + 64], xmm4",
        "movaps [rsi + 80], xmm5",
        "movaps [rsi + 96], xmm6",
        "movaps [rsi + 112], xmm7",
        "movaps [rsi + 128], xmm8",
        "movaps [rsi + 144], xmm9",
        "movaps [rsi + 160], xmm10",
        "movaps [rsi + 176], xmm11",
        "movaps [rsi + 192], xmm12",
        "movaps [rsi + 208], xmm13",
        "movaps [rsi + 224], xmm14",
        "movaps [rsi + 240], xmm15",
        "xor eax, eax",
        "ret",
    )
}

unsafe extern "C" {
    /// Loads `MXCSR` and, from where it isn't 0, masks and `zmm16`–`zmm31`; gives 0, or 1 after a fault.
    #[link_name = "enclos_load"]
    fn load(mxcsr: usize, masks: usize, high: usize) -> usize;
    /// Loads the vector state and gives the low halves; gives 0, or 1 after a fault.
    #[link_name = "enclos_xrstor"]
    fn xrstor(src: *const u8, low: *mut [[u64; 2]; 16]) -> usize;
}
