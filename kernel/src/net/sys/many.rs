//! Many messages by one call: `sendmmsg(2)` and `recvmmsg(2)`.

use super::as_socket;
use super::transfer::{receive_message, send_message};
use crate::net::{ManyHeader, MessageFlags};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{FileDesc, Flags};
use crate::time::Timespec;
use frame::sync::Deadline;

/// The most messages of one call (`UIO_MAXIOV`).
const MOST_MESSAGES: u32 = 1024;

/// `sendmmsg(2)`.
pub fn sendmmsg(
    cx: Context<'_>,
    fd: FileDesc,
    messages: UserPtr<ManyHeader>,
    count: u32,
    flags: Flags,
) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    let flags = MessageFlags::from_bits_truncate(flags.0);
    each(messages, count, |message| {
        let sent = send_message(cx.thread, socket, ManyHeader::header(message), flags)?;
        ManyHeader::write_len(message, sent)?;
        Ok(Then::Next)
    })
}

/// `recvmmsg(2)`.
pub fn recvmmsg(
    cx: Context<'_>,
    fd: FileDesc,
    messages: UserPtr<ManyHeader>,
    count: u32,
    flags: Flags,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    let deadline = match timeout.non_null() {
        Some(timeout) => Some(Deadline::after(timeout.read()?.duration()?)),
        None => None,
    };
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    let mut flags = MessageFlags::from_bits_truncate(flags.0);
    let wait_for_one = flags.contains(MessageFlags::MSG_WAITFORONE);
    flags.remove(MessageFlags::MSG_WAITFORONE);
    let received = each(messages, count, |message| {
        let len = receive_message(cx.thread, socket, ManyHeader::header(message), flags)?;
        ManyHeader::write_len(message, len)?;
        flags.set(MessageFlags::MSG_DONTWAIT, wait_for_one || flags.contains(MessageFlags::MSG_DONTWAIT));
        // The time is looked at after each message only (`man 2 recvmmsg`, BUGS).
        Ok(if deadline.is_some_and(Deadline::has_passed) { Then::Stop } else { Then::Next })
    })?;
    if let Some(deadline) = deadline {
        timeout.write(&deadline.remaining().into())?;
    }
    Ok(received)
}

/// Whether the next message is looked at.
enum Then {
    Next,
    Stop,
}

/// Transfers message after message; an error counts only if there's none before it.
fn each(
    messages: UserPtr<ManyHeader>,
    count: u32,
    mut transfer: impl FnMut(UserPtr<ManyHeader>) -> Result<Then>,
) -> Result<usize> {
    let mut done = 0;
    while done < count.min(MOST_MESSAGES) as usize {
        match transfer(messages.at(done)) {
            Ok(then) => {
                done += 1;
                if matches!(then, Then::Stop) {
                    break;
                }
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}
