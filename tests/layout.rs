//! The table, as text and as constants.

use bpfmap::{
    Be16, Be32, BpfEnum, BpfLayout, BpfMapKey, BpfMapValue, Counterpart, Enum, Kind, Pad, SpinLock,
};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Endpoint {
    addr: Be32,
    port: Be16,
    #[bpf(name = "zone_id")]
    zone: u16,
}

#[derive(BpfEnum, Clone, Copy)]
#[repr(u32)]
enum Verdict {
    _Pass = 1,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Flow {
    lock: SpinLock,
    verdict: Enum<Verdict>,
    from: Endpoint,
    to: [Endpoint; 2],
    #[bpf(pointer)]
    next: u64,
    #[bpf(bitfields)]
    flags: u32,
    #[bpf(arm_of = "peer", name = "v4")]
    addr: Be32,
    #[bpf(arm_of_union, allow(signedness))]
    state: i16,
    #[bpf(opaque)]
    blob: [u8; 6],
    _reserved: [u8; 5],
    pad: Pad<3>,
}

#[test]
fn a_layout_is_drawn_with_all_that_it_says() {
    assert_eq!(
        Flow::LAYOUT.to_string(),
        "\
Flow: 64 bytes, alignment 8
  offset  size  field      type
  0       4     lock       SpinLock
  4       4     verdict    Enum<Verdict>
  8       8     from       Endpoint
  8       4     from.addr  Be32
  12      2     from.port  Be16
  14      2     from.zone  u16, `zone_id` in BTF
  16      16    to         [Endpoint; 2]
  32      8     next       u64, a pointer
  40      4     flags      u32, bitfields
  44      4     addr       Be32, an arm of `peer`, `v4` in BTF
  48      2     state      i16, an arm of a union, of any sign
  50      6     blob       [u8; 6], opaque
  56      5     _reserved  [u8; 5]
  61      3     pad        Pad<3>
"
    );
    assert_eq!(<[[u16; 3]; 2]>::LAYOUT.to_string(), "[[u16; 3]; 2]: 12 bytes, alignment 2\n");
    assert_eq!(u8::LAYOUT.to_string(), "u8: 1 byte, alignment 1\n");
}

/// All of it can be asked at compile time.
const _: () = {
    let fields = Flow::LAYOUT.fields();
    assert!(Flow::LAYOUT.size() == 64 && Flow::LAYOUT.align() == 8);
    assert!(fields.len() == 11 && fields[3].offset() == 16 && fields[3].size() == 16);
    assert!(matches!(fields[0].layout().kind(), Kind::KernelOwned { .. }));
    assert!(matches!(fields[3].layout().kind(), Kind::Array { len: 2, .. }));
    assert!(matches!(fields[4].counterpart(), Counterpart::Pointer));
    assert!(fields[7].allowed().signedness && !fields[7].allowed().byte_order);
    assert!(fields[9].is_padding() && fields[10].is_padding() && !fields[8].is_padding());
};
