//! Arguments and environment of a program.

use crate::loader::stack::MAX_STRING;
use crate::prelude::*;
use core::ffi::CStr;
use frame::layout::PAGE_SIZE;

/// Strings, each followed by its NUL, as a program finds them on its stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

impl Strings {
    /// Adds a string, or what of it is before a NUL.
    pub fn push(&mut self, string: &[u8]) {
        self.starts.push(self.bytes.len() as u32);
        self.bytes.extend_from_slice(string.split(|&byte| byte == 0).next().unwrap_or_default());
        self.bytes.push(0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Where each starts.
    pub fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        self.starts.iter().map(|&start| start as usize)
    }

    /// All of them, with their NULs.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Each of them, without its NUL.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.starts().skip(1).chain([self.bytes.len()]);
        self.starts().zip(ends).map(|(start, end)| &self.bytes[start..end - 1])
    }

    /// What they take on a program's stack, with the pointers to them.
    pub fn space(&self) -> usize {
        self.bytes.len() + self.len() * size_of::<u64>()
    }

    /// Reads a program's NULL-terminated array of strings; no array is an empty one.
    ///
    /// # Errors
    /// `EFAULT`, `E2BIG` for what no program can be given.
    pub fn read(array: UserPtr<u64>) -> Result<Self> {
        const MAX_SPACE: usize = 8 << 20;
        let mut strings = Self::default();
        if array.is_null() {
            return Ok(strings);
        }
        let mut window = Window::default();
        for index in 0.. {
            let addr = array.at(index).read()?;
            if addr == 0 {
                break;
            }
            strings.starts.push(strings.bytes.len() as u32);
            window.append_cstr(addr as usize, &mut strings.bytes)?;
            strings.bytes.push(0);
            if strings.space() > MAX_SPACE {
                bail!(E2BIG, "arguments and environment are too long");
            }
        }
        Ok(strings)
    }
}

impl<S: AsRef<[u8]>> FromIterator<S> for Strings {
    fn from_iter<I: IntoIterator<Item = S>>(strings: I) -> Self {
        let mut all = Self::default();
        strings.into_iter().for_each(|string| all.push(string.as_ref()));
        all
    }
}

/// A piece of a program's memory that was read at once: most strings stand beside each other.
struct Window {
    start: usize,
    len: usize,
    bytes: [u8; Self::SIZE],
}

impl Default for Window {
    fn default() -> Self {
        Self { start: 0, len: 0, bytes: [0; Self::SIZE] }
    }
}

impl Window {
    const SIZE: usize = 1024;

    /// Appends the string at `addr`, without its NUL.
    fn append_cstr(&mut self, mut addr: usize, to: &mut Vec<u8>) -> Result<()> {
        let limit = to.len() + MAX_STRING;
        loop {
            let piece = self.from(addr)?;
            match CStr::from_bytes_until_nul(piece) {
                Ok(end) => {
                    to.extend_from_slice(end.to_bytes());
                    return if to.len() < limit { Ok(()) } else { Err(TOO_LONG) };
                }
                Err(_) if to.len() + piece.len() >= limit => return Err(TOO_LONG),
                Err(_) => to.extend_from_slice(piece),
            }
            addr += piece.len();
        }
    }

    /// What stands from `addr` on, at least one byte.
    fn from(&mut self, addr: usize) -> Result<&[u8]> {
        let is_inside = addr >= self.start && addr - self.start < self.len;
        if !is_inside {
            // Up to the end of a page: the next one may be missing, and the NUL before it.
            let len = (PAGE_SIZE - addr % PAGE_SIZE).min(Self::SIZE);
            self.len = 0;
            UserSlice::new(addr, len)?.read(&mut self.bytes[..len])?;
            (self.start, self.len) = (addr, len);
        }
        Ok(&self.bytes[addr - self.start..self.len])
    }
}

const TOO_LONG: Error = Error::new(Errno::E2BIG, "an argument or environment string is too long");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_as_they_were_put_in() {
        let strings: Strings = [&b"a"[..], b"", b"bc=d"].into_iter().collect();
        assert_eq!(strings.bytes(), b"a\0\0bc=d\0");
        assert_eq!(strings.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"bc=d"]);
        assert_eq!(strings.starts().collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!((strings.len(), strings.space()), (3, 8 + 24));
    }
}
