//! Requests about the host's network interfaces (`man 7 netdevice`).

use crate::prelude::*;
use frame::ocall::net::{HostSocket, INTERFACE_SIZE, InterfaceRequest};

/// From `SIOCADDRT` to `SIOCDRARP`, beside what is asked.
const ABOUT_INTERFACES: core::ops::RangeInclusive<u32> = 0x890b..=0x8962;

/// Whether an `ioctl` is about interfaces.
pub(super) fn is_request(request: u32) -> bool {
    InterfaceRequest::from_raw(request).is_some() || ABOUT_INTERFACES.contains(&request)
}

/// Answers an `ioctl` that asks about interfaces.
///
/// # Errors
/// `EPERM` for what would change one, `ENOTTY` for what isn't such a request, `EFAULT`, and what the host gives.
pub(super) fn ioctl(socket: &HostSocket, request: u32, argument: u64) -> Result<usize> {
    const SIOCGIFCONF: u32 = 0x8912;
    if let Some(question) = InterfaceRequest::from_raw(request) {
        let user = UserPtr::<[u8; INTERFACE_SIZE]>::new(argument as usize);
        let mut interface = user.read()?;
        socket.interface(question, &mut interface)?;
        user.write(&interface)?;
        return Ok(0);
    }
    match request {
        SIOCGIFCONF => configuration(socket, UserPtr::new(argument as usize)),
        request if ABOUT_INTERFACES.contains(&request) => {
            warn!("the host's interfaces can't be changed ({request:#x})");
            bail!(EPERM, "the host's interfaces can't be changed")
        }
        _ => bail!(ENOTTY, "a socket has no such request"),
    }
}

/// `SIOCGIFCONF`: a `struct ifconf`, a length and where the list goes; without a place only the length is wanted.
fn configuration(socket: &HostSocket, argument: UserPtr<[u64; 2]>) -> Result<usize> {
    let [len, place] = argument.read()?;
    let list = socket.interfaces()?;
    let room = usize::try_from(len as i32).map_err(|_| err!(EINVAL, "the length is negative"))?;
    let written = if place == 0 {
        list.len()
    } else {
        let whole = list.len().min(room / INTERFACE_SIZE * INTERFACE_SIZE);
        UserPtr::<u8>::new(place as usize).write_array(&list[..whole])?;
        whole
    };
    argument.cast::<u32>().write(&(written as u32))?;
    Ok(0)
}
