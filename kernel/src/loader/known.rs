//! Programs and scripts that were run lately: opened, and their headers read.

use super::ReadAt;
use super::elf::{self, Elf};
use super::script::{self, Shebang};
use crate::fs::{Dentry, ExecutableFile, File, Version};
use crate::prelude::*;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use frame::patch::CpuidSite;
use frame::sync::Once;

/// A program or script, as it was when it was looked at.
pub struct Known {
    /// What tells it from all others.
    pub id: u64,
    /// The file, open for reading.
    pub file: Arc<dyn File>,
    /// What it is.
    pub contents: Contents,
    /// Its capabilities, as the extended attribute has them (`man 7 capabilities`).
    pub capabilities: Result<Vec<u8>>,
    dentry: Arc<Dentry>,
    version: Version,
    runs: AtomicU32,
    /// Its `cpuid` instructions; their addresses are as linked.
    cpuids: Once<Vec<CpuidSite>>,
    run_time_ns: AtomicU64,
}

/// What an executable file is.
pub enum Contents {
    /// A program.
    Program(Elf),
    /// A script.
    Script(Shebang),
}

/// Those that were run last, the oldest first.
static RECENT: Mutex<VecDeque<Arc<Known>>> = Mutex::new(VecDeque::new());
const MAX_RECENT: usize = 64;

impl Known {
    /// What `found` is, from memory if it was run before and hasn't changed since.
    ///
    /// # Errors
    /// `ENOEXEC` for what can't be executed; what opening and reading the file give.
    pub fn look_up(found: &ExecutableFile) -> Result<Arc<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let version = Version::of(&found.metadata);
        let is_it = |known: &Arc<Self>| Arc::ptr_eq(&known.dentry, &found.dentry) && known.version == version;
        let recent = RECENT.lock().iter().find(|known| is_it(known)).cloned();
        if let Some(known) = recent {
            return Ok(known);
        }
        let is_settled = version.is_settled();
        let file = found.open()?;
        let known = Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            contents: Contents::read(&*file)?,
            capabilities: file.capabilities(),
            file,
            dentry: found.dentry.clone(),
            version,
            runs: AtomicU32::new(0),
            cpuids: Once::new(),
            run_time_ns: AtomicU64::new(0),
        });
        if is_settled {
            let gone = {
                let mut recent = RECENT.lock();
                recent.retain(|other| !Arc::ptr_eq(&other.dentry, &known.dentry));
                recent.push_back(known.clone());
                if recent.len() > MAX_RECENT { recent.pop_front() } else { None }
            };
            drop(gone);
        }
        Ok(known)
    }

    /// Counts a run; gives how many there were before.
    pub fn count_run(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether it was run before.
    pub fn has_run(&self) -> bool {
        self.runs.load(Ordering::Relaxed) > 0
    }

    /// Its `cpuid` instructions, ascending, their addresses as linked, if it was run before: looking for them would slow the first run.
    pub fn cpuids(&self) -> &[CpuidSite] {
        let Contents::Program(elf) = &self.contents else { return &[] };
        if !self.has_run() {
            return &[];
        }
        if let Some(known) = self.cpuids.get() {
            return known;
        }
        // Whoever is killed meanwhile keeps nobody waiting; others may search as well.
        let found = super::cpuid::find(&*self.file, elf).unwrap_or_else(|error| {
            debug!("the program can't be searched for cpuid instructions: {error}");
            Vec::new()
        });
        frame::thread::as_a_whole(|| self.cpuids.call_once(|| found))
    }

    /// The processor time that its last run took; zero before it ends for the first time.
    pub fn run_time(&self) -> Duration {
        Duration::from_nanos(self.run_time_ns.load(Ordering::Relaxed))
    }

    /// A run has taken this long.
    pub fn set_run_time(&self, run_time: Duration) {
        self.run_time_ns.store(u64::try_from(run_time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Contents {
    fn read(file: &dyn File) -> Result<Self> {
        let mut head = [0; script::HEAD_LEN];
        let len = ReadAt::read_at(file, 0, &mut head)?;
        match script::parse(&head[..len])? {
            Some(shebang) => Ok(Self::Script(shebang)),
            None => elf::parse(file).map(Self::Program),
        }
    }
}
