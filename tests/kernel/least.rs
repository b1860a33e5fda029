//! Which capabilities each operation needs: the table of `docs/privileges.md`.
//!
//! `BPFMAP_OVERWRITE=1` writes it anew.

use std::error::Error as StdError;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::Mutex;

use aya::Ebpf;
use aya::programs::Xdp;
use bpfmap::{
    Array, Btf, Error, Feature, HashMap, HashOfMaps, Loader, LocalStorage, MapType, Object,
    OpenOptions, PerCpu, Probes, Queue, RingBuf, zeroed,
};
use caps::Capability::{self, CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN};

use crate::features::{FREEZING_WRITES, TAKE};
use crate::inner::{INNER, Mark, Tenant};
use crate::maps::{Count, MAPS};
use crate::privilege::with_only;
use crate::support::*;

trials! {
    [Need::Bpf, Need::Ids, Need::Bpffs, FREEZING_WRITES, TAKE] => [
        the_docs_say_what_each_operation_needs,
    ]
}

static DOCS: &str = include_str!("../../docs/privileges.md");

/// The columns.
const SETS: [(&str, &[Capability]); 4] = [
    ("`BPF` and `SYS_ADMIN`", &[CAP_BPF, CAP_SYS_ADMIN]),
    ("`BPF`, `PERFMON`, `NET_ADMIN`", &[CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN]),
    ("`BPF`", &[CAP_BPF]),
    ("none", &[]),
];

/// What root has loaded, pinned and opened.
struct Loaded {
    flows: Ebpf,
    kinds: Ebpf,
    maps: Ebpf,
    inner: Ebpf,
    pin: PathBuf,
    open: Open,
    _bpffs: Bpffs,
}

/// Maps that are open already.
struct Open {
    large: HashMap<u32, u64>,
    large_id: u32,
    percpu: HashMap<u32, PerCpu<Count>>,
    mapped: Array<Count>,
    sockets: LocalStorage<Mark>,
    tenants: HashOfMaps<u16, Tenant>,
    tenant: Tenant,
    /// One for each set of capabilities.
    to_freeze: Mutex<Vec<Array<Count>>>,
}

fn loaded() -> Result<Loaded, Box<dyn StdError>> {
    let (flows, kinds, maps) = (Ebpf::load(FLOWS)?, Ebpf::load(KINDS)?, Ebpf::load(MAPS)?);
    let inner = Ebpf::load(INNER)?;
    let bpffs = Bpffs::mount()?;
    let pin = bpffs.path().join("flows");
    let Some(aya::maps::Map::HashMap(data)) = flows.map("flows") else { panic!("no map") };
    data.pin(&pin)?;
    let Some(aya::maps::Map::HashMap(data)) = maps.map("large") else { panic!("no map") };
    let large_id = data.info()?.id();
    let to_freeze = SETS.iter().map(|_| Ok(with_object(MAPS, &Ebpf::load(MAPS)?, "array")?));
    let open = Open {
        large: with_object(MAPS, &maps, "large")?,
        large_id,
        percpu: with_object(MAPS, &maps, "percpu_hash")?,
        mapped: with_object(MAPS, &maps, "mapped")?,
        sockets: with_object(INNER, &inner, "sockets")?,
        tenants: with_object(INNER, &inner, "tenants")?,
        tenant: with_object(INNER, &inner, "tenant")?,
        to_freeze: Mutex::new(to_freeze.collect::<Result<_, Box<dyn StdError>>>()?),
    };
    open.tenants.insert(&1, &open.tenant)?;
    Ok(Loaded { flows, kinds, maps, inner, pin, open, _bpffs: bpffs })
}

type Answer = Result<(), Box<dyn StdError>>;
type Row = (&'static str, fn(&Loaded) -> Answer);
type Flows = HashMap<FlowKey, FlowStats>;

#[derive(bpfmap::BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

fn ring(maps: &Ebpf) -> Result<RingBuf<Opened>, Error> {
    let object = Object::parse(MAPS).expect("it is loaded");
    OpenOptions::new().object(&object).event("opened").open(maps, "events")
}

const ROWS: &[Row] = &[
    ("load maps (aya)", |_| Ok(Ebpf::load(FLOWS).map(drop)?)),
    ("load an XDP program (aya)", |_| {
        let mut ebpf = Ebpf::load(FLOWS)?;
        let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
        Ok(program.load()?)
    }),
    ("open by name or descriptor, compared with the kernel's BTF", |loaded| {
        Flows::open(&loaded.flows, "flows")?;
        Ok(Flows::from_fd(loaded.flows.map_fd("flows").ok_or("no map")?).map(drop)?)
    }),
    ("open by name or descriptor, with the object", |loaded| {
        let object = Object::parse(FLOWS)?;
        let options = OpenOptions::new().object(&object);
        options.open::<Flows>(&loaded.flows, "flows")?;
        Ok(options.from_fd(loaded.flows.map_fd("flows").ok_or("no map")?).map(|_: Flows| ())?)
    }),
    ("open by name or descriptor, sizes only", |loaded| {
        let options = OpenOptions::new().allow_sizes_only(true);
        Ok(options.open(&loaded.flows, "flows").map(|_: Flows| ())?)
    }),
    ("open a pin, compared with the kernel's BTF", |loaded| {
        Ok(Flows::from_pin(&loaded.pin).map(drop)?)
    }),
    ("open a pin, with the object", |loaded| {
        let object = Object::parse(FLOWS)?;
        Ok(OpenOptions::new().object(&object).from_pin(&loaded.pin).map(|_: Flows| ())?)
    }),
    ("open by id, with or without the object", |loaded| {
        let object = Object::parse(MAPS)?;
        let options = OpenOptions::new().object(&object);
        Ok(options.from_id(loaded.open.large_id).map(|_: HashMap<u32, u64>| ())?)
    }),
    ("open a map without BTF, compared with the program's", |loaded| {
        Ok(Queue::<Value>::open(&loaded.kinds, "queue").map(drop)?)
    }),
    ("open a map without BTF, with the object", |loaded| {
        Ok(with_object(KINDS, &loaded.kinds, "queue").map(|_: Queue<Value>| ())?)
    }),
    ("open a map of maps, with the object", |loaded| {
        let tenants: HashOfMaps<u16, Tenant> = with_object(INNER, &loaded.inner, "tenants")?;
        tenants.check_alive()?;
        Ok(())
    }),
    ("read and write entries, one by one and in batches", |loaded| {
        let Open { large, percpu, .. } = &loaded.open;
        large.insert(&1, &1)?;
        large.insert_batch(&[2, 3], &[2, 3])?;
        large.get(&1)?;
        large.iter().try_for_each(|entry| entry.map(drop))?;
        large.remove_batch(&[1, 2])?;
        large.take(&3)?;
        percpu.insert(&1, &PerCpu::splat(zeroed())?)?;
        Ok(percpu.get(&1).map(drop)?)
    }),
    ("read and write an array in memory", |loaded| {
        let memory = loaded.open.mapped.map_memory()?;
        Ok(memory.set(1, &zeroed())?)
    }),
    ("open a ring buffer, with the object, and read it", |loaded| {
        Ok(ring(&loaded.maps)?.try_next().map(drop)?)
    }),
    ("values of sockets", |loaded| {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        loaded.open.sockets.insert(&socket, &zeroed())?;
        Ok(loaded.open.sockets.get(&socket).map(drop)?)
    }),
    ("put a map into a map of maps", |loaded| {
        Ok(loaded.open.tenants.insert(&2, &loaded.open.tenant)?)
    }),
    ("take a map out of a map of maps", |loaded| Ok(loaded.open.tenants.get(&1).map(drop)?)),
    ("freeze a map", |loaded| {
        let map = loaded.open.to_freeze.lock().expect("no panic").pop();
        Ok(map.ok_or("no map")?.freeze()?)
    }),
    ("probe types of maps and operations", |_| {
        let probes = Probes::new();
        probe(&probes, Feature::MapType(MapType::HASH))?;
        probe(&probes, Feature::LookupBatch(MapType::HASH))
    }),
    ("probe what is there by id", |_| probe(&Probes::new(), Feature::Ids)),
    ("types of the kernel: `Btf::vmlinux`", |_| Ok(Btf::vmlinux().map(drop)?)),
    ("check an object: `Object::check`", |_| {
        Ok(Object::parse(FLOWS)?.check::<Flows>("flows").map(drop)?)
    }),
];

fn probe(probes: &Probes, feature: Feature) -> Answer {
    match probes.support(feature) {
        bpfmap::Support::Yes => Ok(()),
        bpfmap::Support::Unknown(inconclusive) => {
            Err(std::io::Error::from_raw_os_error(inconclusive.errno).into())
        }
        bpfmap::Support::No => Err("not supported".into()),
    }
}

/// A cell of the table.
fn cell(answer: Answer) -> String {
    let error = match answer {
        Ok(()) => return "yes".into(),
        Err(error) => error,
    };
    match error.downcast_ref::<Error>() {
        Some(Error::Unverifiable { .. }) => "`Unverifiable`".into(),
        Some(Error::Kernel(error)) if error.errno() == libc::EPERM => "EPERM".into(),
        _ if causes(&*error).contains("os error 1)") => "EPERM".into(),
        _ => format!("{error}"),
    }
}

fn table(
    sets: &[(&str, &[Capability])],
    loaded: &Loaded,
) -> Result<Vec<String>, Box<dyn StdError>> {
    let mut lines = vec![format!(
        "| | {} |",
        sets.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | ")
    )];
    lines.push(format!("|---|{}", "---|".repeat(sets.len())));
    for (what, run) in ROWS {
        let mut cells = Vec::new();
        for (_, kept) in sets {
            let mut said = String::new();
            with_only(kept, || {
                said = cell(run(loaded));
                Ok(())
            })?;
            cells.push(said);
        }
        lines.push(format!("| {what} | {} |", cells.join(" | ")));
    }
    Ok(lines)
}

/// Before Linux 5.19 nobody without `CAP_BPF` could do anything, where distributions
/// want it so.
fn is_closed_to_the_rest(loaded: &Loaded) -> Result<bool, Box<dyn StdError>> {
    let mut closed = false;
    with_only(&[], || {
        closed = loaded.open.large.get(&1).is_err();
        Ok(())
    })?;
    Ok(closed)
}

fn the_docs_say_what_each_operation_needs() -> TestResult {
    let loaded = loaded()?;
    let mut sets = SETS.to_vec();
    if is_closed_to_the_rest(&loaded)? {
        sets.pop();
    }
    let found = table(&sets, &loaded)?;
    if std::env::var_os("BPFMAP_OVERWRITE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/privileges.md");
        let rest: Vec<_> = DOCS.lines().filter(|line| !line.starts_with('|')).collect();
        let mut text = rest.join("\n");
        let place = text.find("<!-- table -->\n").ok_or("no place for the table")?;
        text.insert_str(place + "<!-- table -->\n".len(), &(found.join("\n") + "\n"));
        std::fs::write(path, text + "\n")?;
        return Ok(());
    }
    let known: Vec<_> = DOCS.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(known.len(), found.len(), "docs/privileges.md has not as many rows");
    for (known, found) in known.into_iter().zip(found) {
        // Without the last column, where there is none.
        let is_same = known == found || known.starts_with(found.trim_end_matches('|').trim_end());
        assert!(
            if sets.len() == SETS.len() { known == found } else { is_same },
            "docs/privileges.md says\n{known}\nand it is\n{found}"
        );
    }
    Ok(())
}
