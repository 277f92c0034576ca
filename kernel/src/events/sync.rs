//! What [`Notifier`](super::Notifier) is synchronised by; the model test has the same names for loom's types.

pub(super) use core::sync::atomic::{AtomicUsize, Ordering};
pub(super) use frame::sync::Mutex;
