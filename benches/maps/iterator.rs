//! What bpfmap does not do: a `bpf_map_elem` iterator, a program that the kernel
//! runs for each entry while user space reads what it writes.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, ensure};
use aya_obj::generated::{
    BPF_ADD, BPF_ALU64, BPF_CALL, BPF_DW, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JNE, BPF_K, BPF_LDX,
    BPF_MEM, BPF_MOV, BPF_STX, BPF_X, bpf_attach_type, bpf_attr, bpf_cmd, bpf_func_id, bpf_insn,
    bpf_prog_type,
};
use bpfmap::{Btf, BtfType, from_bytes};

use super::system_calls::bpf_answer;
use super::{FlowKey, FlowStats, Flows};

/// `BPF_JLT`, which aya-obj leaves out.
const BPF_JLT: u32 = 0xa0;

/// What the program writes.
#[derive(Clone, Copy)]
pub enum What {
    /// At the end, how often it was called before.
    Count,
    /// Each entry with so many packets.
    AtLeast(u32),
}

pub struct Iterator {
    what: What,
    link: OwnedFd,
}

/// The kernel's buffer, which is handed out with whole entries in it.
const BUFFER: usize = 32 << 10;
const ENTRY: usize = size_of::<FlowKey>() + size_of::<FlowStats>();

fn attributes() -> bpf_attr {
    // SAFETY: a union of integers and structs of them.
    unsafe { std::mem::zeroed() }
}

fn descriptor(command: bpf_cmd, attr: &mut bpf_attr) -> anyhow::Result<OwnedFd> {
    // SAFETY: what the callers point to outlives the call.
    let fd = unsafe { bpf_answer(command, attr) };
    ensure!(fd >= 0, "{command:?}: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd)?) })
}

impl Iterator {
    pub fn on(map: &Flows, what: What) -> anyhow::Result<Self> {
        use std::os::fd::AsFd;
        let vmlinux = Btf::vmlinux()?;
        let is_target =
            |ty: &BtfType<'_>| ty.name().is_ok_and(|name| name == "bpf_iter_bpf_map_elem");
        let id = vmlinux.types().find(is_target).context("the kernel has no iterators")?.id();
        let code = match what {
            What::Count => count(),
            What::AtLeast(packets) => entries(i32::try_from(packets)?),
        };
        let mut attr = attributes();
        // SAFETY: zeros are valid for every part of the union.
        let program = unsafe { &mut attr.__bindgen_anon_3 };
        program.prog_type = bpf_prog_type::BPF_PROG_TYPE_TRACING as u32;
        program.expected_attach_type = bpf_attach_type::BPF_TRACE_ITER as u32;
        program.attach_btf_id = id;
        program.insns = code.as_ptr().expose_provenance() as u64;
        program.insn_cnt = u32::try_from(code.len())?;
        program.license = c"Dual MIT/GPL".as_ptr().expose_provenance() as u64;
        let program = descriptor(bpf_cmd::BPF_PROG_LOAD, &mut attr)?;

        // `union bpf_iter_link_info`.
        let info = [map.as_fd().as_raw_fd(), 0, 0, 0];
        let mut attr = attributes();
        attr.link_create.__bindgen_anon_1.prog_fd = program.as_raw_fd().cast_unsigned();
        attr.link_create.attach_type = bpf_attach_type::BPF_TRACE_ITER as u32;
        attr.link_create.__bindgen_anon_3.__bindgen_anon_1.iter_info =
            info.as_ptr().expose_provenance() as u64;
        attr.link_create.__bindgen_anon_3.__bindgen_anon_1.iter_info_len =
            u32::try_from(size_of_val(&info))?;
        Ok(Self { what, link: descriptor(bpf_cmd::BPF_LINK_CREATE, &mut attr)? })
    }

    /// Hands each entry that the program writes to `body`; how many they are, or
    /// what it counted.
    pub fn read(&self, mut body: impl FnMut(FlowKey, FlowStats)) -> anyhow::Result<u64> {
        let mut attr = attributes();
        attr.iter_create.link_fd = self.link.as_raw_fd().cast_unsigned();
        let mut file = File::from(descriptor(bpf_cmd::BPF_ITER_CREATE, &mut attr)?);
        let (mut buffer, mut count) = (vec![0; BUFFER], 0);
        loop {
            let len = match file.read(&mut buffer) {
                Ok(0) => return Ok(count),
                Ok(len) => len,
                // A million entries of which none was written.
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            if let What::Count = self.what {
                count = u64::from_ne_bytes(*buffer.first_chunk().context("no number")?);
                continue;
            }
            for entry in buffer[..len].chunks_exact(ENTRY) {
                let (key, value) = entry.split_at(size_of::<FlowKey>());
                body(from_bytes(key).context("no key")?, from_bytes(value).context("no value")?);
                count += 1;
            }
        }
    }
}

/// `struct bpf_iter__bpf_map_elem`.
const META: i16 = 0;
const KEY: i16 = 16;
const VALUE: i16 = 24;
/// `struct bpf_iter_meta`.
const SEQ: i16 = 0;
const SEQ_NUM: i16 = 16;

fn count() -> Vec<bpf_insn> {
    vec![
        load(2, 1, KEY),
        // The key is missing after the last entry.
        jump(BPF_JNE, 2, 0, 8),
        load(6, 1, META),
        load(0, 6, SEQ_NUM),
        store(10, -8, 0),
        load(1, 6, SEQ),
        copy(2, 10),
        add(2, -8),
        set(3, 8),
        call(bpf_func_id::BPF_FUNC_seq_write),
        set(0, 0),
        exit(),
    ]
}

fn entries(packets: i32) -> Vec<bpf_insn> {
    let mut code = vec![
        load(6, 1, KEY),
        jump(BPF_JNE, 6, 0, 1),
        jump(BPF_JA, 0, 0, 18),
        load(7, 1, VALUE),
        jump(BPF_JNE, 7, 0, 1),
        jump(BPF_JA, 0, 0, 15),
        load(0, 7, 0),
        jump(BPF_JLT, 0, packets, 13),
        load(1, 1, META),
        load(1, 1, SEQ),
    ];
    for (from, offset, to) in [(6, 0, -32), (6, 8, -24), (7, 0, -16), (7, 8, -8)] {
        code.extend([load(0, from, offset), store(10, to, 0)]);
    }
    code.extend([copy(2, 10), add(2, -32), set(3, 32), call(bpf_func_id::BPF_FUNC_seq_write)]);
    let end = i16::try_from(code.len()).expect("a few");
    for at in [2, 5, 7] {
        code[usize::from(at as u16)].off = end - at - 1;
    }
    code.extend([set(0, 0), exit()]);
    code
}

fn instruction(code: u32, to: u8, from: u8, off: i16, imm: i32) -> bpf_insn {
    bpf_insn {
        code: code as u8,
        _bitfield_align_1: [],
        _bitfield_1: bpf_insn::new_bitfield_1(to, from),
        off,
        imm,
    }
}

fn load(to: u8, from: u8, offset: i16) -> bpf_insn {
    instruction(BPF_LDX | BPF_MEM | BPF_DW, to, from, offset, 0)
}

fn store(to: u8, offset: i16, from: u8) -> bpf_insn {
    instruction(BPF_STX | BPF_MEM | BPF_DW, to, from, offset, 0)
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

fn jump(operation: u32, register: u8, imm: i32, offset: i16) -> bpf_insn {
    instruction(BPF_JMP | operation | BPF_K, register, 0, offset, imm)
}

fn call(function: bpf_func_id) -> bpf_insn {
    instruction(BPF_JMP | BPF_CALL, 0, 0, 0, function as i32)
}

fn exit() -> bpf_insn {
    instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
}
