//! How much of a memory is there, as the host's page tables tell (`/proc/PID/statm`, `/proc/PID/smaps`).

use super::memory::Memory;
use super::vma::{Kind, Vma};
use crate::prelude::*;
use core::fmt::Write;
use core::ops::Range;
use frame::layout::PAGE_SIZE;
use frame::ocall::mem::{Prot, Sharing};
use frame::ocall::pagemap::{Pagemap, Resident};

/// How much address space is looked at, at most: a program may reserve as much as it likes.
const MAX_LOOKED_AT: usize = 64 << 30;

impl Memory {
    /// What of it is in memory, in the host process that it's mapped in; nothing if the host doesn't tell.
    pub fn resident_pages(&self, host_pid: u32) -> Resident {
        let mut total = Resident::default();
        self.visit_resident(host_pid, |_, _, resident| total = total.plus(resident));
        total
    }

    /// `/proc/PID/smaps` (`man 5 proc_pid_smaps`).
    pub fn render_smaps(&self, host_pid: u32) -> String {
        let mut text = String::new();
        let mut lines = self.lines_by_start();
        self.visit_resident(host_pid, |range, vma, resident| {
            let line = lines.remove(&range.start).unwrap_or_default();
            let _ = writeln!(text, "{line}\n{:<16}{:8} kB", "Size:", range.len() >> 10);
            let _ = writeln!(text, "KernelPageSize: {0:8} kB\nMMUPageSize:    {0:8} kB", PAGE_SIZE >> 10);
            write_sizes(&mut text, resident, vma.sharing);
            let _ = writeln!(text, "THPeligible:           0\nVmFlags: {}", flags(vma));
        });
        text
    }

    /// `/proc/PID/smaps_rollup`.
    pub fn render_smaps_rollup(&self, host_pid: u32) -> String {
        let range = {
            let inner = self.inner.lock();
            let mut ranges = inner.vmas.iter().map(|(range, _)| range);
            let start = ranges.next().map_or(0, |range| range.start);
            start..ranges.last().map_or(start, |range| range.end)
        };
        let mut text = format!("{:08x}-{:08x} ---p 00000000 00:00 0", range.start, range.end);
        let width = super::render::NAME_COLUMN.saturating_sub(text.len());
        let _ = writeln!(text, "{:width$}[rollup]", "");
        write_sizes(&mut text, &self.resident_pages(host_pid), Sharing::Private);
        text
    }

    /// Calls `visit` for each mapping, with what of it is there.
    fn visit_resident(&self, host_pid: u32, mut visit: impl FnMut(&Range<usize>, &Vma, &Resident)) {
        let mappings: Vec<_> = {
            let inner = self.inner.lock();
            let shown = inner.vmas.iter().filter(|(_, vma)| vma.kind != Kind::Trampolines);
            shown.map(|(range, vma)| (range, vma.clone())).collect()
        };
        let pagemap = Pagemap::open(host_pid);
        if let Err(error) = &pagemap {
            debug!("the host doesn't tell which pages are there: {error}");
        }
        let mut left = MAX_LOOKED_AT;
        for (range, vma) in mappings {
            let is_looked_at = !vma.prot.is_empty() && range.len() <= left;
            let looked = pagemap.as_ref().ok().filter(|_| is_looked_at);
            left -= if is_looked_at { range.len() } else { 0 };
            let resident = looked.and_then(|pagemap| pagemap.resident(&range).ok()).unwrap_or_default();
            visit(&range, &vma, &resident);
        }
    }
}

/// How much is there, as Linux shows it. Nobody counts who shares a page, so each counts as the process's own.
fn write_sizes(text: &mut String, resident: &Resident, sharing: Sharing) {
    let kib = |pages: usize| pages * (PAGE_SIZE >> 10);
    let is_shared = sharing == Sharing::Shared;
    let of_files = |shared| if shared == is_shared { kib(resident.of_files) } else { 0 };
    let rows = [
        ("Rss:", kib(resident.pages())),
        ("Pss:", kib(resident.pages())),
        ("Pss_Dirty:", kib(resident.anonymous)),
        ("Shared_Clean:", 0),
        ("Shared_Dirty:", of_files(true)),
        ("Private_Clean:", of_files(false)),
        ("Private_Dirty:", kib(resident.anonymous)),
        ("Referenced:", kib(resident.pages())),
        ("Anonymous:", kib(resident.anonymous)),
        ("LazyFree:", 0),
        ("AnonHugePages:", 0),
        ("ShmemPmdMapped:", 0),
        ("FilePmdMapped:", 0),
        ("Shared_Hugetlb:", 0),
        ("Private_Hugetlb:", 0),
        ("Swap:", kib(resident.swapped)),
        ("SwapPss:", kib(resident.swapped)),
        ("Locked:", 0),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<16}{value:8} kB");
    }
}

/// A mapping's flags, two letters each.
fn flags(vma: &Vma) -> String {
    let names = [
        ("rd", vma.prot.contains(Prot::READ)),
        ("wr", vma.prot.contains(Prot::WRITE)),
        ("ex", vma.prot.contains(Prot::EXEC)),
        ("sh", vma.sharing == Sharing::Shared),
        ("mr", true),
        ("mw", true),
        ("me", true),
        ("gd", vma.kind == Kind::Stack),
        ("lo", vma.is_locked),
    ];
    let shown: Vec<&str> = names.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect();
    shown.join(" ")
}
