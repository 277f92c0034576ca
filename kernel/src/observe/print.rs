//! How words and the structures that they point to are printed: as strace does.

use super::names::{Names, SIGNALS};
use crate::prelude::*;
use core::fmt::{self, Write};

/// Where it's printed.
pub(super) type Out<'a> = &'a mut dyn Write;

/// Reads what a pointer points to; what can't be read ends as an error of formatting, and is printed as an address.
pub(super) fn read<T: zerocopy::FromBytes + zerocopy::IntoBytes>(addr: u64) -> Result<T, fmt::Error> {
    UserPtr::<T>::new(addr as usize).read().map_err(|_| fmt::Error)
}

/// The most bytes of a buffer that are shown, as in strace.
const SHOWN_BYTES: usize = 32;

/// Bytes in quotes, cut with `...`.
pub(super) fn bytes(out: Out<'_>, addr: u64, len: usize) -> fmt::Result {
    let slice = UserSlice::new(addr as usize, len.min(SHOWN_BYTES)).map_err(|_| fmt::Error)?;
    let bytes = slice.to_vec().map_err(|_| fmt::Error)?;
    quoted(out, &bytes, len > SHOWN_BYTES)
}

/// Bytes as strace escapes them.
pub(super) fn quoted(out: Out<'_>, bytes: &[u8], is_cut: bool) -> fmt::Result {
    out.write_char('"')?;
    for (index, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\t' => out.write_str("\\t")?,
            b'\r' => out.write_str("\\r")?,
            0x0b => out.write_str("\\v")?,
            0x0c => out.write_str("\\f")?,
            b' '..=b'~' => out.write_char(char::from(byte))?,
            // A digit that follows would be read as part of a short octal number.
            _ if bytes.get(index + 1).is_some_and(u8::is_ascii_digit) => write!(out, "\\{byte:03o}")?,
            _ => write!(out, "\\{byte:o}")?,
        }
    }
    out.write_str(if is_cut { "\"..." } else { "\"" })
}

/// The longest string that is shown.
const MAX_STRING: usize = 4096;

/// A string that ends with NUL.
pub(super) fn string(out: Out<'_>, addr: u64) -> fmt::Result {
    let string = UserPtr::<u8>::new(addr as usize).read_cstr(MAX_STRING).map_err(|_| fmt::Error)?;
    quoted(out, &string, false)
}

/// A NULL-terminated array of strings.
pub(super) fn strings(out: Out<'_>, addr: u64) -> fmt::Result {
    const SHOWN: usize = 32;
    out.write_char('[')?;
    for index in 0..=SHOWN {
        let pointer = UserPtr::<u64>::new(addr as usize).at(index).read().map_err(|_| fmt::Error)?;
        if pointer == 0 {
            break;
        }
        if index > 0 {
            out.write_str(", ")?;
        }
        if index == SHOWN {
            out.write_str("...")?;
            break;
        }
        string(out, pointer)?;
    }
    out.write_char(']')
}

/// How many strings an environment has; its contents are nobody's business.
pub(super) fn environment(out: Out<'_>, addr: u64) -> fmt::Result {
    const MAX: usize = 100_000;
    let array = UserPtr::<u64>::new(addr as usize);
    let mut count = 0;
    while count < MAX && array.at(count).read().map_err(|_| fmt::Error)? != 0 {
        count += 1;
    }
    write!(out, "{addr:#x} /* {count} vars */")
}

/// Flags by name; what has none in hexadecimal.
pub(super) fn flags(out: Out<'_>, word: u64, names: Names) -> fmt::Result {
    let mut rest = word;
    let mut separator = "";
    for &(name, bits) in names {
        if bits != 0 && rest & bits == bits {
            write!(out, "{separator}{name}")?;
            separator = "|";
            rest &= !bits;
        }
    }
    if rest != 0 || separator.is_empty() {
        let prefix = if rest == 0 { "" } else { "0x" };
        write!(out, "{separator}{prefix}{rest:x}")?;
    }
    Ok(())
}

/// A value by name; in decimal if it has none.
pub(super) fn value(out: Out<'_>, word: u64, names: Names) -> fmt::Result {
    match names.iter().find(|(_, value)| *value == word) {
        Some((name, _)) => out.write_str(name),
        None if word > 0xffff => write!(out, "{word:#x}"),
        None => write!(out, "{word}"),
    }
}

/// A signal by name.
pub(super) fn signal(out: Out<'_>, number: u64) -> fmt::Result {
    match number {
        1..=31 => write!(out, "SIG{}", SIGNALS[number as usize - 1]),
        32..=64 => write!(out, "SIGRT_{}", number - 32),
        _ => write!(out, "{number}"),
    }
}

/// A set of signals: `[INT CHLD]`, or `~[KILL]` if most are in it.
pub(super) fn signal_set(out: Out<'_>, addr: u64) -> fmt::Result {
    let set: u64 = read(addr)?;
    signal_mask(out, set)
}

pub(super) fn signal_mask(out: Out<'_>, set: u64) -> fmt::Result {
    let is_inverted = set.count_ones() > 42;
    let shown = if is_inverted { !set } else { set };
    out.write_str(if is_inverted { "~[" } else { "[" })?;
    let mut separator = "";
    for number in (1..=64_u64).filter(|number| shown & 1 << (number - 1) != 0) {
        out.write_str(separator)?;
        match number {
            1..=31 => out.write_str(SIGNALS[number as usize - 1])?,
            _ => write!(out, "RT_{}", number - 32)?,
        }
        separator = " ";
    }
    out.write_char(']')
}

/// `struct timespec`.
pub(super) fn timespec(out: Out<'_>, addr: u64) -> fmt::Result {
    let [seconds, nanoseconds]: [i64; 2] = read(addr)?;
    write!(out, "{{tv_sec={seconds}, tv_nsec={nanoseconds}}}")
}

/// Two of `struct timespec`: access and modification time.
pub(super) fn timespecs(out: Out<'_>, addr: u64) -> fmt::Result {
    out.write_char('[')?;
    timespec(out, addr)?;
    out.write_str(", ")?;
    timespec(out, addr.wrapping_add(16))?;
    out.write_char(']')
}

/// `struct timeval`.
pub(super) fn timeval(out: Out<'_>, addr: u64) -> fmt::Result {
    let [seconds, microseconds]: [i64; 2] = read(addr)?;
    write!(out, "{{tv_sec={seconds}, tv_usec={microseconds}}}")
}

/// `struct itimerval`.
pub(super) fn itimerval(out: Out<'_>, addr: u64) -> fmt::Result {
    out.write_str("{it_interval=")?;
    timeval(out, addr)?;
    out.write_str(", it_value=")?;
    timeval(out, addr.wrapping_add(16))?;
    out.write_char('}')
}

/// `struct itimerspec`.
pub(super) fn itimerspec(out: Out<'_>, addr: u64) -> fmt::Result {
    out.write_str("{it_interval=")?;
    timespec(out, addr)?;
    out.write_str(", it_value=")?;
    timespec(out, addr.wrapping_add(16))?;
    out.write_char('}')
}

/// A file's type and permissions.
fn mode(out: Out<'_>, mode: u32) -> fmt::Result {
    const NAMES: [(u32, &str); 7] = [
        (0o010_000, "S_IFIFO"),
        (0o020_000, "S_IFCHR"),
        (0o040_000, "S_IFDIR"),
        (0o060_000, "S_IFBLK"),
        (0o100_000, "S_IFREG"),
        (0o120_000, "S_IFLNK"),
        (0o140_000, "S_IFSOCK"),
    ];
    if let Some((_, name)) = NAMES.iter().find(|(kind, _)| *kind == mode & 0o170_000) {
        write!(out, "{name}|")?;
    }
    write!(out, "0{:03o}", mode & 0o7777)
}

/// Device numbers as `makedev` packs them.
fn device(out: Out<'_>, device: u64) -> fmt::Result {
    let major = device >> 8 & 0xfff | device >> 32 & !0xfff;
    let minor = device & 0xff | device >> 12 & !0xff;
    write!(out, "makedev({major:#x}, {minor:#x})")
}

/// `struct stat` of x86-64.
pub(super) fn stat(out: Out<'_>, addr: u64) -> fmt::Result {
    const CHARACTER: u32 = 0o020_000;
    const BLOCK: u32 = 0o060_000;
    // st_dev, st_ino, st_nlink, st_mode with st_uid, st_gid with padding, st_rdev, st_size.
    let fields: [u64; 7] = read(addr)?;
    let file_mode = fields[3] as u32;
    out.write_str("{st_mode=")?;
    mode(out, file_mode)?;
    if matches!(file_mode & 0o170_000, CHARACTER | BLOCK) {
        out.write_str(", st_rdev=")?;
        device(out, fields[5])?;
    } else {
        write!(out, ", st_size={}", fields[6] as i64)?;
    }
    out.write_str(", ...}")
}

/// `struct statx`.
pub(super) fn statx(out: Out<'_>, addr: u64) -> fmt::Result {
    // stx_mask and stx_blksize, stx_attributes, stx_nlink and stx_uid, stx_gid and stx_mode, stx_ino, stx_size.
    let fields: [u64; 6] = read(addr)?;
    write!(out, "{{stx_mask={:#x}, stx_mode=", fields[0] as u32)?;
    mode(out, (fields[3] >> 32) as u32 & 0xffff)?;
    write!(out, ", stx_size={}, ...}}", fields[5])
}

/// `struct rlimit64`.
pub(super) fn rlimit(out: Out<'_>, addr: u64) -> fmt::Result {
    let [soft, hard]: [u64; 2] = read(addr)?;
    let limit = |out: Out<'_>, limit: u64| match limit {
        u64::MAX => out.write_str("RLIM64_INFINITY"),
        _ if limit >= 1024 && limit.is_multiple_of(1024) => write!(out, "{}*1024", limit / 1024),
        _ => write!(out, "{limit}"),
    };
    out.write_str("{rlim_cur=")?;
    limit(out, soft)?;
    out.write_str(", rlim_max=")?;
    limit(out, hard)?;
    out.write_char('}')
}

/// `struct sigaction` of the kernel.
pub(super) fn sigaction(out: Out<'_>, addr: u64) -> fmt::Result {
    let [handler, flag_bits, restorer, mask]: [u64; 4] = read(addr)?;
    out.write_str("{sa_handler=")?;
    match handler {
        0 => out.write_str("SIG_DFL")?,
        1 => out.write_str("SIG_IGN")?,
        _ => write!(out, "{handler:#x}")?,
    }
    out.write_str(", sa_mask=")?;
    signal_mask(out, mask)?;
    out.write_str(", sa_flags=")?;
    flags(out, flag_bits, super::names::SIGACTION)?;
    if restorer != 0 {
        write!(out, ", sa_restorer={restorer:#x}")?;
    }
    out.write_char('}')
}

/// `struct iovec`s, with at most `available` bytes of what they hold.
pub(super) fn iovecs(out: Out<'_>, addr: u64, count: usize, mut available: usize) -> fmt::Result {
    const SHOWN: usize = 16;
    let pieces = UserPtr::<[u64; 2]>::new(addr as usize).read_array(count.min(SHOWN)).map_err(|_| fmt::Error)?;
    out.write_char('[')?;
    for (index, [base, len]) in pieces.into_iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        let held = available.min(len as usize);
        available -= held;
        out.write_str("{iov_base=")?;
        bytes(out, base, held)?;
        write!(out, ", iov_len={len}}}")?;
    }
    out.write_str(if count > SHOWN { ", ...]" } else { "]" })
}

/// `struct utsname`.
pub(super) fn utsname(out: Out<'_>, addr: u64) -> fmt::Result {
    const FIELD: u64 = 65;
    out.write_str("{sysname=")?;
    string(out, addr)?;
    out.write_str(", nodename=")?;
    string(out, addr.wrapping_add(FIELD))?;
    out.write_str(", ...}")
}

/// An array of two descriptors.
pub(super) fn descriptors(out: Out<'_>, addr: u64) -> fmt::Result {
    let [first, second]: [i32; 2] = read(addr)?;
    write!(out, "[{first}, {second}]")
}

/// `struct pollfd`s.
pub(super) fn pollfds(out: Out<'_>, addr: u64, count: usize) -> fmt::Result {
    const SHOWN: usize = 16;
    let fds = UserPtr::<[u32; 2]>::new(addr as usize).read_array(count.min(SHOWN)).map_err(|_| fmt::Error)?;
    out.write_char('[')?;
    for (index, [fd, events]) in fds.into_iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        write!(out, "{separator}{{fd={}, events={:#x}, revents={:#x}}}", fd as i32, events & 0xffff, events >> 16)?;
    }
    out.write_str(if count > SHOWN { ", ...]" } else { "]" })
}

/// A word of 32 bits.
pub(super) fn word(out: Out<'_>, addr: u64) -> fmt::Result {
    let word: i32 = read(addr)?;
    write!(out, "[{word}]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::names;

    fn text(print: impl FnOnce(Out<'_>) -> fmt::Result) -> String {
        let mut text = String::new();
        print(&mut text).unwrap();
        text
    }

    #[test]
    fn bytes_are_escaped_as_strace_does() {
        let escaped = text(|out| quoted(out, b"a\"b\\\n\0\x011\xff", false));
        assert_eq!(escaped, r#""a\"b\\\n\0\0011\377""#);
        assert_eq!(text(|out| quoted(out, b"\x7fELF", true)), r#""\177ELF"..."#);
    }

    #[test]
    fn flags_are_named_and_the_rest_is_hexadecimal() {
        assert_eq!(text(|out| flags(out, 3, names::PROT)), "PROT_READ|PROT_WRITE");
        assert_eq!(text(|out| flags(out, 0x22, names::MAP)), "MAP_PRIVATE|MAP_ANONYMOUS");
        assert_eq!(text(|out| flags(out, 0x8001, names::PROT)), "PROT_READ|0x8000");
        assert_eq!(text(|out| flags(out, 0, names::AT)), "0");
    }

    #[test]
    fn signal_sets_show_the_shorter_half() {
        assert_eq!(text(|out| signal_mask(out, 1 << 1 | 1 << 16)), "[INT CHLD]");
        assert_eq!(text(|out| signal_mask(out, !(1 << 8))), "~[KILL]");
        assert_eq!(text(|out| signal_mask(out, 0)), "[]");
        assert_eq!(text(|out| signal(out, 11)), "SIGSEGV");
        assert_eq!(text(|out| signal(out, 33)), "SIGRT_1");
    }

    #[test]
    fn modes_name_the_file_type() {
        assert_eq!(text(|out| mode(out, 0o100_644)), "S_IFREG|0644");
        assert_eq!(text(|out| mode(out, 0o041_777)), "S_IFDIR|01777");
        assert_eq!(text(|out| device(out, 0x8803)), "makedev(0x88, 0x3)");
    }
}
