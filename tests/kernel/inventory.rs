//! What the kernel holds, and who holds it. Other maps than a test's own are there
//! too, and change while it runs.

use std::mem::offset_of;
use std::os::fd::AsFd;
use std::path::Path;

use aya::Ebpf;
use aya::programs::{Xdp, xdp::XdpMode};
use aya_obj::generated::bpf_prog_info;
use bpfmap::inventory::{Incomplete, ObjectId, Pin, Stale, StaleReason, UnpinError};
use bpfmap::{AnyMap, Error, HashMap, Inventory, Loader, MapType, fault};
use nix::sched::{CloneFlags, unshare};

use crate::inner::INNER;
use crate::raw::{Create, freeze, load_program_with};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        what_may_not_be_listed_is_said_and_the_own_maps_are_there,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_map_that_only_a_pin_keeps_is_stale_until_the_pin_is_removed,
        a_pin_that_holds_another_map_by_now_stays,
        a_map_in_a_map_is_held_by_it,
        a_pinned_program_is_idle_until_it_is_attached,
        the_pins_of_another_mount_namespace_are_found,
        a_pin_of_a_program_is_no_map,
        a_link_in_the_place_of_a_pin_stays,
        a_table_of_descriptors_of_one_thread_counts,
        pins_are_found_however_deep_they_are,
        pins_that_are_mounted_over_are_out_of_sight,
        a_directory_that_may_only_be_listed_is_said,
        what_a_loader_leaves_behind_while_it_is_looked_at_is_used,
    ]
    [Need::Bpf, Need::Ids] => [
        a_map_that_only_a_process_has_open_is_said_to_be,
        a_map_and_the_process_and_the_program_that_hold_it,
        what_the_kernel_says_of_a_map,
        a_map_that_is_gone_is_not_listed,
        what_cannot_be_read_of_the_kernel_is_said_and_what_is_gone_is_not,
        maps_of_a_program_that_grow_on_each_ask_are_given_up,
    ]
}

fn id(map: impl AsFd) -> u32 {
    AnyMap::from_fd(map).map_or(0, |map| map.id())
}

fn reason(inventory: &Inventory, id: u32) -> Option<StaleReason> {
    inventory.stale().into_iter().find(|stale| stale.map.id == id).map(|stale| stale.reason)
}

/// What there is once no process has the map open: a command that another test
/// starts has all descriptors for a moment.
fn unwatched(id: u32) -> Inventory {
    let mut inventories = std::iter::repeat_with(Inventory::read).take(100);
    let is_unwatched = |inventory: &Inventory| inventory.holders(id).processes.is_empty();
    inventories.find(is_unwatched).expect("commands start soon")
}

/// A map that no loader makes.
fn hash(name: &str) -> std::io::Result<std::os::fd::OwnedFd> {
    let map_type = MapType::HASH.as_raw();
    let create = Create {
        map_type,
        name,
        key_size: 4,
        value_size: 8,
        max_entries: 3,
        map_flags: 1,
        btf: None,
        inner: None,
    };
    create.create()
}

/// Pins a map, and keeps nothing of it open.
fn pinned(name: &str, path: &Path) -> Result<u32, Box<dyn std::error::Error>> {
    let map = hash(name)?;
    aya::maps::MapData::from_fd(map.try_clone()?)?.pin(path)?;
    Ok(id(&map))
}

fn a_map_and_the_process_and_the_program_that_hold_it() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let program_id = program.info()?.id();
    let fd = ebpf.map_fd("flows").ok_or("no map")?;
    let (map_id, fd) = (id(fd), std::os::fd::AsRawFd::as_raw_fd(&fd).cast_unsigned());
    let inventory = Inventory::read();
    let map = inventory.map(map_id).ok_or("not listed")?;
    assert_eq!((map.name.as_deref(), map.map_type), (Some("flows"), MapType::HASH));
    let holders = inventory.holders(map_id);
    let [process] = *holders.processes else { panic!("{holders:?}") };
    assert_eq!(process.pid, std::process::id());
    let open = process.open.iter().find(|open| open.object == ObjectId::Map(map_id));
    assert_eq!(open.map(|open| open.fd), Some(fd));
    let [program] = *holders.programs else { panic!("{holders:?}") };
    assert_eq!((program.id, &*program.program_type), (program_id, "xdp"));
    assert!(process.has_open(ObjectId::Program(program_id)));
    assert!(holders.links.is_empty() && holders.pins.is_empty(), "{holders:?}");
    assert_eq!(reason(&inventory, map_id), None);
    assert!(inventory.maps_named("flows").any(|map| map.id == map_id));
    Ok(())
}

fn a_map_that_only_a_process_has_open_is_said_to_be() -> TestResult {
    let map = hash("forgotten")?;
    let id = id(&map);
    let read = || {
        let inventory = Inventory::read();
        let idle = inventory.idle().into_iter().find(|idle| idle.map.id == id);
        let pids = idle.map(|idle| idle.processes.iter().map(|one| one.pid).collect::<Vec<_>>());
        (pids, reason(&inventory, id))
    };
    let mut found = std::iter::repeat_with(read).take(100);
    // As for `unwatched`.
    assert!(found.any(|found| found == (Some(vec![std::process::id()]), None)));
    Ok(())
}

fn what_the_kernel_says_of_a_map() -> TestResult {
    let map = hash("a_name_of_19_by")?;
    freeze(&map)?;
    let inventory = Inventory::read();
    let found = inventory.map(id(&map)).ok_or("not listed")?;
    assert_eq!(found.name.as_deref(), Some("a_name_of_19_by"));
    assert_eq!((found.key_size, found.value_size, found.max_entries), (4, 8, 3));
    assert_eq!(found.flags, ["BPF_F_NO_PREALLOC"]);
    assert_eq!(found.frozen, Some(true));
    assert!(found.memlock > Some(0));
    assert!(inventory.maps_named("a_name_of_19_bytes_").any(|map| map == found));
    assert!(inventory.maps_named("a_name").next().is_none());
    Ok(())
}

fn what_may_not_be_listed_is_said_and_the_own_maps_are_there() -> TestResult {
    let map = hash("my_own")?;
    let map_id = id(&map);
    let refuse = |command: &str| {
        (command.ends_with("GET_NEXT_ID") || command.ends_with("GET_FD_BY_ID"))
            .then_some(libc::EPERM)
    };
    let inventory = fault::with(refuse, Inventory::read);
    for what in ["maps", "programs", "links"] {
        let missing = Incomplete::Ids { what, errno: libc::EPERM };
        assert!(inventory.incomplete.contains(&missing), "{:?}", inventory.incomplete);
    }
    assert!(!inventory.is_complete());
    assert_eq!(
        inventory.incomplete[0].to_string(),
        "the kernel's maps cannot be listed: Operation not permitted (os error 1); it needs \
         CAP_SYS_ADMIN"
    );
    let found = inventory.map(map_id).ok_or("not listed")?;
    assert_eq!((&found.name, found.map_type, found.value_size), (&None, MapType::HASH, 8));
    assert_eq!(inventory.holders(map_id).processes.len(), 1);
    Ok(())
}

fn a_map_that_is_gone_is_not_listed() -> TestResult {
    let map = hash("gone")?;
    let map_id = id(&map);
    assert!(Inventory::read().map(map_id).is_some());
    drop(map);
    // The kernel frees it a moment later.
    while AnyMap::from_id(map_id).is_ok() {
        std::thread::yield_now();
    }
    assert!(Inventory::read().map(map_id).is_none());
    match AnyMap::from_id(map_id) {
        Err(Error::Kernel(error)) => assert_eq!(error.meaning, "there is no map of that id"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn a_map_that_only_a_pin_keeps_is_stale_until_the_pin_is_removed() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let directory = bpffs.path().join("below");
    std::fs::create_dir(&directory)?;
    let path = directory.join("state");
    let map_id = pinned("state", &path)?;
    let inventory = unwatched(map_id);
    let stale = inventory.stale();
    let Some(Stale { reason, pins, .. }) = stale.iter().find(|stale| stale.map.id == map_id) else {
        panic!("not stale: {:?}", inventory.holders(map_id))
    };
    assert_eq!(*reason, StaleReason::Pinned);
    let [pin] = **pins else { panic!("{pins:?}") };
    assert_eq!((&pin.path, pin.object), (&path, ObjectId::Map(map_id)));
    // A process that opens it uses it.
    let opened = HashMap::<u32, u64>::from_pin(&path);
    assert!(opened.is_err(), "it has no BTF");
    let opened = AnyMap::from_pin(&path)?;
    assert_eq!(self::reason(&Inventory::read(), map_id), None);
    drop(opened);
    assert!(Inventory::unpin(pin)?);
    assert!(!path.exists());
    assert!(!Inventory::unpin(pin)?, "it is gone already");
    Ok(())
}

fn a_pin_that_holds_another_map_by_now_stays() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("state");
    let first = pinned("first", &path)?;
    let inventory = Inventory::read();
    let pins: Vec<Pin> = inventory.pins_of(ObjectId::Map(first)).cloned().collect();
    std::fs::remove_file(&path)?;
    let second = pinned("second", &path)?;
    assert_ne!(first, second);
    match Inventory::unpin(&pins[0]) {
        Err(error @ UnpinError::Changed { .. }) => assert_eq!(
            error.to_string(),
            format!(
                "{} is not removed: map {second} is pinned there now, and no more map {first}",
                path.display()
            )
        ),
        other => panic!("{other:?}"),
    }
    assert!(path.exists());
    Ok(())
}

fn a_map_in_a_map_is_held_by_it() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("outer");
    let inner = hash("inner")?;
    let outer = Create {
        map_type: MapType::ARRAY_OF_MAPS.as_raw(),
        name: "outer",
        key_size: 4,
        value_size: 4,
        max_entries: 4,
        map_flags: 0,
        btf: None,
        inner: Some(&inner),
    };
    let outer = outer.create()?;
    crate::raw::put(&outer, 2, &inner)?;
    aya::maps::MapData::from_fd(outer.try_clone()?)?.pin(&path)?;
    let (inner_id, outer_id) = (id(&inner), id(&outer));
    drop((inner, outer));
    let inventory = unwatched(outer_id);
    assert_eq!(inventory.map(outer_id).ok_or("not listed")?.contents, [inner_id]);
    let holders = inventory.holders(inner_id);
    let [held_by] = *holders.outer_maps else { panic!("{holders:?}") };
    assert_eq!(held_by.id, outer_id);
    assert_eq!(reason(&inventory, outer_id), Some(StaleReason::Pinned));
    let in_outer = StaleReason::StaleOuter { maps: vec![outer_id] };
    assert_eq!(reason(&inventory, inner_id), Some(in_outer));
    // Who has the outer map open may look up the inner one.
    let opened = AnyMap::from_pin(&path)?;
    let inventory = Inventory::read();
    assert_eq!(reason(&inventory, outer_id), None);
    assert_eq!(reason(&inventory, inner_id), None);
    drop(opened);
    Ok(())
}

fn a_pinned_program_is_idle_until_it_is_attached() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let mut ebpf = Ebpf::load(FLOWS)?;
    let map_id = id(ebpf.map_fd("flows").ok_or("no map")?);
    let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let path = bpffs.path().join("program");
    program.pin(&path)?;
    let program_id = program.info()?.id();
    drop(ebpf);
    let inventory = unwatched(map_id);
    let idle = StaleReason::IdlePrograms { programs: vec![program_id] };
    assert_eq!(reason(&inventory, map_id), Some(idle));
    // A loopback device of this thread's own.
    unshare(CloneFlags::CLONE_NEWNET)?;
    let mut again = Xdp::from_pin(&path, aya_obj::programs::XdpAttachType::Interface)?;
    let link = again.attach("lo", XdpMode::Skb)?;
    let link = again.take_link(link)?;
    let link: aya::programs::links::FdLink = link.try_into()?;
    let link = link.pin(bpffs.path().join("link"))?;
    drop((again, link));
    let inventory = Inventory::read();
    assert_eq!(reason(&inventory, map_id), None);
    let holders = inventory.holders(map_id);
    let [link] = *holders.links else { panic!("{holders:?}") };
    assert_eq!((link.program_id, &*link.link_type), (program_id, "xdp"));
    let pins: Vec<_> = inventory.pins_of(ObjectId::Link(link.id)).collect();
    assert_eq!(pins.len(), 1);
    Ok(())
}

fn the_pins_of_another_mount_namespace_are_found() -> TestResult {
    let (ready, wait) = std::sync::mpsc::channel();
    let (done, end) = std::sync::mpsc::channel::<()>();
    // A process of its own: the namespaces of threads are not those of processes.
    let holder = std::thread::spawn(move || -> Result<(), String> {
        let error = |error: std::io::Error| error.to_string();
        let directory = tempfile::tempdir().map_err(error)?;
        let script =
            format!("mount -t bpf bpf {} && echo ready && cat", directory.path().display());
        let mut child = std::process::Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .map_err(error)?;
        let mut line = [0; 6];
        let stdout = child.stdout.as_mut().ok_or("no output")?;
        std::io::Read::read_exact(stdout, &mut line).map_err(error)?;
        let root = format!("/proc/{}/root{}", child.id(), directory.path().display());
        ready.send(root).map_err(|error| error.to_string())?;
        let _ = end.recv();
        drop(child.stdin.take());
        child.wait().map_err(error).map(drop)
    });
    let path = Path::new(&wait.recv()?).join("elsewhere");
    let map_id = pinned("elsewhere", &path)?;
    let inventory = unwatched(map_id);
    let found: Vec<Pin> = inventory.pins_of(ObjectId::Map(map_id)).cloned().collect();
    let reason = reason(&inventory, map_id);
    drop(done);
    holder.join().map_err(|_| "the holder panicked")??;
    let [pin] = &*found else { panic!("{found:?}") };
    assert!(pin.path.ends_with("elsewhere"), "{pin:?}");
    assert_eq!(reason, Some(StaleReason::Pinned));
    Ok(())
}

fn a_pin_of_a_program_is_no_map() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("program");
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    program.pin(&path)?;
    let program_id = program.info()?.id();
    let inventory = Inventory::read();
    let pins: Vec<Pin> = inventory.pins_of(ObjectId::Program(program_id)).cloned().collect();
    assert_eq!(pins.len(), 1);
    assert!(matches!(Inventory::unpin(&pins[0]), Err(UnpinError::NotAMap { .. })));
    assert!(matches!(AnyMap::from_pin(&path), Err(Error::NotAMap { .. })));
    assert!(path.exists());
    Ok(())
}

fn a_link_in_the_place_of_a_pin_stays() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [path, other] = ["pin", "other"].map(|name| bpffs.path().join(name));
    let map_id = pinned("linked", &path)?;
    let pin = Inventory::read().pins_of(ObjectId::Map(map_id)).next().cloned().ok_or("no pin")?;
    std::fs::rename(&path, &other)?;
    std::os::unix::fs::symlink(&other, &path)?;
    assert!(matches!(Inventory::unpin(&pin), Err(UnpinError::NotAMap { .. })));
    assert!(path.is_symlink() && other.exists());
    Ok(())
}

fn a_table_of_descriptors_of_one_thread_counts() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("state");
    let map_id = pinned("state", &path)?;
    let found = std::thread::spawn(move || -> Result<_, String> {
        unshare(CloneFlags::CLONE_FILES).map_err(|error| error.to_string())?;
        let opened = AnyMap::from_pin(&path).map_err(|error| error.to_string())?;
        // Another thread looks, as its own descriptors are not those of this one.
        let inventory = std::thread::scope(|scope| {
            let looks = scope.spawn(Inventory::read);
            looks.join().map_err(|_| "it panicked".to_owned())
        })?;
        drop(opened);
        Ok((inventory.holders(map_id).processes.len(), reason(&inventory, map_id)))
    });
    let (processes, reason) = found.join().map_err(|_| "the thread panicked")??;
    assert!(processes > 0);
    assert_eq!(reason, None);
    Ok(())
}

fn pins_are_found_however_deep_they_are() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let mut directory = bpffs.path().to_owned();
    directory.extend(["d"; 100]);
    std::fs::create_dir_all(&directory)?;
    let path = directory.join("deep");
    let map_id = pinned("deep", &path)?;
    let inventory = unwatched(map_id);
    let pins: Vec<_> = inventory.pins_of(ObjectId::Map(map_id)).map(|pin| &pin.path).collect();
    assert_eq!(pins, [&path]);
    assert_eq!(reason(&inventory, map_id), Some(StaleReason::Pinned));
    Ok(())
}

fn pins_that_are_mounted_over_are_out_of_sight() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let map_id = pinned("covered", &bpffs.path().join("covered"))?;
    let place = bpffs.path().join("place");
    std::fs::create_dir(&place)?;
    // Within it, which hides nothing, and what is there is none of it.
    let tmpfs = |at: &Path| -> TestResult {
        nix::mount::mount(
            Some("tmpfs"),
            at,
            Some("tmpfs"),
            nix::mount::MsFlags::empty(),
            None::<&str>,
        )?;
        Ok(std::fs::write(at.join("file"), "no pin")?)
    };
    let about = |inventory: &Inventory, at: &Path| -> Vec<Incomplete> {
        let is_about = |missing: &&Incomplete| match missing {
            Incomplete::Path { path, .. } | Incomplete::Covered { path } => path.starts_with(at),
            _ => false,
        };
        inventory.incomplete.iter().filter(is_about).cloned().collect()
    };
    tmpfs(&place)?;
    let inventory = Inventory::read();
    nix::mount::umount(&place)?;
    assert_eq!(about(&inventory, bpffs.path()), []);
    assert_eq!(inventory.pins_of(ObjectId::Map(map_id)).count(), 1);
    // Over it.
    tmpfs(bpffs.path())?;
    let inventory = Inventory::read();
    nix::mount::umount(bpffs.path())?;
    let path = bpffs.path().to_owned();
    let [Incomplete::Covered { path: covered }] = &*about(&inventory, &path) else {
        panic!("{:?}", inventory.incomplete)
    };
    assert_eq!(*covered, path);
    assert_eq!(inventory.pins_of(ObjectId::Map(map_id)).count(), 0);
    Ok(())
}

fn a_directory_that_may_only_be_listed_is_said() -> TestResult {
    use std::os::unix::fs::PermissionsExt;
    let bpffs = Bpffs::mount()?;
    let directory = bpffs.path().join("listed");
    std::fs::create_dir(&directory)?;
    let path = directory.join("pin");
    pinned("listed", &path)?;
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o444))?;
    crate::privilege::with_only(&[], move || {
        let missing = Incomplete::Path { path, errno: libc::EACCES };
        let inventory = Inventory::read();
        assert!(inventory.incomplete.contains(&missing), "{:?}", inventory.incomplete);
        Ok(())
    })
}

fn what_a_loader_leaves_behind_while_it_is_looked_at_is_used() -> TestResult {
    let bpffs = Bpffs::mount()?;
    // A loopback device of this thread's own.
    unshare(CloneFlags::CLONE_NEWNET)?;
    let ebpf = Ebpf::load(FLOWS)?;
    let map_id = id(ebpf.map_fd("flows").ok_or("no map")?);
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(bpffs.path().join("flows"))?;
    let path = bpffs.path().join("link");
    let (failed, failure) = std::sync::mpsc::channel();
    // It loads its program when programs have been listed, and ends before processes are.
    let attach = move |mut ebpf: Ebpf| -> TestResult {
        let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
        program.load()?;
        let link = program.attach("lo", XdpMode::Skb)?;
        let link: aya::programs::links::FdLink = program.take_link(link)?.try_into()?;
        link.pin(&path)?;
        Ok(())
    };
    let mut loader = Some((ebpf, attach));
    let hook = move |command: &str| {
        if command == "BPF_LINK_GET_NEXT_ID"
            && let Some((ebpf, attach)) = loader.take()
            && let Err(error) = attach(ebpf)
        {
            let _ = failed.send(error.to_string());
        }
        None
    };
    let inventory = fault::with(hook, Inventory::read);
    assert_eq!(failure.try_recv().ok(), None);
    let holders = inventory.holders(map_id);
    assert_eq!((holders.programs.len(), holders.links.len()), (1, 1), "{holders:?}");
    assert_eq!(reason(&inventory, map_id), None);
    Ok(())
}

fn what_cannot_be_read_of_the_kernel_is_said_and_what_is_gone_is_not() -> TestResult {
    let map = hash("inventoried")?;
    let id = id(&map);
    let read = |command: &'static str, errno| {
        let rule = move |asked: &str| (asked == command).then_some(errno);
        fault::with(rule, Inventory::of_kernel)
    };
    // To its end, which the kernel says with an error.
    let inventory = Inventory::of_kernel();
    let is_listed = |one: &Incomplete| matches!(one, Incomplete::Ids { .. });
    assert!(!inventory.incomplete.iter().any(is_listed), "{:?}", inventory.incomplete);
    assert!(inventory.map(id).is_some());
    let gone = read("BPF_MAP_GET_FD_BY_ID", libc::ENOENT);
    assert!(gone.map(id).is_none());
    let is_of_map = |one: &Incomplete| matches!(one, Incomplete::Object { what: "map", id: of, .. } if *of == id);
    assert!(!gone.incomplete.iter().any(is_of_map), "{:?}", gone.incomplete);
    let refused = read("BPF_MAP_GET_FD_BY_ID", libc::EMFILE);
    let said = Incomplete::Object { what: "map", id, errno: libc::EMFILE };
    assert!(refused.incomplete.contains(&said), "{:?}", refused.incomplete);
    // What is in a map of maps is read by calls of its own.
    let ebpf = aya::EbpfLoader::new().allow_unsupported_maps().load(INNER)?;
    let tenants = ebpf.map_fd("tenants").ok_or("no map")?;
    let tenants = AnyMap::from_fd(tenants)?.id();
    let unread = read("BPF_MAP_GET_NEXT_KEY", libc::EIO);
    let said = Incomplete::Contents { map_id: tenants, errno: libc::EIO };
    assert!(unread.incomplete.contains(&said), "{:?}", unread.incomplete);
    Ok(())
}

/// How many maps a program uses is not asked for without an end.
fn maps_of_a_program_that_grow_on_each_ask_are_given_up() -> TestResult {
    let map = hash("used")?;
    let _program = load_program_with(&map)?;
    let inventory = Inventory::of_kernel();
    let users = inventory.holders(id(&map)).programs;
    let program = users.first().ok_or("it uses the map")?.id;
    let mut asked = 0;
    let rewrite = move |info: &mut [u8]| {
        if info.len() == size_of::<bpf_prog_info>() {
            asked += 1;
            let at = offset_of!(bpf_prog_info, nr_map_ids);
            let field = info[at..].first_chunk_mut::<4>().expect("a field of it");
            *field = (u32::from_ne_bytes(*field) + asked).to_ne_bytes();
        }
    };
    let inventory = fault::with_infos(rewrite, Inventory::of_kernel);
    let said = Incomplete::Object { what: "program", id: program, errno: libc::EAGAIN };
    assert!(inventory.incomplete.contains(&said), "{:?}", inventory.incomplete);
    assert!(inventory.program(program).is_none());
    Ok(())
}
