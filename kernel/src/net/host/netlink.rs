//! What may be said to the host's kernel by a route socket (`man 7 rtnetlink`).

use crate::prelude::*;

/// Bytes of a `struct nlmsghdr`.
const HEADER: usize = 16;
/// The longest datagram that is taken.
pub(super) const LONGEST: usize = 64 << 10;

/// Checks that a datagram holds only questions: the host's network isn't a program's to change.
///
/// # Errors
/// `EPERM`.
pub(super) fn check(datagram: &[u8]) -> Result<()> {
    /// The first type that isn't `NLMSG_NOOP` and its like.
    const FIRST: u16 = 16;
    /// Types come in fours: new, delete, get, set.
    const KINDS: u16 = 4;
    const GET: u16 = 2;
    let mut rest = datagram;
    while let Some(header) = rest.get(..HEADER) {
        let len = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if len < HEADER || len > rest.len() {
            // Linux ends here as well.
            break;
        }
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        if kind >= FIRST && (kind - FIRST) % KINDS != GET {
            warn!("the host's network can't be changed (rtnetlink message {kind})");
            bail!(EPERM, "the host's network can't be changed");
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

/// Checks that an address is that of the host's kernel, not of other programs or groups of them.
///
/// # Errors
/// `EPERM`.
pub(super) fn check_peer(address: &[u8]) -> Result<()> {
    // `nl_pid` and `nl_groups`, behind the family and two bytes of nothing.
    if address.get(4..12).unwrap_or_default().iter().any(|&byte| byte != 0) {
        warn!("a route socket talks to the host's kernel only");
        bail!(EPERM, "a route socket talks to the host's kernel only");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, len: u32) -> Vec<u8> {
        let mut bytes = vec![0; 20];
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes
    }

    #[test]
    fn only_questions_pass() {
        const RTM_NEWADDR: u16 = 20;
        const RTM_DELADDR: u16 = 21;
        const RTM_GETADDR: u16 = 22;
        const RTM_SETLINK: u16 = 19;
        assert!(check(&message(RTM_GETADDR, 20)).is_ok());
        for kind in [RTM_NEWADDR, RTM_DELADDR, RTM_SETLINK] {
            assert_eq!(check(&message(kind, 20)).unwrap_err().errno(), Errno::EPERM);
            // Behind a question, and with a length that isn't aligned.
            let two = [message(RTM_GETADDR, 17), message(kind, 20)].concat();
            assert_eq!(check(&two).unwrap_err().errno(), Errno::EPERM);
        }
    }

    #[test]
    fn what_linux_ignores_is_ignored() {
        for datagram in [vec![], vec![0; 15], message(20, 15), message(20, 21), message(20, u32::MAX)] {
            assert!(check(&datagram).is_ok());
        }
    }
}
