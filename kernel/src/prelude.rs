//! What nearly every module uses.

pub use alloc::boxed::Box;
pub use alloc::collections::{BTreeMap, VecDeque};
pub use alloc::format;
pub use alloc::string::{String, ToString};
pub use alloc::sync::{Arc, Weak};
pub use alloc::vec;
pub use alloc::vec::Vec;
pub use frame::sync::{Mutex, RwLock};
pub use frame::user::{Sink, Source, UserPtr, UserSlice};
pub use frame::{Errno, Error, Result};
pub use log::{debug, error, info, trace, warn};

/// An error with its reason in words: `err!(EINVAL, "the offset is negative")`, or without: `err!(ENOENT)`.
#[macro_export]
macro_rules! err {
    ($errno:ident) => {
        $crate::prelude::Error::from($crate::prelude::Errno::$errno)
    };
    ($errno:ident, $reason:literal) => {
        $crate::prelude::Error::new($crate::prelude::Errno::$errno, $reason)
    };
}

/// Returns an error: `bail!(EINVAL, "the offset is negative")`.
#[macro_export]
macro_rules! bail {
    ($($error:tt)*) => {
        return Err($crate::err!($($error)*))
    };
}

pub use crate::{bail, err};
