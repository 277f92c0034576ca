//! TCP that is carried inside where both ends are.

use crate::events::{IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::net::host::HostSocketFile;
use crate::net::loopback::address;
use crate::net::loopback::stream::StreamSocket as InsideSocket;
use crate::net::loopback::waiting::is_again;
use crate::net::{Address, Incoming, MessageFlags, OptionName, Outgoing, Shutdown, Socket};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use frame::ocall::file::HostFd;
use frame::ocall::net::{Domain, Kind};
use frame::sync::Once;
use linux_raw_sys::net::{SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET};

/// A TCP socket that was made by `socket`: those that are accepted are of the one kind or the other.
pub(super) struct StreamSocket {
    inside: Arc<InsideSocket>,
    /// The host's, from when it's needed.
    outside: Once<Arc<HostSocketFile>>,
    /// Options to be set at the host when it's needed.
    owed: Mutex<Vec<(OptionName, Vec<u8>)>>,
    /// An option was set that a connection inside doesn't have.
    is_for_host: AtomicBool,
    route: AtomicU8,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Route {
    /// It's neither connected nor does it listen.
    Undecided,
    /// By the host.
    Outside,
    /// A connection inside.
    Inside,
    /// It listens for either.
    Both,
}

impl StreamSocket {
    /// A new one; `status` may have `O_NONBLOCK`.
    ///
    /// # Errors
    /// What the host gives if it has no such sockets.
    pub(super) fn create(thread: &Arc<Thread>, domain: Domain, status: StatusFlags) -> Result<Arc<dyn File>> {
        check_domain(domain, &thread.credentials())?;
        Ok(Arc::new(Self {
            inside: InsideSocket::new(domain, status, &thread.credentials()),
            outside: Once::new(),
            owed: Mutex::default(),
            is_for_host: AtomicBool::new(false),
            route: AtomicU8::new(Route::Undecided as u8),
        }))
    }

    fn route(&self) -> Route {
        const ROUTES: [Route; 4] = [Route::Undecided, Route::Outside, Route::Inside, Route::Both];
        ROUTES.into_iter().find(|&route| route as u8 == self.route.load(Ordering::SeqCst)).unwrap_or(Route::Undecided)
    }

    fn set_route(&self, route: Route) {
        self.route.store(route as u8, Ordering::SeqCst);
        // An epoll asks anew for the host's descriptor.
        self.inside.ready_notifier().broadcast(IoEvents::READABLE | IoEvents::WRITABLE | IoEvents::ALWAYS);
    }

    /// The host's socket, which is made now if it isn't there.
    fn outside(&self, thread: &Arc<Thread>) -> Result<&Arc<HostSocketFile>> {
        self.outside.try_call_once(|| {
            let status = self.inside.status();
            let socket = HostSocketFile::new(self.inside.domain(), Kind::Stream, 0, status, &thread.credentials())?;
            let owed = core::mem::take(&mut *self.owed.lock());
            for (name, value) in owed {
                socket.set_option(thread, name, &value)?;
            }
            Ok(socket)
        })
    }

    /// Whichever of the two knows how it is.
    fn current(&self) -> &dyn Socket {
        match (self.route(), self.outside.get()) {
            (Route::Inside, _) | (_, None) => &*self.inside,
            (_, Some(outside)) => &**outside,
        }
    }

    /// The address that it's bound to at the host.
    fn bound(&self) -> Result<Option<SocketAddr>> {
        let Some(outside) = self.outside.get() else { return Ok(None) };
        let name = address::parse(self.inside.domain(), &outside.name()?)?;
        Ok(name.filter(|name| name.port() != 0))
    }

    /// Connects inside, if somebody listens there.
    fn connect_inside(&self, address: &Address) -> Option<Result<()>> {
        if self.is_for_host.load(Ordering::Relaxed) {
            return None;
        }
        let to = address::parse(self.inside.domain(), address).ok()??;
        if !InsideSocket::is_reached_at(to) {
            return None;
        }
        let bound = self.bound().ok()?;
        let result = self.inside.connect_from(bound, to);
        match result.as_ref().map_err(|error| error.errno()) {
            Ok(()) | Err(Errno::EINPROGRESS) => {
                self.set_route(Route::Inside);
                Some(result)
            }
            // Who listened may be gone by now, and all ports may be used; the host knows better.
            Err(_) => None,
        }
    }

    fn take_waiting(&self, thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        let inside = self.inside.accept_now(status);
        if !is_again(&inside) {
            return inside;
        }
        // It never waits at the host.
        self.outside(thread)?.accept(thread, status)
    }
}

/// Checks once whether the host has sockets of a family: making one doesn't ask it.
fn check_domain(domain: Domain, credentials: &Credentials) -> Result<()> {
    static FAMILIES: [Once<()>; 2] = [Once::new(), Once::new()];
    let [v4, v6] = &FAMILIES;
    let family = if domain == Domain::Inet6 { v6 } else { v4 };
    family.try_call_once(|| {
        HostSocketFile::new(domain, Kind::Stream, 0, StatusFlags::empty(), credentials).map(|_| ())
    })?;
    Ok(())
}

/// Whether an option says what a socket is, which all ways know.
fn is_of_every_way(name: OptionName) -> bool {
    let number = name.number as u32;
    name.level as u32 == SOL_SOCKET && matches!(number, SO_ERROR | SO_TYPE | SO_DOMAIN | SO_PROTOCOL | SO_ACCEPTCONN)
}

impl Socket for StreamSocket {
    fn bind(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        match self.route() {
            Route::Inside => self.inside.bind(thread, address),
            _ => self.outside(thread)?.bind(thread, address),
        }
    }

    fn listen(&self, thread: &Arc<Thread>, backlog: i32) -> Result<()> {
        if self.route() == Route::Inside {
            return self.inside.listen(thread, backlog);
        }
        let outside = self.outside(thread)?;
        outside.listen(thread, backlog)?;
        if self.inside.is_listening() {
            return Ok(());
        }
        let listens = self.bound()?.filter(|name| address::is_of_loopback(name.ip())).is_some_and(|name| {
            // The host's rules of who shares a port may differ in details; what it allows isn't refused.
            self.inside.listen_at(name).inspect_err(|error| debug!("{name} isn't reached inside: {error}")).is_ok()
        });
        if listens {
            outside.never_wait()?;
        }
        self.set_route(if listens { Route::Both } else { Route::Outside });
        Ok(())
    }

    fn connect(&self, thread: &Arc<Thread>, address: &Address) -> Result<()> {
        let is_disconnect = matches!(address::parse(self.inside.domain(), address), Ok(None));
        let route = self.route();
        if is_disconnect {
            if matches!(route, Route::Inside | Route::Both) {
                self.inside.connect(thread, address)?;
            }
            if route != Route::Inside
                && let Some(outside) = self.outside.get()
            {
                outside.connect(thread, address)?;
            }
            self.set_route(Route::Undecided);
            return Ok(());
        }
        match route {
            Route::Inside => return self.inside.connect(thread, address),
            Route::Undecided => {
                if let Some(result) = self.connect_inside(address) {
                    return result;
                }
            }
            Route::Outside | Route::Both => {}
        }
        let outside = self.outside(thread)?;
        if route == Route::Undecided {
            self.route.store(Route::Outside as u8, Ordering::SeqCst);
        }
        let result = outside.connect(thread, address);
        self.set_route(self.route());
        result
    }

    fn accept(&self, thread: &Arc<Thread>, status: StatusFlags) -> Result<Arc<dyn File>> {
        if self.route() != Route::Both {
            return self.current().accept(thread, status);
        }
        let hosted: [(&dyn File, IoEvents); 1] = [(&**self.outside(thread)?, IoEvents::READABLE)];
        let told = (self.inside.ready_notifier(), IoEvents::READABLE);
        self.inside.wait_to_receive().until_with_host(told, &hosted, || self.take_waiting(thread, status))
    }

    fn send(&self, thread: &Arc<Thread>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        // `MSG_FASTOPEN` connects.
        if message.flags.contains(MessageFlags::MSG_FASTOPEN) && self.route() == Route::Undecided {
            let outside = self.outside(thread)?;
            self.set_route(Route::Outside);
            return outside.send(thread, message);
        }
        self.current().send(thread, message)
    }

    fn receive(&self, thread: &Arc<Thread>, message: &mut Incoming<'_, '_>) -> Result<usize> {
        self.current().receive(thread, message)
    }

    fn receive_bytes(&self, thread: &Arc<Thread>, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
        self.current().receive_bytes(thread, sink, flags)
    }

    fn name(&self) -> Result<Address> {
        self.current().name()
    }

    fn peer_name(&self) -> Result<Address> {
        self.current().peer_name()
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        if self.route() == Route::Both {
            self.inside.shutdown(how)?;
        }
        self.current().shutdown(how)
    }

    fn option(&self, thread: &Arc<Thread>, name: OptionName, len: usize) -> Result<Vec<u8>> {
        if self.route() == Route::Inside || is_of_every_way(name) {
            return self.current().option(thread, name, len);
        }
        self.outside(thread)?.option(thread, name, len)
    }

    fn set_option(&self, thread: &Arc<Thread>, name: OptionName, value: &[u8]) -> Result<()> {
        if self.route() == Route::Inside {
            return self.inside.set_option(thread, name, value);
        }
        if !InsideSocket::has_option(name) {
            self.is_for_host.store(true, Ordering::Relaxed);
            return self.outside(thread)?.set_option(thread, name, value);
        }
        self.inside.set_option(thread, name, value)?;
        match self.outside.get() {
            Some(outside) => outside.set_option(thread, name, value)?,
            None => self.owed.lock().push((name, value.to_vec())),
        }
        Ok(())
    }
}

impl File for StreamSocket {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        self.current().read(sink)
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.current().write(source)
    }

    fn metadata(&self) -> Result<Metadata> {
        self.inside.metadata()
    }

    fn status(&self) -> StatusFlags {
        self.inside.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.inside.set_status(status)?;
        match self.outside.get() {
            Some(outside) if self.route() != Route::Both => outside.set_status(status),
            _ => Ok(()),
        }
    }

    fn path(&self) -> Vec<u8> {
        self.inside.path()
    }

    fn poll(&self) -> IoEvents {
        match (self.route(), self.outside.get()) {
            (Route::Outside, Some(outside)) => outside.poll(),
            (Route::Both, Some(outside)) => outside.poll() | self.inside.poll(),
            _ => self.inside.poll(),
        }
    }

    fn notifier(&self) -> Option<&Notifier> {
        self.inside.notifier()
    }

    fn host_fd(&self) -> Option<&HostFd> {
        match self.route() {
            Route::Outside | Route::Both => self.outside.get()?.host_fd(),
            Route::Undecided | Route::Inside => None,
        }
    }

    fn as_socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        self.current().ioctl(thread, request, argument)
    }
}
