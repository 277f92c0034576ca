//! Whom a process acts as after `execve` (`man 2 execve`, `man 7 capabilities` under "transformation of capabilities
//! during execve"): set-user-id and set-group-id bits, file capabilities, ambient capabilities.

use super::Credentials;
use super::credentials::{ALL_CAPABILITIES, securebits};
use super::limits::Resource;
use super::thread::Thread;
use crate::fs::{Inode, Metadata};
use crate::loader::Known;
use crate::prelude::*;
use core::sync::atomic::Ordering;

/// Mode bits of an executable.
const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const GROUP_EXEC: u32 = 0o010;

/// What `execve` makes of credentials.
pub(super) struct ExecCredentials {
    /// What the program runs with.
    pub(super) credentials: Arc<Credentials>,
    /// It may do more than its caller: `AT_SECURE`, and the caller's influence ends.
    pub(super) is_secure: bool,
    /// The file's bits or capabilities count, which clears parts of the personality.
    is_elevated: bool,
    /// Others may look into the process, as far as the caller and the file go.
    is_dumpable: bool,
}

/// Capabilities of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileCapabilities {
    permitted: u64,
    inheritable: u64,
    is_effective: bool,
}

impl ExecCredentials {
    /// What somebody with the credentials `old` is when he runs `program`, which for a script is the interpreter.
    ///
    /// # Errors
    /// `EPERM` if the file's capabilities must all be had and can't.
    pub(super) fn of(program: &Known, metadata: &Metadata, old: &Credentials) -> Result<Self> {
        let honours = || program.file.inode().is_none_or(|inode| !is_nosuid(&*inode));
        let mut ids = [None; 2];
        if metadata.mode & (SET_UID | SET_GID) != 0 && !old.no_new_privs && honours() {
            let sets_gid = metadata.mode & (SET_GID | GROUP_EXEC) == SET_GID | GROUP_EXEC;
            ids = [(metadata.mode & SET_UID != 0).then_some(metadata.uid), sets_gid.then_some(metadata.gid)];
        }
        let capabilities = file_capabilities(program)?.filter(|_| honours());
        let mut this = Self::transform(old, ids, capabilities)?;
        this.is_dumpable = old.euid == old.ruid
            && old.egid == old.rgid
            && crate::fs::permission::check(old, metadata, crate::fs::permission::Access::READ).is_ok();
        Ok(this)
    }

    /// The rules, in Linux's order.
    fn transform(old: &Credentials, ids: [Option<u32>; 2], file: Option<FileCapabilities>) -> Result<Self> {
        let mut new = old.clone();
        let [uid, gid] = ids;
        (new.euid, new.egid) = (uid.unwrap_or(old.euid), gid.unwrap_or(old.egid));
        let mut is_effective = false;
        new.cap_permitted = 0;
        if let Some(file) = file {
            new.cap_permitted = old.cap_bounding & file.permitted | old.cap_inheritable & file.inheritable;
            is_effective = file.is_effective;
            if is_effective && file.permitted & !new.cap_permitted != 0 {
                bail!(EPERM, "the program's capabilities are out of bounds");
            }
        }
        // Root has all, unless the file says by its capabilities what a set-user-id program of root is to have.
        let is_set_root = new.euid == 0 && new.ruid != 0;
        let root_counts = old.securebits & securebits::NOROOT == 0 && !(file.is_some() && is_set_root);
        if root_counts && (new.euid == 0 || new.ruid == 0) {
            new.cap_permitted = old.cap_bounding | old.cap_inheritable;
            is_effective |= new.euid == 0;
        }
        let gains = new.cap_permitted & !old.cap_permitted != 0;
        let is_set_id = new.euid != old.euid || !old.is_in_group(new.egid);
        if (gains || is_set_id) && old.no_new_privs {
            (new.euid, new.egid) = (new.ruid, new.rgid);
            new.cap_permitted &= old.cap_permitted;
        }
        (new.suid, new.fsuid) = (new.euid, new.euid);
        (new.sgid, new.fsgid) = (new.egid, new.egid);
        if file.is_some() || is_set_id {
            new.cap_ambient = 0;
        }
        new.cap_permitted |= new.cap_ambient;
        new.cap_effective = if is_effective { new.cap_permitted } else { new.cap_ambient };
        new.keep_caps = false;
        let grows = new.cap_permitted & !new.cap_ambient != 0;
        let is_secure =
            is_set_id || new.euid != old.ruid || new.egid != old.rgid || new.ruid != 0 && (is_effective || grows);
        let is_elevated = uid.is_some() || gid.is_some() || gains;
        Ok(Self { credentials: Arc::new(new), is_secure, is_elevated, is_dumpable: true })
    }

    /// Makes them those of `thread`, whose process has got its new program.
    pub(super) fn commit(self, thread: &Thread) {
        /// `READ_IMPLIES_EXEC`, `ADDR_NO_RANDOMIZE`, `ADDR_COMPAT_LAYOUT`, `MMAP_PAGE_ZERO`.
        const UNSAFE_PERSONALITY: u32 = 0x0040_0000 | 0x0004_0000 | 0x0020_0000 | 0x0010_0000;
        /// The limit of the stack that a program with more rights than its caller starts with.
        const SECURE_STACK: u64 = 8 << 20;
        thread.process.dumpable.store(u32::from(self.is_dumpable), Ordering::Relaxed);
        thread.set_credentials(self.credentials);
        let mut settings = thread.settings.lock();
        if self.is_elevated {
            settings.personality &= !UNSAFE_PERSONALITY;
        }
        if self.is_secure {
            settings.death_signal = 0;
            let mut limits = thread.process.limits.lock();
            let [soft, hard] = limits.get(Resource::Stack);
            limits.set(Resource::Stack, [soft.min(SECURE_STACK), hard]);
        }
    }
}

/// Whether an inode's file system was mounted so that these bits don't count.
fn is_nosuid(inode: &dyn Inode) -> bool {
    const ST_NOSUID: u64 = 2;
    const FLAGS: usize = 10;
    // Who doesn't know about the file system doesn't trust it.
    inode.statfs().map_or(true, |words| words[FLAGS] & ST_NOSUID != 0)
}

/// The capabilities that a file has.
fn file_capabilities(program: &Known) -> Result<Option<FileCapabilities>> {
    match &program.capabilities {
        Ok(bytes) => decode(bytes),
        Err(error) if matches!(error.errno(), Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
        Err(error) => Err(*error),
    }
}

/// Decodes `struct vfs_cap_data` or `struct vfs_ns_cap_data` of `linux/capability.h`. Those of another user namespace
/// than root's are none.
fn decode(bytes: &[u8]) -> Result<Option<FileCapabilities>> {
    const REVISION: u32 = 0xff00_0000;
    const EFFECTIVE: u32 = 1;
    let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let malformed = err!(EINVAL, "the file's capabilities are malformed");
    let (&head, sets) = words.split_first().ok_or(malformed)?;
    let malformed = err!(EINVAL, "the file's capabilities are malformed");
    let [permitted, inheritable] = match (head & REVISION, sets) {
        (0x0100_0000, &[permitted, inheritable]) => [u64::from(permitted), u64::from(inheritable)],
        (0x0200_0000, &[p0, i0, p1, i1]) | (0x0300_0000, &[p0, i0, p1, i1, 0]) => {
            [(p0, p1), (i0, i1)].map(|(low, high)| u64::from(low) | u64::from(high) << 32)
        }
        (0x0300_0000, &[_, _, _, _, _]) => return Ok(None),
        _ => return Err(malformed),
    };
    Ok(Some(FileCapabilities {
        permitted: permitted & ALL_CAPABILITIES,
        inheritable: inheritable & ALL_CAPABILITIES,
        is_effective: head & EFFECTIVE != 0,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NET_RAW: u64 = 1 << 13;
    const RAW: FileCapabilities = FileCapabilities { permitted: NET_RAW, inheritable: 0, is_effective: true };

    fn user() -> Credentials {
        Credentials::new(1000, 1000, &[])
    }

    #[test]
    fn set_user_id_program_of_root_gets_all_capabilities() {
        let exec = ExecCredentials::transform(&user(), [Some(0), None], None).unwrap();
        let new = &exec.credentials;
        assert_eq!((new.ruid, new.euid, new.suid, new.fsuid), (1000, 0, 0, 0));
        assert_eq!((new.cap_permitted, new.cap_effective), (ALL_CAPABILITIES, ALL_CAPABILITIES));
        assert!(exec.is_secure);
    }

    #[test]
    fn no_new_privileges_means_none() {
        let mut old = user();
        old.no_new_privs = true;
        let exec = ExecCredentials::transform(&old, [None, None], Some(RAW)).unwrap();
        assert_eq!((exec.credentials.cap_permitted, exec.credentials.euid), (0, 1000));
    }

    #[test]
    fn file_capabilities_end_ambient_ones() {
        let mut old = user();
        (old.cap_permitted, old.cap_inheritable, old.cap_ambient) = (1, 1, 1);
        let plain = ExecCredentials::transform(&old, [None, None], None).unwrap();
        assert_eq!((plain.credentials.cap_effective, plain.is_secure), (1, false));
        let raw = ExecCredentials::transform(&old, [None, None], Some(RAW)).unwrap();
        assert_eq!((raw.credentials.cap_permitted, raw.credentials.cap_ambient), (NET_RAW, 0));
        assert!(raw.is_secure);
    }

    #[test]
    fn bounding_set_refuses_programs_that_need_more() {
        let mut old = user();
        old.cap_bounding &= !NET_RAW;
        let refused = ExecCredentials::transform(&old, [None, None], Some(RAW)).err().unwrap();
        assert_eq!(refused.errno(), Errno::EPERM);
    }

    #[test]
    fn root_keeps_what_bounds_allow_unless_securebits_say_no() {
        let mut old = Credentials::new(0, 0, &[]);
        old.cap_bounding &= !NET_RAW;
        let exec = ExecCredentials::transform(&old, [None, None], None).unwrap();
        assert_eq!((exec.credentials.cap_effective, exec.is_secure), (ALL_CAPABILITIES & !NET_RAW, false));
        old.securebits = securebits::NOROOT;
        let exec = ExecCredentials::transform(&old, [None, None], None).unwrap();
        assert_eq!(exec.credentials.cap_effective, 0);
    }

    #[test]
    fn capabilities_are_decoded_by_revision() {
        let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        assert_eq!(decode(&bytes(&[0x0200_0001, 1 << 13, 0, 0, 0])).unwrap(), Some(RAW));
        assert_eq!(decode(&bytes(&[0x0300_0001, 1 << 13, 0, 0, 0, 0])).unwrap(), Some(RAW));
        assert_eq!(decode(&bytes(&[0x0300_0001, 1 << 13, 0, 0, 0, 7])).unwrap(), None);
        for broken in [&[][..], &[0x0200_0001], &[0x0400_0001, 0, 0, 0, 0], &[0x0200_0001, 1 << 13, 0, 0, 0, 0]] {
            assert_eq!(decode(&bytes(broken)).unwrap_err().errno(), Errno::EINVAL);
        }
    }
}
