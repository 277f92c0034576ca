//! System calls about processes and threads.

mod capabilities;
mod identity;
mod life;
mod limits;
mod prctl;
mod sched;
mod sched_attr;

pub use capabilities::*;
pub use identity::*;
pub use life::*;
pub use limits::*;
pub use prctl::*;
pub use sched::*;
pub use sched_attr::*;
