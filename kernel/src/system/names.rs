//! Host and domain name.

use crate::prelude::*;
use config::Config;
use frame::ocall::process::host_names;
use frame::sync::Once;

/// Length of a field of `struct utsname`, its NUL included.
pub(super) const FIELD: usize = 65;

/// `struct utsname`: system, node, release, version, machine, domain.
pub(super) type Utsname = [[u8; FIELD]; 6];

const NODE: usize = 1;
const DOMAIN: usize = 5;

static NAMES: Once<RwLock<Utsname>> = Once::new();

fn names() -> &'static RwLock<Utsname> {
    NAMES.call_once(|| RwLock::new(host_names()))
}

/// Sets the host name, if one is given; else the host's is used.
pub fn init(config: &Config) {
    if let Some(name) = &config.hostname {
        set_host_name(name.as_bytes());
    }
}

/// All fields.
pub(super) fn all() -> Utsname {
    *names().read()
}

/// The host name.
pub fn host_name() -> Vec<u8> {
    field(NODE)
}

/// The NIS domain name.
pub fn domain_name() -> Vec<u8> {
    field(DOMAIN)
}

pub(super) fn set_host_name(name: &[u8]) {
    set(NODE, name);
}

pub(super) fn set_domain_name(name: &[u8]) {
    set(DOMAIN, name);
}

fn field(index: usize) -> Vec<u8> {
    let names = names().read();
    names[index].split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

fn set(index: usize, name: &[u8]) {
    let mut bytes = [0; FIELD];
    let len = name.len().min(FIELD - 1);
    bytes[..len].copy_from_slice(&name[..len]);
    names().write()[index] = bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_cut_to_its_field() {
        set_host_name(&[b'x'; 100]);
        assert_eq!(host_name(), [b'x'; 64]);
        set_host_name(b"short");
        assert_eq!(host_name(), b"short");
    }
}
