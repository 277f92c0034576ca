//! System calls about processes and threads.

mod life;

pub use life::*;
