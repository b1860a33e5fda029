//! Maps that no loader makes: with BTF and names of the test's choice.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use aya_obj::generated::{bpf_attr, bpf_cmd};

/// A map to be made.
pub struct Create<'a> {
    pub map_type: u32,
    pub name: &'a str,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub map_flags: u32,
    /// BTF that is loaded, and the ids of the types of key and value in it.
    pub btf: Option<(&'a OwnedFd, [u32; 2])>,
    /// What the maps in a map of maps are like.
    pub inner: Option<&'a OwnedFd>,
}

/// All zeros, which is what the kernel takes for "not given".
fn attributes() -> bpf_attr {
    // SAFETY: a union of integers and of structs of integers.
    unsafe { std::mem::zeroed() }
}

/// A call whose answer is a new descriptor.
///
/// # Safety
///
/// As for [`call`].
unsafe fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let fd = unsafe { call(command, attr) }?;
    // SAFETY: the kernel just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The system call.
///
/// # Safety
///
/// Every address in `attr` must be valid for what the kernel reads there.
unsafe fn call(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i32> {
    // SAFETY: `attr` is valid for its size; the rest is the caller's promise.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attr),
            size_of_val(attr),
        )
    };
    match i32::try_from(answer) {
        Ok(answer @ 0..) => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives BTF to the kernel.
pub fn load_btf(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = attributes();
    attr.__bindgen_anon_7.btf = bytes.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_7.btf_size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: `bytes` is as long as that.
    unsafe { bpf(bpf_cmd::BPF_BTF_LOAD, &mut attr) }
}

/// Keeps user space from writing to a map from now on: `BPF_MAP_FREEZE`.
pub fn freeze(map: impl AsFd) -> io::Result<()> {
    let mut attr = attributes();
    attr.__bindgen_anon_2.map_fd = map.as_fd().as_raw_fd().cast_unsigned();
    // SAFETY: no addresses.
    unsafe { call(bpf_cmd::BPF_MAP_FREEZE, &mut attr) }.map(drop)
}

/// `BPF_OBJ_PIN`.
pub fn pin(object: impl AsFd, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_4.bpf_fd = object.as_fd().as_raw_fd().cast_unsigned();
    // SAFETY: `path` ends with a NUL and outlives the call.
    unsafe { call(bpf_cmd::BPF_OBJ_PIN, &mut attr) }.map(drop)
}

/// `BPF_OBJ_GET`.
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().expose_provenance() as u64;
    // SAFETY: `path` ends with a NUL and outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET, &mut attr) }
}

/// Maps a page of a file for reading, for a moment.
pub fn map(file: impl AsFd) -> io::Result<()> {
    const LEN: usize = 4096;
    let (at, fd) = (std::ptr::null_mut(), file.as_fd().as_raw_fd());
    // SAFETY: memory that nobody uses is replaced.
    let page = unsafe { libc::mmap(at, LEN, libc::PROT_READ, libc::MAP_PRIVATE, fd, 0) };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was mapped just now, and nothing refers to it.
    unsafe { libc::munmap(page, LEN) };
    Ok(())
}

/// Puts a map into a map of maps whose keys are numbers.
pub fn put(outer: &OwnedFd, number: u32, inner: &OwnedFd) -> io::Result<()> {
    update(outer, &number.to_ne_bytes(), &inner.as_raw_fd().to_ne_bytes())
}

/// Writes an entry; key and value are as long as the map's.
pub fn update(map: &OwnedFd, key: &[u8], value: &[u8]) -> io::Result<()> {
    let mut attr = attributes();
    attr.__bindgen_anon_2.map_fd = map.as_raw_fd().cast_unsigned();
    attr.__bindgen_anon_2.key = key.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value.as_ptr().expose_provenance() as u64;
    // SAFETY: the caller sees to the lengths.
    unsafe { call(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
}

/// Has the number of a descriptor be that of something else, as when it was closed
/// by its number and given out again.
pub fn replace(fd: impl AsFd, by: impl AsFd) -> io::Result<()> {
    let (fd, by) = (fd.as_fd().as_raw_fd(), by.as_fd().as_raw_fd());
    // SAFETY: no addresses, and who owns `fd` still owns a descriptor.
    match unsafe { libc::dup3(by, fd, libc::O_CLOEXEC) } {
        ..0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The errno of an answer, 0 for success.
fn errno<T>(answer: io::Result<T>) -> i32 {
    answer.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1))
}

/// A map whose answers are looked at; keys and values are zeros with a number at
/// their beginning.
pub struct Asked<'a> {
    pub map: &'a OwnedFd,
    pub key_size: usize,
    /// What the kernel reads and writes, for all CPUs.
    pub value_size: usize,
}

impl Asked<'_> {
    fn key(&self, number: u32) -> Vec<u8> {
        let mut key = number.to_ne_bytes().to_vec();
        key.resize(self.key_size.max(4), 0);
        key
    }

    fn element(&self, key: &[u8], value: &mut [u8]) -> bpf_attr {
        let mut attr = attributes();
        attr.__bindgen_anon_2.map_fd = self.map.as_raw_fd().cast_unsigned();
        if self.key_size != 0 {
            attr.__bindgen_anon_2.key = key.as_ptr().expose_provenance() as u64;
        }
        attr.__bindgen_anon_2.__bindgen_anon_1.value =
            value.as_mut_ptr().expose_provenance() as u64;
        attr
    }

    /// The errno of `BPF_MAP_UPDATE_ELEM`.
    pub fn update(&self, number: u32, flags: u64) -> i32 {
        let (key, mut value) = (self.key(number), vec![0; self.value_size]);
        let mut attr = self.element(&key, &mut value);
        attr.__bindgen_anon_2.flags = flags;
        // SAFETY: key and value are as long as the map's, or longer.
        errno(unsafe { call(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) })
    }

    /// The errno of a command on an element that reads, or does not need, a value.
    pub fn element_of(&self, command: bpf_cmd, number: u32) -> i32 {
        let (key, mut value) = (self.key(number), vec![0; self.value_size]);
        let mut attr = self.element(&key, &mut value);
        if matches!(command, bpf_cmd::BPF_MAP_DELETE_ELEM) {
            // What a command does not use has to be zero.
            attr.__bindgen_anon_2.__bindgen_anon_1.value = 0;
        }
        // SAFETY: key and value are as long as the map's, or longer.
        errno(unsafe { call(command, &mut attr) })
    }

    /// The number of the key after that one, or of the first.
    pub fn next_key(&self, number: Option<u32>) -> Result<u32, i32> {
        let mut next = self.key(0);
        let key = number.map(|number| self.key(number));
        let mut attr = self.element(key.as_deref().unwrap_or_default(), &mut []);
        if key.is_none() {
            attr.__bindgen_anon_2.key = 0;
        }
        attr.__bindgen_anon_2.__bindgen_anon_1.next_key =
            next.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: both keys are as long as the map's.
        match errno(unsafe { call(bpf_cmd::BPF_MAP_GET_NEXT_KEY, &mut attr) }) {
            0 => Ok(u32::from_ne_bytes([next[0], next[1], next[2], next[3]])),
            errno => Err(errno),
        }
    }

    /// The errno of a command on many elements, for one. The end of the map is
    /// success.
    pub fn batch(&self, command: bpf_cmd, number: u32) -> i32 {
        let (mut key, mut value) = (self.key(number), vec![0; self.value_size.max(8)]);
        let mut next = vec![0u8; self.key_size.max(4)];
        let mut attr = attributes();
        attr.batch.map_fd = self.map.as_raw_fd().cast_unsigned();
        attr.batch.count = 1;
        attr.batch.keys = key.as_mut_ptr().expose_provenance() as u64;
        attr.batch.values = value.as_mut_ptr().expose_provenance() as u64;
        attr.batch.out_batch = next.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: the buffers hold one key and one value, and a cursor.
        match errno(unsafe { call(command, &mut attr) }) {
            libc::ENOENT => 0,
            errno => errno,
        }
    }
}

impl Create<'_> {
    pub fn create(&self) -> io::Result<OwnedFd> {
        let mut attr = attributes();
        // SAFETY: zeros are valid for every part of the union.
        let map = unsafe { &mut attr.__bindgen_anon_1 };
        map.map_type = self.map_type;
        map.key_size = self.key_size;
        map.value_size = self.value_size;
        map.max_entries = self.max_entries;
        map.map_flags = self.map_flags;
        for (to, from) in map.map_name.iter_mut().zip(self.name.bytes()) {
            *to = from.cast_signed();
        }
        if let Some((btf, [key, value])) = self.btf {
            map.btf_fd = btf.as_raw_fd().cast_unsigned();
            map.btf_key_type_id = key;
            map.btf_value_type_id = value;
        }
        if let Some(inner) = self.inner {
            map.inner_map_fd = inner.as_raw_fd().cast_unsigned();
        }
        // SAFETY: no addresses.
        unsafe { bpf(bpf_cmd::BPF_MAP_CREATE, &mut attr) }
    }
}

/// Loads a program that does nothing but to name a map, and so holds it.
pub fn load_program_with(map: &OwnedFd) -> io::Result<OwnedFd> {
    const BPF_PROG_TYPE_SOCKET_FILTER: u32 = 1;
    const BPF_PSEUDO_MAP_FD: u64 = 1;
    let fd = u64::from(map.as_raw_fd().cast_unsigned());
    let instructions: [u64; 4] = [
        // r1 = the map, in two.
        0x18 | 1 << 8 | BPF_PSEUDO_MAP_FD << 12 | fd << 32,
        0,
        // r0 = 0; exit.
        0xb7,
        0x95,
    ];
    let mut attr = attributes();
    // SAFETY: zeros are valid for every part of the union.
    let program = unsafe { &mut attr.__bindgen_anon_3 };
    program.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    program.insn_cnt = 4;
    program.insns = instructions.as_ptr().expose_provenance() as u64;
    program.license = c"MIT".as_ptr().expose_provenance() as u64;
    for (to, from) in program.prog_name.iter_mut().zip(b"uses_a_map") {
        *to = from.cast_signed();
    }
    // SAFETY: the instructions are as many as it says, and the license ends with a NUL.
    unsafe { bpf(bpf_cmd::BPF_PROG_LOAD, &mut attr) }
}

/// Has every `bpf(2)` of this thread fail with `errno` from now on: a seccomp
/// filter, as containers have one.
pub fn forbid_bpf(errno: i32) -> io::Result<()> {
    let statement = |code: u32, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt: 0,
        jf: 0,
        k,
    };
    let number = u32::try_from(libc::SYS_bpf).map_err(io::Error::other)?;
    let mut filter = [
        // The number of the call is the first word of what a filter looks at.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter {
            jf: 1,
            ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number)
        },
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: no addresses.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the program is as long as it says, and outlives the call.
    let answer =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Attaches an XDP program to a device of this thread's network: a link.
pub fn link_xdp(program: impl AsFd, device: u32) -> io::Result<OwnedFd> {
    const BPF_XDP: u32 = 37;
    const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
    let mut attr = attributes();
    attr.link_create.__bindgen_anon_1.prog_fd = program.as_fd().as_raw_fd().cast_unsigned();
    attr.link_create.__bindgen_anon_2.target_ifindex = device;
    attr.link_create.attach_type = BPF_XDP;
    attr.link_create.flags = XDP_FLAGS_SKB_MODE;
    // SAFETY: no addresses.
    unsafe { bpf(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

/// How many bytes the kernel writes for the value of key 0, into a buffer that is
/// much longer than any value here. They must not be 0xaa.
pub fn written(map: impl AsFd) -> io::Result<usize> {
    let (key, mut value) = (0_u32, vec![0xaa_u8; 1 << 16]);
    let mut attr = attributes();
    attr.__bindgen_anon_2.map_fd = map.as_fd().as_raw_fd().cast_unsigned();
    attr.__bindgen_anon_2.key = std::ptr::from_ref(&key).expose_provenance() as u64;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: the key is of 4 bytes, and the value is long enough for 1000 CPUs.
    unsafe { call(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr) }?;
    Ok(value.iter().rposition(|byte| *byte != 0xaa).map_or(0, |last| last + 1))
}
