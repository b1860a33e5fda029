use bpfmap::{BpfMapKey, BpfMapValue};

#[derive(BpfMapValue, Clone, Copy)]
#[repr(u32)]
enum Verdict {
    Pass = 1,
    Drop = 2,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
union Address {
    v4: u32,
    v6: [u32; 4],
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Nothing {}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Unit;

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Borrowing<'a> {
    name: &'a str,
}

fn main() {
    // The one mistake is reported once, and not again at each use.
    fn is_value<T: BpfMapValue>() {}
    is_value::<Verdict>();
    is_value::<Address>();
    is_value::<Nothing>();
}
