//! The initial stack of a program (System V x86-64 psABI, 3.4.1; `man 3 getauxval`).

use crate::prelude::*;
use crate::process::Strings;

/// What stands on the stack when a program starts.
pub struct InitialStack<'a> {
    /// Its arguments.
    pub args: &'a Strings,
    /// Its environment.
    pub env: &'a Strings,
    /// The path that was executed.
    pub path: &'a [u8],
    /// 16 random bytes.
    pub random: [u8; 16],
    /// The auxiliary vector but for entries that point to the stack, and its end.
    pub auxv: Vec<[u64; 2]>,
}

/// Entries of the auxiliary vector (`linux/auxvec.h`).
#[expect(missing_docs, reason = "named as in the header")]
pub mod at {
    pub const NULL: u64 = 0;
    pub const PHDR: u64 = 3;
    pub const PHENT: u64 = 4;
    pub const PHNUM: u64 = 5;
    pub const PAGESZ: u64 = 6;
    pub const BASE: u64 = 7;
    pub const FLAGS: u64 = 8;
    pub const ENTRY: u64 = 9;
    pub const UID: u64 = 11;
    pub const EUID: u64 = 12;
    pub const GID: u64 = 13;
    pub const EGID: u64 = 14;
    pub const PLATFORM: u64 = 15;
    pub const HWCAP: u64 = 16;
    pub const CLKTCK: u64 = 17;
    pub const SECURE: u64 = 23;
    pub const RANDOM: u64 = 25;
    pub const HWCAP2: u64 = 26;
    pub const EXECFN: u64 = 31;
    pub const SYSINFO_EHDR: u64 = 33;
    pub const MINSIGSTKSZ: u64 = 51;
}

/// A finished stack.
pub struct Laid {
    /// The stack pointer to start with.
    pub pointer: usize,
    /// The complete auxiliary vector.
    pub auxv: Vec<[u64; 2]>,
}

/// The most that arguments and environment may take: a quarter of the stack's limit, at most 6 MiB, at least 128 KiB.
pub fn space_limit(stack_limit: u64) -> usize {
    (stack_limit / 4).clamp(128 << 10, 6 << 20) as usize
}

/// The longest single argument or environment string, its NUL included (`MAX_ARG_STRLEN`).
pub const MAX_STRING: usize = 32 * 4096;

impl InitialStack<'_> {
    /// Writes the stack downwards from `top`.
    ///
    /// # Errors
    /// `EFAULT` if the stack isn't there, `E2BIG` if it is too small.
    pub fn lay(mut self, top: usize) -> Result<Laid> {
        // Strings first, in the order in which Linux has them: nothing, path, environment, arguments. Those of a list
        // ascend, as programs that change their title expect.
        let mut writer = Writer { at: top - 8 };
        let path = writer.string(self.path)?;
        let env = writer.bytes(self.env.bytes())?;
        let args = writer.bytes(self.args.bytes())?;
        writer.at &= !15;
        let platform = writer.string(b"x86_64")?;
        let random = writer.bytes(&self.random)?;
        self.auxv.extend([
            [at::RANDOM, random as u64],
            [at::EXECFN, path as u64],
            [at::PLATFORM, platform as u64],
            [at::NULL, 0],
        ]);

        let mut words: Vec<u64> = Vec::with_capacity(self.args.len() + self.env.len() + 2 * self.auxv.len() + 3);
        words.push(self.args.len() as u64);
        words.extend(self.args.starts().map(|start| (args + start) as u64));
        words.push(0);
        words.extend(self.env.starts().map(|start| (env + start) as u64));
        words.push(0);
        words.extend(self.auxv.iter().flatten());
        let len = words.len() * 8;
        let pointer = writer.at.checked_sub(len).ok_or(Errno::E2BIG)? & !15;
        UserPtr::<u64>::new(pointer).write_array(&words)?;
        Ok(Laid { pointer, auxv: self.auxv })
    }
}

struct Writer {
    at: usize,
}

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) -> Result<usize> {
        self.at = self.at.checked_sub(bytes.len()).ok_or(Errno::E2BIG)?;
        UserSlice::new(self.at, bytes.len())?.write(bytes)?;
        Ok(self.at)
    }

    fn string(&mut self, string: &[u8]) -> Result<usize> {
        self.bytes(&[0])?;
        self.bytes(string)
    }
}
