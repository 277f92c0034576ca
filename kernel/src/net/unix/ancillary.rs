//! What travels beside a message's bytes: open files and the sender's credentials.

use super::Ucred;
use super::in_flight::Rights;
use crate::fs::{FdFlags, File};
use crate::net::control::{ControlSink, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET, messages};
use crate::net::{Incoming, MessageFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::args::FileDesc;
use zerocopy::{FromBytes, IntoBytes};

/// The most files of one message (`SCM_MAX_FD`).
const MAX_FILES: usize = 253;

/// What a message carries.
#[derive(Default)]
pub struct Ancillary {
    /// Who sent it, if somebody wanted to know.
    pub credentials: Option<Ucred>,
    rights: Mutex<Option<Rights>>,
}

impl Ancillary {
    /// Checks a sender's control messages, and takes its files.
    ///
    /// # Errors
    /// `EINVAL` for what is malformed or unknown, `EBADF`, `EPERM` and `ESRCH` for credentials, `ETOOMANYREFS`.
    pub fn parse(thread: &Thread, control: &[u8]) -> Result<Self> {
        let mut files: Vec<Arc<dyn File>> = Vec::new();
        let mut credentials = None;
        for message in messages(control) {
            let message = message?;
            match (message.level, message.kind) {
                (SOL_SOCKET, SCM_RIGHTS) => {
                    let descriptors = message.data.chunks_exact(4).filter_map(|fd| fd.first_chunk().copied());
                    if files.len() + message.data.len() / 4 > MAX_FILES {
                        bail!(EINVAL, "too many files");
                    }
                    for fd in descriptors {
                        files.push(thread.file(FileDesc(i32::from_ne_bytes(fd)))?);
                    }
                }
                (SOL_SOCKET, SCM_CREDENTIALS) => {
                    let ucred = Ucred::read_from_bytes(message.data)
                        .map_err(|_| err!(EINVAL, "credentials of another length"))?;
                    ucred.check(thread)?;
                    credentials = Some(ucred);
                }
                (SOL_SOCKET, _) => bail!(EINVAL, "no such control message"),
                // Messages of other protocols are none of a Unix socket's business.
                _ => {}
            }
        }
        let rights = if files.is_empty() { None } else { Some(Rights::new(thread, files)?) };
        Ok(Self { credentials, rights: Mutex::new(rights) })
    }

    /// Whether there's nothing.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_none() && !self.has_rights()
    }

    /// Whether files are still with it.
    pub fn has_rights(&self) -> bool {
        self.rights.lock().is_some()
    }

    /// Takes the files out.
    pub fn take_rights(&self) -> Option<Rights> {
        self.rights.lock().take()
    }

    /// Looks at the files with it.
    pub fn with_files(&self, look: impl FnOnce(&[Arc<dyn File>])) {
        if let Some(rights) = &*self.rights.lock() {
            look(rights.files());
        }
    }

    /// Files like those with it, which stay.
    pub fn peek_files(&self) -> Vec<Arc<dyn File>> {
        self.rights.lock().as_ref().map(|rights| rights.files().to_vec()).unwrap_or_default()
    }
}

/// Tells a receiver what came with a message: credentials if it wants to know them, then files.
pub(super) fn deliver(
    thread: &Thread,
    message: &mut Incoming<'_, '_>,
    credentials: Option<Ucred>,
    files: Vec<Arc<dyn File>>,
) {
    let sink: &mut ControlSink = &mut message.control;
    if let Some(ucred) = credentials {
        sink.put(SOL_SOCKET, SCM_CREDENTIALS, ucred.as_bytes());
    }
    if !files.is_empty() {
        let cloexec = message.flags.contains(MessageFlags::MSG_CMSG_CLOEXEC);
        sink.put_files(thread, files, if cloexec { FdFlags::CLOEXEC } else { FdFlags::empty() });
    }
}
