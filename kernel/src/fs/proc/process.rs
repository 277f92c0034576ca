//! `/proc/PID` and `/proc/PID/task/TID`.

use super::descriptors::{DescriptorInfos, Descriptors};
use super::memory::ProcessMemory;
use super::node::{Directory, Entry, Node};
use super::subject::Subject;
use super::system::number;
use super::{stat, status};
use crate::fs::{Dentry, mount};
use crate::mm::Memory;
use crate::prelude::*;
use crate::process::{Process, RLIM_INFINITY, Resource, Thread, cap, table};
use core::fmt::Write;
use core::sync::atomic::Ordering;

/// A process's directory, or a thread's.
pub(super) struct ProcessDirectory(pub(super) Subject);

type Make = fn(&Subject) -> Node;

/// What processes and threads have.
const ENTRIES: &[(&str, Make)] = &[
    ("auxv", |of| {
        of.private(0o400, |thread| {
            thread.process.program.read().auxv.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
        })
    }),
    ("cgroup", |_| Node::text("0::/\n")),
    ("cmdline", |of| of.file(|of| of_program(of, |thread| zero_separated(&thread.process.program.read().args)))),
    ("comm", comm),
    ("cpuset", |_| Node::text("/\n")),
    ("cwd", |of| directory_link(of, |thread| thread.fs().cwd())),
    ("environ", |of| of.private(0o400, |thread| zero_separated(&thread.process.program.read().env))),
    ("exe", exe),
    ("fd", |of| Node::directory(Descriptors(of.clone()))),
    ("fdinfo", |of| Node::directory(DescriptorInfos(of.clone()))),
    ("gid_map", |_| Node::text(ID_MAP)),
    ("io", |of| {
        let (this, guarded) = (of.clone(), of.clone());
        Node::Guarded(Arc::new(move || stat::io(&this)), 0o400, Arc::new(move || guarded.check_inspect()))
    }),
    ("limits", |of| of.file(limits)),
    ("loginuid", |_| Node::text("4294967295")),
    ("maps", |of| of.private_or_empty(0o444, |thread| thread.process.memory().render_maps().into_bytes())),
    ("mem", |of| {
        let guarded = of.clone();
        let guard = move || {
            guarded.live_or(Errno::ESRCH)?;
            guarded.check_inspect()
        };
        Node::Special(Arc::new(ProcessMemory(of.process.clone())), 0o600, Arc::new(guard))
    }),
    ("mountinfo", |of| of_view(of, mount::mountinfo)),
    ("mounts", |of| of_view(of, mount::mounts)),
    ("oom_score", |_| Node::text("0\n")),
    ("oom_score_adj", oom_score_adj),
    ("personality", |of| {
        of.private(0o400, |thread| format!("{:08x}\n", thread.settings.lock().personality).into_bytes())
    }),
    ("root", |of| directory_link(of, |thread| thread.fs().root().top())),
    ("schedstat", |of| of.file(stat::schedstat)),
    ("sessionid", |_| Node::text("4294967295")),
    ("setgroups", |_| Node::text("allow\n")),
    ("smaps", |of| of.private_or_empty(0o444, |thread| with_host_pid(thread, Memory::render_smaps))),
    ("smaps_rollup", |of| of.private(0o444, |thread| with_host_pid(thread, Memory::render_smaps_rollup))),
    ("stat", |of| of.file(stat::stat)),
    ("statm", |of| of.file(stat::statm)),
    ("status", |of| of.file(status::status)),
    ("uid_map", |_| Node::text(ID_MAP)),
    ("wchan", |_| Node::text("0")),
];

/// What only processes have.
const OF_PROCESSES: &[(&str, Make)] = &[
    ("coredump_filter", |_| Node::text("00000033\n")),
    ("task", |of| Node::directory(Tasks(of.clone()))),
    ("timerslack_ns", |of| {
        of.file(|of| Ok(format!("{}\n", of.live_or(Errno::ESRCH)?.settings.lock().timer_slack_ns).into_bytes()))
    }),
];

/// What only threads have.
const OF_THREADS: &[(&str, Make)] = &[("children", |of| of.file(children))];

const ID_MAP: &str = "         0          0 4294967295\n";

impl ProcessDirectory {
    fn all(&self) -> impl Iterator<Item = &'static (&'static str, Make)> {
        ENTRIES.iter().chain(if self.0.is_task { OF_THREADS } else { OF_PROCESSES })
    }
}

impl Directory for ProcessDirectory {
    fn entries(&self) -> Result<Vec<Entry>> {
        self.0.live()?;
        Ok(self.all().map(|(name, make)| ((*name).into(), make(&self.0))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        self.0.live()?;
        let (_, make) = self.all().find(|(other, _)| other.as_bytes() == name).ok_or(Errno::ENOENT)?;
        Ok(make(&self.0))
    }

    /// The user that it acts as; who may not be looked into is root's.
    fn owner(&self) -> Option<[u32; 2]> {
        const SUID_DUMP_USER: u32 = 1;
        let process = &self.0.process;
        if process.dumpable.load(Ordering::Relaxed) != SUID_DUMP_USER {
            return Some([0, 0]);
        }
        let credentials = process.credentials()?;
        Some([credentials.euid, credentials.egid])
    }

    fn process(&self) -> Option<Arc<Process>> {
        (!self.0.is_task).then(|| self.0.process.clone())
    }
}

/// `/proc/PID/task`.
struct Tasks(Subject);

impl Tasks {
    fn node(&self, thread: Option<Arc<Thread>>) -> Node {
        let subject = Subject { process: self.0.process.clone(), thread, is_task: true };
        Node::directory(ProcessDirectory(subject))
    }

    /// The threads by id; of a process that has ended, its first one.
    fn threads(&self) -> Result<BTreeMap<u32, Option<Arc<Thread>>>> {
        if self.0.live()?.is_none() {
            return Ok(BTreeMap::from([(self.0.process.pid(), None)]));
        }
        let threads = self.0.process.threads.lock();
        Ok(threads.iter().map(|(tid, thread)| (*tid, Some(thread.clone()))).collect())
    }
}

impl Directory for Tasks {
    fn entries(&self) -> Result<Vec<Entry>> {
        let threads = self.threads()?.into_iter();
        Ok(threads.map(|(tid, thread)| (tid.to_string().into_bytes(), self.node(thread))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        let tid = number(name).ok_or(Errno::ENOENT)?;
        let thread = self.threads()?.remove(&tid).ok_or(Errno::ENOENT)?;
        Ok(self.node(thread))
    }
}

fn zero_separated(strings: &[Vec<u8>]) -> Vec<u8> {
    strings.iter().flat_map(|string| string.iter().copied().chain([0])).collect()
}

/// What comes from the program; nothing for a process that has ended.
fn of_program(of: &Subject, make: fn(&Thread) -> Vec<u8>) -> Result<Vec<u8>> {
    Ok(of.live()?.map(|thread| make(&thread)).unwrap_or_default())
}

/// What a process sees mounted.
fn of_view(of: &Subject, make: fn() -> Vec<u8>) -> Node {
    let (this, guarded) = (of.clone(), of.clone());
    let guard = move || guarded.live_or(Errno::EINVAL).map(|_| ());
    let make = move || {
        this.live()?;
        Ok(make())
    };
    Node::Guarded(Arc::new(make), 0o444, Arc::new(guard))
}

fn with_host_pid(thread: &Thread, render: fn(&Memory, u32) -> String) -> Vec<u8> {
    let host_pid = thread.handle().map_or(0, |handle| handle.host_pid());
    render(&thread.process.memory(), host_pid).into_bytes()
}

/// A link to a directory of the thread's.
fn directory_link(of: &Subject, dentry: fn(&Thread) -> Arc<Dentry>) -> Node {
    magic(of, move |thread| Ok(dentry(thread)))
}

/// A link to something of the thread's, for those who may look into it.
fn magic(of: &Subject, dentry: impl Fn(&Thread) -> Result<Arc<Dentry>> + Clone + Send + Sync + 'static) -> Node {
    let this = of.clone();
    let follow = move || {
        this.check_inspect()?;
        let thread = this.live_or(Errno::ENOENT)?;
        Ok((dentry(&thread)?, thread))
    };
    let text = follow.clone();
    Node::Magic(
        Arc::new(move || text().map(|(dentry, thread)| dentry.path_from(&thread.fs().root().top()))),
        Arc::new(move || follow().map(|(dentry, _)| dentry)),
        0o777,
    )
}

/// A link to the program, whatever its name stands for now.
fn exe(of: &Subject) -> Node {
    magic(of, |thread| thread.process.program.read().file.clone().ok_or(Errno::ENOENT.into()))
}

fn comm(of: &Subject) -> Node {
    const MAX: usize = 15;
    let (one, other) = (of.clone(), of.clone());
    Node::Setting(
        Arc::new(move || Ok([stat::name(&one, one.live()?.as_deref()).as_slice(), b"\n"].concat())),
        Arc::new(move |name| {
            if !other.is_calling() {
                bail!(EINVAL, "the thread is another process's");
            }
            let end = name.iter().position(|&byte| byte == 0 || byte == b'\n').unwrap_or(name.len()).min(MAX);
            *other.live_or(Errno::ESRCH)?.name.lock() = name[..end].to_vec();
            Ok(())
        }),
        0o644,
    )
}

fn oom_score_adj(of: &Subject) -> Node {
    let (one, other) = (of.process.clone(), of.process.clone());
    Node::Setting(
        Arc::new(move || Ok(format!("{}\n", one.oom_score_adj.load(Ordering::Relaxed)).into_bytes())),
        Arc::new(move |text| {
            let text = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
            let wanted: i32 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
            if !(-1000..=1000).contains(&wanted) {
                bail!(EINVAL, "the adjustment is out of range");
            }
            let may_lower =
                table::calling_thread().is_none_or(|thread| thread.credentials().has_cap(cap::SYS_RESOURCE));
            if wanted < other.oom_score_adj.load(Ordering::Relaxed) && !may_lower {
                bail!(EACCES, "only root may lower the adjustment");
            }
            warn!("oom_score_adj is kept, but has no effect");
            other.oom_score_adj.store(wanted, Ordering::Relaxed);
            Ok(())
        }),
        0o644,
    )
}

/// Children that the thread made.
fn children(of: &Subject) -> Result<Vec<u8>> {
    of.live()?;
    let mut text = String::new();
    for pid in table::children_of_thread(&of.process, of.tid()) {
        let _ = write!(text, "{pid} ");
    }
    Ok(text.into_bytes())
}

fn limits(of: &Subject) -> Result<Vec<u8>> {
    const ROWS: [(&str, &str, Resource); 16] = [
        ("Max cpu time", "seconds", Resource::Cpu),
        ("Max file size", "bytes", Resource::FileSize),
        ("Max data size", "bytes", Resource::Data),
        ("Max stack size", "bytes", Resource::Stack),
        ("Max core file size", "bytes", Resource::Core),
        ("Max resident set", "bytes", Resource::Rss),
        ("Max processes", "processes", Resource::Processes),
        ("Max open files", "files", Resource::OpenFiles),
        ("Max locked memory", "bytes", Resource::LockedMemory),
        ("Max address space", "bytes", Resource::AddressSpace),
        ("Max file locks", "locks", Resource::FileLocks),
        ("Max pending signals", "signals", Resource::PendingSignals),
        ("Max msgqueue size", "bytes", Resource::MessageQueues),
        ("Max nice priority", "", Resource::Nice),
        ("Max realtime priority", "", Resource::RealtimePriority),
        ("Max realtime timeout", "us", Resource::RealtimeCpu),
    ];
    of.live()?;
    let limits = of.process.limits.lock().clone();
    let mut text = format!("{:<26}{:<21}{:<21}{:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    let shown = |value: u64| if value == RLIM_INFINITY { "unlimited".to_string() } else { value.to_string() };
    for (name, unit, resource) in ROWS {
        let [soft, hard] = limits.get(resource).map(shown);
        let _ = writeln!(text, "{name:<26}{soft:<21}{hard:<21}{unit:<10}");
    }
    Ok(text.into_bytes())
}
