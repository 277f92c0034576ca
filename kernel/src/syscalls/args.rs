//! The types of system call arguments.

use crate::prelude::*;
use core::fmt::{self, Write};
use frame::user::UserPtr;

/// An argument of a system call: a register's word with a meaning.
pub trait Arg: Sized {
    /// Decodes the word.
    ///
    /// # Errors
    /// What the call gives for a word that has no meaning, mostly `EINVAL`.
    fn decode(word: u64) -> Result<Self>;

    /// Prints it as strace does, before the call is made.
    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result;
}

/// A file descriptor as a program passed it; whether it's open is seen when it's looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileDesc(pub i32);

impl Arg for FileDesc {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self(word as i32))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{}", word as i32)
    }
}

/// The directory that a relative path starts from: `AT_FDCWD` or a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirDesc {
    /// The working directory.
    Cwd,
    /// An open directory.
    Fd(FileDesc),
}

/// `AT_FDCWD` of Linux.
const AT_FDCWD: i32 = -100;

impl Arg for DirDesc {
    fn decode(word: u64) -> Result<Self> {
        Ok(if word as i32 == AT_FDCWD { Self::Cwd } else { Self::Fd(FileDesc(word as i32)) })
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        if word as i32 == AT_FDCWD { f.write_str("AT_FDCWD") } else { write!(f, "{}", word as i32) }
    }
}

/// A pointer to a path name.
#[derive(Clone, Copy, Debug)]
pub struct UserPath(pub UserPtr<u8>);

impl Arg for UserPath {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self(UserPtr::new(word as usize)))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        trace_string(word, f)
    }
}

impl UserPath {
    /// The longest path name, its NUL included (`PATH_MAX`).
    const MAX: usize = 4096;

    /// Reads the path name.
    ///
    /// # Errors
    /// `EFAULT`; `ENAMETOOLONG` for 4096 bytes or more.
    pub fn read(self) -> Result<Vec<u8>> {
        self.0.read_cstr(Self::MAX)
    }
}

/// A pointer to some other string.
#[derive(Clone, Copy, Debug)]
pub struct UserStr(pub UserPtr<u8>);

impl Arg for UserStr {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self(UserPtr::new(word as usize)))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        trace_string(word, f)
    }
}

fn trace_string(word: u64, f: &mut dyn Write) -> fmt::Result {
    const SHOWN: usize = 4096;
    if word == 0 {
        return f.write_str("NULL");
    }
    match UserPtr::<u8>::new(word as usize).read_cstr(SHOWN) {
        Ok(string) => write!(f, "\"{}\"", string.escape_ascii()),
        Err(_) => write!(f, "{word:#x}"),
    }
}

impl<T> Arg for UserPtr<T> {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self::new(word as usize))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        if word == 0 { f.write_str("NULL") } else { write!(f, "{word:#x}") }
    }
}

/// An address that isn't a pointer to data: where to map, what to unmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addr(pub usize);

impl Arg for Addr {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self(word as usize))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        if word == 0 { f.write_str("NULL") } else { write!(f, "{word:#x}") }
    }
}

/// A number that is printed in octal: a file mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Arg for Mode {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self(word as u32))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{:#o}", word as u32)
    }
}

/// A word of flags that has no type of its own; printed in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Arg for Flags {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self(word as u32))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        if word as u32 == 0 { f.write_str("0") } else { write!(f, "{:#x}", word as u32) }
    }
}

macro_rules! number_args {
    ($($type:ty),*) => {
        $(impl Arg for $type {
            fn decode(word: u64) -> Result<Self> {
                Ok(word as Self)
            }

            fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
                write!(f, "{}", word as Self)
            }
        })*
    };
}

number_args!(i32, u32, i64, u64, usize);

/// Makes a `bitflags` type an argument whose undefined bits are refused with `EINVAL`, printed by name.
#[macro_export]
macro_rules! flags_arg {
    ($type:ty) => {
        impl $crate::syscalls::args::Arg for $type {
            fn decode(word: u64) -> $crate::prelude::Result<Self> {
                Self::from_bits(word as _)
                    .ok_or_else(|| $crate::prelude::Error::new($crate::prelude::Errno::EINVAL, "undefined flags"))
            }

            fn trace(word: u64, f: &mut dyn core::fmt::Write) -> core::fmt::Result {
                $crate::syscalls::args::trace_flags::<Self>(word, f)
            }
        }
    };
}

/// Prints flags by name, what has no name in hexadecimal.
pub fn trace_flags<F: bitflags::Flags>(word: u64, f: &mut dyn Write) -> fmt::Result
where
    F::Bits: TryFrom<u64> + Into<u64> + Copy,
{
    let Some(bits) = F::Bits::try_from(word & u64::from(u32::MAX)).ok() else {
        return write!(f, "{word:#x}");
    };
    let flags = F::from_bits_retain(bits);
    let mut separator = "";
    for (name, _) in flags.iter_names() {
        write!(f, "{separator}{name}")?;
        separator = "|";
    }
    let known: u64 = F::all().bits().into();
    let rest = word & u64::from(u32::MAX) & !known;
    if rest != 0 {
        write!(f, "{separator}{rest:#x}")?;
    } else if separator.is_empty() {
        f.write_str("0")?;
    }
    Ok(())
}
