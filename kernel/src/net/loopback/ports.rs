//! Who has bound which address.

use super::{DatagramSocket, StreamSocket, address};
use crate::prelude::*;
use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};

/// Ports that a socket without one gets (`ip_local_port_range`).
const EPHEMERAL: core::ops::Range<u16> = 32768..61000;

/// Sockets of one protocol by their ports.
pub(super) struct Ports<S: 'static>(Mutex<Table<S>>);

struct Table<S> {
    by_port: BTreeMap<u16, Vec<Binding<S>>>,
    next: u16,
}

/// An address with who has it.
struct Binding<S> {
    address: IpAddr,
    wish: Wish,
    socket: Weak<S>,
}

/// How an address is to be bound.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Which families it's for.
    pub(super) takes: Takes,
    /// With whom it's shared.
    pub(super) sharing: Sharing,
    /// Whether the socket listens, and so doesn't let its address be reused.
    pub(super) listens: Arc<AtomicBool>,
}

/// What an IPv6 socket takes that is bound to every address (`IPV6_V6ONLY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// IPv4, too.
    Both,
    /// Its own family.
    OwnFamily,
}

/// With whom an address is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Nobody.
    Exclusive,
    /// Others that say so, while none of them listens (`SO_REUSEADDR`).
    Reused,
    /// Others that say so (`SO_REUSEPORT`).
    Shared,
}

/// TCP's ports.
pub(super) static STREAMS: Ports<StreamSocket> = Ports::new();
/// UDP's ports.
pub(super) static DATAGRAMS: Ports<DatagramSocket> = Ports::new();

impl<S> Ports<S> {
    const fn new() -> Self {
        Self(Mutex::new(Table { by_port: BTreeMap::new(), next: EPHEMERAL.start }))
    }

    /// Binds a socket to an address; a port of 0 is replaced by one that is free. Gives the address.
    ///
    /// # Errors
    /// `EADDRINUSE`; `EADDRNOTAVAIL` for an address that isn't the loopback's.
    pub(super) fn bind(&self, address: SocketAddr, wish: Wish, socket: &Weak<S>) -> Result<SocketAddr> {
        let ip = address.ip();
        if !address::is_of_loopback(ip) {
            bail!(EADDRNOTAVAIL, "no interface has the address");
        }
        let binding = Binding { address: ip, wish, socket: socket.clone() };
        let mut table = self.0.lock();
        let port = match address.port() {
            0 => table.free_port(&binding).ok_or(err!(EADDRINUSE, "all ports are bound"))?,
            port if table.is_free(port, &binding) => port,
            _ => bail!(EADDRINUSE, "the address is bound"),
        };
        table.by_port.entry(port).or_default().push(binding);
        Ok((ip, port).into())
    }

    /// Gives up the address of a socket that is being dropped, or isn't bound any more.
    pub(super) fn release(&self, port: u16, socket: &Weak<S>) {
        let mut table = self.0.lock();
        if let Some(bindings) = table.by_port.get_mut(&port) {
            bindings.retain(|binding| !Weak::ptr_eq(&binding.socket, socket));
            if bindings.is_empty() {
                table.by_port.remove(&port);
            }
        }
    }

    /// The sockets that take what is sent to an address, those bound to that very address first.
    pub(super) fn takers(&self, to: SocketAddr) -> Vec<Arc<S>> {
        let table = self.0.lock();
        let mut found: Vec<(bool, Arc<S>)> = table
            .by_port
            .get(&to.port())
            .into_iter()
            .flatten()
            .filter(|binding| binding.covers(to.ip()))
            .filter_map(|binding| Some((binding.address.is_unspecified(), binding.socket.upgrade()?)))
            .collect();
        drop(table);
        found.sort_by_key(|&(is_any, _)| is_any);
        found.into_iter().map(|(_, socket)| socket).collect()
    }
}

impl<S> Table<S> {
    fn free_port(&mut self, binding: &Binding<S>) -> Option<u16> {
        for _ in EPHEMERAL {
            let port = self.next;
            self.next = if port + 1 < EPHEMERAL.end { port + 1 } else { EPHEMERAL.start };
            if !self.by_port.contains_key(&port)
                || self.is_free(port, binding) && binding.wish.sharing == Sharing::Shared
            {
                return Some(port);
            }
        }
        None
    }

    fn is_free(&self, port: u16, new: &Binding<S>) -> bool {
        self.by_port.get(&port).into_iter().flatten().all(|old| {
            let overlap = old.covers(new.address) || new.covers(old.address);
            !overlap
                || match (old.wish.sharing, new.wish.sharing) {
                    (Sharing::Shared, Sharing::Shared) => true,
                    (Sharing::Reused, Sharing::Reused) => !old.wish.listens.load(Ordering::SeqCst),
                    _ => false,
                }
        })
    }
}

impl<S> Binding<S> {
    fn covers(&self, address: IpAddr) -> bool {
        if !self.address.is_unspecified() {
            return self.address == address;
        }
        self.address.is_ipv6() == address.is_ipv6() || self.address.is_ipv6() && self.wish.takes == Takes::Both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    fn bind(ports: &Ports<Plain>, text: &str, takes: Takes, sharing: Sharing) -> Result<Arc<Plain>, Errno> {
        let socket = Arc::new(Plain);
        let wish = Wish { takes, sharing, listens: Arc::new(AtomicBool::new(true)) };
        let bound = ports.bind(text.parse().unwrap(), wish, &Arc::downgrade(&socket));
        bound.map(|_| socket).map_err(Error::errno)
    }

    #[test]
    fn an_address_is_bound_once_unless_all_share_it() {
        use Sharing::{Exclusive, Reused, Shared};
        let ports = Ports::new();
        let _one = bind(&ports, "127.0.0.1:80", Takes::Both, Exclusive).unwrap();
        let _other = bind(&ports, "127.0.0.2:80", Takes::Both, Exclusive).unwrap();
        for (text, takes) in [("127.0.0.1:80", Takes::Both), ("0.0.0.0:80", Takes::Both), ("[::]:80", Takes::Both)] {
            assert_eq!(bind(&ports, text, takes, Shared).err(), Some(Errno::EADDRINUSE), "{text}");
        }
        let _v6 = bind(&ports, "[::]:80", Takes::OwnFamily, Exclusive).unwrap();
        let _listener = bind(&ports, "127.0.0.1:81", Takes::Both, Reused).unwrap();
        assert_eq!(bind(&ports, "127.0.0.1:81", Takes::Both, Reused).err(), Some(Errno::EADDRINUSE));
        let _shared = bind(&ports, "127.0.0.1:82", Takes::Both, Shared).unwrap();
        assert!(bind(&ports, "127.0.0.1:82", Takes::Both, Shared).is_ok());
        assert_eq!(bind(&ports, "10.0.0.1:83", Takes::Both, Exclusive).err(), Some(Errno::EADDRNOTAVAIL));
    }

    #[test]
    fn the_most_exact_address_takes_first_and_released_ones_take_nothing() {
        let ports = Ports::new();
        let any = bind(&ports, "[::]:80", Takes::Both, Sharing::Shared).unwrap();
        let exact = bind(&ports, "127.0.0.1:80", Takes::Both, Sharing::Shared).unwrap();
        let takers = ports.takers("127.0.0.1:80".parse().unwrap());
        assert!(Arc::ptr_eq(&takers[0], &exact) && Arc::ptr_eq(&takers[1], &any));
        assert_eq!(ports.takers("127.0.0.9:80".parse().unwrap()).len(), 1);
        ports.release(80, &Arc::downgrade(&any));
        assert_eq!(ports.takers("127.0.0.9:80".parse().unwrap()).len(), 0);
    }

    #[test]
    fn ports_are_chosen_until_none_is_left() {
        let ports = Ports::new();
        let all: Vec<_> =
            EPHEMERAL.map(|_| bind(&ports, "127.0.0.1:0", Takes::Both, Sharing::Exclusive).unwrap()).collect();
        assert_eq!(bind(&ports, "127.0.0.1:0", Takes::Both, Sharing::Exclusive).err(), Some(Errno::EADDRINUSE));
        drop(all);
    }
}
