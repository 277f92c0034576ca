//! How a thread waits for an epoll: what it looks at, where it sleeps, and how it reports.

use super::file::{EpollFile, HOST_CHANGED};
use super::host::HostSet;
use super::item::{Item, Mode};
use crate::events::{IoEvents, Poller, Share};
use crate::fs::File;
use crate::prelude::*;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::sync::{Deadline, WaitError};

impl EpollFile {
    /// Waits until something is ready, and gives at most `max` of it to `report`: events and the program's data. Gives how
    /// many, 0 after `deadline`. When the thread is interrupted, `is_wanted` says whether the wait must end.
    ///
    /// # Errors
    /// `EINTR` when a signal is to be delivered, and what `report` gives, if there's nothing before.
    #[expect(clippy::inline_always, reason = "after a call of the host, processors predict no return")]
    #[inline(always)]
    pub fn wait(
        &self,
        is_wanted: impl Fn() -> bool,
        max: usize,
        deadline: Option<Deadline>,
        mut report: impl FnMut(usize, IoEvents, u64) -> Result<()>,
    ) -> Result<usize> {
        let mut found = self.look_first(max, deadline, &mut report);
        if matches!(found, Ok(0)) && deadline != Some(Deadline::PAST) {
            found = self.wait_registered(is_wanted, max, deadline, &mut report);
        }
        if self.may_be_ready() {
            // What is left may be what another thread waits for.
            self.waiting.broadcast(IoEvents::READABLE);
        }
        found
    }

    /// Sleeps, and looks, until something is ready.
    #[inline(never)]
    fn wait_registered(
        &self,
        is_wanted: impl Fn() -> bool,
        max: usize,
        deadline: Option<Deadline>,
        report: &mut impl FnMut(usize, IoEvents, u64) -> Result<()>,
    ) -> Result<usize> {
        let mut poller = Poller::new();
        poller.watch(&self.waiting, IoEvents::READABLE, Share::Newest);
        poller.watch(&self.waiting, HOST_CHANGED, Share::All);
        loop {
            // The LibOS may have told somebody before the poller watched. The host looks before it lets the thread sleep.
            if self.may_be_ready() {
                let found = self.collect(max, report)?;
                if found > 0 {
                    return Ok(found);
                }
            }
            let mut handed_out = HandedOut::default();
            let outcome = match self.host.get() {
                None => poller.wait(deadline),
                Some(host) => {
                    let hand_out = |item: &_, events| self.hand_out(&mut handed_out, item, events, report);
                    host.wait_ready(&poller, max, deadline, hand_out).map(|_| ())
                }
            };
            let found = match outcome {
                Ok(()) => handed_out.result()?,
                Err(WaitError::TimedOut) if self.may_be_ready() => return self.collect(max, report),
                Err(WaitError::TimedOut) => return Ok(0),
                Err(WaitError::Interrupted) => {
                    let found = self.collect(max, report)?;
                    if found == 0 && is_wanted() {
                        bail!(EINTR, "interrupted by a signal");
                    }
                    found
                }
            };
            if found > 0 {
                return Ok(found);
            }
        }
    }

    /// Reports what is ready now, unless only the host may know of something and the thread had better sleep there at once,
    /// which looks as well.
    #[expect(clippy::inline_always, reason = "after a call of the host, processors predict no return")]
    #[inline(always)]
    fn look_first(
        &self,
        max: usize,
        deadline: Option<Deadline>,
        report: &mut impl FnMut(usize, IoEvents, u64) -> Result<()>,
    ) -> Result<usize> {
        let Some(host) = self.host.get().filter(|_| deadline != Some(Deadline::PAST)) else {
            return self.collect(max, report);
        };
        if self.may_be_ready() {
            return if self.has_ready_items() { self.collect(max, report) } else { Ok(0) };
        }
        if !self.habit.looks_first() {
            return Ok(0);
        }
        let found = self.collect_from_host(host, max, report);
        if matches!(found, Ok(0)) {
            self.habit.looked_in_vain();
        }
        found
    }

    /// Reports what the host has events for, while the LibOS knows of nothing. There's no order to be kept then, and the
    /// host's word is fresh.
    #[expect(clippy::inline_always, reason = "after a call of the host, processors predict no return")]
    #[inline(always)]
    fn collect_from_host(
        &self,
        host: &HostSet,
        max: usize,
        report: &mut impl FnMut(usize, IoEvents, u64) -> Result<()>,
    ) -> Result<usize> {
        let mut handed_out = HandedOut::default();
        host.take_ready(max, |item, events| self.hand_out(&mut handed_out, item, events, report));
        handed_out.result()
    }

    /// Reports what the host found, or keeps it if that fails.
    #[inline]
    fn hand_out(
        &self,
        handed_out: &mut HandedOut,
        item: &Arc<Item>,
        events: IoEvents,
        report: &mut impl FnMut(usize, IoEvents, u64) -> Result<()>,
    ) {
        let HandedOut { count, outcome } = handed_out;
        if outcome.is_ok() {
            let Some(armed) = item.begin_report() else { return };
            match report(*count, events, item.data()) {
                Ok(()) => {
                    *count += 1;
                    return;
                }
                Err(error) => {
                    item.take_back(armed);
                    *outcome = Err(error);
                }
            }
        }
        item.keep_host_events(events);
        self.enqueue(item.clone());
    }

    /// Reports what is ready now.
    #[inline]
    fn collect(&self, max: usize, report: &mut impl FnMut(usize, IoEvents, u64) -> Result<()>) -> Result<usize> {
        match self.host.get() {
            None if !self.may_be_ready() => Ok(0),
            Some(host) if !self.may_be_ready() => self.collect_from_host(host, max, report),
            host => self.collect_in_order(host, max, report),
        }
    }

    fn collect_in_order(
        &self,
        host: Option<&HostSet>,
        max: usize,
        report: &mut impl FnMut(usize, IoEvents, u64) -> Result<()>,
    ) -> Result<usize> {
        let mut scan = self.begin_scan();
        let before = scan.len();
        let taken = host.map_or(0, |host| {
            host.take_ready(max, |item, events| {
                item.keep_host_events(events);
                if !item.is_queued.swap(true, Ordering::SeqCst) {
                    scan.push_back(item.clone());
                }
            })
        });
        // What the host found is old by the time that it is reported, if there's too much for one call.
        let trust = if before + taken <= max { Trust::Host } else { Trust::NoOne };
        let mut outcome = Ok(());
        let mut found = 0;
        for _ in 0..scan.len() {
            if found == max {
                break;
            }
            let Some(item) = scan.pop_front() else { break };
            let Some(file) = item.file() else { continue };
            let Some((events, then)) = self.look_at(&item, &*file, trust) else { continue };
            let Some(armed) = item.begin_report() else { continue };
            if let Err(error) = report(found, events, item.data()) {
                item.take_back(armed);
                if item.is_hosted.load(Ordering::SeqCst) {
                    item.keep_host_events(events);
                }
                if then == Then::LookAgain || !item.is_queued.swap(true, Ordering::SeqCst) {
                    scan.push_front(item);
                }
                outcome = Err(error);
                break;
            }
            found += 1;
            if then == Then::LookAgain {
                scan.push_back(item);
            }
        }
        self.end_scan(scan);
        if found > 0 { Ok(found) } else { outcome.map(|()| 0) }
    }

    /// What is to be reported of an item that may be ready, and whether it stays in the list.
    fn look_at(&self, item: &Arc<Item>, file: &dyn File, trust: Trust) -> Option<(IoEvents, Then)> {
        if !item.is_hosted.load(Ordering::SeqCst)
            && file.host_fd().is_some()
            && let Err(error) = self.host_add(item, file)
        {
            warn!("the host doesn't watch a file: {error}");
        }
        let is_edge = item.mode().contains(Mode::EPOLLET);
        let is_once = item.mode().contains(Mode::EPOLLONESHOT);
        let stays = !is_edge && !is_once && file.notifier().is_some();
        if !stays {
            // Before the file is asked: what happens from now on puts the item into the list again.
            item.is_queued.store(false, Ordering::SeqCst);
        }
        let from_host = item.take_host_events() & item.events();
        if !from_host.is_empty() && (is_edge || trust == Trust::Host) {
            // With a level trigger, the host tells again.
            item.is_queued.store(false, Ordering::SeqCst);
            return Some((from_host, Then::Forget));
        }
        let events = file.poll() & item.events();
        if !events.is_empty() {
            return Some((events, if stays { Then::LookAgain } else { Then::Forget }));
        }
        if stays {
            item.is_queued.store(false, Ordering::SeqCst);
            // What happened since the look found the item in the list, and left it at that.
            if file.poll().intersects(item.events()) {
                self.enqueue(item.clone());
            }
        }
        None
    }
}

/// What was reported of what the host had found.
struct HandedOut {
    count: usize,
    outcome: Result<()>,
}

impl Default for HandedOut {
    fn default() -> Self {
        Self { count: 0, outcome: Ok(()) }
    }
}

impl HandedOut {
    /// An error counts if there's nothing before.
    fn result(self) -> Result<usize> {
        if self.count > 0 { Ok(self.count) } else { self.outcome.map(|()| 0) }
    }
}

/// Whether waits ask the host what is ready before they make ready to sleep there, which looks as well. That costs a call if
/// nothing is ready, and saves little otherwise.
#[derive(Default)]
pub(super) struct Habit {
    /// Waits that don't ask first.
    left: AtomicUsize,
}

impl Habit {
    /// So many waits don't ask after one that has asked in vain.
    const SKIPPED: usize = 15;

    fn looks_first(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        // Whether the count is exact doesn't matter.
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
        }
        left == 0
    }

    fn looked_in_vain(&self) {
        self.left.store(Self::SKIPPED, Ordering::Relaxed);
    }
}

/// Whose word on what is ready is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Host,
    NoOne,
}

/// What becomes of a reported item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It's looked at by the next wait, too: its trigger is the level.
    LookAgain,
    Forget,
}
