//! Settings of a terminal (`man 3 termios`).

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags! {
    /// `c_iflag`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct InputFlags: u32 {
        /// Strips the eighth bit.
        const ISTRIP = 0o40;
        /// NL becomes CR.
        const INLCR = 0o100;
        /// CR is dropped.
        const IGNCR = 0o200;
        /// CR becomes NL.
        const ICRNL = 0o400;
        /// Upper case becomes lower case.
        const IUCLC = 0o1000;
        /// START and STOP control the output.
        const IXON = 0o2000;
        /// Any character restarts the output.
        const IXANY = 0o4000;
        /// `\377` is doubled.
        const PARMRK = 0o10;
        /// A full line rings the bell.
        const IMAXBEL = 0o20000;
        /// Characters are UTF-8.
        const IUTF8 = 0o40000;
    }
}

bitflags! {
    /// `c_oflag`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct OutputFlags: u32 {
        /// Output is processed.
        const OPOST = 0o1;
        /// Lower case becomes upper case.
        const OLCUC = 0o2;
        /// NL becomes CR NL.
        const ONLCR = 0o4;
        /// CR becomes NL.
        const OCRNL = 0o10;
        /// No CR at column 0.
        const ONOCR = 0o20;
        /// NL does what CR does.
        const ONLRET = 0o40;
        /// Tabs become spaces (`TAB3`, `XTABS`).
        const XTABS = 0o14000;
    }
}

bitflags! {
    /// `c_lflag`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct LocalFlags: u32 {
        /// Characters send signals.
        const ISIG = 0o1;
        /// Input comes in lines, which can be edited.
        const ICANON = 0o2;
        /// Input is echoed.
        const ECHO = 0o10;
        /// ERASE erases on the screen.
        const ECHOE = 0o20;
        /// KILL is followed by a newline.
        const ECHOK = 0o40;
        /// NL is echoed, even without `ECHO`.
        const ECHONL = 0o100;
        /// Signals don't flush.
        const NOFLSH = 0o200;
        /// Writers in the background are stopped.
        const TOSTOP = 0o400;
        /// Control characters are echoed as `^X`.
        const ECHOCTL = 0o1000;
        /// What is erased is printed.
        const ECHOPRT = 0o2000;
        /// KILL erases on the screen.
        const ECHOKE = 0o4000;
        /// `LNEXT`, `WERASE`, `REPRINT`, `EOL2` have meaning.
        const IEXTEN = 0o100000;
        /// The other end does the processing.
        const EXTPROC = 0o200000;
    }
}

/// Places of special characters in `c_cc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Special {
    Intr = 0,
    Quit = 1,
    Erase = 2,
    Kill = 3,
    Eof = 4,
    Time = 5,
    Min = 6,
    Start = 8,
    Stop = 9,
    Susp = 10,
    Eol = 11,
    Reprint = 12,
    Werase = 14,
    Lnext = 15,
    Eol2 = 16,
}

/// `struct termios` as the kernel has it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Termios {
    iflag: u32,
    oflag: u32,
    cflag: u32,
    lflag: u32,
    line: u8,
    cc: [u8; 19],
}

/// `struct termios2`: with speeds as numbers.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Termios2 {
    /// The settings.
    pub(super) termios: Termios,
    ispeed: u32,
    ospeed: u32,
}

const CBAUD: u32 = 0o10017;
const CSIZE: u32 = 0o60;
const CS8: u32 = 0o60;
const CREAD: u32 = 0o200;
const PARENB: u32 = 0o400;
/// Bits from `c_ispeed`'s code to that of `c_ospeed`.
const IBSHIFT: u32 = 16;
/// The code for a speed that stands in `termios2` only.
const BOTHER: u32 = 0o10000;
const B38400: u32 = 0o17;

/// Speeds by code: those up to 15, then those from `B57600` on.
const SPEEDS: [u32; 31] = [
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115_200, 230_400,
    460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000,
    4_000_000,
];

impl Termios {
    /// What a new terminal starts with.
    pub(super) const INITIAL: Self = Self {
        iflag: InputFlags::ICRNL.bits() | InputFlags::IXON.bits(),
        oflag: OutputFlags::OPOST.bits() | OutputFlags::ONLCR.bits(),
        cflag: B38400 | CS8 | CREAD,
        lflag: LocalFlags::ISIG.bits()
            | LocalFlags::ICANON.bits()
            | LocalFlags::ECHO.bits()
            | LocalFlags::ECHOE.bits()
            | LocalFlags::ECHOK.bits()
            | LocalFlags::ECHOCTL.bits()
            | LocalFlags::ECHOKE.bits()
            | LocalFlags::IEXTEN.bits(),
        line: 0,
        cc: [3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0xf, 0x17, 0x16, 0, 0, 0],
    };

    /// `c_iflag`.
    pub(super) fn input(&self) -> InputFlags {
        InputFlags::from_bits_retain(self.iflag)
    }

    /// `c_oflag`.
    pub(super) fn output(&self) -> OutputFlags {
        OutputFlags::from_bits_retain(self.oflag)
    }

    /// `c_lflag`.
    pub(super) fn local(&self) -> LocalFlags {
        LocalFlags::from_bits_retain(self.lflag)
    }

    /// Whether input comes in lines.
    pub(super) fn is_canonical(&self) -> bool {
        self.local() & (LocalFlags::ICANON | LocalFlags::EXTPROC) == LocalFlags::ICANON
    }

    /// A special character's byte, or a number in its place.
    pub(super) fn special(&self, special: Special) -> u8 {
        self.cc[special as usize]
    }

    /// Whether `byte` is this special character; none is if it's disabled.
    pub(super) fn is(&self, byte: u8, special: Special) -> bool {
        byte != 0 && self.special(special) == byte
    }

    /// Whether START and STOP are the usual characters and control the output (`TIOCPKT_DOSTOP`).
    pub(super) fn has_usual_flow_control(&self) -> bool {
        self.input().contains(InputFlags::IXON)
            && self.special(Special::Stop) == 0x13
            && self.special(Special::Start) == 0x11
    }

    /// What becomes of them on a pseudoterminal, which has eight bits and no parity.
    #[must_use]
    pub(super) fn on_pty(self) -> Self {
        Self { cflag: self.cflag & !(CSIZE | PARENB) | CS8 | CREAD, ..self }
    }

    /// With the speeds as numbers; `old` has those that have no code.
    pub(super) fn with_speeds(self, old: [u32; 2]) -> Termios2 {
        let speed = |code: u32, old| match code {
            BOTHER => old,
            code if code & BOTHER != 0 => SPEEDS.get(15 + (code & 0xf) as usize).copied().unwrap_or(old),
            code => SPEEDS.get(code as usize).copied().unwrap_or(old),
        };
        let ospeed = speed(self.cflag & CBAUD, old[1]);
        let ispeed = match self.cflag >> IBSHIFT & CBAUD {
            0 => ospeed,
            code => speed(code, old[0]),
        };
        Termios2 { termios: self, ispeed, ospeed }
    }
}

impl Termios2 {
    /// What a new terminal starts with.
    pub(super) const INITIAL: Self = Self { termios: Termios::INITIAL, ispeed: 38400, ospeed: 38400 };

    /// Speeds of input and output.
    pub(super) fn speeds(&self) -> [u32; 2] {
        [self.ispeed, self.ospeed]
    }
}
