//! Channels of bytes: items are pages, as in Linux's pipes.

use super::channel::{Consumer, Producer};
use crate::prelude::*;
use core::any::Any;
use frame::sync::{Deadline, WaitError};

/// Bytes of a page, which one item holds at most.
pub const CHUNK_SIZE: usize = 4096;

type Page = [u8; CHUNK_SIZE];

/// Bytes in a channel. The page is shared by what `tee` copies; its bytes don't change while they're in a channel.
#[derive(Clone)]
pub struct Chunk {
    page: Arc<Page>,
    start: usize,
    end: usize,
    kind: ChunkKind,
    attachment: Option<Attachment>,
}

/// What travels with bytes. Bytes with different attachments aren't put into one chunk.
pub type Attachment = Arc<dyn Any + Send + Sync>;

/// How bytes that were written together are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// As part of a stream.
    Stream,
    /// As a packet (`O_DIRECT` in `man 2 pipe`): not together with others, and what isn't read of it is dropped.
    Packet,
}

/// What a transfer does when it can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// Wait.
    Wait,
    /// Give `EAGAIN`.
    DontWait,
    /// Wait until then, and give `EAGAIN` if it passes.
    Until(Deadline),
}

impl Blocking {
    /// When a wait ends.
    pub fn deadline(self) -> Option<Deadline> {
        match self {
            Self::Until(deadline) => Some(deadline),
            Self::Wait | Self::DontWait => None,
        }
    }

    /// What a call gives whose wait ended so: with a time limit of its own it isn't restarted (`man 7 signal`).
    pub fn error(self, error: WaitError) -> Error {
        match (error, self) {
            (WaitError::TimedOut, _) => err!(EAGAIN, "the time is over"),
            (WaitError::Interrupted, Self::Until(_)) => Errno::EINTR.into(),
            (WaitError::Interrupted, _) => Errno::ERESTARTSYS.into(),
        }
    }
}

impl Chunk {
    fn empty() -> Self {
        Self { page: Arc::new([0; CHUNK_SIZE]), start: 0, end: 0, kind: ChunkKind::Stream, attachment: None }
    }

    /// A page that `fill` puts bytes into; it gives how many.
    ///
    /// # Errors
    /// What `fill` gives.
    pub fn filled(fill: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<Self> {
        let mut chunk = Self::empty();
        chunk.end = fill(&mut Arc::make_mut(&mut chunk.page)[..])?.min(CHUNK_SIZE);
        Ok(chunk)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.page[self.start..self.end]
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// What travels with them.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attachment.as_ref()
    }

    /// Drops the first `count` bytes.
    pub fn advance(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// The first `count` bytes alone.
    #[must_use]
    pub fn truncated(&self, count: usize) -> Self {
        Self { end: (self.start + count).min(self.end), ..self.clone() }
    }

    /// Adds `count` bytes of a source if they fit behind these.
    fn append(
        &mut self,
        source: &mut Source<'_>,
        count: usize,
        attachment: Option<&Attachment>,
    ) -> Option<Result<usize>> {
        let is_same = match (&self.attachment, attachment) {
            (None, None) => true,
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            _ => false,
        };
        if self.kind != ChunkKind::Stream || self.end + count > CHUNK_SIZE || !is_same {
            return None;
        }
        let page = Arc::get_mut(&mut self.page)?;
        let result = source.take(&mut page[self.end..self.end + count]);
        if let Ok(count) = result {
            self.end += count;
        }
        Some(result)
    }
}

/// How many pages are filled before the consumer gets them.
const BATCH: usize = 4;

impl Producer<Chunk> {
    /// Writes all of a source. What fits into a page isn't mixed with others' bytes.
    ///
    /// # Errors
    /// `EPIPE` without a consumer, `EAGAIN`, `EFAULT`, `ERESTARTSYS`; none once something was written.
    pub fn write(&self, source: &mut Source<'_>, kind: ChunkKind, blocking: Blocking) -> Result<usize> {
        self.write_with(source, kind, blocking, None)
    }

    /// As [`write`](Self::write), with something that travels with the bytes.
    ///
    /// # Errors
    /// As there.
    pub fn write_with(
        &self,
        source: &mut Source<'_>,
        kind: ChunkKind,
        blocking: Blocking,
        attachment: Option<&Attachment>,
    ) -> Result<usize> {
        let mut total = 0;
        let result = self.write_some(source, (kind, attachment), blocking, &mut total);
        if total > 0 {
            self.announce();
            return Ok(total);
        }
        result.map(|()| 0)
    }

    fn write_some(
        &self,
        source: &mut Source<'_>,
        (kind, attachment): (ChunkKind, Option<&Attachment>),
        blocking: Blocking,
        total: &mut usize,
    ) -> Result<()> {
        while !source.is_empty() {
            {
                let turn = self.turn();
                if !self.channel().has_consumers() {
                    bail!(EPIPE, "nobody reads the pipe");
                }
                let odd = source.remaining() % CHUNK_SIZE;
                if *total == 0
                    && odd > 0
                    && kind == ChunkKind::Stream
                    && let Some(count) = self.with_last(&turn, |last| last.append(source, odd, attachment))
                {
                    *total += count?;
                }
                loop {
                    let room = self.room(&turn).min(source.remaining().div_ceil(CHUNK_SIZE)).min(BATCH);
                    if room == 0 {
                        break;
                    }
                    self.fill(&turn, source, (kind, attachment), room, total)?;
                }
            }
            if source.is_empty() {
                break;
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "the pipe is full");
            }
            if *total > 0 {
                self.announce();
            }
            self.wait_for_room(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
        Ok(())
    }

    /// Fills `count` pages and pushes them.
    fn fill(
        &self,
        turn: &super::channel::Turn<'_>,
        source: &mut Source<'_>,
        (kind, attachment): (ChunkKind, Option<&Attachment>),
        count: usize,
        total: &mut usize,
    ) -> Result<()> {
        let mut chunks = self.take_spare(count);
        chunks.resize_with(count, Chunk::empty);
        let mut outcome = Ok(());
        let mut filled = 0;
        for chunk in &mut chunks {
            (chunk.start, chunk.end, chunk.kind) = (0, 0, kind);
            chunk.attachment = attachment.cloned();
            let wanted = source.remaining().min(CHUNK_SIZE);
            match source.take(&mut Arc::make_mut(&mut chunk.page)[..wanted]) {
                Ok(taken) => {
                    chunk.end = taken;
                    *total += taken;
                    filled += 1;
                    if taken < wanted {
                        outcome = Err(err!(EFAULT, "the buffer ends before its length"));
                        break;
                    }
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        chunks.truncate(filled);
        if filled > 0 {
            self.push_all(turn, chunks);
        }
        outcome
    }
}

impl Consumer<Chunk> {
    /// Reads what there is, or waits for something; 0 at the end.
    ///
    /// # Errors
    /// `EAGAIN`, `EFAULT`, `ERESTARTSYS`; none once something was read.
    pub fn read(&self, sink: &mut Sink<'_>, blocking: Blocking) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        self.consume(blocking, |chunk| {
            let count = sink.put(chunk.bytes())?;
            Ok(if sink.is_empty() { Used::Last(count) } else { Used::More(count) })
        })
    }

    /// Takes chunk after chunk, as far as `use_up` wants, or waits for the first; 0 at the end. Gives the bytes used.
    ///
    /// # Errors
    /// `EAGAIN`, `ERESTARTSYS`, and what `use_up` gives; none once something was used.
    pub fn consume(&self, blocking: Blocking, mut use_up: impl FnMut(&Chunk) -> Result<Used>) -> Result<usize> {
        loop {
            if let Some(result) = self.consume_now(&mut use_up) {
                return result;
            }
            if !self.channel().has_producers() {
                // The last one may have written before it left.
                return self.consume_now(&mut use_up).unwrap_or(Ok(0));
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "the pipe is empty");
            }
            self.wait_for_items(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }

    fn consume_now(&self, use_up: &mut impl FnMut(&Chunk) -> Result<Used>) -> Option<Result<usize>> {
        if self.is_empty() {
            return None;
        }
        let mut total = 0;
        let mut outcome = None;
        let mut was_full = false;
        {
            let turn = self.turn();
            let mut until_wake = BATCH;
            while let Some(mut chunk) = self.pop_held(&turn) {
                let (count, goes_on) = match use_up(&chunk) {
                    Ok(Used::More(count)) => (count, true),
                    Ok(Used::Last(count)) => (count, false),
                    Err(error) => {
                        self.put_back(&turn, chunk);
                        outcome = Some(Err(error));
                        break;
                    }
                };
                total += count;
                outcome = Some(Ok(()));
                let is_packet = chunk.kind == ChunkKind::Packet;
                chunk.advance(if is_packet { chunk.len() } else { count });
                if !chunk.is_empty() {
                    self.put_back(&turn, chunk);
                    break;
                }
                chunk.attachment = None;
                self.give_spare(chunk);
                was_full |= self.release();
                until_wake -= 1;
                if until_wake == 0 {
                    // A producer may go on while the rest is used.
                    self.wake_producer();
                    until_wake = BATCH;
                }
                if !goes_on || is_packet {
                    break;
                }
            }
        }
        let outcome = outcome?;
        self.wake_producer();
        if was_full {
            self.announce_room();
        }
        Some(if total > 0 { Ok(total) } else { outcome.map(|()| 0) })
    }
}

/// How much of a chunk was used, and whether more is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// This many bytes; another chunk is welcome if it was all.
    More(usize),
    /// This many bytes, and no more are wanted.
    Last(usize),
}
