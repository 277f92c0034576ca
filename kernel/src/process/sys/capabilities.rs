//! `capget` and `capset` (`man 2 capget`).

use super::identity::change;
use crate::prelude::*;
use crate::process::credentials::ALL_CAPABILITIES;
use crate::process::{Credentials, cap, table};
use crate::syscalls::Context;

/// `struct __user_cap_header_struct`: version and process.
pub type CapHeader = [u32; 2];
/// `struct __user_cap_data_struct`: effective, permitted, inheritable.
pub type CapData = [u32; 3];

const VERSION_1: u32 = 0x1998_0330;
const VERSION_2: u32 = 0x2007_1026;
const VERSION_3: u32 = 0x2008_0522;

/// How many data elements the header's version has. An unknown version is answered with the one to use.
fn elements(header: UserPtr<CapHeader>) -> Result<usize> {
    // The version alone decides whether the rest is looked at.
    match header.cast::<u32>().read()? {
        VERSION_1 => Ok(1),
        VERSION_2 | VERSION_3 => Ok(2),
        _ => {
            header.cast::<u32>().write(&VERSION_3)?;
            Err(err!(EINVAL, "no such version of capabilities"))
        }
    }
}

/// `capget(2)`.
pub fn capget(cx: Context<'_>, header: UserPtr<CapHeader>, data: UserPtr<CapData>) -> Result<usize> {
    let count = match elements(header) {
        // A probe for the version.
        Err(error) if error.errno() == Errno::EINVAL && data.is_null() => return Ok(0),
        other => other?,
    };
    if data.is_null() {
        return Ok(0);
    }
    let pid = header.read()?[1] as i32;
    let pid = u32::try_from(pid).map_err(|_| err!(EINVAL, "the process id is negative"))?;
    let credentials = match pid {
        0 => cx.thread.credentials(),
        _ => table::find_thread(pid).ok_or(err!(ESRCH, "no such process"))?.credentials(),
    };
    let sets = [credentials.cap_effective, credentials.cap_permitted, credentials.cap_inheritable];
    for index in 0..count {
        data.at(index).write(&sets.map(|set| (set >> (32 * index)) as u32))?;
    }
    Ok(0)
}

/// `capset(2)`.
pub fn capset(cx: Context<'_>, header: UserPtr<CapHeader>, data: UserPtr<CapData>) -> Result<usize> {
    let count = elements(header)?;
    let pid = header.read()?[1];
    if pid != 0 && pid != cx.thread.tid() {
        bail!(EPERM, "only the caller's own capabilities can be set");
    }
    let mut sets = [0_u64; 3];
    for (index, element) in data.read_array(count)?.into_iter().enumerate() {
        for (set, half) in sets.iter_mut().zip(element) {
            *set |= u64::from(half) << (32 * index);
        }
    }
    let [effective, permitted, inheritable] = sets.map(|set| set & ALL_CAPABILITIES);
    change(cx.thread, |new| set(new, effective, permitted, inheritable))
}

/// The rules of `man 7 capabilities` under "programmatically adjusting capability sets".
fn set(new: &mut Credentials, effective: u64, permitted: u64, inheritable: u64) -> Result<()> {
    let within = |set: u64, limit: u64| set & !limit == 0;
    if !new.has_cap(cap::SETPCAP) && !within(inheritable, new.cap_inheritable | new.cap_permitted) {
        bail!(EPERM, "an inheritable capability is not permitted");
    }
    if !within(inheritable, new.cap_inheritable | new.cap_bounding) {
        bail!(EPERM, "an inheritable capability is out of bounds");
    }
    if !within(permitted, new.cap_permitted) || !within(effective, permitted) {
        bail!(EPERM, "a capability is not permitted");
    }
    (new.cap_effective, new.cap_permitted, new.cap_inheritable) = (effective, permitted, inheritable);
    new.cap_ambient &= permitted & inheritable;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_can_be_dropped_but_not_taken_back() {
        let mut root = Credentials::new(0, 0, &[]);
        set(&mut root, 1, 3, 0).unwrap();
        assert_eq!((root.cap_effective, root.cap_permitted), (1, 3));
        assert_eq!(set(&mut root, 1, 7, 0).unwrap_err().errno(), Errno::EPERM);
        assert_eq!(set(&mut root, 4, 3, 0).unwrap_err().errno(), Errno::EPERM);
        set(&mut root, 3, 3, 0).unwrap();
    }
}
