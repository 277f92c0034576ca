//! `/proc/PID` and `/proc/PID/task/TID`.

use super::node::{Directory, Entry, Node};
use crate::fs::{Dentry, InodeFile};
use crate::prelude::*;
use crate::process::{Process, RLIM_INFINITY, Resource, Thread};
use crate::syscalls::args::FileDesc;
use core::fmt::Write;
use core::sync::atomic::Ordering;
use frame::layout::PAGE_SIZE;
use frame::ocall::process::{UsageOf, usage};

/// A process's directory, or a thread's.
pub(super) struct ProcessDirectory {
    pub(super) process: Arc<Process>,
    pub(super) thread: Option<Arc<Thread>>,
}

impl ProcessDirectory {
    fn thread(&self) -> Result<Arc<Thread>> {
        match &self.thread {
            Some(thread) => Ok(thread.clone()),
            None => self.process.threads.lock().values().next().cloned().ok_or(Errno::ESRCH.into()),
        }
    }
}

fn zero_separated(strings: &[Vec<u8>]) -> Vec<u8> {
    strings.iter().flat_map(|string| string.iter().copied().chain([0])).collect()
}

impl Directory for ProcessDirectory {
    fn entries(&self) -> Result<Vec<Entry>> {
        let process = &self.process;
        let thread = self.thread()?;
        let of_process = |make: fn(&Arc<Process>) -> Result<Vec<u8>>| {
            let process = process.clone();
            Node::file(move || make(&process))
        };
        let of_thread = |make: fn(&Arc<Thread>) -> Result<Vec<u8>>| {
            let thread = thread.clone();
            Node::file(move || make(&thread))
        };
        let named = |thread: &Arc<Thread>, dentry: fn(&Thread) -> Arc<Dentry>| {
            let (one, other) = (thread.clone(), thread.clone());
            Node::Magic(
                Arc::new(move || Ok(dentry(&one).path_from(&one.fs().root().top()))),
                Arc::new(move || Ok(dentry(&other))),
            )
        };
        let exe = process.clone();
        let mut entries: Vec<(&str, Node)> = vec![
            (
                "auxv",
                of_process(|process| {
                    let auxv = process.program.read().auxv.clone();
                    Ok(auxv.iter().flatten().flat_map(|word| word.to_le_bytes()).collect())
                }),
            ),
            ("cmdline", of_process(|process| Ok(zero_separated(&process.program.read().args)))),
            ("comm", of_thread(|thread| Ok([thread.name.lock().as_slice(), b"\n"].concat()))),
            ("cwd", named(&thread, |thread| thread.fs().cwd())),
            ("environ", of_process(|process| Ok(zero_separated(&process.program.read().env)))),
            ("exe", Node::link(move || Ok(exe.program.read().path.clone()))),
            ("fd", Node::directory(Descriptors(thread.clone()))),
            ("fdinfo", Node::directory(DescriptorInfos(thread.clone()))),
            ("limits", of_process(|process| Ok(limits(process)))),
            ("maps", of_process(|process| Ok(process.memory().render_maps().into_bytes()))),
            ("mounts", Node::text(super::system::MOUNTS)),
            ("oom_score", Node::text("0\n")),
            ("oom_score_adj", Node::text("0\n")),
            ("root", named(&thread, |thread| thread.fs().root().top())),
            ("stat", of_thread(stat)),
            ("statm", of_process(|process| Ok(statm(process)))),
            ("status", of_thread(status)),
        ];
        if self.thread.is_none() {
            entries.push(("task", Node::directory(Tasks(process.clone()))));
        }
        Ok(entries.into_iter().map(|(name, node)| (name.into(), node)).collect())
    }
}

/// `/proc/PID/task`.
struct Tasks(Arc<Process>);

impl Directory for Tasks {
    fn entries(&self) -> Result<Vec<Entry>> {
        let threads: Vec<_> = self.0.threads.lock().values().cloned().collect();
        Ok(threads
            .into_iter()
            .map(|thread| {
                let name = thread.tid().to_string().into_bytes();
                (name, Node::directory(ProcessDirectory { process: self.0.clone(), thread: Some(thread) }))
            })
            .collect())
    }
}

/// `/proc/PID/fd`.
struct Descriptors(Arc<Thread>);

impl Directory for Descriptors {
    fn entries(&self) -> Result<Vec<Entry>> {
        let fds = self.0.files().descriptors();
        Ok(fds.into_iter().map(|fd| (fd.0.to_string().into_bytes(), descriptor(&self.0, fd))).collect())
    }
}

fn descriptor(thread: &Arc<Thread>, fd: FileDesc) -> Node {
    let (one, other) = (thread.clone(), thread.clone());
    Node::Magic(
        Arc::new(move || Ok(one.files().get(fd)?.path())),
        Arc::new(move || {
            let file = other.files().get(fd)?;
            match file.as_inode_file().map(InodeFile::dentry) {
                Some(dentry) => Ok(dentry.clone()),
                None => Ok(Dentry::unnamed(&file.path(), Arc::new(super::node::OpenFile(file.clone())))),
            }
        }),
    )
}

/// `/proc/PID/fdinfo`.
struct DescriptorInfos(Arc<Thread>);

impl Directory for DescriptorInfos {
    fn entries(&self) -> Result<Vec<Entry>> {
        let fds = self.0.files().descriptors();
        Ok(fds
            .into_iter()
            .map(|fd| {
                let thread = self.0.clone();
                let node = Node::file(move || {
                    let files = thread.files();
                    let file = files.get(fd)?;
                    let position = file.seek(0, frame::ocall::file::Whence::Current).unwrap_or(0);
                    let mut flags = file.status().bits();
                    if !files.flags(fd)?.is_empty() {
                        flags |= crate::fs::StatusFlags::O_CLOEXEC.bits();
                    }
                    Ok(format!("pos:\t{position}\nflags:\t0{flags:o}\nmnt_id:\t1\n").into_bytes())
                });
                (fd.0.to_string().into_bytes(), node)
            })
            .collect())
    }
}

fn limits(process: &Process) -> Vec<u8> {
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
    let limits = process.limits.lock().clone();
    let mut text = format!("{:<26}{:<21}{:<21}{:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    let shown = |value: u64| if value == RLIM_INFINITY { "unlimited".to_string() } else { value.to_string() };
    for (name, unit, resource) in ROWS {
        let [soft, hard] = limits.get(resource).map(shown);
        let _ = writeln!(text, "{name:<26}{soft:<21}{hard:<21}{unit:<10}");
    }
    text.into_bytes()
}

fn statm(process: &Process) -> Vec<u8> {
    let totals = process.memory().totals();
    let [size, code, data, shared] =
        [totals.mapped, totals.code, totals.data + totals.stack, totals.shared].map(|bytes| bytes / PAGE_SIZE);
    let resident = resident_pages(size);
    format!("{size} {resident} {} {code} 0 {data} 0\n", shared.min(resident)).into_bytes()
}

/// What the host counts for all processes of the LibOS together, at most what is mapped.
fn resident_pages(mapped: usize) -> usize {
    (usage(UsageOf::Process).maxrss as usize * 1024 / PAGE_SIZE).min(mapped)
}

fn ticks([secs, micros]: [i64; 2]) -> i64 {
    secs * 100 + micros / 10_000
}

fn stat(thread: &Arc<Thread>) -> Result<Vec<u8>> {
    let process = &thread.process;
    let usage = usage(UsageOf::Process);
    let totals = process.memory().totals();
    let name = String::from_utf8_lossy(&thread.name.lock()).into_owned();
    let program = process.program.read().clone();
    let group = process.group.load(Ordering::Relaxed);
    let session = process.session.load(Ordering::Relaxed);
    let threads = process.threads.lock().len();
    let started = process.started.as_millis() / 10;
    let rss_limit = process.limits.lock().soft(Resource::Rss);
    Ok(format!(
        "{} ({name}) R {} {group} {session} 0 -1 4194304 {} 0 {} 0 {} {} 0 0 20 0 {threads} 0 {started} {} {} {rss_limit} \
         1 1 {} 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        thread.tid(),
        process.ppid(),
        usage.minflt,
        usage.majflt,
        ticks(usage.utime),
        ticks(usage.stime),
        totals.mapped,
        resident_pages(totals.mapped / PAGE_SIZE),
        program.stack_start,
    )
    .into_bytes())
}

fn status(thread: &Arc<Thread>) -> Result<Vec<u8>> {
    let process = &thread.process;
    let credentials = thread.credentials();
    let totals = process.memory().totals();
    let kib = |bytes: usize| bytes / 1024;
    let resident = kib(resident_pages(totals.mapped / PAGE_SIZE) * PAGE_SIZE);
    let mut text = String::new();
    let mut groups = String::new();
    for group in credentials.groups.iter() {
        let _ = write!(groups, "{group} ");
    }
    let fields = [
        ("Name", String::from_utf8_lossy(&thread.name.lock()).into_owned()),
        ("Umask", format!("{:04o}", thread.fs().umask())),
        ("State", "R (running)".into()),
        ("Tgid", process.pid().to_string()),
        ("Ngid", "0".into()),
        ("Pid", thread.tid().to_string()),
        ("PPid", process.ppid().to_string()),
        ("TracerPid", "0".into()),
        ("Uid", format!("{}\t{}\t{}\t{}", credentials.ruid, credentials.euid, credentials.suid, credentials.fsuid)),
        ("Gid", format!("{}\t{}\t{}\t{}", credentials.rgid, credentials.egid, credentials.sgid, credentials.fsgid)),
        ("FDSize", thread.files().capacity().to_string()),
        ("Groups", groups),
        ("VmPeak", format!("{:8} kB", kib(totals.mapped))),
        ("VmSize", format!("{:8} kB", kib(totals.mapped))),
        ("VmLck", format!("{:8} kB", kib(totals.locked))),
        ("VmHWM", format!("{resident:8} kB")),
        ("VmRSS", format!("{resident:8} kB")),
        ("VmData", format!("{:8} kB", kib(totals.data))),
        ("VmStk", format!("{:8} kB", kib(totals.stack))),
        ("VmExe", format!("{:8} kB", kib(totals.code))),
        ("Threads", process.threads.lock().len().to_string()),
        ("SigQ", format!("0/{}", process.limits.lock().soft(Resource::PendingSignals))),
        ("SigPnd", format!("{:016x}", thread.signals.lock().pending_bits())),
        ("ShdPnd", format!("{:016x}", process.signals.lock().pending_bits())),
        ("SigBlk", format!("{:016x}", thread.signals.lock().mask_bits())),
        ("SigIgn", format!("{:016x}", process.dispositions.lock().ignored_bits())),
        ("SigCgt", format!("{:016x}", process.dispositions.lock().caught_bits())),
        ("CapInh", format!("{:016x}", credentials.cap_inheritable)),
        ("CapPrm", format!("{:016x}", credentials.cap_permitted)),
        ("CapEff", format!("{:016x}", credentials.cap_effective)),
        ("CapBnd", format!("{:016x}", credentials.cap_bounding)),
        ("CapAmb", format!("{:016x}", credentials.cap_ambient)),
        ("NoNewPrivs", u32::from(credentials.no_new_privs).to_string()),
        ("Seccomp", "0".into()),
    ];
    for (name, value) in fields {
        let _ = writeln!(text, "{name}:\t{value}");
    }
    Ok(text.into_bytes())
}
