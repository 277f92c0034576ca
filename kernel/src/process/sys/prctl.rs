//! `prctl(2)`, `arch_prctl(2)` and `personality(2)`.

use super::identity::change;
use crate::prelude::*;
use crate::process::credentials::securebits;
use crate::process::settings::DEFAULT_TIMER_SLACK_NS;
use crate::process::{Thread, cap};
use crate::syscalls::Context;
use core::sync::atomic::Ordering;
use frame::layout::TASK_SIZE;
use linux_raw_sys::prctl as pr;

/// The longest name of a thread, without NUL.
const NAME_MAX: usize = 15;

/// `prctl(2)`.
pub fn prctl(cx: Context<'_>, option: u32, arg2: u64, arg3: u64, arg4: u64, arg5: u64) -> Result<usize> {
    let thread = cx.thread;
    let rest = [arg3, arg4, arg5];
    match option {
        pr::PR_SET_NAME => set_name(thread, UserPtr::new(arg2 as usize)),
        pr::PR_GET_NAME => {
            let mut bytes = [0_u8; NAME_MAX + 1];
            let name = thread.name.lock().clone();
            let len = name.len().min(NAME_MAX);
            bytes[..len].copy_from_slice(&name[..len]);
            UserPtr::new(arg2 as usize).write(&bytes)?;
            Ok(0)
        }
        pr::PR_SET_PDEATHSIG => {
            if arg2 > 64 {
                bail!(EINVAL, "no such signal");
            }
            thread.settings.lock().death_signal = arg2 as u8;
            Ok(0)
        }
        pr::PR_GET_PDEATHSIG => put(arg2, i32::from(thread.settings.lock().death_signal)),
        pr::PR_GET_DUMPABLE => Ok(thread.process.dumpable.load(Ordering::Relaxed) as usize),
        pr::PR_SET_DUMPABLE => {
            let dumpable = flag(arg2)?;
            thread.process.dumpable.store(u32::from(dumpable), Ordering::Relaxed);
            Ok(0)
        }
        pr::PR_GET_KEEPCAPS => Ok(usize::from(thread.credentials().keep_caps)),
        pr::PR_SET_KEEPCAPS => {
            const KEEP_CAPS_LOCKED: u32 = 1 << 5;
            let keep = flag(arg2)?;
            change(thread, |new| {
                if new.securebits & KEEP_CAPS_LOCKED != 0 {
                    bail!(EPERM, "the flag is locked");
                }
                new.keep_caps = keep;
                Ok(())
            })
        }
        pr::PR_SET_NO_NEW_PRIVS => {
            if arg2 != 1 || rest != [0; 3] {
                bail!(EINVAL, "the flag can only be set");
            }
            change(thread, |new| {
                new.no_new_privs = true;
                Ok(())
            })
        }
        pr::PR_GET_NO_NEW_PRIVS => {
            zero(&[arg2, arg3, arg4, arg5])?;
            Ok(usize::from(thread.credentials().no_new_privs))
        }
        pr::PR_CAPBSET_READ => Ok(usize::from(thread.credentials().cap_bounding & capability(arg2)? != 0)),
        pr::PR_CAPBSET_DROP => {
            let capability = capability(arg2);
            change(thread, |new| {
                if !new.has_cap(cap::SETPCAP) {
                    bail!(EPERM, "only CAP_SETPCAP drops capabilities from the bounding set");
                }
                new.cap_bounding &= !capability?;
                Ok(())
            })
        }
        pr::PR_CAP_AMBIENT => ambient(thread, arg2, arg3, [arg4, arg5]),
        pr::PR_GET_SECUREBITS => {
            let credentials = thread.credentials();
            Ok((credentials.securebits | u32::from(credentials.keep_caps) << 4) as usize)
        }
        pr::PR_SET_SECUREBITS => set_securebits(thread, arg2),
        pr::PR_SET_TIMERSLACK => {
            let slack = if arg2 as i64 <= 0 { DEFAULT_TIMER_SLACK_NS } else { arg2 };
            thread.settings.lock().timer_slack_ns = slack;
            frame::schedule::set_timer_slack(slack);
            Ok(0)
        }
        pr::PR_GET_TIMERSLACK => Ok(thread.settings.lock().timer_slack_ns as usize),
        pr::PR_GET_TID_ADDRESS => put(arg2, thread.clear_tid.load(Ordering::Relaxed)),
        pr::PR_SET_CHILD_SUBREAPER => {
            thread.process.set_subreaper(arg2 != 0);
            Ok(0)
        }
        pr::PR_GET_CHILD_SUBREAPER => put(arg2, i32::from(thread.process.is_subreaper())),
        pr::PR_SET_THP_DISABLE => {
            zero(&rest)?;
            thread.settings.lock().no_huge_pages = arg2 != 0;
            Ok(0)
        }
        pr::PR_GET_THP_DISABLE => {
            zero(&[arg2, arg3, arg4, arg5])?;
            Ok(usize::from(thread.settings.lock().no_huge_pages))
        }
        pr::PR_GET_TIMING => Ok(0),
        pr::PR_SET_TIMING if arg2 == 0 => Ok(0),
        pr::PR_GET_TSC => put(arg2, pr::PR_TSC_ENABLE),
        pr::PR_SET_TSC if arg2 == u64::from(pr::PR_TSC_ENABLE) => Ok(0),
        pr::PR_MCE_KILL => machine_check(thread, arg2, arg3, [arg4, arg5]),
        pr::PR_MCE_KILL_GET => {
            zero(&[arg2, arg3, arg4, arg5])?;
            Ok(usize::from(thread.settings.lock().machine_check))
        }
        pr::PR_SET_IO_FLUSHER | pr::PR_GET_IO_FLUSHER => io_flusher(thread, option, arg2, rest),
        pr::PR_SET_VMA => name_mapping(arg2, arg3, arg4, arg5),
        pr::PR_GET_AUXV => {
            zero(&[arg4, arg5])?;
            let auxv = thread.process.program.read().clone();
            let mut words: Vec<u64> = auxv.auxv.iter().flatten().copied().collect();
            words.extend([0, 0]);
            let len = words.len() * size_of::<u64>();
            UserPtr::<u64>::new(arg2 as usize).write_array(&words[..words.len().min(arg3 as usize / 8)])?;
            Ok(len)
        }
        // This kernel has no seccomp.
        pr::PR_GET_SECCOMP | pr::PR_SET_SECCOMP => Err(err!(EINVAL, "seccomp is not built in")),
        pr::PR_GET_SPECULATION_CTRL => Err(err!(ENODEV, "speculation is the host's affair")),
        _ => {
            warn!("prctl option {option} is not supported");
            Err(err!(EINVAL, "no such option"))
        }
    }
}

/// Writes an answer for the program.
fn put<T: zerocopy::IntoBytes + zerocopy::Immutable>(addr: u64, value: T) -> Result<usize> {
    UserPtr::new(addr as usize).write(&value)?;
    Ok(0)
}

fn flag(word: u64) -> Result<bool> {
    match word {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(err!(EINVAL, "neither 0 nor 1")),
    }
}

fn zero(words: &[u64]) -> Result<()> {
    if words.iter().all(|&word| word == 0) { Ok(()) } else { Err(err!(EINVAL, "unused arguments must be 0")) }
}

/// The bit of a capability number.
fn capability(number: u64) -> Result<u64> {
    if number > u64::from(cap::LAST) {
        bail!(EINVAL, "no such capability");
    }
    Ok(1 << number)
}

fn set_name(thread: &Thread, name: UserPtr<u8>) -> Result<usize> {
    let mut bytes = Vec::with_capacity(NAME_MAX);
    for index in 0..NAME_MAX {
        match name.at(index).read()? {
            0 => break,
            byte => bytes.push(byte),
        }
    }
    *thread.name.lock() = bytes;
    Ok(0)
}

fn ambient(thread: &Thread, operation: u64, number: u64, rest: [u64; 2]) -> Result<usize> {
    zero(&rest)?;
    if operation == u64::from(pr::PR_CAP_AMBIENT_CLEAR_ALL) {
        zero(&[number])?;
        return change(thread, |new| {
            new.cap_ambient = 0;
            Ok(())
        });
    }
    let capability = capability(number)?;
    match operation as u32 {
        pr::PR_CAP_AMBIENT_IS_SET => Ok(usize::from(thread.credentials().cap_ambient & capability != 0)),
        pr::PR_CAP_AMBIENT_RAISE => change(thread, |new| {
            if new.cap_permitted & new.cap_inheritable & capability == 0
                || new.securebits & securebits::NO_CAP_AMBIENT_RAISE != 0
            {
                bail!(EPERM, "the capability is not permitted and inheritable");
            }
            new.cap_ambient |= capability;
            Ok(())
        }),
        pr::PR_CAP_AMBIENT_LOWER => change(thread, |new| {
            new.cap_ambient &= !capability;
            Ok(())
        }),
        _ => Err(err!(EINVAL, "no such operation on ambient capabilities")),
    }
}

fn set_securebits(thread: &Thread, bits: u64) -> Result<usize> {
    /// Every second bit locks the one below it.
    const LOCKS: u32 = 0xaaaa_aaaa;
    /// Those that interpreters ask for before they run scripts (`EXEC_RESTRICT_FILE`, `EXEC_DENY_INTERACTIVE`).
    const UNPRIVILEGED: u32 = 0xf00;
    const ALL: u64 = 0xfff;
    if bits & !ALL != 0 {
        bail!(EPERM, "undefined bits");
    }
    let bits = bits as u32;
    change(thread, |new| {
        let old = new.securebits | if new.keep_caps { securebits::KEEP_CAPS } else { 0 };
        let locked = (old & LOCKS) >> 1;
        let needs_capability = (old ^ bits) & !UNPRIVILEGED != 0 || old == bits;
        let may = new.has_cap(cap::SETPCAP) || !needs_capability;
        if locked & (old ^ bits) != 0 || old & LOCKS & !bits != 0 || !may {
            bail!(EPERM, "a bit is locked, or CAP_SETPCAP is missing");
        }
        new.securebits = bits & !securebits::KEEP_CAPS;
        new.keep_caps = bits & securebits::KEEP_CAPS != 0;
        Ok(())
    })
}

fn machine_check(thread: &Thread, operation: u64, policy: u64, rest: [u64; 2]) -> Result<usize> {
    zero(&rest)?;
    let policy = match operation as u32 {
        pr::PR_MCE_KILL_CLEAR if policy == 0 => pr::PR_MCE_KILL_DEFAULT,
        pr::PR_MCE_KILL_SET if policy <= u64::from(pr::PR_MCE_KILL_DEFAULT) => policy as u32,
        _ => bail!(EINVAL, "no such policy"),
    };
    thread.settings.lock().machine_check = policy as u8;
    Ok(0)
}

fn io_flusher(thread: &Thread, option: u32, value: u64, rest: [u64; 3]) -> Result<usize> {
    if !thread.credentials().has_cap(cap::SYS_RESOURCE) {
        bail!(EPERM, "only CAP_SYS_RESOURCE may");
    }
    zero(&rest)?;
    if option == pr::PR_GET_IO_FLUSHER {
        zero(&[value])?;
        return Ok(usize::from(thread.settings.lock().is_io_flusher));
    }
    let value = flag(value)?;
    thread.settings.lock().is_io_flusher = value;
    Ok(0)
}

/// `PR_SET_VMA_ANON_NAME`: checked, but the name is not kept.
fn name_mapping(operation: u64, addr: u64, len: u64, name: u64) -> Result<usize> {
    const NAME_LEN: usize = 80;
    if operation != 0 || !addr.is_multiple_of(frame::layout::PAGE_SIZE as u64) || addr.checked_add(len).is_none() {
        bail!(EINVAL, "no such operation, or no page");
    }
    if name != 0 {
        let name = UserPtr::<u8>::new(name as usize).read_cstr(NAME_LEN).map_err(|error| match error.errno() {
            Errno::ENAMETOOLONG => err!(EINVAL, "the name is too long"),
            _ => error,
        })?;
        if name.iter().any(|byte| !matches!(byte, b' '..=b'~') || b"\\`$[]".contains(byte)) {
            bail!(EINVAL, "the name has forbidden characters");
        }
    }
    Ok(0)
}

/// `arch_prctl(2)`: the bases of `%fs` and `%gs`, the latter of which is the LibOS's own.
pub fn arch_prctl(_cx: Context<'_>, option: u32, addr: u64) -> Result<usize> {
    const ARCH_SET_GS: u32 = 0x1001;
    const ARCH_SET_FS: u32 = 0x1002;
    const ARCH_GET_FS: u32 = 0x1003;
    const ARCH_GET_GS: u32 = 0x1004;
    const ARCH_GET_CPUID: u32 = 0x1011;
    match option {
        ARCH_SET_FS => {
            if addr >= TASK_SIZE as u64 || !frame::cpu::set_fs_base(addr) {
                bail!(EPERM, "the base is outside the program");
            }
            Ok(0)
        }
        ARCH_GET_FS => put(addr, frame::cpu::fs_base()),
        ARCH_SET_GS => {
            warn!("programs can't have a base of %gs: it is the LibOS's own");
            Err(err!(EINVAL, "%gs is the LibOS's own"))
        }
        ARCH_GET_GS => put(addr, 0_u64),
        ARCH_GET_CPUID => Ok(1),
        _ => Err(err!(EINVAL, "no such option")),
    }
}

/// `personality(2)`: kept; of the execution domains only Linux's exists.
pub fn personality(cx: Context<'_>, persona: u64) -> Result<usize> {
    const QUERY: u32 = u32::MAX;
    const DOMAIN: u32 = 0xff;
    let mut settings = cx.thread.settings.lock();
    let old = settings.personality;
    let persona = persona as u32;
    if persona != QUERY {
        if persona & DOMAIN != 0 {
            warn!("personality {persona:#x} is another system's, and has no effect");
        }
        settings.personality = persona;
    }
    Ok(old as usize)
}
