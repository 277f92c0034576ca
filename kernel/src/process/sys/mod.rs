//! System calls about processes and threads.

mod capabilities;
mod cpus;
mod group;
mod identity;
mod life;
mod limits;
mod pidfd;
mod prctl;
mod priority;
mod sched;
mod sched_attr;
mod wait;

pub use capabilities::*;
pub use cpus::*;
pub use group::*;
pub use identity::*;
pub use life::*;
pub use limits::*;
pub use pidfd::*;
pub use prctl::*;
pub use priority::*;
pub use sched::*;
pub use sched_attr::*;
pub use wait::*;
