//! When a program's dynamic linker is done, as its system calls tell.

use super::thread::Thread;
use core::sync::atomic::Ordering;
use linux_raw_sys::general as linux;

/// The calling thread, whose program may still be linked, is about to make a system call.
#[cold]
pub(super) fn before_call(thread: &Thread, number: u64) {
    if !u32::try_from(number).is_ok_and(is_of_linking) {
        thread.is_linking.store(false, Ordering::Relaxed);
        thread.process.memory().settle();
    }
}

/// Whether dynamic linkers make this call before they are done.
fn is_of_linking(number: u32) -> bool {
    matches!(
        number,
        linux::__NR_open
            | linux::__NR_openat
            | linux::__NR_close
            | linux::__NR_fcntl
            | linux::__NR_read
            | linux::__NR_pread64
            | linux::__NR_stat
            | linux::__NR_fstat
            | linux::__NR_newfstatat
            | linux::__NR_access
            | linux::__NR_readlink
            | linux::__NR_mmap
            | linux::__NR_munmap
            | linux::__NR_mprotect
            | linux::__NR_brk
            | linux::__NR_arch_prctl
            | linux::__NR_set_tid_address
            | linux::__NR_set_robust_list
            | linux::__NR_rseq
            | linux::__NR_prlimit64
            | linux::__NR_getrandom
    )
}
