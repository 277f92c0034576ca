//! Unix sockets (`man 7 unix`).

mod endpoint;
mod kind;

pub use endpoint::Endpoint;
pub use kind::Kind;

use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;

/// A socket.
///
/// # Errors
/// `ESOCKTNOSUPPORT`.
pub fn create(_thread: &Thread, kind: Kind, _status: StatusFlags) -> Result<Arc<dyn File>> {
    warn!("Unix sockets that aren't of a pair are not there yet: {kind:?}");
    bail!(ESOCKTNOSUPPORT, "only pairs are there");
}

/// Two sockets that are connected with each other.
///
/// # Errors
/// `ESOCKTNOSUPPORT`.
pub fn pair(thread: &Thread, kind: Kind, status: StatusFlags) -> Result<[Arc<dyn File>; 2]> {
    if kind != Kind::Stream {
        warn!("Unix sockets are not there yet: {kind:?}");
        bail!(ESOCKTNOSUPPORT, "only stream sockets are there");
    }
    let credentials = thread.credentials();
    let [one, other] = Endpoint::pair(status, [credentials.fsuid, credentials.fsgid]);
    Ok([one, other])
}
