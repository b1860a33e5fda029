//! Which maps have BTF, and what it may be like, as the kernel has it.

#[path = "../builder.rs"]
mod builder;

use bpfmap::{BpfMapValue, BtfSource, Globals, HashMap, MapType, Note, OpenOptions, Verification};
use builder::{Builder, kind};

use crate::raw::{Create, load_btf};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_section_that_the_kernel_knows_is_verified,
        floating_point_and_what_loaders_put_in_its_place_are_bits,
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

/// FLOAT came with Linux 5.13.
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
