//! `/proc/PID/status` (`man 5 proc_pid_status`).

use super::stat::{Look, name, signals, sizes, usage};
use super::subject::Subject;
use crate::mm::Totals;
use crate::prelude::*;
use crate::process::{Credentials, Resource, Thread};
use core::fmt::Write;
use frame::layout::PAGE_SIZE;
use frame::ocall::pagemap::Resident;

pub(super) fn status(of: &Subject) -> Result<Vec<u8>> {
    let look = Look::at(of)?;
    let thread = look.thread.as_deref();
    let mut text = String::new();
    identity(&mut text, of, &look);
    if thread.is_some() {
        let (totals, resident) = sizes(thread);
        if totals.mapped > 0 {
            memory(&mut text, &totals, &resident);
        }
    }
    row(&mut text, "Threads", look.threads);
    pending(&mut text, of, thread);
    if let Some(credentials) = thread.map(Thread::credentials).or_else(|| of.process.credentials()) {
        capabilities(&mut text, &credentials);
    }
    row(&mut text, "Seccomp", 0);
    row(&mut text, "Seccomp_filters", 0);
    processors(&mut text, thread);
    let usage = usage(of);
    row(&mut text, "voluntary_ctxt_switches", usage.nvcsw);
    row(&mut text, "nonvoluntary_ctxt_switches", usage.nivcsw);
    Ok(text.into_bytes())
}

fn row(text: &mut String, name: &str, value: impl core::fmt::Display) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{name}:\t{value}");
}

fn identity(text: &mut String, of: &Subject, look: &Look) {
    let process = &of.process;
    let thread = look.thread.as_deref();
    let (tid, pid) = (of.tid(), process.pid());
    row(text, "Name", String::from_utf8_lossy(&name(of, thread)).replace('\\', "\\\\").replace('\n', "\\n"));
    if let Some(thread) = thread {
        row(text, "Umask", format_args!("{:04o}", thread.fs().umask()));
    }
    row(text, "State", look.state.text());
    row(text, "Tgid", pid);
    row(text, "Ngid", 0);
    row(text, "Pid", tid);
    row(text, "PPid", process.ppid());
    row(text, "TracerPid", 0);
    if let Some(own) = thread.map(Thread::credentials).or_else(|| process.credentials()) {
        row(text, "Uid", format_args!("{}\t{}\t{}\t{}", own.ruid, own.euid, own.suid, own.fsuid));
        row(text, "Gid", format_args!("{}\t{}\t{}\t{}", own.rgid, own.egid, own.sgid, own.fsgid));
        row(text, "FDSize", thread.map_or(0, |thread| thread.files().capacity()));
        let groups: Vec<String> = own.groups.iter().map(|group| format!("{group} ")).collect();
        row(text, "Groups", if groups.is_empty() { String::from(" ") } else { groups.concat() });
    }
    row(text, "NStgid", pid);
    row(text, "NSpid", tid);
    row(text, "NSpgid", process.group());
    row(text, "NSsid", process.session());
    row(text, "Kthread", 0);
}

fn memory(text: &mut String, totals: &Totals, resident: &Resident) {
    let kib = |bytes: usize| bytes >> 10;
    let pages = |count: usize| kib(count * PAGE_SIZE);
    let rows = [
        ("VmPeak", kib(totals.mapped)),
        ("VmSize", kib(totals.mapped)),
        ("VmLck", kib(totals.locked)),
        ("VmPin", 0),
        ("VmHWM", pages(resident.pages())),
        ("VmRSS", pages(resident.pages())),
        ("RssAnon", pages(resident.anonymous)),
        ("RssFile", pages(resident.of_files)),
        ("RssShmem", 0),
        ("VmData", kib(totals.data)),
        ("VmStk", kib(totals.stack)),
        ("VmExe", kib(totals.code)),
        ("VmLib", 0),
        ("VmPTE", kib(totals.mapped) / 512),
        ("VmSwap", pages(resident.swapped)),
    ];
    for (name, value) in rows {
        row(text, name, format_args!("{value:8} kB"));
    }
}

fn pending(text: &mut String, of: &Subject, thread: Option<&Thread>) {
    let process = &of.process;
    let [pending, blocked, ignored, caught] = signals(of, thread);
    let shared = if thread.is_some() { process.signals.lock().pending_bits() } else { 0 };
    row(text, "SigQ", format_args!("0/{}", process.limits.lock().soft(Resource::PendingSignals)));
    for (name, set) in
        [("SigPnd", pending), ("ShdPnd", shared), ("SigBlk", blocked), ("SigIgn", ignored), ("SigCgt", caught)]
    {
        row(text, name, format_args!("{set:016x}"));
    }
}

fn capabilities(text: &mut String, own: &Credentials) {
    let sets = [
        ("CapInh", own.cap_inheritable),
        ("CapPrm", own.cap_permitted),
        ("CapEff", own.cap_effective),
        ("CapBnd", own.cap_bounding),
        ("CapAmb", own.cap_ambient),
    ];
    for (name, set) in sets {
        row(text, name, format_args!("{set:016x}"));
    }
    row(text, "NoNewPrivs", u32::from(own.no_new_privs));
}

/// The processors that the thread may run on, as a mask and as a list.
fn processors(text: &mut String, thread: Option<&Thread>) {
    const MAX_PROCESSORS: usize = 1024;
    let mut mask = [0; MAX_PROCESSORS / 8];
    let handle = thread.and_then(Thread::handle);
    let filled = handle.and_then(|handle| handle.affinity(&mut mask).ok()).unwrap_or(0);
    let allowed: Vec<usize> = (0..filled * 8).filter(|cpu| mask[cpu / 8] & 1 << (cpu % 8) != 0).collect();
    let Some(&last) = allowed.last() else { return };
    let words: Vec<String> = (0..=last / 32)
        .rev()
        .map(|word| {
            let bits = allowed.iter().filter(|&&cpu| cpu / 32 == word).fold(0_u32, |bits, cpu| bits | 1 << (cpu % 32));
            if word == last / 32 { format!("{bits:x}") } else { format!("{bits:08x}") }
        })
        .collect();
    row(text, "Cpus_allowed", words.join(","));
    row(text, "Cpus_allowed_list", ranges(&allowed));
    row(text, "Mems_allowed", 1);
    row(text, "Mems_allowed_list", 0);
}

/// Ascending numbers as a list of ranges.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next).map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        other => other.iter().map(ToString::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(ranges(&[3]), "3");
        assert_eq!(ranges(&[]), "");
    }
}
