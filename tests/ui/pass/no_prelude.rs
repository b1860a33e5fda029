//! Without the prelude, nothing that the derives write is in scope.

#![no_implicit_prelude]
#![forbid(unsafe_code)]

#[derive(::bpfmap::BpfMapKey, ::core::clone::Clone, ::core::marker::Copy)]
#[repr(C)]
struct Key<T> {
    a: ::bpfmap::Be32,
    b: T,
}

#[derive(::bpfmap::BpfMapValue, ::core::clone::Clone, ::core::marker::Copy)]
#[repr(C)]
struct Value {
    #[bpf(pointer)]
    a: u64,
    #[bpf(allow(signedness))]
    b: ::bpfmap::Enum<Verdict>,
    pad: ::bpfmap::Pad<4>,
}

#[derive(::bpfmap::BpfEnum, ::core::clone::Clone, ::core::marker::Copy)]
#[repr(u32)]
enum Verdict {
    Pass = 1,
}

::bpfmap::assert_layout!(Key<u32>);

fn main() {
    ::core::assert!(::core::matches!(
        ::bpfmap::Enum::<Verdict>::from_int(1).get(),
        ::core::option::Option::Some(Verdict::Pass)
    ));
    let _: Value = ::bpfmap::zeroed();
    let _: Key<u32> = ::bpfmap::zeroed();
}
