//! Answers of the host that tests make up, at the gate: what a host gives that can't be trusted.

use alloc::vec::Vec;
use linux_raw_sys::general::{__NR_epoll_pwait2, __NR_epoll_wait, __NR_ppoll};
use spin::Mutex;

/// An answer in place of the host's.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `epoll_wait` or `epoll_pwait2` gives these events and tokens, as far as there is room, and this count.
    EpollEvents(Vec<(u32, u64)>, isize),
    /// `ppoll` finds each file ready for these, and gives this count.
    Poll(i16, isize),
}

/// Answers by the host's id of the thread that gets them.
static ANSWERS: Mutex<Vec<(u32, Answer)>> = Mutex::new(Vec::new());

/// The calling thread's next call of that kind gets this answer.
pub fn inject(answer: Answer) {
    ANSWERS.lock().push((crate::ocall::thread::host_tid(), answer));
}

impl Answer {
    fn is_for(&self, nr: u32) -> bool {
        match self {
            Self::EpollEvents(..) => nr == __NR_epoll_wait || nr == __NR_epoll_pwait2,
            Self::Poll(..) => nr == __NR_ppoll,
        }
    }

    /// Writes what the host would, and gives the result.
    fn give(self, args: [usize; 6]) -> isize {
        match self {
            Self::EpollEvents(events, count) => {
                const SIZE: usize = 12;
                for (index, (event, token)) in events.into_iter().take(args[2]).enumerate() {
                    let place = args[1] + index * SIZE;
                    // SAFETY: the caller has the host write as many packed events there as its third argument says.
                    unsafe {
                        (place as *mut u32).write_unaligned(event);
                        ((place + size_of::<u32>()) as *mut u64).write_unaligned(token);
                    }
                }
                count
            }
            Self::Poll(ready, count) => {
                const SIZE: usize = 8;
                const READY_AT: usize = 6;
                for index in 0..args[1] {
                    // SAFETY: the caller has the host write into an array of as many entries as its second argument says.
                    unsafe { ((args[0] + index * SIZE + READY_AT) as *mut i16).write(ready) };
                }
                count
            }
        }
    }
}

/// Answers host system call `nr` if somebody has asked for it.
pub(crate) fn answer(nr: u32, args: [usize; 6]) -> Option<isize> {
    // Others, such as the one that asks for the thread's id here, have none.
    if ![__NR_epoll_wait, __NR_epoll_pwait2, __NR_ppoll].contains(&nr) {
        return None;
    }
    let tid = crate::ocall::thread::host_tid();
    let answer = {
        let mut answers = ANSWERS.lock();
        let index = answers.iter().position(|(thread, answer)| *thread == tid && answer.is_for(nr))?;
        answers.remove(index).1
    };
    Some(answer.give(args))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;
    use crate::ocall::event::{HostEpoll, HostEvent};
    use crate::ocall::file::{HostFd, PollFd, poll_now};

    fn taken(events: Vec<(u32, u64)>, count: isize) -> (crate::Result<usize>, Vec<HostEvent>) {
        let epoll = HostEpoll::new().unwrap();
        let mut taken = Vec::new();
        inject(Answer::EpollEvents(events, count));
        let result = epoll.take_ready(2, |event| taken.push(event));
        (result, taken)
    }

    #[test]
    fn a_count_of_events_beyond_what_was_asked_for_is_refused() {
        for count in [3, 65, isize::MAX] {
            let (result, taken) = taken(vec![(1, 7); 3], count);
            assert_eq!(result.unwrap_err().errno(), Errno::EIO);
            assert!(taken.is_empty());
        }
    }

    #[test]
    fn an_error_number_that_linux_does_not_have_is_eio() {
        assert_eq!(taken(Vec::new(), -4000).0.unwrap_err().errno(), Errno::EIO);
        assert_eq!(taken(Vec::new(), -24).0.unwrap_err().errno(), Errno::EMFILE);
    }

    #[test]
    fn events_that_were_told_of_are_handed_on_as_they_are() {
        let (result, taken) = taken(vec![(u32::MAX, u64::MAX), (0, 0)], 2);
        assert_eq!(result.unwrap(), 2);
        assert_eq!(taken[0], HostEvent { events: u32::MAX, token: u64::MAX });
    }

    #[test]
    fn a_file_is_ready_for_no_more_than_was_asked_of_it_whatever_the_count() {
        const POLLIN: i16 = 1;
        const POLLERR_HUP_NVAL: i16 = 0x38;
        let fd = HostFd::from_launcher(-1);
        for count in [0, 1, 99] {
            let mut fds = [PollFd::new(&fd, POLLIN)];
            inject(Answer::Poll(-1, count));
            assert_eq!(poll_now(&mut fds).unwrap(), 1);
            assert_eq!(fds[0].ready(), POLLIN | POLLERR_HUP_NVAL);
        }
    }
}
