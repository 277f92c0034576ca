//! Signal numbers and sets of them.

use crate::prelude::*;
use core::fmt;

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

macro_rules! signals {
    ($($name:ident = $number:literal;)*) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                pub const $name: Self = Self($number);
            )*

            /// Its name, without one for real-time signals.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

signals! {
    SIGHUP = 1;
    SIGINT = 2;
    SIGQUIT = 3;
    SIGILL = 4;
    SIGTRAP = 5;
    SIGABRT = 6;
    SIGBUS = 7;
    SIGFPE = 8;
    SIGKILL = 9;
    SIGUSR1 = 10;
    SIGSEGV = 11;
    SIGUSR2 = 12;
    SIGPIPE = 13;
    SIGALRM = 14;
    SIGTERM = 15;
    SIGSTKFLT = 16;
    SIGCHLD = 17;
    SIGCONT = 18;
    SIGSTOP = 19;
    SIGTSTP = 20;
    SIGTTIN = 21;
    SIGTTOU = 22;
    SIGURG = 23;
    SIGXCPU = 24;
    SIGXFSZ = 25;
    SIGVTALRM = 26;
    SIGPROF = 27;
    SIGWINCH = 28;
    SIGIO = 29;
    SIGPWR = 30;
    SIGSYS = 31;
}

/// What a signal does to a process that has no handler for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// It ends.
    Terminate,
    /// It ends, and would dump core.
    Core,
    /// Nothing.
    Ignore,
    /// It stops.
    Stop,
    /// It goes on if it was stopped.
    Continue,
}

impl Signal {
    /// The first real-time signal, from which on each sending counts.
    pub const REALTIME: u8 = 32;

    /// The signal of this number.
    ///
    /// # Errors
    /// `EINVAL`.
    pub fn new(number: u64) -> Result<Self> {
        if (1..=64).contains(&number) { Ok(Self(number as u8)) } else { Err(err!(EINVAL, "no such signal")) }
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// Whether each sending counts.
    pub const fn is_realtime(self) -> bool {
        self.0 >= Self::REALTIME
    }

    /// Whether positive codes in its details mean something of its own.
    pub const fn has_own_codes(self) -> bool {
        matches!(
            self,
            Self::SIGILL
                | Self::SIGFPE
                | Self::SIGSEGV
                | Self::SIGBUS
                | Self::SIGTRAP
                | Self::SIGCHLD
                | Self::SIGIO
                | Self::SIGSYS
        )
    }

    /// What it does without a handler.
    pub const fn default_action(self) -> DefaultAction {
        match self {
            Self::SIGQUIT
            | Self::SIGILL
            | Self::SIGTRAP
            | Self::SIGABRT
            | Self::SIGBUS
            | Self::SIGFPE
            | Self::SIGSEGV
            | Self::SIGXCPU
            | Self::SIGXFSZ
            | Self::SIGSYS => DefaultAction::Core,
            Self::SIGCHLD | Self::SIGURG | Self::SIGWINCH => DefaultAction::Ignore,
            Self::SIGSTOP | Self::SIGTSTP | Self::SIGTTIN | Self::SIGTTOU => DefaultAction::Stop,
            Self::SIGCONT => DefaultAction::Continue,
            _ => DefaultAction::Terminate,
        }
    }

    const fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "SIGRT_{}", self.0 - Self::REALTIME),
        }
    }
}

/// A set of signals, as the kernel's `sigset_t`: bit 0 is signal 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SigSet(u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// What can't be blocked.
    pub const UNBLOCKABLE: Self = Self(Signal::SIGKILL.bit() | Signal::SIGSTOP.bit());
    /// What stops a process unless it has a handler.
    pub const STOPPING: Self =
        Self(Signal::SIGSTOP.bit() | Signal::SIGTSTP.bit() | Signal::SIGTTIN.bit() | Signal::SIGTTOU.bit());
    /// What a fault of the program raises.
    pub const SYNCHRONOUS: Self = Self(
        Signal::SIGSEGV.bit()
            | Signal::SIGBUS.bit()
            | Signal::SIGILL.bit()
            | Signal::SIGTRAP.bit()
            | Signal::SIGFPE.bit()
            | Signal::SIGSYS.bit(),
    );

    /// The set of these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Just this signal.
    pub const fn only(signal: Signal) -> Self {
        Self(signal.bit())
    }

    /// Whether `signal` is in it.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & signal.bit() != 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What isn't in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signal in it that is delivered first: synchronous ones, then by number.
    pub fn first(self) -> Option<Signal> {
        let urgent = self.intersection(Self::SYNCHRONOUS);
        let set = if urgent.is_empty() { self } else { urgent };
        (set.0 != 0).then(|| Signal(set.0.trailing_zeros() as u8 + 1))
    }
}
