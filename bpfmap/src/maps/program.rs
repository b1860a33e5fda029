//! The instructions of the programs that look at a map inside the kernel.

use aya_obj::generated::{
    BPF_ADD, BPF_ALU64, BPF_B, BPF_CALL, BPF_DW, BPF_EXIT, BPF_H, BPF_IMM, BPF_JGT, BPF_JMP, BPF_K,
    BPF_LD, BPF_LDX, BPF_MEM, BPF_MOV, BPF_PSEUDO_FUNC, BPF_PSEUDO_KFUNC_CALL, BPF_PSEUDO_MAP_FD,
    BPF_PSEUDO_MAP_VALUE, BPF_ST, BPF_STX, BPF_W, BPF_X, bpf_func_id, bpf_insn,
};

/// Registers: what a function returns, its arguments, and what outlives a call.
const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const R4: u8 = 4;
const R5: u8 = 5;
const R6: u8 = 6;

/// A program that writes how many entries the map has to its context, a `u64`.
/// `kfunc` is the id of the kernel's `bpf_map_sum_elem_count`.
pub(super) fn count(map: i32, kfunc: u32) -> Vec<bpf_insn> {
    let mut code = vec![copy(R6, R1)];
    code.extend(address(R1, BPF_PSEUDO_MAP_FD, map));
    code.push(call(BPF_PSEUDO_KFUNC_CALL, kfunc.cast_signed()));
    code.extend([store(BPF_DW, R6, 0, R0), set(R0, 0), exit()]);
    code
}

/// Where entries begin in the output of [`dump`]; in the word before them is how
/// many bytes they take.
pub(super) const HEAD: u32 = 8;

/// How many bytes an entry takes in the output of [`dump`]: the key and the value,
/// both filled up to 8 bytes.
pub(super) fn stride(key: usize, value: usize) -> usize {
    key.next_multiple_of(8) + value.next_multiple_of(8)
}

/// A program that copies the keys and values of a map to an array, until `room`
/// bytes of it are full, and where its callback begins. To its context it writes
/// for how many entries the callback was called, and how many bytes were copied.
pub(super) fn dump(
    map: i32,
    key: usize,
    value: usize,
    output: i32,
    room: u32,
) -> (Vec<bpf_insn>, u32) {
    let mut code = vec![copy(R6, R1)];
    code.extend(address(R1, BPF_PSEUDO_MAP_VALUE, output));
    code.push(store_zero(R1, 0));
    code.extend(address(R1, BPF_PSEUDO_MAP_FD, map));
    let callback = code.len();
    code.extend(address(R2, BPF_PSEUDO_FUNC, 0));
    code.extend([set(R3, 0), set(R4, 0)]);
    code.push(call(0, bpf_func_id::BPF_FUNC_for_each_map_elem as i32));
    code.push(store(BPF_DW, R6, 0, R0));
    code.extend(address(R1, BPF_PSEUDO_MAP_VALUE, output));
    code.extend([load(BPF_DW, R0, R1, 0), store(BPF_DW, R6, 8, R0), set(R0, 0), exit()]);

    // From here on it is the callback: a key in r2, its value in r3.
    let begins = code.len();
    // Counted from the instruction that is next.
    code[callback].imm = (begins - callback - 1) as i32;
    code.extend(address(R1, BPF_PSEUDO_MAP_VALUE, output));
    code.extend([load(BPF_DW, R5, R1, 0)]);
    let full = code.len();
    let stride = stride(key, value);
    code.push(jump_if_greater(R5, (room as usize).saturating_sub(stride) as i32, 0));
    code.extend([copy(R4, R1), add_register(R1, R5)]);
    for (from, len, at) in [(R2, key, 0), (R3, value, key.next_multiple_of(8))] {
        for (size, offset) in pieces(len) {
            code.push(load(size, R0, from, offset));
            code.push(store(size, R1, HEAD as usize + at + offset, R0));
        }
    }
    code.extend([add(R5, stride as i32), store(BPF_DW, R4, 0, R5), set(R0, 0), exit()]);
    code[full].off = (code.len() - full - 1) as i16;
    // Any other answer than 0 ends it.
    code.extend([set(R0, 1), exit()]);
    (code, begins as u32)
}

/// In which sizes so many bytes are copied, and where. No more than 4 bytes at a
/// time: of 8 bytes that are a pointer of the kernel (a kptr) the verifier would
/// let the program have a copy. So it refuses, as for a spin lock or a timer.
fn pieces(len: usize) -> impl Iterator<Item = (u32, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (size, bytes) = match len - at {
            0 => return None,
            1 => (BPF_B, 1),
            2 | 3 => (BPF_H, 2),
            _ => (BPF_W, 4),
        };
        at += bytes;
        Some((size, at - bytes))
    })
}

fn instruction(code: u32, to: u8, from: u8, off: usize, imm: i32) -> bpf_insn {
    bpf_insn {
        code: code as u8,
        _bitfield_align_1: [],
        _bitfield_1: bpf_insn::new_bitfield_1(to, from),
        off: off as i16,
        imm,
    }
}

/// What the kernel makes an address of: a map, its value, or a function.
fn address(to: u8, what: u32, imm: i32) -> [bpf_insn; 2] {
    [instruction(BPF_LD | BPF_DW | BPF_IMM, to, what as u8, 0, imm), instruction(0, 0, 0, 0, 0)]
}

fn copy(to: u8, from: u8) -> bpf_insn {
    instruction(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
}

fn set(to: u8, imm: i32) -> bpf_insn {
    instruction(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, imm)
}

fn add(to: u8, imm: i32) -> bpf_insn {
    instruction(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, imm)
}

fn add_register(to: u8, from: u8) -> bpf_insn {
    instruction(BPF_ALU64 | BPF_ADD | BPF_X, to, from, 0, 0)
}

fn load(size: u32, to: u8, from: u8, offset: usize) -> bpf_insn {
    instruction(BPF_LDX | BPF_MEM | size, to, from, offset, 0)
}

fn store(size: u32, to: u8, offset: usize, from: u8) -> bpf_insn {
    instruction(BPF_STX | BPF_MEM | size, to, from, offset, 0)
}

fn store_zero(to: u8, offset: usize) -> bpf_insn {
    instruction(BPF_ST | BPF_MEM | BPF_DW, to, 0, offset, 0)
}

fn jump_if_greater(register: u8, than: i32, offset: usize) -> bpf_insn {
    instruction(BPF_JMP | BPF_JGT | BPF_K, register, 0, offset, than)
}

/// A function of the kernel, by its number or, for a kfunc, by its BTF id.
fn call(kind: u32, function: i32) -> bpf_insn {
    instruction(BPF_JMP | BPF_CALL, 0, kind as u8, 0, function)
}

fn exit() -> bpf_insn {
    instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
}
