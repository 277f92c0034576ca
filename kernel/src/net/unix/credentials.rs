//! Who is at the other end.

use crate::prelude::*;
use crate::process::{Thread, cap, table};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ucred`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ucred {
    /// Process.
    pub pid: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Ucred {
    /// Nobody that is known.
    pub const UNKNOWN: Self = Self { pid: 0, uid: 65534, gid: 65534 };
    /// Nobody: the peer of a socket without one.
    const NOBODY: Self = Self { pid: 0, uid: u32::MAX, gid: u32::MAX };

    /// Who sends, unless it says otherwise: by its real ids.
    pub fn of_sender(thread: &Thread) -> Self {
        let credentials = thread.credentials();
        Self { pid: thread.process.pid(), uid: credentials.ruid, gid: credentials.rgid }
    }

    /// Checks that a thread may say it is this one.
    ///
    /// # Errors
    /// `EPERM`; `ESRCH` for a process that isn't there.
    pub fn check(self, thread: &Thread) -> Result<()> {
        let own = thread.credentials();
        let is_own_pid = self.pid == thread.process.pid();
        if !(is_own_pid || own.has_cap(cap::SYS_ADMIN))
            || !([own.ruid, own.euid, own.suid].contains(&self.uid) || own.has_cap(cap::SETUID))
            || !([own.rgid, own.egid, own.sgid].contains(&self.gid) || own.has_cap(cap::SETGID))
        {
            bail!(EPERM, "credentials of somebody else");
        }
        if !is_own_pid && table::find(self.pid).is_none() {
            bail!(ESRCH, "no such process");
        }
        Ok(())
    }
}

/// Who connected, listened or made a pair: what the other end learns of it (`SO_PEERCRED`).
#[derive(Clone, Debug)]
pub struct Identity {
    /// By effective ids.
    pub ucred: Ucred,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
}

impl Identity {
    /// The calling thread's.
    pub fn of(thread: &Thread) -> Self {
        let credentials = thread.credentials();
        let ucred = Ucred { pid: thread.process.pid(), uid: credentials.euid, gid: credentials.egid };
        Self { ucred, groups: credentials.groups.clone() }
    }

    /// Nobody's.
    pub fn nobody() -> Self {
        Self { ucred: Ucred::NOBODY, groups: Arc::new([]) }
    }
}
