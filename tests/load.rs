//! What `enclos run` does with files that aren't what a loader hopes for, and with `#!` scripts.
//!
//! Natively each file is given to `execve`. Where that fails, Enclos must end as a shell does: with status 127 if something
//! wasn't found, 126 otherwise. Where Linux starts the program, output and status must be equal, except that Enclos may
//! refuse with 126 what Linux kills while it loads, and must what `REFUSED_BY_ENCLOS` lists.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use guest_tests::Failure;
use guest_tests::enclos::Enclos;
use guest_tests::guest::scratch;
use guest_tests::pending::Pending;
use guest_tests::run::{Input, Invocation, tail};
use libtest_mimic::{Arguments, Trial};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::from_args();
    let pending = Pending::load()?;
    let trials = elf_files()
        .into_iter()
        .map(|(name, bytes)| (format!("malformed_elf/{name}"), Subject::elf(name, bytes)))
        .chain(scripts().into_iter().map(|(name, subject)| (format!("script/{name}"), subject)))
        .chain(not_programs().into_iter().map(|(name, subject)| (format!("no_program/{name}"), subject)))
        .map(|(name, subject)| {
            let waits = pending.contains(&name);
            Trial::test(name, move || Ok(subject.check()?)).with_ignored_flag(waits)
        })
        .chain([Trial::test("random_bytes_differ_between_runs", || Ok(random_bytes_differ()?))])
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// ELF files that Linux starts, at least for root, and Enclos refuses on purpose: README's differences from Linux.
const REFUSED_BY_ENCLOS: &[&str] = &[
    // Linux doesn't look at the class and the byte order, so it starts what is none of its machine's programs.
    "class_32",
    "class_unknown",
    "big_endian",
    // Programs of Enclos may not map address 0, whoever they run as.
    "segment_at_null",
];

/// What Enclos must do.
#[derive(Clone, Copy)]
enum Expected {
    /// What Linux does.
    LikeLinux,
    /// Refuse the file, whatever Linux does.
    Refusal,
}

/// Files in an empty directory, one of which is started as `./subject a b`.
struct Subject {
    files: Vec<(String, Vec<u8>, u32)>,
    links: Vec<(String, String)>,
    argv: Vec<String>,
    expected: Expected,
}

impl Subject {
    fn elf(name: &str, bytes: Vec<u8>) -> Self {
        let is_refused = REFUSED_BY_ENCLOS.contains(&name);
        Self { expected: if is_refused { Expected::Refusal } else { Expected::LikeLinux }, ..Self::file(bytes) }
    }

    fn file(bytes: Vec<u8>) -> Self {
        Self {
            files: vec![("subject".to_owned(), bytes, 0o755)],
            links: Vec::new(),
            argv: ["./subject", "a", "b c"].map(str::to_owned).to_vec(),
            expected: Expected::LikeLinux,
        }
    }

    fn and_file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), bytes.into(), 0o755));
        self
    }

    fn check(&self) -> Result<(), Failure> {
        let dir = scratch()?;
        let dir = dir.path();
        self.write(dir).map_err(|e| format!("cannot prepare: {e}"))?;
        let native = self.start_natively(dir);
        let Some(argv) = Enclos::locate()?.command(&[], &self.argv) else {
            return Ok(());
        };
        let timeout = Duration::from_mins(1);
        let outcome = Invocation { argv, env: &[], dir, stdin: Input::Nothing, stdout: None, timeout }.run()?;
        // A shell says 127 for a missing interpreter, too; that the file is no good is as true.
        let is_there = dir.join(&self.argv[0]).exists();
        let accepted = match (self.expected, &native) {
            (Expected::Refusal, _) => outcome.status == 126,
            (Expected::LikeLinux, Native::Refused { status, .. }) => {
                outcome.status == *status || (is_there && outcome.status == 126)
            }
            (Expected::LikeLinux, Native::Killed { status }) => [*status, 126].contains(&outcome.status),
            (Expected::LikeLinux, Native::Ran { status, stdout }) => {
                outcome.status == *status && outcome.stdout == *stdout
            }
        };
        if accepted {
            return Ok(());
        }
        Err(format!(
            "natively {native}under Enclos status {}, output:\n{}--- stderr\n{}",
            outcome.status,
            tail(&outcome.stdout),
            tail(&outcome.stderr),
        ))
    }

    fn write(&self, dir: &Path) -> std::io::Result<()> {
        for (name, bytes, mode) in &self.files {
            fs::write(dir.join(name), bytes)?;
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(*mode))?;
        }
        self.links.iter().try_for_each(|(link, target)| symlink(target, dir.join(link)))
    }

    fn start_natively(&self, dir: &Path) -> Native {
        let start = || {
            Command::new("/usr/bin/python3")
                .args(["-S", "-c", EXECVE])
                .args(&self.argv)
                .current_dir(dir)
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
                .stdin(Stdio::null())
                .output()
        };
        let mut started = start();
        // While another test's child is between `fork` and `execve`, it holds our files open for writing.
        while matches!(&started, Ok(output) if output.status.code() == Some(BUSY)) {
            thread::sleep(Duration::from_millis(1));
            started = start();
        }
        match started {
            Ok(output) => match (output.status.code(), output.status.signal()) {
                // What a shell says when `execve` fails: ENOENT is 127.
                (Some(NOT_FOUND), _) => Native::Refused { status: 127, reason: text(&output.stderr) },
                (Some(REFUSED), _) => Native::Refused { status: 126, reason: text(&output.stderr) },
                (Some(status), _) => Native::Ran { status, stdout: output.stdout },
                (None, signal) => Native::Killed { status: 128 + signal.unwrap_or(0) },
            },
            Err(error) => Native::Refused { status: 125, reason: error.to_string() },
        }
    }
}

/// Calls `execve` by itself: C libraries' functions give a file that is no program to the shell.
const EXECVE: &str = "
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
try:
    os.execvpe(sys.argv[1], sys.argv[1:], dict(PATH=os.environ['PATH']))
except OSError as error:
    os.write(2, error.strerror.encode())
    os._exit({2: 201, 26: 203}.get(error.errno, 202))
";
/// Exit statuses of the above.
const NOT_FOUND: i32 = 201;
const REFUSED: i32 = 202;
const BUSY: i32 = 203;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What Linux does with a subject.
enum Native {
    Refused { status: i32, reason: String },
    Killed { status: i32 },
    Ran { status: i32, stdout: Vec<u8> },
}

impl Display for Native {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, reason } => {
                writeln!(f, "refused ({reason}), for status {status}")
            }
            Self::Killed { status } => writeln!(f, "killed, status {status}"),
            Self::Ran { status, stdout } => {
                writeln!(f, "status {status}, output:\n{}", tail(stdout))
            }
        }
    }
}

/// Offsets in an ELF64 header and in a program header.
mod offset {
    pub(super) const CLASS: usize = 4;
    pub(super) const DATA: usize = 5;
    pub(super) const VERSION: usize = 6;
    pub(super) const TYPE: usize = 16;
    pub(super) const MACHINE: usize = 18;
    pub(super) const ENTRY: usize = 24;
    pub(super) const PHOFF: usize = 32;
    pub(super) const EHSIZE: usize = 52;
    pub(super) const PHENTSIZE: usize = 54;
    pub(super) const PHNUM: usize = 56;
    pub(super) const SEGMENTS: usize = 64;
    pub(super) const SEGMENT_SIZE: usize = 56;
    /// Within a program header.
    pub(super) const P_FLAGS: usize = 4;
    pub(super) const P_OFFSET: usize = 8;
    pub(super) const P_VADDR: usize = 16;
    pub(super) const P_FILESZ: usize = 32;
    pub(super) const P_MEMSZ: usize = 40;
    pub(super) const P_ALIGN: usize = 48;
}

/// A static program of one segment that writes "ran" and exits with 42, and a second segment of data.
fn good_elf() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const CODE_AT: usize = offset::SEGMENTS + 2 * offset::SEGMENT_SIZE;
    #[rustfmt::skip]
    let code = [
        0xb8, 1, 0, 0, 0,                   // mov $1, %eax
        0xbf, 1, 0, 0, 0,                   // mov $1, %edi
        0x48, 0x8d, 0x35, 19, 0, 0, 0,      // lea text(%rip), %rsi
        0xba, 4, 0, 0, 0,                   // mov $4, %edx
        0x0f, 0x05,                         // syscall
        0xb8, 60, 0, 0, 0,                  // mov $60, %eax
        0xbf, 42, 0, 0, 0,                  // mov $42, %edi
        0x0f, 0x05,                         // syscall
        b'r', b'a', b'n', b'\n',
    ];
    let mut elf = vec![0; 0x2000];
    elf[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    put16(&mut elf, offset::TYPE, 2);
    put16(&mut elf, offset::MACHINE, 62);
    put32(&mut elf, 20, 1);
    put64(&mut elf, offset::ENTRY, BASE + CODE_AT as u64);
    put64(&mut elf, offset::PHOFF, offset::SEGMENTS as u64);
    put16(&mut elf, offset::EHSIZE, 64);
    put16(&mut elf, offset::PHENTSIZE, 56);
    put16(&mut elf, offset::PHNUM, 2);
    for (index, (flags, at, length)) in [(5, 0, 0x1000), (6, 0x1000, 0x1000)].into_iter().enumerate() {
        put32(&mut elf, segment(index), 1);
        put32(&mut elf, segment(index) + offset::P_FLAGS, flags);
        put64(&mut elf, segment(index) + offset::P_OFFSET, at);
        put64(&mut elf, segment(index) + offset::P_VADDR, BASE + at);
        put64(&mut elf, segment(index) + 24, BASE + at);
        put64(&mut elf, segment(index) + offset::P_FILESZ, length);
        put64(&mut elf, segment(index) + offset::P_MEMSZ, length);
        put64(&mut elf, segment(index) + offset::P_ALIGN, 0x1000);
    }
    elf[CODE_AT..CODE_AT + code.len()].copy_from_slice(&code);
    elf
}

const fn segment(index: usize) -> usize {
    offset::SEGMENTS + index * offset::SEGMENT_SIZE
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// A program that asks for an interpreter by this path.
fn with_interpreter(path: &[u8]) -> Vec<u8> {
    let mut elf = good_elf();
    elf[0x1800..0x1800 + path.len()].copy_from_slice(path);
    // The header before the segments says where the path is.
    let last = segment(1);
    put32(&mut elf, last, 3);
    put64(&mut elf, last + offset::P_OFFSET, 0x1800);
    put64(&mut elf, last + offset::P_FILESZ, path.len() as u64);
    put64(&mut elf, last + offset::P_MEMSZ, path.len() as u64);
    elf
}

fn elf_files() -> Vec<(&'static str, Vec<u8>)> {
    fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut elf = good_elf();
        change(&mut elf);
        elf
    }
    let in_segment = |index: usize, field: usize, value: u64| changed(|elf| put64(elf, segment(index) + field, value));
    vec![
        ("well_formed", good_elf()),
        ("empty_file", Vec::new()),
        ("magic_alone", b"\x7fELF".to_vec()),
        ("half_a_header", good_elf()[..32].to_vec()),
        ("header_alone", good_elf()[..64].to_vec()),
        ("half_of_the_program_headers", good_elf()[..offset::SEGMENTS + 60].to_vec()),
        ("code_cut_off", good_elf()[..offset::SEGMENTS + 2 * offset::SEGMENT_SIZE].to_vec()),
        ("segment_cut_off", good_elf()[..0x1000].to_vec()),
        ("wrong_magic", changed(|elf| elf[1] = b'X')),
        ("class_32", changed(|elf| elf[offset::CLASS] = 1)),
        ("class_unknown", changed(|elf| elf[offset::CLASS] = 9)),
        ("big_endian", changed(|elf| elf[offset::DATA] = 2)),
        ("version_unknown", changed(|elf| elf[offset::VERSION] = 9)),
        ("relocatable_type", changed(|elf| put16(elf, offset::TYPE, 1))),
        ("core_type", changed(|elf| put16(elf, offset::TYPE, 4))),
        ("machine_arm", changed(|elf| put16(elf, offset::MACHINE, 183))),
        ("machine_i386", changed(|elf| put16(elf, offset::MACHINE, 3))),
        ("no_program_headers", changed(|elf| put16(elf, offset::PHNUM, 0))),
        ("too_many_program_headers", changed(|elf| put16(elf, offset::PHNUM, 0xffff))),
        ("program_header_size_wrong", changed(|elf| put16(elf, offset::PHENTSIZE, 32))),
        ("program_headers_beyond_the_end", changed(|elf| put64(elf, offset::PHOFF, 0x10_0000))),
        ("program_headers_overflow", changed(|elf| put64(elf, offset::PHOFF, u64::MAX - 10))),
        ("program_headers_negative", changed(|elf| put64(elf, offset::PHOFF, 1 << 63))),
        ("entry_at_null", changed(|elf| put64(elf, offset::ENTRY, 0))),
        ("entry_in_kernel_half", changed(|elf| put64(elf, offset::ENTRY, u64::MAX << 40))),
        ("entry_in_data", changed(|elf| put64(elf, offset::ENTRY, 0x40_1000))),
        ("segment_in_kernel_half", in_segment(1, offset::P_VADDR, u64::MAX << 40)),
        ("segment_wraps", in_segment(1, offset::P_VADDR, u64::MAX - 0xfff)),
        ("segment_at_null", in_segment(1, offset::P_VADDR, 0)),
        ("segment_size_overflows", in_segment(1, offset::P_MEMSZ, u64::MAX - 0x1000)),
        ("segment_of_128_tebibytes", in_segment(1, offset::P_MEMSZ, 1 << 47)),
        ("file_size_above_memory_size", in_segment(1, offset::P_MEMSZ, 0x10)),
        ("file_size_overflows", in_segment(1, offset::P_FILESZ, u64::MAX)),
        ("file_offset_overflows", in_segment(1, offset::P_OFFSET, u64::MAX - 0xfff)),
        ("file_offset_beyond_the_end", in_segment(1, offset::P_OFFSET, 0x100_0000)),
        ("offset_and_address_differ_within_the_page", in_segment(1, offset::P_OFFSET, 0x1010)),
        ("alignment_no_power_of_two", in_segment(1, offset::P_ALIGN, 0x1234)),
        ("alignment_huge", in_segment(1, offset::P_ALIGN, 1 << 62)),
        ("segments_overlap", in_segment(1, offset::P_VADDR, 0x40_0000)),
        ("segments_out_of_order", in_segment(1, offset::P_VADDR, 0x30_0000)),
        (
            "no_loadable_segment",
            changed(|elf| {
                put32(elf, segment(0), 0x6474_e551);
                put32(elf, segment(1), 0x6474_e551);
            }),
        ),
        ("code_not_executable", changed(|elf| put32(elf, segment(0) + offset::P_FLAGS, 4))),
        ("bss_of_a_gigabyte", in_segment(1, offset::P_MEMSZ, 1 << 30)),
        ("interpreter_missing", with_interpreter(b"/no/such/interpreter\0")),
        ("interpreter_without_end", with_interpreter(b"/lib64/ld-linux-x86-64.so.2")),
        ("interpreter_empty", with_interpreter(b"\0")),
        ("interpreter_a_directory", with_interpreter(b"/etc\0")),
        ("interpreter_no_elf", with_interpreter(b"/etc/passwd\0")),
        ("interpreter_size_zero", with_interpreter(b"")),
        (
            "interpreter_size_huge",
            changed(|elf| {
                put32(elf, segment(1), 3);
                put64(elf, segment(1) + offset::P_FILESZ, 1 << 40);
            }),
        ),
        (
            "interpreter_beyond_the_end",
            changed(|elf| {
                put32(elf, segment(1), 3);
                put64(elf, segment(1) + offset::P_OFFSET, 1 << 40);
                put64(elf, segment(1) + offset::P_FILESZ, 30);
            }),
        ),
    ]
}

fn scripts() -> Vec<(&'static str, Subject)> {
    let script = |text: &str| Subject::file(text.as_bytes().to_vec());
    let long = "x".repeat(300);
    vec![
        ("interpreter_gets_the_script", script("#!/bin/echo\n")),
        ("interpreter_with_one_argument", script("#!/bin/echo one\n")),
        ("further_words_stay_one_argument", script("#! /bin/echo one two  three \n")),
        ("tabs_and_blanks", script("#!\t /bin/echo\t one\t\n")),
        ("no_newline_at_the_end", script("#!/bin/echo last")),
        ("carriage_return", script("#!/bin/echo\r\n")),
        ("empty_interpreter", script("#!\n")),
        ("blank_interpreter", script("#!   \n")),
        ("missing_interpreter", script("#!/no/such/interpreter\n")),
        ("relative_interpreter", script("#!helper\n").and_file("helper", "#!/bin/echo via\n")),
        ("interpreter_a_directory", script("#!/etc\n")),
        ("interpreter_not_executable", script("#!/etc/passwd\n")),
        ("argument_cut_at_256_bytes", script(&format!("#!/bin/echo {long}\n"))),
        ("interpreter_cut_at_256_bytes", script(&format!("#!/{long}\n"))),
        ("no_interpreter_line", script("echo hello\n")),
        ("byte_after_the_mark", script("#?/bin/echo\n")),
        ("shell", script("#!/bin/sh\necho \"$0\" \"$@\"\nexit 7\n")),
        ("python", script("#!/usr/bin/python3\nimport sys\nprint(sys.argv)\nsys.exit(9)\n")),
        ("awk_with_an_option", script("#!/usr/bin/awk -f\nBEGIN { print ARGV[1]; exit 4 }\n")),
        ("nested_twice", script("#!./second two\n").and_file("second", "#!/bin/echo one\n")),
        (
            "nested_four_times",
            script("#!./s2 2\n")
                .and_file("s2", "#!./s3 3\n")
                .and_file("s3", "#!./s4 4\n")
                .and_file("s4", "#!/bin/echo 5\n"),
        ),
        (
            "nested_five_times",
            script("#!./s2 2\n")
                .and_file("s2", "#!./s3 3\n")
                .and_file("s3", "#!./s4 4\n")
                .and_file("s4", "#!./s5 5\n")
                .and_file("s5", "#!/bin/echo 6\n"),
        ),
        (
            "nested_six_times",
            script("#!./s2 2\n")
                .and_file("s2", "#!./s3 3\n")
                .and_file("s3", "#!./s4 4\n")
                .and_file("s4", "#!./s5 5\n")
                .and_file("s5", "#!./s6 6\n")
                .and_file("s6", "#!/bin/echo 7\n"),
        ),
        ("its_own_interpreter", script("#!./subject\n")),
    ]
}

fn not_programs() -> Vec<(&'static str, Subject)> {
    let named = |argv: &[&str]| {
        let mut subject = Subject::file(good_elf());
        subject.argv = argv.iter().map(|&word| word.to_owned()).collect();
        subject
    };
    let mut linked = named(&["./link"]);
    linked.links.push(("link".to_owned(), "subject".to_owned()));
    let mut dangling = named(&["./link"]);
    dangling.links.push(("link".to_owned(), "missing".to_owned()));
    let mut circle = named(&["./link"]);
    circle.links.push(("link".to_owned(), "link".to_owned()));
    let mut unreadable_mode = Subject::file(good_elf());
    unreadable_mode.files[0].2 = 0o644;
    let mut text = Subject::file(b"just text\n".to_vec());
    text.files[0].2 = 0o644;
    vec![
        ("found", named(&["./subject"])),
        ("through_a_link", linked),
        ("missing", named(&["./missing"])),
        ("missing_directory", named(&["/no/such/program"])),
        ("dangling_link", dangling),
        ("circular_link", circle),
        ("directory", named(&["/etc"])),
        ("below_a_file", named(&["./subject/x"])),
        ("device", named(&["/dev/null"])),
        ("without_execute_permission", unreadable_mode),
        ("text_without_execute_permission", text),
        ("found_in_path", named(&["true"])),
        ("missing_in_path", named(&["no-such-command-anywhere"])),
    ]
}

/// The sixteen bytes that a C library takes for its stack protector, and where things lie.
fn random_bytes_differ() -> Result<(), Failure> {
    const SCRIPT: &str = "import ctypes
libc = ctypes.CDLL(None)
libc.getauxval.restype = ctypes.c_ulong
print(ctypes.string_at(libc.getauxval(25), 16).hex(), hex(libc.getauxval(3)))";
    let argv = ["/usr/bin/python3", "-c", SCRIPT].map(str::to_owned);
    let dir = scratch()?;
    let Some(argv) = Enclos::locate()?.command(&[], &argv) else {
        return Ok(());
    };
    let timeout = Duration::from_mins(1);
    let invocation = Invocation { argv, env: &[], dir: dir.path(), stdin: Input::Nothing, stdout: None, timeout };
    let (first, second) = (invocation.run()?, invocation.run()?);
    if first.status != 0 || first.stdout.is_empty() {
        return Err(format!("status {}: {}", first.status, tail(&first.stderr)));
    }
    if first.stdout == second.stdout {
        return Err(format!("equal in two runs: {}", tail(&first.stdout)));
    }
    Ok(())
}
