//! A socket that others connect to.

use super::{ConnectionSocket, Identity, Side};
use crate::events::{Blocking, Channel, Consumer, IoEvents, Producer};
use crate::net::Shutdown;
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, Ordering};

/// The connections that are there to be accepted. Each is the socket that `accept` will give.
pub struct Listener {
    incoming: Consumer<Arc<ConnectionSocket>>,
    outgoing: Producer<Arc<ConnectionSocket>>,
    /// Who listens.
    pub identity: Identity,
    /// Both ways are shut.
    hangs_up: AtomicBool,
}

/// How many may wait: one more than was asked for, of which no more than this (`/proc/sys/net/core/somaxconn`).
fn slots(backlog: i32) -> usize {
    const MAX_BACKLOG: u32 = 4096;
    (backlog as u32).min(MAX_BACKLOG) as usize + 1
}

impl Listener {
    /// A listener with room for this many.
    pub fn new(backlog: i32, identity: Identity, side: &Arc<Side>) -> Self {
        let (outgoing, incoming) = Channel::pair(slots(backlog));
        side.observe(incoming.notifier());
        Self { incoming, outgoing, identity, hangs_up: AtomicBool::new(false) }
    }

    /// Changes how many may wait.
    pub fn set_backlog(&self, backlog: i32) {
        self.incoming.channel().resize(slots(backlog));
    }

    /// Where connections are put in.
    pub fn entrance(&self) -> &Producer<Arc<ConnectionSocket>> {
        &self.outgoing
    }

    /// Takes a connection, or waits for one.
    ///
    /// # Errors
    /// `EINVAL` if it was shut, `EAGAIN`, `EINTR`, `ERESTARTSYS`.
    pub fn accept(&self, blocking: Blocking) -> Result<Arc<ConnectionSocket>> {
        loop {
            if let Some(socket) = self.incoming.pop() {
                return Ok(socket);
            }
            if self.incoming.channel().is_shut() {
                bail!(EINVAL, "the socket was shut");
            }
            if blocking == Blocking::DontWait {
                bail!(EAGAIN, "nobody has connected");
            }
            self.incoming.wait_for_items(blocking.deadline()).map_err(|error| blocking.error(error))?;
        }
    }

    /// Nobody can connect any more, if nothing shall be read.
    pub fn shut(&self, how: Shutdown) {
        if how.ends_reading() {
            self.hangs_up.fetch_or(how == Shutdown::Both, Ordering::SeqCst);
            self.incoming.channel().shut();
        }
    }

    /// What it's ready for.
    pub fn poll(&self) -> IoEvents {
        let is_shut = self.incoming.channel().is_shut();
        (self.incoming.poll() & IoEvents::READABLE)
            | (IoEvents::READABLE | IoEvents::POLLRDHUP).when(is_shut)
            | IoEvents::POLLHUP.when(self.hangs_up.load(Ordering::SeqCst))
    }

    /// Calls `visit` for each that waits.
    pub fn visit_waiting(&self, visit: &mut dyn FnMut(&ConnectionSocket)) {
        self.incoming.channel().with_items(|sockets| sockets.iter().for_each(|socket| visit(socket)));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Who waits for room may have the channel still.
        self.incoming.channel().shut();
        while self.incoming.pop().is_some() {}
    }
}
