//! System calls about user and group ids (`man 7 credentials`).

use crate::prelude::*;
use crate::process::{Credentials, Thread, cap};
use crate::syscalls::Context;

/// "Leave it as it is" in the calls that set several ids.
const KEEP: u32 = u32::MAX;

/// Changes the calling thread's credentials, which nobody else does; an error leaves them as they are.
pub(super) fn change(thread: &Thread, change: impl FnOnce(&mut Credentials) -> Result<()>) -> Result<usize> {
    let mut changed = Credentials::clone(&thread.credentials());
    change(&mut changed)?;
    thread.set_credentials(Arc::new(changed));
    Ok(0)
}

/// As [`change`], for user ids: capabilities follow as `man 7 capabilities` says under "effect of user ID changes".
fn change_users(thread: &Thread, set: impl FnOnce(&mut Credentials) -> Result<()>) -> Result<usize> {
    change(thread, |new| {
        let old = new.clone();
        set(new)?;
        new.fsuid = new.euid;
        if old.has_root_fixup() {
            fix_capabilities(&old, new);
        }
        Ok(())
    })
}

fn fix_capabilities(old: &Credentials, new: &mut Credentials) {
    let is_root = |who: &Credentials| [who.ruid, who.euid, who.suid].contains(&0);
    if is_root(old) && !is_root(new) {
        if !old.keep_caps {
            new.cap_permitted = 0;
            new.cap_effective = 0;
        }
        new.cap_ambient = 0;
    }
    if old.euid == 0 && new.euid != 0 {
        new.cap_effective = 0;
    }
    if old.euid != 0 && new.euid == 0 {
        new.cap_effective = new.cap_permitted;
    }
}

/// `getuid(2)`.
pub fn getuid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.credentials.read().ruid as usize)
}

/// `geteuid(2)`.
pub fn geteuid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.credentials.read().euid as usize)
}

/// `getgid(2)`.
pub fn getgid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.credentials.read().rgid as usize)
}

/// `getegid(2)`.
pub fn getegid(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.credentials.read().egid as usize)
}

/// `getresuid(2)`.
pub fn getresuid(cx: Context<'_>, ruid: UserPtr<u32>, euid: UserPtr<u32>, suid: UserPtr<u32>) -> Result<usize> {
    let credentials = cx.thread.credentials();
    ruid.write(&credentials.ruid)?;
    euid.write(&credentials.euid)?;
    suid.write(&credentials.suid)?;
    Ok(0)
}

/// `getresgid(2)`.
pub fn getresgid(cx: Context<'_>, rgid: UserPtr<u32>, egid: UserPtr<u32>, sgid: UserPtr<u32>) -> Result<usize> {
    let credentials = cx.thread.credentials();
    rgid.write(&credentials.rgid)?;
    egid.write(&credentials.egid)?;
    sgid.write(&credentials.sgid)?;
    Ok(0)
}

/// `setuid(2)`.
pub fn setuid(cx: Context<'_>, uid: u32) -> Result<usize> {
    check_id(uid)?;
    change_users(cx.thread, |new| {
        if new.has_cap(cap::SETUID) {
            (new.ruid, new.suid) = (uid, uid);
        } else if uid != new.ruid && uid != new.suid {
            bail!(EPERM, "the user id is neither the real nor the saved one");
        }
        new.euid = uid;
        Ok(())
    })
}

/// `setgid(2)`.
pub fn setgid(cx: Context<'_>, gid: u32) -> Result<usize> {
    check_id(gid)?;
    change(cx.thread, |new| {
        if new.has_cap(cap::SETGID) {
            (new.rgid, new.sgid) = (gid, gid);
        } else if gid != new.rgid && gid != new.sgid {
            bail!(EPERM, "the group id is neither the real nor the saved one");
        }
        (new.egid, new.fsgid) = (gid, gid);
        Ok(())
    })
}

fn check_id(id: u32) -> Result<()> {
    if id == KEEP { Err(err!(EINVAL, "no such user or group id")) } else { Ok(()) }
}

/// `setreuid(2)`.
pub fn setreuid(cx: Context<'_>, ruid: u32, euid: u32) -> Result<usize> {
    change_users(cx.thread, |new| {
        let old = new.clone();
        let privileged = old.has_cap(cap::SETUID);
        if ruid != KEEP {
            if !privileged && ![old.ruid, old.euid].contains(&ruid) {
                bail!(EPERM, "the real user id can become the effective one only");
            }
            new.ruid = ruid;
        }
        if euid != KEEP {
            if !privileged && ![old.ruid, old.euid, old.suid].contains(&euid) {
                bail!(EPERM, "the effective user id can become the real or saved one only");
            }
            new.euid = euid;
        }
        if ruid != KEEP || euid != KEEP && euid != old.ruid {
            new.suid = new.euid;
        }
        Ok(())
    })
}

/// `setregid(2)`.
pub fn setregid(cx: Context<'_>, rgid: u32, egid: u32) -> Result<usize> {
    change(cx.thread, |new| {
        let old = new.clone();
        let privileged = old.has_cap(cap::SETGID);
        if rgid != KEEP {
            if !privileged && ![old.rgid, old.egid].contains(&rgid) {
                bail!(EPERM, "the real group id can become the effective one only");
            }
            new.rgid = rgid;
        }
        if egid != KEEP {
            if !privileged && ![old.rgid, old.egid, old.sgid].contains(&egid) {
                bail!(EPERM, "the effective group id can become the real or saved one only");
            }
            new.egid = egid;
        }
        if rgid != KEEP || egid != KEEP && egid != old.rgid {
            new.sgid = new.egid;
        }
        new.fsgid = new.egid;
        Ok(())
    })
}

/// The three ids after `setresuid` or `setresgid`.
fn set_three(old: [u32; 3], wanted: [u32; 3], privileged: bool) -> Result<[u32; 3]> {
    if !privileged && wanted.iter().any(|id| *id != KEEP && !old.contains(id)) {
        bail!(EPERM, "an id is neither the real, the effective nor the saved one");
    }
    let pick = |index: usize| if wanted[index] == KEEP { old[index] } else { wanted[index] };
    Ok([pick(0), pick(1), pick(2)])
}

/// Whether these ids for `setresuid` or `setresgid` change nothing, not even the file system's.
fn is_no_change([real, effective, saved, fs]: [u32; 4], wanted: [u32; 3]) -> bool {
    let stays = |wanted: u32, now: u32| wanted == KEEP || wanted == now;
    let keeps_fs = wanted[1] == KEEP || fs == effective;
    stays(wanted[0], real) && stays(wanted[1], effective) && stays(wanted[2], saved) && keeps_fs
}

/// `setresuid(2)`.
pub fn setresuid(cx: Context<'_>, ruid: u32, euid: u32, suid: u32) -> Result<usize> {
    let now = cx.thread.credentials();
    if is_no_change([now.ruid, now.euid, now.suid, now.fsuid], [ruid, euid, suid]) {
        return Ok(0);
    }
    change_users(cx.thread, |new| {
        let old = [new.ruid, new.euid, new.suid];
        [new.ruid, new.euid, new.suid] = set_three(old, [ruid, euid, suid], new.has_cap(cap::SETUID))?;
        Ok(())
    })
}

/// `setresgid(2)`.
pub fn setresgid(cx: Context<'_>, rgid: u32, egid: u32, sgid: u32) -> Result<usize> {
    let now = cx.thread.credentials();
    if is_no_change([now.rgid, now.egid, now.sgid, now.fsgid], [rgid, egid, sgid]) {
        return Ok(0);
    }
    change(cx.thread, |new| {
        let old = [new.rgid, new.egid, new.sgid];
        [new.rgid, new.egid, new.sgid] = set_three(old, [rgid, egid, sgid], new.has_cap(cap::SETGID))?;
        new.fsgid = new.egid;
        Ok(())
    })
}

/// `setfsuid(2)`: gives the old id, whether it's changed or not.
pub fn setfsuid(cx: Context<'_>, uid: u32) -> Result<usize> {
    /// What file access by root is about: `CAP_FS_SET` of Linux.
    const FILE_CAPABILITIES: u64 = 0b1_1111 | 1 << 9 | 1 << 27 | 1 << 32;
    let old = cx.thread.credentials().fsuid;
    change(cx.thread, |new| {
        let may = new.has_cap(cap::SETUID) || [new.ruid, new.euid, new.suid, new.fsuid].contains(&uid);
        if uid != KEEP && may {
            new.fsuid = uid;
            if !new.has_root_fixup() {
                return Ok(());
            }
            if old == 0 && uid != 0 {
                new.cap_effective &= !FILE_CAPABILITIES;
            } else if old != 0 && uid == 0 {
                new.cap_effective |= new.cap_permitted & FILE_CAPABILITIES;
            }
        }
        Ok(())
    })?;
    Ok(old as usize)
}

/// `setfsgid(2)`: gives the old id, whether it's changed or not.
pub fn setfsgid(cx: Context<'_>, gid: u32) -> Result<usize> {
    let old = cx.thread.credentials().fsgid;
    change(cx.thread, |new| {
        let may = new.has_cap(cap::SETGID) || [new.rgid, new.egid, new.sgid, new.fsgid].contains(&gid);
        if gid != KEEP && may {
            new.fsgid = gid;
        }
        Ok(())
    })?;
    Ok(old as usize)
}

/// `getgroups(2)`.
pub fn getgroups(cx: Context<'_>, size: i32, list: UserPtr<u32>) -> Result<usize> {
    let groups = cx.thread.credentials().groups.clone();
    let size = usize::try_from(size).map_err(|_| err!(EINVAL, "the size is negative"))?;
    if size > 0 {
        if groups.len() > size {
            bail!(EINVAL, "the list has no room for all groups");
        }
        if !groups.is_empty() {
            list.write_array(&groups)?;
        }
    }
    Ok(groups.len())
}

/// `setgroups(2)`.
pub fn setgroups(cx: Context<'_>, size: u32, list: UserPtr<u32>) -> Result<usize> {
    const NGROUPS_MAX: u32 = 65536;
    if !cx.thread.credentials().has_cap(cap::SETGID) {
        bail!(EPERM, "only CAP_SETGID sets groups");
    }
    if size > NGROUPS_MAX {
        bail!(EINVAL, "too many groups");
    }
    let mut groups = list.read_array(size as usize)?;
    if groups.contains(&KEEP) {
        bail!(EINVAL, "no such group id");
    }
    groups.sort_unstable();
    change(cx.thread, |new| {
        new.groups = groups.into();
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprivileged_ids_only_change_places() {
        assert_eq!(set_three([1, 2, 3], [3, KEEP, 1], false).unwrap(), [3, 2, 1]);
        assert_eq!(set_three([1, 2, 3], [4, KEEP, KEEP], false).unwrap_err().errno(), Errno::EPERM);
        assert_eq!(set_three([1, 2, 3], [4, KEEP, KEEP], true).unwrap(), [4, 2, 3]);
    }

    #[test]
    fn capabilities_go_with_the_last_root_id() {
        let old = Credentials::new(0, 0, &[]);
        let mut new = old.clone();
        (new.ruid, new.euid, new.suid) = (1000, 1000, 1000);
        fix_capabilities(&old, &mut new);
        assert_eq!((new.cap_permitted, new.cap_effective), (0, 0));

        let mut only_effective = old.clone();
        only_effective.euid = 1000;
        fix_capabilities(&old, &mut only_effective);
        assert_eq!((only_effective.cap_permitted, only_effective.cap_effective), (old.cap_permitted, 0));
    }
}
