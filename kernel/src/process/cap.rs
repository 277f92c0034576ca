//! Numbers of capabilities (`man 7 capabilities`) that the LibOS asks for.

#![expect(missing_docs, reason = "named as in the man page")]

pub const KILL: u32 = 5;
pub const SETGID: u32 = 6;
pub const SETUID: u32 = 7;
pub const SETPCAP: u32 = 8;
pub const NET_ADMIN: u32 = 12;
pub const SYS_ADMIN: u32 = 21;
pub const SYS_NICE: u32 = 23;
pub const SYS_RESOURCE: u32 = 24;
/// The highest that Linux 6 has (`CAP_CHECKPOINT_RESTORE`).
pub const LAST: u32 = 40;
/// `CAP_SYS_PTRACE`.
pub const SYS_PTRACE: u32 = 19;
