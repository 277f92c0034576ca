//! Who may do what with a file (`man 7 path_resolution`, `man 7 capabilities`).

use super::inode::{FileType, Metadata};
use crate::prelude::*;
use crate::process::Credentials;
use bitflags::bitflags;

bitflags! {
    /// What somebody wants to do with a file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u32 {
        /// Execute it, or search the directory.
        const EXEC = 1;
        /// Write it.
        const WRITE = 2;
        /// Read it.
        const READ = 4;
    }
}

const CAP_CHOWN: u32 = 0;
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_FOWNER: u32 = 3;

/// Whether all permission checks on directories can be skipped.
pub(super) fn may_search_all(credentials: &Credentials) -> bool {
    credentials.has_cap(CAP_DAC_OVERRIDE) || credentials.has_cap(CAP_DAC_READ_SEARCH)
}

/// Checks permissions on a file.
///
/// # Errors
/// `EACCES`.
pub fn check(credentials: &Credentials, metadata: &Metadata, access: Access) -> Result<()> {
    let shift = if credentials.fsuid == metadata.uid {
        6
    } else if credentials.is_in_group(metadata.gid) {
        3
    } else {
        0
    };
    let granted = Access::from_bits_truncate(metadata.mode >> shift);
    if granted.contains(access) {
        return Ok(());
    }
    let is_directory = metadata.kind == FileType::Directory;
    let is_executable = is_directory || metadata.mode & 0o111 != 0;
    if credentials.has_cap(CAP_DAC_OVERRIDE) && (is_executable || !access.contains(Access::EXEC)) {
        return Ok(());
    }
    let searches = if is_directory { Access::READ | Access::EXEC } else { Access::READ };
    if credentials.has_cap(CAP_DAC_READ_SEARCH) && searches.contains(access) {
        return Ok(());
    }
    Err(err!(EACCES, "the file's permissions don't allow it"))
}

/// Checks that somebody may change attributes that are the owner's affair.
///
/// # Errors
/// `EPERM`.
pub fn check_owner(credentials: &Credentials, metadata: &Metadata) -> Result<()> {
    if credentials.fsuid == metadata.uid || credentials.has_cap(CAP_FOWNER) {
        Ok(())
    } else {
        Err(err!(EPERM, "only the owner may do that"))
    }
}

/// Checks that somebody may change the owner or group of a file.
///
/// # Errors
/// `EPERM`.
pub fn check_chown(credentials: &Credentials, metadata: &Metadata, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    if credentials.has_cap(CAP_CHOWN) {
        return Ok(());
    }
    let is_owner = credentials.fsuid == metadata.uid;
    let keeps_uid = uid.is_none_or(|uid| is_owner && uid == metadata.uid);
    let keeps_gid = gid.is_none_or(|gid| is_owner && (gid == metadata.gid || credentials.is_in_group(gid)));
    if keeps_uid && keeps_gid { Ok(()) } else { Err(err!(EPERM, "only root may give files away")) }
}

/// Checks that somebody may remove or rename an entry of a directory: in a sticky one, the owners only.
///
/// # Errors
/// `EACCES`, `EPERM`.
pub fn check_remove(credentials: &Credentials, dir: &Metadata, entry: &Metadata) -> Result<()> {
    const STICKY: u32 = 0o1000;
    check(credentials, dir, Access::WRITE | Access::EXEC)?;
    if dir.mode & STICKY == 0
        || credentials.fsuid == entry.uid
        || credentials.fsuid == dir.uid
        || credentials.has_cap(CAP_FOWNER)
    {
        Ok(())
    } else {
        Err(err!(EPERM, "the directory is sticky and the file another's"))
    }
}
