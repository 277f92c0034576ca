//! Control messages on their way to the host and back (`man 3 cmsg`).

use crate::prelude::*;
use linux_raw_sys::net::{SOL_ICMPV6, SOL_IP, SOL_IPV6, SOL_NETLINK, SOL_RAW, SOL_SOCKET, SOL_TCP, SOL_UDP};

/// Bytes of a `struct cmsghdr`.
const HEADER: usize = 16;

/// Control messages that carry descriptors or identities, which the host and the LibOS don't share.
const SCM_RIGHTS: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;
const SCM_PIDFD: u32 = 4;

/// The messages in `control` that may pass.
///
/// # Errors
/// `EINVAL` if they are malformed.
pub(super) fn filter(control: &[u8]) -> Result<Vec<u8>> {
    let mut passed = Vec::new();
    let mut rest = control;
    while rest.len() >= HEADER {
        let word = |at: usize| u32::from_ne_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        // `cmsg_len` has 64 bits.
        let len = if word(4) == 0 { word(0) as usize } else { usize::MAX };
        if len < HEADER || len > rest.len() {
            bail!(EINVAL, "a control message's length is wrong");
        }
        let padded = len.next_multiple_of(size_of::<usize>()).min(rest.len());
        if may_pass(word(8), word(12)) {
            passed.extend_from_slice(&rest[..padded]);
        } else {
            warn!("a control message of level {} and type {} stays behind", word(8), word(12));
        }
        rest = &rest[padded..];
    }
    Ok(passed)
}

fn may_pass(level: u32, kind: u32) -> bool {
    match level {
        SOL_SOCKET => !matches!(kind, SCM_RIGHTS | SCM_CREDENTIALS | SCM_PIDFD),
        SOL_IP | SOL_IPV6 | SOL_TCP | SOL_UDP | SOL_ICMPV6 | SOL_RAW | SOL_NETLINK => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u64, level: u32, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [&len.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes(), data].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn descriptors_stay_behind() {
        let ttl = message(20, SOL_IP, 2, &[64, 0, 0, 0]);
        let rights = message(20, SOL_SOCKET, SCM_RIGHTS, &[3, 0, 0, 0]);
        assert_eq!(filter(&[&ttl[..], &rights, &ttl].concat()), Ok([&ttl[..], &ttl].concat()));
        assert_eq!(filter(&message(16, 99, 1, &[])), Ok(vec![]));
    }

    #[test]
    fn malformed_messages_are_refused() {
        for len in [0, 15, 25, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            assert_eq!(filter(&message(len, SOL_IP, 2, &[0; 8])).unwrap_err().errno(), Errno::EINVAL, "{len}");
        }
        assert_eq!(filter(&[0; 15]), Ok(vec![]));
        assert_eq!(filter(&message(21, SOL_IP, 2, &[0; 5])[..21]).map(|passed| passed.len()), Ok(21));
    }
}
