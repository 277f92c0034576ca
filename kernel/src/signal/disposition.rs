//! What a process does about signals (`man 2 sigaction`).

use super::number::DefaultAction;
use super::{SigSet, Signal};
use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags! {
    /// `SA_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ActionFlags: u64 {
        /// `NOCLDSTOP`.
        const NOCLDSTOP = 1;
        /// `NOCLDWAIT`.
        const NOCLDWAIT = 2;
        /// `SIGINFO`.
        const SIGINFO = 4;
        /// `EXPOSE_TAGBITS`.
        const EXPOSE_TAGBITS = 0x800;
        /// `RESTORER`.
        const RESTORER = 0x0400_0000;
        /// `ONSTACK`.
        const ONSTACK = 0x0800_0000;
        /// `RESTART`.
        const RESTART = 0x1000_0000;
        /// `NODEFER`.
        const NODEFER = 0x4000_0000;
        /// `RESETHAND`.
        const RESETHAND = 0x8000_0000;
    }
}

/// The kernel's `struct sigaction` of x86-64.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Action {
    handler: u64,
    flags: u64,
    restorer: u64,
    mask: u64,
}

const SIG_DFL: u64 = 0;
const SIG_IGN: u64 = 1;

/// What is done with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// Nothing.
    Ignore,
    /// The default action.
    Default(DefaultAction),
    /// The program's handler at this address.
    Handler(u64),
}

impl Action {
    pub(super) fn response(&self, signal: Signal) -> Response {
        match self.handler {
            SIG_DFL => match signal.default_action() {
                DefaultAction::Ignore | DefaultAction::Continue => Response::Ignore,
                action => Response::Default(action),
            },
            SIG_IGN => Response::Ignore,
            handler => Response::Handler(handler),
        }
    }

    /// Whether the signal is ignored by choice.
    pub(super) fn is_ignored(&self) -> bool {
        self.handler == SIG_IGN
    }

    /// What is left after a handler that runs once (`SA_RESETHAND`).
    pub(super) fn without_handler(mut self) -> Self {
        self.handler = SIG_DFL;
        self
    }

    pub(super) fn flags(&self) -> ActionFlags {
        ActionFlags::from_bits_truncate(self.flags)
    }

    pub(super) fn restorer(&self) -> u64 {
        self.restorer
    }

    pub(super) fn mask(&self) -> SigSet {
        SigSet::from_bits(self.mask).without(SigSet::UNBLOCKABLE)
    }

    /// What is kept of an action that a program sets: unknown flags and what can't be blocked go.
    pub(super) fn sanitized(mut self) -> Self {
        self.flags = self.flags().bits();
        self.mask = self.mask().bits();
        self
    }
}

/// The actions of a process, by signal.
#[derive(Clone, Debug)]
pub struct Dispositions([Action; 64]);

impl Default for Dispositions {
    fn default() -> Self {
        Self([Action::default(); 64])
    }
}

impl Dispositions {
    /// The action for a signal.
    pub fn get(&self, signal: Signal) -> Action {
        self.0[signal.number() as usize - 1]
    }

    /// Sets the action for a signal; gives the old one.
    pub fn set(&mut self, signal: Signal, action: Action) -> Action {
        core::mem::replace(&mut self.0[signal.number() as usize - 1], action)
    }

    /// What `execve` makes of it: handlers are gone, what is ignored stays so.
    pub fn reset_handlers(&mut self) {
        for action in &mut self.0 {
            let handler = if action.handler == SIG_IGN { SIG_IGN } else { SIG_DFL };
            *action = Action { handler, ..Action::default() };
        }
    }

    /// Ignores all signals, as the init process does.
    pub fn ignore_all(&mut self) {
        for action in &mut self.0 {
            action.handler = SIG_IGN;
        }
    }

    /// Signals that are ignored by choice, as `/proc` shows them.
    pub fn ignored_bits(&self) -> u64 {
        self.bits(|action| action.handler == SIG_IGN)
    }

    /// Signals that have a handler, as `/proc` shows them.
    pub fn caught_bits(&self) -> u64 {
        self.bits(|action| action.handler > SIG_IGN)
    }

    fn bits(&self, include: impl Fn(&Action) -> bool) -> u64 {
        self.0.iter().enumerate().filter(|(_, action)| include(action)).map(|(index, _)| 1 << index).sum()
    }
}
