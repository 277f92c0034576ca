//! Unix sockets (`man 7 unix`).
//!
//! - [`ConnectionSocket`]: stream and sequential-packet sockets. Fresh, it becomes a [`Listener`] or an [`Endpoint`] for good;
//! - [`DatagramSocket`];
//! - [`Base`]: what both have, its name and options; [`Side`]: what other sockets know of one;
//! - [`Ancillary`]: what travels beside the bytes; [`in_flight`]: what becomes of files that never arrive;
//! - [`namespace`]: which socket has which name.
//!
//! A socket is owned by the open file that it is. Others know it weakly, or by the ends of its channels and its side. So
//! nothing but open files, and messages under way, keeps a socket alive.
//!
//! Lock order: a socket's transition, a channel's turn, its items, a message's files. The table of names is locked alone.

mod ancillary;
mod base;
mod connection;
mod credentials;
mod datagram;
mod endpoint;
pub mod in_flight;
mod kind;
mod list;
mod listener;
mod name;
mod namespace;
mod packet;
mod side;

pub use ancillary::Ancillary;
pub use base::{Base, NameCell};
pub use connection::ConnectionSocket;
pub use credentials::{Identity, Ucred};
pub use datagram::DatagramSocket;
pub use endpoint::Endpoint;
pub use kind::Kind;
pub use list::list;
pub use listener::Listener;
pub use name::Name;
pub use side::Side;

use crate::fs::{File, StatusFlags};
use crate::net::node::Node;
use crate::prelude::*;
use crate::process::Thread;

/// A Unix socket of any type, as other sockets see it.
pub trait AnySocket: Send + Sync {
    /// What all types share.
    fn base(&self) -> &Base;

    /// Looks at what the messages carry that are in its queues.
    fn visit_queued(&self, visit: &mut dyn FnMut(&Ancillary));

    /// `St` in `/proc/net/unix`, and whether it listens.
    fn state(&self) -> (u8, bool);

    /// The socket, if it's one that connects.
    fn as_connection(&self) -> Option<&ConnectionSocket> {
        None
    }

    /// The socket, if it's one of datagrams.
    fn as_datagram(self: Arc<Self>) -> Option<Arc<DatagramSocket>> {
        None
    }
}

/// The Unix socket that a file is, if it is one.
fn any_socket(file: &dyn File) -> Option<Arc<dyn AnySocket>> {
    if let Some(socket) = file.downcast_ref::<ConnectionSocket>() {
        return Some(socket.me()?);
    }
    Some(file.downcast_ref::<DatagramSocket>()?.me()?)
}

/// What tells the Unix socket that a file is from others, if it is one.
fn address_of(file: &dyn File) -> Option<usize> {
    let connection = file.downcast_ref::<ConnectionSocket>().map(|socket| core::ptr::from_ref(socket).addr());
    connection.or_else(|| file.downcast_ref::<DatagramSocket>().map(|socket| core::ptr::from_ref(socket).addr()))
}

/// A socket.
pub fn create(thread: &Thread, kind: Kind, status: StatusFlags) -> Arc<dyn File> {
    let base = Base::new(kind, status, Node::new(&thread.credentials()));
    match kind {
        Kind::Datagram => DatagramSocket::new(base),
        Kind::Stream | Kind::SeqPacket => ConnectionSocket::new(base),
    }
}

/// Two sockets that are connected with each other.
pub fn pair(thread: &Thread, kind: Kind, status: StatusFlags) -> [Arc<dyn File>; 2] {
    let [one, other] = [(); 2].map(|()| Base::new(kind, status, Node::new(&thread.credentials())));
    match kind {
        Kind::Datagram => {
            DatagramSocket::pair([one, other], &Identity::of(thread)).map(|file| -> Arc<dyn File> { file })
        }
        Kind::Stream | Kind::SeqPacket => {
            ConnectionSocket::pair([one, other], &Identity::of(thread)).map(|file| -> Arc<dyn File> { file })
        }
    }
}
