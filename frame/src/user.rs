//! Memory of the program: the one way to read and write it.
//!
//! A pointer that a program passed is never dereferenced by Rust code. [`UserSlice`] checks that it lies outside the
//! LibOS, and the copy routines below touch it under fault recovery: a page that isn't there ends as `EFAULT`, never as
//! a crash. [`Sink`] and [`Source`] walk a list of such pieces, so that a file's read and write are written once for
//! program memory, scattered memory and memory of the LibOS.

use crate::errno::{Errno, Error, Result};
use crate::layout;
use alloc::vec::Vec;
use core::arch::naked_asm;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Range;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const FAULT: Error = Error::new(Errno::EFAULT, "a pointer is outside the program's memory");

/// A range of program addresses that is known to lie outside the LibOS; what is mapped there is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserSlice {
    addr: usize,
    len: usize,
}

impl UserSlice {
    /// The `len` bytes at `addr`.
    ///
    /// # Errors
    /// `EFAULT` if they overlap the LibOS or the kernel's half, or wrap around.
    pub const fn new(addr: usize, len: usize) -> Result<Self> {
        if layout::is_user_range(addr, len) { Ok(Self { addr, len }) } else { Err(FAULT) }
    }

    /// The first address.
    pub const fn addr(self) -> usize {
        self.addr
    }

    /// The length in bytes.
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// At most the first `len` bytes.
    #[must_use]
    pub fn truncate(self, len: usize) -> Self {
        Self { addr: self.addr, len: self.len.min(len) }
    }

    /// What follows the first `count` bytes.
    #[must_use]
    pub fn skip(self, count: usize) -> Self {
        let count = count.min(self.len);
        Self { addr: self.addr + count, len: self.len - count }
    }

    /// Copies into `dst`, as many bytes as both have.
    ///
    /// # Errors
    /// `EFAULT` if a byte can't be read.
    pub fn read(self, dst: &mut [u8]) -> Result<usize> {
        let len = self.len.min(dst.len());
        let left = access(self.truncate(len), |piece, done| {
            // SAFETY: `dst` is writable for `len` bytes, and the source is under fault recovery.
            unsafe { copy(dst[done..].as_mut_ptr(), piece.addr as *const u8, piece.len) }
        });
        if left == 0 { Ok(len) } else { Err(FAULT) }
    }

    /// Copies from `src`, as many bytes as both have.
    ///
    /// # Errors
    /// `EFAULT` if a byte can't be written.
    pub fn write(self, src: &[u8]) -> Result<usize> {
        let len = self.len.min(src.len());
        let left = access(self.truncate(len), |piece, done| {
            // SAFETY: `src` is readable for `len` bytes; the target is outside the LibOS and under fault recovery.
            unsafe { copy(piece.addr as *mut u8, src[done..].as_ptr(), piece.len) }
        });
        if left == 0 { Ok(len) } else { Err(FAULT) }
    }

    /// Fills all of it with zeroes.
    ///
    /// # Errors
    /// `EFAULT` if a byte can't be written.
    pub fn zero(self) -> Result<()> {
        let left = access(self, |piece, _| {
            // SAFETY: the target is outside the LibOS and under fault recovery.
            crate::thread::at_rest(|| unsafe { fill(piece.addr as *mut u8, 0, piece.len) })
        });
        if left == 0 { Ok(()) } else { Err(FAULT) }
    }

    /// A copy of all of it.
    ///
    /// # Errors
    /// `EFAULT` if a byte can't be read; the caller bounds the length.
    pub fn to_vec(self) -> Result<Vec<u8>> {
        let mut bytes = alloc::vec![0; self.len];
        self.read(&mut bytes)?;
        Ok(bytes)
    }
}

/// Has `touch` access all of `slice`: it gets what is left of it and how much was done, and gives how many bytes it left
/// when it faulted. A fault that makes a mapping grow is none, as it isn't for the program. Gives how many bytes are left.
fn access(slice: UserSlice, mut touch: impl FnMut(UserSlice, usize) -> usize) -> usize {
    let mut left = touch(slice, 0);
    while left > 0 && crate::thread::grow_down(slice.skip(slice.len - left).addr) {
        let done = slice.len - left;
        left = touch(slice.skip(done), done);
    }
    left
}

/// A pointer to a `T` of the program.
pub struct UserPtr<T> {
    addr: usize,
    pointee: PhantomData<fn() -> T>,
}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for UserPtr<T> {}

impl<T> core::fmt::Debug for UserPtr<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.addr)
    }
}

impl<T> UserPtr<T> {
    /// A pointer to the `T` at `addr`; checked when it is used.
    pub const fn new(addr: usize) -> Self {
        Self { addr, pointee: PhantomData }
    }

    /// The address.
    pub const fn addr(self) -> usize {
        self.addr
    }

    /// Whether it is NULL.
    pub const fn is_null(self) -> bool {
        self.addr == 0
    }

    /// `None` for NULL.
    pub const fn non_null(self) -> Option<Self> {
        if self.is_null() { None } else { Some(self) }
    }

    /// The pointer to the element `index` places further in an array.
    #[must_use]
    pub const fn at(self, index: usize) -> Self {
        Self::new(self.addr.wrapping_add(index.wrapping_mul(size_of::<T>())))
    }

    /// The same address as a pointer to something else.
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr::new(self.addr)
    }

    /// The bytes of an array of `count` elements.
    ///
    /// # Errors
    /// `EFAULT` if they overlap the LibOS or wrap around.
    pub fn slice(self, count: usize) -> Result<UserSlice> {
        let len = count.checked_mul(size_of::<T>()).ok_or(FAULT)?;
        UserSlice::new(self.addr, len)
    }
}

impl<T: FromBytes + IntoBytes> UserPtr<T> {
    /// Reads the value.
    ///
    /// # Errors
    /// `EFAULT` if it can't be read.
    pub fn read(self) -> Result<T> {
        let mut value = MaybeUninit::<T>::uninit();
        let left = access(self.slice(1)?, |piece, done| {
            // SAFETY: the value has room for what is left of it, and the source is under fault recovery.
            unsafe { copy(value.as_mut_ptr().cast::<u8>().add(done), piece.addr as *const u8, piece.len) }
        });
        // SAFETY: all of its bytes were copied, and any bytes are a `T`.
        if left == 0 { Ok(unsafe { value.assume_init() }) } else { Err(FAULT) }
    }

    /// Reads an array of `count` values; the caller bounds the count.
    ///
    /// # Errors
    /// `EFAULT` if it can't be read.
    pub fn read_array(self, count: usize) -> Result<Vec<T>> {
        let bytes = self.slice(count)?;
        let mut values = Vec::with_capacity(count);
        for index in 0..count {
            let mut value = T::new_zeroed();
            bytes.skip(index * size_of::<T>()).read(value.as_mut_bytes())?;
            values.push(value);
        }
        Ok(values)
    }
}

impl<T: IntoBytes + Immutable> UserPtr<T> {
    /// Writes the value.
    ///
    /// # Errors
    /// `EFAULT` if it can't be written.
    pub fn write(self, value: &T) -> Result<()> {
        self.slice(1)?.write(value.as_bytes())?;
        Ok(())
    }

    /// Writes the value unless the pointer is NULL.
    ///
    /// # Errors
    /// `EFAULT` if it can't be written.
    pub fn write_if_some(self, value: &T) -> Result<()> {
        if self.is_null() { Ok(()) } else { self.write(value) }
    }

    /// Writes an array.
    ///
    /// # Errors
    /// `EFAULT` if it can't be written.
    pub fn write_array(self, values: &[T]) -> Result<()> {
        self.slice(values.len())?.write(values.as_bytes())?;
        Ok(())
    }
}

impl UserPtr<u8> {
    /// Reads a string up to its NUL, which isn't part of the result.
    ///
    /// # Errors
    /// `EFAULT` if it can't be read; `ENAMETOOLONG` if no NUL is among the first `max` bytes.
    pub fn read_cstr(self, max: usize) -> Result<Vec<u8>> {
        let mut string = Vec::new();
        let mut addr = self.addr;
        while string.len() < max {
            // Up to the end of a page at a time: the next one may be missing, and the NUL before it.
            let piece = (layout::PAGE_SIZE - addr % layout::PAGE_SIZE).min(max - string.len()).min(256);
            let mut bytes = [0; 256];
            UserSlice::new(addr, piece)?.read(&mut bytes[..piece])?;
            if let Some(end) = bytes[..piece].iter().position(|&byte| byte == 0) {
                string.extend_from_slice(&bytes[..end]);
                return Ok(string);
            }
            string.extend_from_slice(&bytes[..piece]);
            addr += piece;
        }
        Err(Error::new(Errno::ENAMETOOLONG, "a string is longer than the call allows"))
    }
}

/// Operations on a futex word or a robust list's word of the program.
impl UserPtr<u32> {
    /// Loads the word atomically.
    ///
    /// # Errors
    /// `EFAULT` if it can't be read, `EINVAL` if it isn't aligned.
    pub fn load(self) -> Result<u32> {
        let addr = self.atomic_addr()?;
        let mut value = 0;
        let word = UserSlice { addr, len: size_of::<u32>() };
        // SAFETY: aligned, outside the LibOS, under fault recovery.
        let left = access(word, |_, _| unsafe { load_u32(addr as *const u32, &raw mut value) } * word.len);
        if left == 0 { Ok(value) } else { Err(FAULT) }
    }

    /// Stores `new` if the word is `current`; gives what the word was.
    ///
    /// # Errors
    /// `EFAULT` if it can't be accessed, `EINVAL` if it isn't aligned.
    pub fn compare_exchange(self, current: u32, new: u32) -> Result<core::result::Result<u32, u32>> {
        let addr = self.atomic_addr()?;
        let mut seen = current;
        // SAFETY: aligned, outside the LibOS, under fault recovery.
        if unsafe { cmpxchg_u32(addr as *mut u32, &raw mut seen, new) } != 0 {
            return Err(FAULT);
        }
        Ok(if seen == current { Ok(seen) } else { Err(seen) })
    }

    /// Replaces the word by what `update` makes of it, atomically; gives the word before.
    ///
    /// # Errors
    /// `EFAULT` if it can't be accessed, `EINVAL` if it isn't aligned.
    pub fn fetch_update(self, update: impl Fn(u32) -> u32) -> Result<u32> {
        let mut current = self.load()?;
        loop {
            match self.compare_exchange(current, update(current))? {
                Ok(previous) => return Ok(previous),
                Err(seen) => current = seen,
            }
        }
    }

    fn atomic_addr(self) -> Result<usize> {
        if !self.addr.is_multiple_of(4) {
            return Err(Error::new(Errno::EINVAL, "a futex word is not aligned"));
        }
        Ok(self.slice(1)?.addr())
    }
}

/// Where the bytes of a read go: pieces of program memory, or a buffer of the LibOS.
pub struct Sink<'a> {
    segments: Segments,
    buffer: PhantomData<&'a mut [u8]>,
}

/// Where the bytes of a write come from: pieces of program memory, or a buffer of the LibOS.
pub struct Source<'a> {
    segments: Segments,
    buffer: PhantomData<&'a [u8]>,
}

/// Pieces of memory, consumed from the front; the first one is kept apart since most lists have just one.
struct Segments {
    current: UserSlice,
    rest: Vec<UserSlice>,
    next: usize,
    remaining: usize,
}

impl Segments {
    fn one(addr: usize, len: usize) -> Self {
        Self { current: UserSlice { addr, len }, rest: Vec::new(), next: 0, remaining: len }
    }

    fn many(mut pieces: Vec<UserSlice>) -> Self {
        pieces.retain(|piece| !piece.is_empty());
        let remaining = pieces.iter().map(|piece| piece.len).sum();
        let current = pieces.first().copied().unwrap_or(UserSlice { addr: 0, len: 0 });
        Self { current, rest: pieces, next: 1, remaining }
    }

    fn advance(&mut self, mut count: usize) {
        count = count.min(self.remaining);
        self.remaining -= count;
        while count > 0 {
            let step = count.min(self.current.len);
            self.current = self.current.skip(step);
            count -= step;
            if self.current.is_empty()
                && let Some(&piece) = self.rest.get(self.next)
            {
                self.current = piece;
                self.next += 1;
            }
        }
    }

    /// Calls `step` with piece after piece until `max` bytes are done or one fails; gives the bytes done.
    fn each(&mut self, max: usize, mut step: impl FnMut(UserSlice, usize) -> usize) -> Result<usize> {
        let mut done = 0;
        let max = max.min(self.remaining);
        while done < max {
            let piece = self.current.truncate(max - done);
            let left = access(piece, |rest, passed| step(rest, done + passed));
            self.advance(piece.len - left);
            done += piece.len - left;
            if left > 0 {
                return if done > 0 { Ok(done) } else { Err(FAULT) };
            }
        }
        Ok(done)
    }

    fn pieces(&self, max: usize) -> impl Iterator<Item = UserSlice> {
        let mut left = max.min(self.remaining);
        core::iter::once(self.current).chain(self.rest.iter().skip(self.next).copied()).map_while(move |piece| {
            let piece = piece.truncate(left);
            left -= piece.len;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

macro_rules! segments_api {
    ($type:ident) => {
        impl $type<'_> {
            /// One piece of program memory.
            pub fn user(slice: UserSlice) -> Self {
                Self { segments: Segments::one(slice.addr, slice.len), buffer: PhantomData }
            }

            /// Several pieces of program memory, in order.
            pub fn user_vector(pieces: Vec<UserSlice>) -> Self {
                Self { segments: Segments::many(pieces), buffer: PhantomData }
            }

            /// Bytes not yet transferred.
            pub fn remaining(&self) -> usize {
                self.segments.remaining
            }

            /// Whether all is transferred.
            pub fn is_empty(&self) -> bool {
                self.segments.remaining == 0
            }

            /// Counts `count` bytes as transferred.
            pub fn advance(&mut self, count: usize) {
                self.segments.advance(count);
            }

            /// The pieces that the next `max` bytes lie in, for an OCall.
            pub(crate) fn pieces(&self, max: usize) -> impl Iterator<Item = UserSlice> {
                self.segments.pieces(max)
            }

            /// Drops all behind the next `len` bytes.
            pub fn truncate(&mut self, len: usize) {
                if len < self.segments.remaining {
                    let pieces: Vec<UserSlice> = self.segments.pieces(len).collect();
                    self.segments = Segments::many(pieces);
                }
            }
        }
    };
}

segments_api!(Sink);
segments_api!(Source);

impl<'a> Sink<'a> {
    /// A buffer of the LibOS.
    pub fn buffer(buffer: &'a mut [u8]) -> Self {
        Self { segments: Segments::one(buffer.as_mut_ptr() as usize, buffer.len()), buffer: PhantomData }
    }

    /// Copies as much of `src` as has room.
    ///
    /// # Errors
    /// `EFAULT` if not even the first byte can be written.
    pub fn put(&mut self, src: &[u8]) -> Result<usize> {
        self.segments.each(src.len(), |piece, done| {
            // SAFETY: the piece is program memory under fault recovery, or the buffer borrowed for `'a`.
            unsafe { copy(piece.addr as *mut u8, src[done..].as_ptr(), piece.len) }
        })
    }

    /// Writes at most `count` zeroes.
    ///
    /// # Errors
    /// `EFAULT` if not even the first byte can be written.
    pub fn put_zeroes(&mut self, count: usize) -> Result<usize> {
        self.segments.each(count, |piece, _| {
            // SAFETY: as in `put`.
            unsafe { fill(piece.addr as *mut u8, 0, piece.len) }
        })
    }
}

impl<'a> Source<'a> {
    /// A buffer of the LibOS.
    pub fn buffer(buffer: &'a [u8]) -> Self {
        Self { segments: Segments::one(buffer.as_ptr() as usize, buffer.len()), buffer: PhantomData }
    }

    /// Fills as much of `dst` as there is.
    ///
    /// # Errors
    /// `EFAULT` if not even the first byte can be read.
    pub fn take(&mut self, dst: &mut [u8]) -> Result<usize> {
        self.segments.each(dst.len(), |piece, done| {
            // SAFETY: `dst` has room for the piece; the piece is program memory under fault recovery, or borrowed for `'a`.
            unsafe { copy(dst[done..].as_mut_ptr(), piece.addr as *const u8, piece.len) }
        })
    }

    /// All that is left, as one buffer; the caller bounds the length.
    ///
    /// # Errors
    /// `EFAULT` if not all can be read.
    pub fn take_all(&mut self) -> Result<Vec<u8>> {
        let mut bytes = alloc::vec![0; self.remaining()];
        let count = self.take(&mut bytes)?;
        if count == bytes.len() { Ok(bytes) } else { Err(FAULT) }
    }
}

/// For each routine that may fault: where a fault in it goes on.
pub(crate) fn recovery_address(rip: usize) -> Option<usize> {
    let ranges: [(*const u8, *const u8, *const u8); 4] = [
        (&raw const enclos_copy_start, &raw const enclos_copy_string, &raw const enclos_copy_string),
        (&raw const enclos_copy_string, &raw const enclos_copy_end, &raw const enclos_copy_end),
        (&raw const enclos_word_start, &raw const enclos_word_end, &raw const enclos_word_fault),
        (&raw const enclos_vector_start, &raw const enclos_vector_end, &raw const enclos_word_fault),
    ];
    ranges
        .into_iter()
        .find(|&(start, end, _)| (Range { start: start as usize, end: end as usize }).contains(&rip))
        .map(|(_, _, recovery)| recovery as usize)
}

unsafe extern "C" {
    static enclos_copy_start: u8;
    static enclos_copy_string: u8;
    static enclos_copy_end: u8;
    static enclos_word_start: u8;
    static enclos_word_end: u8;
    static enclos_word_fault: u8;
    static enclos_vector_start: u8;
    static enclos_vector_end: u8;
}

/// Up to so many bytes are copied by vectors: a string move needs longer to begin than those to end.
const SHORT: usize = 512;

/// Copies `len` bytes; gives how many are left after a fault. Moves of vectors may overlap. If one of them faults, a string
/// move finds out where.
#[unsafe(naked)]
unsafe extern "C" fn copy(dst: *mut u8, src: *const u8, len: usize) -> usize {
    naked_asm!(
        "mov rcx, rdx",
        ".globl enclos_copy_start",
        "enclos_copy_start:",
        "cmp rdx, 16",
        "jbe 2f",
        "cmp rdx, 64",
        "ja 4f",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "cmp rdx, 32",
        "jbe 1f",
        "movups xmm2, [rsi + 16]",
        "movups xmm3, [rsi + rdx - 32]",
        "movups [rdi + 16], xmm2",
        "movups [rdi + rdx - 32], xmm3",
        "1:",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "xor ecx, ecx",
        "jmp enclos_copy_end",
        "2:",
        "cmp edx, 8",
        "jb 3f",
        "mov rax, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rax",
        "mov [rdi + rdx - 8], r8",
        "xor ecx, ecx",
        "jmp enclos_copy_end",
        "3:",
        "cmp edx, 4",
        "jb enclos_copy_string",
        "mov eax, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], eax",
        "mov [rdi + rdx - 4], r8d",
        "xor ecx, ecx",
        "jmp enclos_copy_end",
        "4:",
        "cmp rdx, {short}",
        "ja enclos_copy_string",
        "lea r8, [rdx - 32]",
        "xor eax, eax",
        "5:",
        "movups xmm0, [rsi + rax]",
        "movups xmm1, [rsi + rax + 16]",
        "movups [rdi + rax], xmm0",
        "movups [rdi + rax + 16], xmm1",
        "add rax, 32",
        "cmp rax, r8",
        "jb 5b",
        "movups xmm0, [rsi + r8]",
        "movups xmm1, [rsi + r8 + 16]",
        "movups [rdi + r8], xmm0",
        "movups [rdi + r8 + 16], xmm1",
        "xor ecx, ecx",
        "jmp enclos_copy_end",
        ".globl enclos_copy_string",
        "enclos_copy_string:",
        "rep movsb",
        "jmp enclos_copy_end",
        ".globl enclos_fill",
        "enclos_fill:",
        "mov rcx, rdx",
        "mov eax, esi",
        "rep stosb",
        ".globl enclos_copy_end",
        "enclos_copy_end:",
        "mov rax, rcx",
        "ret",
        short = const SHORT,
    )
}

unsafe extern "C" {
    #[link_name = "enclos_fill"]
    fn fill(dst: *mut u8, byte: u32, len: usize) -> usize;
}

/// Loads a word; gives 0, or 1 after a fault.
#[unsafe(naked)]
unsafe extern "C" fn load_u32(src: *const u32, value: *mut u32) -> usize {
    naked_asm!(
        ".globl enclos_word_start",
        "enclos_word_start:",
        "mov eax, [rdi]",
        "jmp 1f",
        ".globl enclos_cmpxchg",
        "enclos_cmpxchg:",
        "mov eax, [rsi]",
        "lock cmpxchg [rdi], edx",
        ".globl enclos_word_end",
        "enclos_word_end:",
        "1:",
        "mov [rsi], eax",
        "xor eax, eax",
        "ret",
        ".globl enclos_word_fault",
        "enclos_word_fault:",
        "mov eax, 1",
        "ret",
    )
}

unsafe extern "C" {
    /// Compares and exchanges; `seen` holds the expected word before and the found one after. Gives 0, or 1 after a fault.
    #[link_name = "enclos_cmpxchg"]
    fn cmpxchg_u32(dst: *mut u32, seen: *mut u32, new: u32) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_bytes_and_no_more() {
        let src: Vec<u8> = (0..600).map(|index| (index % 255) as u8 + 1).collect();
        for len in 0..=src.len() {
            let mut dst = [0; 640];
            // SAFETY: both have room for it.
            let left = unsafe { copy(dst[8..].as_mut_ptr(), src.as_ptr(), len) };
            assert_eq!(left, 0);
            assert_eq!(dst[8..8 + len], src[..len]);
            assert!(dst[..8].iter().chain(&dst[8 + len..]).all(|&byte| byte == 0), "{len} bytes");
        }
    }
}
