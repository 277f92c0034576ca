//! `enclos doctor`: whether this host can run Enclos.
//!
//! What can be tried is tried; what the host merely says explains why something failed, or warns of what is slow.

use crate::failure::Failure;
use crate::output;
use frame::launch::probe;
use frame::{Errno, Error};
use std::fmt::Write;
use std::fs;

/// Whether programs can be run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fit,
    Unfit,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// All is well; with the facts.
    Good(String),
    /// Programs run, but something may fail or is slow; with what to do.
    Doubtful(String, &'static str),
    /// Nothing runs; with what to do.
    Bad(String, &'static str),
}

use Finding::{Bad, Doubtful, Good};

type Check = (&'static str, fn(&Host) -> Finding);

const CHECKS: [Check; 14] = [
    ("processor", processor),
    ("segment bases", segment_bases),
    ("kernel", kernel),
    ("/proc", proc),
    ("system call dispatch", dispatch),
    ("code barrier", code_barrier),
    ("addresses", addresses),
    ("memory", memory),
    ("overcommit", overcommit),
    ("open files", open_files),
    ("mappings", mappings),
    ("seccomp", seccomp),
    ("vDSO", vdso),
    ("clock", clock),
];

/// Runs all checks and prints what they find.
pub(crate) fn run() -> Result<Verdict, Failure> {
    let host = Host::read();
    let findings: Vec<_> = CHECKS.iter().map(|(name, check)| (*name, check(&host))).collect();
    let (text, verdict) = report(&findings);
    output::print(&text).map(|()| verdict)
}

fn report(findings: &[(&str, Finding)]) -> (String, Verdict) {
    let mut text = String::new();
    let mut failed = 0;
    for (name, finding) in findings {
        let (mark, fact, remedy) = match finding {
            Good(fact) => ("ok", fact, None),
            Doubtful(fact, remedy) => ("warn", fact, Some(remedy)),
            Bad(fact, remedy) => ("FAIL", fact, Some(remedy)),
        };
        failed += usize::from(mark == "FAIL");
        // Writing to a string can't fail.
        let _ = writeln!(text, "{mark:<4}  {name:<20}  {fact}");
        if let Some(remedy) = remedy {
            let _ = writeln!(text, "{:28}-> {remedy}", "");
        }
    }
    let (sum, verdict) = match failed {
        0 => ("This host can run Enclos.".to_owned(), Verdict::Fit),
        1 => ("This host can't run Enclos: a check failed.".to_owned(), Verdict::Unfit),
        _ => (format!("This host can't run Enclos: {failed} checks failed."), Verdict::Unfit),
    };
    (format!("{text}\n{sum}\n"), verdict)
}

/// What the host says of itself; empty where it says nothing.
#[derive(Default)]
struct Host {
    cpuinfo: String,
    auxv: Vec<u8>,
    osrelease: String,
    maps: String,
    status: String,
    limits: String,
    overcommit: String,
    max_map_count: String,
    clocksource: String,
}

impl Host {
    fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default().trim_end().to_owned();
        Self {
            cpuinfo: read("/proc/cpuinfo"),
            auxv: fs::read("/proc/self/auxv").unwrap_or_default(),
            osrelease: read("/proc/sys/kernel/osrelease"),
            maps: read("/proc/self/maps"),
            status: read("/proc/self/status"),
            limits: read("/proc/self/limits"),
            overcommit: read("/proc/sys/vm/overcommit_memory"),
            max_map_count: read("/proc/sys/vm/max_map_count"),
            clocksource: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        }
    }

    /// The value of a line `name: value`.
    fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        text.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            (found.trim() == name).then(|| value.trim())
        })
    }

    /// Soft and hard limit; `None` for "unlimited" or if unknown.
    fn limit(&self, name: &str) -> [Option<u64>; 2] {
        let line = self.limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
        let mut values = line.split_whitespace().map(|value| value.parse().ok());
        [values.next().flatten(), values.next().flatten()]
    }

    /// A value of the auxiliary vector (`man 3 getauxval`).
    fn auxiliary(&self, kind: u64) -> Option<u64> {
        let words: Vec<u64> = self
            .auxv
            .chunks_exact(8)
            .map(|word| word.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
            .collect();
        words.chunks_exact(2).find(|pair| pair[0] == kind).map(|pair| pair[1])
    }

    fn has_seccomp_filter(&self) -> bool {
        Self::field(&self.status, "Seccomp") == Some("2")
    }

    /// What to do about a call that the host refuses.
    fn remedy_for(&self, error: Error, otherwise: &'static str) -> &'static str {
        if self.has_seccomp_filter() && matches!(error.errno(), Errno::EPERM | Errno::ENOSYS | Errno::EACCES) {
            "a seccomp filter forbids it; in a container use `--security-opt seccomp=unconfined`"
        } else {
            otherwise
        }
    }
}

fn processor(host: &Host) -> Finding {
    const NEEDED: [&str; 3] = ["xsave", "fsgsbase", "cx16"];
    let Some(flags) = Host::field(&host.cpuinfo, "flags") else {
        return Doubtful("its features are unknown".to_owned(), "mount /proc");
    };
    let missing: Vec<_> =
        NEEDED.into_iter().filter(|needed| !flags.split_whitespace().any(|flag| flag == *needed)).collect();
    if missing.is_empty() {
        Good(Host::field(&host.cpuinfo, "model name").unwrap_or("x86-64").to_owned())
    } else {
        Bad(
            format!("it lacks {}", missing.join(", ")),
            "use a processor from 2013 or later; in a virtual machine, pass the host's processor through",
        )
    }
}

fn segment_bases(host: &Host) -> Finding {
    const AT_HWCAP2: u64 = 26;
    let is_allowed = host.auxiliary(AT_HWCAP2).is_some_and(|features| features & frame::cpu::HWCAP2_FSGSBASE != 0);
    if is_allowed && probe::segment_bases() {
        Good("programs may set them".to_owned())
    } else {
        Bad(
            "the kernel keeps them to itself".to_owned(),
            "use Linux 5.9 or later, and no `nofsgsbase` on the kernel's command line",
        )
    }
}

fn kernel(host: &Host) -> Finding {
    const OLDEST: (u32, u32) = (5, 11);
    const REMEDY: &str = "use Linux 5.11 or later";
    let release = &host.osrelease;
    let mut numbers = release.split(['.', '-']).map(|part| part.parse().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) < OLDEST => Bad(format!("Linux {release}"), REMEDY),
        (Some(_), Some(_)) => Good(format!("Linux {release}")),
        _ => Doubtful("its version is unknown".to_owned(), REMEDY),
    }
}

fn proc(host: &Host) -> Finding {
    if host.maps.is_empty() {
        Bad("it isn't mounted".to_owned(), "mount -t proc proc /proc")
    } else {
        Good("mounted".to_owned())
    }
}

fn dispatch(host: &Host) -> Finding {
    match probe::syscall_user_dispatch() {
        Ok(()) => Good("Syscall User Dispatch works".to_owned()),
        Err(error) => Bad(
            format!("Syscall User Dispatch doesn't work: {error}"),
            host.remedy_for(error, "use Linux 5.11 or later with CONFIG_GENERIC_ENTRY, not an emulation of it"),
        ),
    }
}

fn code_barrier(host: &Host) -> Finding {
    match probe::code_barrier() {
        Ok(()) => Good("membarrier synchronizes changed code".to_owned()),
        Err(error) => Bad(
            format!("membarrier can't synchronize changed code: {error}"),
            host.remedy_for(error, "use a kernel with CONFIG_MEMBARRIER"),
        ),
    }
}

fn addresses(_host: &Host) -> Finding {
    let place = format!("{:#x} to {:#x}", frame::layout::LIBOS_BASE, frame::layout::LIBOS_END);
    match probe::place() {
        Ok(()) => Good(format!("{place} are free")),
        Err(error) if error.errno() == Errno::ENOMEM => {
            Bad(format!("{place} exceed the limit of address space"), "ulimit -v unlimited")
        }
        Err(error) => Bad(
            format!("{place} can't be reserved: {error}"),
            "start enclos without preloaded libraries, sanitizers or an emulator",
        ),
    }
}

fn memory(host: &Host) -> Finding {
    if let [Some(limit), _] = host.limit("Max file size") {
        return Bad(format!("files are limited to {limit} bytes, memory files too"), "ulimit -f unlimited");
    }
    match probe::arena() {
        Ok(()) => Good("shared memory and memfd_create work".to_owned()),
        Err(error) => Bad(
            format!("shared memory can't be reserved: {error}"),
            host.remedy_for(error, "sysctl vm.overcommit_memory=0, and ulimit -v unlimited"),
        ),
    }
}

fn overcommit(host: &Host) -> Finding {
    match host.overcommit.as_str() {
        "2" => Doubtful(
            "strict: reserved memory counts as used".to_owned(),
            "sysctl vm.overcommit_memory=0, if programs run out of memory",
        ),
        "" => Doubtful("its policy is unknown".to_owned(), "mount /proc"),
        _ => Good("reserving memory doesn't use it".to_owned()),
    }
}

fn open_files(host: &Host) -> Finding {
    const ENOUGH: u64 = 4096;
    match host.limit("Max open files") {
        [_, Some(hard)] if hard < ENOUGH => {
            Doubtful(format!("at most {hard}, which all programs share"), "ulimit -Hn 1048576, as root")
        }
        [_, Some(hard)] => Good(format!("at most {hard}")),
        [_, None] => Good("no limit".to_owned()),
    }
}

fn mappings(host: &Host) -> Finding {
    const USUAL: u64 = 65530;
    match host.max_map_count.parse::<u64>() {
        Ok(count) if count < USUAL => {
            Doubtful(format!("at most {count} in a process, which programs share"), "sysctl vm.max_map_count=1048576")
        }
        Ok(count) => Good(format!("at most {count} in a process")),
        Err(_) => Doubtful("their limit is unknown".to_owned(), "mount /proc"),
    }
}

fn seccomp(host: &Host) -> Finding {
    if host.has_seccomp_filter() {
        Doubtful(
            "a filter is active, as containers have it".to_owned(),
            "if programs fail, use `--security-opt seccomp=unconfined`",
        )
    } else {
        Good("no filter".to_owned())
    }
}

fn vdso(host: &Host) -> Finding {
    if host.maps.lines().any(|line| line.ends_with("[vdso]")) {
        Good("present".to_owned())
    } else {
        Doubtful(
            "missing, so that reading the clock takes a system call".to_owned(),
            "start the kernel without `vdso=0`",
        )
    }
}

fn clock(host: &Host) -> Finding {
    match host.clocksource.as_str() {
        source @ ("tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page") => Good(source.to_owned()),
        "" => Doubtful("its source is unknown".to_owned(), "mount /sys"),
        source => Doubtful(
            format!("{source}, which takes a system call to read"),
            "if the processor's counter is stable: start the kernel with `clocksource=tsc tsc=reliable`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            cpuinfo: "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu cx16 xsave fsgsbase".to_owned(),
            osrelease: "6.1.0-13-amd64".to_owned(),
            status: "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0".to_owned(),
            limits: "\
Limit                     Soft Limit           Hard Limit           Units
Max file size             unlimited            unlimited            bytes
Max open files            1024                 524288               files"
                .to_owned(),
            max_map_count: "65530".to_owned(),
            clocksource: "tsc".to_owned(),
            ..Host::default()
        }
    }

    #[test]
    fn what_the_host_says_is_understood() {
        let host = host();
        assert_eq!(processor(&host), Good("Some CPU".to_owned()));
        assert_eq!(kernel(&host), Good("Linux 6.1.0-13-amd64".to_owned()));
        assert_eq!(open_files(&host), Good("at most 524288".to_owned()));
        assert_eq!(host.limit("Max file size"), [None, None]);
        assert_eq!(seccomp(&host), Good("no filter".to_owned()));
        assert!(matches!(proc(&host), Bad(..)));
    }

    #[test]
    fn old_kernels_and_processors_fail() {
        for release in ["5.10.0-28-amd64", "4.19.0", "3.10"] {
            let host = Host { osrelease: release.to_owned(), ..host() };
            assert!(matches!(kernel(&host), Bad(..)), "{release}");
        }
        for release in ["5.11", "5.15.0", "10.0-rc1"] {
            let host = Host { osrelease: release.to_owned(), ..host() };
            assert!(matches!(kernel(&host), Good(..)), "{release}");
        }
        let old = Host { cpuinfo: "flags : fpu cx16".to_owned(), ..host() };
        assert!(matches!(processor(&old), Bad(fact, _) if fact == "it lacks xsave, fsgsbase"));
    }

    #[test]
    fn a_seccomp_filter_is_blamed_for_refusals_only() {
        let host = Host { status: "Seccomp:\t2".to_owned(), ..host() };
        assert!(host.remedy_for(Errno::EPERM.into(), "x").contains("seccomp"));
        assert_eq!(host.remedy_for(Errno::ENOMEM.into(), "x"), "x");
    }

    #[test]
    fn a_single_failure_makes_the_host_unfit() {
        let good = ("a", Good("fine".to_owned()));
        let doubtful = ("b", Doubtful("slow".to_owned(), "buy another"));
        let bad = ("c", Bad("missing".to_owned(), "get one"));
        assert_eq!(report(&[good, doubtful]).1, Verdict::Fit);
        let (text, verdict) = report(&[bad]);
        assert_eq!(verdict, Verdict::Unfit);
        assert!(text.contains("FAIL  c") && text.contains("-> get one"), "{text}");
    }
}
