//! What patching a site takes.

use crate::entry::{CPUID_RETURN, CPUID_SLOT, ENTRY_SLOT};
use alloc::vec::Vec;
use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, FlowControl, Instruction};

/// Length of the jump that replaces a site.
pub(super) const JUMP_LEN: usize = 5;
/// The index of a trampoline's point at which a system call returns.
pub(super) const RETURNING: usize = 1;
/// Length of the instructions that are patched.
const SITE_LEN: usize = 2;
/// `lea rcx, [rip + …]`.
const LEA_LEN: usize = 7;
/// `jmp gs:[…]`.
const JMP_GS_LEN: usize = 8;
/// `mov dword ptr gs:[…], …`.
const STORE_LEN: usize = 12;
/// A conditional jump with a displacement of 32 bits.
const JCC_LEN: usize = 6;

/// An instruction that the LibOS carries out in the processor's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patched {
    /// `syscall`.
    Syscall,
    /// `cpuid`.
    Cpuid,
}

/// Why an instruction stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpatchable {
    /// There's no instruction that the LibOS carries out.
    NothingToPatch,
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
    /// Where the jump goes: the instruction's place, or that of the one before it.
    site: u64,
    instruction: Patched,
    /// What stands there up to `end`.
    original: Vec<u8>,
    /// The instruction before, if that is what the jump replaces.
    lead: Option<Displaced>,
    /// Those behind that the jump replaces.
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

/// How who arrives at an old instruction boundary traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    /// By a breakpoint (#BP), or a privileged instruction without I/O permission (#GP).
    Direct,
    /// By an invalid opcode (#UD) as well: in a virtual machine that takes several times as long, where the hypervisor looks
    /// at it first.
    Any,
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
    /// The first is the site itself. For a `syscall`, the second is the address behind it on the way back
    /// from the LibOS, where a system call's return address isn't in `rcx` yet. What follows is that address too, as the
    /// first displaced instruction, where branches go.
    pub points: Vec<(u64, usize)>,
    /// What was patched.
    pub instruction: Patched,
}

impl Patched {
    const fn at(code: &[u8]) -> Option<Self> {
        match code {
            [0x0f, 0x05, ..] => Some(Self::Syscall),
            [0x0f, 0xa2, ..] => Some(Self::Cpuid),
            _ => None,
        }
    }

    /// Length of what stands before the displaced instructions.
    const fn entry_len(self) -> usize {
        match self {
            Self::Syscall => LEA_LEN + JMP_GS_LEN + LEA_LEN,
            Self::Cpuid => STORE_LEN + STORE_LEN + JMP_GS_LEN,
        }
    }
}

impl Plan {
    /// Looks at a site; `code` are its bytes from the instruction to be patched on, as far as they are mapped.
    ///
    /// # Errors
    /// Why it can't be patched.
    pub fn new(site: u64, code: &[u8]) -> Result<Self, Unpatchable> {
        let instruction = Patched::at(code).ok_or(Unpatchable::NothingToPatch)?;
        let mut decoder = Decoder::with_ip(64, &code[SITE_LEN..], site + SITE_LEN as u64, DecoderOptions::NONE);
        let mut plan = Self {
            site,
            instruction,
            original: Vec::new(),
            lead: None,
            displaced: Vec::new(),
            end: site + SITE_LEN as u64,
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

    /// Looks at a site where the instruction that stands before the one to be patched, `lead_len` bytes long, has room for
    /// the jump: so nobody arrives within that. Only who comes by the instruction before is served; `code` are the bytes
    /// from there on.
    ///
    /// # Errors
    /// Why it can't be patched.
    pub fn with_lead(site: u64, lead_len: usize, code: &[u8]) -> Result<Self, Unpatchable> {
        let instruction = code.get(lead_len..).and_then(Patched::at).ok_or(Unpatchable::NothingToPatch)?;
        let mut decoder = Decoder::with_ip(64, &code[..lead_len], site, DecoderOptions::NONE);
        let lead = decode(&mut decoder)?;
        let bytes = &code[..lead_len];
        if lead.len() != lead_len || lead_len < JUMP_LEN || !goes_on(&lead)? {
            return Err(Unpatchable::Immovable);
        }
        let relation = relation(&decoder, &lead, bytes)?;
        let original = code[..lead_len + SITE_LEN].to_vec();
        Ok(Self {
            site,
            instruction,
            end: site + original.len() as u64,
            original,
            lead: Some(Displaced { addr: site, bytes: bytes.to_vec(), relation }),
            displaced: Vec::new(),
            falls_through: true,
        })
    }

    /// What the program has from the site on up to the end of the displaced instructions.
    pub fn original(&self) -> &[u8] {
        &self.original
    }

    /// The trampoline's length in bytes.
    pub fn trampoline_len(&self) -> usize {
        let displaced: usize = self.lead.iter().chain(&self.displaced).map(Displaced::len).sum();
        self.instruction.entry_len() + displaced + if self.falls_through { JUMP_LEN } else { 0 }
    }

    /// The first place from `from` on, at a multiple of `align`, where all old instruction boundaries trap like this.
    pub(super) fn next_slot(&self, from: u64, align: u64, trap: Trap) -> Option<u64> {
        const REACH: u64 = 1 << 31;
        let origin = self.site + JUMP_LEN as u64;
        let mut slot = from.max(origin.saturating_sub(REACH)).checked_next_multiple_of(align)?;
        while let Some(offset) = self.exposed(&self.jump(slot)?, trap).next_back() {
            // It's the same for all places up to the next one where this byte of the displacement is another.
            let shift = 8 * (offset - 1);
            let displacement = ((slot.wrapping_sub(origin) >> shift) + 1) << shift;
            slot = origin.wrapping_add(displacement).checked_next_multiple_of(align)?;
        }
        Some(slot)
    }

    /// Offsets of the old instruction boundaries at which the jump doesn't trap like this.
    fn exposed(&self, jump: &[u8; JUMP_LEN], trap: Trap) -> impl DoubleEndedIterator<Item = usize> {
        let jump = *jump;
        self.displaced
            .iter()
            .map(|instruction| (instruction.addr - self.site) as usize)
            .filter(move |&offset| !trap.is_by(jump[offset]))
    }

    /// Whether a trampoline at `slot` can be reached, with all old instruction boundaries trapping.
    pub fn accepts(&self, slot: u64) -> bool {
        self.jump(slot).is_some_and(|jump| self.exposed(&jump, Trap::Any).next().is_none())
    }

    /// Makes the code for a trampoline at `slot`; `None` if an instruction can't be moved there.
    pub fn assemble(&self, slot: u64) -> Option<Trampoline> {
        let mut code = Vec::with_capacity(self.trampoline_len());
        let mut points = alloc::vec![(self.site, 0)];
        if let Some(lead) = &self.lead {
            lead.emit(slot, &mut code)?;
            points.push((self.site + lead.bytes.len() as u64, code.len()));
        }
        match self.instruction {
            Patched::Syscall => {
                // Enter with the address behind the next instruction in rcx, which a real `syscall` destroys as well.
                emit_lea_rcx(&mut code, JMP_GS_LEN as i32);
                emit_jmp_gs(&mut code, ENTRY_SLOT);
                // A real `syscall` leaves its return address there.
                let return_address = self.site + SITE_LEN as u64;
                points.push((return_address, code.len()));
                let next = slot + (code.len() + LEA_LEN) as u64;
                emit_lea_rcx(&mut code, relative(next, return_address)?);
            }
            Patched::Cpuid => {
                // It has operands in rax and rcx and keeps all others, so no register is free for the address.
                let resume = slot + (code.len() + self.instruction.entry_len()) as u64;
                emit_store_gs(&mut code, CPUID_RETURN, resume as u32);
                emit_store_gs(&mut code, CPUID_RETURN + 4, (resume >> 32) as u32);
                emit_jmp_gs(&mut code, CPUID_SLOT);
            }
        }
        for instruction in &self.displaced {
            points.push((instruction.addr, code.len()));
            instruction.emit(slot, &mut code)?;
        }
        if self.falls_through {
            points.push((self.end, code.len()));
            code.push(0xe9);
            code.extend(relative(slot + code.len() as u64 + 4, self.end)?.to_le_bytes());
        }
        Some(Trampoline { jump: self.jump(slot)?, code, points, instruction: self.instruction })
    }

    fn jump(&self, slot: u64) -> Option<[u8; JUMP_LEN]> {
        let [a, b, c, d] = relative(self.site + JUMP_LEN as u64, slot)?.to_le_bytes();
        Some([0xe9, a, b, c, d])
    }
}

/// `lea rcx, [rip + displacement]`
fn emit_lea_rcx(code: &mut Vec<u8>, displacement: i32) {
    code.extend([0x48, 0x8d, 0x0d]);
    code.extend(displacement.to_le_bytes());
}

/// `jmp gs:[offset]`
fn emit_jmp_gs(code: &mut Vec<u8>, offset: i32) {
    code.extend([0x65, 0xff, 0x24, 0x25]);
    code.extend(offset.to_le_bytes());
}

/// `mov dword ptr gs:[offset], value`
fn emit_store_gs(code: &mut Vec<u8>, offset: i32, value: u32) {
    code.extend([0x65, 0xc7, 0x04, 0x25]);
    code.extend(offset.to_le_bytes());
    code.extend(value.to_le_bytes());
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

impl Trap {
    /// Whether an opcode traps like this in 64-bit user mode, whatever follows, and does nothing else. SDM volume 2,
    /// appendix A; without those that are or may become prefixes.
    const fn is_by(self, opcode: u8) -> bool {
        let is_direct = matches!(opcode, 0x6c..=0x6f | 0xcc | 0xe4..=0xe7 | 0xec..=0xef | 0xf4 | 0xfa | 0xfb);
        let is_invalid = matches!(
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
                | 0x9a
                | 0xce
                | 0xd4
                | 0xd6
                | 0xea
        );
        match self {
            Self::Direct => is_direct,
            Self::Any => is_direct || is_invalid,
        }
    }
}
