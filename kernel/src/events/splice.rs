//! Moving pages between channels and files without copying their bytes twice.

use super::bytes::{Blocking, CHUNK_SIZE, Chunk, ChunkKind};
use super::channel::{Consumer, Producer};
use crate::prelude::*;

/// What becomes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It's consumed (`splice`).
    Moved,
    /// It stays (`tee`).
    Kept,
}

/// Hands at most `len` bytes on from one channel to another; the pages themselves move, or are shared. 0 at the end.
///
/// # Errors
/// `EPIPE`, `EAGAIN`, `ERESTARTSYS`.
pub fn hand_on(
    from: &Consumer<Chunk>,
    to: &Producer<Chunk>,
    len: usize,
    blocking: Blocking,
    input: Input,
) -> Result<usize> {
    loop {
        if !to.channel().has_consumers() {
            bail!(EPIPE, "nobody reads the pipe");
        }
        // Asked before the look: the last one may write, and leave then.
        let is_over = !from.channel().has_producers();
        let total = hand_on_now(from, to, len, input);
        if total > 0 {
            to.announce();
            if input == Input::Moved {
                from.wake_producer();
            }
            return Ok(total);
        }
        let is_empty = from.channel().with_items(VecDeque::is_empty);
        if is_empty && is_over {
            return Ok(0);
        }
        if blocking == Blocking::DontWait {
            bail!(EAGAIN, "the one pipe is empty, or the other full");
        }
        let deadline = blocking.deadline();
        let waited = if is_empty { from.wait_for_items(deadline) } else { to.wait_for_room(deadline) };
        waited.map_err(|error| blocking.error(error))?;
    }
}

fn hand_on_now(from: &Consumer<Chunk>, to: &Producer<Chunk>, len: usize, input: Input) -> usize {
    let taking = from.turn();
    let giving = to.turn_after(&taking);
    let room = to.room(&giving);
    let mut handed = Vec::new();
    let mut total = 0;
    let mut was_full = false;
    match input {
        Input::Kept => from.channel().with_items(|chunks| {
            for chunk in chunks.iter().take(room) {
                if total == len {
                    break;
                }
                let part = chunk.truncated(len - total);
                total += part.len();
                handed.push(part);
            }
        }),
        Input::Moved => {
            while handed.len() < room && total < len {
                let Some(mut chunk) = from.pop_held(&taking) else { break };
                let part = chunk.truncated(len - total);
                total += part.len();
                chunk.advance(part.len());
                handed.push(part);
                if chunk.is_empty() {
                    was_full |= from.release();
                } else {
                    from.put_back(&taking, chunk);
                }
            }
        }
    }
    if !handed.is_empty() {
        to.push_all(&giving, handed);
    }
    drop((giving, taking));
    if was_full {
        from.announce_room();
    }
    total
}

impl Consumer<Chunk> {
    /// Gives at most `len` bytes to `write`, page by page, with nothing locked; it gives how many it took. 0 at the end.
    ///
    /// # Errors
    /// `EAGAIN`, `ERESTARTSYS`, and what `write` gives, if there's nothing before.
    pub fn drain(
        &self,
        len: usize,
        blocking: Blocking,
        mut write: impl FnMut(&[u8]) -> Result<usize>,
    ) -> Result<usize> {
        let mut held = self.hold(len, blocking)?;
        let mut total = 0;
        let mut outcome = Ok(());
        let mut was_full = false;
        while let Some(mut chunk) = held.pop_front() {
            let bytes = chunk.truncated(len - total);
            match write(bytes.bytes()) {
                Ok(count) => {
                    total += count;
                    chunk.advance(count);
                    if chunk.is_empty() {
                        was_full |= self.release();
                        continue;
                    }
                }
                Err(error) => outcome = Err(error),
            }
            held.push_front(chunk);
            break;
        }
        {
            let turn = self.turn();
            while let Some(chunk) = held.pop_back() {
                self.put_back(&turn, chunk);
            }
        }
        self.wake_producer();
        if was_full {
            self.announce_room();
        }
        if total > 0 { Ok(total) } else { outcome.map(|()| 0) }
    }

    /// Takes chunks out, whole, until there are `len` bytes, or waits for the first. Their slots stay occupied.
    fn hold(&self, len: usize, blocking: Blocking) -> Result<VecDeque<Chunk>> {
        loop {
            let is_over = !self.channel().has_producers();
            let mut held = VecDeque::new();
            {
                let turn = self.turn();
                let mut total = 0;
                while total < len
                    && let Some(chunk) = self.pop_held(&turn)
                {
                    total += chunk.len();
                    held.push_back(chunk);
                }
            }
            if !held.is_empty() || is_over {
                return Ok(held);
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "the pipe is empty");
            }
            self.wait_for_items(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }
}

impl Producer<Chunk> {
    /// Fills pages by `read`, with nothing locked, as far as there's room and at most with `len` bytes; `read` gives 0 at
    /// the end, or less than there's room for when it has no more now.
    ///
    /// # Errors
    /// `EPIPE`, `EAGAIN`, `ERESTARTSYS`, and what `read` gives, if there's nothing before.
    pub fn fill_from(
        &self,
        len: usize,
        blocking: Blocking,
        mut read: impl FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<usize> {
        let room = self.room_for_some(blocking)?;
        let mut chunks = VecDeque::new();
        let mut total = 0;
        while chunks.len() < room && total < len {
            let wanted = (len - total).min(CHUNK_SIZE);
            let chunk = match Chunk::filled(|page| read(&mut page[..wanted])) {
                Ok(chunk) => chunk,
                Err(error) if total == 0 => return Err(error),
                Err(_) => break,
            };
            let count = chunk.len();
            total += count;
            if count > 0 {
                chunks.push_back(chunk);
            }
            if count < wanted {
                break;
            }
        }
        // Others may have taken the room meanwhile; what was read isn't given up for that.
        while !chunks.is_empty() {
            let room = self.room_for_some(Blocking::Wait)?;
            let turn = self.turn();
            let room = self.room(&turn).min(room).min(chunks.len());
            self.push_all(&turn, chunks.drain(..room));
        }
        self.announce();
        Ok(total)
    }

    /// Writes what there's room for, or waits until there's some.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_what_fits(&self, source: &mut Source<'_>, blocking: Blocking) -> Result<usize> {
        if source.is_empty() {
            return Ok(0);
        }
        self.room_for_some(blocking)?;
        self.write(source, ChunkKind::Stream, Blocking::DontWait)
    }

    /// Waits until there's room; gives how many slots.
    fn room_for_some(&self, blocking: Blocking) -> Result<usize> {
        loop {
            if !self.channel().has_consumers() {
                bail!(EPIPE, "nobody reads the pipe");
            }
            let room = self.room(&self.turn());
            if room > 0 {
                return Ok(room);
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "the pipe is full");
            }
            self.wait_for_room(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }
}
