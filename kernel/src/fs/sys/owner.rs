//! `fcntl` and `ioctl` about who is signalled when a file becomes ready (`man 2 fcntl`, "Managing signals").

use crate::events::signal_io::{self, Owner, OwnerKind};
use crate::fs::{File, FileType, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::signal::Signal;
use crate::syscalls::args::FileDesc;

const F_SETOWN: u32 = 8;
const F_GETOWN: u32 = 9;
const F_SETSIG: u32 = 10;
const F_GETSIG: u32 = 11;
const F_SETOWN_EX: u32 = 15;
const F_GETOWN_EX: u32 = 16;
const FIOASYNC: u32 = 0x5452;
const FIOSETOWN: u32 = 0x8901;
const SIOCSPGRP: u32 = 0x8902;
const FIOGETOWN: u32 = 0x8903;
const SIOCGPGRP: u32 = 0x8904;

/// Does one of these commands of `fcntl`; `None` for any other.
pub(super) fn fcntl(thread: &Thread, file: &Arc<dyn File>, command: u32, argument: u64) -> Option<Result<usize>> {
    Some(match command {
        F_SETOWN => set_owner(thread, file, argument as i32),
        F_GETOWN => Ok(id_of_owner(file) as usize),
        F_SETOWN_EX => set_typed_owner(thread, file, UserPtr::new(argument as usize)),
        F_GETOWN_EX => typed_owner(file, UserPtr::new(argument as usize)),
        F_SETSIG => set_signal(file, argument),
        F_GETSIG => Ok(signal_io::chosen_signal(file).map_or(0, |signal| signal.number() as usize)),
        _ => return None,
    })
}

/// Does one of these requests of `ioctl`; `None` for any other.
pub(super) fn ioctl(
    thread: &Thread,
    fd: FileDesc,
    file: &Arc<dyn File>,
    request: u32,
    argument: UserPtr<i32>,
) -> Option<Result<usize>> {
    let is_socket = || file.metadata().is_ok_and(|metadata| metadata.kind == FileType::Socket);
    Some(match request {
        FIOASYNC => argument.read().and_then(|on| set_async_by_ioctl(fd, file, on != 0)),
        FIOSETOWN | SIOCSPGRP if is_socket() => argument.read().and_then(|id| set_owner(thread, file, id)),
        FIOGETOWN | SIOCGPGRP if is_socket() => argument.write(&(id_of_owner(file) as i32)).map(|()| 0),
        _ => return None,
    })
}

/// Changes the status of a file, and whether it signals.
pub(super) fn set_status(fd: FileDesc, file: &Arc<dyn File>, mut status: StatusFlags) -> Result<()> {
    match (file.status().contains(StatusFlags::O_ASYNC), status.contains(StatusFlags::O_ASYNC)) {
        // Files that can't signal don't keep the flag.
        (false, true) => status.set(StatusFlags::O_ASYNC, signal_io::start(file, fd.0)?),
        (true, false) => signal_io::stop(file),
        _ => {}
    }
    file.set_status(status)
}

/// Unlike `fcntl`, it refuses files that can't signal.
fn set_async_by_ioctl(fd: FileDesc, file: &Arc<dyn File>, on: bool) -> Result<usize> {
    let mut status = file.status();
    if status.contains(StatusFlags::O_ASYNC) != on && !signal_io::is_able(&**file)? {
        bail!(ENOTTY, "the file can't signal that it is ready");
    }
    status.set(StatusFlags::O_ASYNC, on);
    set_status(fd, file, status)?;
    Ok(0)
}

fn set(thread: &Thread, file: &Arc<dyn File>, owner: Owner) -> Result<usize> {
    if owner.id != 0 && !owner.exists() {
        bail!(ESRCH, "nobody has this id");
    }
    signal_io::set_owner(thread, file, owner);
    Ok(0)
}

/// A negative id stands for a group.
fn set_owner(thread: &Thread, file: &Arc<dyn File>, id: i32) -> Result<usize> {
    if id == i32::MIN {
        bail!(EINVAL, "no such group");
    }
    let kind = if id < 0 { OwnerKind::Group } else { OwnerKind::Process };
    set(thread, file, Owner { kind, id: id.unsigned_abs() })
}

/// As [`set_owner`] has it; 0 if there's none, or not any more.
fn id_of_owner(file: &Arc<dyn File>) -> isize {
    let owner = signal_io::owner(file);
    let id = if owner.exists() { owner.id as isize } else { 0 };
    if owner.kind == OwnerKind::Group { -id } else { id }
}

/// `struct f_owner_ex`: type and id.
type TypedOwner = [i32; 2];

fn set_typed_owner(thread: &Thread, file: &Arc<dyn File>, owner: UserPtr<TypedOwner>) -> Result<usize> {
    let [kind, id] = owner.read()?;
    let kind = [OwnerKind::Thread, OwnerKind::Process, OwnerKind::Group]
        .into_iter()
        .find(|known| *known as i32 == kind)
        .ok_or(err!(EINVAL, "no such type of owner"))?;
    let id = u32::try_from(id).map_err(|_| err!(ESRCH, "ids are positive"))?;
    set(thread, file, Owner { kind, id })
}

fn typed_owner(file: &Arc<dyn File>, place: UserPtr<TypedOwner>) -> Result<usize> {
    let owner = signal_io::owner(file);
    let id = if owner.exists() { owner.id as i32 } else { 0 };
    place.write(&[owner.kind as i32, id])?;
    Ok(0)
}

/// 0 stands for `SIGIO` without details.
fn set_signal(file: &Arc<dyn File>, number: u64) -> Result<usize> {
    let signal = if number == 0 { None } else { Some(Signal::new(number)?) };
    signal_io::choose_signal(file, signal);
    Ok(0)
}
