//! Addresses that the host gives.

use super::Domain;
use crate::errno::{Errno, Error, Result};

/// The longest address: `struct sockaddr_storage`.
pub const MAX_ADDRESS: usize = 128;

/// An address of the host: of the family of the socket that it was asked of, and as long as addresses of that are.
#[derive(Clone, Copy, Debug)]
pub struct HostAddress {
    bytes: [u8; MAX_ADDRESS],
    len: usize,
}

impl HostAddress {
    /// Room for one.
    pub(super) const fn room() -> [u8; MAX_ADDRESS] {
        [0; MAX_ADDRESS]
    }

    /// What the host wrote, or `None` if it said that there's no address.
    ///
    /// # Errors
    /// `EIO` for another family, or a length that addresses of this one don't have.
    pub(super) fn checked(domain: Domain, bytes: [u8; MAX_ADDRESS], len: usize) -> Result<Option<Self>> {
        if len == 0 {
            return Ok(None);
        }
        let family = u16::from_ne_bytes([bytes[0], bytes[1]]);
        if len != domain.address_len() || family != domain as u16 {
            return Err(Error::new(Errno::EIO, "the host gave an address of another family"));
        }
        Ok(Some(Self { bytes, len }))
    }

    /// The bytes of its `struct sockaddr`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(family: u16, len: usize) -> Result<Option<HostAddress>> {
        let mut bytes = HostAddress::room();
        bytes[..2].copy_from_slice(&family.to_ne_bytes());
        HostAddress::checked(Domain::Inet, bytes, len)
    }

    #[test]
    fn an_address_of_another_family_or_length_is_refused() {
        assert!(answer(2, 0).unwrap().is_none());
        assert_eq!(answer(2, 16).unwrap().unwrap().as_bytes().len(), 16);
        for (family, len) in [(10, 16), (10, 28), (2, 15), (2, 17), (2, 128), (2, 129), (2, usize::MAX), (0, 16)] {
            assert_eq!(answer(family, len).unwrap_err().errno(), Errno::EIO, "{family} {len}");
        }
    }
}
