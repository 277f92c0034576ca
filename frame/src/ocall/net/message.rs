//! Sending and receiving.

use super::address::{HostAddress, MAX_ADDRESS};
use super::socket::HostSocket;
use crate::errno::{Errno, Error, Result};
use crate::host;
use crate::ocall::file::{MAX_TRANSFER, iovecs};
use crate::user::{Sink, Source, UserSlice};
use linux_raw_sys::general::{__NR_recvfrom, __NR_recvmsg, __NR_sendmsg, __NR_sendto};

/// `MSG_*` flags that mean something to the gate itself.
const MSG_TRUNC: u32 = 0x20;
const MSG_NOSIGNAL: u32 = 0x4000;

/// What goes with the bytes of a message that is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outgoing<'a> {
    /// A `struct sockaddr`; empty for the peer.
    pub address: &'a [u8],
    /// Control messages.
    pub control: &'a [u8],
    /// `MSG_*`.
    pub flags: u32,
}

/// What is wanted with the bytes of a message that is received.
#[derive(Debug, Default)]
pub struct Incoming<'a> {
    /// Where control messages go.
    pub control: &'a mut [u8],
    /// `MSG_*`.
    pub flags: u32,
}

/// What came with the bytes of a message.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The length; with `MSG_TRUNC` asked for, all of the message's, more than there was room for.
    pub len: usize,
    /// Who sent it, if the host says so.
    pub address: Option<HostAddress>,
    /// How many bytes of control messages there are.
    pub control_len: usize,
    /// `MSG_*`.
    pub flags: u32,
}

/// `struct msghdr`.
#[repr(C)]
struct Header {
    address: usize,
    address_len: u32,
    pieces: usize,
    piece_count: usize,
    control: usize,
    control_len: usize,
    flags: u32,
}

impl HostSocket {
    /// Sends. A broken pipe sends no signal. May sleep.
    ///
    /// # Errors
    /// `ERESTARTSYS` when the thread is wanted; what `sendmsg(2)` gives.
    pub fn send(&self, source: &mut Source<'_>, message: Outgoing<'_>) -> Result<usize> {
        let flags = (message.flags | MSG_NOSIGNAL) as usize;
        let (address, address_len) = parts(message.address);
        let count = match single(source.pieces(MAX_TRANSFER)) {
            Some((addr, len)) if message.control.is_empty() => {
                let args = [self.raw(), addr, len, flags, address, address_len];
                // SAFETY: the host only reads the piece and the address.
                unsafe { host::call_blocking(__NR_sendto, args)? }
            }
            _ => {
                let pieces = iovecs(source.pieces(MAX_TRANSFER));
                let (control, control_len) = parts(message.control);
                let header = Header {
                    address,
                    address_len: address_len as u32,
                    pieces: pieces.as_ptr() as usize,
                    piece_count: pieces.len(),
                    control,
                    control_len,
                    flags: 0,
                };
                let args = [self.raw(), &raw const header as usize, flags, 0, 0, 0];
                // SAFETY: the host only reads the header and what it points to.
                unsafe { host::call_blocking(__NR_sendmsg, args)? }
            }
        };
        if count > source.remaining() {
            return Err(Error::new(Errno::EIO, "the host sent more than was asked"));
        }
        source.advance(count);
        Ok(count)
    }

    /// Receives the bytes alone. May sleep.
    ///
    /// # Errors
    /// As for [`receive_message`](Self::receive_message).
    pub fn receive(&self, sink: &mut Sink<'_>, flags: u32) -> Result<usize> {
        let Some((addr, len)) = single(sink.pieces(MAX_TRANSFER)) else {
            return Ok(self.receive_message(sink, Incoming { control: &mut [], flags })?.len);
        };
        let args = [self.raw(), addr, len, flags as usize, 0, 0];
        // SAFETY: the piece is program memory, or a buffer that the sink borrows.
        let count = unsafe { host::call_blocking(__NR_recvfrom, args)? };
        let count = check_len(count, len, flags)?;
        sink.advance(count.min(len));
        Ok(count)
    }

    /// Receives a message with all that comes with it. May sleep.
    ///
    /// # Errors
    /// `ERESTARTSYS` when the thread is wanted; `EIO` for an answer that can't be; what `recvmsg(2)` gives.
    pub fn receive_message(&self, sink: &mut Sink<'_>, wanted: Incoming<'_>) -> Result<Received> {
        let mut address = HostAddress::room();
        let pieces = iovecs(sink.pieces(MAX_TRANSFER));
        let room: usize = pieces.iter().map(|[_, len]| len).sum();
        let mut header = Header {
            address: address.as_mut_ptr() as usize,
            address_len: MAX_ADDRESS as u32,
            pieces: pieces.as_ptr() as usize,
            piece_count: pieces.len(),
            control: wanted.control.as_mut_ptr() as usize,
            control_len: wanted.control.len(),
            flags: 0,
        };
        let args = [self.raw(), &raw mut header as usize, wanted.flags as usize, 0, 0, 0];
        // SAFETY: the host writes within the address, the control buffer and the pieces, which are program memory or a
        // buffer that the sink borrows, and updates the header.
        let count = unsafe { host::call_blocking(__NR_recvmsg, args)? };
        let len = check_len(count, room, wanted.flags)?;
        if header.control_len > wanted.control.len() {
            return Err(Error::new(Errno::EIO, "the host gave more control data than there was room for"));
        }
        let address = HostAddress::checked(self.domain(), address, header.address_len as usize)?;
        sink.advance(len.min(room));
        Ok(Received { len, address, control_len: header.control_len, flags: header.flags })
    }
}

/// A buffer's address and length; NULL for nothing.
fn parts(bytes: &[u8]) -> (usize, usize) {
    if bytes.is_empty() { (0, 0) } else { (bytes.as_ptr() as usize, bytes.len()) }
}

/// The only piece, if there's no other one.
fn single(mut pieces: impl Iterator<Item = UserSlice>) -> Option<(usize, usize)> {
    let first = pieces.next().map_or((0, 0), |piece| (piece.addr(), piece.len()));
    pieces.next().is_none().then_some(first)
}

/// A length that may have been received.
fn check_len(count: usize, room: usize, flags: u32) -> Result<usize> {
    let most = if flags & MSG_TRUNC == 0 { room } else { MAX_TRANSFER };
    if count <= most { Ok(count) } else { Err(Error::new(Errno::EIO, "the host received more than was asked")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_room_is_refused_unless_the_whole_length_was_asked_for() {
        assert_eq!(check_len(4, 4, 0), Ok(4));
        assert_eq!(check_len(5, 4, 0).unwrap_err().errno(), Errno::EIO);
        assert_eq!(check_len(5, 4, MSG_TRUNC), Ok(5));
        assert_eq!(check_len(usize::MAX, 4, MSG_TRUNC).unwrap_err().errno(), Errno::EIO);
    }
}
