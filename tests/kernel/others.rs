//! Maps that another loader made, and pins.

use std::path::Path;

use aya::Ebpf;
use aya::maps::Map;
use bpfmap::{BtfSource, Error, HashMap, Object, OpenOptions, Unverifiable, Verification};

use crate::support::*;

trials! {
    [Need::Bpf, Need::Bpffs] => [
        a_pin_opens_when_it_fits,
        a_pin_opens_for_reading_alone,
        a_path_without_a_map_says_what_is_there,
    ]
    [Need::Bpf, Need::Bpffs, Need::Bpftool] => [
        a_map_that_bpftool_loaded_opens_when_it_fits,
        a_map_that_bpftool_created_has_no_btf,
    ]
}

fn a_pin_opens_when_it_fits() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("pinned");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let flows = HashMap::<FlowKey, FlowStats>::from_pin(&path)?;
    assert!(matches!(flows.verification(), Verification::Verified { .. }));
    let refusal = mismatches(HashMap::<SwappedKey, FlowStats>::from_pin(&path)).to_string();
    assert!(refusal.starts_with("map `pinned` (id "), "{refusal}");
    assert!(refusal.contains(&format!(" pinned at {}", path.display())), "{refusal}");
    Ok(())
}

fn a_pin_opens_for_reading_alone() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("pinned");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let flows: HashMap<FlowKey, FlowStats> = OpenOptions::new().read_only(true).from_pin(&path)?;
    assert_eq!(flows.iter().count(), 0);
    let error = flows.insert(&bpfmap::zeroed(), &FlowStats::default()).unwrap_err();
    assert!(error.to_string().contains("opened read-only"), "{error}");
    Ok(())
}

fn a_path_without_a_map_says_what_is_there() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let path = bpffs.path().join("program");
    program.pin(&path)?;
    match HashMap::<FlowKey, FlowStats>::from_pin(&path) {
        Err(Error::NotAMap { .. }) => {}
        other => panic!("{other:?}"),
    }
    let meaning = |path: std::path::PathBuf| match HashMap::<FlowKey, FlowStats>::from_pin(path) {
        Err(Error::Kernel(error)) => error.meaning,
        other => panic!("{other:?}"),
    };
    assert_eq!(meaning(bpffs.path().join("absent")), "nothing is pinned there");
    let file = tempfile::NamedTempFile::new()?;
    assert!(meaning(file.path().into()).contains("is the path in a bpffs?"));
    Ok(())
}

fn a_map_that_bpftool_loaded_opens_when_it_fits() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let object = tempfile::NamedTempFile::new()?;
    std::fs::write(object.path(), FLOWS)?;
    let (program, maps) = (bpffs.path().join("program"), bpffs.path().join("maps"));
    let [object, program, pins] = [object.path(), &program, &maps].map(Path::display);
    bpftool(&format!("prog load {object} {program} pinmaps {pins}"))?;
    let flows = HashMap::<FlowKey, FlowStats>::from_pin(maps.join("flows"))?;
    assert!(matches!(
        flows.verification(),
        Verification::Verified { source: BtfSource::KernelMap { .. } }
    ));
    flows.insert(&bpfmap::zeroed(), &FlowStats { packets: 1, bytes: 60 })?;
    assert_eq!(flows.iter().count(), 1);
    let wrong = HashMap::<SwappedKey, FlowStats>::from_pin(maps.join("flows"));
    assert_eq!(differing(wrong), ["key.dport", "key.sport"]);
    Ok(())
}

/// Makes a map like `flows`, with values of that size.
fn create(path: &Path, value_size: u32) -> TestResult {
    let path = path.display();
    bpftool(&format!("map create {path} type hash key 16 value {value_size} entries 8 name flows"))
}

fn a_map_that_bpftool_created_has_no_btf() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("flows");
    create(&path, 16)?;
    match HashMap::<FlowKey, FlowStats>::from_pin(&path) {
        Err(Error::Unverifiable { reason: Unverifiable::NoBtf, .. }) => {}
        other => panic!("{other:?}"),
    }
    let object = Object::parse(FLOWS)?;
    let options = OpenOptions::new().object(&object);
    let flows: HashMap<FlowKey, FlowStats> = options.from_pin(&path)?;
    assert_eq!(flows.verification(), Verification::Verified { source: BtfSource::Object });
    let wrong = options.from_pin::<HashMap<SwappedKey, FlowStats>>(&path);
    assert_eq!(differing(wrong), ["key.dport", "key.sport"]);

    // Made larger than the object says: nothing may be written past a value.
    let path = bpffs.path().join("larger");
    create(&path, 64)?;
    match options.name("flows").from_pin::<HashMap<FlowKey, FlowStats>>(&path) {
        Err(Error::OtherObject { difference, .. }) => {
            assert_eq!(
                difference,
                "there its key and value are 16 and 16 bytes, in the kernel 16 and 64"
            );
        }
        other => panic!("{other:?}"),
    }
    match OpenOptions::new().allow_sizes_only(true).from_pin::<HashMap<FlowKey, FlowStats>>(&path) {
        Err(Error::Size { kernel: 64, .. }) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}
