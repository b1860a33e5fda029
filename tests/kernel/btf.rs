//! Which maps have BTF, and what it may be like, as the kernel has it.

use bpfmap::{
    BpfMapValue, Btf, BtfSource, Error, Globals, HashMap, MapType, Note, OpenOptions, Verification,
};

use crate::builder::{Builder, kind};
use crate::features::FLOAT;
use crate::raw::{Create, load_btf};
use crate::support::*;

trials! {
    [Need::Vmlinux] => [
        the_kernels_own_types_are_not_to_be_changed,
    ]
    [Need::Bpf] => [
        the_kernel_keeps_btf_for_the_types_of_which_that_is_said,
    ]
    [Need::Bpf, Need::Ids, FLOAT] => [
        floating_point_and_what_loaders_put_in_its_place_are_bits,
    ]
    [Need::Bpf, Need::Ids] => [
        a_section_that_the_kernel_knows_is_verified,
        an_array_with_a_dot_in_its_name_is_no_section,
    ]
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Bss {
    packets: u32,
    errors: u32,
}

fn section(btf: Builder, id: u32) -> std::io::Result<std::os::fd::OwnedFd> {
    let btf = load_btf(&Vec::from(btf))?;
    Create {
        map_type: MapType::ARRAY.as_raw(),
        name: "test.bss",
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        map_flags: 0,
        btf: Some((&btf, [0, id])),
        inner: None,
    }
    .create()
}

fn a_section_that_the_kernel_knows_is_verified() -> TestResult {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let (packets, errors) = (btf.variable("packets", int), btf.variable("errors", int));
    let name = btf.name(".bss");
    let id = btf.add(name, kind::DATASEC, 2, 8, &[packets, 0, 4, errors, 4, 4]);
    let fd = section(btf, id)?;
    let bss = Globals::<Bss>::from_fd(&fd)?;
    assert!(matches!(
        bss.verification(),
        Verification::Verified { source: BtfSource::KernelMap { .. } }
    ));
    let errors: Globals<u32> = OpenOptions::new().variable("errors").from_fd(&fd)?;
    bss.set(&Bss { packets: 1, errors: 2 })?;
    assert_eq!(errors.get()?, 2);
    Ok(())
}

fn floating_point_and_what_loaders_put_in_its_place_are_bits() -> TestResult {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Sample {
        mean: u64,
        last: u32,
        count: u32,
    }
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Signed {
        mean: i64,
        last: u32,
        count: u32,
    }
    for sanitised in [false, true] {
        let mut btf = Builder::new();
        let int = btf.int(4);
        let [double, float] = [("double", 8), ("float", 4)].map(|(name, size)| match sanitised {
            true => btf.structure("", size, &[]),
            false => {
                let name = btf.name(name);
                btf.add(name, kind::FLOAT, 0, size, &[])
            }
        });
        let members = [("mean", double, 0), ("last", float, 64), ("count", int, 96)];
        let id = btf.structure("sample", 16, &members);
        let btf = load_btf(&Vec::from(btf))?;
        let fd = Create {
            map_type: MapType::HASH.as_raw(),
            name: "samples",
            key_size: 4,
            value_size: 16,
            max_entries: 1,
            map_flags: 0,
            btf: Some((&btf, [int, id])),
            inner: None,
        }
        .create()?;
        HashMap::<u32, Sample>::from_fd(&fd)?;
        let refused = mismatches(HashMap::<u32, Signed>::from_fd(&fd));
        let paths: Vec<_> = refused.iter().map(|(_, found)| found.path.as_str()).collect();
        assert_eq!(paths, ["mean"]);
        assert_eq!(refused.note(), sanitised.then_some(Note::Sanitised), "{refused}");
    }
    Ok(())
}

/// Each type is made without BTF, which shows that the rest is right, and with.
fn the_kernel_keeps_btf_for_the_types_of_which_that_is_said() -> TestResult {
    const BPF_F_NO_PREALLOC: u32 = 1;
    let mut btf = Builder::new();
    let int = btf.int(4);
    let key = btf.structure("key", 8, &[("prefix", int, 0), ("address", int, 32)]);
    let btf = load_btf(&Vec::from(btf))?;
    // The type, the sizes of key and value, flags, and the type of the key.
    let page = 4096;
    let types = [
        (MapType::HASH, 4, 4, page, 0, int),
        (MapType::ARRAY, 4, 4, page, 0, int),
        (MapType::PROG_ARRAY, 4, 4, page, 0, int),
        (MapType::PERF_EVENT_ARRAY, 4, 4, page, 0, int),
        (MapType::PERCPU_HASH, 4, 4, page, 0, int),
        (MapType::PERCPU_ARRAY, 4, 4, page, 0, int),
        (MapType::STACK_TRACE, 4, 8, page, 0, int),
        (MapType::CGROUP_ARRAY, 4, 4, page, 0, int),
        (MapType::LRU_HASH, 4, 4, page, 0, int),
        (MapType::LRU_PERCPU_HASH, 4, 4, page, 0, int),
        (MapType::LPM_TRIE, 8, 4, page, BPF_F_NO_PREALLOC, key),
        (MapType::DEVMAP, 4, 4, page, 0, int),
        (MapType::DEVMAP_HASH, 4, 4, page, 0, int),
        (MapType::SOCKMAP, 4, 4, page, 0, int),
        (MapType::SOCKHASH, 4, 4, page, 0, int),
        (MapType::CPUMAP, 4, 4, 1, 0, int),
        (MapType::XSKMAP, 4, 4, page, 0, int),
        (MapType::REUSEPORT_SOCKARRAY, 4, 4, page, 0, int),
        (MapType::QUEUE, 0, 4, page, 0, 0),
        (MapType::STACK, 0, 4, page, 0, 0),
        (MapType::RINGBUF, 0, 0, page, 0, 0),
        (MapType::USER_RINGBUF, 0, 0, page, 0, 0),
        (MapType::BLOOM_FILTER, 0, 4, page, 0, 0),
    ];
    let mut made = 0;
    for (map_type, key_size, value_size, max_entries, map_flags, key) in types {
        let create = |btf| {
            let (map_type, name, inner) = (map_type.as_raw(), "typed", None);
            Create { map_type, name, key_size, value_size, max_entries, map_flags, btf, inner }
                .create()
        };
        // What this kernel was built without is not looked at.
        if create(None).is_err() {
            continue;
        }
        made += 1;
        let value = if value_size == 8 { key } else { int };
        let answer = create(Some((&btf, [key, value])));
        assert_eq!(answer.is_ok(), map_type.takes_btf(), "{map_type}: {answer:?}");
    }
    assert!(made > 10, "only {made} types");
    Ok(())
}

fn an_array_with_a_dot_in_its_name_is_no_section() -> TestResult {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let id = btf.structure("entry", 8, &[("packets", int, 0), ("errors", int, 32)]);
    let btf = load_btf(&Vec::from(btf))?;
    for max_entries in [1, 64] {
        let fd = Create {
            map_type: MapType::ARRAY.as_raw(),
            name: "conf.map",
            key_size: 4,
            value_size: 8,
            max_entries,
            map_flags: 0,
            btf: Some((&btf, [int, id])),
            inner: None,
        }
        .create()?;
        for options in [OpenOptions::new(), OpenOptions::new().variable("packets")] {
            match options.from_fd::<Globals<u32>>(&fd) {
                Err(Error::NotASection { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    Ok(())
}

/// Nobody who reads the message can change them.
fn the_kernels_own_types_are_not_to_be_changed() -> TestResult {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct WrongList {
        prev: u64,
        other: u32,
        rest: u32,
    }
    let answer = Btf::vmlinux()?.check::<WrongList>("list_head");
    let text = mismatches(answer).to_string();
    assert!(!text.contains("in C") && !text.contains("C struct"), "{text}");
    assert!(text.contains("#[bpf(pointer)]"), "{text}");
    // Nobody compiles them anew for this.
    let text =
        Btf::vmlinux()?.check::<WrongList>("no_such_type_in_any_kernel").unwrap_err().to_string();
    assert!(text.contains("in the kernel's BTF; the types of a module"), "{text}");
    assert!(!text.contains("compilers"), "{text}");
    Ok(())
}
