//! System calls about processes and threads.

mod capabilities;
mod group;
mod identity;
mod life;
mod limits;
mod pidfd;
mod prctl;
mod sched;
mod sched_attr;
mod wait;

pub use capabilities::*;
pub use group::*;
pub use identity::*;
pub use life::*;
pub use limits::*;
pub use pidfd::*;
pub use prctl::*;
pub use sched::*;
pub use sched_attr::*;
pub use wait::*;
