//! What a file is ready for.

use bitflags::bitflags;

bitflags! {
    /// What a file is ready for (`man 2 poll`, `man 2 epoll_ctl`, whose numbers are the same).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct IoEvents: u16 {
        /// Something can be read, or the end is reached.
        const POLLIN = 0x1;
        /// There is an exceptional condition.
        const POLLPRI = 0x2;
        /// Something can be written.
        const POLLOUT = 0x4;
        /// There is an error.
        const POLLERR = 0x8;
        /// The other end is closed.
        const POLLHUP = 0x10;
        /// The descriptor isn't open.
        const POLLNVAL = 0x20;
        /// As `POLLIN`.
        const POLLRDNORM = 0x40;
        /// Priority data can be read.
        const POLLRDBAND = 0x80;
        /// As `POLLOUT`.
        const POLLWRNORM = 0x100;
        /// Priority data can be written.
        const POLLWRBAND = 0x200;
        /// Unused by Linux.
        const POLLMSG = 0x400;
        /// The other end won't write any more.
        const POLLRDHUP = 0x2000;
    }
}

impl IoEvents {
    /// What is reported unasked.
    pub const ALWAYS: Self = Self::POLLERR.union(Self::POLLHUP);
    /// What can be read.
    pub const READABLE: Self = Self::POLLIN.union(Self::POLLRDNORM);
    /// What can be written.
    pub const WRITABLE: Self = Self::POLLOUT.union(Self::POLLWRNORM);
    /// What is always ready, such as a regular file.
    pub const READY: Self = Self::READABLE.union(Self::WRITABLE);

    /// These events if the condition holds, else none.
    #[must_use]
    pub fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::empty() }
    }
}
