//! Values for each CPU, on machines to which CPUs can be added, and where nobody
//! says how many there are.

use aya::Ebpf;
use bpfmap::{
    AnyMap, Array, BpfMapValue, Error, HashMap, MapType, OpenOptions, PerCpu, fault, zeroed,
};

use crate::features::TAKE;
use crate::maps::{Count, MAPS};
use crate::raw::Create;
use crate::support::*;

trials! {
    [Need::Bpf, TAKE] => [every_operation_holds_more_cpus_than_there_are]
    [Need::Bpf] => [
        values_made_for_fewer_cpus_are_refused_everywhere,
        without_a_list_of_cpus_no_map_of_theirs_opens,
        values_that_fill_no_word_are_where_the_kernel_has_them,
        more_cpus_than_memory_can_hold_are_refused,
    ]
}

/// How many more CPUs are possible than the kernel has.
const MORE: usize = 61;

fn counts(packets: u32) -> Result<PerCpu<Count>, std::io::Error> {
    PerCpu::splat(Count { packets, last: 9, ..zeroed() })
}

/// The kernel writes values for the CPUs that it has; whatever the buffers hold
/// beyond is zero. In a batch it packs the values for its own number of CPUs, so
/// there only the first is where it is looked for.
fn every_operation_holds_more_cpus_than_there_are() -> TestResult {
    let real = PerCpu::splat(0)?.as_slice().len();
    let ebpf = Ebpf::load(MAPS)?;
    fault::with_possible_cpus(real + MORE, || {
        let is_of = |values: &PerCpu<Count>, packets: u32| {
            let (kernel, beyond) = values.as_slice().split_at(real);
            assert_eq!(beyond.len(), MORE);
            assert!(kernel.iter().all(|count| count.packets == packets), "{values:?}");
            assert!(beyond.iter().all(|count| *count == zeroed()), "{values:?}");
        };
        for name in ["percpu_hash", "lru_percpu_hash"] {
            let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, name)?;
            map.insert(&1, &counts(1)?)?;
            map.insert_new(&2, &counts(2)?)?;
            map.replace(&2, &counts(3)?)?;
            is_of(&map.get(&1)?.ok_or("no value")?, 1);
            assert!(map.contains_key(&2)?);
            is_of(&map.take(&2)?.ok_or("no value")?, 3);
            // In batches, and more of them than one.
            let keys: Vec<_> = (1..=700).collect();
            map.insert_batch(&keys, &vec![counts(5)?; keys.len()])?;
            let mut found = Vec::new();
            for entry in map.iter() {
                let (key, values) = entry?;
                assert_eq!(values.as_slice().len(), real + MORE);
                found.push(key);
            }
            found.sort_unstable();
            assert_eq!(found, keys);
            assert_eq!(map.values().count(), 700);
            assert_eq!(map.occupancy()?.entries, 700);
            assert_eq!(map.retain(|key, _| *key != 7)?, 1);
            assert_eq!(map.remove_batch(&[1, 2])?, 2);
            assert_eq!(map.drain().collect::<Result<Vec<_>, _>>()?.len(), 697);
            // One by one, as on old kernels.
            map.insert(&1, &counts(6)?)?;
            let rule = |command: &str| command.contains("BATCH").then_some(libc::EINVAL);
            let one_by_one = |body: &dyn Fn() -> TestResult| fault::with(rule, body);
            one_by_one(&|| {
                map.insert_batch(&[2], &[counts(6)?])?;
                for entry in map.iter() {
                    is_of(&entry?.1, 6);
                }
                for entry in map.drain() {
                    is_of(&entry?.1, 6);
                }
                Ok(())
            })?;
            assert_eq!(map.iter().count(), 0);
        }
        let array = with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?;
        array.set(1, &counts(8)?)?;
        is_of(&array.get(1)?.ok_or("no element")?, 8);
        array.set_batch(0, &[counts(9)?, counts(9)?, counts(9)?])?;
        is_of(&array.get(0)?.ok_or("no element")?, 9);
        assert_eq!(array.iter().collect::<Result<Vec<_>, _>>()?.len(), 3);
        Ok(())
    })
}

/// Values that were made for one number of CPUs, and a map that was opened with
/// another.
fn values_made_for_fewer_cpus_are_refused_everywhere() -> TestResult {
    let real = PerCpu::splat(0)?.as_slice().len();
    let ebpf = Ebpf::load(MAPS)?;
    let values = counts(1)?;
    let (map, array) = fault::with_possible_cpus(real + 1, || {
        let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, "percpu_hash")?;
        Ok::<_, Error>((map, with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?))
    })?;
    let answers = [
        map.insert(&1, &values),
        map.insert_new(&1, &values),
        map.replace(&1, &values),
        map.insert_batch(&[1, 2], &[values.clone(), values.clone()]),
        array.set(1, &values),
        array.set_batch(0, std::slice::from_ref(&values)),
    ];
    for answer in answers {
        match answer {
            Err(error @ Error::Cpus { given, possible, .. }) => {
                assert_eq!((given, possible), (real, real + 1));
                assert!(error.to_string().contains("`PerCpu::splat`"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(map.iter().count(), 0);
    Ok(())
}

fn without_a_list_of_cpus_no_map_of_theirs_opens() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    type Counts = HashMap<u32, PerCpu<Count>>;
    let lists = [
        (Err(libc::ENOENT), "No such file or directory"),
        (Err(libc::EACCES), "Permission denied"),
        (Ok(""), "`` is no list of CPUs"),
        (Ok("0-\n"), "`0-` is no list of CPUs"),
        (Ok("3-1"), "`3-1` is no list of CPUs"),
    ];
    for (list, why) in lists {
        fault::with_list_of_cpus(list, || -> TestResult {
            let error = with_object::<Counts>(MAPS, &ebpf, "percpu_hash").unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error}");
            let array =
                with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array").unwrap_err();
            let splat = PerCpu::splat(1).unwrap_err();
            for text in [error.to_string(), array.to_string(), splat.to_string()] {
                assert!(text.starts_with("/sys/devices/system/cpu/possible: "), "{text}");
                assert!(text.contains(why), "{text}");
            }
            assert!(error.to_string().contains("mount /sys"), "{error}");
            // Others do not need it.
            with_object::<HashMap<u32, u64>>(MAPS, &ebpf, "large")?;
            Ok(())
        })?;
    }
    let many = fault::with_list_of_cpus(Ok("0-3,8-11\n"), || PerCpu::splat(1))?;
    assert_eq!(many.as_slice().len(), 8);
    Ok(())
}

/// The kernel has each at a multiple of 8 bytes, however short it is.
fn values_that_fill_no_word_are_where_the_kernel_has_them() -> TestResult {
    fn tried<V: BpfMapValue + std::fmt::Debug + PartialEq>(of: fn(u32) -> V) -> TestResult {
        let cpus = PerCpu::splat(0)?.as_slice().len() as u32;
        let values = |first: u32| (first..first + cpus).map(of).collect::<PerCpu<V>>();
        let made = |map_type: MapType| {
            let value_size = size_of::<V>() as u32;
            let (map_type, name, btf, inner) = (map_type.as_raw(), "narrow", None, None);
            let (key_size, max_entries, map_flags) = (4, 8, 0);
            Create { map_type, name, key_size, value_size, max_entries, map_flags, btf, inner }
                .create()
        };
        let options = OpenOptions::new().allow_sizes_only(true);
        let map: HashMap<u32, PerCpu<V>> = options.from_fd(made(MapType::PERCPU_HASH)?)?;
        map.insert(&1, &values(10))?;
        map.insert_batch(&[2, 3], &[values(20), values(30)])?;
        for key in 1..=3 {
            assert_eq!(map.get(&key)?, Some(values(key * 10)));
        }
        let mut found = map.iter().collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|(key, _)| *key);
        assert_eq!(found, [(1, values(10)), (2, values(20)), (3, values(30))]);
        let array: Array<PerCpu<V>> = options.from_fd(made(MapType::PERCPU_ARRAY)?)?;
        array.set(7, &values(70))?;
        assert_eq!(array.get(7)?, Some(values(70)));
        // Bytes without a type are taken apart alike.
        let any = AnyMap::from_fd(&map)?;
        let mut entries = any.entries();
        while let Some(entry) = entries.next_entry() {
            let (key, value) = entry?;
            let key = u32::from_ne_bytes(key.try_into()?);
            let parts = any.values(value).map(bpfmap::from_bytes::<V>);
            assert_eq!(parts.collect::<Option<PerCpu<V>>>(), Some(values(key * 10)));
        }
        Ok(())
    }
    tried::<u32>(|n| n)?;
    tried::<u8>(|n| n as u8)?;
    tried::<[u32; 3]>(|n| [n, n + 1, n + 2])
}

fn more_cpus_than_memory_can_hold_are_refused() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let open = || with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array");
    match fault::with_possible_cpus(usize::MAX / 4, open) {
        Err(Error::Kernel(error)) => assert_eq!(error.errno(), libc::EOVERFLOW),
        other => panic!("{other:?}"),
    }
    Ok(())
}
