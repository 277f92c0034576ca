//! `/proc/PID` and `/proc/PID/task/TID`.

use super::node::{Directory, Entry, Node};
use super::system::number;
use crate::fs::{Dentry, InodeFile, StatusFlags, mount};
use crate::prelude::*;
use crate::process::{Process, RLIM_INFINITY, Resource, Thread};
use crate::syscalls::args::FileDesc;
use core::fmt::Write;
use frame::layout::PAGE_SIZE;
use frame::ocall::process::{self as host, UsageOf, usage};

/// A process's directory, or a thread's.
pub(super) struct ProcessDirectory {
    pub(super) process: Arc<Process>,
    pub(super) thread: Option<Arc<Thread>>,
}

impl ProcessDirectory {
    fn subject(&self) -> Result<Subject> {
        Ok(Subject { process: self.process.clone(), thread: self.thread()? })
    }

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

/// What a directory's entries are made of.
struct Subject {
    process: Arc<Process>,
    thread: Arc<Thread>,
}

impl Subject {
    fn of_process(&self, make: fn(&Arc<Process>) -> Vec<u8>) -> Node {
        let process = self.process.clone();
        Node::file(move || Ok(make(&process)))
    }

    fn of_thread(&self, make: fn(&Arc<Thread>) -> Result<Vec<u8>>) -> Node {
        let thread = self.thread.clone();
        Node::file(move || make(&thread))
    }

    fn private(&self, make: fn(&Arc<Process>) -> Vec<u8>) -> Node {
        let process = self.process.clone();
        Node::private(move || Ok(make(&process)))
    }

    /// A link to a directory of the thread's.
    fn directory_link(&self, dentry: fn(&Thread) -> Arc<Dentry>) -> Node {
        let (one, other) = (self.thread.clone(), self.thread.clone());
        Node::Magic(
            Arc::new(move || Ok(dentry(&one).path_from(&one.fs().root().top()))),
            Arc::new(move || Ok(dentry(&other))),
            0o777,
        )
    }

    fn comm(&self) -> Node {
        const MAX: usize = 15;
        let (one, other) = (self.thread.clone(), self.thread.clone());
        Node::Setting(
            Arc::new(move || Ok([one.name.lock().as_slice(), b"\n"].concat())),
            Arc::new(move |name| {
                let end = name.iter().position(|&byte| byte == 0 || byte == b'\n').unwrap_or(name.len()).min(MAX);
                *other.name.lock() = name[..end].to_vec();
                Ok(())
            }),
        )
    }

    /// A link to the program, wherever its name leads now.
    fn exe(&self) -> Node {
        let process = self.process.clone();
        Node::link(move || Ok(process.program.read().path.clone()))
    }
}

const ENTRIES: &[(&str, fn(&Subject) -> Node)] = &[
    ("auxv", |of| {
        of.private(|process| process.program.read().auxv.iter().flatten().flat_map(|word| word.to_le_bytes()).collect())
    }),
    ("cgroup", |_| Node::text("0::/\n")),
    ("cmdline", |of| of.of_process(|process| zero_separated(&process.program.read().args))),
    ("comm", Subject::comm),
    ("coredump_filter", |_| Node::text("00000033\n")),
    ("cwd", |of| of.directory_link(|thread| thread.fs().cwd())),
    ("environ", |of| of.private(|process| zero_separated(&process.program.read().env))),
    ("exe", Subject::exe),
    ("fd", |of| Node::directory(Descriptors(of.thread.clone()))),
    ("fdinfo", |of| Node::directory(DescriptorInfos(of.thread.clone()))),
    ("gid_map", |_| Node::text(ID_MAP)),
    ("io", |of| of.private(|_| io())),
    ("limits", |of| of.of_process(|process| limits(process))),
    ("loginuid", |_| Node::text("4294967295")),
    ("maps", |of| of.of_process(|process| process.memory().render_maps().into_bytes())),
    ("mountinfo", |_| Node::file(|| Ok(mount::mountinfo()))),
    ("mounts", |_| Node::file(|| Ok(mount::mounts()))),
    ("oom_score", |_| Node::text("0\n")),
    ("oom_score_adj", |_| {
        Node::Setting(
            Arc::new(|| Ok(b"0\n".to_vec())),
            Arc::new(|_| {
                warn!("oom_score_adj has no effect");
                Ok(())
            }),
        )
    }),
    ("personality", |of| {
        of.of_thread(|thread| Ok(format!("{:08x}\n", thread.settings.lock().personality).into_bytes()))
    }),
    ("root", |of| of.directory_link(|thread| thread.fs().root().top())),
    ("sessionid", |_| Node::text("4294967295")),
    ("stat", |of| of.of_thread(stat)),
    ("statm", |of| of.of_process(|process| statm(process))),
    ("status", |of| of.of_thread(status)),
    ("timerslack_ns", |of| {
        of.of_thread(|thread| Ok(format!("{}\n", thread.settings.lock().timer_slack_ns).into_bytes()))
    }),
    ("uid_map", |_| Node::text(ID_MAP)),
    ("wchan", |_| Node::text("0")),
];

const ID_MAP: &str = "         0          0 4294967295\n";

impl Directory for ProcessDirectory {
    fn entries(&self) -> Result<Vec<Entry>> {
        let subject = self.subject()?;
        let mut entries: Vec<Entry> = ENTRIES.iter().map(|(name, make)| ((*name).into(), make(&subject))).collect();
        if self.thread.is_none() {
            entries.push((b"task".to_vec(), Node::directory(Tasks(self.process.clone()))));
        }
        Ok(entries)
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        if name == b"task" && self.thread.is_none() {
            return Ok(Node::directory(Tasks(self.process.clone())));
        }
        let (_, make) = ENTRIES.iter().find(|(other, _)| other.as_bytes() == name).ok_or(Errno::ENOENT)?;
        Ok(make(&self.subject()?))
    }

    fn owner(&self) -> Option<[u32; 2]> {
        let credentials = self.thread().ok()?.credentials();
        Some([credentials.euid, credentials.egid])
    }
}

/// `/proc/PID/task`.
struct Tasks(Arc<Process>);

impl Tasks {
    fn node(&self, thread: Arc<Thread>) -> Node {
        Node::directory(ProcessDirectory { process: self.0.clone(), thread: Some(thread) })
    }
}

impl Directory for Tasks {
    fn entries(&self) -> Result<Vec<Entry>> {
        let threads: Vec<_> = self.0.threads.lock().values().cloned().collect();
        Ok(threads.into_iter().map(|thread| (thread.tid().to_string().into_bytes(), self.node(thread))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        let tid = number(name).ok_or(Errno::ENOENT)?;
        let thread = self.0.threads.lock().get(&tid).cloned().ok_or(Errno::ENOENT)?;
        Ok(self.node(thread))
    }
}

/// `/proc/PID/fd`.
struct Descriptors(Arc<Thread>);

impl Directory for Descriptors {
    fn entries(&self) -> Result<Vec<Entry>> {
        let fds = self.0.files().descriptors();
        Ok(fds.into_iter().map(|fd| (fd.0.to_string().into_bytes(), descriptor(&self.0, fd))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        Ok(descriptor(&self.0, open_descriptor(&self.0, name)?))
    }

    fn mode(&self) -> u32 {
        0o500
    }
}

/// The descriptor of this name, if it's open.
fn open_descriptor(thread: &Thread, name: &[u8]) -> Result<FileDesc> {
    let fd = FileDesc(number(name).and_then(|fd| i32::try_from(fd).ok()).ok_or(Errno::ENOENT)?);
    thread.files().get(fd).map_err(|_| Errno::ENOENT)?;
    Ok(fd)
}

fn descriptor(thread: &Arc<Thread>, fd: FileDesc) -> Node {
    let status = thread.files().get(fd).map_or(StatusFlags::O_RDWR, |file| file.status());
    let (reads, writes) =
        if status.contains(StatusFlags::O_PATH) { (false, false) } else { (status.can_read(), status.can_write()) };
    let mode = 0o100 | if reads { 0o400 } else { 0 } | if writes { 0o200 } else { 0 };
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
        mode,
    )
}

/// `/proc/PID/fdinfo`.
struct DescriptorInfos(Arc<Thread>);

impl Directory for DescriptorInfos {
    fn entries(&self) -> Result<Vec<Entry>> {
        let fds = self.0.files().descriptors();
        Ok(fds.into_iter().map(|fd| (fd.0.to_string().into_bytes(), descriptor_info(&self.0, fd))).collect())
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        Ok(descriptor_info(&self.0, open_descriptor(&self.0, name)?))
    }
}

fn descriptor_info(thread: &Arc<Thread>, fd: FileDesc) -> Node {
    let thread = thread.clone();
    Node::file(move || {
        let files = thread.files();
        let file = files.get(fd)?;
        let position = file.seek(0, frame::ocall::file::Whence::Current).unwrap_or(0);
        let mut flags = file.status().bits();
        if !files.flags(fd)?.is_empty() {
            flags |= StatusFlags::O_CLOEXEC.bits();
        }
        let ino = file.metadata().map_or(0, |metadata| metadata.ino);
        Ok(format!("pos:\t{position}\nflags:\t0{flags:o}\nmnt_id:\t1\nino:\t{ino}\n").into_bytes())
    })
}

/// What the host counts for all processes of the LibOS together.
fn io() -> Vec<u8> {
    let usage = usage(UsageOf::Process);
    let [read, written] = [usage.inblock, usage.oublock].map(|blocks| blocks * 512);
    format!(
        "rchar: {read}\nwchar: {written}\nsyscr: 0\nsyscw: 0\nread_bytes: {read}\nwrite_bytes: {written}\n\
         cancelled_write_bytes: 0\n"
    )
    .into_bytes()
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
    host::resident_pages().unwrap_or(0).min(mapped)
}

/// The most that was ever resident, likewise.
fn most_resident_pages(mapped: usize) -> usize {
    (usage(UsageOf::Process).maxrss as usize * 1024 / PAGE_SIZE).min(mapped)
}

fn ticks([secs, micros]: [i64; 2]) -> i64 {
    secs * 100 + micros / 10_000
}

/// Whether it's the thread that asks: of all others it's most likely that they wait.
fn is_looking(thread: &Thread) -> bool {
    frame::thread::current_ids().is_some_and(|(_, tid)| tid == thread.tid())
}

fn stat(thread: &Arc<Thread>) -> Result<Vec<u8>> {
    let process = &thread.process;
    let usage = usage(UsageOf::Process);
    let totals = process.memory().totals();
    let name = String::from_utf8_lossy(&thread.name.lock()).into_owned();
    let program = process.program.read().clone();
    let group = process.group();
    let session = process.session();
    let threads = process.threads.lock().len();
    let started = process.started.as_millis() / 10;
    let rss_limit = process.limits.lock().soft(Resource::Rss);
    Ok(format!(
        "{} ({name}) {} {} {group} {session} 0 -1 4194304 {} 0 {} 0 {} {} 0 0 20 0 {threads} 0 {started} {} {} {rss_limit} \
         1 1 {} 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        thread.tid(),
        if is_looking(thread) { 'R' } else { 'S' },
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
    let [resident, most_resident] =
        [resident_pages, most_resident_pages].map(|pages| kib(pages(totals.mapped / PAGE_SIZE) * PAGE_SIZE));
    let mut text = String::new();
    let mut groups = String::new();
    for group in credentials.groups.iter() {
        let _ = write!(groups, "{group} ");
    }
    let fields = [
        ("Name", String::from_utf8_lossy(&thread.name.lock()).into_owned()),
        ("Umask", format!("{:04o}", thread.fs().umask())),
        ("State", if is_looking(thread) { "R (running)" } else { "S (sleeping)" }.into()),
        ("Tgid", process.pid().to_string()),
        ("Ngid", "0".into()),
        ("Pid", thread.tid().to_string()),
        ("PPid", process.ppid().to_string()),
        ("TracerPid", "0".into()),
        ("Uid", format!("{}\t{}\t{}\t{}", credentials.ruid, credentials.euid, credentials.suid, credentials.fsuid)),
        ("Gid", format!("{}\t{}\t{}\t{}", credentials.rgid, credentials.egid, credentials.sgid, credentials.fsgid)),
        ("FDSize", thread.files().capacity().to_string()),
        ("Groups", groups),
        ("NStgid", process.pid().to_string()),
        ("NSpid", thread.tid().to_string()),
        ("NSpgid", process.group().to_string()),
        ("NSsid", process.session().to_string()),
        ("VmPeak", format!("{:8} kB", kib(totals.mapped))),
        ("VmSize", format!("{:8} kB", kib(totals.mapped))),
        ("VmLck", format!("{:8} kB", kib(totals.locked))),
        ("VmHWM", format!("{most_resident:8} kB")),
        ("VmRSS", format!("{resident:8} kB")),
        ("VmData", format!("{:8} kB", kib(totals.data))),
        ("VmStk", format!("{:8} kB", kib(totals.stack))),
        ("VmExe", format!("{:8} kB", kib(totals.code))),
        ("VmLib", format!("{:8} kB", 0)),
        ("VmPTE", format!("{:8} kB", kib(totals.mapped) / 512)),
        ("VmSwap", format!("{:8} kB", 0)),
        ("Threads", process.threads.lock().len().to_string()),
        ("SigQ", format!("0/{}", process.limits.lock().soft(Resource::PendingSignals))),
        ("SigPnd", format!("{:016x}", thread.signals.lock().pending_bits())),
        ("ShdPnd", format!("{:016x}", process.signals.lock().pending_bits())),
        ("SigBlk", format!("{:016x}", thread.signals.lock().mask_bits())),
        ("SigIgn", format!("{:016x}", process.dispositions().lock().ignored_bits())),
        ("SigCgt", format!("{:016x}", process.dispositions().lock().caught_bits())),
        ("CapInh", format!("{:016x}", credentials.cap_inheritable)),
        ("CapPrm", format!("{:016x}", credentials.cap_permitted)),
        ("CapEff", format!("{:016x}", credentials.cap_effective)),
        ("CapBnd", format!("{:016x}", credentials.cap_bounding)),
        ("CapAmb", format!("{:016x}", credentials.cap_ambient)),
        ("NoNewPrivs", u32::from(credentials.no_new_privs).to_string()),
        ("Seccomp", "0".into()),
        ("voluntary_ctxt_switches", usage(UsageOf::Process).nvcsw.to_string()),
        ("nonvoluntary_ctxt_switches", usage(UsageOf::Process).nivcsw.to_string()),
    ];
    for (name, value) in fields {
        let _ = writeln!(text, "{name}:\t{value}");
    }
    Ok(text.into_bytes())
}
