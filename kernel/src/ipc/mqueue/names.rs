//! All queues by name.

use super::queue::{Limits, Queue};
use crate::fs::permission::{self, Access};
use crate::prelude::*;
use crate::process::{Credentials, Resource, Thread, cap};

static QUEUES: Mutex<BTreeMap<Vec<u8>, Arc<Queue>>> = Mutex::new(BTreeMap::new());
/// Bytes that queues of users count for, by user.
static CHARGED: Mutex<BTreeMap<u32, u64>> = Mutex::new(BTreeMap::new());

/// The most queues (`fs.mqueue.queues_max`).
const MAX_QUEUES: usize = 256;
/// What a queue holds unless it's told otherwise, and the most that it may for who isn't privileged.
const USUAL: Limits = Limits { messages: 10, size: 8192 };
/// The most for who is.
const LARGEST: Limits = Limits { messages: 65536, size: 16 << 20 };
const MAX_NAME: usize = 255;

/// What is to be made if there's no queue of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// Nothing.
    Fail,
    /// A queue.
    Make(Making),
}

/// How a queue is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Making {
    pub(super) limits: Option<Limits>,
    pub(super) mode: u32,
    /// One that is there is none that's wanted (`O_EXCL`).
    pub(super) must_be_new: bool,
}

/// Finds or makes the queue of a name.
///
/// # Errors
/// As `mq_open(3)`.
pub(super) fn open(thread: &Thread, name: &[u8], access: Access, if_missing: IfMissing) -> Result<Arc<Queue>> {
    check_name(name)?;
    let credentials = thread.credentials();
    let mut queues = QUEUES.lock();
    match (queues.get(name), if_missing) {
        (Some(_), IfMissing::Make(Making { must_be_new: true, .. })) => Err(err!(EEXIST, "the queue is there")),
        (Some(queue), _) => {
            permission::check(&credentials, &queue.metadata(), access)?;
            Ok(queue.clone())
        }
        (None, IfMissing::Fail) => Err(err!(ENOENT, "no queue has this name")),
        (None, IfMissing::Make(making)) => {
            if queues.len() >= MAX_QUEUES && !credentials.has_cap(cap::SYS_RESOURCE) {
                bail!(ENOSPC, "there are too many queues");
            }
            let queue = Arc::new(make(thread, &credentials, making)?);
            queues.insert(name.to_vec(), queue.clone());
            Ok(queue)
        }
    }
}

fn make(thread: &Thread, credentials: &Credentials, making: Making) -> Result<Queue> {
    let limits = making.limits.unwrap_or(USUAL);
    let most = if credentials.has_cap(cap::SYS_RESOURCE) { LARGEST } else { USUAL };
    let fits = |size: usize, most: usize| (1..=most).contains(&size);
    if !fits(limits.messages, most.messages) || !fits(limits.size, most.size) {
        bail!(EINVAL, "no queue may be so large or small");
    }
    let charge = Queue::charge(limits).ok_or(err!(EOVERFLOW, "the queue would be too large"))?;
    let limit = thread.process.limits.lock().soft(Resource::MessageQueues);
    let owner = [credentials.fsuid, credentials.fsgid];
    {
        let mut charged = CHARGED.lock();
        let total = charged.entry(owner[0]).or_default();
        if total.saturating_add(charge) > limit {
            bail!(EMFILE, "the user's limit of message queues is reached");
        }
        *total += charge;
    }
    Ok(Queue::new(limits, making.mode & !thread.fs().umask() & 0o7777, owner))
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let (Some(charge), Some(total)) = (Self::charge(self.limits), CHARGED.lock().get_mut(&self.owner[0])) {
            *total = total.saturating_sub(charge);
        }
    }
}

/// Takes a queue's name away; it goes with the last that has it open.
///
/// # Errors
/// `ENOENT`, `EPERM` if it's another user's.
pub(super) fn unlink(thread: &Thread, name: &[u8]) -> Result<()> {
    check_name(name)?;
    let removed = {
        let mut queues = QUEUES.lock();
        let queue = queues.get(name).ok_or(err!(ENOENT, "no queue has this name"))?;
        permission::check_owner(&thread.credentials(), &queue.metadata())?;
        queues.remove(name)
    };
    drop(removed);
    Ok(())
}

fn check_name(name: &[u8]) -> Result<()> {
    match name {
        [] => Err(err!(ENOENT, "the name is empty")),
        name if name.len() > MAX_NAME => Err(err!(ENAMETOOLONG, "the name is too long")),
        name if name.contains(&b'/') || [&b"."[..], b".."].contains(&name) => {
            Err(err!(EACCES, "not the name of a queue"))
        }
        _ => Ok(()),
    }
}
