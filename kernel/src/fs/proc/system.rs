//! The entries of `/proc` that aren't processes.

use super::network;
use super::node::{Directory, Entry, Fixed, Node, ProcInode};
use super::process::ProcessDirectory;
use super::subject::Subject;
use crate::fs::inode::Inode;
use crate::ipc::sysv::show;
use crate::prelude::*;
use crate::process::{check, table};
use alloc::ffi::CString;
use core::fmt::Write;
use frame::ocall::file;
use frame::ocall::process::system_info;
use frame::ocall::time::{Clock, now};

/// The root of `/proc`.
pub fn root() -> Arc<dyn Inode> {
    Arc::new(ProcInode { node: Node::directory(Root), ino: 1, owner: [0, 0], is_lasting: true })
}

struct Root;

/// What is there besides processes.
const ENTRIES: &[(&str, fn() -> Node)] = &[
    ("cmdline", || Node::text("enclos\n")),
    ("cpuinfo", || of_host("/proc/cpuinfo")),
    ("diskstats", || of_host("/proc/diskstats")),
    ("enclos", || Node::directory(Fixed(OWN))),
    ("devices", || Node::text("Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n")),
    ("filesystems", || Node::text("nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n")),
    ("loadavg", || of_host("/proc/loadavg")),
    ("meminfo", || Node::file(meminfo)),
    ("mounts", || Node::link(|| Ok(b"self/mounts".to_vec()))),
    ("net", network::net),
    ("self", || Node::link(|| own(|pid, _| pid.to_string()))),
    ("partitions", || of_host("/proc/partitions")),
    ("stat", || of_host("/proc/stat")),
    ("swaps", || Node::text("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")),
    ("sysvipc", || Node::directory(Fixed(SYSV_IPC))),
    ("sys", || Node::directory(Fixed(SETTINGS))),
    ("thread-self", || Node::link(|| own(|pid, tid| format!("{pid}/task/{tid}")))),
    ("uptime", || Node::file(uptime)),
    ("version", || Node::file(version)),
    ("vmstat", || of_host("/proc/vmstat")),
];

/// What the LibOS shows of itself, for debugging and tests.
const OWN: &[(&str, fn() -> Node)] = &[("check", || Node::file(consistency)), ("memory", || Node::file(own_memory))];

/// Whether all processes fit together.
fn consistency() -> Result<Vec<u8>> {
    Ok(match check::walk() {
        Ok(census) => format!("consistent: {census}\n"),
        Err(violation) => format!("inconsistent: {violation}\n"),
    }
    .into_bytes())
}

/// How much memory the LibOS itself uses, in bytes.
fn own_memory() -> Result<Vec<u8>> {
    let [heap, pieces] = frame::heap::in_use();
    Ok(format!("heap {heap}\nheap_pieces {pieces}\npages {}\n", frame::arena::pages_in_use()).into_bytes())
}

impl Directory for Root {
    fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Fixed(ENTRIES).entries()?;
        for process in table::all() {
            let name = process.pid().to_string().into_bytes();
            entries.push((name, Node::directory(ProcessDirectory(Subject::process(process)))));
        }
        Ok(entries)
    }

    fn entry(&self, name: &[u8]) -> Result<Node> {
        let Some(id) = number(name) else { return Fixed(ENTRIES).entry(name) };
        if let Some(process) = table::find(id) {
            return Ok(Node::directory(ProcessDirectory(Subject::process(process))));
        }
        // A thread can be looked up but isn't listed.
        let thread = table::find_thread(id).ok_or(Errno::ENOENT)?;
        Ok(Node::directory(ProcessDirectory(Subject::thread(thread))))
    }

    /// All but processes.
    fn is_lasting(&self, name: &[u8]) -> bool {
        number(name).is_none()
    }
}

/// A name that is a number as the LibOS writes it.
pub(super) fn number(name: &[u8]) -> Option<u32> {
    let is_plain = name.iter().all(u8::is_ascii_digit) && (name.len() == 1 || name.first() != Some(&b'0'));
    if is_plain { core::str::from_utf8(name).ok()?.parse().ok() } else { None }
}

/// A link for the process that looks.
fn own(text: impl Fn(u32, u32) -> String) -> Result<Vec<u8>> {
    let (pid, tid) = frame::thread::current_ids().ok_or(Errno::ENOENT)?;
    Ok(text(pid, tid).into_bytes())
}

/// What the host shows, as it is when it's opened.
pub(super) fn of_host(path: &'static str) -> Node {
    const MAX: usize = 1 << 20;
    Node::file(move || {
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        let fd = file::open_proc(&path)?;
        let mut contents = Vec::new();
        let mut chunk = vec![0; 16384];
        while contents.len() < MAX {
            let count = file::read_proc(&fd, contents.len() as u64, &mut chunk)?;
            if count == 0 {
                break;
            }
            contents.extend_from_slice(&chunk[..count]);
        }
        Ok(contents)
    })
}

const SYSV_IPC: &[(&str, fn() -> Node)] =
    &[("msg", || Node::file(show::queues)), ("sem", || Node::file(show::sets)), ("shm", || Node::file(show::segments))];

const SETTINGS: &[(&str, fn() -> Node)] = &[
    ("fs", || Node::directory(Fixed(FS_SETTINGS))),
    ("kernel", || Node::directory(Fixed(KERNEL_SETTINGS))),
    ("net", || Node::directory(Fixed(network::SETTINGS))),
    ("vm", || Node::directory(Fixed(VM_SETTINGS))),
];

const FS_SETTINGS: &[(&str, fn() -> Node)] = &[
    ("file-max", || Node::text("1048576\n")),
    ("file-nr", || Node::text("0\t0\t1048576\n")),
    ("inotify", || Node::directory(Fixed(INOTIFY_SETTINGS))),
    ("mqueue", || Node::directory(Fixed(MQUEUE_SETTINGS))),
    ("nr_open", || Node::text("1048576\n")),
    ("pipe-max-size", || Node::text("1048576\n")),
    ("pipe-user-pages-hard", || Node::text("0\n")),
    ("pipe-user-pages-soft", || Node::text("16384\n")),
    ("protected_hardlinks", || Node::text("0\n")),
    ("protected_symlinks", || Node::text("0\n")),
];

const INOTIFY_SETTINGS: &[(&str, fn() -> Node)] = &[
    ("max_queued_events", || Node::text("16384\n")),
    ("max_user_instances", || Node::text("128\n")),
    ("max_user_watches", || Node::text("65536\n")),
];

const MQUEUE_SETTINGS: &[(&str, fn() -> Node)] = &[
    ("msg_default", || Node::text("10\n")),
    ("msg_max", || Node::text("10\n")),
    ("msgsize_default", || Node::text("8192\n")),
    ("msgsize_max", || Node::text("8192\n")),
    ("queues_max", || Node::text("256\n")),
];

const KERNEL_SETTINGS: &[(&str, fn() -> Node)] = &[
    ("cap_last_cap", || Node::text("40\n")),
    ("core_pattern", || Node::text("core\n")),
    ("domainname", || Node::text("(none)\n")),
    ("hostname", || Node::file(|| Ok([crate::system::host_name().as_slice(), b"\n"].concat()))),
    ("msgmax", || Node::text("8192\n")),
    ("msgmnb", || Node::text("16384\n")),
    ("msgmni", || Node::text("32000\n")),
    ("ngroups_max", || Node::text("65536\n")),
    ("osrelease", || Node::file(|| Ok(host_name(2)))),
    ("ostype", || Node::text("Linux\n")),
    ("pid_max", || Node::text("4194304\n")),
    ("random", || Node::directory(Fixed(RANDOM_SETTINGS))),
    ("randomize_va_space", || Node::text("2\n")),
    ("sem", || Node::text("32000\t1024000000\t500\t32000\n")),
    ("shmall", || Node::text("18446744073692774399\n")),
    ("shmmax", || Node::text("18446744073692774399\n")),
    ("shmmni", || Node::text("4096\n")),
    ("threads-max", || Node::file(|| Ok(format!("{}\n", crate::process::MAX_THREADS).into_bytes()))),
    ("version", || Node::file(|| Ok(host_name(3)))),
];

const RANDOM_SETTINGS: &[(&str, fn() -> Node)] = &[
    ("boot_id", || Node::file(boot_id)),
    ("entropy_avail", || Node::text("256\n")),
    ("poolsize", || Node::text("256\n")),
    ("uuid", || Node::file(uuid)),
];

const VM_SETTINGS: &[(&str, fn() -> Node)] = &[
    ("max_map_count", || Node::text("65530\n")),
    ("mmap_min_addr", || Node::text("65536\n")),
    ("overcommit_memory", || Node::text("0\n")),
    ("overcommit_ratio", || Node::text("50\n")),
    ("swappiness", || Node::text("60\n")),
];

/// A field of the host's `uname`, as a line.
fn host_name(field: usize) -> Vec<u8> {
    let name = frame::ocall::process::host_names()[field];
    let mut line: Vec<u8> = name.into_iter().take_while(|&byte| byte != 0).collect();
    line.push(b'\n');
    line
}

fn version() -> Result<Vec<u8>> {
    let release = String::from_utf8_lossy(&host_name(2)).trim_end().to_string();
    Ok(format!("Linux version {release} (enclos) {}", String::from_utf8_lossy(&host_name(3))).into_bytes())
}

/// The same as long as the LibOS runs.
fn boot_id() -> Result<Vec<u8>> {
    static ID: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let mut id = ID.lock();
    if id.is_empty() {
        *id = uuid()?;
    }
    Ok(id.clone())
}

fn uuid() -> Result<Vec<u8>> {
    let mut bytes = [0; 16];
    crate::process::exec::fill_random(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    Ok(text.into_bytes())
}

fn uptime() -> Result<Vec<u8>> {
    let uptime = now(Clock::Boottime);
    let centis = uptime.subsec_millis() / 10;
    Ok(format!("{}.{centis:02} 0.00\n", uptime.as_secs()).into_bytes())
}

fn meminfo() -> Result<Vec<u8>> {
    let info = system_info();
    let kib = |units: u64| units * u64::from(info.mem_unit) / 1024;
    let limit = crate::mm::limit().map_or(u64::MAX, |limit| limit as u64 / 1024);
    let total = kib(info.totalram).min(limit);
    let free = kib(info.freeram).min(total);
    let available = kib(info.freeram + info.bufferram).min(total);
    Ok(format!(
        "MemTotal:       {total:8} kB\nMemFree:        {free:8} kB\nMemAvailable:   {available:8} kB\n\
         Buffers:        {:8} kB\nCached:         {:8} kB\nSwapTotal:      {:8} kB\nSwapFree:       {:8} kB\n\
         Shmem:          {:8} kB\n",
        kib(info.bufferram),
        0,
        kib(info.totalswap),
        kib(info.freeswap),
        kib(info.sharedram),
    )
    .into_bytes())
}
