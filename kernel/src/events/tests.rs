//! Files that become pollable by four methods, channels, and epolls under a storm.

use super::*;
use crate::fs::{File, Metadata, StatusFlags};
use crate::prelude::*;
use crate::syscalls::args::FileDesc;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;
use frame::injection::{Answer, inject};
use frame::ocall::file::HostFd;
use frame::sync::{Deadline, WaitError};
use std::io::Write;
use std::os::fd::IntoRawFd;

/// What a file needs beside being pollable.
macro_rules! plain_file {
    () => {
        fn read(&self, _sink: &mut Sink<'_>) -> Result<usize> {
            Ok(0)
        }

        fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
            Ok(0)
        }

        fn metadata(&self) -> Result<Metadata> {
            Ok(Anonymous::metadata())
        }

        fn status(&self) -> StatusFlags {
            StatusFlags::O_RDWR
        }

        fn set_status(&self, _status: StatusFlags) -> Result<()> {
            Ok(())
        }

        fn path(&self) -> Vec<u8> {
            Vec::new()
        }
    };
}

/// A file of the LibOS: two methods make it pollable.
#[derive(Default)]
struct Flag {
    is_set: AtomicBool,
    notifier: Notifier,
}

impl Flag {
    fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.notifier.broadcast(IoEvents::POLLIN);
    }

    fn clear(&self) -> bool {
        self.is_set.swap(false, Ordering::SeqCst)
    }
}

impl File for Flag {
    plain_file!();

    fn poll(&self) -> IoEvents {
        IoEvents::POLLIN.when(self.is_set.load(Ordering::SeqCst))
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.notifier)
    }
}

/// A file of the host and of the LibOS: four methods.
pub(super) struct Hybrid {
    flag: Flag,
    fd: HostFd,
    /// What the host was said to have found.
    pub(super) told: AtomicU32,
}

impl File for Hybrid {
    plain_file!();

    fn poll(&self) -> IoEvents {
        let told = IoEvents::from_bits_truncate(self.told.load(Ordering::SeqCst) as u16);
        self.flag.poll() | told
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.flag.notifier)
    }

    fn host_fd(&self) -> Option<&HostFd> {
        Some(&self.fd)
    }

    fn recv_host_events(&self, events: IoEvents) {
        self.told.store(u32::from(events.bits()), Ordering::SeqCst);
    }
}

pub(super) fn hybrid() -> (Arc<dyn File>, Arc<Hybrid>, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    let fd = HostFd::from_launcher(reader.into_raw_fd());
    let file = Arc::new(Hybrid { flag: Flag::default(), fd, told: AtomicU32::new(0) });
    (file.clone(), file, writer)
}

fn later(work: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        work();
    })
}

fn soon() -> Option<Deadline> {
    Some(Deadline::after(Duration::from_secs(10)))
}

fn at_once() -> Option<Deadline> {
    Some(Deadline::after(Duration::ZERO))
}

fn ready(epoll: &EpollFile, deadline: Option<Deadline>) -> Vec<(u64, IoEvents)> {
    let mut found = Vec::new();
    let report = |_, events, data| {
        found.push((data, events));
        Ok(())
    };
    epoll.wait(|| false, 16, deadline, report).unwrap();
    found
}

const LEVEL: u32 = 1;
const EDGE: u32 = 1 | 1 << 31;

#[test]
fn a_poller_waits_for_files_of_the_libos() {
    let flag = Arc::new(Flag::default());
    let other = flag.clone();
    let setter = later(move || other.set());
    let mut poller = Poller::new();
    poller.watch(&flag.notifier, IoEvents::POLLIN, Share::All);
    while flag.poll().is_empty() {
        poller.wait(soon()).unwrap();
    }
    setter.join().unwrap();
    drop(poller);
    assert!(flag.notifier.is_empty());
}

#[test]
fn a_poller_waits_for_the_host_and_the_libos_at_once() {
    for is_host in [false, true] {
        let (file, hybrid, mut writer) = hybrid();
        let other = hybrid.clone();
        let setter = later(move || {
            if is_host {
                writer.write_all(b"x").unwrap();
            } else {
                other.flag.set();
            }
            // The host's file stays open, or it would hang up.
            std::thread::sleep(Duration::from_millis(50));
            drop(writer);
        });
        let mut poller = Poller::new();
        poller.watch(file.notifier().unwrap(), IoEvents::POLLIN, Share::All);
        while file.poll().is_empty() {
            poller.wait_with_host(&[(&*file, IoEvents::POLLIN)], soon()).unwrap();
        }
        assert_eq!(hybrid.told.load(Ordering::SeqCst), u32::from(is_host));
        setter.join().unwrap();
    }
}

#[test]
fn a_poller_hands_on_only_what_was_asked_of_the_host() {
    let (quiet, hybrid, _writer) = hybrid();
    inject(Answer::Poll(-1, 77));
    let asked = IoEvents::POLLIN;
    assert_eq!(Poller::new().wait_with_host(&[(&*quiet, asked)], soon()), Ok(()));
    let told = IoEvents::from_bits_truncate(hybrid.told.load(Ordering::SeqCst) as u16);
    assert_eq!(told, asked | IoEvents::ALWAYS | IoEvents::POLLNVAL);
    inject(Answer::Poll(0, -4000));
    assert_eq!(Poller::new().wait_with_host(&[(&*quiet, asked)], soon()), Ok(()));
}

#[test]
fn a_wait_for_the_host_ends_in_time() {
    let poller = Poller::new();
    let deadline = Some(Deadline::after(Duration::from_millis(5)));
    // Its writer is gone, so the host's file hangs up at once.
    let (hung_up, ..) = hybrid();
    assert_eq!(poller.wait_with_host(&[(&*hung_up, IoEvents::POLLIN)], deadline), Ok(()));
    let (quiet, _, _writer) = hybrid();
    assert_eq!(poller.wait_with_host(&[(&*quiet, IoEvents::POLLIN)], deadline), Err(WaitError::TimedOut));
}

#[test]
fn an_epoll_has_files_of_both_kinds() {
    let epoll = EpollFile::new();
    let flag = Arc::new(Flag::default());
    let file: Arc<dyn File> = flag.clone();
    let (host, hybrid, mut writer) = hybrid();
    epoll.add(FileDesc(3), &file, Interest::new(LEVEL, 3)).unwrap();
    epoll.add(FileDesc(4), &host, Interest::new(EDGE, 4)).unwrap();
    assert_eq!(ready(&epoll, at_once()), []);
    writer.write_all(b"x").unwrap();
    assert_eq!(ready(&epoll, soon()), [(4, IoEvents::POLLIN)]);
    assert_eq!(ready(&epoll, at_once()), []);
    let setter = later(move || flag.set());
    assert_eq!(ready(&epoll, soon()), [(3, IoEvents::POLLIN)]);
    assert_eq!(ready(&epoll, at_once()), [(3, IoEvents::POLLIN)]);
    setter.join().unwrap();
    drop(file);
    assert_eq!(ready(&epoll, at_once()), []);
    let setter = later(move || writer.write_all(b"y").unwrap());
    assert_eq!(ready(&epoll, soon())[0].0, 4);
    setter.join().unwrap();
    assert_eq!(hybrid.told.load(Ordering::SeqCst) & 1, 1);
    // By another descriptor, too.
    epoll.add(FileDesc(5), &host, Interest::new(LEVEL, 5)).unwrap();
    assert!(ready(&epoll, soon()).contains(&(5, IoEvents::POLLIN | IoEvents::POLLHUP)));
    epoll.remove(FileDesc(5), &host).unwrap();
    epoll.remove(FileDesc(4), &host).unwrap();
    assert_eq!(ready(&epoll, at_once()), []);
}

#[test]
fn files_that_are_gone_are_forgotten() {
    let epoll = EpollFile::new();
    for fd in 0..100_000 {
        let file: Arc<dyn File> = Arc::new(Flag::default());
        epoll.add(FileDesc(fd % 1000), &file, Interest::new(LEVEL, 0)).unwrap();
    }
    assert!(epoll.watched() <= 1000);
}

#[test]
fn items_pass_through_a_channel_until_it_is_closed() {
    let (producer, consumer) = Channel::pair(2);
    assert_eq!(consumer.pop(), None::<u32>);
    producer.push(1).unwrap();
    producer.push(2).unwrap();
    assert_eq!(producer.push(3), Err(PushError::Full(3)));
    assert!(!producer.poll().contains(IoEvents::POLLOUT));
    let taker = later(move || {
        assert_eq!(consumer.pop(), Some(1));
        assert_eq!(consumer.pop(), Some(2));
        consumer.wait_for_items(soon()).unwrap();
        assert_eq!(consumer.pop(), Some(3));
    });
    producer.wait_for_room(soon()).unwrap();
    producer.push(3).unwrap();
    taker.join().unwrap();
    assert_eq!(producer.push(4), Err(PushError::Closed(4)));
    assert!(producer.poll().contains(IoEvents::POLLERR));
}

#[test]
fn a_consumer_sees_the_end() {
    let (producer, consumer) = Channel::<Chunk>::pair(16);
    let writer = later(move || {
        producer.write(&mut Source::buffer(b"the last words"), ChunkKind::Stream, Blocking::Wait).unwrap();
    });
    let mut bytes = [0; 100];
    assert_eq!(consumer.read(&mut Sink::buffer(&mut bytes), Blocking::Wait).unwrap(), 14);
    assert_eq!(consumer.read(&mut Sink::buffer(&mut bytes), Blocking::Wait).unwrap(), 0);
    assert!(consumer.poll().contains(IoEvents::POLLHUP));
    writer.join().unwrap();
}

#[test]
fn no_event_is_lost_in_a_storm_while_observers_come_and_go() {
    const FILES: usize = 16;
    const EVENTS: usize = 2000;
    let flags: Arc<Vec<Arc<Flag>>> = Arc::new((0..FILES).map(|_| Arc::new(Flag::default())).collect());
    let epoll = EpollFile::new();
    for (fd, flag) in flags.iter().enumerate() {
        let file: Arc<dyn File> = flag.clone();
        epoll.add(FileDesc(fd as i32), &file, Interest::new(EDGE, fd as u64)).unwrap();
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (flags, is_over) = (flags.clone(), is_over.clone());
            std::thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    let passing = EpollFile::new();
                    for (fd, flag) in flags.iter().enumerate() {
                        let file: Arc<dyn File> = flag.clone();
                        passing.add(FileDesc(fd as i32), &file, Interest::new(LEVEL, 0)).unwrap();
                    }
                    ready(&passing, at_once());
                }
            })
        })
        .collect();
    let (send, received) = std::sync::mpsc::channel();
    let writer = {
        let flags = flags.clone();
        std::thread::spawn(move || {
            for event in 0..EVENTS {
                flags[event * 7 % FILES].set();
                // The next event of a file comes after the last was seen.
                received.recv().unwrap();
            }
        })
    };
    let mut seen = 0;
    while seen < EVENTS {
        for (fd, _) in ready(&epoll, soon()) {
            if flags[fd as usize].clear() {
                seen += 1;
                send.send(()).unwrap();
            }
        }
    }
    is_over.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    for other in others {
        other.join().unwrap();
    }
    assert!(flags.iter().all(|flag| flag.notifier.len() <= 1 + FILES));
}
