//! What the processor can do, and its segment bases.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};
use spin::Once;

/// Length of an `XSAVE` area for all enabled features, in bytes.
pub fn xsave_size() -> usize {
    static SIZE: Once<usize> = Once::new();
    *SIZE.call_once(|| __cpuid_count(0xd, 0).ebx as usize)
}

/// The features that `XSAVE` covers here (`XCR0`).
pub fn xsave_features() -> u64 {
    static FEATURES: Once<u64> = Once::new();
    *FEATURES.call_once(|| {
        let (low, high): (u32, u32);
        // SAFETY: `xgetbv` only reads; the host enables OSXSAVE or no AVX program would run.
        unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack)) };
        u64::from(high) << 32 | u64::from(low)
    })
}

/// Which of these features' state isn't as the processor initialises it (`XINUSE`, SDM volume 1, 13.6). For processors that
/// tell.
pub(crate) fn xsave_in_use() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: `xgetbv` only reads.
    unsafe { asm!("xgetbv", in("ecx") 1, out("eax") low, out("edx") high, options(nomem, nostack)) };
    u64::from(high) << 32 | u64::from(low)
}

/// The bits of `MXCSR` that may be set (SDM volume 1, 11.6.6; every x86-64 has DAZ).
pub const fn mxcsr_mask() -> u32 {
    0xffff
}

/// 64 random bits from the processor, if it has `rdrand` and it works.
pub fn random() -> Option<u64> {
    const RDRAND: u32 = 1 << 30;
    if features().ecx & RDRAND == 0 {
        return None;
    }
    (0..10).find_map(|_| {
        let (value, ok): (u64, u8);
        // SAFETY: `rdrand` only writes its operand and flags.
        unsafe { asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack)) };
        (ok != 0).then_some(value)
    })
}

/// Whether `addr` is a canonical address of the user half, as segment bases must be.
const fn is_valid_base(addr: u64) -> bool {
    addr < crate::layout::TASK_SIZE as u64
}

/// The base of `%fs`: the program's thread pointer.
pub fn fs_base() -> u64 {
    let base;
    // SAFETY: only reads.
    unsafe { asm!("rdfsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
    base
}

/// Sets the base of `%fs`, which the LibOS itself doesn't use. Gives whether the address is acceptable.
#[must_use]
pub fn set_fs_base(base: u64) -> bool {
    if is_valid_base(base) {
        // SAFETY: canonical, and no code of the LibOS uses `%fs`.
        unsafe { asm!("wrfsbase {}", in(reg) base, options(nostack, preserves_flags)) };
    }
    is_valid_base(base)
}

/// Points `%gs` to the LibOS's block of the running thread.
///
/// # Safety
/// `block` is the block of the calling thread.
pub(crate) unsafe fn set_gs_base(block: usize) {
    // SAFETY: an address of the arena, hence canonical.
    unsafe { asm!("wrgsbase {}", in(reg) block, options(nostack, preserves_flags)) };
}

/// What Linux shows as `AT_HWCAP` on x86: the feature bits of `CPUID.1:EDX`.
pub fn hwcap() -> u32 {
    features().edx
}

/// The feature bits of `CPUID.1`, asked for once: in a virtual machine that takes microseconds.
fn features() -> CpuidResult {
    static FEATURES: Once<CpuidResult> = Once::new();
    *FEATURES.call_once(|| __cpuid(1))
}

/// `AT_HWCAP2`'s bit for usable `rdfsbase` and its kin, which this LibOS needs itself.
pub const HWCAP2_FSGSBASE: u64 = 2;

/// The processor that the thread runs on, as the host numbers them, with its node in the upper bits; nothing where the
/// host doesn't tell.
pub(crate) fn processor() -> Option<u32> {
    /// `CPUID.7:ECX`'s bit for `rdpid`, which takes less than a nanosecond.
    const RDPID: u32 = 1 << 22;
    static HAS_RDPID: Once<bool> = Once::new();
    if !*HAS_RDPID.call_once(|| __cpuid(0).eax >= 7 && __cpuid_count(7, 0).ecx & RDPID != 0) {
        return processor_by_segment();
    }
    let number: u64;
    // SAFETY: `rdpid` only writes its operand; Linux has the number there wherever the instruction is.
    unsafe { asm!("rdpid {}", out(reg) number, options(nomem, nostack, preserves_flags)) };
    Some(number as u32)
}

/// As [`processor`], for processors without `rdpid`.
fn processor_by_segment() -> Option<u32> {
    /// The selector of the segment whose limit is that number (`__CPUNODE_SEG` of Linux's `asm/segment.h`).
    const SEGMENT: u32 = 0x7b;
    let (limit, ok): (u32, u8);
    // SAFETY: `lsl` only writes its operand and flags.
    unsafe {
        asm!("lsl {:e}, {:e}", "setz {}", out(reg) limit, in(reg) SEGMENT, out(reg_byte) ok, options(nomem, nostack));
    };
    (ok != 0).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_tell_the_same_processor() {
        // The thread may move between the two.
        assert!((0..100).any(|_| processor() == processor_by_segment()));
    }
}
