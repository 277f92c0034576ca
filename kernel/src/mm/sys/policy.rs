//! Protection keys, of which there are none, as on a processor without them.

use super::args::ProtFlags;
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, Flags};

/// `pkey_alloc(2)`.
pub fn pkey_alloc(_cx: Context<'_>, flags: u64, access: Flags) -> Result<usize> {
    const ACCESS_MASK: u32 = 3;
    if flags != 0 || access.0 & !ACCESS_MASK != 0 {
        bail!(EINVAL, "undefined flags");
    }
    Err(err!(ENOSPC, "there are no protection keys"))
}

/// `pkey_free(2)`.
pub fn pkey_free(_cx: Context<'_>, _key: i32) -> Result<usize> {
    Err(err!(EINVAL, "the protection key is not allocated"))
}

/// `pkey_mprotect(2)`: key -1 stands for `mprotect`.
pub fn pkey_mprotect(cx: Context<'_>, addr: Addr, len: usize, prot: ProtFlags, key: i32) -> Result<usize> {
    if key != -1 {
        bail!(EINVAL, "the protection key is not allocated");
    }
    super::map::mprotect(cx, addr, len, prot)
}
