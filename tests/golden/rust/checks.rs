// Written by `BPFMAP_BLESS=1 cargo test --test generated`.

pub mod bloom;
pub fn bloom(check: &mut crate::Check<'_>) {
    check.map::<bloom::Seen>("seen");
}

pub mod declared;
pub fn declared(check: &mut crate::Check<'_>) {
    check.without("events");
    check.without("jumps");
    check.map::<declared::Tenants>("tenants");
    check.without("samples");
    check.map::<declared::QueueMap>("queue");
    check.map::<declared::Routes>("routes");
    check.map::<declared::Legacy>("legacy");
    check.map::<declared::DataMap>(".data");
    check.without("scheduler");
}

pub mod findings;
pub fn findings(check: &mut crate::Check<'_>) {
    check.map::<findings::HoledMap>("holed");
    check.map::<findings::FlagsMap>("flags");
    check.map::<findings::Hidden>("hidden");
    check.map::<findings::OptionMap>("Option");
    check.map::<findings::HashMapMap>("HashMap");
    check.map::<findings::Addresses>("addresses");
    check.map::<findings::Pairs>("pairs");
    check.map::<findings::Pointers>("pointers");
    check.map::<findings::Routes>("routes");
    check.map::<findings::PackedMap>("packed");
    check.map::<findings::NamelessMap>("nameless");
    check.map::<findings::EmptyMap>("empty");
}

pub mod flows;
pub fn flows(check: &mut crate::Check<'_>) {
    check.map::<flows::Flows>("flows");
}

pub mod globals;
pub fn globals(check: &mut crate::Check<'_>) {
    check.map::<globals::Plain>("plain");
    check.map::<globals::BssMap>(".bss");
    check.map::<globals::DataMap>(".data");
    check.map::<globals::DataHotMap>(".data.hot");
    check.map::<globals::RodataMap>(".rodata");
}

pub mod inner;
pub fn inner(check: &mut crate::Check<'_>) {
    check.map::<inner::Tenant>("tenant");
    check.map::<inner::Other>("other");
    check.map::<inner::Tenants>("tenants");
    check.map::<inner::Slots>("slots");
    check.map::<inner::Sockets>("sockets");
}

pub mod kinds;
pub fn kinds(check: &mut crate::Check<'_>) {
    check.map::<kinds::HashMap2>("hash");
    check.map::<kinds::Twins>("twins");
    check.map::<kinds::Small>("small");
    check.map::<kinds::Lru>("lru");
    check.map::<kinds::Percpu>("percpu");
    check.map::<kinds::ArrayMap>("array");
    check.map::<kinds::ANameLongerThanTheKernelKeeps>("a_name_longer_than_the_kernel_keeps");
    check.map::<kinds::Keys>("keys");
    check.map::<kinds::QueueOfValues>("queue_of_values");
    check.map::<kinds::QueueOfValuesOlder>("queue_of_values_older");
    check.map::<kinds::QueueMap>("queue");
    check.map::<kinds::StackMap>("stack");
    check.map::<kinds::Untyped>("untyped");
    check.map::<kinds::Legacy>("legacy");
}

pub mod maps;
pub fn maps(check: &mut crate::Check<'_>) {
    check.without("events");
    check.map::<maps::PercpuArray>("percpu_array");
    check.map::<maps::PercpuHash>("percpu_hash");
    check.map::<maps::Mapped>("mapped");
    check.map::<maps::Large>("large");
    check.map::<maps::LruPercpuHash>("lru_percpu_hash");
    check.map::<maps::Lru>("lru");
    check.map::<maps::LockedMap>("locked");
    check.map::<maps::LockedArray>("locked_array");
    check.map::<maps::ArrayMap>("array");
    check.map::<maps::Routes>("routes");
    check.map::<maps::BssMap>(".bss");
    check.ty::<maps::Opened>("opened");
    check.ty::<maps::Closed>("closed");
}

pub mod older;
pub fn older(check: &mut crate::Check<'_>) {
    check.map::<older::HashMap2>("hash");
    check.map::<older::Twins>("twins");
    check.map::<older::Small>("small");
    check.map::<older::Lru>("lru");
    check.map::<older::Percpu>("percpu");
    check.map::<older::ArrayMap>("array");
    check.map::<older::ANameLongerThanTheKernelKeeps>("a_name_longer_than_the_kernel_keeps");
    check.map::<older::Keys>("keys");
    check.map::<older::QueueOfValues>("queue_of_values");
    check.map::<older::QueueOfValuesOlder>("queue_of_values_older");
    check.map::<older::QueueMap>("queue");
    check.map::<older::StackMap>("stack");
    check.map::<older::Untyped>("untyped");
    check.map::<older::Legacy>("legacy");
}

pub mod rust_ebpf;
pub fn rust_ebpf(check: &mut crate::Check<'_>) {
    check.map::<rust_ebpf::ArrayMap>("ARRAY");
    check.map::<rust_ebpf::Events>("EVENTS");
    check.map::<rust_ebpf::Flows>("FLOWS");
    check.map::<rust_ebpf::Percpu>("PERCPU");
    check.map::<rust_ebpf::Ports>("PORTS");
    check.map::<rust_ebpf::Legacy>("LEGACY");
    check.map::<rust_ebpf::Unseen>("UNSEEN");
    check.map::<rust_ebpf::BssMap>(".bss");
    check.map::<rust_ebpf::DataMap>(".data");
}

pub mod shapes;
pub fn shapes(check: &mut crate::Check<'_>) {
    check.map::<shapes::IntegersMap>("integers");
    check.map::<shapes::OrdersMap>("orders");
    check.map::<shapes::EnumsMap>("enums");
    check.map::<shapes::NestedMap>("nested");
    check.map::<shapes::HolesMap>("holes");
    check.map::<shapes::PaddingMap>("padding");
    check.map::<shapes::PackedMap>("packed");
    check.map::<shapes::AnonymousMap>("anonymous");
    check.map::<shapes::UnionsMap>("unions");
    check.map::<shapes::BitfieldsMap>("bitfields");
    check.map::<shapes::PointersMap>("pointers");
    check.map::<shapes::ArmsMap>("arms");
    check.map::<shapes::BitsMap>("bits");
    check.map::<shapes::KernelOwnedMap>("kernel_owned");
    check.map::<shapes::OddMap>("odd");
    check.map::<shapes::NewtypesMap>("newtypes");
    check.map::<shapes::FlexibleMap>("flexible");
    check.map::<shapes::Scalar>("scalar");
    check.map::<shapes::Bytes>("bytes");
    check.map::<shapes::AnInner>("an_inner");
    check.map::<shapes::AnArray>("an_array");
    check.map::<shapes::AnLru>("an_lru");
    check.map::<shapes::ANameLongerThanTheKernelKeeps>("a_name_longer_than_the_kernel_keeps");
    check.map::<shapes::SizesOnly>("sizes_only");
    check.without(".bss");
}

pub mod storage;
pub fn storage(check: &mut crate::Check<'_>) {
    check.map::<storage::Inodes>("inodes");
    check.map::<storage::Cgroups>("cgroups");
}

pub mod tasks;
pub fn tasks(check: &mut crate::Check<'_>) {
    check.map::<tasks::Tasks>("tasks");
}

pub mod values;
pub fn values(check: &mut crate::Check<'_>) {
    check.map::<values::NumbersMap>("numbers");
    check.map::<values::OrdersMap>("orders");
    check.map::<values::PartsMap>("parts");
    check.map::<values::TightMap>("tight");
    check.map::<values::BitsMap>("bits");
    check.map::<values::WideMap>("wide");
    check.map::<values::RealMap>("real");
    check.map::<values::TextMap>("text");
    check.map::<values::FlexibleMap>("flexible");
    check.map::<values::Scalar>("scalar");
    check.map::<values::PerCpuMap>("per_cpu");
    check.map::<values::PerCpuArray>("per_cpu_array");
    check.map::<values::NameOfMoreThan15Bytes>("name_of_more_than_15_bytes");
    check.map::<values::Routes>("routes");
    check.map::<values::Untyped>("untyped");
    check.map::<values::QueueMap>("queue");
}
