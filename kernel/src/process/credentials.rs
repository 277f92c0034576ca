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

    /// Whether this user may look into threads of `other`, as `ptrace_may_access` decides it.
    pub fn may_inspect(&self, other: &Self) -> bool {
        const SYS_PTRACE: u32 = 19;
        self.is_owner_of(other) || self.has_cap(SYS_PTRACE)
    }

    /// Whether all ids of `other` are the real ones of this user.
    pub fn is_owner_of(&self, other: &Self) -> bool {
        [other.ruid, other.euid, other.suid].iter().all(|&uid| uid == self.ruid)
            && [other.rgid, other.egid, other.sgid].iter().all(|&gid| gid == self.rgid)
    }

    /// Whether the file system group or a supplementary one is `gid`.
    pub fn is_in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.contains(&gid)
    }
}
