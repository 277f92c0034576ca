//! Files that signal that they became ready (`man 2 fcntl`, "Managing signals", and `O_ASYNC`).
//!
//! Few files do, so who is signalled and how is kept here, by file, and not in each of them. Whatever has a [`Notifier`](super::Notifier)
//! signals without doing anything for it: an entry is an observer while the file has `O_ASYNC`. Files of the host are watched
//! for it by [`host_signals`].

use super::notifier::{Observer, Reaction, Share};
use super::{IoEvents, host_signals};
use crate::fs::{File, FileType};
use crate::prelude::*;
use crate::process::{Credentials, Process, Thread, table};
use crate::signal::{self, SigInfo, Signal};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

/// Files with an owner or a signal of their own, by address, which nobody else's is while the entry is there.
static ENTRIES: Mutex<BTreeMap<usize, Arc<Entry>>> = Mutex::new(BTreeMap::new());

/// What an owner's id stands for (`F_OWNER_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum OwnerKind {
    /// A thread.
    #[default]
    Thread = 0,
    /// A process.
    Process = 1,
    /// A process group.
    Group = 2,
}

/// Who is signalled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// What the id stands for.
    pub kind: OwnerKind,
    /// The id; 0 for nobody.
    pub id: u32,
}

impl Owner {
    /// Whether somebody has the id.
    pub fn exists(self) -> bool {
        match self.kind {
            OwnerKind::Thread | OwnerKind::Process => {
                table::find(self.id).is_some() || table::find_thread(self.id).is_some()
            }
            OwnerKind::Group => !table::group_members(self.id).is_empty(),
        }
    }
}

/// How a file signals.
#[derive(Clone, Debug, Default)]
struct Settings {
    owner: Owner,
    /// Whoever set the owner, as whom the signals are sent.
    sender: Option<Arc<Credentials>>,
    /// The signal, sent with details; `SIGIO` without any if there's none.
    signal: Option<Signal>,
}

struct Entry {
    file: Weak<dyn File>,
    /// Whether it's a socket, which tells of its peer's end differently.
    is_socket: bool,
    settings: Mutex<Settings>,
    is_observing: AtomicBool,
    /// What the file is known by to those who watch it at the host, or 0.
    host_token: AtomicU64,
    /// The descriptor by which `O_ASYNC` was set.
    fd: AtomicI32,
    /// Tells of urgent data, with `O_ASYNC` or without it (`man 2 fcntl`, `F_SETOWN`).
    urgent: Arc<UrgentSignal>,
}

/// What signals that urgent data came to a socket.
struct UrgentSignal {
    entry: Weak<Entry>,
    is_observing: AtomicBool,
}

/// Who is signalled about a file, if anybody was named.
pub fn owner(file: &Arc<dyn File>) -> Owner {
    settings(file).owner
}

/// The signal that was chosen for a file.
pub fn chosen_signal(file: &Arc<dyn File>) -> Option<Signal> {
    settings(file).signal
}

/// Names who is signalled about a file, on behalf of `thread`.
pub fn set_owner(thread: &Thread, file: &Arc<dyn File>, owner: Owner) {
    let entry = entry(file);
    let sender = Some(thread.credentials());
    {
        let mut settings = entry.settings.lock();
        (settings.owner, settings.sender) = (owner, sender);
    }
    if entry.is_socket
        && let Some(notifier) = file.notifier()
        && !entry.urgent.is_observing.swap(true, Ordering::SeqCst)
    {
        let observer: Weak<UrgentSignal> = Arc::downgrade(&entry.urgent);
        notifier.register(observer, IoEvents::POLLPRI, Share::All);
    }
}

/// Chooses the signal that tells of a file.
pub fn choose_signal(file: &Arc<dyn File>, signal: Option<Signal>) {
    entry(file).settings.lock().signal = signal;
}

/// Whether a file can signal.
///
/// # Errors
/// As for a file's metadata.
pub fn is_able(file: &dyn File) -> Result<bool> {
    Ok(match file.metadata()?.kind {
        FileType::Fifo | FileType::Socket => true,
        FileType::CharDevice => file.host_fd().is_some(),
        _ => false,
    })
}

/// Has a file signal from now on, if it can; `fd` is the descriptor that signals name. Gives whether it can.
///
/// # Errors
/// As for [`is_able`], and for a file of the host what that refuses.
pub fn start(file: &Arc<dyn File>, fd: i32) -> Result<bool> {
    if !is_able(&**file)? {
        return Ok(false);
    }
    let entry = entry(file);
    entry.fd.store(fd, Ordering::Relaxed);
    if entry.is_observing.swap(true, Ordering::SeqCst) {
        return Ok(true);
    }
    let observer: Weak<Entry> = Arc::downgrade(&entry);
    if let Some(fd) = file.host_fd() {
        let token = host_signals::watch(&**file, fd, observer.clone()).inspect_err(|_| entry.rest())?;
        let Some(token) = token else {
            entry.rest();
            return Ok(false);
        };
        entry.host_token.store(token, Ordering::SeqCst);
    }
    if let Some(notifier) = file.notifier() {
        notifier.register(observer, IoEvents::all(), Share::All);
    }
    Ok(true)
}

/// Has a file signal no longer.
pub fn stop(file: &Arc<dyn File>) {
    if let Some(entry) = find(file)
        && entry.is_observing.swap(false, Ordering::SeqCst)
    {
        if let Some(notifier) = file.notifier() {
            notifier.unregister(Arc::as_ptr(&entry).cast());
        }
        let token = entry.host_token.swap(0, Ordering::SeqCst);
        if let Some(fd) = file.host_fd()
            && token != 0
        {
            host_signals::forget(fd, token);
        }
    }
}

fn address(file: &Arc<dyn File>) -> usize {
    Arc::as_ptr(file).cast::<()>() as usize
}

fn find(file: &Arc<dyn File>) -> Option<Arc<Entry>> {
    ENTRIES.lock().get(&address(file)).cloned()
}

fn settings(file: &Arc<dyn File>) -> Settings {
    find(file).map(|entry| entry.settings.lock().clone()).unwrap_or_default()
}

/// A file's entry, made if there's none. Those of closed files go then.
fn entry(file: &Arc<dyn File>) -> Arc<Entry> {
    if let Some(entry) = find(file) {
        return entry;
    }
    let is_socket = file.metadata().is_ok_and(|metadata| metadata.kind == FileType::Socket);
    let new = Arc::new_cyclic(|entry: &Weak<Entry>| Entry {
        file: Arc::downgrade(file),
        is_socket,
        settings: Mutex::default(),
        is_observing: AtomicBool::new(false),
        host_token: AtomicU64::new(0),
        fd: AtomicI32::new(-1),
        urgent: Arc::new(UrgentSignal { entry: entry.clone(), is_observing: AtomicBool::new(false) }),
    });
    let mut entries = ENTRIES.lock();
    entries.retain(|_, entry| entry.file.strong_count() > 0);
    entries.entry(address(file)).or_insert(new).clone()
}

impl Entry {
    fn rest(&self) {
        self.is_observing.store(false, Ordering::SeqCst);
    }
}

impl Observer for Entry {
    fn on_events(&self, events: IoEvents) -> Reaction {
        if self.file.strong_count() > 0 {
            let settings = self.settings.lock().clone();
            let reason = Reason::of(events, self.is_socket);
            settings.send(Message::Ready(reason, self.fd.load(Ordering::Relaxed)));
        }
        Reaction::Noted
    }
}

impl Observer for UrgentSignal {
    fn on_events(&self, _events: IoEvents) -> Reaction {
        if let Some(entry) = self.entry.upgrade()
            && entry.file.strong_count() > 0
        {
            let settings = entry.settings.lock().clone();
            settings.send(Message::Urgent);
        }
        Reaction::Noted
    }
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// The file is ready, by this descriptor.
    Ready(Reason, i32),
    /// Urgent data came.
    Urgent,
}

impl Settings {
    fn send(&self, message: Message) {
        let id = self.owner.id;
        if id == 0 {
            return;
        }
        match self.owner.kind {
            OwnerKind::Thread => {
                if let Some(thread) = table::find_thread(id) {
                    self.send_by(&thread.process, message, |signal, info| {
                        signal::send_to_thread(&thread, signal, info)
                    });
                }
            }
            OwnerKind::Process => {
                let process = table::find(id).or_else(|| Some(table::find_thread(id)?.process.clone()));
                if let Some(process) = process {
                    self.send_to(&process, message);
                }
            }
            OwnerKind::Group => table::group_members(id).iter().for_each(|member| self.send_to(member, message)),
        }
    }

    fn send_to(&self, process: &Arc<Process>, message: Message) {
        self.send_by(process, message, |signal, info| signal::send_to_process(process, signal, info));
    }

    /// A signal that can't be queued becomes a plain `SIGIO`.
    fn send_by(&self, to: &Process, message: Message, send: impl Fn(Signal, SigInfo) -> Result<()>) {
        if !self.may_signal(to) {
            return;
        }
        if let (Some(signal), Message::Ready(reason, fd)) = (self.signal, message)
            && send(signal, SigInfo::io(signal, reason as i32, reason.band(), fd)).is_ok()
        {
            return;
        }
        let plain = if message == Message::Urgent { Signal::SIGURG } else { Signal::SIGIO };
        if let Err(error) = send(plain, SigInfo::kernel(plain)) {
            warn!("{plain:?} to process {} is lost: {error}", to.pid());
        }
    }

    /// As `kill` would have it for who named the owner.
    fn may_signal(&self, to: &Process) -> bool {
        let (Some(sender), Some(target)) = (&self.sender, to.credentials()) else { return false };
        let ids = [target.suid, target.ruid];
        sender.euid == 0 || ids.contains(&sender.euid) || ids.contains(&sender.ruid)
    }
}

/// `si_code` of the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
enum Reason {
    /// `POLL_IN`.
    In = 1,
    /// `POLL_OUT`.
    Out = 2,
    /// `POLL_PRI`.
    Pri = 5,
    /// `POLL_HUP`.
    Hup = 6,
}

impl Reason {
    fn of(events: IoEvents, is_socket: bool) -> Self {
        if is_socket && events.contains(IoEvents::POLLHUP) {
            Self::Hup
        } else if events.intersects(IoEvents::READABLE | IoEvents::POLLRDHUP) {
            Self::In
        } else if events.contains(IoEvents::POLLPRI) {
            Self::Pri
        } else {
            Self::Out
        }
    }

    /// `si_band`.
    fn band(self) -> IoEvents {
        match self {
            Self::In => IoEvents::READABLE,
            Self::Out => IoEvents::WRITABLE | IoEvents::POLLWRBAND,
            Self::Pri => IoEvents::POLLPRI | IoEvents::POLLRDBAND,
            Self::Hup => IoEvents::ALWAYS,
        }
    }
}
