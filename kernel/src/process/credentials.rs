//! Who a thread acts as (`man 7 credentials`, `man 7 capabilities`).

use crate::prelude::*;

/// User and group ids and capabilities of a thread.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the man pages")]
pub struct Credentials {
    pub ruid: u32,
    pub euid: u32,
    pub suid: u32,
    pub fsuid: u32,
    pub rgid: u32,
    pub egid: u32,
    pub sgid: u32,
    pub fsgid: u32,
    pub groups: Arc<[u32]>,
    pub cap_permitted: u64,
    pub cap_effective: u64,
    pub cap_inheritable: u64,
    pub cap_bounding: u64,
    pub cap_ambient: u64,
    /// `PR_SET_KEEPCAPS`.
    pub keep_caps: bool,
    /// `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// `PR_SET_SECUREBITS`.
    pub securebits: u32,
}

/// Bits of `PR_SET_SECUREBITS`; the bit above each locks it.
pub(super) mod securebits {
    /// Root's ids give no capabilities at `execve`.
    pub(crate) const NOROOT: u32 = 1;
    /// Changes of user ids don't change capabilities.
    pub(crate) const NO_SETUID_FIXUP: u32 = 1 << 2;
    /// Permitted capabilities stay when the last of root's ids goes; [`Credentials::keep_caps`](super::Credentials).
    pub(crate) const KEEP_CAPS: u32 = 1 << 4;
    /// Ambient capabilities can't be raised.
    pub(crate) const NO_CAP_AMBIENT_RAISE: u32 = 1 << 6;
}

/// All capabilities that Linux 6 knows (0 to `CAP_CHECKPOINT_RESTORE`).
pub(super) const ALL_CAPABILITIES: u64 = (1 << 41) - 1;

impl Credentials {
    /// What a login of this user has: all capabilities for root, none for others.
    pub fn new(uid: u32, gid: u32, groups: &[u32]) -> Self {
        let caps = if uid == 0 { ALL_CAPABILITIES } else { 0 };
        Self {
            ruid: uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            rgid: gid,
            egid: gid,
            sgid: gid,
            fsgid: gid,
            groups: groups.into(),
            cap_permitted: caps,
            cap_effective: caps,
            cap_inheritable: 0,
            cap_bounding: ALL_CAPABILITIES,
            cap_ambient: 0,
            keep_caps: false,
            no_new_privs: false,
            securebits: 0,
        }
    }

    /// Whether capability number `cap` is effective.
    pub const fn has_cap(&self, cap: u32) -> bool {
        self.cap_effective & 1 << cap != 0
    }

    /// Whether capabilities follow user ids, as they do unless securebits say otherwise.
    pub const fn has_root_fixup(&self) -> bool {
        self.securebits & securebits::NO_SETUID_FIXUP == 0
    }

    /// Whether `new` is the same user and group, with no more capabilities.
    pub(super) fn is_superset_of(&self, new: &Self) -> bool {
        [self.euid, self.egid, self.fsuid, self.fsgid] == [new.euid, new.egid, new.fsuid, new.fsgid]
            && new.cap_permitted & !self.cap_permitted == 0
    }

    /// Whether these are the real, effective and saved ids alike.
    pub fn is_only(&self, uid: u32, gid: u32) -> bool {
        [self.ruid, self.euid, self.suid] == [uid; 3] && [self.rgid, self.egid, self.sgid] == [gid; 3]
    }

    /// Whether the file system group or a supplementary one is `gid`.
    pub fn is_in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.contains(&gid)
    }
}
