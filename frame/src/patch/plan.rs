//! What patching a site takes.

use crate::entry::ENTRY_SLOT;
use alloc::vec::Vec;
use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, FlowControl, Instruction};

/// Length of the jump that replaces a site.
pub(super) const JUMP_LEN: usize = 5;
/// The index of a trampoline's point at which a system call returns.
pub(super) const RETURNING: usize = 1;
/// Length of the `syscall` instruction.
const SYSCALL_LEN: usize = 2;
/// What enters the LibOS: `lea rcx, [rip + 8]`, `jmp gs:[ENTRY_SLOT]`.
const ENTRY_LEN: usize = 15;
/// `lea rcx, [rip + …]`.
const LEA_LEN: usize = 7;
/// A conditional jump with a displacement of 32 bits.
const JCC_LEN: usize = 6;

/// Why a system call stays trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpatchable {
    /// There's no `syscall` instruction.
    NoSyscall,
    /// The code ends before the jump would.
    EndOfCode,
    /// Bytes that are no instruction follow.
    Undecodable,
    /// An instruction follows that can't run elsewhere.
    Immovable,
    /// A function ends, and another begins before the jump would end.
    OtherCodeFollows,
}

/// A site that can be patched.
#[derive(Clone, Debug)]
pub struct Plan {
    site: u64,
    /// What stands there, from the `syscall` instruction on up to `end`.
    original: Vec<u8>,
    displaced: Vec<Displaced>,
    /// First address behind the displaced instructions.
    end: u64,
    /// Whether the last displaced instruction goes on to `end`.
    falls_through: bool,
}

/// An instruction that moves to the trampoline.
#[derive(Clone, Debug)]
struct Displaced {
    addr: u64,
    /// Its bytes as they stand in the program.
    bytes: Vec<u8>,
    /// What in it depends on its place.
    relation: Relation,
}

/// What in an instruction depends on its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// Nothing.
    None,
    /// The displacement of its operand at this offset within it, which leads to this address.
    Operand { offset: usize, target: u64 },
    /// It is a jump on this condition (the low half of the opcode) to this address.
    Branch { condition: u8, target: u64 },
    /// It is a jump to this address.
    Jump { target: u64 },
}

/// The code of a trampoline for a given place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trampoline {
    /// What replaces the site's first five bytes.
    pub jump: [u8; JUMP_LEN],
    /// The trampoline.
    pub code: Vec<u8>,
    /// For each point of the program within the site, ascending: its address, and where in the trampoline it is now.
    /// The first is the `syscall` itself. The second is the address behind it on the way back from the LibOS, where a
    /// system call's return address isn't in `rcx` yet; the third is that address too, as the first displaced
    /// instruction, where branches go.
    pub points: Vec<(u64, usize)>,
}

impl Plan {
    /// Looks at a site; `code` are its bytes from the `syscall` instruction on, as far as they are mapped.
    ///
    /// # Errors
    /// Why it can't be patched.
    pub fn new(site: u64, code: &[u8]) -> Result<Self, Unpatchable> {
        let rest = code.strip_prefix(&[0x0f, 0x05]).ok_or(Unpatchable::NoSyscall)?;
        let mut decoder = Decoder::with_ip(64, rest, site + SYSCALL_LEN as u64, DecoderOptions::NONE);
        let mut plan = Self {
            site,
            original: Vec::new(),
            displaced: Vec::new(),
            end: site + SYSCALL_LEN as u64,
            falls_through: true,
        };
        let mut has_ended = false;
        while plan.end < site + JUMP_LEN as u64 {
            let instruction = decode(&mut decoder)?;
            if has_ended && !is_movable_beyond_end(&instruction) {
                return Err(Unpatchable::OtherCodeFollows);
            }
            // Nobody arrives at a breakpoint, but perhaps at a `nop` that only looks like padding.
            if !has_ended || instruction.code() != Code::Int3 {
                let bytes = &code[(plan.end - site) as usize..][..instruction.len()];
                let relation = relation(&decoder, &instruction, bytes)?;
                plan.falls_through = goes_on(&instruction)?;
                plan.displaced.push(Displaced { addr: plan.end, bytes: bytes.to_vec(), relation });
            }
            has_ended |= !plan.falls_through;
            plan.end = instruction.next_ip();
        }
        plan.original = code[..(plan.end - site) as usize].to_vec();
        Ok(plan)
    }

    /// What the program has from the site on up to the end of the displaced instructions.
    pub fn original(&self) -> &[u8] {
        &self.original
    }

    /// The trampoline's length in bytes.
    pub fn trampoline_len(&self) -> usize {
        let displaced: usize = self.displaced.iter().map(Displaced::len).sum();
        ENTRY_LEN + LEA_LEN + displaced + if self.falls_through { JUMP_LEN } else { 0 }
    }

    /// The first place from `from` on, at a multiple of `align`, that a plan [`accepts`](Self::accepts).
    pub(super) fn next_slot(&self, from: u64, align: u64) -> Option<u64> {
        const REACH: u64 = 1 << 31;
        let origin = self.site + JUMP_LEN as u64;
        let mut slot = from.max(origin.saturating_sub(REACH)).checked_next_multiple_of(align)?;
        while let Some(offset) = self.exposed(&self.jump(slot)?).next_back() {
            // It's the same for all places up to the next one where this byte of the displacement is another.
            let shift = 8 * (offset - 1);
            let displacement = ((slot.wrapping_sub(origin) >> shift) + 1) << shift;
            slot = origin.wrapping_add(displacement).checked_next_multiple_of(align)?;
        }
        Some(slot)
    }

    /// Offsets of the old instruction boundaries at which the jump doesn't trap.
    fn exposed(&self, jump: &[u8; JUMP_LEN]) -> impl DoubleEndedIterator<Item = usize> {
        let jump = *jump;
        self.displaced
            .iter()
            .map(|instruction| (instruction.addr - self.site) as usize)
            .filter(move |&offset| !always_traps(jump[offset]))
    }

    /// Whether a trampoline at `slot` can be reached, with all old instruction boundaries trapping.
    pub fn accepts(&self, slot: u64) -> bool {
        self.jump(slot).is_some_and(|jump| self.exposed(&jump).next().is_none())
    }

    /// Makes the code for a trampoline at `slot`; `None` if an instruction can't be moved there.
    pub fn assemble(&self, slot: u64) -> Option<Trampoline> {
        const LEA_RCX: [u8; 3] = [0x48, 0x8d, 0x0d];
        const JMP_GS: [u8; 4] = [0x65, 0xff, 0x24, 0x25];
        const JMP_GS_LEN: i32 = 8;
        let mut code = Vec::with_capacity(self.trampoline_len());
        // Enter with the address behind the next instruction in rcx, which a real `syscall` destroys as well.
        code.extend(LEA_RCX);
        code.extend(JMP_GS_LEN.to_le_bytes());
        code.extend(JMP_GS);
        code.extend(ENTRY_SLOT.to_le_bytes());
        let resume = code.len();
        // A real `syscall` leaves its return address there.
        let return_address = self.site + SYSCALL_LEN as u64;
        code.extend(LEA_RCX);
        code.extend(relative(slot + (resume + LEA_LEN) as u64, return_address)?.to_le_bytes());

        let mut points = alloc::vec![(self.site, 0), (return_address, resume)];
        for instruction in &self.displaced {
            points.push((instruction.addr, code.len()));
            instruction.emit(slot, &mut code)?;
        }
        if self.falls_through {
            points.push((self.end, code.len()));
            code.push(0xe9);
            code.extend(relative(slot + code.len() as u64 + 4, self.end)?.to_le_bytes());
        }
        Some(Trampoline { jump: self.jump(slot)?, code, points })
    }

    fn jump(&self, slot: u64) -> Option<[u8; JUMP_LEN]> {
        let [a, b, c, d] = relative(self.site + JUMP_LEN as u64, slot)?.to_le_bytes();
        Some([0xe9, a, b, c, d])
    }
}

fn decode(decoder: &mut Decoder<'_>) -> Result<Instruction, Unpatchable> {
    if !decoder.can_decode() {
        return Err(Unpatchable::EndOfCode);
    }
    let instruction = decoder.decode();
    match decoder.last_error() {
        DecoderError::None => Ok(instruction),
        DecoderError::NoMoreBytes => Err(Unpatchable::EndOfCode),
        _ => Err(Unpatchable::Undecodable),
    }
}

impl Displaced {
    /// Its length in the trampoline.
    fn len(&self) -> usize {
        match self.relation {
            Relation::None | Relation::Operand { .. } => self.bytes.len(),
            Relation::Branch { .. } => JCC_LEN,
            Relation::Jump { .. } => JUMP_LEN,
        }
    }

    /// Appends it to the code of a trampoline at `slot`.
    fn emit(&self, slot: u64, code: &mut Vec<u8>) -> Option<()> {
        let start = code.len();
        let target = match self.relation {
            Relation::None | Relation::Operand { .. } => {
                code.extend(&self.bytes);
                if let Relation::Operand { offset, target } = self.relation {
                    let field = code.get_mut(start + offset..start + offset + 4)?;
                    let next = slot + (start + self.bytes.len()) as u64;
                    field.copy_from_slice(&relative(next, target)?.to_le_bytes());
                }
                return Some(());
            }
            Relation::Branch { condition, target } => {
                code.extend([0x0f, 0x80 | condition]);
                target
            }
            Relation::Jump { target } => {
                code.push(0xe9);
                target
            }
        };
        let next = slot + code.len() as u64 + 4;
        code.extend(relative(next, target)?.to_le_bytes());
        Some(())
    }
}

/// Whether an instruction that can be moved goes on to the next one.
fn goes_on(instruction: &Instruction) -> Result<bool, Unpatchable> {
    match instruction.flow_control() {
        FlowControl::Next | FlowControl::ConditionalBranch if instruction.code() != Code::Syscall => Ok(true),
        FlowControl::Return | FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => Ok(false),
        // A call pushes its address, a trap reports it, another system call is a site of its own.
        _ => Err(Unpatchable::Immovable),
    }
}

fn relation(decoder: &Decoder<'_>, instruction: &Instruction, bytes: &[u8]) -> Result<Relation, Unpatchable> {
    const OPERAND_SIZE: u8 = 0x66;
    const LOCK: u8 = 0xf0;
    if bytes.starts_with(&[LOCK]) {
        // Programs jump over the prefix while they have one thread only.
        return Err(Unpatchable::Immovable);
    }
    let is_branch =
        matches!(instruction.flow_control(), FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
    if is_branch && bytes.iter().take_while(|byte| is_prefix(**byte)).any(|&byte| byte == OPERAND_SIZE) {
        // Processors disagree about it (SDM volume 2, Jcc; AMD's manual, volume 3, 1.2.4).
        return Err(Unpatchable::Immovable);
    }
    let target = instruction.near_branch_target();
    if instruction.is_jcc_short_or_near() {
        // The decoder numbers the conditions from 1 on, in the processor's order (SDM volume 2, appendix B).
        let condition = instruction.condition_code() as u8;
        return match condition.checked_sub(1) {
            Some(condition) => Ok(Relation::Branch { condition, target }),
            None => Err(Unpatchable::Immovable),
        };
    }
    if instruction.is_jmp_short_or_near() {
        return Ok(Relation::Jump { target });
    }
    if matches!(instruction.flow_control(), FlowControl::ConditionalBranch) {
        // `loop` and `jrcxz` reach 127 bytes only.
        return Err(Unpatchable::Immovable);
    }
    if instruction.is_ip_rel_memory_operand() {
        let offsets = decoder.get_constant_offsets(instruction);
        if offsets.displacement_size() != 4 {
            return Err(Unpatchable::Immovable);
        }
        let target = instruction.ip_rel_memory_address();
        return Ok(Relation::Operand { offset: offsets.displacement_offset(), target });
    }
    Ok(Relation::None)
}

const fn is_prefix(byte: u8) -> bool {
    matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3)
}

/// Whether an instruction may be moved that stands where control doesn't go on to: one that pads the space between
/// functions, or a jump such as musl has behind its cancellable system call. Other code might be run often, at the
/// price of a trap, or be no code.
fn is_movable_beyond_end(instruction: &Instruction) -> bool {
    instruction.is_jmp_short_or_near()
        || matches!(
            instruction.code(),
            Code::Int3 | Code::Nopw | Code::Nopd | Code::Nopq | Code::Nop_rm16 | Code::Nop_rm32 | Code::Nop_rm64
        )
}

fn relative(from: u64, to: u64) -> Option<i32> {
    i32::try_from(to.wrapping_sub(from) as i64).ok()
}

/// Opcodes that trap in 64-bit user mode whatever follows, and do nothing else: invalid ones (#UD), a breakpoint (#BP)
/// and privileged ones without I/O permission (#GP). SDM volume 2, appendix A; without those that are or may become
/// prefixes.
const fn always_traps(opcode: u8) -> bool {
    matches!(
        opcode,
        0x06 | 0x07
            | 0x0e
            | 0x16
            | 0x17
            | 0x1e
            | 0x1f
            | 0x27
            | 0x2f
            | 0x37
            | 0x3f
            | 0x60
            | 0x61
            | 0x6c..=0x6f
            | 0x9a
            | 0xcc
            | 0xce
            | 0xd4
            | 0xd6
            | 0xe4..=0xe7
            | 0xea
            | 0xec..=0xef
            | 0xf4
            | 0xfa
            | 0xfb
    )
}
