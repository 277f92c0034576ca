//! Resource limits (`man 2 getrlimit`).

/// No limit.
pub const RLIM_INFINITY: u64 = u64::MAX;

/// A resource with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "named as in the man page")]
pub enum Resource {
    Cpu = 0,
    FileSize = 1,
    Data = 2,
    Stack = 3,
    Core = 4,
    Rss = 5,
    Processes = 6,
    OpenFiles = 7,
    LockedMemory = 8,
    AddressSpace = 9,
    FileLocks = 10,
    PendingSignals = 11,
    MessageQueues = 12,
    Nice = 13,
    RealtimePriority = 14,
    RealtimeCpu = 15,
}

/// Soft and hard limit of each resource of a process.
#[derive(Clone, Debug)]
pub struct Limits([[u64; 2]; Resource::COUNT]);

impl Resource {
    /// Number of resources.
    pub const COUNT: usize = 16;

    const ALL: [Self; Self::COUNT] = [
        Self::Cpu,
        Self::FileSize,
        Self::Data,
        Self::Stack,
        Self::Core,
        Self::Rss,
        Self::Processes,
        Self::OpenFiles,
        Self::LockedMemory,
        Self::AddressSpace,
        Self::FileLocks,
        Self::PendingSignals,
        Self::MessageQueues,
        Self::Nice,
        Self::RealtimePriority,
        Self::RealtimeCpu,
    ];

    /// The resource of this number.
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.get(raw as usize).copied()
    }
}

impl Limits {
    /// The limits that the host process has, which are those of `enclos run`'s caller.
    pub fn from_host() -> Self {
        Self(
            Resource::ALL.map(|resource| {
                frame::ocall::process::limit(resource as u32).unwrap_or([RLIM_INFINITY, RLIM_INFINITY])
            }),
        )
    }

    /// Soft and hard limit.
    pub const fn get(&self, resource: Resource) -> [u64; 2] {
        self.0[resource as usize]
    }

    /// The limit that is enforced.
    pub const fn soft(&self, resource: Resource) -> u64 {
        self.0[resource as usize][0]
    }

    /// Replaces soft and hard limit; permissions are the caller's affair.
    pub const fn set(&mut self, resource: Resource, limits: [u64; 2]) {
        self.0[resource as usize] = limits;
    }
}
