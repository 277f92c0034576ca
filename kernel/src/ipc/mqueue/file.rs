//! Open queues.

use super::queue::Queue;
use crate::events::{Anonymous, Blocking, IoEvents, Notifier};
use crate::fs::{File, Metadata, StatusFlags};
use crate::prelude::*;
use crate::process::table;
use core::sync::atomic::{AtomicUsize, Ordering};

/// An open queue.
pub(super) struct QueueFile {
    pub(super) queue: Arc<Queue>,
    name: Vec<u8>,
    status: Anonymous,
    /// How much of the queue's text was read.
    position: AtomicUsize,
}

impl QueueFile {
    pub(super) fn new(queue: Arc<Queue>, name: Vec<u8>, status: StatusFlags) -> Self {
        Self { queue, name, status: Anonymous::new(status), position: AtomicUsize::new(0) }
    }

    pub(super) fn blocking(&self) -> Blocking {
        self.status.blocking()
    }
}

impl Drop for QueueFile {
    fn drop(&mut self) {
        crate::fs::file_dropped(core::ptr::from_ref(self).cast());
        if let Some(thread) = table::calling_thread() {
            self.queue.unregister(thread.process.pid());
        }
    }
}

impl File for QueueFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let text = self.queue.text();
        let start = self.position.load(Ordering::Relaxed).min(text.len());
        let count = sink.put(&text.as_bytes()[start..])?;
        self.position.store(start + count, Ordering::Relaxed);
        Ok(count)
    }

    fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
        Err(err!(EINVAL, "messages are sent by mq_send"))
    }

    fn metadata(&self) -> Result<Metadata> {
        Ok(self.queue.metadata())
    }

    fn status(&self) -> StatusFlags {
        self.status.status()
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        self.status.set_status(status);
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        [b"/", self.name.as_slice()].concat()
    }

    fn poll(&self) -> IoEvents {
        self.queue.poll()
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.queue.notifier)
    }
}
