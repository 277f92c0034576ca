//! Control messages on their way to the host and back (`man 3 cmsg`).

use crate::net::control::{ControlMessage, ControlSink, messages};
use crate::prelude::*;
use linux_raw_sys::net::{SOL_ICMPV6, SOL_IP, SOL_IPV6, SOL_NETLINK, SOL_RAW, SOL_SOCKET, SOL_TCP, SOL_UDP};
use zerocopy::IntoBytes;

/// Bytes of a `struct cmsghdr`.
const HEADER: usize = 16;

/// Control messages that carry descriptors or identities, which the host and the LibOS don't share.
const SCM_RIGHTS: i32 = 1;
const SCM_CREDENTIALS: i32 = 2;
const SCM_PIDFD: i32 = 4;

/// A sender's control messages, without those that the host must not have.
///
/// # Errors
/// `EINVAL` if they are malformed.
pub(super) fn for_host(control: &[u8]) -> Result<Vec<u8>> {
    let mut passed = Vec::new();
    for message in messages(control) {
        let message = message?;
        if may_pass(message) {
            passed.extend_from_slice(&(HEADER + message.data.len()).to_ne_bytes());
            passed.extend_from_slice([message.level, message.kind].as_bytes());
            passed.extend_from_slice(message.data);
            passed.resize(passed.len().next_multiple_of(size_of::<usize>()), 0);
        }
    }
    Ok(passed)
}

/// Gives a receiver the control messages that the host gave.
pub(super) fn from_host(control: &[u8], sink: &mut ControlSink) {
    for message in messages(control) {
        match message {
            Ok(message) if may_pass(message) => sink.put(message.level, message.kind, message.data),
            Ok(_) => {}
            Err(_) => warn!("the host gave malformed control messages"),
        }
    }
}

fn may_pass(message: ControlMessage<'_>) -> bool {
    let may = match message.level as u32 {
        SOL_SOCKET => !matches!(message.kind, SCM_RIGHTS | SCM_CREDENTIALS | SCM_PIDFD),
        SOL_IP | SOL_IPV6 | SOL_TCP | SOL_UDP | SOL_ICMPV6 | SOL_RAW | SOL_NETLINK => true,
        _ => false,
    };
    if !may {
        warn!("a control message of level {} and type {} stays behind", message.level, message.kind);
    }
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u64, level: u32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [&len.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes(), data].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn descriptors_stay_behind() {
        let ttl = message(20, SOL_IP, 2, &[64, 0, 0, 0]);
        let rights = message(20, SOL_SOCKET, SCM_RIGHTS, &[3, 0, 0, 0]);
        assert_eq!(for_host(&[&ttl[..], &rights, &ttl].concat()), Ok([&ttl[..], &ttl].concat()));
        assert_eq!(for_host(&message(16, 99, 1, &[])), Ok(vec![]));
    }

    #[test]
    fn malformed_messages_are_refused() {
        for len in [0, 15, 25, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            assert_eq!(for_host(&message(len, SOL_IP, 2, &[0; 8])).unwrap_err().errno(), Errno::EINVAL, "{len}");
        }
        assert_eq!(for_host(&[0; 15]), Ok(vec![]));
    }
}
