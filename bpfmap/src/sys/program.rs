//! Programs of this crate's own that the kernel runs on behalf of a call, and the
//! memory that they write to.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aya_obj::btf::{Btf, BtfType, Func, FuncLinkage, FuncProto, Int, IntEncoding};
use aya_obj::generated::{
    BPF_F_MMAPABLE, BPF_F_SLEEPABLE, bpf_attr, bpf_cmd, bpf_func_info, bpf_insn, bpf_prog_type,
};

use super::{Errno, NewMap, SharedWords, attributes, bpf, bpf_fd, create_map, load_btf, number};
use crate::map_type::MapType;

/// A program of type `BPF_PROG_TYPE_SYSCALL`, since Linux 5.14: user space runs it
/// with `BPF_PROG_TEST_RUN`. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Program(OwnedFd);

impl Program {
    /// Loads it, which needs `CAP_BPF`. Instructions from `callback` on are a
    /// function that the kernel calls. The descriptors in the instructions are
    /// needed only until it is loaded.
    pub(crate) fn load(
        name: &str,
        instructions: &[bpf_insn],
        callback: Option<u32>,
    ) -> Result<Self, Errno> {
        let functions = [(0, MAIN), (callback.unwrap_or_default(), CALLBACK)]
            .map(|(insn_off, type_id)| bpf_func_info { insn_off, type_id });
        // The kernel wants to know of a callback that it is no function for
        // others.
        let btf = callback.map(|_| types()).transpose()?;
        let mut attr: bpf_attr = attributes();
        // SAFETY: all of it is integers, and zero.
        let program = unsafe { &mut attr.__bindgen_anon_3 };
        program.prog_type = bpf_prog_type::BPF_PROG_TYPE_SYSCALL as u32;
        program.prog_flags = BPF_F_SLEEPABLE;
        program.insns = instructions.as_ptr().expose_provenance() as u64;
        program.insn_cnt = u32::try_from(instructions.len()).map_err(|_| Errno(libc::E2BIG))?;
        program.license = c"Dual MIT/GPL".as_ptr().expose_provenance() as u64;
        for (to, from) in program.prog_name.iter_mut().take(15).zip(name.bytes()) {
            *to = from.cast_signed() as _;
        }
        if let Some(btf) = &btf {
            program.prog_btf_fd = number(btf.as_fd());
            program.func_info = functions.as_ptr().expose_provenance() as u64;
            program.func_info_cnt = 2;
            program.func_info_rec_size = size_of::<bpf_func_info>() as u32;
        }
        // SAFETY: there are as many instructions and functions as it says, and the
        // licence ends with a NUL; all outlive the call. What the instructions do
        // is for the kernel to check.
        unsafe { bpf_fd(bpf_cmd::BPF_PROG_LOAD, &mut attr) }.map(Self)
    }

    /// Runs it once, on `context`, to which it may write.
    pub(crate) fn run(&self, context: &mut [u64]) -> Result<(), Errno> {
        let mut attr: bpf_attr = attributes();
        attr.test.prog_fd = number(self.0.as_fd());
        attr.test.ctx_in = context.as_mut_ptr().expose_provenance() as u64;
        attr.test.ctx_size_in =
            u32::try_from(size_of_val(context)).map_err(|_| Errno(libc::E2BIG))?;
        // SAFETY: the kernel reads `context`, and writes to it what the program
        // left in it; it outlives the call.
        unsafe { bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr) }.map(drop)
    }
}

/// The ids of the two functions in `types`.
const MAIN: u32 = 3;
const CALLBACK: u32 = 4;

/// The types of a program and a callback.
fn types() -> Result<OwnedFd, Errno> {
    let mut btf = Btf::new();
    let int = btf.add_string("int");
    let int = btf.add_type(BtfType::Int(Int::new(int, 4, IntEncoding::Signed, 0)));
    let function = btf.add_type(BtfType::FuncProto(FuncProto::new(Vec::new(), int)));
    for (name, linkage, id) in
        [("main", FuncLinkage::Global, MAIN), ("callback", FuncLinkage::Static, CALLBACK)]
    {
        let name = btf.add_string(name);
        let added = btf.add_type(BtfType::Func(Func::new(name, function, linkage)));
        debug_assert_eq!(added, id);
    }
    load_btf(&btf.to_bytes())
}

/// Memory for a program to write to: an array of one element, which is mapped
/// into this process.
pub(crate) struct Output {
    fd: OwnedFd,
    words: SharedWords,
}

impl Output {
    /// So many words, which are zero.
    pub(crate) fn new(words: u32) -> Result<Self, Errno> {
        let fd = create_map(&NewMap {
            map_type: MapType::ARRAY.as_raw(),
            key_size: 4,
            value_size: words.checked_mul(8).ok_or(Errno(libc::E2BIG))?,
            max_entries: 1,
            map_flags: BPF_F_MMAPABLE,
            ..NewMap::default()
        })?;
        let words = SharedWords::map(fd.as_fd(), words as usize);
        let words = words.map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Ok(Self { fd, words })
    }

    /// The descriptor of the array, for instructions.
    pub(crate) fn number(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    pub(crate) fn words(&self) -> &SharedWords {
        &self.words
    }
}
