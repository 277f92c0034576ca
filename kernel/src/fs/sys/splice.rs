//! `splice(2)`, `tee(2)` and `vmsplice(2)`.

use super::transfer::{Offset, pieces, readable, writable, write_to};
use crate::events::{Blocking, Input, IoEvents, hand_on};
use crate::flags_arg;
use crate::fs::pipe::PipeFile;
use crate::fs::{File, FileType, StatusFlags};
use crate::prelude::*;
use crate::signal;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use bitflags::bitflags;

bitflags! {
    /// Flags of `splice` and its kin; all but one are hints.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SpliceFlags: u32 {
        /// `SPLICE_F_MOVE`.
        const SPLICE_F_MOVE = 1;
        /// `SPLICE_F_NONBLOCK`.
        const SPLICE_F_NONBLOCK = 2;
        /// `SPLICE_F_MORE`.
        const SPLICE_F_MORE = 4;
        /// `SPLICE_F_GIFT`.
        const SPLICE_F_GIFT = 8;
    }
}
flags_arg!(SpliceFlags);

impl SpliceFlags {
    /// What a transfer does when it can't go on, by the flags and the pipes' own status.
    fn blocking(self, pipes: &[&PipeFile]) -> Blocking {
        if self.contains(Self::SPLICE_F_NONBLOCK) || pipes.iter().any(|pipe| pipe.blocking() == Blocking::DontWait) {
            Blocking::DontWait
        } else {
            Blocking::Wait
        }
    }
}

fn as_pipe(file: &dyn File) -> Option<&PipeFile> {
    file.downcast_ref()
}

/// `splice(2)`.
pub fn splice(
    cx: Context<'_>,
    input: FileDesc,
    in_offset: UserPtr<i64>,
    out: FileDesc,
    out_offset: UserPtr<i64>,
    count: usize,
    flags: SpliceFlags,
) -> Result<usize> {
    if count == 0 {
        return Ok(0);
    }
    let source = readable(&cx, input)?;
    let target = writable(&cx, out)?;
    let pipes = (as_pipe(&*source), as_pipe(&*target));
    if pipes.0.is_some() && !in_offset.is_null() || pipes.1.is_some() && !out_offset.is_null() {
        bail!(ESPIPE, "a pipe has no offsets");
    }
    for (file, offset) in [(&source, in_offset), (&target, out_offset)] {
        if !offset.is_null() && file.metadata()?.kind == FileType::Socket {
            bail!(EINVAL, "a socket has no offsets");
        }
    }
    match pipes {
        (Some(from), Some(to)) => {
            if from.is_same_pipe(to) {
                bail!(EINVAL, "the same pipe twice");
            }
            let result = between(from, to, count, flags.blocking(&[from, to]), Input::Moved);
            signal::raise_if_broken_pipe(cx.thread, result)
        }
        (Some(from), None) => {
            if target.status().contains(StatusFlags::O_APPEND) {
                bail!(EINVAL, "the output appends");
            }
            let mut offset = Offset::read(out_offset)?;
            let consumer = from.consumer().ok_or(Errno::EBADF)?;
            let written = consumer.drain(count, flags.blocking(&[from]), |bytes| {
                let written = write_to(cx.thread, &*target, &mut Source::buffer(bytes), offset.at)?;
                offset.advance(written);
                Ok(written)
            })?;
            offset.write_back()?;
            Ok(written)
        }
        (None, Some(to)) => {
            let mut offset = Offset::read(in_offset)?;
            let producer = to.producer().ok_or(Errno::EBADF)?;
            let mut total = 0;
            let read = producer.fill_from(count, flags.blocking(&[to]), |page| {
                if total > 0 && !source.poll().intersects(IoEvents::READABLE) {
                    // What there is now is enough; a socket may be waited for long.
                    return Ok(0);
                }
                let sink = &mut Sink::buffer(page);
                let read = match offset.at {
                    Some(at) => source.read_at(at, sink)?,
                    None => source.read(sink)?,
                };
                offset.advance(read);
                total += read;
                Ok(read)
            });
            let read = signal::raise_if_broken_pipe(cx.thread, read)?;
            offset.write_back()?;
            Ok(read)
        }
        (None, None) => Err(err!(EINVAL, "neither is a pipe")),
    }
}

fn between(from: &PipeFile, to: &PipeFile, count: usize, blocking: Blocking, input: Input) -> Result<usize> {
    let consumer = from.consumer().ok_or(Errno::EBADF)?;
    let producer = to.producer().ok_or(Errno::EBADF)?;
    hand_on(consumer, producer, count, blocking, input)
}

/// `tee(2)`.
pub fn tee(cx: Context<'_>, input: FileDesc, out: FileDesc, count: usize, flags: SpliceFlags) -> Result<usize> {
    if count == 0 {
        return Ok(0);
    }
    let source = readable(&cx, input)?;
    let target = writable(&cx, out)?;
    let (Some(from), Some(to)) = (as_pipe(&*source), as_pipe(&*target)) else { bail!(EINVAL, "not two pipes") };
    if from.is_same_pipe(to) {
        bail!(EINVAL, "the same pipe twice");
    }
    signal::raise_if_broken_pipe(cx.thread, between(from, to, count, flags.blocking(&[from, to]), Input::Kept))
}

/// `vmsplice(2)`: the bytes are copied, so the program may change its memory afterwards.
pub fn vmsplice(
    cx: Context<'_>,
    fd: FileDesc,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    flags: SpliceFlags,
) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let pieces = pieces(vector, count)?;
    let pipe = as_pipe(&*file).ok_or(err!(EBADF, "not a pipe"))?;
    let blocking = flags.blocking(&[]);
    if let Some(producer) = pipe.producer() {
        signal::raise_if_broken_pipe(cx.thread, producer.write_what_fits(&mut Source::user_vector(pieces), blocking))
    } else {
        pipe.consumer().ok_or(Errno::EBADF)?.read(&mut Sink::user_vector(pieces), blocking)
    }
}
