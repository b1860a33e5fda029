use bpfmap::BpfEnum;

#[derive(BpfEnum, Clone, Copy)]
enum WithoutInteger {
    A = 1,
}

#[derive(BpfEnum, Clone, Copy)]
#[repr(u32)]
enum WithData {
    A(u8),
    B { b: u8 },
}

#[derive(BpfEnum, Clone, Copy)]
#[repr(C)]
struct Struct {
    a: u8,
}

fn main() {}
