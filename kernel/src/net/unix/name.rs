//! Names of Unix sockets (`man 7 unix`).

use crate::net::{AF_UNIX, Address};
use crate::prelude::*;

/// What a socket is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Name {
    /// Nothing.
    #[default]
    Unnamed,
    /// A path, as it was given.
    Path(Vec<u8>),
    /// A name that lies in no file system, without the NUL before it.
    Abstract(Vec<u8>),
}

/// Bytes before the name in `struct sockaddr_un`, and all of them.
const FAMILY_LEN: usize = 2;
const MAX_LEN: usize = 110;

impl Name {
    /// The name in an address. One with the family alone is none.
    ///
    /// # Errors
    /// `EINVAL` for another family, or one that is too short or too long.
    pub fn parse(address: &Address) -> Result<Self> {
        if address.len() > MAX_LEN || address.family() != Some(AF_UNIX) {
            bail!(EINVAL, "not the address of a Unix socket");
        }
        Ok(match &address.bytes()[FAMILY_LEN..] {
            [] => Self::Unnamed,
            [0, name @ ..] => Self::Abstract(name.to_vec()),
            path => Self::Path(path.iter().copied().take_while(|&byte| byte != 0).collect()),
        })
    }

    /// The name of a socket that is to be reached.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse), and `EINVAL` for none.
    pub fn of_peer(address: &Address) -> Result<Self> {
        match Self::parse(address)? {
            Self::Unnamed => Err(err!(EINVAL, "an address without a name")),
            name => Ok(name),
        }
    }

    /// The address with it; a path is followed by a NUL.
    pub fn address(&self) -> Address {
        let mut bytes = AF_UNIX.to_ne_bytes().to_vec();
        match self {
            Self::Unnamed => {}
            Self::Path(path) => {
                bytes.extend_from_slice(path);
                bytes.push(0);
            }
            Self::Abstract(name) => {
                bytes.push(0);
                bytes.extend_from_slice(name);
            }
        }
        Address::new(&bytes)
    }

    /// As a message's sender: one without a name has no address.
    pub fn sender_address(&self) -> Address {
        if *self == Self::Unnamed { Address::EMPTY } else { self.address() }
    }
}
